"""Events that happen in a world by themselves, and the log of those that did."""

from collections import deque
from datetime import datetime
from itertools import islice

from msgspec import Struct

MOST_EVENTS = 10_000  # events of a world


class WorldEvent(Struct, frozen=True, gc=False):
    """What happens at an instant; with None it waits for a client."""

    at: datetime | None
    name: str
    channel: str = ""  # of a campaign
    campaign: int = 0
    token: str = ""  # its name
    operation: str = ""  # of an answer that a fault delays
    ticket: int = 0  # of that answer, in world.delayed
    message: int = 0  # that was answered
    delivery: int = 0
    verdict: str = ""  # on an attempt to deliver
    waits_for: str = ""


class EventLog:
    """The newest events that changed something, numbered from 1."""

    __slots__ = ("_kept", "last")

    def __init__(self) -> None:
        # Which takes 600 octets, in most worlds
        self._kept: deque[WorldEvent] | None = None
        self.last = 0

    def add(self, event: WorldEvent) -> None:
        if self._kept is None:
            self._kept = deque(maxlen=MOST_EVENTS)
        self._kept.append(event)
        self.last += 1

    def list_after(
        self, number: int, most: int | None = None
    ) -> list[tuple[int, WorldEvent]]:
        """Return the events in the log with a higher number, or the first of them.

        Most who ask want the last few, which lie at the end.
        """
        kept = self._kept or ()
        newer = min(len(kept), max(0, self.last - number))
        found = islice(reversed(kept), max(0, newer - (most or newer)), newer)
        return [*enumerate([*found][::-1], self.last - newer + 1)]
