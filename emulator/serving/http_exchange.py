"""One request over HTTP/1 and its answer, as octets.

It is uvicorn's, with answers that every version of HTTP/1 can read: what has no length
ends, for HTTP/1.0, with the connection.
"""

from typing import Any, Protocol

from starlette.types import Message
from uvicorn.protocols.http.httptools_impl import (
    HEADER_RE,
    HEADER_VALUE_RE,
    STATUS_LINE,
    RequestResponseCycle,
)

BODILESS_STATUSES = frozenset({204, 304})  # source: RFC 9110, 6.4.1


class ExchangeConnection(Protocol):
    """What an exchange asks of the connection that it is on."""

    keep_alive_lines: bytes  # of an answer after which the connection is kept

    def can_be_kept(self, exchange: "HttpExchange") -> bool:
        """Return whether it can be in step after an answer that begins."""

    def close_after_answer(self) -> None:
        """Close it."""


class HttpExchange(RequestResponseCycle):
    """A request as the application gets it, and what it sends."""

    connection: ExchangeConnection
    _has_body = True  # whether the answer may have one
    _ends_with_connection = False  # which is where its body ends

    async def send(self, message: Any) -> None:
        if self.flow.write_paused and not self.disconnected:
            await self.flow.drain()
        if self.disconnected:
            return
        if self.response_complete:
            text = f"{message['type']} was sent after the end of the answer"
            raise RuntimeError(text)
        if self.response_started:
            self._send_body(message)
        else:
            self._send_head(message)

    def _send_head(self, message: Message) -> None:
        _require_type(message, "http.response.start")
        status = message["status"]
        self.response_started = True
        self._has_body = (
            self.scope["method"] != "HEAD" and status not in BODILESS_STATUSES
        )
        is_closed_by_application = False
        lines = [STATUS_LINE[status]]
        for name, value in (*self.default_headers, *message.get("headers", ())):
            if HEADER_RE.search(name) or HEADER_VALUE_RE.search(value):
                text = f"the answer has a header that is none: {name!r}"
                raise RuntimeError(text)
            name = name.lower()  # noqa: PLW2901 - as it is sent
            if name == b"content-length":
                if status in BODILESS_STATUSES:
                    continue  # source: RFC 9110, 8.6
                self.expected_content_length = int(value)
                self.chunked_encoding = False
            elif name == b"connection" and b"close" in value.lower():
                is_closed_by_application = True
            lines += (name, b": ", value, b"\r\n")
        self.keep_alive = (
            self.keep_alive
            and not is_closed_by_application
            and (not self.more_body or self.connection.can_be_kept(self))
        )
        self.waiting_for_100_continue = False
        if self._has_body and self.chunked_encoding is None:
            self.chunked_encoding = self.scope["http_version"] != "1.0"
            self._ends_with_connection = not self.chunked_encoding
            if self.chunked_encoding:
                lines.append(b"transfer-encoding: chunked\r\n")
        if self.keep_alive:
            lines.append(self.connection.keep_alive_lines)
        elif not is_closed_by_application:
            lines.append(b"connection: close\r\n")
        lines.append(b"\r\n")
        self.transport.write(b"".join(lines))

    def _send_body(self, message: Message) -> None:
        _require_type(message, "http.response.body")
        body, more_body = message.get("body", b""), message.get("more_body", False)
        if not self._has_body:
            self.expected_content_length = 0
        elif self.chunked_encoding:
            chunk = b"%x\r\n%b\r\n" % (len(body), body) if body else b""
            self.transport.write(chunk if more_body else chunk + b"0\r\n\r\n")
        else:
            if not self._ends_with_connection:
                self.expected_content_length -= len(body)
            if self.expected_content_length < 0:
                text = "the body is longer than its Content-Length"
                raise RuntimeError(text)
            self.transport.write(body)
        if not more_body:
            if self.expected_content_length:
                text = "the body is shorter than its Content-Length"
                raise RuntimeError(text)
            self.response_complete = True
            self.message_event.set()
            if not self.keep_alive:
                self.connection.close_after_answer()
            self.on_response()


def _require_type(message: Message, wanted: str) -> None:
    if message["type"] != wanted:
        text = f"the application sent {message['type']}, where {wanted} was due"
        raise RuntimeError(text)
