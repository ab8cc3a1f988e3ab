"""Clients that submit faster than they take receipts, slowed down.

While too many receipts of a client wait, a submit_sm that asks for another one waits as
well, and is let in as they leave.  Only where the client has acknowledged nothing for
too long is it declined, and so are those that follow, until something is acknowledged.
"""

import asyncio
from collections import deque
from typing import Protocol

from emulator.world.outbox import Outbox
from emulator.world import World

Key = tuple[World, str]  # a client: its world and its system_id


class Submitter(Protocol):
    """A connection whose next submit_sm waits."""

    def let_in(self) -> None:
        """Look at that submit_sm again."""


class Backlog:
    """The connections of one client that wait, while somebody takes its receipts."""

    def __init__(self, world: World, system_id: str) -> None:
        self._world = world
        self._system_id = system_id
        self._lines: deque[Submitter] = deque()  # the longest waiting first
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None  # runs while it is too much
        self._heard_at = 0.0
        self._stalled: Outbox | None = None  # the state in which nothing is taken

    @property
    def is_over(self) -> bool:
        """Whether so many receipts wait that no other is to be added."""
        waiting = self._world.outbox.mail.get(self._system_id, ())
        return len(waiting) >= max(1, self._world.account.access.centre.held)

    @property
    def is_stalled(self) -> bool:
        """Whether nothing is acknowledged any more, though it is too much."""
        return self._stalled is self._world.outbox and self.is_over

    def wait(self, line: Submitter) -> None:
        """Let *line* in when it is its turn."""
        self._lines.append(line)
        self._world.listen(self.look)
        if self._timer is None:
            self._heard_at = self._loop.time()
            self._set_timer()

    def withdraw(self, line: Submitter) -> None:
        """Let *line* wait no longer, whether it does or not."""
        if line in self._lines:
            self._lines.remove(line)

    def hear(self) -> None:
        """Note that something was acknowledged, or that another receiver is there."""
        self._heard_at = self._loop.time()
        self._stalled = None

    def look(self) -> None:
        """Let one of those in that wait, if there is room; the next follows it."""
        if self.is_over:
            return
        self.hear()
        if self._lines:
            self._lines.popleft().let_in()
        if not self._lines:
            self._rest()

    def close(self) -> None:
        """Let everybody in: nobody takes the receipts any more."""
        self._let_all_in()
        self._rest()

    def _let_all_in(self) -> None:
        while self._lines:
            self._lines.popleft().let_in()

    def _set_timer(self) -> None:
        self._timer = self._loop.call_at(self._patient_until, self._alarm)

    @property
    def _patient_until(self) -> float:
        return self._heard_at + self._world.account.access.centre.throttled_after

    def _alarm(self) -> None:
        """Decline what waits, if nothing has been acknowledged meanwhile."""
        self._timer = None
        if self.is_over and self._loop.time() >= self._patient_until:
            self._stalled = self._world.outbox
            self._let_all_in()
            self._rest()
        else:
            self._set_timer()
            self.look()

    def _rest(self) -> None:
        """Look no more until somebody waits again."""
        self._world.unlisten(self.look)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
