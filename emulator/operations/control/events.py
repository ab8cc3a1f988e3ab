"""What happens in a world, as it happens: a stream of server-sent events."""

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

import orjson

from emulator.operations.background import forecast
from emulator.domain import dates
from emulator.domain.timeline import END
from emulator.timekeeping.event_log import Event
from emulator.operations.control import clock
from emulator.operations.control import exchanges
from emulator.operations.call import Breath, Call, Pause, Reply, Row, Stream
from emulator.world import World

HEARTBEAT = 15.0  # seconds of the wall without news
CALM = 0.2  # seconds of the wall between two changes that are told, at least
TICK = 1.0  # ... and at most while the clock runs, which changes what a campaign is
CHANGED = "event: changed\ndata: \n\n"
TICKED = "event: ticked\ndata: \n\n"
QUIET = ": still here\n\n"
MOST = 50  # exchanges, and events, that are told before others are let in
LET_IN = Pause(seconds=0)


class Position(NamedTuple):
    """How far somebody has read: ``12.3@2026-03-02T18:00:00.000000Z``."""

    number: int  # of the last exchange
    trace: int  # of the last event that left one
    at: datetime

    def __str__(self) -> str:
        trace = f".{self.trace}" if self.trace else ""
        return f"{self.number}{trace}@{dates.stamp(self.at)}"


class Frame(NamedTuple):
    """One piece of news."""

    at: datetime
    kind: str  # exchange, event or clock
    facts: Row
    number: int = 0  # of an exchange
    trace: int = 0  # the number of an event that left one


def stream_events(world: World, call: Call) -> Reply:
    """Tell everything that happens from now on, or after ``Last-Event-ID``."""
    position = Position(world.journal.last, world.happened.last, call.now)
    if last := call.params.get("Last-Event-ID"):
        position = _position(last)
    return Reply(None, stream=_Reader(world, position).told())


def stream_changes(world: World, _call: Call) -> Reply:
    """Say that something may have changed, or that only time has passed."""
    return Reply(None, stream=_changes(world))


def _changes(world: World) -> Stream:
    yield CHANGED  # something may have since the page was made
    while True:
        runs = world.clock.rate > 0
        rung = yield Breath(CALM, TICK if runs else HEARTBEAT)
        yield CHANGED if rung else TICKED if runs else QUIET


class _Reader:
    """Somebody who has read up to a position."""

    def __init__(self, world: World, position: Position) -> None:
        self._world = world
        self._number, self._trace, self._at = position
        self._told: set[Event] = set()  # at this very instant
        self._ahead = forecast.Ahead(world)
        self._dial = (world.clock, world.clock.turned)
        self._is_behind = False  # there is more than was told last

    def told(self) -> Stream:
        """Yield the news, or when to look for them again."""
        yield f": what happens in world {self._world.name}\n\n"
        beat = HEARTBEAT
        while True:
            number, trace = self._number, self._trace
            frames, dropped = [], self._world.journal.missed(number)
            if dropped:
                frames.append(f": {dropped} requests are gone from the journal\n\n")
            for each in sorted(self._news(), key=lambda news: news.at):
                number, trace = max(number, each.number), max(trace, each.trace)
                data = orjson.dumps(each.facts).decode()
                position = Position(number, trace, each.at)
                frames.append(f"id: {position}\nevent: {each.kind}\ndata: {data}\n\n")
            if frames:
                yield "".join(frames)
            if self._is_behind:
                yield LET_IN
                continue
            until = self._ahead.next_at(self._at)
            if not (yield Pause(until=until, seconds=beat)):
                yield QUIET
                beat += HEARTBEAT

    def _news(self) -> Iterator[Frame]:
        """Yield what has come about since, in no order; it then counts as read.

        Where that is much, it is the oldest part, up to some instant.
        """
        world, now = self._world, self._world.clock.now()
        self._at = min(self._at, now)  # somebody may have put the world back
        asked = world.journal.after(self._number, MOST)
        happened = world.happened.after(self._trace, MOST)
        ends = _end([each.at for each in asked])
        ends += _end([each.at or now for _, each in happened])
        self._is_behind = bool(ends)
        last = min(ends, default=END)
        for each in takewhile(lambda each: each.at <= last, asked):
            self._number = each.number
            yield Frame(each.at, "exchange", exchanges.shown(each), each.number)
        for number, trace in takewhile(lambda it: (it[1].at or now) <= last, happened):
            self._trace = number
            yield Frame(trace.at or now, "event", clock.shown(trace), trace=number)
        yield from self._by_themselves(max(self._at, min(last, now)))
        dial = (world.clock, world.clock.turned)
        if dial != self._dial and not self._is_behind:
            self._dial = dial
            facts: Row = {"now": dates.stamp(now), "rate": world.clock.rate}
            yield Frame(now, "clock", facts)

    def _by_themselves(self, end: datetime) -> Iterator[Frame]:
        """Yield what leaves no trace, and happens until *end*."""
        planned = self._ahead.take(self._at, end)
        beside = forecast.unplanned(self._world, self._at, end)
        told = self._told if self._at == end else set()
        for event in (*planned, *beside):
            if event not in self._told:
                yield Frame(event.at or end, "event", clock.shown(event))
            if event.at == end:
                told.add(event)
        self._told, self._at = told, end


def _end(instants: list[datetime]) -> list[datetime]:
    """Return the latest of so many instants that there may be more, none of fewer."""
    return [max(instants)] if len(instants) == MOST else []


def _position(text: str) -> Position:
    numbers, _, stamp = text.partition("@")
    number, _, trace = numbers.partition(".")
    at = dates.stamped(stamp, "Last-Event-ID")
    return Position(int(number), int(trace or 0), at)
