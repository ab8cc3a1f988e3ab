"""A deadline that is put off with each request without a timer of its own each time."""

from asyncio import AbstractEventLoop, TimerHandle
from collections.abc import Callable
from math import inf


class Deadline:
    """Calls *action* once the loop has come to an instant, unless it was put off."""

    def __init__(self, loop: AbstractEventLoop, action: Callable[[], None]) -> None:
        self._loop = loop
        self._action = action
        self._due_at = inf  # seconds of the loop
        self._timer: TimerHandle | None = None

    def set(self, seconds: float | None) -> None:
        """Be due in *seconds* from now; without any, never."""
        if seconds is None:
            self._due_at = inf  # the timer finds that, if it comes to its end
            return
        self._due_at = self._loop.time() + seconds
        if self._timer is None or self._timer.when() > self._due_at:
            self.cancel()
            self._timer = self._loop.call_at(self._due_at, self._handle_timer)

    def cancel(self) -> None:
        """Stop the timer."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _handle_timer(self) -> None:
        self._timer = None
        if self._due_at <= self._loop.time():
            self._due_at = inf
            self._action()
        elif self._due_at < inf:
            self._timer = self._loop.call_at(self._due_at, self._handle_timer)
