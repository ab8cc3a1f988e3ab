"""The events of a world, as a stream of server-sent events."""

from collections.abc import Iterator
from datetime import datetime
from itertools import takewhile
from typing import NamedTuple

import orjson

from emulator.domain import dates
from emulator.domain.bounds import WORLD_END
from emulator.operations.background import forecast
from emulator.operations.call import (
    Debounce,
    EventStream,
    OperationCall,
    OperationResult,
    Pause,
    Row,
)
from emulator.operations.control import clock, exchanges
from emulator.timekeeping.event_log import WorldEvent
from emulator.world import World

HEARTBEAT = 15.0  # seconds of the wall without news
CHANGE_INTERVAL = 0.2  # real seconds between two messages about changes, at least
# ... and at most while the clock runs, which changes what a campaign is
TICK_INTERVAL = 1.0
CHANGED_FRAME = "event: changed\ndata: \n\n"
TICKED_FRAME = "event: ticked\ndata: \n\n"
HEARTBEAT_FRAME = ": still here\n\n"
NEWS_PER_TURN = 50  # exchanges, and events, before other tasks run
LET_IN = Pause(seconds=0)


class StreamPosition(NamedTuple):
    """How far a client has read: ``12.3@2026-03-02T18:00:00.000000Z``."""

    number: int  # of the last exchange
    trace: int  # of the last event that left one
    at: datetime

    def __str__(self) -> str:
        trace = f".{self.trace}" if self.trace else ""
        return f"{self.number}{trace}@{dates.format_timestamp(self.at)}"


class StreamFrame(NamedTuple):
    """One message of the stream."""

    at: datetime
    kind: str  # exchange, event or clock
    facts: Row
    number: int = 0  # of an exchange
    trace: int = 0  # the number of an event that left one


def stream_events(world: World, call: OperationCall) -> OperationResult:
    """Stream everything that happens from now on, or after ``Last-Event-ID``."""
    position = StreamPosition(world.journal.last, world.event_log.last, call.now)
    if last := call.params.get("Last-Event-ID"):
        position = _parse_position(last)
    return OperationResult(None, stream=_EventReader(world, position).stream_frames())


def stream_changes(world: World, _call: OperationCall) -> OperationResult:
    """Stream that something may have changed, or that only time has passed."""
    return OperationResult(None, stream=_stream_changes(world))


def _stream_changes(world: World) -> EventStream:
    yield CHANGED_FRAME  # something may have since the page was made
    while True:
        runs = world.clock.rate > 0
        rung = yield Debounce(CHANGE_INTERVAL, TICK_INTERVAL if runs else HEARTBEAT)
        yield CHANGED_FRAME if rung else TICKED_FRAME if runs else HEARTBEAT_FRAME


class _EventReader:
    """One reader of the stream, at its position."""

    def __init__(self, world: World, position: StreamPosition) -> None:
        self._world = world
        self._number, self._trace, self._at = position
        self._sent_now: set[WorldEvent] = set()  # at this very instant
        self._upcoming = forecast.UpcomingEvents(world)
        self._dial = (world.clock, world.clock.change_count)
        self._is_behind = False  # more is to be sent than the last messages

    def stream_frames(self) -> EventStream:
        """Yield the messages, or the pause until the next ones."""
        yield f": what happens in world {self._world.name}\n\n"
        beat = HEARTBEAT
        while True:
            number, trace = self._number, self._trace
            frames, dropped = [], self._world.journal.count_missing(number)
            if dropped:
                frames.append(f": {dropped} requests are gone from the journal\n\n")
            for each in sorted(self._read_frames(), key=lambda news: news.at):
                number, trace = max(number, each.number), max(trace, each.trace)
                data = orjson.dumps(each.facts).decode()
                position = StreamPosition(number, trace, each.at)
                frames.append(f"id: {position}\nevent: {each.kind}\ndata: {data}\n\n")
            if frames:
                yield "".join(frames)
            if self._is_behind:
                yield LET_IN
                continue
            until = self._upcoming.next_at(self._at)
            if not (yield Pause(until=until, seconds=beat)):
                yield HEARTBEAT_FRAME
                beat += HEARTBEAT

    def _read_frames(self) -> Iterator[StreamFrame]:
        """Yield what has happened since the position, in no order, and move it.

        If that is much, yield the oldest part, up to some instant.
        """
        world, now = self._world, self._world.clock.now()
        self._at = min(self._at, now)  # the world may have been set back
        asked = world.journal.list_after(self._number, NEWS_PER_TURN)
        happened = world.event_log.list_after(self._trace, NEWS_PER_TURN)
        ends = _find_end([each.at for each in asked])
        ends += _find_end([each.at or now for _, each in happened])
        self._is_behind = bool(ends)
        last = min(ends, default=WORLD_END)
        for each in takewhile(lambda each: each.at <= last, asked):
            self._number = each.number
            yield StreamFrame(
                each.at, "exchange", exchanges.describe_exchange(each), each.number
            )
        for number, trace in takewhile(lambda it: (it[1].at or now) <= last, happened):
            self._trace = number
            yield StreamFrame(
                trace.at or now, "event", clock.describe_event(trace), trace=number
            )
        yield from self._read_forecast(max(self._at, min(last, now)))
        dial = (world.clock, world.clock.change_count)
        if dial != self._dial and not self._is_behind:
            self._dial = dial
            facts: Row = {"now": dates.format_timestamp(now), "rate": world.clock.rate}
            yield StreamFrame(now, "clock", facts)

    def _read_forecast(self, end: datetime) -> Iterator[StreamFrame]:
        """Yield the events until *end* that the event log does not hold."""
        planned = self._upcoming.take_events(self._at, end)
        beside = forecast.list_other_events(self._world, self._at, end)
        told = self._sent_now if self._at == end else set()
        for event in (*planned, *beside):
            if event not in self._sent_now:
                yield StreamFrame(event.at or end, "event", clock.describe_event(event))
            if event.at == end:
                told.add(event)
        self._sent_now, self._at = told, end


def _find_end(instants: list[datetime]) -> list[datetime]:
    """Return the latest instant of a full turn, as there may be more; else none."""
    return [max(instants)] if len(instants) == NEWS_PER_TURN else []


def _parse_position(text: str) -> StreamPosition:
    numbers, _, stamp = text.partition("@")
    number, _, trace = numbers.partition(".")
    at = dates.parse_timestamp(stamp, "Last-Event-ID")
    return StreamPosition(int(number), int(trace or 0), at)
