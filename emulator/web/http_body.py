"""Read the body of a request within bounds, and send an answer."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import orjson
from msgspec import Struct, field
from starlette.types import Message, Scope, Send

from emulator.domain.dates import SECOND
from emulator.domain.platform_refusals import TOO_LARGE, UNREADABLE
from emulator.domain.refusals import Refusal
from emulator.web.body_bounds import BodyShare

HeaderPair = tuple[bytes, bytes]
RequestHeaders = Mapping[bytes, bytes]  # of a request; names in lower case

JSON_CONTENT_TYPE = b"application/json"
PLAIN_CONTENT_TYPE = b"text/plain; charset=utf-8"
HTML_CONTENT_TYPE = b"text/html; charset=utf-8"
NO_RESPONSE = 0  # the status where no answer was sent
RESPONSE_START, RESPONSE_BODY = "http.response.start", "http.response.body"
BIG_BODY = 64 * 1024  # bytes; above it other tasks run between two steps


class HttpResponse(Struct):
    """An HTTP answer: a body, slices with other tasks in between, or a live stream."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON_CONTENT_TYPE
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    slices: Iterator[bytes] | None = None
    stream: AsyncIterator[bytes] | None = None

    @property
    def has_body(self) -> bool:
        """Whether any byte follows the headers."""
        return bool(self.body) or not (self.slices is None and self.stream is None)

    async def send(
        self, send: Send, *headers_too: HeaderPair, bodiless: bool = False
    ) -> None:
        """Send the answer; *bodiless* is the answer to a HEAD."""
        headers = [(b"content-type", self.content_type), *self.headers, *headers_too]
        whole = self.slices is None and self.stream is None
        if whole:
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": RESPONSE_START, "status": self.status, "headers": headers})
        if not whole and not bodiless:
            await self._send_parts(send)
        await send({"type": RESPONSE_BODY, "body": b"" if bodiless else self.body})

    async def _send_parts(self, send: Send) -> None:
        if self.slices is not None:
            for octets in self.slices:
                await send({"type": RESPONSE_BODY, "body": octets, "more_body": True})
                await asyncio.sleep(0)
        if self.stream is not None:
            async for octets in self.stream:
                await send({"type": RESPONSE_BODY, "body": octets, "more_body": True})


async def join_slices(response: HttpResponse) -> HttpResponse:
    """Return *response* with its slices in its body; other tasks run between them."""
    if response.slices is not None:
        parts = []
        for octets in response.slices:
            parts.append(octets)
            await asyncio.sleep(0)
        response.body, response.slices = b"".join(parts), None
    return response


def encode_json(content: Any) -> bytes:
    """Return *content* as JSON."""
    return orjson.dumps(content)


def encode_listing(
    head: Mapping[str, Any], key: str, rows: Iterable[list[Any]]
) -> Iterator[bytes]:
    """Yield *head* as JSON with one more *key*: an array, a piece for every slice."""
    yield encode_json(head)[:-1] + b"," + encode_json(key) + b":["
    comma = b""
    for piece in rows:
        yield comma + encode_json(piece)[1:-1]
        comma = b","
    yield b"]}"


def collect_headers(scope: Scope) -> RequestHeaders:
    """Return the headers by name, in lower case; of equal ones the first."""
    return dict(reversed(scope["headers"]))


def decode_headers(headers: RequestHeaders) -> dict[str, str]:
    """Return *headers* as text."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers.items()
    }


class _DateHeader:
    """The last ``Date`` header and the second that it holds for."""

    def __init__(self) -> None:
        self._start = self._end = datetime.min.replace(tzinfo=UTC)
        self._header = (b"date", b"")

    def get_header(self, now: datetime) -> tuple[bytes, bytes]:
        """Return the header for an answer at *now*, which is in UTC."""
        if not self._start <= now < self._end:  # cheaper than formatting it
            self._start = now.replace(microsecond=0)
            self._end = self._start + SECOND
            octets = format_datetime(self._start, usegmt=True).encode()
            self._header = (b"date", octets)
        return self._header


make_date_header = _DateHeader().get_header


def to_header_value(text: str) -> bytes:
    """Return *text* as the value of a header: one line of ASCII."""
    return " ".join(text.split()).encode("ascii", "backslashreplace")


class RequestBody:
    """The body of a request, taken message by message.

    Refuses more octets than a *limit*, announced or sent, more than its *share* has
    room for, and a client that hangs up.
    """

    def __init__(
        self, headers: RequestHeaders, *, limit: int, share: BodyShare
    ) -> None:
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            raise _make_size_refusal(limit)
        self.is_missing = True
        self._chunks: list[bytes] = []
        self._limit = self._left = limit
        self._share = share

    def add_message(self, message: Message) -> None:
        """Take the next message of the connection."""
        if message["type"] == "http.disconnect":
            raise Refusal(UNREADABLE, "the client hung up before the end of the body")
        chunk = message.get("body", b"")
        self._share.take(len(chunk))
        self._chunks.append(chunk)
        self._left -= len(chunk)
        if self._left < 0:
            raise _make_size_refusal(self._limit)
        self.is_missing = message.get("more_body", False)

    def to_bytes(self) -> bytes:
        """Return what has been received so far."""
        octets = b"".join(self._chunks)  # a single one is not copied
        self._chunks = [octets]
        return octets


def is_json(content_type: bytes) -> bool:
    return content_type.lower().startswith(JSON_CONTENT_TYPE)


def _make_size_refusal(limit: int) -> Refusal:
    why = (
        "the setting body_limit says how large a body may be, "
        "and snapshot_limit for the control API"
    )
    return Refusal(TOO_LARGE, why, limit=limit)
