"""Campaigns of all channels, as the platform's own staff can see and change them."""

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any

from emulator.domain import dates, dlr, email, voice
from emulator.domain.email import EmailCampaign
from emulator.domain.money import to_rounded_amount
from emulator.domain.sms import CampaignSource, SmsCampaign
from emulator.domain.voice import VoiceCampaign
from emulator.operations.call import OperationCall, OperationResult, Row, SlicedArray
from emulator.operations.platform.voice import cancel_and_refund
from emulator.world import World

AnyCampaign = SmsCampaign | VoiceCampaign | EmailCampaign
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


def lose_campaign(world: World, call: OperationCall) -> OperationResult:
    return _change_campaign(world, call, dlr.set_unknown_status)


def list_emails(world: World, call: OperationCall) -> OperationResult:
    """List the e-mails of a campaign as they would have been sent."""
    campaign = world.get_email_campaign(call.params["campaignId"])
    letters: list[Row] = [
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
    slices = iter([letters])
    return OperationResult(
        {"campaign": campaign.id}, SlicedArray("letters", slices, whole=True)
    )


def _change_campaign(
    world: World, call: OperationCall, change: CampaignChange
) -> OperationResult:
    campaign = change(world.get_campaign(call.params["campaignId"]), call.now)
    world.keep_change(campaign)
    return OperationResult(describe_campaign(campaign, world, call.now))


def list_newest_campaigns(
    world: World, is_wanted: Callable[[AnyCampaign], bool] | None = None
) -> Iterator[AnyCampaign]:
    """Yield the campaigns of all channels, or those wanted, the newest first."""
    placed: tuple[Iterator[AnyCampaign], ...] = (
        reversed(world.campaigns.values()),
        reversed(world.voice_campaigns.values()),
        reversed(world.email_campaigns.values()),
    )
    if is_wanted is not None:  # before they are put in order, which takes longer
        placed = tuple(filter(is_wanted, each) for each in placed)
    return merge(*placed, key=attrgetter("created_at"), reverse=True)


def _list_by_id(world: World) -> Iterator[AnyCampaign]:
    yield from world.campaigns.values()
    yield from world.voice_campaigns.values()
    yield from world.email_campaigns.values()


def describe_campaign(campaign: AnyCampaign, world: World, now: datetime) -> Row:
    """Return a campaign as it stands, as every list shows it."""
    channel, status, count, final = _summarise_campaign(campaign, now)
    scheduled = campaign.scheduled_at
    return {
        "channel": channel,
        "campaign": campaign.id,
        "name": title_of(campaign),
        "status": status,
        "recipients_count": count,
        "final_count": final,
        "cost": to_rounded_amount(campaign.cost),
        "created": dates.format_platform_time(campaign.created_at, world.account.zone),
        "scheduled": dates.format_timestamp(scheduled) if scheduled else None,
        "source": str(
            campaign.source
            if isinstance(campaign, SmsCampaign)
            else CampaignSource.HTTP
        ),
    }


def channel_of(campaign: AnyCampaign) -> str:
    if isinstance(campaign, SmsCampaign):
        return "smsclic" if campaign.link else "sms"
    return "voice" if isinstance(campaign, VoiceCampaign) else "email"


def title_of(campaign: AnyCampaign) -> str | None:
    return campaign.subject if isinstance(campaign, EmailCampaign) else campaign.name


def _summarise_campaign(
    campaign: AnyCampaign, now: datetime
) -> tuple[str, str, int, int]:
    """Return channel, status, the number of recipients and of those that are final."""
    channel = channel_of(campaign)
    if isinstance(campaign, SmsCampaign):
        final = dlr.count_final(campaign, now)
        return (
            channel,
            dlr.compute_sms_status(campaign, now),
            campaign.line.messages,
            final,
        )
    if isinstance(campaign, VoiceCampaign):
        status, final = (
            str(voice.compute_voice_status(campaign, now)),
            voice.count_finished_calls(campaign, now),
        )
        return channel, status, campaign.line.messages, final
    sent = email.is_email_sent(campaign, now)
    final = campaign.count if sent else 0
    return channel, "sent" if sent else "scheduled", campaign.count, final


def _select_campaigns(world: World, asked: Mapping[str, Any]) -> Iterator[AnyCampaign]:
    """Yield the campaigns that match, in the requested order."""
    channel, text = asked.get("channel"), asked.get("text", "").casefold()
    placed = list_newest_campaigns(world) if "newest" in asked else _list_by_id(world)
    return (
        each
        for each in placed
        if channel in (None, channel_of(each))
        and (text in (title_of(each) or "").casefold() or text in str(each.id))
    )
