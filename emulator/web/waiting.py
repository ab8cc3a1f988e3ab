"""Wait for a change in a world, or until the client disconnects."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from functools import partial
from typing import Any, Self

from starlette.types import Receive

from emulator.operations.background.catch_up import catch_up
from emulator.operations.call import (
    Beside,
    Debounce,
    EventStream,
    OperationResult,
    OperationSteps,
    Pause,
    UntilCaughtUp,
    WaitStep,
)
from emulator.world import World
from emulator.world.transaction import NOTHING_CHANGED, STOPPED_THERE, run_transaction
from emulator.worlds import make_set_aside_refusal


class ClientDisconnected(Exception):  # noqa: N818 - the client's doing, and no error
    """The client has gone; an answer would not be read."""


class Waiter:
    """One request that waits in a world; leaving the context ends the waiting."""

    def __init__(self, world: World, receive: Receive) -> None:
        self._world = world
        self._change_event = asyncio.Event()
        self._disconnect = asyncio.ensure_future(wait_for_disconnect(receive))
        self._started = asyncio.get_running_loop().time()

    def __enter__(self) -> Self:
        self._world.add_listener(self._change_event.set)
        return self

    def __exit__(self, *_error: object) -> None:
        self._world.remove_listener(self._change_event.set)
        self._disconnect.cancel()

    async def wait_for_change(self, pause: Pause) -> bool:
        """Wait for a change in the world; return whether there is time left.

        Raises ``ClientDisconnected``.
        """
        left = self._remaining_seconds(pause.seconds)
        await self._sleep_until_change(
            _min_seconds(left, self._seconds_until(pause.until))
        )
        self._change_event.clear()
        if self._disconnect.done():
            raise ClientDisconnected
        left = self._remaining_seconds(pause.seconds)
        return left is None or left > 0

    async def wait_for_step(self, step: WaitStep, left: str) -> Any:
        """Wait as an operation asks for; return what it is to be sent.

        Says what is *left* where a store refuses.  Raises ``ClientDisconnected``.
        """
        if isinstance(step, Pause):
            return await self.wait_for_change(step)
        if isinstance(step, Beside):
            return await asyncio.to_thread(step.work)
        if isinstance(step, UntilCaughtUp):
            await bring_up_to_date(self._world, self._world.clock.now(), left=left)
            if self._world.trouble:
                raise make_set_aside_refusal(self._world)
        return True

    async def debounce_changes(self, breath: Debounce) -> bool:
        """Wait between two messages; return whether the world has changed meanwhile.

        Raises ``ClientDisconnected``.
        """
        await asyncio.wait((self._disconnect,), timeout=breath.least)
        if not (self._change_event.is_set() or self._disconnect.done()):
            await self._sleep_until_change(breath.most - breath.least)
        rung = self._change_event.is_set()
        self._change_event.clear()
        if self._disconnect.done():
            raise ClientDisconnected
        return rung

    async def _sleep_until_change(self, seconds: float | None) -> None:
        """Return after *seconds*, or on a change, or once the client is gone."""
        if seconds is not None and seconds <= 0:
            await asyncio.sleep(0)  # let other tasks run
            return
        rung = asyncio.ensure_future(self._change_event.wait())
        first = asyncio.FIRST_COMPLETED
        try:
            await asyncio.wait(
                (rung, self._disconnect), timeout=seconds, return_when=first
            )
        finally:
            rung.cancel()

    def _remaining_seconds(self, seconds: float | None) -> float | None:
        """Return how many of *seconds* are left since the start."""
        if seconds is None:
            return None
        return seconds - (asyncio.get_running_loop().time() - self._started)

    def _seconds_until(self, instant: datetime | None) -> float | None:
        """Return the real seconds until *instant*; None if the clock is frozen."""
        if instant is None:
            return None
        clock = self._world.clock
        passing = (instant - clock.now()).total_seconds()
        if passing <= 0:
            return 0
        return passing / clock.rate if clock.rate else None


async def wait_until(instant: datetime, world: World, receive: Receive) -> None:
    """Wait until *instant* of the world.  Raises ``ClientDisconnected``."""
    if world.clock.now() >= instant:
        return
    with Waiter(world, receive) as patience:
        while world.clock.now() < instant:
            await patience.wait_for_change(Pause(until=instant))


async def wait_until_idle(world: World, receive: Receive) -> None:
    """Wait until no delivery of *world* is under way.

    Raises ``ClientDisconnected``.
    """
    with Waiter(world, receive) as patience:
        while world.work_queue.next_at <= world.clock.now() or world.outbox.is_busy:
            await patience.wait_for_change(Pause())


async def run_steps(
    steps: OperationSteps, world: World, receive: Receive
) -> OperationResult:
    """Run an operation that waits, and return its reply."""
    commons, left, step, time = world.shared, NOTHING_CHANGED, None, None
    with Waiter(world, receive) as patience:
        try:
            while not isinstance(step, OperationResult):
                if step is not None:
                    time = await patience.wait_for_step(step, left)
                before = commons.transaction_count
                step = await run_transaction(
                    world, partial(_run_step, steps, time), left=left
                )
                if commons.transaction_count > before:
                    left = STOPPED_THERE
            return step
        finally:
            await run_transaction(world, steps.close, has_happened=True)


def _run_step(steps: OperationSteps, sent: Any) -> WaitStep | OperationResult:
    """Run an operation to its next wait, and return that, or its reply."""
    try:
        return steps.send(sent)  # None begins it
    except StopIteration as stop:
        reply: OperationResult = stop.value
        return reply


async def iter_stream(
    stream: EventStream, world: World, receive: Receive
) -> AsyncIterator[bytes]:
    """Yield the pieces of a stream until the client disconnects."""
    with Waiter(world, receive) as patience:
        try:
            piece = next(stream)
            while True:
                if isinstance(piece, str):
                    yield piece.encode()
                    piece = next(stream)
                elif isinstance(piece, Pause):
                    piece = stream.send(await patience.wait_for_change(piece))
                else:
                    piece = stream.send(await patience.debounce_changes(piece))
        except (StopIteration, ClientDisconnected):
            return
        finally:
            stream.close()


async def bring_up_to_date(
    world: World, now: datetime, *, left: str = NOTHING_CHANGED
) -> None:
    """Bring *world* up to the time of a request; other tasks run meanwhile.

    Refuses where that sets it aside; who lets in decides about one that was before.
    """
    before = world.trouble
    while not await catch_up(world, now, left=left):  # noqa: ASYNC110
        await asyncio.sleep(0)
    if world.trouble and not before:
        raise make_set_aside_refusal(world)


async def wait_for_disconnect(receive: Receive) -> None:
    """Return once the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass


def _min_seconds(one: float | None, other: float | None) -> float | None:
    known = [each for each in (one, other) if each is not None]
    return min(known) if known else None
