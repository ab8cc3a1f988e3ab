"""Delivery: where an SMS campaign and each of its messages stand at an instant.

Reading never writes; the same question about the same instant always has the same
answer.

Source: manual DLR-01 to DLR-23.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import chain, repeat
from operator import attrgetter

from emulator.domain import counts, dates
from emulator.domain.bounds import WORLD_END
from emulator.domain.handset import BEHAVIOURS, Outcome
from emulator.domain.platform_refusals import (
    NOT_CANCELLABLE,
    NOT_PAUSABLE,
    NOT_RESUMABLE,
)
from emulator.domain.recipients import format_cellphone
from emulator.domain.refusals import Refusal, RefusalReason
from emulator.domain.sms import SmsCampaign
from emulator.domain.timeline import (
    ZERO_TIME,
    Intervention,
    InterventionKind,
    Milestone,
    SendSchedule,
    compute_percentage,
    make_endless_milestone,
)

SENT_OUTCOME = int(Outcome.SENT)  # among the octets of a campaign's outcomes
DLR_ROWS_PER_SLICE = 2_000  # rows; the edge lets others in between two slices

STATUS_AFTER_CHANGE = {  # that a campaign has once it was carried out
    InterventionKind.PAUSED: "paused",
    InterventionKind.RESUMED: "inserted",
    InterventionKind.CANCELLED: "canceled",  # with one l, a message with two (DLR-10)
}
WAITING_STATUS = {  # what a message says that has not had its instant
    InterventionKind.PAUSED: "paused",
    InterventionKind.CANCELLED: "cancelled",
}

CHANGE_MILESTONES = {  # the milestone that such an intervention leads to
    InterventionKind.PAUSED: "paused",
    InterventionKind.RESUMED: "resumed",
    InterventionKind.CANCELLED: "canceled",
}
LONGEST_FINAL_DELAY = max(truth.sms.final_after for truth in BEHAVIOURS.values())

FINAL_STATUSES = frozenset({"sent", "failed", "cancelled"})
FINAL_AFTER = {int(each): truth.sms.final_after for each, truth in BEHAVIOURS.items()}
# No ids can be got (DLR-06)
STATUSES_WITHOUT_ROWS = frozenset({"inserting", "unknown"})

DlrRow = dict[str, object]


@dataclass(frozen=True, slots=True)
class SmsMessage:
    id: int
    number: int
    status: str
    sent_at: datetime | None
    text: str


def compute_sms_status(campaign: SmsCampaign, now: datetime) -> str:
    """Return the campaign's status.  Source: manual DLR-05, DLR-21."""
    last = campaign.line.last_intervention(now)
    if last and last.change is InterventionKind.LOST:
        return "unknown"
    if now < campaign.created_at + campaign.pace.inserting:
        return "inserting"
    if last and now < last.at + campaign.pace.updating:
        return "updating"
    return STATUS_AFTER_CHANGE[last.change] if last else "inserted"


def compute_progress(campaign: SmsCampaign, now: datetime) -> int:
    """Return the percentage of messages that are final.  Source: manual DLR-08."""
    return compute_percentage(count_final(campaign, now), campaign.line.messages)


def count_final(campaign: SmsCampaign, now: datetime) -> int:
    """Return how many messages are sent, failed or cancelled."""
    line, outcomes = campaign.line, campaign.outcomes
    if campaign.expires_at is not None and campaign.expires_at <= now:
        return line.messages
    reached = line.count_due(now)
    done = outcomes.count(SENT_OUTCOME, 0, reached)
    if done < reached:
        for outcome in set(outcomes) - {SENT_OUTCOME}:
            delay = (
                BEHAVIOURS[Outcome(outcome)].sms.final_after * campaign.pace.retry_scale
            )
            done += outcomes.count(outcome, 0, line.count_due(now - delay))
    if line.cancelled_at and line.cancelled_at <= now:
        done += line.messages - reached
    return done


def count_sms_statuses(campaign: SmsCampaign, now: datetime) -> Mapping[str, int]:
    """Return how many messages stand at each status, without looking at each."""
    waiting = _get_waiting_status(campaign, now)
    return counts.count_by_status(campaign, attrgetter("sms"), waiting=waiting, now=now)


def list_sms_milestones(campaign: SmsCampaign, after: datetime) -> Iterator[Milestone]:
    """Yield the milestones of the campaign, in order, without those that are long over.

    ``inserted``, then ``sending`` (the first message), ``sent`` (the last one) and
    ``completed`` (every message is final); of two at one instant only the later one.
    """
    line, retry_scale = campaign.line, campaign.pace.retry_scale
    if line.starts_at >= WORLD_END:
        yield make_endless_milestone("completed")
        return
    latest = (
        line.starts_at + line.messages * line.every + LONGEST_FINAL_DELAY * retry_scale
    )
    if not line.interventions and latest < after:
        return
    found = [Milestone(campaign.created_at + campaign.pace.inserting, "inserted")]
    changes = [each for each in line.interventions if each.change in CHANGE_MILESTONES]
    found += [
        Milestone(each.at + campaign.pace.updating, CHANGE_MILESTONES[each.change])
        for each in changes
    ]
    found += _list_message_milestones(campaign, line.messages_to_send)
    if campaign.expires_at is not None:
        found = _cut_at_expiry(found, campaign.expires_at)
    yield from sorted(found, key=lambda each: each.at or WORLD_END)


