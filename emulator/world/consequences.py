"""What follows in a world from a change of what it keeps: plans, counts, news.

Nothing here is kept: it is made anew from the state wherever a state is taken over.
"""

from collections.abc import Callable, Mapping
from typing import Any

from emulator.world.world import World  # TEMP
from emulator.domain.account import Movement, Token
from emulator.domain.delivery import Delivery, Kind
from emulator.domain.email import EmailCampaign
from emulator.domain.hlr import Lookup
from emulator.domain.replies import expected
from emulator.domain.responses import Response
from emulator.domain.smpp import Submission
from emulator.domain.sms import Campaign
from emulator.domain.voice import VoiceCampaign
from emulator.timekeeping.event_log import Event
from emulator.world import plans
from emulator.world.changes import (
    AnsweredEarly,
    Dial,
    Forgotten,
    Mailed,
    Revoked,
    Then,
)
from emulator.world.state import KINDS_OF

Step = Callable[[Any, Any], object]  # of a world and a change


# --- Before it is in its place: whether it is new can be seen -------------------------


def _campaign_comes(world: "World", campaign: Campaign) -> None:
    if campaign.id in world.campaigns:
        world.revisions += 1
        return
    world.first_messages.append(campaign.first_message)
    world.their_campaigns.append(campaign.id)
    world.give("campaign", campaign.id + 1)
    world.give("message", campaign.first_message + campaign.line.messages)
    channel = "smsclic" if campaign.link else "sms"
    _count(world, channel, campaign.line.messages)


def _submission_comes(world: "World", submission: Submission) -> None:
    if submission.id not in world.submissions:
        world.alike[hash(submission.likeness)] = submission.id


def _voice_comes(world: "World", campaign: VoiceCampaign) -> None:
    world.plans += 1
    if campaign.id in world.voice_campaigns:
        world.revisions += 1
        return
    world.give("voice", campaign.id + 1)
    world.give("call", campaign.first_call + campaign.line.messages)
    _count(world, "voice", campaign.line.messages)


def _email_comes(world: "World", campaign: EmailCampaign) -> None:
    world.plans += 1
    world.give("email", campaign.id + 1)
    _count(world, "email", campaign.count)


def _lookup_comes(world: "World", lookup: Lookup) -> None:
    world.give("hlr", lookup.id + 1)
    _count(world, "hlr", 1)


def _response_comes(world: "World", response: Response) -> None:
    world.give("response", response.id + 1)


def _delivery_comes(world: "World", delivery: Delivery) -> None:
    if delivery.id not in world.deliveries:
        world.give("delivery", delivery.id + 1)


def _mail_comes(world: "World", mailed: Mailed) -> None:
    world.give("delivery", mailed.delivery.id + 1)


def _movement_comes(world: "World", movement: Movement) -> None:
    world.balance += movement.amount


def _count(world: "World", channel: str, messages: int) -> None:
    world.volume += messages
    world.tally.messages[channel] += messages


# --- Once it is in its place ----------------------------------------------------------


def _campaign_is_there(world: "World", campaign: Campaign) -> None:
    world.plans += 1
    if campaign.id in world.submissions:
        plans.receipt(world, world.submissions[campaign.id])
        world.alarm()
    if expected(campaign):
        plans.replies(world, campaign)
        world.alarm()


def _submission_is_there(world: "World", submission: Submission) -> None:
    if submission.registered and submission.told < len(submission.destinations):
        plans.receipt(world, submission)
        world.alarm()


def _delivery_is_there(world: "World", delivery: Delivery) -> None:
    plans.delivery(world, delivery)
    if delivery.is_over:
        world.outbox.over.append(delivery.id)
    if not (delivery.is_over and delivery.kind is Kind.RECEIPT):
        world.alarm()


def _delivery_is_gone(world: "World", _forgotten: Forgotten) -> None:
    over = world.outbox.over
    while over and (
        over[0] not in world.deliveries or not world.deliveries[over[0]].is_over
    ):
        over.popleft()


def _answered_early(world: "World", answered: AnsweredEarly) -> None:
    plans.replies(world, world.campaigns[answered.campaign])


def _token_is_there(world: "World", token: Token) -> None:
    world.opened_by(token.literal)
    world.plans += 1


def _token_is_gone(world: "World", revoked: Revoked) -> None:
    world.forget_token(revoked.literal)


def _dialled(world: "World", dial: Dial) -> None:
    world.clock.turn(at=dial.at, rate=dial.rate)


def _happened(world: "World", event: Event) -> None:
    world.happened.add(event)


def _then(_world: "World", then: Then) -> None:
    then.action()


def _by_itself(world: "World", change: Any) -> None:
    change.carry_out(world)


_BEFORE: Mapping[type, Step] = {
    Campaign: _campaign_comes,
    Submission: _submission_comes,
    VoiceCampaign: _voice_comes,
    EmailCampaign: _email_comes,
    Lookup: _lookup_comes,
    Response: _response_comes,
    Delivery: _delivery_comes,
    Mailed: _mail_comes,
    Movement: _movement_comes,
}
_AFTER: Mapping[type, Step] = {
    Campaign: _campaign_is_there,
    Submission: _submission_is_there,
    Delivery: _delivery_is_there,
    Forgotten: _delivery_is_gone,
    AnsweredEarly: _answered_early,
    Token: _token_is_there,
    Revoked: _token_is_gone,
    Dial: _dialled,
    Event: _happened,
    Then: _then,
}


def _steps(kind: type) -> tuple[Step, ...]:
    before = (_BEFORE[kind],) if kind in _BEFORE else ()
    after = (_AFTER[kind],) if kind in _AFTER else ()
    return (*before, *(each.apply for each in KINDS_OF.get(kind, ())), *after)


# What is done about a change, in order; one that is not known here knows it by itself.
STEPS: Mapping[type, tuple[Step, ...]] = {
    kind: _steps(kind) for kind in (*KINDS_OF, *_AFTER.keys() - KINDS_OF.keys())
}
BY_ITSELF: tuple[Step, ...] = (_by_itself,)
