"""Campaigns of all channels, as the platform's own staff would see and touch them."""

import sys
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any

from emulator.domain import dates, dlr, email, voice
from emulator.domain.email import EmailCampaign
from emulator.domain.money import shown
from emulator.domain.sms import Campaign, Source
from emulator.domain.voice import VoiceCampaign
from emulator.operations.call import Call, Listing, Reply, Row
from emulator.operations.platform.voice import cancelled
from emulator.world import World

AnyCampaign = Campaign | VoiceCampaign | EmailCampaign
Change = Callable[[Campaign, datetime], Campaign]

ENDLESS = sys.maxsize // 2


def list_campaigns(world: World, call: Call) -> Reply:
    """List the campaigns that are asked for, by channel and id or the newest first."""
    start = call.params.get("offset", 0)
    stop = start + call.params.get("limit", ENDLESS)
    found = islice(_asked_for(world, call.params), start, stop)
    return Reply([shown_campaign(each, world, call.now) for each in found])


def pause_campaign(world: World, call: Call) -> Reply:
    return _changed(world, call, dlr.pause)


def resume_campaign(world: World, call: Call) -> Reply:
    return _changed(world, call, dlr.resume)


def cancel_campaign(world: World, call: Call) -> Reply:
    return _changed(world, call, dlr.cancel)


def cancel_calls(world: World, call: Call) -> Reply:
    """Cancel a voice campaign as the platform's own operation does."""
    campaign = cancelled(world, call.params["campaignId"], call.now)
    return Reply(shown_campaign(campaign, world, call.now))


def lose_campaign(world: World, call: Call) -> Reply:
    return _changed(world, call, dlr.lose)


def list_letters(world: World, call: Call) -> Reply:
    """List the e-mails of a campaign as they would have been sent."""
    campaign = world.email_campaign(call.params["campaignId"])
    letters: list[Row] = [
        {
            "to": each.to,
            "sender": each.sender,
            "subject": each.subject,
            "text": each.text,
            "html": each.html,
            "attachment": each.attachment,
        }
        for each in email.letters(campaign)
    ]
    slices = iter([letters])
    return Reply({"campaign": campaign.id}, Listing("letters", slices, whole=True))


def _changed(world: World, call: Call, change: Change) -> Reply:
    campaign = change(world.campaign(call.params["campaignId"]), call.now)
    world.keep(campaign)
    return Reply(shown_campaign(campaign, world, call.now))


def newest(
    world: World, is_wanted: Callable[[AnyCampaign], bool] | None = None
) -> Iterator[AnyCampaign]:
    """Yield the campaigns of all channels, or the wanted, the latest placed first."""
    placed: tuple[Iterator[AnyCampaign], ...] = (
        reversed(world.campaigns.values()),
        reversed(world.voice_campaigns.values()),
        reversed(world.email_campaigns.values()),
    )
    if is_wanted is not None:  # before they are put in order, which takes longer
        placed = tuple(filter(is_wanted, each) for each in placed)
    return merge(*placed, key=attrgetter("created_at"), reverse=True)


def _by_id(world: World) -> Iterator[AnyCampaign]:
    yield from world.campaigns.values()
    yield from world.voice_campaigns.values()
    yield from world.email_campaigns.values()


def shown_campaign(campaign: AnyCampaign, world: World, now: datetime) -> Row:
    """Return a campaign as it stands, as every list shows it."""
    channel, status, count, final = _facts(campaign, now)
    scheduled = campaign.scheduled_at
    return {
        "channel": channel,
        "campaign": campaign.id,
        "name": title(campaign),
        "status": status,
        "recipients_count": count,
        "final_count": final,
        "cost": shown(campaign.cost),
        "created": dates.shown(campaign.created_at, world.account.zone),
        "scheduled": dates.stamp(scheduled) if scheduled else None,
        "source": str(
            campaign.source if isinstance(campaign, Campaign) else Source.HTTP
        ),
    }


def channel_of(campaign: AnyCampaign) -> str:
    if isinstance(campaign, Campaign):
        return "smsclic" if campaign.link else "sms"
    return "voice" if isinstance(campaign, VoiceCampaign) else "email"


def title(campaign: AnyCampaign) -> str | None:
    return campaign.subject if isinstance(campaign, EmailCampaign) else campaign.name


def _facts(campaign: AnyCampaign, now: datetime) -> tuple[str, str, int, int]:
    """Return channel, status, the number of recipients and of those that are final."""
    channel = channel_of(campaign)
    if isinstance(campaign, Campaign):
        final = dlr.final(campaign, now)
        return channel, dlr.status(campaign, now), campaign.line.messages, final
    if isinstance(campaign, VoiceCampaign):
        status, final = str(voice.status(campaign, now)), voice.processed(campaign, now)
        return channel, status, campaign.line.messages, final
    sent = email.is_sent(campaign, now)
    final = campaign.count if sent else 0
    return channel, "sent" if sent else "scheduled", campaign.count, final


def _asked_for(world: World, asked: Mapping[str, Any]) -> Iterator[AnyCampaign]:
    """Yield the campaigns that a question means, in the order that it asks for."""
    channel, text = asked.get("channel"), asked.get("text", "").casefold()
    placed = newest(world) if "newest" in asked else _by_id(world)
    return (
        each
        for each in placed
        if channel in (None, channel_of(each))
        and (text in (title(each) or "").casefold() or text in str(each.id))
    )
