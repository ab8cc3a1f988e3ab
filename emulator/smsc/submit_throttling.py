"""Submits that ask for receipts while too many wait: put off, or declined."""

import logging
from datetime import datetime
from typing import Any

from emulator.domain.command_status import SmppRefusal
from emulator.domain.refusals import Refusal
from emulator.domain.smpp import RECEIPT_BITS
from emulator.network.eager import start_eagerly
from emulator.operations.background.catch_up import catch_up
from emulator.smsc.commands import SUBMIT_COMMANDS
from emulator.smsc.receipt_backlog import ReceiptBacklog
from emulator.smsc.receipt_dispatcher import ReceiptDispatcher
from emulator.world import World

CATCH_UP_PER_SUBMIT = 8  # things that are due, with each submit_sm

log = logging.getLogger("emulator")


def find_submit_backlog(
    dispatcher: ReceiptDispatcher, world: World, system_id: str, pdu: Any
) -> ReceiptBacklog | None:
    """Return what keeps a request from being carried out, if anything does."""
    if pdu.command not in SUBMIT_COMMANDS:
        return None
    if not pdu.body.registered_delivery & RECEIPT_BITS:
        return None
    waiting = len(world.outbox.receipt_queues.get(system_id, ()))
    if (
        waiting + len(world.work_queue)
        < world.account.access.centre.max_queued_receipts
    ):
        return None  # whatever is due by now
    if not dispatcher.has_receiver(world, system_id):
        return None  # those that are too many are dropped instead
    _start_catch_up(world)
    return dispatcher.find_full_backlog(world, system_id)


def require_receipt_room(
    dispatcher: ReceiptDispatcher, world: World, system_id: str, registered: int
) -> None:
    """Decline another receipt for a client that acknowledges none.

    Source: assumption SMP-11.
    """
    if not registered & RECEIPT_BITS:
        return
    if dispatcher.is_stalled(world, system_id):
        centre = world.account.access.centre
        why = (
            f"{centre.max_queued_receipts} receipts wait (smpp.max_queued_receipts), "
            "and none was acknowledged "
            f"for {centre.throttle_after:g} s: answer each deliver_sm"
        )
        raise SmppRefusal(centre.queue_full_status, why)


def _start_catch_up(world: World) -> None:
    """Make the receipts of what came before, so that they are counted."""
    now = world.clock.now()
    if world.work_queue.next_at <= now:
        start_eagerly(_run_catch_up(world, now))


async def _run_catch_up(world: World, now: datetime) -> None:
    try:
        await catch_up(world, now, CATCH_UP_PER_SUBMIT)
    except Refusal as refusal:  # of the disk: it stays due
        log.warning("world %s: %s", world.name, refusal.why)
