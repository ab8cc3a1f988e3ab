"""Receipts: made when a fate is known, held until somebody takes them, tried again.

They leave by SMPP: a desk that can send one takes it and says what came of it.
"""

from collections import deque
from datetime import datetime

from emulator.domain import dates, dlr
from emulator.domain import receipt as receipts
from emulator.domain.command_status import Status, named
from emulator.domain.delivery import Attempt, Delivery, Kind, Verdict
from emulator.domain.receipt import Receipt
from emulator.domain.smpp import cellphone, wants_receipt
from emulator.event import Event
from emulator.world import Mailed, World

SCHEME = "smpp:"
# What a client says that may take the receipt later (SMPP 3.4, 5.1.3).
LATER = frozenset({Status.ESME_RX_T_APPN, Status.ESME_RMSGQFUL})
UNANSWERED = -1  # in the place of a status


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
        message = campaign.first_message + index
        delivery = _delivery(world, submission.system_id, made, at, message=message)
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
    if len(waiting) > world.account.access.centre.held:
        world.keep(waiting.popleft().dropped())
    for link in world.receivers(system_id):
        link.wake()
        break


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


def answered(world: World, number: int, session: str, status: int) -> None:
    """Keep what a client answered to a receipt, or that it did not.

    Source: SMPP 3.4, 5.1.3: a temporary error is tried later, another is the end.
    """
    outbox, now = world.outbox, world.clock.now()
    outbox.posted.pop(number, None)
    delivery = world.deliveries.get(number)
    if delivery is None or delivery.is_over:
        return
    next_at = None
    if status == UNANSWERED:
        next_at = now
    elif status in LATER:
        next_at = now + world.account.access.centre.retry_after
    attempt = Attempt(
        at=now,
        method="deliver_sm",
        url=f"{delivery.url}/{session}",
        verdict=_verdict(status),
        status=max(status, 0),
        says=_says(status),
    )
    if next_at is None:
        outbox.receipts.pop(number, None)
    world.keep(delivery.answered(attempt, next_at))
    world.keep(Event(now, "pushed", delivery=number, verdict=str(attempt.verdict)))
    world.tally.attempts[str(delivery.kind), str(attempt.verdict)] += 1
    world.commit(happened=True)


def _delivery(
    world: World, system_id: str, made: Receipt, at: datetime, *, message: int
) -> Delivery:
    form = world.account.access.bind(system_id).receipts
    to = cellphone(made.source.number)
    second = made.done_at.replace(microsecond=0)
    return Delivery(
        id=world.upcoming("delivery"),
        kind=Kind.RECEIPT,
        url=f"{SCHEME}{system_id}",
        facts={
            "response": receipts.text(made, form, world.account.zone),
            "cellphone": to,
            "message_id": made.message,
            "state": receipts.WORDS[made.state],
            "date": dates.shown(second, world.account.zone),
        },
        made_at=at,
        due_at=at,
        number=to,
        message=message,
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
