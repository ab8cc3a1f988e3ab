"""Waiting for what comes about in a world: until it does, or the client hangs up."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Self

from starlette.types import Receive

from emulator.operations.background.catch_up import catch_up
from emulator.operations.call import (
    Breath,
    Pause,
    Reply,
    Steps,
    Stream,
    UpToDate,
    Wait,
)
from emulator.world.transaction import NOTHING, SO_FAR, transact
from emulator.world import World
from emulator.worlds import needs_no_help


class HungUp(Exception):  # noqa: N818 - the client's doing, and no error
    """The client has gone; nobody reads an answer."""


class Patience:
    """One visitor of a world who waits there; a context that ends the waiting."""

    def __init__(self, world: World, receive: Receive) -> None:
        self._world = world
        self._bell = asyncio.Event()
        self._gone = asyncio.ensure_future(hung_up(receive))
        self._began = asyncio.get_running_loop().time()

    def __enter__(self) -> Self:
        self._world.listen(self._bell.set)
        return self

    def __exit__(self, *_error: object) -> None:
        self._world.unlisten(self._bell.set)
        self._gone.cancel()

    async def wait(self, pause: Pause) -> bool:
        """Wait for a change in the world; return whether there is time left.

        Raises ``HungUp`` once the client has.
        """
        left = self._left(pause.seconds)
        await self._doze(_shorter(left, self._seconds_until(pause.until)))
        self._bell.clear()
        if self._gone.done():
            raise HungUp
        left = self._left(pause.seconds)
        return left is None or left > 0

    async def sit_out(self, wait: Wait, left: str) -> bool:
        """Wait as an operation asks for; return whether there is time left.

        Says what is *left* where a store refuses.  Raises ``HungUp``.
        """
        if isinstance(wait, Pause):
            return await self.wait(wait)
        if isinstance(wait, UpToDate):
            await caught_up(self._world, self._world.clock.now(), left=left)
            needs_no_help(self._world)
        return True

    async def rest(self, breath: Breath) -> bool:
        """Keep silent; return whether something has changed in the world meanwhile.

        Raises ``HungUp`` once the client has.
        """
        await asyncio.wait((self._gone,), timeout=breath.least)
        if not (self._bell.is_set() or self._gone.done()):
            await self._doze(breath.most - breath.least)
        rung = self._bell.is_set()
        self._bell.clear()
        if self._gone.done():
            raise HungUp
        return rung

    async def _doze(self, seconds: float | None) -> None:
        """Return after *seconds*, or once the bell rings or the client is gone."""
        if seconds is not None and seconds <= 0:
            await asyncio.sleep(0)  # others are let in
            return
        rung = asyncio.ensure_future(self._bell.wait())
        first = asyncio.FIRST_COMPLETED
        try:
            await asyncio.wait((rung, self._gone), timeout=seconds, return_when=first)
        finally:
            rung.cancel()

    def _left(self, seconds: float | None) -> float | None:
        """Return how much is left of so many *seconds* since the beginning."""
        if seconds is None:
            return None
        return seconds - (asyncio.get_running_loop().time() - self._began)

    def _seconds_until(self, instant: datetime | None) -> float | None:
        """Return how long the wall takes until *instant*; None if the clock stands."""
        if instant is None:
            return None
        clock = self._world.clock
        passing = (instant - clock.now()).total_seconds()
        if passing <= 0:
            return 0
        return passing / clock.rate if clock.rate else None


async def until(instant: datetime, world: World, receive: Receive) -> None:
    """Wait until *instant* of the world.  Raises ``HungUp`` once the client has."""
    if world.clock.now() >= instant:
        return
    with Patience(world, receive) as patience:
        while world.clock.now() < instant:
            await patience.wait(Pause(until=instant))


async def quiet(world: World, receive: Receive) -> None:
    """Wait until nothing is on its way out of *world*.

    Raises ``HungUp`` once the client has.
    """
    with Patience(world, receive) as patience:
        while world.schedule.next_at <= world.clock.now() or world.outbox.is_busy:
            await patience.wait(Pause())


async def reply(steps: Steps, world: World, receive: Receive) -> Reply:
    """Return what a patient operation answers in the end."""
    commons, left, step, time = world.commons, NOTHING, None, None
    with Patience(world, receive) as patience:
        try:
            while not isinstance(step, Reply):
                if step is not None:
                    time = await patience.sit_out(step, left)
                before = commons.transactions
                step = await transact(world, partial(_taken, steps, time), left=left)
                if commons.transactions > before:
                    left = SO_FAR
            return step
        finally:
            await transact(world, steps.close, happened=True)


def _taken(steps: Steps, time_is_left: bool | None) -> Wait | Reply:  # noqa: FBT001
    """Return where an operation waits next, or its reply."""
    try:
        return steps.send(time_is_left)  # type: ignore[arg-type] # None begins it
    except StopIteration as stop:
        reply: Reply = stop.value
        return reply


async def pieces(
    stream: Stream, world: World, receive: Receive
) -> AsyncIterator[bytes]:
    """Yield what a stream says, as it comes about; it ends when the client hangs up."""
    with Patience(world, receive) as patience:
        try:
            piece = next(stream)
            while True:
                if isinstance(piece, str):
                    yield piece.encode()
                    piece = next(stream)
                elif isinstance(piece, Pause):
                    piece = stream.send(await patience.wait(piece))
                else:
                    piece = stream.send(await patience.rest(piece))
        except (StopIteration, HungUp):
            return
        finally:
            stream.close()


async def caught_up(world: World, now: datetime, *, left: str = NOTHING) -> None:
    """Bring *world* up to the time of who comes in; others are let in meanwhile.

    Refuses where that sets it aside; who lets in decides about one that was before.
    """
    before = world.trouble
    while not await catch_up(world, now, left=left):  # noqa: ASYNC110
        await asyncio.sleep(0)
    if not before:
        needs_no_help(world)


async def hung_up(receive: Receive) -> None:
    """Return once the client has hung up."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _shorter(one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return min(known) if known else None
