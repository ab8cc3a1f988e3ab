"""Carry out the work that is due in a world: each at its instant, in order.

Each request to a world first brings it up to the time; what is read there never
depends on when it is read.
"""

from datetime import datetime
from functools import partial

from emulator.domain.refusals import Refusal
from emulator.operations.background import due, receipts
from emulator.world import World
from emulator.world.transaction import NOTHING_CHANGED, run_transaction, set_world_aside

CATCH_UP_LIMIT = 50  # works; then other requests run


async def catch_up(
    world: World,
    now: datetime,
    most: int = CATCH_UP_LIMIT,
    *,
    left: str = NOTHING_CHANGED,
) -> bool:
    """Carry out up to *most* works that are due until *now*; return whether it was all.

    Each is a transaction; what the store refuses stays due, and the refusal says what
    is *left* of the request.
    """
    for _ in range(most):
        if world.work_queue.next_at > now:
            break
        try:
            await run_transaction(
                world, partial(_carry_out_next, world, now), left=left
            )
        except Refusal:
            raise
        except Exception as error:  # noqa: BLE001 - it is set aside, and in the log
            if not world.trouble:
                set_world_aside(world, error)
            return True
    receipts.log_dropped_receipts(world)
    world.shared.store.mark_journal_dirty(world)
    return world.work_queue.next_at > now


def _carry_out_next(world: World, now: datetime) -> None:
    """Carry out the next due work, unless another request has done it."""
    if world.work_queue.next_at <= now:
        at, work = world.work_queue.peek()
        due.carry_out_work(world, work, at)


async def send_early_replies(world: World, number: int, now: datetime) -> bool:
    """Let handsets answer a campaign before it is sent, where a fault asks for that.

    Return whether one does.
    """
    steps, came = due.make_early_replies(world, number, now), False
    while await run_transaction(world, lambda: next(steps, None)) is not None:
        came = True
    return came
