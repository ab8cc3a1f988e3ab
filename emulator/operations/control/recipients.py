"""One campaign of any channel: its text, its recipients and their states."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from emulator.domain import dates
from emulator.domain.channel import (
    AnyCampaign,
    RecipientIndexes,
    format_key,
    get_channel,
)
from emulator.domain.timeline import compute_percentage
from emulator.operations.call import OperationCall, OperationResult, Row
from emulator.operations.control.campaigns import describe_campaign
from emulator.world import World

PAGE = 50  # recipients, unless the call says otherwise


def get_campaign(world: World, call: OperationCall) -> OperationResult:
    """Return one campaign with its text, its counts and its possible actions."""
    campaign = _require_campaign(world, call)
    channel = get_channel(campaign)
    row = describe_campaign(campaign, world, call.now)
    final, count = row["final_count"], row["recipients_count"]
    return OperationResult(
        {
            **row,
            "percentage": compute_percentage(int(str(final)), int(str(count))),
            "statuses": channel.count_statuses(campaign, call.now),
            "changes": channel.list_changes(campaign, call.now),
            **channel.describe_content(campaign),
        }
    )


def list_recipients(world: World, call: OperationCall) -> OperationResult:
    """List the recipients of a campaign that match, and count them all."""
    campaign, asked = _require_campaign(world, call), call.params
    found = _find_recipients(campaign, asked, call.now)
    start = asked.get("offset", 0)
    page = found[start : start + asked.get("limit", PAGE)]
    rows = [describe_recipient(campaign, index, world, call.now) for index in page]
    return OperationResult({"count": len(found), "recipients": rows})


def describe_recipient(
    campaign: AnyCampaign, index: int, world: World, now: datetime
) -> Row:
    """Return what became of one recipient."""
    row = get_channel(campaign).describe_recipient(campaign, index, now)
    zone = world.account.zone
    at = row["at"]
    return {
        **row,
        "at": dates.format_platform_time(at, zone)
        if isinstance(at, datetime)
        else None,
        "name": _find_name(campaign, index),
    }


def _require_campaign(world: World, call: OperationCall) -> AnyCampaign:
    asked = call.params
    return world.get_channel_campaign(asked["channel"], asked["campaignId"])


def _find_recipients(
    campaign: AnyCampaign, asked: Mapping[str, Any], now: datetime
) -> RecipientIndexes:
    """Return the places of the recipients that match; the cheapest question first."""
    channel = get_channel(campaign)
    found: RecipientIndexes = range(channel.count_recipients(campaign))
    if "text" in asked:
        found = _find_by_text(campaign, asked["text"])
    if "status" in asked:
        wanted = asked["status"]
        states = channel.list_statuses(campaign, found, now)
        found = [
            each for each, state in zip(found, states, strict=True) if state == wanted
        ]
    return found


def _find_by_text(campaign: AnyCampaign, text: str) -> list[int]:
    """Return the places of the addresses or names in which *text* stands."""
    text, channel = text.casefold(), get_channel(campaign)
    addresses = map(format_key, channel.get_keys(campaign))
    names = channel.get_fields(campaign).get("name")
    if names is None:
        return [
            index for index, each in enumerate(addresses) if text in each.casefold()
        ]
    return [
        index
        for index, (each, name) in enumerate(zip(addresses, names, strict=True))
        if text in each.casefold() or text in name.casefold()
    ]


def _find_name(campaign: AnyCampaign, index: int) -> str:
    names = get_channel(campaign).get_fields(campaign).get("name")
    return names[index] if names is not None else ""
