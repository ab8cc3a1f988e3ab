"""A campaign's future, written down when it is placed.

Nothing ticks: where a campaign stands at an instant is a lookup.  Its messages lie on
a line, one every so often from its start; a pause moves the rest of the line, a
cancellation ends it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from emulator.domain.bounds import (
    WORLD_END,
    Count,
    Duration,
    Instant,
    PlannedInstant,
    RetryScale,
)

ZERO_TIME = timedelta()


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast the platform works.

    Source: manual DLR-13 (11 s from scheduling to sending) and VOI-25 (35 s to the
    call); the rest is assumption DLR-13.
    """

    inserting: Duration = timedelta(seconds=1)
    updating: Duration = timedelta(seconds=1)  # after a pause, a resume, a cancel
    sms_after: Duration = timedelta(seconds=11)
    sms_every: Duration = timedelta(milliseconds=10)
    call_after: Duration = timedelta(seconds=35)
    call_every: Duration = timedelta(milliseconds=100)
    retry_scale: RetryScale = (
        1  # times what retries, absences and calls take; 0: no time
    )


MANUAL_PACE = Pace()
INSTANT_PACE = Pace(*(ZERO_TIME,) * 6, retry_scale=0)
PACES = {"manual": MANUAL_PACE, "instant": INSTANT_PACE}


class InterventionKind(StrEnum):
    """An intervention in a campaign: paused, resumed, cancelled or lost."""

    PAUSED = "paused"
    RESUMED = "resumed"
    CANCELLED = "cancelled"
    LOST = "lost"  # marked as unknown


@dataclass(frozen=True, slots=True)
class Intervention:
    change: InterventionKind
    at: Instant


class Milestone(NamedTuple):
    """One step that a campaign will take by itself, without an intervention."""

    at: datetime | None  # None: it waits
    name: str
    waits_for: str = ""


def make_endless_milestone(name: str) -> Milestone:
    """Return the milestone of what is dated after the end of the world."""
    return Milestone(None, name, f"the year {WORLD_END.year}, in which the world ends")


class SendSchedule(NamedTuple):
    """The instants of a campaign's messages, in the order they are sent."""

    starts_at: PlannedInstant
    every: Duration
    messages: Count
    interventions: tuple[Intervention, ...] = ()  # by .at

    def count_due(self, now: datetime) -> int:
        """Return how many messages have had their instant, 0 to ``messages``."""
        worked = now - self.starts_at
        if self.interventions:
            until = min(now, self.cancelled_at or now)
            worked = until - self.starts_at - self._sum_pauses(until)
            if self._is_paused_at_start(until):
                return 0
        if worked < ZERO_TIME:
            return 0
        if self.every == ZERO_TIME:
            return self.messages
        return min(worked // self.every + 1, self.messages)

    def due_time(self, index: int) -> datetime:
        """Return when message *index*, which has been reached, had its turn."""
        instant = self.starts_at
        if index and self.every:
            instant += index * self.every
        if not self.interventions:
            return instant
        for start, stop in self._list_pauses():
            if start < instant and stop is not None:
                instant += max(stop - max(start, self.starts_at), ZERO_TIME)
        return instant

    @property
    def messages_to_send(self) -> int:
        """How many messages will have their instant, as things are."""
        return self.count_due(WORLD_END) if self.interventions else self.messages

    @property
    def cancelled_at(self) -> datetime | None:
        """When the campaign was cancelled, if it was."""
        for each in self.interventions:
            if each.change is InterventionKind.CANCELLED:
                return each.at
        return None

    def last_intervention(self, now: datetime) -> Intervention | None:
        """Return the newest intervention not later than *now*."""
        for each in reversed(self.interventions):
            if each.at <= now:
                return each
        return None

    def _sum_pauses(self, until: datetime) -> timedelta:
        """Return how long the line has stood still since its start."""
        total = ZERO_TIME
        for start, stop in self._list_pauses():
            held = min(stop or until, until) - max(start, self.starts_at)
            total += max(held, ZERO_TIME)
        return total

    def _is_paused_at_start(self, until: datetime) -> bool:
        """Whether a pause from before the start goes on, so that nothing has begun."""
        return any(
            start < self.starts_at and (stop is None or until < stop)
            for start, stop in self._list_pauses()
        )

    def _list_pauses(self) -> Iterator[tuple[datetime, datetime | None]]:
        """Yield when the line stood still, and when it went on if it did."""
        start = None
        for each in self.interventions:
            if each.change is InterventionKind.PAUSED:
                start = each.at
            elif start is not None and each.change is InterventionKind.RESUMED:
                yield start, each.at
                start = None
        if start is not None:
            yield start, None


def compute_percentage(final: int, count: int) -> int:
    """Return floor(100 x final / count), at least 1 once one message is final.

    Source: manual DLR-08.
    """
    return max(100 * final // count, 1) if final else 0
