"""Receipts: made when a fate is known, held until somebody takes them, tried again.

They leave by SMPP: a desk that can send one takes it and says what came of it.
"""

import logging
from collections.abc import Iterable
from datetime import datetime
from itertools import islice

from msgspec import Struct

from emulator.domain import dates, dlr
from emulator.domain import receipt as receipts
from emulator.domain.command_status import Status, named
from emulator.domain.delivery import DELIVER_SM, Attempt, Delivery, Kind, Verdict
from emulator.domain.receipt import Receipt
from emulator.domain.smpp import wants_receipt
from emulator.domain.sms import Campaign
from emulator.timekeeping.event_log import Event
from emulator.operations.background import pdu_journal
from emulator.world.outbox import Outbox
from emulator.world import Leaving, Mailed, World

SCHEME = "smpp:"
# What a client says that may take the receipt later (SMPP 3.4, 5.1.3).
LATER = frozenset({Status.ESME_RX_T_APPN, Status.ESME_RMSGQFUL})
UNANSWERED = -1  # in the place of a status
AT_ONCE = 100  # receipts that are dropped in one step
TOO_MANY, TOO_OLD = "too_many", "too_old"  # why receipts are dropped
DROPPED = "dropped"  # in the journal, and in the log of events

log = logging.getLogger("emulator")


class Acknowledged(Struct, frozen=True, gc=False):
    """What became of a receipt that was sent."""

    outbox: Outbox  # that it was taken from; a world that is reset has another one
    delivery: int  # its id
    status: int  # of the answer, or UNANSWERED
    at: datetime
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
        world.keep(Mailed(delivery))
        world.then(lambda: post(world, delivery, at, made))


def post(
    world: World, delivery: Delivery, at: datetime, made: Receipt | None = None
) -> None:
    """Let a receipt wait for its client from *at* on, and tell who can carry it.

    Where nobody can, it is looked after which are too old or too many.
    """
    outbox = world.outbox
    if made is not None:
        outbox.receipts[delivery.id] = made
    system_id = delivery.url.removeprefix(SCHEME)
    waiting = outbox.post(system_id, delivery)
    if len(waiting) == 1:  # else they know that something waits
        for link in world.receivers(system_id):
            link.wake()
            return
    elif (
        len(waiting) <= world.account.access.centre.held and waiting[0] is not delivery
    ):
        return
    world.schedule.expire(system_id, at)


def bound(world: World, system_id: str, at: datetime) -> None:
    """Drop what waits too long, or is too much, where a client has no receiver.

    What is left is looked at again when the oldest of it is too old.
    """
    waiting = world.outbox.mail.get(system_id, ())
    if not waiting or any(world.receivers(system_id)):
        world.then(lambda: world.schedule.expire(system_id, None))
        return
    centre = world.account.access.centre
    many = len(waiting) - centre.held
    gone = 0
    for each in islice(waiting, AT_ONCE):
        is_old = each.made_at + centre.held_for <= at
        if not is_old and gone >= many:
            break
        _drop(world, each, TOO_OLD if is_old else TOO_MANY, at)
        gone += 1
    left = next(islice(waiting, gone, None), None)
    next_at = None if left is None else max(at, left.made_at + centre.held_for)
    if left is not None and gone < many:
        next_at = at
    world.then(lambda: world.schedule.expire(system_id, next_at))


def take(world: World, system_id: str) -> Delivery | None:
    """Return the next receipt for a client."""
    outbox = world.outbox
    waiting = outbox.mail.get(system_id)
    while waiting:
        delivery = world.deliveries.get(waiting.popleft().id)
        if delivery is not None and not delivery.is_over:
            outbox.posted[delivery.id] = None
            return delivery
    return None


def send_off(world: World, numbers: Iterable[int]) -> None:
    """Keep that receipts are about to leave."""
    for each in numbers:
        world.keep(Leaving(each))


