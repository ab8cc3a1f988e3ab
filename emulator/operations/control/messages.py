"""The messages of an account, SMS and SMS CLIC, as they stand."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any

from emulator.domain import dates, dlr
from emulator.domain.recipients import cellphone
from emulator.domain.sms import Campaign
from emulator.operations.call import Call, Listing, Reply, Row
from emulator.world import World

LIMIT = 1_000  # messages listed, unless the call says otherwise

Found = tuple[Campaign, Sequence[int]]  # a campaign, and which of its messages


def list_messages(world: World, call: Call) -> Reply:
    """List what matches, the oldest first; all that matches is counted.

    Nothing is made of a message that is not listed, but for its text where that is
    looked into.
    """
    count, limit = 0, call.params.get("limit", LIMIT)
    listed: list[Found] = []
    for campaign in _campaigns(world, call.params):
        indexes = _matching(campaign, call.params, call.now)
        if count < limit and indexes:
            listed.append((campaign, indexes[: limit - count]))
        count += len(indexes)
    slices = _slices(listed, call.now)
    whole = min(count, limit) <= dlr.SLICE
    return Reply({"count": count}, Listing("messages", slices, whole))


def _campaigns(world: World, asked: Mapping[str, Any]) -> Iterable[Campaign]:
    if "campaign" in asked:
        return [world.campaign(asked["campaign"])]
    return world.campaigns.values()


def _matching(
    campaign: Campaign, asked: Mapping[str, Any], now: datetime
) -> Sequence[int]:
    """Return the places of the messages that match; the cheapest question first."""
    found: Sequence[int] = range(campaign.line.messages)
    if "number" in asked:
        found = _numbered(campaign, asked["number"])
    if "status" in asked:
        states = dlr.statuses(campaign, found, now)
        status = asked["status"]
        found = [
            each for each, state in zip(found, states, strict=True) if state == status
        ]
    if "text" in asked:
        found = _saying(campaign, found, asked["text"])
    return found


def _numbered(campaign: Campaign, end: str) -> list[int]:
    """Return the places of the cellphones that end so."""
    tail, power = int(end), 10 ** len(end)
    numbers = campaign.recipients.numbers
    return [index for index, each in enumerate(numbers) if each % power == tail]


def _saying(campaign: Campaign, found: Sequence[int], text: str) -> Sequence[int]:
    if not campaign.template.marks:
        return found if text in campaign.template.text else ()
    return [index for index in found if text in campaign.text(index)]


def _slices(listed: Iterable[Found], now: datetime) -> Iterator[list[Row]]:
    rows = chain.from_iterable(
        _rows(campaign, found, now) for campaign, found in listed
    )
    while piece := list(islice(rows, dlr.SLICE)):
        yield piece


def _rows(campaign: Campaign, found: Sequence[int], now: datetime) -> Iterator[Row]:
    channel = "smsclic" if campaign.link else "sms"
    for message in (dlr.message(campaign, index, now) for index in found):
        yield {
            "id": message.id,
            "campaign": campaign.id,
            "channel": channel,
            "cellphone": cellphone(message.number),
            "status": message.status,
            "sent_at": dates.stamp(message.sent_at) if message.sent_at else None,
            "text": message.text,
        }
