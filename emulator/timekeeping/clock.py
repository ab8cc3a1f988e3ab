"""The emulator's only source of time: the real time until a command changes it."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter

from emulator.domain.bounds import LAST_INSTANT

ZERO_DURATION = timedelta()
NANOSECONDS = 1_000_000_000  # in a second

stopwatch = perf_counter  # seconds of the wall since some moment: what something took


class MachineClock:
    """The machine's time: the wall is asked once, and what passes is measured.

    Where the wall is set back, or ahead, time here goes on as it passes.
    """

    __slots__ = ("_ahead", "_elapsed")

    def __init__(
        self, ask_wall: Callable[[], datetime], elapsed: Callable[[], int]
    ) -> None:
        """*elapsed* returns nanoseconds since some moment, and never less."""
        self._elapsed = elapsed
        self._ahead = int(ask_wall().timestamp() * NANOSECONDS) - elapsed()

    def now(self) -> datetime:
        # Which takes half the time of a timedelta
        return datetime.fromtimestamp(
            (self._ahead + self._elapsed()) / NANOSECONDS, UTC
        )


def choose_elapsed_clock() -> Callable[[], int]:
    """Return a clock that no one sets, and that counts while the machine sleeps.

    Only Linux names one that does; elsewhere it stands in that time at worst.
    """
    if hasattr(time, "CLOCK_BOOTTIME"):
        return partial(time.clock_gettime_ns, time.CLOCK_BOOTTIME)
    return time.monotonic_ns


_machine = MachineClock(partial(datetime.now, UTC), choose_elapsed_clock())


def wall_now() -> datetime:
    """Return the machine's own time, for what happens outside every world."""
    return _machine.now()


class Clock:
    """A world's time: wall time at a *rate*, from *at* on; at rate 0 it stands still.

    It never goes back, even where the machine's does, and stops at its last instant.
    """

    __slots__ = ("_ahead", "_at", "_lasting_rate", "_rate", "_wall", "change_count")

    def __init__(self, *, at: datetime | None = None, rate: float = 1.0) -> None:
        self._at = at or wall_now()
        self.change_count = 0  # how often it was changed
        self._lasting_rate = rate  # at which it goes on once released
        self._restart_at_rate(rate)

    def now(self) -> datetime:
        if self._rate == 1:  # the ordinary case
            now = wall_now() + self._ahead
            if now < self._at:
                return self._at
            self._at = min(now, LAST_INSTANT)
        elif self._rate:
            passed = wall_now() - self._wall
            if passed > ZERO_DURATION:
                self._wall += passed
                left = (LAST_INSTANT - self._at).total_seconds()
                if passed.total_seconds() * self._rate < left:
                    self._at += passed * self._rate
                else:
                    self._at = LAST_INSTANT
        return self._at

    def take_reading(self) -> tuple[datetime, float, datetime]:
        """Return where it stands, its rate, and where the machine's clock stands.

        Where it is held, the rate at which it will go on.
        """
        return self.now(), self._lasting_rate, wall_now()

    @property
    def rate(self) -> float:
        """Seconds of the world in one second of the wall; 0 is frozen."""
        return self._rate

    def set_rate(self, rate: float) -> None:
        """Go on from now at *rate*; 0 freezes."""
        self._lasting_rate = rate
        self._change_rate(rate)

    def hold(self) -> None:
        """Stand still until it is released; only the holder moves it."""
        self._change_rate(0)

    def release(self) -> None:
        """Go on as before it was held."""
        self._change_rate(self._lasting_rate)

    def adjust(self, *, at: datetime | None, rate: float | None) -> None:
        """Go on from *at*, at *rate*; what is None stays.  It never goes back."""
        if at is not None:
            self.advance(max(at - self.now(), ZERO_DURATION))
        if rate is not None:
            self.set_rate(rate)

    def _change_rate(self, rate: float) -> None:
        self.now()
        self._restart_at_rate(rate)
        self.change_count += 1

    def advance(self, by: timedelta) -> None:
        """Jump ahead, not beyond the last instant.

        Raises ``ValueError`` for a way back.
        """
        if by < timedelta():
            message = f"time cannot go back by {-by}"
            raise ValueError(message)
        now = self.now()
        self._at = now + min(by, LAST_INSTANT - now)
        self._restart_at_rate(self._rate)
        self.change_count += 1

    def _restart_at_rate(self, rate: float) -> None:
        """Run on from the current instant."""
        self._wall = wall_now()
        self._ahead = self._at - self._wall  # while it runs at the wall's own rate
        self._rate = rate
