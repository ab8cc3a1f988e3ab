"""SMPP: submitting one by one, and asking after, giving up and replacing what was.

What refuses over HTTP declines here, with a command_status in place of a sentence.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from emulator.domain import dlr, smpp
from emulator.domain.access import Bind
from emulator.domain.command_status import Declined, Status
from emulator.domain.refusals import (
    INSUFFICIENT_BALANCE,
    SERVER_ERROR,
    WORLD_FULL,
    Refusal,
)
from emulator.domain.smpp import MessageState, Order, Submission
from emulator.domain.sms import Campaign, Ids
from emulator.world import World

LONGEST_ID = 18  # digits


class Standing(NamedTuple):
    """Where a message stands."""

    state: MessageState
    final_at: datetime | None  # None until it is final


class Named(NamedTuple):
    """The message that a client means: by its id, and the sender it gave."""

    message_id: bytes
    source: bytes


def submit(world: World, order: Order, *, bind: Bind, now: datetime) -> Submission:
    """Place and charge what *order* asks for.

    A message that it is to replace is given up, if it has not been sent.

    Source: manual SMP-01, SMP-03.
    """
    world.admit(len(order.destinations))
    campaign, submission = smpp.place(
        order,
        bind,
        world.account,
        ids=Ids(world.upcoming("campaign"), world.upcoming("message")),
        now=now,
        world=world.name,
    )
    if order.replaces:
        earlier = world.like(submission)
        if earlier is not None and smpp.is_pending(earlier, now):
            world.keep(dlr.cancel(earlier, now))
    world.keep(campaign)
    world.keep(submission)
    world.charge(campaign.cost, reason="smpp", reference=campaign.id, now=now)
    return submission


def query(world: World, named: Named, *, bind: Bind, now: datetime) -> Standing:
    """Return where a message stands.  Declines one that is not the client's own.

    That of many recipients is on its way until all of them are final, and delivered
    where all of them are; else it stands as the first that is not.

    Source: SMPP 3.4, 4.8, which says nothing of many.
    """
    campaign, _ = _found(world, named, bind, Status.ESME_RQUERYFAIL)
    places = range(campaign.line.messages)
    states = [smpp.state(campaign, each, now) for each in places]
    if MessageState.ENROUTE in states:
        return Standing(MessageState.ENROUTE, None)
    finals = [at for each in places if (at := dlr.final_at(campaign, each))]
    failed = (each for each in states if each is not MessageState.DELIVERED)
    state = next(failed, MessageState.DELIVERED)
    return Standing(state, max(finals, default=None))


def cancel(world: World, named: Named, *, bind: Bind, now: datetime) -> None:
    """Give up a message that has not been sent.  Declines any other.

    Source: SMPP 3.4, 4.9.
    """
    campaign, _ = _found(world, named, bind, Status.ESME_RCANCELFAIL)
    world.keep(smpp.cancel(campaign, now))


def cancel_alike(world: World, likeness: object, *, now: datetime) -> None:
    """Give up all messages of a client from one sender to one recipient.

    Declines where none is pending.  Source: SMPP 3.4, 4.9: without a message_id.
    """
    pending = [
        campaign
        for each in world.submissions.values()
        if each.likeness == likeness
        and smpp.is_pending(campaign := world.campaigns[each.id], now)
    ]
    if not pending:
        raise Declined(Status.ESME_RCANCELFAIL, "no such message is pending")
    for campaign in pending:
        world.keep(smpp.cancel(campaign, now))


def replace(
    world: World, named: Named, order: Order, *, bind: Bind, now: datetime
) -> None:
    """Let a message that has not been sent say something else, for the same charge.

    Source: SMPP 3.4, 4.10.
    """
    found = _found(world, named, bind, Status.ESME_RREPLACEFAIL)
    changed = smpp.replaced(*found, order, bind, world.account, now=now)
    for each in changed:
        world.keep(each)


def declined(refusal: Refusal, world: World) -> Declined:
    """Return how SMPP says what the platform refuses."""
    centre = world.account.access.centre
    statuses: Mapping[str, int] = {
        INSUFFICIENT_BALANCE.name: centre.no_credit,
        WORLD_FULL.name: Status.ESME_RMSGQFUL,
        SERVER_ERROR.name: Status.ESME_RSYSERR,  # of the disk
    }
    status = statuses.get(refusal.reason.name, Status.ESME_RSUBMITFAIL)
    return Declined(status, refusal.why)


def _found(
    world: World, named: Named, bind: Bind, otherwise: Status
) -> tuple[Campaign, Submission]:
    """Return a message of the client's.  Declines one of nobody's, or of another's.

    Source: SMPP 3.4, 4.8.1: the sender has to be the same; an empty one is not looked
    at (assumption SMP-03).
    """
    text = named.message_id.decode("latin-1")
    digits = text.isascii() and text.isdigit() and len(text) <= LONGEST_ID
    found = world.submitted(int(text)) if digits else None
    if found is None or found[1].system_id != bind.system_id:
        raise Declined(otherwise, f"{bind.system_id} has no message {text!r}")
    if named.source not in (b"", found[1].source.number):
        raise Declined(otherwise, f"message {text} has another sender")
    return found
