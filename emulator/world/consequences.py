"""Apply changes to a world, and what follows from each: plans, counts, notifications.

What follows is not kept: it is made anew from the state wherever a state is taken over.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any

from emulator.domain.account import Movement, Token
from emulator.domain.delivery import Delivery
from emulator.domain.email import EmailCampaign
from emulator.domain.hlr import HlrLookup
from emulator.domain.receipt import find_next_receipt
from emulator.domain.replies import expects_replies
from emulator.domain.smpp import Submission
from emulator.domain.sms import SmsCampaign
from emulator.domain.voice import VoiceCampaign
from emulator.timekeeping.event_log import WorldEvent
from emulator.world.changes import (
    ClockChanged,
    CommitAction,
    DeliveriesForgotten,
    HandsetAnsweredEarly,
    ReceiptQueued,
    TokenRevoked,
)
from emulator.world.containers import Place
from emulator.world.state import FIELDS_BY_CHANGE

Consequence = Callable[[Any, Any, Any], object]  # of a world, a change, what was there

# One more of so many is forgotten than has to be: looking takes the time
EXTRA_SHARE = 100


def apply_changes(world: Any, changes: Iterable[Any]) -> None:
    """Put each of *changes* in its place, and do what follows from it."""
    for change in changes:
        places, follow = STEPS.get(type(change), OWN_STEPS)
        earlier = None
        for put in places:
            earlier = put(world, change) or earlier
        if follow is not None:
            follow(world, change, earlier)


# --- What follows from a change, once it is in its place ------------------------------


def _follow_campaign(
    world: Any, campaign: SmsCampaign, earlier: SmsCampaign | None
) -> None:
    world.plan_version += 1
    if earlier is None:
        world.first_messages.append(campaign.first_message)
        world.first_message_campaigns.append(campaign.id)
        _count_messages(world, campaign.channel, campaign.line.messages)
    else:
        world.replan_version += 1
    if campaign.id in world.submissions:
        _plan_receipt(world, world.submissions[campaign.id])
        world.shared.wake_courier(world)
    if expects_replies(campaign):
        _plan_replies(world, campaign)
        world.shared.wake_courier(world)


def _follow_submission(
    world: Any, submission: Submission, earlier: Submission | None
) -> None:
    if earlier is None:
        world.latest_by_likeness[hash(submission.replace_key)] = submission.id
    if submission.registered and submission.told < len(submission.destinations):
        _plan_receipt(world, submission)
        world.shared.wake_courier(world)


def _follow_voice_campaign(
    world: Any, campaign: VoiceCampaign, earlier: VoiceCampaign | None
) -> None:
    world.plan_version += 1
    if earlier is None:
        _count_messages(world, campaign.channel, campaign.line.messages)
    else:
        world.replan_version += 1


def _follow_email_campaign(world: Any, campaign: EmailCampaign, _earlier: None) -> None:
    world.plan_version += 1
    _count_messages(world, campaign.channel, campaign.count)


def _follow_lookup(world: Any, _lookup: HlrLookup, _earlier: None) -> None:
    _count_messages(world, "hlr", 1)


def _follow_movement(world: Any, movement: Movement, _earlier: None) -> None:
    world.balance += movement.amount


def _follow_delivery(world: Any, delivery: Delivery, _earlier: Delivery | None) -> None:
    _plan_delivery(world, delivery)
    if delivery.is_over:
        world.outbox.finished.append(delivery.id)
    else:
        world.shared.wake_courier(world)


def _follow_forgetting(
    world: Any, _forgotten: DeliveriesForgotten, _earlier: None
) -> None:
    finished, known = world.outbox.finished, world.deliveries
    left = (
        n for n, each in enumerate(finished) if each in known and known[each].is_over
    )
    del finished[: next(left, len(finished))]  # what is first is over, and known


def _follow_early_answer(
    world: Any, answered: HandsetAnsweredEarly, _earlier: None
) -> None:
    _plan_replies(world, world.campaigns[answered.campaign])


def _follow_token(world: Any, token: Token, _earlier: Token | None) -> None:
    world.register_token(token.literal)
    world.plan_version += 1


def _follow_revocation(world: Any, revoked: TokenRevoked, _earlier: None) -> None:
    world.forget_token(revoked.literal)


def _change_clock(world: Any, dial: ClockChanged, _earlier: None) -> None:
    world.clock.adjust(at=dial.at, rate=dial.rate)


def _log_event(world: Any, event: WorldEvent, _earlier: None) -> None:
    world.event_log.add(event)


def _run_commit_action(_world: Any, then: CommitAction, _earlier: None) -> None:
    then.action()


def _carry_out_change(world: Any, change: Any, _earlier: None) -> None:
    change.carry_out(world)


def _count_messages(world: Any, channel: str, messages: int) -> None:
    world.volume += messages
    world.shared.counters.messages[channel] += messages


_CONSEQUENCES: Mapping[type, Consequence] = {
    SmsCampaign: _follow_campaign,
    Submission: _follow_submission,
    VoiceCampaign: _follow_voice_campaign,
    EmailCampaign: _follow_email_campaign,
    HlrLookup: _follow_lookup,
    Movement: _follow_movement,
    Delivery: _follow_delivery,
    DeliveriesForgotten: _follow_forgetting,
    HandsetAnsweredEarly: _follow_early_answer,
    Token: _follow_token,
    TokenRevoked: _follow_revocation,
    ClockChanged: _change_clock,
    WorldEvent: _log_event,
    CommitAction: _run_commit_action,
}


def _list_places(kind: type) -> tuple[Place, ...]:
    return tuple(each.find_place(kind) for each in FIELDS_BY_CHANGE.get(kind, ()))


# Where a change is put, and what follows from it, if anything does; a change that is
# not known here knows itself what it does.
STEPS: Mapping[type, tuple[tuple[Place, ...], Consequence | None]] = {
    kind: (_list_places(kind), _CONSEQUENCES.get(kind))
    for kind in (*FIELDS_BY_CHANGE, *_CONSEQUENCES.keys() - FIELDS_BY_CHANGE.keys())
}
OWN_STEPS: tuple[tuple[Place, ...], Consequence] = ((), _carry_out_change)


# --- What will happen by itself -------------------------------------------------------


def plan_all(world: Any) -> None:
    """Schedule all that follows from the state."""
    for campaign in world.campaigns.values():
        if expects_replies(campaign):
            _plan_replies(world, campaign)
    for submission in world.submissions.values():
        _plan_receipt(world, submission)
    for each in world.deliveries.values():
        _plan_delivery(world, each)
        if each.is_over:
            world.outbox.finished.append(each.id)


def _plan_replies(world: Any, campaign: SmsCampaign) -> None:
    """Schedule the replies of handsets to a campaign."""
    world.work_queue.schedule_replies(
        campaign,
        seed=world.account.seed,
        done=world.answered.get(campaign.id, 0),
        early=world.early.get(campaign.id, ()),
    )


def _plan_receipt(world: Any, submission: Submission) -> None:
    """Schedule the next receipt of an SMPP submission."""
    following = find_next_receipt(world.campaigns[submission.id], submission)
    world.work_queue.schedule_receipt(
        submission.id, following[1] if following else None
    )


def _plan_delivery(world: Any, made: Delivery) -> None:
    """Schedule a delivery, and note whether it waits for another."""
    world.work_queue.schedule_delivery(made)
    world.outbox.note_deferral(made)


# --- What is forgotten ----------------------------------------------------------------


def pick_oldest_deliveries(
    world: Any, changes: list[Any], most: int
) -> list[DeliveriesForgotten]:
    """Return which deliveries a world forgets once *changes* are applied.

    They are the oldest that are over, but for *most* deliveries.
    """
    newest = {each.id: each for each in _deliveries_in(changes)}
    over = [each.id for each in newest.values() if each.is_over]
    fresh = sum(each not in world.deliveries for each in newest)
    excess = len(world.deliveries) + fresh - most
    if excess <= 0 or not over:
        return []
    enough = excess + most // EXTRA_SHARE
    gone: dict[int, None] = {}
    for number in chain(world.outbox.finished, over):  # the first of them, mostly
        if len(gone) == enough:
            break
        known = newest.get(number) or world.deliveries.get(number)
        if known is not None and known.is_over:
            gone[number] = None
    return [DeliveriesForgotten(tuple(gone))] if gone else []


def _deliveries_in(changes: list[Any]) -> Iterator[Delivery]:
    for each in changes:
        if type(each) is Delivery:
            yield each
        elif type(each) is ReceiptQueued:
            yield each.delivery
