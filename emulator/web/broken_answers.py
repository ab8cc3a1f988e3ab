"""Answers over a connection that fails: lost, cut in half, or slow.

The transport is uvicorn's, found behind its ``send``.  An application that is called
in process has none; there ``ConnectionBroken`` is raised, and the caller makes of it
what a client sees of a broken connection.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from starlette.types import Message, Receive, Send

from emulator.faults import TICKETS, DelayedResponse
from emulator.faults.effects.wire import WireFailure
from emulator.web.http_body import RESPONSE_BODY, HeaderPair, HttpResponse
from emulator.web.waiting import ClientDisconnected, wait_for_disconnect, wait_until
from emulator.world import World

DRIP_CHUNKS = 20  # pieces that a body drips in
LINGER_ZERO = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # with a RST


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

        with track_delay(self.world, self.delayed):
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


@contextmanager
def track_delay(world: World, delayed: DelayedResponse) -> Iterator[None]:
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
