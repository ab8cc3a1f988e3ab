"""What is due in a world, carried out: each thing at its instant, in order.

Whoever comes to a world first brings it up to the time; what is read there never
depends on when it is read.
"""

from datetime import datetime
from functools import partial

from emulator.domain.refusals import Refusal
from emulator.operations import happenings, receipts
from emulator.transaction import NOTHING, set_aside, transact
from emulator.world import World

TURN = 50  # things after which others are let in


def catch_up(
    world: World, now: datetime, most: int = TURN, *, left: str = NOTHING
) -> bool:
    """Carry out so much of what has fallen due until *now*; return whether it was all.

    Each thing is a transaction; what the store refuses stays due, and it is said what
    is *left* of what was asked for.
    """
    schedule = world.schedule
    for _ in range(most):
        if schedule.next_at > now:
            break
        at, work = schedule.next()
        try:
            carried_out = partial(happenings.carry_out, world, work, at)
            transact(world.commons, carried_out, left=left)
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001 - it is set aside, and in the log
            if not world.trouble:
                set_aside(world, error)
            return True
        schedule = world.schedule
    receipts.log_dropped(world)
    world.commons.store.note(world)
    return schedule.next_at > now


def come_early(world: World, number: int, now: datetime) -> bool:
    """Let handsets answer a campaign before it is sent, where a fault asks for that.

    Return whether one does.
    """
    steps, came = happenings.come_early(world, number, now), False
    while transact(world.commons, lambda: next(steps, None)) is not None:
        came = True
    return came
