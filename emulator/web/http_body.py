"""What goes over an HTTP connection: a body read within bounds, an answer sent."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import msgspec
import orjson
from msgspec import Struct, field
from starlette.types import Message, Scope, Send

from emulator.domain.dates import SECOND
from emulator.domain.refusals import TOO_LARGE, UNREADABLE, Refusal

Header = tuple[bytes, bytes]
Headers = Mapping[bytes, bytes]  # of a request; names in lower case

JSON = b"application/json"
PLAIN = b"text/plain; charset=utf-8"
HTML = b"text/html; charset=utf-8"
NO_ANSWER = 0  # the status of what never went out
START, BODY = "http.response.start", "http.response.body"
BIG = 64 * 1024  # octets; above it others are let in between two steps


class Answer(Struct):
    """An HTTP answer: a body, slices with others let in between, or a live stream."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    slices: Iterator[bytes] | None = None
    stream: AsyncIterator[bytes] | None = None

    @property
    def has_body(self) -> bool:
        """Whether any byte follows the headers."""
        return bool(self.body) or not (self.slices is None and self.stream is None)

    async def send(
        self, send: Send, *headers_too: Header, bodiless: bool = False
    ) -> None:
        """Send the answer; *bodiless* is the answer to a HEAD."""
        headers = [(b"content-type", self.content_type), *self.headers, *headers_too]
        whole = self.slices is None and self.stream is None
        if whole:
            headers.append((b"content-length", b"%d" % len(self.body)))
        await send({"type": START, "status": self.status, "headers": headers})
        if not whole and not bodiless:
            await self._send_parts(send)
        await send({"type": BODY, "body": b"" if bodiless else self.body})

    async def _send_parts(self, send: Send) -> None:
        if self.slices is not None:
            for octets in self.slices:
                await send({"type": BODY, "body": octets, "more_body": True})
                await asyncio.sleep(0)
        if self.stream is not None:
            async for octets in self.stream:
                await send({"type": BODY, "body": octets, "more_body": True})


async def gathered(answer: Answer) -> Answer:
    """Return *answer* with its slices in its body; others are let in between them."""
    if answer.slices is not None:
        parts = []
        for octets in answer.slices:
            parts.append(octets)
            await asyncio.sleep(0)
        answer.body, answer.slices = b"".join(parts), None
    return answer


def encoded(content: Any) -> bytes:
    """Return *content* as JSON."""
    return orjson.dumps(content)


def listed(
    head: Mapping[str, Any], key: str, rows: Iterable[list[Any]]
) -> Iterator[bytes]:
    """Yield *head* as JSON with one more *key*: an array, a piece for every slice."""
    yield encoded(head)[:-1] + b"," + encoded(key) + b":["
    comma = b""
    for piece in rows:
        yield comma + encoded(piece)[1:-1]
        comma = b","
    yield b"]}"


def headers(scope: Scope) -> Headers:
    """Return the headers by name, in lower case; of equal ones the first."""
    return dict(reversed(scope["headers"]))


def texts(headers: Headers) -> dict[str, str]:
    """Return *headers* as text."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers.items()
    }


class _Date:
    """The last ``Date`` header and the second that it holds for."""

    def __init__(self) -> None:
        self._start = self._end = datetime.min.replace(tzinfo=UTC)
        self._header = (b"date", b"")

    def header(self, now: datetime) -> tuple[bytes, bytes]:
        """Return the header of what is answered *now*, whose offset is UTC."""
        if not self._start <= now < self._end:  # cheaper than a look-up
            self._start = now.replace(microsecond=0)
            self._end = self._start + SECOND
            octets = format_datetime(self._start, usegmt=True).encode()
            self._header = (b"date", octets)
        return self._header


dated = _Date().header


def readable(text: str) -> bytes:
    """Return *text* as the value of a header: one line of ASCII."""
    return " ".join(text.split()).encode("ascii", "backslashreplace")


class Body:
    """The body of a request, taken message by message.

    Refuses more octets than a *limit*, announced or sent, and a client that hangs up.
    """

    def __init__(self, headers: Headers, *, limit: int) -> None:
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            raise _too_large(limit)
        self.is_missing = True
        self._chunks: list[bytes] = []
        self._limit = self._left = limit

    def take(self, message: Message) -> None:
        """Take the next message of the connection."""
        if message["type"] == "http.disconnect":
            raise Refusal(UNREADABLE, "the client hung up before the end of the body")
        chunk = message.get("body", b"")
        self._chunks.append(chunk)
        self._left -= len(chunk)
        if self._left < 0:
            raise _too_large(self._limit)
        self.is_missing = message.get("more_body", False)

    def octets(self) -> bytes:
        """Return what has come so far."""
        return b"".join(self._chunks)  # a single one is not copied


def is_json(content_type: bytes) -> bool:
    return content_type.lower().startswith(JSON)


def _too_large(limit: int) -> Refusal:
    why = (
        "the setting body_limit says how large a body may be, "
        "and snapshot_limit for the control API"
    )
    return Refusal(TOO_LARGE, why, limit=limit)


def parsed(octets: bytes) -> Any:
    """Return the JSON in *octets*; of equal keys the last one counts.

    Refuses everything else: NaN, invalid UTF-8, a lone surrogate, an integer or a
    nesting beyond all measure.
    """
    try:
        return msgspec.json.decode(octets)
    except (ValueError, RecursionError) as error:
        why = f"the body is not JSON: {error}" if octets else "the body is empty"
        raise Refusal(UNREADABLE, why) from None
