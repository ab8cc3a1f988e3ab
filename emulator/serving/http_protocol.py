"""HTTP/1.0 and 1.1 as uvicorn speaks them, within bounds of size and time.

What comes before a body is counted while it comes, so that no head is kept that is
larger than a request may have.  What does not come in time ends the connection.
"""

import asyncio
import re
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT

from emulator.serving.http_connection import HttpConnection
from emulator.serving.http_exchange import HttpExchange
from emulator.serving.http_refusals import HttpRefusal, refuse_request

# The target of a proxy's request
ABSOLUTE_TARGET = re.compile(rb"(?i)https?://([^/?#]+)")
VERSIONS = frozenset({"1.0", "1.1"})
# The headers by which the parser finds the end of a request
FRAMING_HEADERS = frozenset({b"content-length", b"transfer-encoding", b"connection"})
# Those that decide what is done with a request, and those of most requests
WATCHED_HEADERS = frozenset({b"host", b"transfer-encoding", b"expect"})
PLAIN = [b"host"]

Headers = list[tuple[bytes, bytes]]


class HttpProtocol(HttpConnection):
    """One connection: requests in, answers out, in step.

    An offer of another protocol is ignored (RFC 9110, 7.8).  The parser takes what
    follows it for that protocol, so another one gets the same head without it.

    A target that names a host, as a proxy is asked, counts instead of the ``Host``
    (RFC 9112, 3.2.2).
    """

    _offer: Headers | None = None  # a head that is parsed once more
    _line = _headers = _count = 0  # bytes and lines of a head so far
    _watched: list[bytes]  # the headers of a head that decide what is done with it
    _unparsed = 0  # bytes since the last callback of the parser
    _discarded = 0  # bytes of a body since its answer

    def data_received(self, data: bytes) -> None:
        if self.refusal or self.is_ended:
            return
        self._unparsed += len(data)
        left: bytes | memoryview = data
        while left and not self.refusal:
            try:
                self.parser.feed_data(left)
                break
            except httptools.HttpParserUpgrade as upgrade:
                left = memoryview(left)[upgrade.args[0] :]  # without a copy
                self._parse_without_offer()
            except httptools.HttpParserError as error:
                self.refuse_rest(refuse_request(f"this is no HTTP: {_to_ascii(error)}"))
        if self._unparsed > self.limits.headers:
            self._refuse_size()
        self.watch_time()

    # --- What the parser tells --------------------------------------------------------

    def on_message_begin(self) -> None:
        if self.refusal:
            return
        self._line = self._headers = self._count = self._unparsed = 0
        self._watched = []
        self.is_in_head, self.phase = True, None
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._line += len(url)
        self._unparsed = 0
        if self._line > self.limits.line:
            self._refuse_size()
        elif not self.refusal:
            self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers += len(name) + len(value) + len(b": \r\n")
        self._count += 1
        self._unparsed = 0
        limits = self.limits
        if self._headers > limits.headers or self._count > limits.count:
            self._refuse_size()
        elif self.is_in_head and not self.refusal:  # a trailer is counted only
            name = name.lower()
            if name in WATCHED_HEADERS:
                self._watched.append(name)
            self.headers.append((name, value))

    def on_headers_complete(self) -> None:
        method = self.parser.get_method()
        self._line += len(method) + len(b"  HTTP/1.1")
        self._unparsed = 0
        if self._line > self.limits.line:
            self._refuse_size()
        if self.refusal:
            return
        if self.parser.should_upgrade() and method != b"CONNECT":
            self._offer = self.headers
            return
        if self._offer is not None:
            self.headers[:], self._offer = self._offer, None
            self._watched = [n for n, _ in self.headers if n in WATCHED_HEADERS]
        version = self.parser.get_http_version()
        is_plain = self._watched == PLAIN and self.url[:1] == b"/" and version == "1.1"
        if not is_plain or method == b"CONNECT":
            for refusal in self._list_mistakes(method, version):
                self.refuse_rest(refusal)
                return
        self.is_in_head = self.is_whole = False
        self.phase, self._discarded = None, 0
        self._begin_exchange(method, version)

    def on_body(self, body: bytes) -> None:
        self._unparsed = 0
        if self.is_whole or self.refusal:
            return
        exchange = self.cycle
        if not exchange.response_complete:
            exchange.body += body
            if len(exchange.body) > HIGH_WATER_LIMIT:
                self.flow.pause_reading()
            exchange.message_event.set()
            return
        self._discarded += len(body)
        if self._discarded > self.limits.discard:
            self.transport.abort()

    def on_message_complete(self) -> None:
        self._unparsed = 0
        if self.is_whole or self.refusal:
            return
        self.is_whole = True
        if not self.cycle.response_complete:
            self.cycle.more_body = False
            self.cycle.message_event.set()

    # --- Requests ---------------------------------------------------------------------

    def _parse_without_offer(self) -> None:
        """Have the head whose offer stopped the parser parsed by a new one."""
        if self._offer is None:
            return
        method, version = self.parser.get_method(), self.parser.get_http_version()
        lines = [b"%b %b HTTP/%b" % (method, self.url, version.encode())]
        lines += (
            b"%b: %b" % each for each in self._offer if each[0] in FRAMING_HEADERS
        )
        parser = httptools.HttpRequestParser(self)
        parser.set_dangerous_leniencies(lenient_data_after_close=True)
        self.parser = parser
        parser.feed_data(b"\r\n".join([*lines, b"", b""]))

    def _list_mistakes(self, method: bytes, version: str) -> Iterator[HttpRefusal]:
        """Yield why this head is not served, if it is not."""
        if version not in VERSIONS:
            why = f"HTTP/{version} is not served, only HTTP/1.0 and HTTP/1.1"
            yield HttpRefusal(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, why)
        if method == b"CONNECT":
            yield HttpRefusal(HTTPStatus.NOT_IMPLEMENTED, "CONNECT is for proxies")
        hosts = self._watched.count(b"host")
        if hosts > 1:
            yield refuse_request("a request has one Host header")
        if hosts == 0 and version == "1.1":
            yield refuse_request("a request of HTTP/1.1 has a Host header")
        is_target = self.url[:1] == b"/" or ABSOLUTE_TARGET.match(self.url)
        if not (is_target or (self.url, method) == (b"*", b"OPTIONS")):
            yield refuse_request("the target is neither a path nor a URL of HTTP")
        for name, value in self.headers:
            if name == b"transfer-encoding":
                if version == "1.0":
                    yield refuse_request("HTTP/1.0 has no Transfer-Encoding")
                if value.lower() != b"chunked":
                    why = "of all transfer codings only chunked is known"
                    yield HttpRefusal(HTTPStatus.NOT_IMPLEMENTED, why)

    def _begin_exchange(self, method: bytes, version: str) -> None:
        """Let the application answer the request, once it is its turn."""
        if self.url[:1] != b"/" and (target := ABSOLUTE_TARGET.match(self.url)):
            others = (each for each in self.headers if each[0] != b"host")
            self.headers[:] = [(b"host", target[1]), *others]
        url = httptools.parse_url(self.url)
        path = url.path or b"/"
        text = path.decode("ascii")
        scope: Any = self.scope
        scope["method"] = method.decode("ascii")
        scope["http_version"] = version
        scope["path"] = unquote(text) if "%" in text else text
        scope["raw_path"] = path
        scope["query_string"] = url.query or b""
        self.cycle = HttpExchange(
            scope=scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=b"expect" in self._watched
            and version != "1.0"
            and _awaits_continue(self.headers),
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )
        self.cycle.connection = self
        self.queue_exchange(self.cycle)

    def _refuse_size(self) -> None:
        limits = self.limits
        status = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
        why = (
            f"headers may have {limits.headers} bytes (--header-limit) "
            f"in {limits.count} lines (--max-headers)"
        )
        if self._line > limits.line:
            status = HTTPStatus.REQUEST_URI_TOO_LONG
            why = (
                f"the request line may have {limits.line} bytes (--request-line-limit)"
            )
        self.refuse_rest(HttpRefusal(status, why))


def _awaits_continue(headers: Headers) -> bool:
    return any(
        name == b"expect" and value.lower() == b"100-continue"
        for name, value in headers
    )


def _to_ascii(error: Exception) -> str:
    return " ".join(str(error).encode("ascii", "replace").decode().split())
