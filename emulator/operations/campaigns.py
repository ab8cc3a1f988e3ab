"""Campaigns of all channels, as the platform's own staff would see and touch them."""

from collections.abc import Callable, Iterator
from datetime import datetime

from emulator.domain import dates, dlr, email, voice
from emulator.domain.money import shown
from emulator.domain.sms import Campaign
from emulator.operations.call import Call, Listing, Reply, Row
from emulator.world import World

Change = Callable[[Campaign, datetime], Campaign]


def list_campaigns(world: World, call: Call) -> Reply:
    """List every campaign, by channel and id."""
    rows = [*_sms(world, call.now), *_voice(world, call.now), *_email(world, call.now)]
    return Reply(rows)


def pause_campaign(world: World, call: Call) -> Reply:
    return _changed(world, call, dlr.pause)


def resume_campaign(world: World, call: Call) -> Reply:
    return _changed(world, call, dlr.resume)


def cancel_campaign(world: World, call: Call) -> Reply:
    return _changed(world, call, dlr.cancel)


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
    return Reply(_sms_row(campaign, world, call.now))


def _sms(world: World, now: datetime) -> Iterator[Row]:
    return (_sms_row(each, world, now) for each in world.campaigns.values())


def _sms_row(campaign: Campaign, world: World, now: datetime) -> Row:
    return {
        "channel": "smsclic" if campaign.link else "sms",
        "campaign": campaign.id,
        "name": campaign.name,
        "status": dlr.status(campaign, now),
        "recipients_count": campaign.line.messages,
        "final_count": dlr.final(campaign, now),
        "cost": shown(campaign.cost),
        "created": dates.shown(campaign.created_at, world.account.zone),
    }


def _voice(world: World, now: datetime) -> Iterator[Row]:
    for each in world.voice_campaigns.values():
        yield {
            "channel": "voice",
            "campaign": each.id,
            "name": each.name,
            "status": str(voice.status(each, now)),
            "recipients_count": each.line.messages,
            "final_count": voice.processed(each, now),
            "cost": shown(each.cost),
            "created": dates.shown(each.created_at, world.account.zone),
        }


def _email(world: World, now: datetime) -> Iterator[Row]:
    for each in world.email_campaigns.values():
        sent = (each.scheduled_at or each.created_at) <= now
        yield {
            "channel": "email",
            "campaign": each.id,
            "name": each.subject,
            "status": "sent" if sent else "scheduled",
            "recipients_count": each.count,
            "final_count": each.count if sent else 0,
            "cost": shown(each.cost),
            "created": dates.shown(each.created_at, world.account.zone),
        }
