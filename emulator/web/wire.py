"""What goes over an HTTP connection: a body read within bounds, an answer sent."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec
import orjson
from starlette.types import Message, Receive, Scope, Send

from emulator.domain.refusals import TOO_LARGE, UNREADABLE, Refusal
from emulator.faults import Instead

JSON = b"application/json"
PLAIN = b"text/plain; charset=utf-8"
START, BODY = "http.response.start", "http.response.body"
BIG = 64 * 1024  # octets; above it others are let in between two steps


@dataclass(slots=True)
class Answer:
    """An HTTP answer; *slices* follow the body, others are let in between two."""

    status: int
    body: bytes = b""
    content_type: bytes = JSON
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    slices: Iterator[bytes] | None = None

    async def send(self, send: Send, *, bodiless: bool = False) -> None:
        """Send the answer; *bodiless* is the answer to a HEAD."""
        headers = [(b"content-type", self.content_type), *self.headers]
        if self.slices is None:
            headers.append((b"content-length", b"%d" % len(self.body)))
        start = {"type": START, "status": self.status, "headers": headers}
        await send(start)
        if not bodiless and self.slices is not None:
            for octets in self.slices:
                await send(_part(octets, more=True))
                await asyncio.sleep(0)
            await send(_part(b""))
        else:
            await send(_part(b"" if bodiless else self.body))


def _part(body: bytes, *, more: bool = False) -> Message:
    return {"type": BODY, "body": body, "more_body": more}


def injected(effect: Instead) -> Answer:
    """Return the answer that a fault rule spells out."""
    text = isinstance(effect.body, str)
    body = effect.body.encode() if text else encoded(effect.body)
    headers = {name.lower(): value for name, value in effect.headers.items()}
    kind = headers.pop("content-type", None)
    return Answer(
        status=effect.status,
        body=body,
        content_type=readable(kind) if kind else PLAIN if text else JSON,
        headers=[(name.encode(), readable(each)) for name, each in headers.items()],
    )


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


def header(scope: Scope, name: bytes) -> bytes | None:
    """Return the first header called *name*, which is in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            found: bytes = value
            return found
    return None


def headers(scope: Scope) -> dict[str, str]:
    """Return all headers; their names are in lower case, of equal ones the last."""
    return {
        key.decode("latin-1"): value.decode("latin-1")
        for key, value in scope["headers"]
    }


def readable(text: str) -> bytes:
    """Return *text* as the value of a header: one line of ASCII."""
    return " ".join(text.split()).encode("ascii", "backslashreplace")


async def read(scope: Scope, receive: Receive, *, limit: int) -> bytes:
    """Return the request's body.

    Refuses more than *limit* octets, and a client that hangs up before its end.
    """
    announced = header(scope, b"content-length") or b"0"
    chunks, octets = [], 0
    if announced.isdigit() and int(announced) > limit:
        raise _too_large(limit)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refusal(UNREADABLE, "the client hung up before the end of the body")
        chunk = message.get("body", b"")
        octets += len(chunk)
        if octets > limit:
            raise _too_large(limit)
        chunks.append(chunk)
        if not message.get("more_body", False):
            return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _too_large(limit: int) -> Refusal:
    why = "the setting body_limit says how large a body may be"
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
