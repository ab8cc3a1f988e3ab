"""A campaign of any channel from near: what it says, and what became of whom."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from emulator.domain import dates, dlr, email, voice
from emulator.domain.email import EmailCampaign
from emulator.domain.recipients import cellphone
from emulator.domain.sms import Campaign
from emulator.domain.timeline import percentage
from emulator.domain.voice import VoiceCampaign, VoiceStatus
from emulator.operations.call import Call, Reply, Row
from emulator.operations.control.campaigns import AnyCampaign, shown_campaign
from emulator.world import World

PAGE = 50  # recipients, unless the call says otherwise
DONE = frozenset({"canceled", "unknown"})  # a campaign that nothing more is done to

Indexes = Sequence[int]  # the places of recipients


def get_campaign(world: World, call: Call) -> Reply:
    """Show one campaign with its text, its counts, and what may be done to it."""
    campaign = _found(world, call)
    row = shown_campaign(campaign, world, call.now)
    final, count = row["final_count"], row["recipients_count"]
    return Reply(
        {
            **row,
            "percentage": percentage(int(str(final)), int(str(count))),
            "statuses": statuses(campaign, call.now),
            "changes": _changes(campaign, call.now),
            **_SAID[type(campaign)](campaign),
        }
    )


def list_recipients(world: World, call: Call) -> Reply:
    """List those of a campaign's recipients that match, and count them all."""
    campaign, asked = _found(world, call), call.params
    found = _matching(campaign, asked, call.now)
    start = asked.get("offset", 0)
    page = found[start : start + asked.get("limit", PAGE)]
    rows = [recipient(campaign, index, world, call.now) for index in page]
    return Reply({"count": len(found), "recipients": rows})


def recipient(campaign: AnyCampaign, index: int, world: World, now: datetime) -> Row:
    """Return what became of one recipient."""
    row = _ROWS[type(campaign)](campaign, index, now)
    zone = world.account.zone
    at = row["at"]
    return {
        **row,
        "at": dates.shown(at, zone) if isinstance(at, datetime) else None,
        "name": _named(campaign, index),
    }


def statuses(campaign: AnyCampaign, now: datetime) -> dict[str, int]:
    """Return how many recipients stand at each status, in the channel's own words."""
    if isinstance(campaign, Campaign):
        return dict(dlr.stand(campaign, now))
    if isinstance(campaign, VoiceCampaign):
        return {each.name: count for each, count in voice.stand(campaign, now).items()}
    return {_email_status(campaign, now): campaign.count}


def _found(world: World, call: Call) -> AnyCampaign:
    return _FINDERS[call.params["channel"]](world, call.params["campaignId"])


_FINDERS: Mapping[str, Callable[[World, int], AnyCampaign]] = {
    "sms": World.campaign,
    "smsclic": World.campaign,
    "voice": World.voice_campaign,
    "email": World.email_campaign,
}


def _changes(campaign: AnyCampaign, now: datetime) -> list[str]:
    """Return what the platform's staff may do to the campaign as it stands."""
    if isinstance(campaign, VoiceCampaign):
        queued = voice.status(campaign, now) is VoiceStatus.TO_SEND
        return ["cancel"] if queued else []
    if isinstance(campaign, EmailCampaign):
        return []
    last = campaign.line.last(now)
    stands = dlr.SETTLED.get(last.change, "unknown") if last else "inserted"
    if stands in DONE or dlr.final(campaign, now) == campaign.line.messages:
        return []
    return ["resume" if stands == "paused" else "pause", "cancel", "lose"]


def _sms_said(campaign: Campaign) -> Row:
    encoded = campaign.flags.encoded
    return {
        "text": campaign.template.text,
        "sender": campaign.route.description,
        "route": campaign.route.name,
        "encoding": "UCS-2" if encoded else "GSM 03.38",
        "link": campaign.link.url if campaign.link else None,
    }


def _voice_said(campaign: VoiceCampaign) -> Row:
    template = campaign.template
    return {
        "text": template.text if template else None,
        "audio": campaign.audio,
        "sender": campaign.remittent,
    }


def _email_said(campaign: EmailCampaign) -> Row:
    return {
        "text": campaign.body.text,
        "sender": campaign.sender,
        "attachment": campaign.attachment,
    }


_SAID: Mapping[type, Callable[[Any], Row]] = {
    Campaign: _sms_said,
    VoiceCampaign: _voice_said,
    EmailCampaign: _email_said,
}


def _sms_row(campaign: Campaign, index: int, now: datetime) -> Row:
    message = dlr.message(campaign, index, now)
    return {
        "id": message.id,
        "to": cellphone(message.number),
        "status": message.status,
        "at": message.sent_at,
        "text": message.text,
    }


def _voice_row(campaign: VoiceCampaign, index: int, now: datetime) -> Row:
    call = voice.call(campaign, index, now)
    return {
        "id": call.id,
        "to": cellphone(call.number),
        "status": call.status.name,
        "at": call.called_at,
        "text": campaign.text(index),
    }


def _email_row(campaign: EmailCampaign, index: int, now: datetime) -> Row:
    return {
        "id": index,
        "to": campaign.addresses[index],
        "status": _email_status(campaign, now),
        "at": campaign.scheduled_at or campaign.created_at,
        "text": email.letter(campaign, index).text,
    }


_ROWS: Mapping[type, Callable[[Any, int, datetime], Row]] = {
    Campaign: _sms_row,
    VoiceCampaign: _voice_row,
    EmailCampaign: _email_row,
}


def _matching(
    campaign: AnyCampaign, asked: Mapping[str, Any], now: datetime
) -> Indexes:
    """Return the places of the recipients that match; the cheapest question first."""
    count = (
        campaign.count
        if isinstance(campaign, EmailCampaign)
        else campaign.line.messages
    )
    found: Indexes = range(count)
    if "text" in asked:
        found = _addressed(campaign, asked["text"])
    if "status" in asked:
        wanted = asked["status"]
        states = _states(campaign, found, now)
        found = [
            each for each, state in zip(found, states, strict=True) if state == wanted
        ]
    return found


def _addressed(campaign: AnyCampaign, text: str) -> list[int]:
    """Return the places of the addresses or names in which *text* stands."""
    text = text.casefold()
    addresses = (
        iter(campaign.addresses)
        if isinstance(campaign, EmailCampaign)
        else map(cellphone, campaign.recipients.numbers)
    )
    names = _fields(campaign).get("name")
    if names is None:
        return [
            index for index, each in enumerate(addresses) if text in each.casefold()
        ]
    return [
        index
        for index, (each, name) in enumerate(zip(addresses, names, strict=True))
        if text in each.casefold() or text in name.casefold()
    ]


def _states(campaign: AnyCampaign, found: Indexes, now: datetime) -> Iterator[str]:
    if isinstance(campaign, Campaign):
        return dlr.statuses(campaign, found, now)
    if isinstance(campaign, VoiceCampaign):
        return (voice.call(campaign, index, now).status.name for index in found)
    return (_email_status(campaign, now) for _ in found)


def _email_status(campaign: EmailCampaign, now: datetime) -> str:
    return "sent" if email.is_sent(campaign, now) else "scheduled"


def _fields(campaign: AnyCampaign) -> Mapping[str, Any]:
    if isinstance(campaign, EmailCampaign):
        return campaign.fields
    return campaign.recipients.fields


def _named(campaign: AnyCampaign, index: int) -> str:
    names = _fields(campaign).get("name")
    return names[index] if names is not None else ""
