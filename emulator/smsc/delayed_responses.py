"""What a line holds back until an instant of its world."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush

from emulator.faults import TICKETS, Delayed
from emulator.world import World

Then = Callable[[], object]


def _nothing() -> None:
    """Do nothing."""


class Late:
    """Held back, by due instant; whoever moves the world's clock lets it go."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._heap: list[tuple[datetime, int, Then, Then]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def hold(self, delayed: Delayed, then: Then, lost: Then = _nothing) -> None:
        """Do *then* once *delayed* is due, or *lost* where nobody is there any more."""
        ticket = next(TICKETS)
        self._world.delayed[ticket] = delayed
        self._world.listen(self._look)
        heappush(self._heap, (delayed.due, ticket, then, lost))
        self._look()

    def drop(self) -> None:
        """Forget all of it: nobody is there any more."""
        for _, ticket, _, lost in self._heap:
            del self._world.delayed[ticket]
            lost()
        self._heap.clear()
        self._rest()

    def _look(self) -> None:
        """Do what is due, and look again when the next is."""
        world = self._world
        while self._heap and self._heap[0][0] <= world.clock.now():
            _, ticket, then, _ = heappop(self._heap)
            del world.delayed[ticket]
            then()
            world.ring()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._heap:
            self._rest()
        elif world.clock.rate:
            passing = (self._heap[0][0] - world.clock.now()).total_seconds()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(passing / world.clock.rate, self._look)

    def _rest(self) -> None:
        self._world.unlisten(self._look)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
