"""The clock of a world: read, set, advanced and settled."""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from emulator.domain import dates
from emulator.domain.bounds import LAST_INSTANT
from emulator.domain.emulator_refusals import TIME_PASSED, TIME_TOO_FAR
from emulator.domain.refusals import Refusal
from emulator.operations.background import forecast
from emulator.operations.call import (
    Commit,
    OperationCall,
    OperationResult,
    OperationSteps,
    Pause,
    Row,
    UntilCaughtUp,
    WaitStep,
)
from emulator.timekeeping.event_log import WorldEvent
from emulator.world import ClockChanged, World

SETTLE_EVENTS = 10_000  # events that settle carries out at most
SETTLE_LONGEST = timedelta(days=7)  # of the world, that settle goes on at most
PENDING_LIMIT = 1_000  # pending events
EVENTS_PER_TURN = 100  # events; then other requests run
LET_IN = Pause(seconds=0)
COMMIT = Commit()
END_WORDS = "the world ends with the year 8999"


def get_clock(world: World, _call: OperationCall) -> OperationResult:
    return OperationResult(_describe_clock(world))


def list_pending(world: World, call: OperationCall) -> OperationResult:
    """List what will happen by itself, the next first; last what waits for a client."""
    pending = forecast.list_pending_events(world, call.now)[
        : call.params.get("limit", PENDING_LIMIT)
    ]
    return OperationResult(
        {
            **_describe_clock(world),
            "pending": [describe_event(each) for each in pending],
        }
    )


def set_clock(world: World, call: OperationCall) -> OperationResult:
    """Freeze (rate 0), run (1) or scale the clock; it goes on from where it stands.

    Refuses to run on where the world has ended.
    """
    world.require_clock_at_rest()
    if call.body["rate"] and call.now >= LAST_INSTANT:
        raise Refusal(TIME_TOO_FAR, END_WORDS)
    world.keep_change(ClockChanged(rate=call.body["rate"]))
    return OperationResult({**_describe_clock(world), "rate": call.body["rate"]})


def advance_clock(world: World, call: OperationCall) -> OperationSteps:
    """Jump ahead, and carry out what falls due on the way.  Refuses a way back.

    Refuses while the clock of this world is being moved already.
    """
    world.require_clock_at_rest()
    target = _parse_target(world, call)
    with hold_clock(world):
        happened = yield from _carry_out_until(world, target)
        world.keep_change(ClockChanged(at=target))
        yield COMMIT
    return _make_result(world, happened)


def settle_world(world: World, call: OperationCall) -> OperationSteps:
    """Carry out all that is left to happen by itself, within bounds.

    The clock stops at the last event, not at the bound.  Refuses as advancing does.
    """
    world.require_clock_at_rest()
    longest = timedelta(
        seconds=call.body.get("seconds", SETTLE_LONGEST.total_seconds())
    )
    most = call.body.get("events", SETTLE_EVENTS)
    with hold_clock(world):
        limit = world.clock.now() + min(longest, LAST_INSTANT - world.clock.now())
        happened = yield from _carry_out_until(world, limit, most=most, all_of_it=False)
    return _make_result(world, happened)


def _carry_out_until(
    world: World, limit: datetime, *, most: int | None = None, all_of_it: bool = True
) -> Generator[WaitStep, bool, list[WorldEvent]]:
    """Set the clock to each event in turn, and return the events until *limit*.

    Without *all_of_it*, stop as soon as no work is left.
    """
    happened: list[WorldEvent] = []
    walk = _ClockWalk(world, limit, all_of_it=all_of_it)
    while True:
        yield UntilCaughtUp()
        while world.outbox.is_busy:
            yield Pause()
        yield from _wait_for_receipts(world)
        happened += walk.take_new_events()
        if most is not None and len(happened) >= most:
            return happened
        instant = walk.take_next()
        if instant is None:
            return happened
        at, event = instant
        world.keep_change(ClockChanged(at=at))
        if event is None:
            continue
        happened.append(event)
        while event.ticket in world.delayed_answers:
            world.run_on_commit(world.notify_listeners)
            yield Pause()
        if len(happened) % EVENTS_PER_TURN == 0:
            world.run_on_commit(world.notify_listeners)
            yield LET_IN


@contextmanager
def hold_clock(world: World) -> Iterator[None]:
    """Hold the clock, so that only the caller moves it; then it runs on."""
    world.clock.hold()
    world.is_clock_moving = True
    try:
        yield
    finally:
        world.is_clock_moving = False
        world.clock.release()
        world.keep_change(ClockChanged())


