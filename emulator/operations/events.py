"""What happens in a world, as it happens: a stream of server-sent events."""

from collections.abc import Generator, Iterator
from datetime import datetime
from typing import NamedTuple

import orjson

from emulator import agenda
from emulator.agenda import Event
from emulator.domain import dates
from emulator.operations import clock, exchanges
from emulator.operations.call import Call, Pause, Reply, Row
from emulator.world import World

HEARTBEAT = 15.0  # seconds of the wall without news

Stream = Generator[str | Pause, bool, None]


class Frame(NamedTuple):
    """One piece of news."""

    at: datetime
    kind: str  # exchange, event or clock
    facts: Row
    number: int = 0  # of an exchange


def stream_events(world: World, call: Call) -> Reply:
    """Tell everything that happens from now on, or after ``Last-Event-ID``."""
    number, at = world.journal.last, call.now
    if last := call.params.get("Last-Event-ID"):
        number, at = _position(last)
    return Reply(None, stream=_Reader(world, number, at).told())


class _Reader:
    """Somebody who has read up to an exchange and an instant of the world."""

    def __init__(self, world: World, number: int, at: datetime) -> None:
        self._world = world
        self._number = number
        self._at = at
        self._told: set[Event] = set()  # at this very instant
        self._dial = (world.clock, world.clock.turned)

    def told(self) -> Stream:
        """Yield the news, or when to look for them again."""
        yield f": what happens in world {self._world.name}\n\n"
        beat = HEARTBEAT
        while True:
            number = self._number
            for each in sorted(self._news(), key=lambda news: news.at):
                number = max(number, each.number)
                data = orjson.dumps(each.facts).decode()
                position = f"{number}@{dates.stamp(each.at)}"
                yield f"id: {position}\nevent: {each.kind}\ndata: {data}\n\n"
            work = agenda.work(self._world, self._at)
            until = next((each.at for each in work), None)
            if not (yield Pause(until=until, seconds=beat)):
                yield ": still here\n\n"
                beat += HEARTBEAT

    def _news(self) -> Iterator[Frame]:
        """Yield what has come about since, in no order; it then counts as read."""
        world, now = self._world, self._world.clock.now()
        for each in world.journal.after(self._number):
            self._number = each.number
            yield Frame(each.at, "exchange", exchanges.shown(each), each.number)
        self._at = min(self._at, now)  # somebody may have put the world back
        for event in agenda.due(world, self._at, now, inclusive=True):
            if event not in self._told:
                yield Frame(event.at or now, "event", clock.shown(event))
        dial = (world.clock, world.clock.turned)
        if dial != self._dial:
            self._dial = dial
            facts: Row = {"now": dates.stamp(now), "rate": world.clock.rate}
            yield Frame(now, "clock", facts)
        self._told = set(agenda.due(world, now, now, inclusive=True))
        self._at = now


def _position(text: str) -> tuple[int, datetime]:
    number, _, stamp = text.partition("@")
    return int(number), dates.stamped(stamp, "Last-Event-ID")
