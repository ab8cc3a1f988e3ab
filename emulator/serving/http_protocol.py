"""HTTP/1.1 as uvicorn speaks it, with bounds on the head of a request.

What comes before a body is counted while it comes, so that no head is kept that is
larger than a request may have.
"""

import re
from email.utils import formatdate

import orjson
from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

UPGRADE_HEADER = re.compile(rb"(?m)^[Uu]pgrade(?=:)")
HIDDEN_HEADER = b"x-emulator-offer"  # what the parser does not know
ABSOLUTE_TARGET = re.compile(
    rb"(?i)https?://([^/?#]*)"
)  # the target of a proxy's request
KIBIBYTE = 1024
LINGER_SECONDS = 1.0  # seconds that a client has to read why the connection ends


class HeadLimits(Struct, frozen=True):
    """How large the head of a request may be."""

    line: int = 16 * KIBIBYTE  # bytes of its first line
    headers: int = 64 * KIBIBYTE  # bytes of all header lines together
    count: int = 100  # header lines


class HttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, which an offer of another protocol does not disturb.

    An offer may be ignored (RFC 9110, 7.8), but the parser takes what follows it for
    that protocol, and the body is lost. Java's own client makes one with each request.

    A target that names a host, as a proxy is asked, counts instead of the ``Host``
    (RFC 9112, 3.2.2).

    A request whose first line is too long is answered with 414, one whose header lines
    (or trailers) are too many or too large with 431; then the connection ends.
    """

    limits = HeadLimits()
    _has_offer = False
    _is_in_head = True
    _refusal = b""  # the answer to a head that is too large
    _line = _headers = _count = 0  # bytes and lines of a head so far
    _unparsed = 0  # bytes since the last callback of the parser

    def data_received(self, data: bytes) -> None:
        if self._refusal:
            return
        if b"pgrade:" in data and (self.cycle is None or self.cycle.response_complete):
            head, blank, body = data.partition(b"\r\n\r\n")
            data = UPGRADE_HEADER.sub(HIDDEN_HEADER, head) + blank + body
            self._has_offer = True
        self._unparsed += len(data)
        super().data_received(data)
        self._refuse_large_head()

    # --- What the parser tells ------------------------------------------------------

    def on_message_begin(self) -> None:
        self._line = self._headers = self._count = self._unparsed = 0
        self._is_in_head = True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._line += len(url)
        self._unparsed = 0
        if self._line <= self.limits.line:
            super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers += len(name) + len(value) + len(b": \r\n")
        self._count += 1
        self._unparsed = 0
        if self._is_in_head and not self._is_too_large():  # a trailer is counted only
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        method = self.parser.get_method()
        self._line += len(method) + len(b"  HTTP/1.1")
        self._unparsed = 0
        if self._is_too_large() or self._refusal:
            return
        self._is_in_head = False
        if self.url[:1] != b"/" and (target := ABSOLUTE_TARGET.match(self.url)):
            others = (each for each in self.headers if each[0] != b"host")
            self.headers[:] = [(b"host", target[1]), *others]
        if self._has_offer:
            self._has_offer = False
            shown = (
                (b"upgrade" if name == HIDDEN_HEADER else name, value)
                for name, value in self.headers
            )
            self.headers[:] = [*shown]
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        if not self._is_in_head:
            super().on_body(body)

    def on_message_complete(self) -> None:
        self._unparsed = 0
        if not self._is_in_head:
            super().on_message_complete()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        if self._refusal and not self.transport.is_closing():
            self._send_refusal()

    # --- Heads that are too large ----------------------------------------------------

    def _is_too_large(self) -> bool:
        limits = self.limits
        return (
            self._line > limits.line
            or self._headers > limits.headers
            or self._count > limits.count
        )

    def _refuse_large_head(self) -> None:
        """Answer a head that is too large, after the answers under way."""
        is_endless = self._unparsed > self.limits.headers
        if self._refusal or not (self._is_too_large() or is_endless):
            return
        self._refusal = self._render_refusal()
        cycle = self.cycle
        if cycle is None or cycle.response_complete:
            self._send_refusal()
        elif not self._is_in_head:  # trailers: of the request that is being answered
            cycle.disconnected = True
            cycle.message_event.set()
            if cycle.response_started:
                self.transport.close()
            else:
                self._send_refusal()

    def _render_refusal(self) -> bytes:
        limits = self.limits
        if self._line > limits.line:
            status, phrase = b"414 URI Too Long", "La direccion es demasiado larga"
            why = (
                f"the request line may have {limits.line} bytes (--request-line-limit)"
            )
        else:
            status = b"431 Request Header Fields Too Large"
            phrase = "Los encabezados son demasiado grandes"
            why = (
                f"headers may have {limits.headers} bytes (--header-limit) "
                f"in {limits.count} lines (--max-headers)"
            )
        detail = {"information": phrase, "status_code": int(status[:3])}
        body = orjson.dumps({"error": detail})
        return b"\r\n".join(
            (
                b"HTTP/1.1 " + status,
                b"content-type: application/json",
                b"content-length: %d" % len(body),
                b"x-emulator-why: " + why.encode(),
                b"date: " + formatdate(usegmt=True).encode(),
                b"connection: close",
                b"",
                body,
            )
        )

    def _send_refusal(self) -> None:
        """Answer, and disconnect once the client has had time to read that."""
        self.transport.write(self._refusal)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()
