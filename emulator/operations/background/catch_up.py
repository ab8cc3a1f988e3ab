"""Carry out the work that is due in a world: each piece at its instant, in order.

Each request to a world first brings it up to the time; what is read there never
depends on when it is read.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from itertools import islice

from emulator.domain.delivery import DeliveryKind
from emulator.domain.refusals import Refusal
from emulator.domain.replies import draw_replies
from emulator.faults import FaultPhase, FaultPlace, FaultRule
from emulator.operations.background import receipts
from emulator.operations.background.inbound import (
    InboundText,
    choose_reply_kind,
    has_push_target,
    keep_inbound_text,
    make_call_facts,
)
from emulator.timekeeping.work_queue import (
    DeliveryWork,
    ExpiryWork,
    ReceiptWork,
    ReplyWork,
    Work,
)
from emulator.world import HandsetAnswered, HandsetAnsweredEarly, World
from emulator.world.transaction import NOTHING_CHANGED, run_transaction, set_world_aside

CATCH_UP_LIMIT = 50  # works; then other requests run
# Replies to a campaign that may come before the answer to its sender
EARLY_REPLIES_LIMIT = 1_000


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
    if world.outbox.unlogged_drops:
        receipts.log_dropped_receipts(world)
        world.shared.store.mark_journal_dirty(world)
    return world.work_queue.next_at > now


def _carry_out_next(world: World, now: datetime) -> None:
    """Carry out the next due work, unless another request has done it."""
    if world.work_queue.next_at <= now:
        at, work = world.work_queue.peek()
        carry_out_work(world, work, at)


def carry_out_work(world: World, work: Work, at: datetime) -> None:
    """Carry out the next due work and remove it from the queue."""
    world.run_on_commit(partial(world.work_queue.pop, at))
    if isinstance(work, ReplyWork):
        _receive_reply(world, work, at)
    elif isinstance(work, ReceiptWork):
        receipts.make_next_receipt(world, work.campaign, at)
    elif isinstance(work, ExpiryWork):
        receipts.drop_excess_receipts(world, work.system_id, at)
    else:
        _queue_delivery(world, work, at)


def _receive_reply(world: World, work: ReplyWork, at: datetime) -> None:
    campaign, reply = world.campaigns[work.campaign], work.reply
    number = campaign.recipients.numbers[reply.place]
    keep_inbound_text(world, InboundText(number, reply.text, at, campaign, reply.place))
    world.keep_change(HandsetAnswered(campaign.id))


def _queue_delivery(world: World, work: DeliveryWork, at: datetime) -> None:
    """Put a delivery into the outbox, and after it those that waited for it."""
    delivery, outbox = world.deliveries[work.delivery], world.outbox
    if delivery.kind is DeliveryKind.RECEIPT:
        world.run_on_commit(lambda: receipts.queue_receipt(world, delivery, at))
        return
    if not delivery.behind:
        for each in outbox.deferred_ids(delivery.url):
            world.keep_change(world.deliveries[each].retry_now(at))
    world.run_on_commit(partial(outbox.add_delivery, delivery))
    world.run_on_commit(partial(world.shared.wake_courier, world))


async def send_early_replies(world: World, number: int, now: datetime) -> bool:
    """Let handsets answer a campaign before it is sent, where a fault asks for that.

    Return whether one does.
    """
    steps, came = _make_early_replies(world, number, now), False
    while await run_transaction(world, lambda: next(steps, None)) is not None:
        came = True
    return came


def _make_early_replies(world: World, number: int, now: datetime) -> Iterator[int]:
    """Let handsets answer a campaign before it is sent, where a fault asks for that.

    Yield the place of each that has; its changes are then to be committed.
    """
    campaign = world.campaigns[number]
    early: set[int] = set()
    for reply in islice(
        draw_replies(campaign, world.account.seed), EARLY_REPLIES_LIMIT
    ):
        phone = campaign.recipients.numbers[reply.place]
        text = InboundText(phone, reply.text, now, campaign, reply.place)
        if reply.place in early:
            continue
        if rule := _find_early_fault(world, text):
            early.add(reply.place)
            keep_inbound_text(world, text._replace(fault=rule.id))
            world.keep_change(HandsetAnsweredEarly(number, reply.place))
            yield reply.place


def _find_early_fault(world: World, text: InboundText) -> FaultRule | None:
    """Return the fault rule that makes *text* come early, if it causes a push."""
    if not (world.faults and has_push_target(world, text)):
        return None
    facts = make_call_facts(text, choose_reply_kind(world, text), FaultPhase.EARLY)
    return world.match_fault_rule(facts, FaultPlace.PUSH)