def _can_send_receipts(world: World) -> bool:
    """Whether a receipt waits for a session that can take it at once."""
    mail = world.outbox.receipt_queues
    return any(
        mail.get(link.system_id) and link.can_receive and link.has_room()
        for link in world.sessions.values()
    )


def _wait_for_receipts(world: World) -> Generator[WaitStep, bool, None]:
    """Let receipts leave, as far as their clients take them, without their answers.

    The request that moves the clock may come from the same thread as the SMPP client.
    """
    while _can_send_receipts(world):
        yield LET_IN
        if not _can_send_receipts(world):
            yield LET_IN  # so that the written octets leave


class _ClockWalk:
    """The instants ahead: events to report, and work to carry out."""

    def __init__(self, world: World, limit: datetime, *, all_of_it: bool) -> None:
        self._world = world
        self._limit = limit
        self._all_of_it = all_of_it
        self._queue: deque[WorldEvent] = deque()
        self._known: object = None
        self._last_read = world.event_log.last

    def take_new_events(self) -> list[WorldEvent]:
        """Return the events that were carried out since the last call."""
        events = self._world.event_log.list_after(self._last_read)
        self._last_read = self._world.event_log.last
        return [event for _, event in events]

    def take_next(self) -> tuple[datetime, WorldEvent | None] | None:
        """Return the next instant, with its event if it has one to report."""
        self._refresh_queue()
        schedule = self._world.work_queue
        work_at = schedule.next_at if self._all_of_it else schedule.next_needed_at
        queue = self._queue
        if work_at <= self._limit and not (queue and _instant_of(queue[0]) <= work_at):
            return work_at, None
        if not queue or not (self._all_of_it or self._has_work(work_at)):
            return None
        event = queue.popleft()
        return _instant_of(event), event

    def _refresh_queue(self) -> None:
        """Read the forecast again if the work done may have changed it."""
        world, now = self._world, self._world.clock.now()
        state = (world.plan_version, tuple(world.delayed_answers))
        if self._known != state:
            self._known = state
            here = [each for each in self._queue if each.at == now]
            self._queue = deque(
                [*here, *forecast.list_due_events(world, now, self._limit)]
            )

    def _has_work(self, work_at: datetime) -> bool:
        """Whether there is work ahead; the expiry of a token is none."""
        return work_at <= self._limit or any(
            each.name != "expired" for each in self._queue
        )


def _instant_of(event: WorldEvent) -> datetime:
    return event.at or LAST_INSTANT


def _parse_target(world: World, call: OperationCall) -> datetime:
    now = world.clock.now()
    if "next" in call.body:
        certain = (
            each.at for each in forecast.list_pending_events(world, now) if each.at
        )
        return next(certain, now)
    by = _parse_duration(call, now)
    if by < timedelta():
        raise Refusal(TIME_PASSED, f"it is {dates.format_timestamp(now)} there already")
    if by > LAST_INSTANT - now:
        raise Refusal(TIME_TOO_FAR, END_WORDS)
    return now + by


def _parse_duration(call: OperationCall, now: datetime) -> timedelta:
    if "seconds" in call.body:
        return timedelta(seconds=call.body["seconds"])
    return dates.parse_timestamp(call.body["to"], "to") - now


def _describe_clock(world: World) -> Row:
    return {"now": dates.format_timestamp(world.clock.now()), "rate": world.clock.rate}


def _make_result(world: World, happened: list[WorldEvent]) -> OperationResult:
    pending = forecast.list_pending_events(world, world.clock.now())[:PENDING_LIMIT]
    return OperationResult(
        {
            **_describe_clock(world),
            "events": [describe_event(each) for each in happened],
            "pending": [describe_event(each) for each in pending],
        }
    )


def describe_event(event: WorldEvent) -> Row:
    """Return *event* as JSON, without the fields that it does not have."""
    facts = {
        "channel": event.channel,
        "campaign": event.campaign,
        "token": event.token,
        "operation": event.operation,
        "message": event.message,
        "delivery": event.delivery,
        "verdict": event.verdict,
        "waits_for": event.waits_for,
    }
    return {
        "at": dates.format_timestamp(event.at) if event.at else None,
        "event": event.name,
        **{name: fact for name, fact in facts.items() if fact},
    }
