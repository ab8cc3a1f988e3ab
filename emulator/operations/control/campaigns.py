"""Campaigns of all channels, as the platform's own staff can see and change them."""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Reversible
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any

from emulator.domain import dates, dlr, email
from emulator.domain.channel import AnyCampaign, get_channel
from emulator.domain.money import to_rounded_amount
from emulator.domain.sms import SmsCampaign
from emulator.operations.call import OperationCall, OperationResult, Row, SlicedArray
from emulator.operations.platform.voice import cancel_and_refund
from emulator.world import World

CampaignChange = Callable[[SmsCampaign, datetime], SmsCampaign]

ENDLESS = sys.maxsize // 2


def list_campaigns(world: World, call: OperationCall) -> OperationResult:
    """List the campaigns that match, by channel and id or the newest first."""
    start = call.params.get("offset", 0)
    stop = start + call.params.get("limit", ENDLESS)
    found = islice(_select_campaigns(world, call.params), start, stop)
    return OperationResult([describe_campaign(each, world, call.now) for each in found])


def pause_campaign(world: World, call: OperationCall) -> OperationResult:
    return _change_campaign(world, call, dlr.pause_sending)


def resume_campaign(world: World, call: OperationCall) -> OperationResult:
    return _change_campaign(world, call, dlr.resume_sending)


def cancel_campaign(world: World, call: OperationCall) -> OperationResult:
    return _change_campaign(world, call, dlr.cancel_sending)


def cancel_calls(world: World, call: OperationCall) -> OperationResult:
    """Cancel a voice campaign as the platform's own operation does."""
    campaign = cancel_and_refund(world, call.params["campaignId"], call.now)
    return OperationResult(describe_campaign(campaign, world, call.now))


def mark_campaign_unknown(world: World, call: OperationCall) -> OperationResult:
    return _change_campaign(world, call, dlr.set_unknown_status)


def list_emails(world: World, call: OperationCall) -> OperationResult:
    """List the e-mails of a campaign as they would have been sent."""
    campaign = world.get_email_campaign(call.params["campaignId"])
    emails: list[Row] = [
        {
            "to": each.to,
            "sender": each.sender,
            "subject": each.subject,
            "text": each.text,
            "html": each.html,
            "attachment": each.attachment,
        }
        for each in email.render_emails(campaign)
    ]
    slices = iter([emails])
    return OperationResult(
        {"campaign": campaign.id}, SlicedArray("emails", slices, whole=True)
    )


def _change_campaign(
    world: World, call: OperationCall, change: CampaignChange
) -> OperationResult:
    campaign = change(world.get_campaign(call.params["campaignId"]), call.now)
    world.keep_change(campaign)
    return OperationResult(describe_campaign(campaign, world, call.now))


def list_newest_campaigns(
    world: World,
    is_wanted: Callable[[AnyCampaign], bool] | None = None,
    *,
    is_in_steps: bool = False,
) -> Iterator[AnyCampaign]:
    """Yield the campaigns of all channels, or the wanted, the latest placed first.

    Where it is done *in steps*, those that are placed meanwhile are not among them.
    """
    tables: Iterable[Reversible[AnyCampaign]] = (
        [*table.values()] if is_in_steps else table.values()
        for table in world.list_campaign_tables()
    )
    placed: list[Iterator[AnyCampaign]] = [reversed(table) for table in tables]
    if is_wanted is not None:  # before they are put in order, which takes longer
        placed = [filter(is_wanted, each) for each in placed]
    return merge(*placed, key=attrgetter("created_at"), reverse=True)


def _list_by_id(world: World) -> Iterator[AnyCampaign]:
    for table in world.list_campaign_tables():
        yield from table.values()


def describe_campaign(campaign: AnyCampaign, world: World, now: datetime) -> Row:
    """Return a campaign as it stands, as every list shows it."""
    channel, scheduled = get_channel(campaign), campaign.scheduled_at
    return {
        "channel": channel.name,
        "campaign": campaign.id,
        "name": channel.get_title(campaign),
        "status": channel.compute_status(campaign, now),
        "recipients_count": channel.count_recipients(campaign),
        "final_count": channel.count_final(campaign, now),
        "cost": to_rounded_amount(campaign.cost),
        "created": dates.format_platform_time(campaign.created_at, world.account.zone),
        "scheduled": dates.format_timestamp(scheduled) if scheduled else None,
        "source": str(channel.get_source(campaign)),
    }


def _select_campaigns(world: World, asked: Mapping[str, Any]) -> Iterator[AnyCampaign]:
    """Yield the campaigns that match, in the requested order."""
    channel, text = asked.get("channel"), asked.get("text", "").casefold()
    placed = list_newest_campaigns(world) if "newest" in asked else _list_by_id(world)
    return (
        each
        for each in placed
        if channel in (None, each.channel) and _has_text(each, text)
    )


def _has_text(campaign: AnyCampaign, text: str) -> bool:
    """Return whether *text* stands in the title or the id of a campaign."""
    title = get_channel(campaign).get_title(campaign) or ""
    return text in title.casefold() or text in str(campaign.id)