def _cut_at_expiry(found: list[Milestone], end: datetime) -> list[Milestone]:
    """Return what comes about before the validity of what is not final has passed."""
    timely = [each for each in found if each.at is not None and each.at <= end]
    if not any(each.name == "completed" for each in timely):
        timely.append(Milestone(end, "completed"))
    return timely


def _list_message_milestones(campaign: SmsCampaign, bound: int) -> list[Milestone]:
    """Return the milestones of the messages, of which *bound* have their instant."""
    line, found = campaign.line, []
    if bound < line.messages and line.cancelled_at is None:
        end: datetime | None = None
        found.append(Milestone(None, "completed", "a resume"))
    else:
        end = max(_list_final_times(campaign, bound), default=line.cancelled_at)
        if line.cancelled_at and end:
            end = max(end, line.cancelled_at)
        found.append(Milestone(end, "completed"))
    if bound == line.messages and line.due_time(bound - 1) != end:
        found.append(Milestone(line.due_time(bound - 1), "sent"))
    if bound and line.due_time(0) not in {each.at for each in found}:
        found.append(Milestone(line.due_time(0), "sending"))
    return found


def _list_final_times(campaign: SmsCampaign, bound: int) -> Iterator[datetime]:
    """Yield, for each outcome there is, when its last message is final."""
    for outcome in set(campaign.outcomes):
        last = campaign.outcomes.rfind(outcome, 0, bound)
        if last >= 0:
            after = (
                BEHAVIOURS[Outcome(outcome)].sms.final_after * campaign.pace.retry_scale
            )
            yield campaign.line.due_time(last) + after


def compute_final_time(campaign: SmsCampaign, index: int) -> datetime | None:
    """Return when message *index* is final; None where no time is set."""
    line = campaign.line
    end: datetime | None
    if not line.interventions or index < line.messages_to_send:
        end = line.due_time(index)
        if after := FINAL_AFTER[campaign.outcomes[index]]:
            end += after * campaign.pace.retry_scale
    else:
        end = line.cancelled_at
    expires_at = campaign.expires_at
    if expires_at is None or end is None:
        return end or expires_at
    return min(end, expires_at)


def compute_message_status(campaign: SmsCampaign, index: int, now: datetime) -> str:
    """Return the status of one message."""
    undisturbed = not campaign.line.interventions and campaign.expires_at is None
    if undisturbed and campaign.outcomes[index] == Outcome.SENT:  # the ordinary case
        return "sent" if campaign.line.due_time(index) <= now else "in progress"
    reached = _count_due(campaign, now)
    return next(_list_statuses(campaign, index, index + 1, reached=reached, now=now))


def get_sms_message(campaign: SmsCampaign, index: int, now: datetime) -> SmsMessage:
    """Return one message as it stands."""
    reached = _count_due(campaign, now)
    states = _list_statuses(campaign, index, index + 1, reached=reached, now=now)
    return SmsMessage(
        id=campaign.first_message + index,
        number=campaign.recipients.numbers[index],
        status=next(states),
        sent_at=campaign.line.due_time(index) if index < reached else None,
        text=campaign.render_text(index),
    )


def list_message_statuses(
    campaign: SmsCampaign, indexes: Sequence[int], now: datetime
) -> Iterator[str]:
    """Yield the status of the messages at *indexes*, a range without gaps or some."""
    reached = _count_due(campaign, now)
    if isinstance(indexes, range) and indexes.step == 1:
        start, stop = indexes.start, indexes.stop
        return _list_statuses(campaign, start, stop, reached=reached, now=now)
    return chain.from_iterable(
        _list_statuses(campaign, index, index + 1, reached=reached, now=now)
        for index in indexes
    )


def render_dlr_rows(
    campaign: SmsCampaign, *, now: datetime, zone: tzinfo
) -> Iterator[list[DlrRow]]:
    """Yield the rows of the DLR answer in slices.  Source: manual DLR-03."""
    numbers, count = campaign.recipients.numbers, campaign.line.messages
    reached = _count_due(campaign, now)
    for start in range(0, count, DLR_ROWS_PER_SLICE):
        stop = min(start + DLR_ROWS_PER_SLICE, count)
        yield [
            {
                "id": number,
                "cellphone": format_cellphone(phone),
                "status": state,
                "sent_date": date,
                "text": text,
            }
            for number, phone, state, date, text in zip(
                range(campaign.first_message + start, campaign.first_message + stop),
                numbers[start:stop],
                _list_statuses(campaign, start, stop, reached=reached, now=now),
                _format_sent_dates(campaign, start, min(stop, reached), zone),
                _render_texts(campaign, start, stop),
                strict=False,  # the dates never end
            )
        ]


