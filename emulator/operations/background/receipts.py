"""Receipts: made when a state is final, queued until a session takes them, retried.

They leave by SMPP: a session that can send one takes it and reports the outcome.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from msgspec import Struct

from emulator.domain import dates, dlr
from emulator.domain import receipt as receipts
from emulator.domain.command_status import CommandStatus, describe_command_status
from emulator.domain.delivery import (
    RECEIPT_METHOD,
    Attempt,
    Delivery,
    DeliveryKind,
    Verdict,
)
from emulator.domain.receipt import Receipt
from emulator.domain.smpp import wants_receipt
from emulator.domain.sms import SmsCampaign
from emulator.operations.background import pdu_journal
from emulator.timekeeping.event_log import WorldEvent
from emulator.world import DeliveryStarted, ReceiptQueued, World
from emulator.world.outbox import Outbox

SCHEME = "smpp:"
# What a client says that may take the receipt later (SMPP 3.4, 5.1.3).
RETRY_STATUSES = frozenset({CommandStatus.ESME_RX_T_APPN, CommandStatus.ESME_RMSGQFUL})
UNANSWERED = -1  # in the place of a status
DROPS_PER_STEP = 100  # receipts that are dropped in one step
DROP_TOO_MANY, DROP_TOO_OLD = "too_many", "too_old"  # why receipts are dropped
DROPPED = "dropped"  # in the journal, and in the log of events

log = logging.getLogger("emulator")


class ReceiptAcknowledgement(Struct, frozen=True, gc=False):
    """The answer to a receipt that was sent."""

    outbox: Outbox  # that it was taken from; a world that is reset has another one
    delivery: int  # its id
    status: int  # of the answer, or UNANSWERED
    at: datetime
    session: str  # its number, or how it ended
    fault: str = ""  # the id of the rule that struck it


def make_next_receipt(world: World, number: int, at: datetime) -> None:
    """Make the next receipt of a campaign, if its client wants one."""
    campaign, submission = world.campaigns[number], world.submissions[number]
    following = receipts.find_next_receipt(campaign, submission)
    if following is None:
        return
    index, known_at = following
    world.keep_change(submission._replace(told=submission.told + 1))
    made = receipts.make_receipt(campaign, submission, index, known_at)
    if wants_receipt(submission.registered, made.state):
        delivery = _make_delivery(world, campaign, index, made, at)
        world.keep_change(ReceiptQueued(delivery))
        world.run_on_commit(lambda: queue_receipt(world, delivery, at, made))


def queue_receipt(
    world: World, delivery: Delivery, at: datetime, made: Receipt | None = None
) -> None:
    """Queue a receipt for its client at *at*, and notify the dispatcher.

    Without a bound session, the receipts that are too old or too many are dropped.
    """
    outbox = world.outbox
    if made is not None:
        outbox.receipt_contents[delivery.id] = made
    system_id = delivery.url.removeprefix(SCHEME)
    waiting = outbox.queue_receipt(system_id, delivery)
    if len(waiting) == 1:  # else the dispatcher was notified before
        for link in world.find_receivers(system_id):
            link.schedule_flush()
            return
    elif (
        len(waiting) <= world.account.access.centre.max_queued_receipts
        and waiting[0] is not delivery
    ):
        return
    world.work_queue.schedule_expiry(system_id, at)


def drop_excess_receipts(world: World, system_id: str, at: datetime) -> None:
    """Drop the receipts that are too old or too many for a client without a receiver.

    The rest is checked again when the oldest of it is too old.
    """
    waiting = world.outbox.receipt_queues.get(system_id, ())
    if not waiting or any(world.find_receivers(system_id)):
        world.run_on_commit(lambda: world.work_queue.schedule_expiry(system_id, None))
        return
    centre = world.account.access.centre
    many = len(waiting) - centre.max_queued_receipts
    gone = 0
    for each in islice(waiting, DROPS_PER_STEP):
        is_old = each.created_at + centre.receipt_lifetime <= at
        if not is_old and gone >= many:
            break
        _drop_receipt(world, each, DROP_TOO_OLD if is_old else DROP_TOO_MANY, at)
        gone += 1
    left = next(islice(waiting, gone, None), None)
    next_at = (
        None if left is None else max(at, left.created_at + centre.receipt_lifetime)
    )
    if left is not None and gone < many:
        next_at = at
    world.run_on_commit(lambda: world.work_queue.schedule_expiry(system_id, next_at))


def take_next_receipt(world: World, system_id: str) -> Delivery | None:
    """Return the next receipt for a client."""
    outbox = world.outbox
    waiting = outbox.receipt_queues.get(system_id)
    while waiting:
        delivery = world.deliveries.get(waiting.popleft().id)
        if delivery is not None and not delivery.is_over:
            outbox.unacknowledged[delivery.id] = None
            return delivery
    return None


def keep_receipts_leaving(world: World, numbers: Iterable[int]) -> None:
    """Record that receipts are about to leave."""
    for each in numbers:
        world.keep_change(DeliveryStarted(each))


def handle_no_receiver(
    world: World, system_id: str, taken: Delivery | None = None
) -> None:
    """Start the expiry of receipts without a receiver; requeue one that was taken."""
    if taken is not None:
        world.outbox.unacknowledged.pop(taken.id, None)
        world.outbox.queue_receipt(system_id, taken)
    world.work_queue.schedule_expiry(system_id, world.clock.now())
    world.shared.wake_courier(world)


def log_dropped_receipts(world: World) -> None:
    """Log how many receipts were dropped since the last call."""
    if world.outbox.unlogged_drops:
        for (system_id, why), count in world.outbox.unlogged_drops.items():
            log.warning(
                "world %s: dropped %s for %s: %s",
                *(
                    world.name,
                    _describe_count(count),
                    system_id,
                    _describe_drop(world, why),
                ),
            )
        world.outbox.unlogged_drops.clear()


def find_receipt(world: World, delivery: Delivery) -> Receipt | None:
    """Return the receipt of a delivery; None where its campaign is gone."""
    if known := world.outbox.receipt_contents.get(delivery.id):
        return known
    campaign = world.find_campaign_of(delivery.message)
    if campaign is None or campaign.id not in world.submissions:
        return None
    index = delivery.message - campaign.first_message
    submission = world.submissions[campaign.id]
    following = dlr.compute_final_time(campaign, index) or delivery.created_at
    known_at = max(following, delivery.created_at)  # a fault tells it before its time
    return receipts.make_receipt(campaign, submission, index, known_at)


def is_due_next(world: World, message: int) -> bool:
    """Return whether the next receipt of a message would leave before any other."""
    found = world.find_submission(message)
    if found is None:
        return False
    campaign, submission = found
    following = receipts.find_next_receipt(campaign, submission)
    if following is None or world.outbox.receipt_queues.get(submission.system_id):
        return False
    made = receipts.make_receipt(campaign, submission, *following)
    return wants_receipt(submission.registered, made.state)


def keep_acknowledgements(
    world: World, acknowledged: Iterable[ReceiptAcknowledgement]
) -> None:
    """Record the answers of a client to receipts, or that none came.

    Source: SMPP 3.4, 5.1.3: after a temporary error it is sent again, else never.
    """
    for each in acknowledged:
        if each.outbox is world.outbox:
            _keep_acknowledgement(world, each)


def _keep_acknowledgement(world: World, receipt: ReceiptAcknowledgement) -> None:
    number, status, now = receipt.delivery, receipt.status, receipt.at
    delivery = world.deliveries.get(number)
    if delivery is None or delivery.is_over:
        world.outbox.unacknowledged.pop(number, None)
        return
    next_at = None
    if status == UNANSWERED:
        next_at = now
    elif status in RETRY_STATUSES:
        next_at = now + world.account.access.centre.receipt_retry_delay
    verdict, url = _judge_status(status), f"{delivery.url}/{receipt.session}"
    attempt = Attempt(
        now,
        RECEIPT_METHOD,
        url,
        verdict,
        max(status, 0),
        (),
        "",
        _describe_status(status),
    )
    tried = delivery.apply_receipt_attempt(attempt, next_at, receipt.fault)
    world.run_on_commit(lambda: _count_attempt(world, tried, verdict))
    world.keep_change(tried)
    world.keep_change(WorldEvent(now, "pushed", delivery=number, verdict=str(verdict)))


def _count_attempt(world: World, tried: Delivery, verdict: Verdict) -> None:
    """Stop waiting for the answer, and count the attempt."""
    world.outbox.stop_awaiting_response(tried)
    world.shared.counters.attempts[str(tried.kind), str(verdict)] += 1


def _drop_receipt(world: World, delivery: Delivery, why: str, at: datetime) -> None:
    """Drop a receipt that no session has taken, and record it."""
    world.keep_change(delivery.drop())
    world.keep_change(WorldEvent(at, DROPPED, delivery=delivery.id, verdict=why))
    world.run_on_commit(lambda: _forget_receipt(world, delivery, why, at))


def _forget_receipt(world: World, delivery: Delivery, why: str, at: datetime) -> None:
    """Remove a dropped receipt from the queue, count it and journal it."""
    system_id = delivery.url.removeprefix(SCHEME)
    waiting = world.outbox.receipt_queues[system_id]
    if waiting[0].id == delivery.id:  # always, as the oldest are dropped
        waiting.popleft()
    world.outbox.receipt_contents.pop(delivery.id, None)
    drops = world.outbox.unlogged_drops
    drops[system_id, why] = drops.get((system_id, why), 0) + 1
    world.shared.counters.dropped[why] += 1
    says = f"the receipt of message {delivery.message}: {_describe_drop(world, why)}"
    pdu_journal.record_without_pdu(world.journal, at, DROPPED, delivery, says)


def _describe_drop(world: World, why: str) -> str:
    centre = world.account.access.centre
    if why == DROP_TOO_OLD:
        seconds = centre.receipt_lifetime.total_seconds()
        return f"no receiver was bound within {seconds:g} s (smpp.receipt_lifetime)"
    most = centre.max_queued_receipts
    return f"no receiver is bound, and {most} may wait (smpp.max_queued_receipts)"


def _describe_count(count: int) -> str:
    return "a receipt" if count == 1 else f"{count:,} receipts"


def _make_delivery(
    world: World, campaign: SmsCampaign, index: int, made: Receipt, at: datetime
) -> Delivery:
    account, system_id = world.account, world.submissions[campaign.id].system_id
    to = campaign.recipients.numbers[index]
    facts: dict[str, str | int] = {
        "response": receipts.render_receipt_text(
            made, account.access.get_bind(system_id).receipts, account.zone
        ),
        "cellphone": to,
        "message_id": made.message,
        "state": receipts.STATE_WORDS[made.state],
        "date": dates.format_platform_time(made.done_at, account.zone),
    }
    return Delivery(
        world.next["delivery"],
        DeliveryKind.RECEIPT,
        SCHEME + system_id,
        facts,
        at,
        at,
        number=to,
        message=campaign.first_message + index,
    )


def _judge_status(status: int) -> Verdict:
    if status == CommandStatus.ESME_ROK:
        return Verdict.ACCEPTED
    return Verdict.TIMED_OUT if status == UNANSWERED else Verdict.BAD_STATUS


def _describe_status(status: int) -> str:
    if status == CommandStatus.ESME_ROK:
        return ""
    if status == UNANSWERED:
        return "no deliver_sm_resp came before the session ended or its timer did"
    return (
        f"answer deliver_sm with ESME_ROK, not with {describe_command_status(status)}"
    )
