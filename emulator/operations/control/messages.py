"""The SMS and SMS CLIC messages of an account, with their states."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from emulator.domain import dates, dlr
from emulator.domain.recipients import format_cellphone
from emulator.domain.sms import SmsCampaign
from emulator.operations.call import (
    OperationCall,
    OperationResult,
    OperationSteps,
    Pause,
    Row,
    SlicedArray,
)
from emulator.world import World

LOOKED_AT = frozenset({"number", "status", "text"})  # what makes each message be
MESSAGES_PER_TURN = 2_000  # messages that are looked at; then other requests run
CAMPAIGNS_PER_TURN = 200  # campaigns, even where none of their messages is
LET_IN = Pause(seconds=0)
LISTED_MESSAGES = 1_000  # messages listed, unless the call says otherwise

FoundMessages = tuple[
    SmsCampaign, Sequence[int]
]  # a campaign, and which of its messages


def list_messages(world: World, call: OperationCall) -> OperationSteps:
    """List the messages that match, the oldest first, and count them all.

    Nothing is made of a message that is not listed, but for its text where that is
    looked into.  Others are let in meanwhile; what they place is not found.
    """
    count, limit = 0, call.params.get("limit", LISTED_MESSAGES)
    listed: list[FoundMessages] = []
    looked = 0
    for campaign in _select_campaigns(world, call.params):
        for part in _split_campaign(campaign, call.params):
            indexes = _find_messages(campaign, part, call.params, call.now)
            if count < limit and indexes:
                listed.append((campaign, indexes[: limit - count]))
            count += len(indexes)
            looked += MESSAGES_PER_TURN // CAMPAIGNS_PER_TURN
            looked += 0 if LOOKED_AT.isdisjoint(call.params) else len(part)
            if looked >= MESSAGES_PER_TURN:
                looked = 0
                yield LET_IN
    slices = _slice_rows(listed, call.now)
    whole = min(count, limit) <= dlr.DLR_ROWS_PER_SLICE
    return OperationResult({"count": count}, SlicedArray("messages", slices, whole))


def _split_campaign(campaign: SmsCampaign, asked: Mapping[str, Any]) -> Iterator[range]:
    """Yield the places of the messages, a few at a time where each is looked at."""
    messages = campaign.line.messages
    step = messages if LOOKED_AT.isdisjoint(asked) else MESSAGES_PER_TURN
    for start in range(0, messages, step):
        yield range(start, min(start + step, messages))


def _select_campaigns(world: World, asked: Mapping[str, Any]) -> Iterable[SmsCampaign]:
    if "campaign" in asked:
        return [world.get_campaign(asked["campaign"])]
    return list(world.campaigns.values())


def _find_messages(
    campaign: SmsCampaign, part: range, asked: Mapping[str, Any], now: datetime
) -> Sequence[int]:
    """Return the places in *part* that match; the cheapest test comes first."""
    found: Sequence[int] = part
    if "number" in asked:
        found = _find_by_number(campaign, part, asked["number"])
    if "status" in asked:
        states = dlr.list_message_statuses(campaign, found, now)
        status = asked["status"]
        found = [
            each for each, state in zip(found, states, strict=True) if state == status
        ]
    if "text" in asked:
        found = _find_by_text(campaign, found, asked["text"])
    return found


def _find_by_number(campaign: SmsCampaign, part: range, end: str) -> list[int]:
    """Return the places of the cellphones with that ending."""
    tail, power = int(end), 10 ** len(end)
    numbers = campaign.recipients.numbers
    return [index for index in part if numbers[index] % power == tail]


def _find_by_text(
    campaign: SmsCampaign, found: Sequence[int], text: str
) -> Sequence[int]:
    if not campaign.template.marks:
        return found if text in campaign.template.text else ()
    return [index for index in found if text in campaign.render_text(index)]


def _slice_rows(listed: Iterable[FoundMessages], now: datetime) -> Iterator[list[Row]]:
    rows = chain.from_iterable(
        _describe_messages(campaign, found, now) for campaign, found in listed
    )
    while piece := list(islice(rows, dlr.DLR_ROWS_PER_SLICE)):
        yield piece


def _describe_messages(
    campaign: SmsCampaign, found: Sequence[int], now: datetime
) -> Iterator[Row]:
    for message in (dlr.get_sms_message(campaign, index, now) for index in found):
        yield {
            "id": message.id,
            "campaign": campaign.id,
            "channel": campaign.channel,
            "cellphone": format_cellphone(message.number),
            "status": message.status,
            "sent_at": dates.format_timestamp(message.sent_at)
            if message.sent_at
            else None,
            "text": message.text,
        }
