"""Carry out one piece of due work of a world, at its instant."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from emulator.domain.delivery import DeliveryKind
from emulator.domain.replies import draw_replies
from emulator.faults import FaultPhase, FaultPlace, FaultRule
from emulator.operations.background import receipts
from emulator.operations.background.inbound import has_push_target, keep_inbound_text
from emulator.operations.background.outgoing import (
    InboundText,
    choose_reply_kind,
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

# Replies to a campaign that may come before the answer to its sender
EARLY_REPLIES_LIMIT = 1_000


def carry_out_work(world: World, work: Work, at: datetime) -> None:
    """Carry out the next due work and remove it from the queue."""
    world.run_on_commit(lambda: world.work_queue.pop(at))
    if isinstance(work, ReplyWork):
        _receive_reply(world, work, at)
    elif isinstance(work, ReceiptWork):
        receipts.make_next_receipt(world, work.campaign, at)
    elif isinstance(work, ExpiryWork):
        receipts.drop_excess_receipts(world, work.system_id, at)
    else:
        _queue_delivery(world, work, at)


def make_early_replies(world: World, number: int, now: datetime) -> Iterator[int]:
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
    world.run_on_commit(lambda: outbox.add_delivery(delivery))
    if not delivery.behind:
        for each in outbox.deferred_ids(delivery.url):
            world.keep_change(world.deliveries[each].retry_now(at))
    world.run_on_commit(world.wake_courier)
