"""The clock of a world, in a test's hand."""

from collections import deque
from collections.abc import Callable, Generator
from datetime import datetime, timedelta

from emulator import agenda
from emulator.agenda import Event
from emulator.domain import dates
from emulator.domain.refusals import (
    TIME_PASSED,
    TIME_TOO_FAR,
    Refusal,
)
from emulator.domain.timeline import END
from emulator.operations.call import Call, Pause, Reply, Row, Steps
from emulator.world import World

MOST = 10_000  # events that settle carries out at most
LONGEST = timedelta(days=7)  # of the world, that settle goes on at most
LISTED = 1_000  # pending events
TURN = 100  # events after which others are let in
LET_IN = Pause(seconds=0)

Target = Callable[[], datetime]


def get_clock(world: World, _call: Call) -> Reply:
    return Reply(_read(world))


def set_clock(world: World, call: Call) -> Reply:
    """Freeze (rate 0), run (1) or scale the clock; it goes on from where it stands."""
    world.needs_rest()
    world.clock.run(call.body["rate"])
    return Reply(_read(world))


def advance_clock(world: World, call: Call) -> Steps:
    """Jump ahead, and carry out what falls due on the way.  Refuses a way back.

    Refuses while the clock of this world is being moved already.
    """
    world.needs_rest()
    target = _asked(world, call)
    with world.moved():
        happened = yield from _carried_out(world, lambda: target)
        world.clock.advance(max(target - world.clock.now(), timedelta()))
    return _ran(world, happened)


def settle_world(world: World, call: Call) -> Steps:
    """Carry out all that is left to happen by itself, within bounds.

    The clock stops at the last event, not at the bound.  Refuses as advancing does.
    """
    world.needs_rest()
    longest = timedelta(seconds=call.body.get("seconds", LONGEST.total_seconds()))
    most = call.body.get("events", MOST)
    with world.moved():
        limit = world.clock.now() + min(longest, END - world.clock.now())

        def last() -> datetime:
            now = world.clock.now()
            work = agenda.work(world, now)
            return max(
                (each.at for each in work if each.at and each.at <= limit), default=now
            )

        happened = yield from _carried_out(world, last, most)
    return _ran(world, happened)


def _carried_out(
    world: World, target: Target, most: int | None = None
) -> Generator[Pause, bool, list[Event]]:
    """Put the clock to each event in turn, up to *target*, and return what happened."""
    happened: list[Event] = []
    queue: deque[Event] = deque()
    known = None
    while most is None or len(happened) < most:
        now = world.clock.now()
        if known != (state := (world.edition, tuple(world.delayed))):
            known = state  # what was done meanwhile may have changed what follows
            due = agenda.due(world, now, target())
            queue = deque([*(each for each in queue if each.at == now), *due])
        if not queue:
            break
        event = queue.popleft()
        world.clock.advance((event.at or now) - now)
        happened.append(event)
        while event.ticket in world.delayed:
            world.ring()
            yield Pause()
        if len(happened) % TURN == 0:
            world.ring()
            yield LET_IN
    return happened


def _asked(world: World, call: Call) -> datetime:
    now = world.clock.now()
    if "next" in call.body:
        certain = (each.at for each in agenda.work(world, now) if each.at)
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
    pending = agenda.work(world, world.clock.now())[:LISTED]
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
        "waits_for": event.waits_for,
    }
    return {
        "at": dates.stamp(event.at) if event.at else None,
        "event": event.name,
        **{name: fact for name, fact in facts.items() if fact},
    }
