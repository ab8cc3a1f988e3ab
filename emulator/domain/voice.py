"""Voice ("Blaster") campaigns: calls with a saved audio or a text read aloud.

Source: manual VOI-01 to VOI-46.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, tzinfo
from enum import StrEnum
from operator import attrgetter
from typing import Any, NamedTuple

from emulator.domain import counts, dates
from emulator.domain.account import Account
from emulator.domain.assumptions import Doubt
from emulator.domain.bounds import WORLD_END, Count, Id, Instant, PlannedInstant, Price
from emulator.domain.handset import BEHAVIOURS, CallStatus, Outcome
from emulator.domain.platform_refusals import (
    DATE_PAST,
    NOT_CANCELLABLE,
    UNKNOWN_AUDIO,
    UNKNOWN_REMITTENT,
)
from emulator.domain.recipients import Recipients, format_cellphone, parse_recipients
from emulator.domain.refusals import Refusal
from emulator.domain.text import TextTemplate, parse_template
from emulator.domain.timeline import (
    Intervention,
    InterventionKind,
    Milestone,
    Pace,
    SendSchedule,
    make_endless_milestone,
)

VOICE_COUNTRY = "Mexico"  # the only one the manual shows (VOI-13)
SPEECH_TYPE = 2  # of the two types; 1 is a recording (VOI-02)
CALL_ROWS_PER_SLICE = 2_000  # rows

VoiceOrder = Mapping[str, Any]  # a request body that the contract has accepted
CallRow = dict[str, object]


class VoiceStatus(StrEnum):
    """The campaign's word.  Source: manual VOI-24; two of them are ours."""

    TO_SEND = "TO_SEND"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    FAILED = "FAILED"


CANCELLABLE_STATUSES = frozenset({VoiceStatus.TO_SEND})


class VoiceIds(NamedTuple):
    """The ids a new campaign takes: its own, and its first call's."""

    campaign: int
    call: int


@dataclass(frozen=True, slots=True)
class VoiceCampaign:
    """A voice campaign as it was placed, with its later interventions."""

    id: Id
    name: str
    template: TextTemplate | None  # None with a saved audio
    audio: Id | None
    recipients: Recipients
    outcomes: bytes  # one octet a recipient: an Outcome
    first_call: Id
    remittent: str | None
    transfer_num: str | None
    transfer_key: Count | None
    created_at: Instant
    scheduled_at: PlannedInstant | None
    line: SendSchedule
    pace: Pace
    cost: Price  # millionths

    @property
    def channel(self) -> str:
        """Return the name of its channel."""
        return "voice"

    @property
    def type(self) -> str:
        """Source: manual VOI-13; ``audio`` is assumption VOI-14."""
        return "audio" if self.template is None else "text"

    def render_text(self, index: int) -> str | None:
        """Return what recipient *index* hears, or None with a saved audio."""
        if self.template is None:
            return None
        return self.template.fill_marks(self.recipients.get_values(index))


@dataclass(frozen=True, slots=True)
class VoiceCall:
    id: int
    number: int
    status: CallStatus
    called_at: datetime | None


def make_voice_campaign(
    order: VoiceOrder, account: Account, *, ids: VoiceIds, now: datetime
) -> VoiceCampaign:
    """Return the campaign that *order* asks for, unpaid.

    Refuses while the service is not active, and an unknown audio.
    """
    account.require_service("voice")
    speech = int(order["type"]) == SPEECH_TYPE
    recipients = parse_recipients(order["recipients"])
    date = order.get("scheduledDate")
    scheduled_at = dates.parse_platform_time(date, account.zone) if date else None
    starts_at = now + account.pace.call_after
    return VoiceCampaign(
        id=ids.campaign,
        name=order["campaign_name"],
        template=parse_template(order["text"]) if speech else None,
        audio=None if speech else _parse_audio(order, account),
        recipients=recipients,
        outcomes=account.population.get_outcomes(recipients.numbers),
        first_call=ids.call,
        remittent=_parse_digits(order, "remittent"),
        transfer_num=_parse_digits(order, "transfer_num"),
        transfer_key=int(order["transfer_key"]) if "transfer_key" in order else None,
        created_at=now,
        scheduled_at=scheduled_at,
        line=SendSchedule(
            starts_at=max(starts_at, scheduled_at or starts_at),
            every=account.pace.call_every,
            messages=len(recipients),
        ),
        pace=account.pace,
        cost=account.prices.voice * len(recipients),
    )


def list_voice_doubts(campaign: VoiceCampaign, account: Account) -> Iterator[Doubt]:
    """Yield the doubts, which lenient accepts and strict refuses."""
    if campaign.remittent and int(campaign.remittent) not in account.remittents:
        yield Doubt("VOI-09", UNKNOWN_REMITTENT, "the account does not own this number")
    if campaign.scheduled_at and campaign.scheduled_at <= campaign.created_at:
        words = {"field": "scheduledDate"}
        yield Doubt("SMS-37", DATE_PAST, "the scheduled date has passed", words)


