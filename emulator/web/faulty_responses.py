"""What a fault makes of an answer: another, a late one, a part of it, or none.

The transport is uvicorn's, found behind its ``send``.  An application that is called
in process has none; there ``ConnectionBroken`` is raised, and the caller makes of it
what a client sees of a broken connection.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
)
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from typing import Any

from msgspec import Struct
from starlette.types import Message, Receive, Send

from emulator.domain.refusals import Refusal, RefusalReason
from emulator.faults import TICKETS, DelayedResponse
from emulator.faults.effects.wire import WireFailure
from emulator.operations.call import OperationCall
from emulator.web import http_response
from emulator.web.http_request import ApiProfile, RequestContext
from emulator.web.http_response import RESPONSE_BODY, HeaderPair, HttpResponse
from emulator.web.waiting import ClientDisconnected, wait_for_disconnect, wait_until
from emulator.world import World

DRIP_CHUNKS = 20  # pieces that a body drips in
LINGER_ZERO = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # with a RST
CarryOut = Callable[[], Awaitable[HttpResponse]]
# Placeholders in the sentences of refusals
REFUSAL_BLANKS = ("field", "field_of", "limit", "mark", "other", "service")


class StruckHttpCall(Struct, frozen=True, kw_only=True):
    """One call that a rule strikes (``HttpCall``)."""

    rule_id: str
    call_number: int
    seed: int
    right_response: HttpResponse  # without the fault; a 200 if not executed
    carry_out: CarryOut
    api: ApiProfile
    context: RequestContext
    call: OperationCall

    def make_refusal(
        self, reason: RefusalReason, *, status: int | None, headers: Mapping[str, str]
    ) -> HttpResponse:
        why = f"the fault {self.rule_id} asked for it"
        refusal = Refusal(reason, why, **dict.fromkeys(REFUSAL_BLANKS, "..."))
        self.context.why = refusal.why
        answer = self.api.render_refusal(refusal, self.context)
        answer.status = status or answer.status
        return _add_headers(answer, headers)

    def make_response(
        self, status: int, body: Any, headers: Mapping[str, str]
    ) -> HttpResponse:
        if isinstance(body, str):
            return _add_headers(
                HttpResponse(status, body.encode(), http_response.PLAIN_CONTENT_TYPE),
                headers,
            )
        return _add_headers(
            HttpResponse(status, http_response.encode_json(body)), headers
        )

    def make_empty_response(
        self, status: int, headers: Mapping[str, str]
    ) -> HttpResponse:
        return _add_headers(HttpResponse(status), headers)

    def replace_body(self, body: bytes) -> HttpResponse:
        right = self.right_response
        return HttpResponse(right.status, body, right.content_type, right.headers)

    def hang_request(self) -> HttpResponse:
        return self._lose_response(WireFailure.HANG)

    def close_connection(self) -> HttpResponse:
        return self._lose_response(WireFailure.CLOSE)

    def reset_connection(self) -> HttpResponse:
        return self._lose_response(WireFailure.RESET)

    async def truncate_body(self) -> HttpResponse:
        return TruncatedResponse(
            *await self._join_parts(), receive=self.context.receive
        )

    async def drip_response(self, seconds: timedelta) -> HttpResponse:
        return DrippingResponse(
            *await self._join_parts(),
            seconds=seconds,
            delayed=self._make_delay(seconds),
            world=self.context.world,
            receive=self.context.receive,
        )

    @asynccontextmanager
    async def delay_response(self, by: timedelta) -> AsyncIterator[None]:
        world, delayed = self.context.world, self._make_delay(by)
        with _track_delay(world, delayed):
            await wait_until(delayed.due, world, self.context.receive)
            yield

    def _lose_response(self, failure: WireFailure) -> HttpResponse:
        receive = self.context.receive
        return LostResponse(http_response.NO_RESPONSE, failure=failure, receive=receive)

    async def _join_parts(self) -> tuple[int, bytes, bytes, list[HeaderPair]]:
        whole = await http_response.join_slices(self.right_response)
        return whole.status, whole.body, whole.content_type, whole.headers

    def _make_delay(self, by: timedelta) -> DelayedResponse:
        return DelayedResponse(
            self.call.now + by, self.context.operation.id, self.rule_id
        )


class ConnectionBroken(ConnectionError):  # noqa: N818 - a test asked for it
    """A fault broke the connection of a call in process."""


class LostResponse(HttpResponse, kw_only=True):
    """Sends no answer."""

    failure: WireFailure
    receive: Receive

    async def send(self, send: Send, *_: HeaderPair, bodiless: bool = False) -> None:  # noqa: ARG002 - there is nothing to leave out
        await _break_connection(send, self.receive, self.failure)


class TruncatedResponse(HttpResponse, kw_only=True):
    """Sends all headers and half of the body, then closes the connection."""

    receive: Receive

    async def send(self, send: Send, *too: HeaderPair, bodiless: bool = False) -> None:
        async def halved(message: Message) -> None:
            if message["type"] == RESPONSE_BODY:
                body = message["body"][: len(message["body"]) // 2]
                message = {"type": RESPONSE_BODY, "body": body, "more_body": True}
            await send(message)

        await HttpResponse.send(self, halved, *too, bodiless=bodiless)
        await _break_connection(send, self.receive, WireFailure.TRUNCATED)


class DrippingResponse(HttpResponse, kw_only=True):
    """Sends the headers at once and the body in pieces."""

    seconds: timedelta  # of the world
    delayed: DelayedResponse  # until the last piece
    world: World
    receive: Receive

    async def send(self, send: Send, *too: HeaderPair, bodiless: bool = False) -> None:
        async def dripped(message: Message) -> None:
            if message["type"] == RESPONSE_BODY:
                await self._drip_body(message["body"], send)
            else:
                await send(message)

        with _track_delay(self.world, self.delayed):
            try:
                await HttpResponse.send(self, dripped, *too, bodiless=bodiless)
            except ClientDisconnected:
                return

    async def _drip_body(self, body: bytes, send: Send) -> None:
        drops = min(DRIP_CHUNKS, len(body)) or 1
        for index in range(drops):
            left = drops - index - 1
            due = self.delayed.due - self.seconds * left / drops
            await wait_until(due, self.world, self.receive)
            piece = body[len(body) * index // drops : len(body) * (index + 1) // drops]
            await send({"type": RESPONSE_BODY, "body": piece, "more_body": left > 0})


def _add_headers(response: HttpResponse, headers: Mapping[str, str]) -> HttpResponse:
    """Return *response* with more headers, or another content type."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            response.content_type = http_response.to_header_value(value)
        else:
            response.headers.append(
                (name.lower().encode(), http_response.to_header_value(value))
            )
    return response


@contextmanager
def _track_delay(world: World, delayed: DelayedResponse) -> Iterator[None]:
    """Show the delayed answer among the pending events of *world*."""
    ticket = next(TICKETS)
    world.delayed_answers[ticket] = delayed
    try:
        yield
    finally:
        del world.delayed_answers[ticket]
        world.notify_listeners()


async def _break_connection(send: Send, receive: Receive, failure: WireFailure) -> None:
    """Break the connection and return once the client has seen it.

    Raises ``ConnectionBroken`` where there is none.
    """
    transport = getattr(getattr(send, "__self__", None), "transport", None)
    if transport is None:
        message = f"a fault broke the connection: {failure}"
        raise ConnectionBroken(message)
    if failure is WireFailure.RESET:
        _reset_connection(transport)
    elif failure is not WireFailure.HANG:
        transport.close()
    await wait_for_disconnect(receive)


def _reset_connection(transport: asyncio.Transport) -> None:
    line = transport.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_ZERO)
    transport.abort()
