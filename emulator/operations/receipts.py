"""Receipts: made when a fate is known, held until somebody takes them, tried again.

They leave by SMPP: a desk that can send one takes it and says what came of it.
"""

from collections import deque
from datetime import datetime
from typing import NamedTuple

from emulator.domain import dates, dlr
from emulator.domain import receipt as receipts
from emulator.domain.command_status import Status, named
from emulator.domain.delivery import DELIVER_SM, Attempt, Delivery, Kind, Verdict
from emulator.domain.receipt import Receipt
from emulator.domain.smpp import wants_receipt
from emulator.domain.sms import Campaign
from emulator.event import Event
from emulator.world import Mailed, World

SCHEME = "smpp:"
# What a client says that may take the receipt later (SMPP 3.4, 5.1.3).
LATER = frozenset({Status.ESME_RX_T_APPN, Status.ESME_RMSGQFUL})
UNANSWERED = -1  # in the place of a status


class Acknowledged(NamedTuple):
    """A receipt that was sent, and that its client answered or did not."""

    delivery: int  # its id
    session: str  # its number, or how it ended
    fault: str = ""  # the id of the rule that struck it


def tell(world: World, number: int, at: datetime) -> None:
    """Make the receipt of the fate of a campaign that is known next, if one is due."""
    campaign, submission = world.campaigns[number], world.submissions[number]
    following = receipts.next_told(campaign, submission)
    if following is None:
        return
    index, known_at = following
    world.keep(submission._replace(told=submission.told + 1))
    made = receipts.receipt(campaign, submission, index, known_at)
    if wants_receipt(submission.registered, made.state):
        delivery = _delivery(world, campaign, index, made, at)
        world.outbox.receipts[delivery.id] = made
        world.keep(Mailed(delivery))
        post(world, delivery)


def post(world: World, delivery: Delivery) -> None:
    """Put a receipt where its client takes it, and tell who can carry it.

    The oldest one is dropped where too many wait.
    """
    system_id = delivery.url.removeprefix(SCHEME)
    waiting = world.outbox.mail.setdefault(system_id, deque())
    waiting.append(delivery)
    if len(waiting) == 1:  # else they know that something waits
        for link in world.receivers(system_id):
            link.wake()
            break
    if len(waiting) > world.account.access.centre.held:
        world.keep(waiting.popleft().dropped())


def take(world: World, system_id: str, now: datetime) -> Delivery | None:
    """Return the next receipt for a client; those that are too old are dropped."""
    waiting = world.outbox.mail.get(system_id)
    longest = world.account.access.centre.held_for
    while waiting:
        delivery = world.deliveries.get(waiting.popleft().id)
        if delivery is None or delivery.is_over:
            continue
        if now - delivery.made_at <= longest:
            world.outbox.posted[delivery.id] = None
            return delivery
        world.keep(delivery.dropped())
        world.commit(happened=True)
    return None


def put_back(world: World, delivery: Delivery) -> None:
    """Let a receipt that was taken and has not left wait for somebody else."""
    world.outbox.posted.pop(delivery.id, None)
    post(world, delivery)


def of(world: World, delivery: Delivery) -> Receipt | None:
    """Return what a delivery tells; None where its campaign is gone."""
    if delivery.id in world.outbox.receipts:
        return world.outbox.receipts[delivery.id]
    campaign = world.campaign_of(delivery.message)
    if campaign is None or campaign.id not in world.submissions:
        return None
    index = delivery.message - campaign.first_message
    submission = world.submissions[campaign.id]
    following = dlr.final_at(campaign, index) or delivery.made_at
    known_at = max(following, delivery.made_at)  # a fault tells it before its time
    return receipts.receipt(campaign, submission, index, known_at)


def is_due_next(world: World, message: int) -> bool:
    """Return whether the next receipt of a message would leave before any other."""
    found = world.submitted(message)
    if found is None:
        return False
    campaign, submission = found
    following = receipts.next_told(campaign, submission)
    if following is None or world.outbox.mail.get(submission.system_id):
        return False
    made = receipts.receipt(campaign, submission, *following)
    return wants_receipt(submission.registered, made.state)


def answered(
    world: World, receipt: Acknowledged, status: int, *, now: datetime
) -> None:
    """Keep what a client answered to a receipt, or that it did not.

    Source: SMPP 3.4, 5.1.3: a temporary error is tried later, another is the end.
    """
    outbox, number = world.outbox, receipt.delivery
    outbox.posted.pop(number, None)
    delivery = world.deliveries.get(number)
    if delivery is None or delivery.is_over:
        return
    next_at = None
    if status == UNANSWERED:
        next_at = now
    elif status in LATER:
        next_at = now + world.account.access.centre.retry_after
    verdict, url = _verdict(status), f"{delivery.url}/{receipt.session}"
    attempt = Attempt(
        now, DELIVER_SM, url, verdict, max(status, 0), (), "", _says(status)
    )
    if next_at is None:
        outbox.receipts.pop(number, None)
    tried = delivery.answered(attempt, next_at)
    world.keep(tried._replace(fault=receipt.fault or tried.fault))
    world.keep(Event(now, "pushed", delivery=number, verdict=str(verdict)))
    world.tally.attempts[str(delivery.kind), str(verdict)] += 1
    world.commit(happened=True)


def _delivery(
    world: World, campaign: Campaign, index: int, made: Receipt, at: datetime
) -> Delivery:
    account, system_id = world.account, world.submissions[campaign.id].system_id
    to = campaign.recipients.numbers[index]
    second = made.done_at.replace(microsecond=0)
    facts: dict[str, str | int] = {
        "response": receipts.text(
            made, account.access.bind(system_id).receipts, account.zone
        ),
        "cellphone": to,
        "message_id": made.message,
        "state": receipts.WORDS[made.state],
        "date": dates.shown(second, account.zone),
    }
    return Delivery(
        world.upcoming("delivery"),
        Kind.RECEIPT,
        SCHEME + system_id,
        facts,
        at,
        at,
        number=to,
        message=campaign.first_message + index,
    )


def _verdict(status: int) -> Verdict:
    if status == Status.ESME_ROK:
        return Verdict.ACCEPTED
    return Verdict.TIMED_OUT if status == UNANSWERED else Verdict.BAD_STATUS


def _says(status: int) -> str:
    if status == Status.ESME_ROK:
        return ""
    if status == UNANSWERED:
        return "no deliver_sm_resp came before the session ended or its timer did"
    return f"answer deliver_sm with ESME_ROK, not with {named(status)}"