def compute_voice_status(campaign: VoiceCampaign, now: datetime) -> VoiceStatus:
    """Return the campaign's word.  Source: manual VOI-24."""
    line = campaign.line
    if line.cancelled_at and line.cancelled_at <= now:
        return VoiceStatus.CANCELLED
    if not line.count_due(now):
        return VoiceStatus.TO_SEND
    if count_finished_calls(campaign, now) < line.messages:
        return VoiceStatus.PROCESSING
    answered = any(
        BEHAVIOURS[Outcome(each)].call.steps[-1][1] is CallStatus.SENT
        for each in set(campaign.outcomes)
    )
    return VoiceStatus.COMPLETED if answered else VoiceStatus.FAILED


def count_finished_calls(campaign: VoiceCampaign, now: datetime) -> int:
    """Return how many calls are over.  All calls last equally long."""
    lasting = BEHAVIOURS[Outcome.SENT].call.final_after * campaign.pace.retry_scale
    return campaign.line.count_due(now - lasting)


def count_call_statuses(
    campaign: VoiceCampaign, now: datetime
) -> Mapping[CallStatus, int]:
    """Return how many calls stand at each status, without looking at each."""
    waiting = _get_waiting_status(campaign, now)
    return counts.count_by_status(
        campaign, attrgetter("call"), waiting=waiting, now=now
    )


def list_voice_milestones(campaign: VoiceCampaign) -> Iterator[Milestone]:
    """Yield when the first call is made and when the last is over, unless cancelled."""
    if campaign.line.starts_at >= WORLD_END:
        yield make_endless_milestone("completed")
    elif campaign.line.cancelled_at is None:
        last = campaign.line.due_time(campaign.line.messages - 1)
        lasting = BEHAVIOURS[Outcome.SENT].call.final_after * campaign.pace.retry_scale
        yield Milestone(campaign.line.due_time(0), "calling")
        yield Milestone(last + lasting, "completed")


def get_voice_call(campaign: VoiceCampaign, index: int, now: datetime) -> VoiceCall:
    """Return one call as it stands.  Source: manual VOI-23, VOI-26, VOI-36."""
    line = campaign.line
    if index < line.count_due(now):
        called_at = line.due_time(index)
        truth = BEHAVIOURS[Outcome(campaign.outcomes[index])]
        state = truth.call.status_after(now - called_at, campaign.pace.retry_scale)
    else:
        called_at = None
        state = _get_waiting_status(campaign, now)
    number = campaign.recipients.numbers[index]
    return VoiceCall(campaign.first_call + index, number, state, called_at)


def _get_waiting_status(campaign: VoiceCampaign, now: datetime) -> CallStatus:
    """Return the status of a call that has not been placed."""
    cancelled = campaign.line.cancelled_at
    return CallStatus.FAILED if cancelled and cancelled <= now else CallStatus.QUEUED


def render_call_rows(
    campaign: VoiceCampaign, *, now: datetime, zone: tzinfo
) -> Iterator[list[CallRow]]:
    """Yield the rows of the status answer in slices.  Source: manual VOI-22."""
    count = campaign.line.messages
    for start in range(0, count, CALL_ROWS_PER_SLICE):
        calls = (
            get_voice_call(campaign, index, now)
            for index in range(start, min(start + CALL_ROWS_PER_SLICE, count))
        )
        yield [
            {
                "voice_message": each.id,
                "cellphone": format_cellphone(each.number),
                "sent_date": dates.format_platform_time(each.called_at, zone)
                if each.called_at
                else None,
                "voice_message_status": int(each.status),
            }
            for each in calls
        ]


def cancel_queued_calls(campaign: VoiceCampaign, now: datetime) -> VoiceCampaign:
    """Stop a queued campaign and return it as it then stands.

    Refuses with ``NOT_CANCELLABLE`` in every other status, cancelled included.

    Source: manual VOI-31, VOI-32, VOI-37; the code is assumption VOI-31.
    """
    current = compute_voice_status(campaign, now)
    if current not in CANCELLABLE_STATUSES:
        why = f"campaign {campaign.id} is {current}; only TO_SEND can be cancelled"
        raise Refusal(NOT_CANCELLABLE, why)
    stopped = Intervention(InterventionKind.CANCELLED, now)
    line = campaign.line._replace(interventions=(stopped,))
    return replace(campaign, line=line)


def compute_refund(campaign: VoiceCampaign, account: Account) -> int:
    """Return what a cancelled campaign pays back.  Source: assumption VOI-35."""
    is_paid_back = account.assumptions.chosen["refund_on_cancel"] == "yes"
    return campaign.cost if is_paid_back else 0


def _parse_audio(order: VoiceOrder, account: Account) -> int:
    audio = int(order["audio"])
    if audio not in account.audios:
        known = ", ".join(map(str, account.audios)) or "none"
        raise Refusal(UNKNOWN_AUDIO, f"audios: {known}")
    return audio


def _parse_digits(order: VoiceOrder, name: str) -> str | None:
    return format_cellphone(int(order[name])) if name in order else None
