"""Slow down clients that submit faster than they acknowledge receipts.

While too many receipts of a client wait, a submit_sm that asks for another one waits as
well, and is handled as they leave.  If the client acknowledges nothing for too long, it
is refused, and so are those that follow, until a receipt is acknowledged.
"""

import asyncio
from collections import deque
from typing import Protocol

from emulator.world import World
from emulator.world.outbox import Outbox

ClientKey = tuple[World, str]  # a client: its world and its system_id


class HeldConnection(Protocol):
    """A connection whose next submit_sm waits."""

    def resume_submit(self) -> None:
        """Handle that submit_sm now."""


class ReceiptBacklog:
    """The connections of one client whose submits wait until receipts are taken."""

    def __init__(self, world: World, system_id: str) -> None:
        self._world = world
        self._system_id = system_id
        self._held: deque[HeldConnection] = deque()  # the longest waiting is first
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None  # set while connections wait
        self._progress_at = 0.0
        # The one whose receipts are not acknowledged
        self._stalled_outbox: Outbox | None = None

    @property
    def is_over(self) -> bool:
        """Whether the limit of waiting receipts is reached."""
        waiting = self._world.outbox.receipt_queues.get(self._system_id, ())
        return len(waiting) >= max(
            1, self._world.account.access.centre.max_queued_receipts
        )

    @property
    def is_stalled(self) -> bool:
        """Whether the limit is reached and the client acknowledges nothing."""
        return self._stalled_outbox is self._world.outbox and self.is_over

    def hold_connection(self, connection: HeldConnection) -> None:
        """Resume the submit of *connection* when it is its turn."""
        self._held.append(connection)
        self._world.add_listener(self.resume_next)
        if self._timer is None:
            self._progress_at = self._loop.time()
            self._set_timer()

    def release_connection(self, connection: HeldConnection) -> None:
        """Remove *connection* from those that wait, if it is there."""
        if connection in self._held:
            self._held.remove(connection)

    def note_progress(self) -> None:
        """Note that a receipt was acknowledged, or that a receiver has bound."""
        self._progress_at = self._loop.time()
        self._stalled_outbox = None

    def resume_next(self) -> None:
        """Resume the longest waiting, if there is room; the next follows it."""
        if self.is_over:
            return
        self.note_progress()
        if self._held:
            self._held.popleft().resume_submit()
        if not self._held:
            self._stop_watching()

    def close(self) -> None:
        """Resume all: no session takes the receipts any more."""
        self._resume_all()
        self._stop_watching()

    def _resume_all(self) -> None:
        while self._held:
            self._held.popleft().resume_submit()

    def _set_timer(self) -> None:
        self._timer = self._loop.call_at(self._stall_deadline, self._handle_timer)

    @property
    def _stall_deadline(self) -> float:
        return self._progress_at + self._world.account.access.centre.throttle_after

    def _handle_timer(self) -> None:
        """Resume all as refused, if nothing was acknowledged until the deadline."""
        self._timer = None
        if self.is_over and self._loop.time() >= self._stall_deadline:
            self._stalled_outbox = self._world.outbox
            self._resume_all()
            self._stop_watching()
        else:
            self._set_timer()
            self.resume_next()

    def _stop_watching(self) -> None:
        """Stop watching until a connection waits again."""
        self._world.remove_listener(self.resume_next)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
