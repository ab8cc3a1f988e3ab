"""Responses that a connection holds back until an instant of its world."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from heapq import heappop, heappush

from emulator.faults import TICKETS, DelayedResponse
from emulator.world import World

DelayedAction = Callable[[], object]


def _do_nothing() -> None:
    """Do nothing."""


class DelayedResponses:
    """What is held back, by due instant; a move of the world's clock runs it."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._heap: list[tuple[datetime, int, DelayedAction, DelayedAction]] = []
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._heap)

    def defer(
        self,
        delayed: DelayedResponse,
        action: DelayedAction,
        on_drop: DelayedAction = _do_nothing,
    ) -> None:
        """Run *action* once *delayed* is due, or *on_drop* if the client has gone."""
        ticket = next(TICKETS)
        self._world.delayed_answers[ticket] = delayed
        self._world.add_listener(self._run_due)
        heappush(self._heap, (delayed.due, ticket, action, on_drop))
        self._run_due()

    def drop_all(self) -> None:
        """Drop all actions: the client has gone."""
        for _, ticket, _, on_drop in self._heap:
            del self._world.delayed_answers[ticket]
            on_drop()
        self._heap.clear()
        self._stop_watching()

    def _run_due(self) -> None:
        """Run the actions that are due, and set the timer for the next."""
        world = self._world
        while self._heap and self._heap[0][0] <= world.clock.now():
            _, ticket, action, _ = heappop(self._heap)
            del world.delayed_answers[ticket]
            action()
            world.notify_listeners()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if not self._heap:
            self._stop_watching()
        elif world.clock.rate:
            passing = (self._heap[0][0] - world.clock.now()).total_seconds()
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(passing / world.clock.rate, self._run_due)

    def _stop_watching(self) -> None:
        self._world.remove_listener(self._run_due)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
