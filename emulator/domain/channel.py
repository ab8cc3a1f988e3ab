"""The channels: SMS, SMS CLIC, voice and e-mail, and what differs between them.

Each channel is one record. What lists, shows or forecasts campaigns asks the record of
a campaign, and never of which type the campaign is.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from emulator.domain import dlr, email, voice
from emulator.domain.email import EmailCampaign
from emulator.domain.recipients import Column, format_cellphone
from emulator.domain.sms import CampaignSource, SmsCampaign
from emulator.domain.timeline import Milestone
from emulator.domain.voice import VoiceCampaign, VoiceStatus

AnyCampaign = SmsCampaign | VoiceCampaign | EmailCampaign
CampaignT = TypeVar("CampaignT", bound=AnyCampaign)

RecipientKey = int | str  # a cellphone as a number, or an e-mail address
RecipientKeys = Sequence[int] | Column  # of one campaign, in its order
RecipientIndexes = Sequence[int]  # the places of recipients in a campaign
ChannelRow = dict[str, object]

# The statuses of an SMS campaign that nothing more can be done to.
CLOSED_STATUSES = frozenset({"canceled", "unknown"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Channel(Generic[CampaignT]):
    """What differs between campaigns of one channel and of the others."""

    name: str  # as the control API says it, and the campaign's own ``channel``
    table: str  # the field of a world that holds its campaigns by id

    # Of the campaign.
    get_title: Callable[[CampaignT], str | None]
    get_source: Callable[[CampaignT], CampaignSource]
    compute_status: Callable[[CampaignT, datetime], str]
    count_recipients: Callable[[CampaignT], int]
    count_final: Callable[[CampaignT, datetime], int]  # recipients that are final
    list_changes: Callable[[CampaignT, datetime], list[str]]  # what staff may do now
    list_milestones: Callable[[CampaignT, datetime], Iterator[Milestone]]
    describe_content: Callable[[CampaignT], ChannelRow]

    # Of its recipients.
    get_keys: Callable[[CampaignT], RecipientKeys]
    get_fields: Callable[[CampaignT], Mapping[str, Column]]
    is_sent_to: Callable[[CampaignT, RecipientKey], bool]
    find_places: Callable[[CampaignT, RecipientKey], Iterable[int]]
    count_statuses: Callable[[CampaignT, datetime], dict[str, int]]
    list_statuses: Callable[[CampaignT, RecipientIndexes, datetime], Iterator[str]]
    describe_recipient: Callable[[CampaignT, int, datetime], ChannelRow]
    describe_message: Callable[[CampaignT, int], ChannelRow]  # for a conversation


def get_channel(campaign: CampaignT) -> Channel[CampaignT]:
    """Return the channel of a campaign."""
    return CHANNELS[campaign.channel]


def format_key(key: RecipientKey) -> str:
    """Return a recipient as people write it: ten digits, or the e-mail address."""
    return format_cellphone(key) if isinstance(key, int) else key


# --- SMS and SMS CLIC -----------------------------------------------------------------


def _list_sms_changes(campaign: SmsCampaign, now: datetime) -> list[str]:
    last = campaign.line.last_intervention(now)
    stands = dlr.STATUS_AFTER_CHANGE.get(last.change, "unknown") if last else "inserted"
    if (
        stands in CLOSED_STATUSES
        or dlr.count_final(campaign, now) == campaign.line.messages
    ):
        return []
    return ["resume" if stands == "paused" else "pause", "cancel", "mark_unknown"]


def _name_encoding(campaign: SmsCampaign) -> str:
    return "UCS-2" if campaign.flags.is_encoded else "GSM 03.38"


def _describe_sms_content(campaign: SmsCampaign) -> ChannelRow:
    return {
        "text": campaign.template.text,
        "sender": campaign.route.description,
        "route": campaign.route.name,
        "encoding": _name_encoding(campaign),
        "link": campaign.link.url if campaign.link else None,
    }


def _describe_sms_recipient(
    campaign: SmsCampaign, index: int, now: datetime
) -> ChannelRow:
    message = dlr.get_sms_message(campaign, index, now)
    return {
        "id": message.id,
        "to": format_cellphone(message.number),
        "status": message.status,
        "at": message.sent_at,
        "text": message.text,
    }


def _describe_sms_message(campaign: SmsCampaign, index: int) -> ChannelRow:
    return {
        "sender": campaign.route.description,
        "encoding": _name_encoding(campaign),
        "parts": campaign.flags.count_parts(len(campaign.render_text(index))),
        "link": campaign.make_short_link(index),
    }


# --- SMS, SMS CLIC and voice: recipients are cellphones -------------------------------


def _is_sent_to_cellphone(
    campaign: SmsCampaign | VoiceCampaign, key: RecipientKey
) -> bool:
    return isinstance(key, int) and key in campaign.recipients


def _find_cellphone_places(
    campaign: SmsCampaign | VoiceCampaign, key: RecipientKey
) -> Iterable[int]:
    return campaign.recipients.iterate_places(key) if isinstance(key, int) else ()


# --- Voice ----------------------------------------------------------------------------


def _list_voice_changes(campaign: VoiceCampaign, now: datetime) -> list[str]:
    queued = voice.compute_voice_status(campaign, now) is VoiceStatus.TO_SEND
    return ["cancel"] if queued else []


def _count_voice_statuses(campaign: VoiceCampaign, now: datetime) -> dict[str, int]:
    found = voice.count_call_statuses(campaign, now)
    return {each.name: count for each, count in found.items()}


def _list_voice_statuses(
    campaign: VoiceCampaign, indexes: RecipientIndexes, now: datetime
) -> Iterator[str]:
    return (voice.get_voice_call(campaign, each, now).status.name for each in indexes)


def _describe_voice_content(campaign: VoiceCampaign) -> ChannelRow:
    template = campaign.template
    return {
        "text": template.text if template else None,
        "audio": campaign.audio,
        "sender": campaign.remittent,
    }


def _describe_voice_recipient(
    campaign: VoiceCampaign, index: int, now: datetime
) -> ChannelRow:
    call = voice.get_voice_call(campaign, index, now)
    return {
        "id": call.id,
        "to": format_cellphone(call.number),
        "status": call.status.name,
        "at": call.called_at,
        "text": campaign.render_text(index),
    }


def _describe_voice_message(campaign: VoiceCampaign, _index: int) -> ChannelRow:
    return {"sender": campaign.remittent, "audio": campaign.audio}


# --- E-mail ---------------------------------------------------------------------------


def _compute_email_status(campaign: EmailCampaign, now: datetime) -> str:
    return "sent" if email.is_email_sent(campaign, now) else "scheduled"


def _count_final_emails(campaign: EmailCampaign, now: datetime) -> int:
    return campaign.count if email.is_email_sent(campaign, now) else 0


def _is_sent_to_address(campaign: EmailCampaign, key: RecipientKey) -> bool:
    return isinstance(key, str) and key in campaign.addresses


def _find_address_places(campaign: EmailCampaign, key: RecipientKey) -> Iterable[int]:
    return campaign.addresses.iterate_places(key) if isinstance(key, str) else ()


def _count_email_statuses(campaign: EmailCampaign, now: datetime) -> dict[str, int]:
    return {_compute_email_status(campaign, now): campaign.count}


def _list_email_statuses(
    campaign: EmailCampaign, indexes: RecipientIndexes, now: datetime
) -> Iterator[str]:
    return (_compute_email_status(campaign, now) for _ in indexes)


def _describe_email_content(campaign: EmailCampaign) -> ChannelRow:
    return {
        "text": campaign.body.text,
        "sender": campaign.sender,
        "attachment": campaign.attachment,
    }


def _describe_email_recipient(
    campaign: EmailCampaign, index: int, now: datetime
) -> ChannelRow:
    return {
        "id": index,
        "to": campaign.addresses[index],
        "status": _compute_email_status(campaign, now),
        "at": campaign.scheduled_at or campaign.created_at,
        "text": email.render_email(campaign, index).text,
    }


def _describe_email_message(campaign: EmailCampaign, index: int) -> ChannelRow:
    rendered = email.render_email(campaign, index)
    return {
        "sender": rendered.sender,
        "subject": rendered.subject,
        "html": rendered.html,
        "attachment": rendered.attachment,
    }


# --- One record for each --------------------------------------------------------------

SMS: Channel[SmsCampaign] = Channel(
    name="sms",
    table="campaigns",
    get_title=lambda campaign: campaign.name,
    get_source=lambda campaign: campaign.source,
    compute_status=dlr.compute_sms_status,
    count_recipients=lambda campaign: campaign.line.messages,
    count_final=dlr.count_final,
    list_changes=_list_sms_changes,
    list_milestones=dlr.list_sms_milestones,
    describe_content=_describe_sms_content,
    get_keys=lambda campaign: campaign.recipients.numbers,
    get_fields=lambda campaign: campaign.recipients.fields,
    is_sent_to=_is_sent_to_cellphone,
    find_places=_find_cellphone_places,
    count_statuses=lambda campaign, now: dict(dlr.count_sms_statuses(campaign, now)),
    list_statuses=dlr.list_message_statuses,
    describe_recipient=_describe_sms_recipient,
    describe_message=_describe_sms_message,
)
SMSCLIC: Channel[SmsCampaign] = replace(SMS, name="smsclic")  # SMS with a short link
VOICE: Channel[VoiceCampaign] = Channel(
    name="voice",
    table="voice_campaigns",
    get_title=lambda campaign: campaign.name,
    get_source=lambda _campaign: CampaignSource.HTTP,
    compute_status=lambda campaign, now: str(voice.compute_voice_status(campaign, now)),
    count_recipients=lambda campaign: campaign.line.messages,
    count_final=voice.count_finished_calls,
    list_changes=_list_voice_changes,
    list_milestones=lambda campaign, _after: voice.list_voice_milestones(campaign),
    describe_content=_describe_voice_content,
    get_keys=lambda campaign: campaign.recipients.numbers,
    get_fields=lambda campaign: campaign.recipients.fields,
    is_sent_to=_is_sent_to_cellphone,
    find_places=_find_cellphone_places,
    count_statuses=_count_voice_statuses,
    list_statuses=_list_voice_statuses,
    describe_recipient=_describe_voice_recipient,
    describe_message=_describe_voice_message,
)
EMAIL: Channel[EmailCampaign] = Channel(
    name="email",
    table="email_campaigns",
    get_title=lambda campaign: campaign.subject,
    get_source=lambda _campaign: CampaignSource.HTTP,
    compute_status=_compute_email_status,
    count_recipients=lambda campaign: campaign.count,
    count_final=_count_final_emails,
    list_changes=lambda _campaign, _now: [],
    list_milestones=lambda campaign, _after: email.list_email_milestones(campaign),
    describe_content=_describe_email_content,
    get_keys=lambda campaign: campaign.addresses,
    get_fields=lambda campaign: campaign.fields,
    is_sent_to=_is_sent_to_address,
    find_places=_find_address_places,
    count_statuses=_count_email_statuses,
    list_statuses=_list_email_statuses,
    describe_recipient=_describe_email_recipient,
    describe_message=_describe_email_message,
)
CHANNELS: Mapping[str, Channel[Any]] = MappingProxyType(
    {each.name: each for each in (SMS, SMSCLIC, VOICE, EMAIL)}
)
# The fields of a world that hold campaigns; SMS and SMS CLIC lie in one.
CAMPAIGN_TABLES = tuple(dict.fromkeys(each.table for each in CHANNELS.values()))
