"""One campaign of any channel: its text, its recipients and their states."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from emulator.domain import dates, dlr, email, voice
from emulator.domain.email import EmailCampaign
from emulator.domain.recipients import format_cellphone
from emulator.domain.sms import SmsCampaign
from emulator.domain.timeline import compute_percentage
from emulator.domain.voice import VoiceCampaign, VoiceStatus
from emulator.operations.call import OperationCall, OperationResult, Row
from emulator.operations.control.campaigns import AnyCampaign, describe_campaign
from emulator.world import World

PAGE = 50  # recipients, unless the call says otherwise
CLOSED_STATUSES = frozenset(
    {"canceled", "unknown"}
)  # a campaign that nothing more is done to

RecipientIndexes = Sequence[int]  # the places of recipients


def get_campaign(world: World, call: OperationCall) -> OperationResult:
    """Return one campaign with its text, its counts and its possible actions."""
    campaign = _require_campaign(world, call)
    row = describe_campaign(campaign, world, call.now)
    final, count = row["final_count"], row["recipients_count"]
    return OperationResult(
        {
            **row,
            "percentage": compute_percentage(int(str(final)), int(str(count))),
            "statuses": count_statuses(campaign, call.now),
            "changes": _list_changes(campaign, call.now),
            **_CONTENT_BY_TYPE[type(campaign)](campaign),
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
    """Return one recipient with its state."""
    row = _ROW_BY_TYPE[type(campaign)](campaign, index, now)
    zone = world.account.zone
    at = row["at"]
    return {
        **row,
        "at": dates.format_platform_time(at, zone)
        if isinstance(at, datetime)
        else None,
        "name": _find_name(campaign, index),
    }


def count_statuses(campaign: AnyCampaign, now: datetime) -> dict[str, int]:
    """Return how many recipients have each status, in the channel's own words."""
    if isinstance(campaign, SmsCampaign):
        return dict(dlr.count_sms_statuses(campaign, now))
    if isinstance(campaign, VoiceCampaign):
        return {
            each.name: count
            for each, count in voice.count_call_statuses(campaign, now).items()
        }
    return {_find_email_status(campaign, now): campaign.count}


def _require_campaign(world: World, call: OperationCall) -> AnyCampaign:
    return _FINDER_BY_CHANNEL[call.params["channel"]](world, call.params["campaignId"])


_FINDER_BY_CHANNEL: Mapping[str, Callable[[World, int], AnyCampaign]] = {
    "sms": World.get_campaign,
    "smsclic": World.get_campaign,
    "voice": World.get_voice_campaign,
    "email": World.get_email_campaign,
}


def _list_changes(campaign: AnyCampaign, now: datetime) -> list[str]:
    """Return what the platform's staff may do to the campaign now."""
    if isinstance(campaign, VoiceCampaign):
        queued = voice.compute_voice_status(campaign, now) is VoiceStatus.TO_SEND
        return ["cancel"] if queued else []
    if isinstance(campaign, EmailCampaign):
        return []
    last = campaign.line.last_intervention(now)
    stands = dlr.STATUS_AFTER_CHANGE.get(last.change, "unknown") if last else "inserted"
    if (
        stands in CLOSED_STATUSES
        or dlr.count_final(campaign, now) == campaign.line.messages
    ):
        return []
    return ["resume" if stands == "paused" else "pause", "cancel", "lose"]


def _describe_sms(campaign: SmsCampaign) -> Row:
    encoded = campaign.flags.is_encoded
    return {
        "text": campaign.template.text,
        "sender": campaign.route.description,
        "route": campaign.route.name,
        "encoding": "UCS-2" if encoded else "GSM 03.38",
        "link": campaign.link.url if campaign.link else None,
    }


def _describe_voice(campaign: VoiceCampaign) -> Row:
    template = campaign.template
    return {
        "text": template.text if template else None,
        "audio": campaign.audio,
        "sender": campaign.remittent,
    }


def _describe_email(campaign: EmailCampaign) -> Row:
    return {
        "text": campaign.body.text,
        "sender": campaign.sender,
        "attachment": campaign.attachment,
    }


_CONTENT_BY_TYPE: Mapping[type, Callable[[Any], Row]] = {
    SmsCampaign: _describe_sms,
    VoiceCampaign: _describe_voice,
    EmailCampaign: _describe_email,
}


def _make_sms_row(campaign: SmsCampaign, index: int, now: datetime) -> Row:
    message = dlr.get_sms_message(campaign, index, now)
    return {
        "id": message.id,
        "to": format_cellphone(message.number),
        "status": message.status,
        "at": message.sent_at,
        "text": message.text,
    }


def _make_voice_row(campaign: VoiceCampaign, index: int, now: datetime) -> Row:
    call = voice.get_voice_call(campaign, index, now)
    return {
        "id": call.id,
        "to": format_cellphone(call.number),
        "status": call.status.name,
        "at": call.called_at,
        "text": campaign.render_text(index),
    }


def _make_email_row(campaign: EmailCampaign, index: int, now: datetime) -> Row:
    return {
        "id": index,
        "to": campaign.addresses[index],
        "status": _find_email_status(campaign, now),
        "at": campaign.scheduled_at or campaign.created_at,
        "text": email.render_email(campaign, index).text,
    }


_ROW_BY_TYPE: Mapping[type, Callable[[Any, int, datetime], Row]] = {
    SmsCampaign: _make_sms_row,
    VoiceCampaign: _make_voice_row,
    EmailCampaign: _make_email_row,
}


def _find_recipients(
    campaign: AnyCampaign, asked: Mapping[str, Any], now: datetime
) -> RecipientIndexes:
    """Return the places of the recipients that match; the cheapest test first."""
    count = (
        campaign.count
        if isinstance(campaign, EmailCampaign)
        else campaign.line.messages
    )
    found: RecipientIndexes = range(count)
    if "text" in asked:
        found = _find_by_text(campaign, asked["text"])
    if "status" in asked:
        wanted = asked["status"]
        states = _list_statuses(campaign, found, now)
        found = [
            each for each, state in zip(found, states, strict=True) if state == wanted
        ]
    return found


def _find_by_text(campaign: AnyCampaign, text: str) -> list[int]:
    """Return the places of the addresses or names that hold *text*."""
    text = text.casefold()
    addresses = (
        iter(campaign.addresses)
        if isinstance(campaign, EmailCampaign)
        else map(format_cellphone, campaign.recipients.numbers)
    )
    names = _find_columns(campaign).get("name")
    if names is None:
        return [
            index for index, each in enumerate(addresses) if text in each.casefold()
        ]
    return [
        index
        for index, (each, name) in enumerate(zip(addresses, names, strict=True))
        if text in each.casefold() or text in name.casefold()
    ]


def _list_statuses(
    campaign: AnyCampaign, found: RecipientIndexes, now: datetime
) -> Iterator[str]:
    if isinstance(campaign, SmsCampaign):
        return dlr.list_message_statuses(campaign, found, now)
    if isinstance(campaign, VoiceCampaign):
        return (
            voice.get_voice_call(campaign, index, now).status.name for index in found
        )
    return (_find_email_status(campaign, now) for _ in found)


def _find_email_status(campaign: EmailCampaign, now: datetime) -> str:
    return "sent" if email.is_email_sent(campaign, now) else "scheduled"


def _find_columns(campaign: AnyCampaign) -> Mapping[str, Any]:
    if isinstance(campaign, EmailCampaign):
        return campaign.fields
    return campaign.recipients.fields


def _find_name(campaign: AnyCampaign, index: int) -> str:
    names = _find_columns(campaign).get("name")
    return names[index] if names is not None else ""