def _count_due(campaign: SmsCampaign, now: datetime) -> int:
    """Return how many messages have had their instant before they expired."""
    end = campaign.expires_at
    return campaign.line.count_due(now if end is None else min(now, end))


def _render_texts(campaign: SmsCampaign, start: int, stop: int) -> Iterator[str]:
    if not campaign.template.marks:
        return repeat(campaign.template.text, stop - start)
    return map(campaign.render_text, range(start, stop))


def _list_statuses(
    campaign: SmsCampaign, start: int, stop: int, *, reached: int, now: datetime
) -> Iterator[str]:
    """Yield the status of the messages from *start* to *stop*."""
    end = campaign.expires_at
    if end is not None and end <= now:
        lasting = campaign._replace(expires_at=None)
        states: Iterator[str] = _list_statuses(
            lasting, start, stop, reached=reached, now=end
        )
        return (each if each in FINAL_STATUSES else "failed" for each in states)
    line, outcomes = campaign.line, campaign.outcomes
    had = min(max(reached, start), stop)
    if outcomes.count(SENT_OUTCOME, start, had) == had - start:
        states = repeat("sent", had - start)
    else:
        states = (
            BEHAVIOURS[Outcome(outcomes[index])].sms.status_after(
                now - line.due_time(index), campaign.pace.retry_scale
            )
            for index in range(start, had)
        )
    return chain(states, repeat(_get_waiting_status(campaign, now), stop - had))


def _get_waiting_status(campaign: SmsCampaign, now: datetime) -> str:
    """Return the status of a message before its instant."""
    last = campaign.line.last_intervention(now)
    return WAITING_STATUS.get(last.change, "in progress") if last else "in progress"


def _format_sent_dates(
    campaign: SmsCampaign, start: int, reached: int, zone: tzinfo
) -> Iterator[str | None]:
    """Yield every message's date, then None; those of one second share a string."""
    dated = chain.from_iterable(_format_by_second(campaign.line, start, reached, zone))
    return chain(dated, repeat(None))


def _format_by_second(
    line: SendSchedule, start: int, reached: int, zone: tzinfo
) -> Iterator[Iterable[str]]:
    """Yield the date of each second in which messages were sent, once a message."""
    index = start
    while index < reached:
        instant = line.due_time(index)
        run = _count_in_second(line, instant, index, reached)
        yield repeat(dates.format_platform_time(instant, zone), run)
        index += run


def _count_in_second(
    line: SendSchedule, instant: datetime, index: int, reached: int
) -> int:
    """Return how many messages from *index* on are sent in the second of *instant*."""
    if line.every == ZERO_TIME:
        return reached - index
    end = instant.replace(microsecond=0) + dates.SECOND
    run = min(reached - index, -((instant - end) // line.every))
    while run > 1 and line.due_time(index + run - 1) >= end:
        run //= 2
    return run


def pause_sending(campaign: SmsCampaign, now: datetime) -> SmsCampaign:
    """Pause the messages that have not been sent.

    Refuses with ``NOT_PAUSABLE`` a campaign that is paused, cancelled or complete.
    """
    return _add_intervention(campaign, InterventionKind.PAUSED, NOT_PAUSABLE, now)


def resume_sending(campaign: SmsCampaign, now: datetime) -> SmsCampaign:
    """Resume after a pause.  Refuses with ``NOT_RESUMABLE`` if it is not paused."""
    last = campaign.line.last_intervention(now)
    if not (last and last.change is InterventionKind.PAUSED):
        raise Refusal(NOT_RESUMABLE, f"campaign {campaign.id} is not paused")
    return campaign.add_intervention(Intervention(InterventionKind.RESUMED, now))


def cancel_sending(campaign: SmsCampaign, now: datetime) -> SmsCampaign:
    """Cancel the messages that have not been sent.

    Refuses with ``NOT_CANCELLABLE`` a campaign that is cancelled or complete.
    """
    return _add_intervention(campaign, InterventionKind.CANCELLED, NOT_CANCELLABLE, now)


def set_unknown_status(campaign: SmsCampaign, now: datetime) -> SmsCampaign:
    """Mark the campaign as unknown; nothing can be got of it any more."""
    return campaign.add_intervention(Intervention(InterventionKind.LOST, now))


def _add_intervention(
    campaign: SmsCampaign,
    change: InterventionKind,
    reason: RefusalReason,
    now: datetime,
) -> SmsCampaign:
    last = campaign.line.last_intervention(now)
    if last and last.change in {
        change,
        InterventionKind.CANCELLED,
        InterventionKind.LOST,
    }:
        raise Refusal(reason, f"campaign {campaign.id} is {last.change}")
    if count_final(campaign, now) == campaign.line.messages:
        raise Refusal(reason, f"campaign {campaign.id} is complete")
    return campaign.add_intervention(Intervention(change, now))
