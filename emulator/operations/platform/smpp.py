"""SMPP: submit, query, cancel and replace messages.

A refusal over SMPP is a command_status, instead of a sentence as over HTTP.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from emulator.domain import dlr, smpp
from emulator.domain.access import BindConfig
from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.domain.emulator_refusals import WORLD_FULL
from emulator.domain.platform_refusals import INSUFFICIENT_BALANCE, SERVER_ERROR
from emulator.domain.refusals import Refusal
from emulator.domain.smpp import MessageState, Submission, SubmitOrder
from emulator.domain.sms import SmsCampaign, SmsIds
from emulator.world import World

LONGEST_ID = 18  # digits


class MessageStanding(NamedTuple):
    """The state of a message."""

    state: MessageState
    final_at: datetime | None  # None until it is final


class MessageReference(NamedTuple):
    """The message that a client means: by its id, and the sender it gave."""

    message_id: bytes
    source: bytes


def submit_message(
    world: World, order: SubmitOrder, *, bind: BindConfig, now: datetime
) -> Submission:
    """Place and charge what *order* asks for.

    A message that it replaces is cancelled, if it has not been sent.

    Source: manual SMP-01, SMP-03.
    """
    world.require_capacity(len(order.destinations))
    campaign, submission = smpp.make_submission(
        order,
        bind,
        world.account,
        ids=SmsIds(world.next["campaign"], world.next["message"]),
        now=now,
        world=world.name,
    )
    if order.replaces:
        earlier = world.find_similar_campaign(submission)
        if earlier is not None and smpp.is_pending(earlier, now):
            world.keep_change(dlr.cancel_sending(earlier, now))
    world.keep_change(campaign)
    world.keep_change(submission)
    world.charge_credit(campaign.cost, reason="smpp", reference=campaign.id, now=now)
    return submission


def query_message(
    world: World, named: MessageReference, *, bind: BindConfig, now: datetime
) -> MessageStanding:
    """Return the state of a message.  Refuses one of another client.

    That of many recipients is on its way until all of them are final, and delivered
    where all of them are; else it stands as the first that is not.

    Source: SMPP 3.4, 4.8, which says nothing of many.
    """
    campaign, _ = _require_message(world, named, bind, CommandStatus.ESME_RQUERYFAIL)
    places = range(campaign.line.messages)
    states = [smpp.compute_message_state(campaign, each, now) for each in places]
    if MessageState.ENROUTE in states:
        return MessageStanding(MessageState.ENROUTE, None)
    finals = [at for each in places if (at := dlr.compute_final_time(campaign, each))]
    failed = (each for each in states if each is not MessageState.DELIVERED)
    state = next(failed, MessageState.DELIVERED)
    return MessageStanding(state, max(finals, default=None))


def cancel_message(
    world: World, named: MessageReference, *, bind: BindConfig, now: datetime
) -> None:
    """Cancel a message that has not been sent.  Refuses any other.

    Source: SMPP 3.4, 4.9.
    """
    campaign, _ = _require_message(world, named, bind, CommandStatus.ESME_RCANCELFAIL)
    world.keep_change(smpp.cancel_pending_message(campaign, now))


def cancel_similar(world: World, likeness: object, *, now: datetime) -> None:
    """Cancel all messages of a client from one sender to one recipient.

    Refuses where none is pending.  Source: SMPP 3.4, 4.9: without a message_id.
    """
    pending = [
        campaign
        for each in world.submissions.values()
        if each.replace_key == likeness
        and smpp.is_pending(campaign := world.campaigns[each.id], now)
    ]
    if not pending:
        raise SmppRefusal(CommandStatus.ESME_RCANCELFAIL, "no such message is pending")
    for campaign in pending:
        world.keep_change(smpp.cancel_pending_message(campaign, now))


def replace_message(
    world: World,
    named: MessageReference,
    order: SubmitOrder,
    *,
    bind: BindConfig,
    now: datetime,
) -> None:
    """Replace the text of a message that has not been sent, for the same charge.

    Source: SMPP 3.4, 4.10.
    """
    found = _require_message(world, named, bind, CommandStatus.ESME_RREPLACEFAIL)
    changed = smpp.replace_pending_message(*found, order, bind, world.account, now=now)
    for each in changed:
        world.keep_change(each)


def decline_refusal(refusal: Refusal, world: World) -> SmppRefusal:
    """Return the command_status for a refusal of the platform."""
    centre = world.account.access.centre
    statuses: Mapping[str, int] = {
        INSUFFICIENT_BALANCE.name: centre.no_credit_status,
        WORLD_FULL.name: CommandStatus.ESME_RMSGQFUL,
        SERVER_ERROR.name: CommandStatus.ESME_RSYSERR,  # of the disk
    }
    status = statuses.get(refusal.reason.name, CommandStatus.ESME_RSUBMITFAIL)
    return SmppRefusal(status, refusal.why)


def _require_message(
    world: World, named: MessageReference, bind: BindConfig, otherwise: CommandStatus
) -> tuple[SmsCampaign, Submission]:
    """Return a message of the client.  Refuses an unknown id, or one of another client.

    Source: SMPP 3.4, 4.8.1: the sender has to be the same; an empty one is not looked
    at (assumption SMP-03).
    """
    text = named.message_id.decode("latin-1")
    digits = text.isascii() and text.isdigit() and len(text) <= LONGEST_ID
    found = world.find_submission(int(text)) if digits else None
    if found is None or found[1].system_id != bind.system_id:
        raise SmppRefusal(otherwise, f"{bind.system_id} has no message {text!r}")
    if named.source not in (b"", found[1].source.number):
        raise SmppRefusal(otherwise, f"message {text} has another sender")
    return found
