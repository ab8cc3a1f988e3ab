"""What follows in a world from a change: plans, counts, notifications.

Nothing here is kept: it is made anew from the state wherever a state is taken over.
"""

from collections.abc import Callable, Mapping
from typing import Any

from emulator.domain.account import Movement, Token
from emulator.domain.delivery import Delivery, DeliveryKind
from emulator.domain.email import EmailCampaign
from emulator.domain.hlr import HlrLookup
from emulator.domain.replies import expects_replies
from emulator.domain.responses import MoResponse
from emulator.domain.smpp import Submission
from emulator.domain.sms import SmsCampaign
from emulator.domain.voice import VoiceCampaign
from emulator.timekeeping.event_log import WorldEvent
from emulator.world import plans
from emulator.world.changes import (
    ClockChanged,
    CommitAction,
    DeliveriesForgotten,
    HandsetAnsweredEarly,
    ReceiptQueued,
    TokenRevoked,
)
from emulator.world.state import FIELDS_BY_CHANGE

Step = Callable[[Any, Any], object]  # of a world and a change


# --- Before it is in its place: whether it is new can be seen -------------------------


def _before_campaign(world: Any, campaign: SmsCampaign) -> None:
    if campaign.id in world.campaigns:
        world.replan_version += 1
        return
    world.first_messages.append(campaign.first_message)
    world.first_message_campaigns.append(campaign.id)
    world.set_next_id("campaign", campaign.id + 1)
    world.set_next_id("message", campaign.first_message + campaign.line.messages)
    _count_messages(world, campaign.channel, campaign.line.messages)


def _before_submission(world: Any, submission: Submission) -> None:
    if submission.id not in world.submissions:
        world.latest_by_likeness[hash(submission.replace_key)] = submission.id


def _before_voice_campaign(world: Any, campaign: VoiceCampaign) -> None:
    world.plan_version += 1
    if campaign.id in world.voice_campaigns:
        world.replan_version += 1
        return
    world.set_next_id("voice", campaign.id + 1)
    world.set_next_id("call", campaign.first_call + campaign.line.messages)
    _count_messages(world, campaign.channel, campaign.line.messages)


def _before_email_campaign(world: Any, campaign: EmailCampaign) -> None:
    world.plan_version += 1
    world.set_next_id("email", campaign.id + 1)
    _count_messages(world, campaign.channel, campaign.count)


def _before_lookup(world: Any, lookup: HlrLookup) -> None:
    world.set_next_id("hlr", lookup.id + 1)
    _count_messages(world, "hlr", 1)


def _before_response(world: Any, response: MoResponse) -> None:
    world.set_next_id("response", response.id + 1)


def _before_delivery(world: Any, delivery: Delivery) -> None:
    if delivery.id not in world.deliveries:
        world.set_next_id("delivery", delivery.id + 1)


def _before_queued_receipt(world: Any, mailed: ReceiptQueued) -> None:
    world.set_next_id("delivery", mailed.delivery.id + 1)


def _before_movement(world: Any, movement: Movement) -> None:
    world.balance += movement.amount


def _count_messages(world: Any, channel: str, messages: int) -> None:
    world.volume += messages
    world.counters.messages[channel] += messages


# --- Once it is in its place ----------------------------------------------------------


def _after_campaign(world: Any, campaign: SmsCampaign) -> None:
    world.plan_version += 1
    if campaign.id in world.submissions:
        plans.plan_receipt(world, world.submissions[campaign.id])
        world.wake_courier()
    if expects_replies(campaign):
        plans.plan_replies(world, campaign)
        world.wake_courier()


def _after_submission(world: Any, submission: Submission) -> None:
    if submission.registered and submission.told < len(submission.destinations):
        plans.plan_receipt(world, submission)
        world.wake_courier()


def _after_delivery(world: Any, delivery: Delivery) -> None:
    plans.plan_delivery(world, delivery)
    if delivery.is_over:
        world.outbox.finished.append(delivery.id)
    if not (delivery.is_over and delivery.kind is DeliveryKind.RECEIPT):
        world.wake_courier()


def _after_forgetting(world: Any, _forgotten: DeliveriesForgotten) -> None:
    over = world.outbox.finished
    while over and (
        over[0] not in world.deliveries or not world.deliveries[over[0]].is_over
    ):
        over.popleft()


def _after_early_answer(world: Any, answered: HandsetAnsweredEarly) -> None:
    plans.plan_replies(world, world.campaigns[answered.campaign])


def _after_token(world: Any, token: Token) -> None:
    world.register_token(token.literal)
    world.plan_version += 1


def _after_revocation(world: Any, revoked: TokenRevoked) -> None:
    world.forget_token(revoked.literal)


def _change_clock(world: Any, dial: ClockChanged) -> None:
    world.clock.adjust(at=dial.at, rate=dial.rate)


def _log_event(world: Any, event: WorldEvent) -> None:
    world.event_log.add(event)


def _run_commit_action(_world: Any, then: CommitAction) -> None:
    then.action()


def _carry_out_change(world: Any, change: Any) -> None:
    change.carry_out(world)


_BEFORE: Mapping[type, Step] = {
    SmsCampaign: _before_campaign,
    Submission: _before_submission,
    VoiceCampaign: _before_voice_campaign,
    EmailCampaign: _before_email_campaign,
    HlrLookup: _before_lookup,
    MoResponse: _before_response,
    Delivery: _before_delivery,
    ReceiptQueued: _before_queued_receipt,
    Movement: _before_movement,
}
_AFTER: Mapping[type, Step] = {
    SmsCampaign: _after_campaign,
    Submission: _after_submission,
    Delivery: _after_delivery,
    DeliveriesForgotten: _after_forgetting,
    HandsetAnsweredEarly: _after_early_answer,
    Token: _after_token,
    TokenRevoked: _after_revocation,
    ClockChanged: _change_clock,
    WorldEvent: _log_event,
    CommitAction: _run_commit_action,
}


def _list_steps(kind: type) -> tuple[Step, ...]:
    before = (_BEFORE[kind],) if kind in _BEFORE else ()
    after = (_AFTER[kind],) if kind in _AFTER else ()
    return (
        *before,
        *(each.apply_change for each in FIELDS_BY_CHANGE.get(kind, ())),
        *after,
    )


# What is done about a change, in order; one that is not known here knows it by itself.
STEPS: Mapping[type, tuple[Step, ...]] = {
    kind: _list_steps(kind)
    for kind in (*FIELDS_BY_CHANGE, *_AFTER.keys() - FIELDS_BY_CHANGE.keys())
}
OWN_STEPS: tuple[Step, ...] = (_carry_out_change,)
