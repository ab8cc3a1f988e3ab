"""The clock of a world, in a test's hand."""

from collections import deque
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta

from emulator.operations.background import forecast
from emulator.domain import dates
from emulator.domain.refusals import (
    TIME_PASSED,
    TIME_TOO_FAR,
    Refusal,
)
from emulator.domain.timeline import END
from emulator.timekeeping.event_log import Event
from emulator.operations.call import (
    Call,
    Done,
    Pause,
    Reply,
    Row,
    Steps,
    UpToDate,
    Wait,
)
from emulator.world import Dial, World

MOST = 10_000  # events that settle carries out at most
LONGEST = timedelta(days=7)  # of the world, that settle goes on at most
LISTED = 1_000  # pending events
TURN = 100  # events after which others are let in
LET_IN = Pause(seconds=0)
DONE = Done()


def get_clock(world: World, _call: Call) -> Reply:
    return Reply(_read(world))


def list_pending(world: World, call: Call) -> Reply:
    """List what will happen by itself, the next first; last what waits for somebody."""
    pending = forecast.work(world, call.now)[: call.params.get("limit", LISTED)]
    return Reply({**_read(world), "pending": [shown(each) for each in pending]})


def set_clock(world: World, call: Call) -> Reply:
    """Freeze (rate 0), run (1) or scale the clock; it goes on from where it stands."""
    world.needs_rest()
    world.keep(Dial(rate=call.body["rate"]))
    return Reply({**_read(world), "rate": call.body["rate"]})


def advance_clock(world: World, call: Call) -> Steps:
    """Jump ahead, and carry out what falls due on the way.  Refuses a way back.

    Refuses while the clock of this world is being moved already.
    """
    world.needs_rest()
    target = _asked(world, call)
    with moving(world):
        happened = yield from _carried_out(world, target)
        world.keep(Dial(at=target))
        yield DONE
    return _ran(world, happened)


def settle_world(world: World, call: Call) -> Steps:
    """Carry out all that is left to happen by itself, within bounds.

    The clock stops at the last event, not at the bound.  Refuses as advancing does.
    """
    world.needs_rest()
    longest = timedelta(seconds=call.body.get("seconds", LONGEST.total_seconds()))
    most = call.body.get("events", MOST)
    with moving(world):
        limit = world.clock.now() + min(longest, END - world.clock.now())
        happened = yield from _carried_out(world, limit, most=most, all_of_it=False)
    return _ran(world, happened)


def _carried_out(
    world: World, limit: datetime, *, most: int | None = None, all_of_it: bool = True
) -> Generator[Wait, bool, list[Event]]:
    """Put the clock to each event in turn, and return what happened until *limit*.

    Unless *all_of_it* is asked for, only until there is no work left.
    """
    happened: list[Event] = []
    walk = _Walk(world, limit, all_of_it=all_of_it)
    while True:
        yield UpToDate()
        while world.outbox.is_busy:
            yield Pause()
        yield from _mailed(world)
        happened += walk.traces()
        if most is not None and len(happened) >= most:
            return happened
        instant = walk.next()
        if instant is None:
            return happened
        at, event = instant
        world.keep(Dial(at=at))
        if event is None:
            continue
        happened.append(event)
        while event.ticket in world.delayed:
            world.then(world.ring)
            yield Pause()
        if len(happened) % TURN == 0:
            world.then(world.ring)
            yield LET_IN


@contextmanager
def moving(world: World) -> Iterator[None]:
    """Hold the clock still but for the one who moves it; then it runs on."""
    world.clock.hold()
    world.moving = True
    try:
        yield
    finally:
        world.moving = False
        world.clock.release()
        world.keep(Dial())


def _is_mailing(world: World) -> bool:
    """Whether a receipt waits for somebody who can take it at once."""
    mail = world.outbox.mail
    return any(
        mail.get(link.system_id) and link.receives and link.has_room()
        for link in world.links.values()
    )


def _mailed(world: World) -> Generator[Wait, bool, None]:
    """Let receipts leave, as far as their clients take them; no answer is waited for.

    A client of one thread may be the one who moves the clock.
    """
    while _is_mailing(world):
        yield LET_IN
        if not _is_mailing(world):
            yield LET_IN  # what was written leaves


class _Walk:
    """The way ahead: what will be told when it is reached, and what will be done."""

    def __init__(self, world: World, limit: datetime, *, all_of_it: bool) -> None:
        self._world = world
        self._limit = limit
        self._all_of_it = all_of_it
        self._queue: deque[Event] = deque()
        self._known: object = None
        self._read = world.happened.last

    def traces(self) -> list[Event]:
        """Return what has been carried out since the last question."""
        events = self._world.happened.after(self._read)
        self._read = self._world.happened.last
        return [event for _, event in events]

    def next(self) -> tuple[datetime, Event | None] | None:
        """Return the next instant, and the event there if it is one to be told."""
        self._look()
        schedule = self._world.schedule
        work_at = schedule.next_at if self._all_of_it else schedule.next_needed_at
        queue = self._queue
        if work_at <= self._limit and not (queue and _at(queue[0]) <= work_at):
            return work_at, None
        if not queue or not (self._all_of_it or self._is_needed(work_at)):
            return None
        event = queue.popleft()
        return _at(event), event

    def _look(self) -> None:
        """Read anew what lies ahead where what was done may have changed it."""
        world, now = self._world, self._world.clock.now()
        state = (world.plans, tuple(world.delayed))
        if self._known != state:
            self._known = state
            here = [each for each in self._queue if each.at == now]
            self._queue = deque([*here, *forecast.due(world, now, self._limit)])

    def _is_needed(self, work_at: datetime) -> bool:
        """Whether there is work ahead; that a token expires is none."""
        return work_at <= self._limit or any(
            each.name != "expired" for each in self._queue
        )


def _at(event: Event) -> datetime:
    return event.at or END


def _asked(world: World, call: Call) -> datetime:
    now = world.clock.now()
    if "next" in call.body:
        certain = (each.at for each in forecast.work(world, now) if each.at)
        return next(certain, now)
    by = _duration(call, now)
    if by < timedelta():
        raise Refusal(TIME_PASSED, f"it is {dates.stamp(now)} there already")
    if by > END - now:
        raise Refusal(TIME_TOO_FAR, "the world ends with the year 8999")
    return now + by


def _duration(call: Call, now: datetime) -> timedelta:
    if "seconds" in call.body:
        return timedelta(seconds=call.body["seconds"])
    return dates.stamped(call.body["to"], "to") - now


def _read(world: World) -> Row:
    return {"now": dates.stamp(world.clock.now()), "rate": world.clock.rate}


def _ran(world: World, happened: list[Event]) -> Reply:
    pending = forecast.work(world, world.clock.now())[:LISTED]
    return Reply(
        {
            **_read(world),
            "happened": [shown(each) for each in happened],
            "pending": [shown(each) for each in pending],
        }
    )


def shown(event: Event) -> Row:
    """Return *event* as an answer lists it; what it does not have is left out."""
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
        "at": dates.stamp(event.at) if event.at else None,
        "event": event.name,
        **{name: fact for name, fact in facts.items() if fact},
    }