def leave(world: World, system_id: str, taken: Delivery | None = None) -> None:
    """Let receipts wait for want of a receiver, and with them one that has not left."""
    if taken is not None:
        world.outbox.posted.pop(taken.id, None)
        world.outbox.post(system_id, taken)
    world.schedule.expire(system_id, world.clock.now())
    world.alarm()


def log_dropped(world: World) -> None:
    """Write into the log how many receipts have been dropped since the last time."""
    if world.outbox.dropped:
        for (system_id, why), count in world.outbox.dropped.items():
            log.warning(
                "world %s: dropped %s for %s: %s",
                *(world.name, _so_many(count), system_id, _says_why(world, why)),
            )
        world.outbox.dropped.clear()


def of(world: World, delivery: Delivery) -> Receipt | None:
    """Return what a delivery tells; None where its campaign is gone."""
    if known := world.outbox.receipts.get(delivery.id):
        return known
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


def answered(world: World, acknowledged: Iterable[Acknowledged]) -> None:
    """Keep what a client answered to receipts, or that it did not.

    Source: SMPP 3.4, 5.1.3: a temporary error is tried later, another is the end.
    """
    for each in acknowledged:
        if each.outbox is world.outbox:
            _answered(world, each)


def _answered(world: World, receipt: Acknowledged) -> None:
    number, status, now = receipt.delivery, receipt.status, receipt.at
    delivery = world.deliveries.get(number)
    if delivery is None or delivery.is_over:
        world.outbox.posted.pop(number, None)
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
    tried = delivery.answered(attempt, next_at, receipt.fault)
    world.then(lambda: _count(world, tried, verdict))
    world.keep(tried)
    world.keep(Event(now, "pushed", delivery=number, verdict=str(verdict)))


def _count(world: World, tried: Delivery, verdict: Verdict) -> None:
    """Expect no answer any more, and count the attempt."""
    world.outbox.take_back(tried)
    world.tally.attempts[str(tried.kind), str(verdict)] += 1


def _drop(world: World, delivery: Delivery, why: str, at: datetime) -> None:
    """Drop a receipt that nobody has taken, and put that on record."""
    world.keep(delivery.dropped())
    world.keep(Event(at, DROPPED, delivery=delivery.id, verdict=why))
    world.then(lambda: _dropped(world, delivery, why, at))


def _dropped(world: World, delivery: Delivery, why: str, at: datetime) -> None:
    """Let a receipt wait no longer, which has been dropped."""
    system_id = delivery.url.removeprefix(SCHEME)
    waiting = world.outbox.mail[system_id]
    if waiting[0].id == delivery.id:  # always, as the oldest are dropped
        waiting.popleft()
    world.outbox.receipts.pop(delivery.id, None)
    world.outbox.dropped[system_id, why] += 1
    world.tally.dropped[why] += 1
    says = f"the receipt of message {delivery.message}: {_says_why(world, why)}"
    pdu_journal.record_without(world.journal, at, DROPPED, delivery, says)


def _says_why(world: World, why: str) -> str:
    centre = world.account.access.centre
    if why == TOO_OLD:
        seconds = centre.held_for.total_seconds()
        return f"no receiver was bound within {seconds:g} s (smpp.held_for)"
    return f"no receiver is bound, and {centre.held} may wait for one (smpp.held)"


def _so_many(count: int) -> str:
    return "a receipt" if count == 1 else f"{count:,} receipts"


def _delivery(
    world: World, campaign: Campaign, index: int, made: Receipt, at: datetime
) -> Delivery:
    account, system_id = world.account, world.submissions[campaign.id].system_id
    to = campaign.recipients.numbers[index]
    facts: dict[str, str | int] = {
        "response": receipts.text(
            made, account.access.bind(system_id).receipts, account.zone
        ),
        "cellphone": to,
        "message_id": made.message,
        "state": receipts.WORDS[made.state],
        "date": dates.shown(made.done_at, account.zone),
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
