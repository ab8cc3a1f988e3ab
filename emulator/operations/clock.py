"""The clock of a world, in a test's hand."""

from datetime import UTC, datetime, timedelta

from emulator.domain import dates
from emulator.domain.refusals import (
    TIME_PASSED,
    TIME_TOO_FAR,
    WRONG_FORMAT,
    Refusal,
)
from emulator.operations.call import Call, Reply
from emulator.world import World

LAST = datetime(9000, 1, 1, tzinfo=UTC)  # what is reckoned from a date has room beyond


def get_clock(world: World, _call: Call) -> Reply:
    return _read(world)


def set_clock(world: World, call: Call) -> Reply:
    """Freeze (rate 0), run (1) or scale the clock; it goes on from where it stands."""
    world.clock.run(call.body["rate"])
    return _read(world)


def advance_clock(world: World, call: Call) -> Reply:
    """Jump ahead, by seconds or to an instant.  Refuses a way back."""
    by = _asked(call)
    if by < timedelta():
        raise Refusal(TIME_PASSED, f"it is {dates.stamp(call.now)} there already")
    if by > LAST - call.now:
        raise Refusal(TIME_TOO_FAR, "the world ends with the year 8999")
    world.clock.advance(by)
    return _read(world)


def _asked(call: Call) -> timedelta:
    if "seconds" in call.body:
        return timedelta(seconds=call.body["seconds"])
    try:
        return datetime.fromisoformat(call.body["to"]) - call.now
    except ValueError as error:
        raise Refusal(WRONG_FORMAT, str(error), field="to") from None


def _read(world: World) -> Reply:
    clock = world.clock
    return Reply({"now": dates.stamp(clock.now()), "rate": clock.rate})
