"""States that no world can have, although their types are right."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from emulator.domain.bounds import LONGEST_CAMPAIGN, MAX_INTEGER
from emulator.domain.delivery import ATTEMPT_METHODS, Delivery, DeliveryState
from emulator.domain.email import EmailCampaign
from emulator.domain.handset import Outcome
from emulator.domain.push_parameters import find_parameter_mistake
from emulator.domain.sms import SmsCampaign
from emulator.domain.voice import VoiceCampaign
from emulator.world.containers import StateField

OUTCOMES = frozenset(Outcome)
LARGEST_NEXT_ID = MAX_INTEGER // 2  # so that a world never gets to the largest


def find_campaign_mistakes(
    campaign: SmsCampaign | VoiceCampaign, where: str
) -> Iterator[str]:
    line, count = campaign.line, len(campaign.recipients)
    columns = campaign.recipients.fields.values()
    if not count or {line.messages, len(campaign.outcomes)} != {count}:
        yield f"{where}: recipients, outcomes and line differ in number"
    if any(len(each) != count for each in columns):
        yield f"{where}: a field for every recipient, and no more"
    if not set(campaign.outcomes) <= OUTCOMES:
        yield f"{where}: an outcome that there is not"
    instants = [each.at for each in line.interventions]
    if instants != sorted(instants):
        yield f"{where}: interventions out of order"
    if line.messages * line.every > LONGEST_CAMPAIGN:
        yield f"{where}: it lasts longer than {LONGEST_CAMPAIGN.days} days"


def find_email_mistakes(campaign: EmailCampaign, where: str) -> Iterator[str]:
    columns = campaign.fields.values()
    if not campaign.count or any(len(one) != campaign.count for one in columns):
        yield f"{where}: a field for every address, and no more"


def find_delivery_mistakes(delivery: Delivery, where: str) -> Iterator[str]:
    if delivery.is_over == (delivery.state is DeliveryState.DUE):
        yield f"{where}: due and over at once"
    if not {each.method for each in delivery.attempts} <= ATTEMPT_METHODS:
        yield f"{where}: a method that there is not"
    if mistake := find_parameter_mistake(delivery.kind, delivery.parameters):
        yield f"{where}: in its parameters: {mistake}"


def find_id_mistakes(
    kind: StateField, things: Iterable[Any], following: Mapping[str, int]
) -> Iterator[str]:
    """Yield where ids overlap, or where the next one is already used."""
    things = list(things)
    if kind.span is not None:
        bounds: list[int] = []
        for each in things:
            start = getattr(each, kind.span.field)
            bounds += (start, start + each.line.messages)
        bounds.append(following[kind.span.ids.name])
        if bounds != sorted(bounds):
            yield f"{kind.name}: two {kind.span.ids.name}s with one id"
    if kind.ids is not None:
        ids = [*(each.id for each in things), following[kind.ids.name]]
        if any(one >= other for one, other in pairwise(ids)):
            yield f"{kind.name}: the ids do not grow"


def find_next_id_mistakes(
    following: Mapping[str, int], known: Mapping[str, int]
) -> Iterator[str]:
    """Yield what is wrong with the next ids themselves."""
    if following.keys() != known.keys():
        yield f"at next: the ids are {', '.join(known)}"
    elif not all(0 < each <= LARGEST_NEXT_ID for each in following.values()):
        yield f"at next: an id lies between 1 and {LARGEST_NEXT_ID}"


def find_balance_mistakes(balance: int) -> Iterator[str]:
    if abs(balance) > MAX_INTEGER:
        yield "movements: the balance is too large"


def find_submission_mistakes(submissions: Any, campaigns: Any) -> Iterator[str]:
    for each in submissions:
        campaign = campaigns.get(each.id)
        if campaign is None or campaign.first_message != each.message:
            yield f"submissions {each.id}: there is no such campaign"
        elif len(each.destinations) != campaign.line.messages:
            yield f"submissions {each.id}: a destination for every recipient"
