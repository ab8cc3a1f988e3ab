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
from emulator.domain.handset import TRUTHS, Outcome
from emulator.domain.recipients import cellphone
from emulator.domain.refusals import (
    NOT_CANCELLABLE,
    NOT_PAUSABLE,
    NOT_RESUMABLE,
    Reason,
    Refusal,
)
from emulator.domain.sms import Campaign
from emulator.domain.timeline import (
    END,
    NOTHING,
    Change,
    Intervention,
    Line,
    Milestone,
    beyond,
    percentage,
)

SENT = int(Outcome.SENT)  # among the octets of a campaign's outcomes
SLICE = 2_000  # rows; the edge lets others in between two slices

SETTLED = {  # what a campaign says once an intervention has been carried out
    Change.PAUSED: "paused",
    Change.RESUMED: "inserted",
    Change.CANCELLED: "canceled",  # with one l, a message with two (DLR-10)
}
WAITING = {  # what a message says that has not had its instant
    Change.PAUSED: "paused",
    Change.CANCELLED: "cancelled",
}

CHANGED = {  # the milestone that such an intervention leads to
    Change.PAUSED: "paused",
    Change.RESUMED: "resumed",
    Change.CANCELLED: "canceled",
}
LONGEST = max(truth.sms.final_after for truth in TRUTHS.values())

FINAL = frozenset({"sent", "failed", "cancelled"})
FINAL_AFTER = {int(each): truth.sms.final_after for each, truth in TRUTHS.items()}
UNINFORMED = frozenset({"inserting", "unknown"})  # no ids can be got (DLR-06)

Row = dict[str, object]


@dataclass(frozen=True, slots=True)
class Message:
    id: int
    number: int
    status: str
    sent_at: datetime | None
    text: str


def status(campaign: Campaign, now: datetime) -> str:
    """Return the campaign's status.  Source: manual DLR-05, DLR-21."""
    last = campaign.line.last(now)
    if last and last.change is Change.LOST:
        return "unknown"
    if now < campaign.created_at + campaign.pace.inserting:
        return "inserting"
    if last and now < last.at + campaign.pace.updating:
        return "updating"
    return SETTLED[last.change] if last else "inserted"


def progress(campaign: Campaign, now: datetime) -> int:
    """Return the percentage of messages that are final.  Source: manual DLR-08."""
    return percentage(final(campaign, now), campaign.line.messages)


def final(campaign: Campaign, now: datetime) -> int:
    """Return how many messages are sent, failed or cancelled."""
    line, outcomes = campaign.line, campaign.outcomes
    if campaign.expires_at is not None and campaign.expires_at <= now:
        return line.messages
    reached = line.reached(now)
    done = outcomes.count(SENT, 0, reached)
    if done < reached:
        for outcome in set(outcomes) - {SENT}:
            delay = TRUTHS[Outcome(outcome)].sms.final_after * campaign.pace.patience
            done += outcomes.count(outcome, 0, line.reached(now - delay))
    if line.cancelled_at and line.cancelled_at <= now:
        done += line.messages - reached
    return done


def stand(campaign: Campaign, now: datetime) -> Mapping[str, int]:
    """Return how many messages stand at each status, without looking at each."""
    waiting = _waiting(campaign, now)
    return counts.counts(campaign, attrgetter("sms"), waiting=waiting, now=now)


def milestones(campaign: Campaign, after: datetime) -> Iterator[Milestone]:
    """Yield what will become of the campaign, in order; what is long over is left out.

    ``inserted``, then ``sending`` (the first message), ``sent`` (the last one) and
    ``completed`` (every message is final); of two at one instant only the later one.
    """
    line, patience = campaign.line, campaign.pace.patience
    if line.starts_at >= END:
        yield beyond("completed")
        return
    latest = line.starts_at + line.messages * line.every + LONGEST * patience
    if not line.interventions and latest < after:
        return
    found = [Milestone(campaign.created_at + campaign.pace.inserting, "inserted")]
    changes = [each for each in line.interventions if each.change in CHANGED]
    found += [
        Milestone(each.at + campaign.pace.updating, CHANGED[each.change])
        for each in changes
    ]
    found += _progress(campaign, line.bound)
    if campaign.expires_at is not None:
        found = _cut_off(found, campaign.expires_at)
    yield from sorted(found, key=lambda each: each.at or END)


def _cut_off(found: list[Milestone], end: datetime) -> list[Milestone]:
    """Return what comes about before the validity of what is not final has passed."""
    timely = [each for each in found if each.at is not None and each.at <= end]
    if not any(each.name == "completed" for each in timely):
        timely.append(Milestone(end, "completed"))
    return timely


def _progress(campaign: Campaign, bound: int) -> list[Milestone]:
    """Return the milestones of the messages, of which *bound* have their instant."""
    line, found = campaign.line, []
    if bound < line.messages and line.cancelled_at is None:
        end: datetime | None = None
        found.append(Milestone(None, "completed", "a resume"))
    else:
        end = max(_finals(campaign, bound), default=line.cancelled_at)
        if line.cancelled_at and end:
            end = max(end, line.cancelled_at)
        found.append(Milestone(end, "completed"))
    if bound == line.messages and line.instant(bound - 1) != end:
        found.append(Milestone(line.instant(bound - 1), "sent"))
    if bound and line.instant(0) not in {each.at for each in found}:
        found.append(Milestone(line.instant(0), "sending"))
    return found


def _finals(campaign: Campaign, bound: int) -> Iterator[datetime]:
    """Yield, for each outcome there is, when its last message is final."""
    for outcome in set(campaign.outcomes):
        last = campaign.outcomes.rfind(outcome, 0, bound)
        if last >= 0:
            after = TRUTHS[Outcome(outcome)].sms.final_after * campaign.pace.patience
            yield campaign.line.instant(last) + after


def final_at(campaign: Campaign, index: int) -> datetime | None:
    """Return when message *index* is final; None where it waits for somebody."""
    line = campaign.line
    end: datetime | None
    if not line.interventions or index < line.bound:
        end = line.instant(index)
        if after := FINAL_AFTER[campaign.outcomes[index]]:
            end += after * campaign.pace.patience
    else:
        end = line.cancelled_at
    expires_at = campaign.expires_at
    if expires_at is None or end is None:
        return end or expires_at
    return min(end, expires_at)


def status_of(campaign: Campaign, index: int, now: datetime) -> str:
    """Return the status of one message."""
    undisturbed = not campaign.line.interventions and campaign.expires_at is None
    if undisturbed and campaign.outcomes[index] == Outcome.SENT:  # the ordinary case
        return "sent" if campaign.line.instant(index) <= now else "in progress"
    reached = _reached(campaign, now)
    return next(_statuses(campaign, index, index + 1, reached=reached, now=now))


def message(campaign: Campaign, index: int, now: datetime) -> Message:
    """Return one message as it stands."""
    reached = _reached(campaign, now)
    states = _statuses(campaign, index, index + 1, reached=reached, now=now)
    return Message(
        id=campaign.first_message + index,
        number=campaign.recipients.numbers[index],
        status=next(states),
        sent_at=campaign.line.instant(index) if index < reached else None,
        text=campaign.text(index),
    )


def statuses(
    campaign: Campaign, indexes: Sequence[int], now: datetime
) -> Iterator[str]:
    """Yield the status of the messages at *indexes*, which are all or some."""
    reached, count = _reached(campaign, now), campaign.line.messages
    if len(indexes) == count:
        return _statuses(campaign, 0, count, reached=reached, now=now)
    return chain.from_iterable(
        _statuses(campaign, index, index + 1, reached=reached, now=now)
        for index in indexes
    )


def rows(campaign: Campaign, *, now: datetime, zone: tzinfo) -> Iterator[list[Row]]:
    """Yield the rows of the DLR answer in slices.  Source: manual DLR-03."""
    numbers, count = campaign.recipients.numbers, campaign.line.messages
    reached = _reached(campaign, now)
    for start in range(0, count, SLICE):
        stop = min(start + SLICE, count)
        yield [
            {
                "id": number,
                "cellphone": cellphone(phone),
                "status": state,
                "sent_date": date,
                "text": text,
            }
            for number, phone, state, date, text in zip(
                range(campaign.first_message + start, campaign.first_message + stop),
                numbers[start:stop],
                _statuses(campaign, start, stop, reached=reached, now=now),
                _sent_dates(campaign, start, min(stop, reached), zone),
                _texts(campaign, start, stop),
                strict=False,  # the dates never end
            )
        ]


def _reached(campaign: Campaign, now: datetime) -> int:
    """Return how many messages have had their instant before they expired."""
    end = campaign.expires_at
    return campaign.line.reached(now if end is None else min(now, end))


def _texts(campaign: Campaign, start: int, stop: int) -> Iterator[str]:
    if not campaign.template.marks:
        return repeat(campaign.template.text, stop - start)
    return map(campaign.text, range(start, stop))


def _statuses(
    campaign: Campaign, start: int, stop: int, *, reached: int, now: datetime
) -> Iterator[str]:
    """Yield the status of the messages from *start* to *stop*."""
    end = campaign.expires_at
    if end is not None and end <= now:
        lasting = campaign._replace(expires_at=None)
        states: Iterator[str] = _statuses(
            lasting, start, stop, reached=reached, now=end
        )
        return (each if each in FINAL else "failed" for each in states)
    line, outcomes = campaign.line, campaign.outcomes
    had = min(max(reached, start), stop)
    if outcomes.count(SENT, start, had) == had - start:
        states = repeat("sent", had - start)
    else:
        states = (
            TRUTHS[Outcome(outcomes[index])].sms.at(
                now - line.instant(index), campaign.pace.patience
            )
            for index in range(start, had)
        )
    return chain(states, repeat(_waiting(campaign, now), stop - had))


def _waiting(campaign: Campaign, now: datetime) -> str:
    """Return what a message says that has not had its instant."""
    last = campaign.line.last(now)
    return WAITING.get(last.change, "in progress") if last else "in progress"


def _sent_dates(
    campaign: Campaign, start: int, reached: int, zone: tzinfo
) -> Iterator[str | None]:
    """Yield every message's date, then None; those of one second share a string."""
    dated = chain.from_iterable(_seconds(campaign.line, start, reached, zone))
    return chain(dated, repeat(None))


def _seconds(
    line: Line, start: int, reached: int, zone: tzinfo
) -> Iterator[Iterable[str]]:
    """Yield the date of each second in which messages were sent, once a message."""
    index = start
    while index < reached:
        instant = line.instant(index)
        run = _run(line, instant, index, reached)
        yield repeat(dates.shown(instant, zone), run)
        index += run


def _run(line: Line, instant: datetime, index: int, reached: int) -> int:
    """Return how many messages from *index* on are sent in the second of *instant*."""
    if line.every == NOTHING:
        return reached - index
    end = instant.replace(microsecond=0) + dates.SECOND
    run = min(reached - index, -((instant - end) // line.every))
    while run > 1 and line.instant(index + run - 1) >= end:
        run //= 2
    return run


def pause(campaign: Campaign, now: datetime) -> Campaign:
    """Hold back what has not been sent.

    Refuses with ``NOT_PAUSABLE`` a campaign that is paused, cancelled or complete.
    """
    return _changed(campaign, Change.PAUSED, NOT_PAUSABLE, now)


def resume(campaign: Campaign, now: datetime) -> Campaign:
    """Go on after a pause.  Refuses with ``NOT_RESUMABLE`` what is not paused."""
    last = campaign.line.last(now)
    if not (last and last.change is Change.PAUSED):
        raise Refusal(NOT_RESUMABLE, f"campaign {campaign.id} is not paused")
    return campaign.changed(Intervention(Change.RESUMED, now))


def cancel(campaign: Campaign, now: datetime) -> Campaign:
    """Give up what has not been sent.

    Refuses with ``NOT_CANCELLABLE`` a campaign that is cancelled or complete.
    """
    return _changed(campaign, Change.CANCELLED, NOT_CANCELLABLE, now)


def lose(campaign: Campaign, now: datetime) -> Campaign:
    """Mark the campaign as unknown; nothing can be got of it any more."""
    return campaign.changed(Intervention(Change.LOST, now))


def _changed(
    campaign: Campaign, change: Change, refused: Reason, now: datetime
) -> Campaign:
    last = campaign.line.last(now)
    if last and last.change in {change, Change.CANCELLED, Change.LOST}:
        raise Refusal(refused, f"campaign {campaign.id} is {last.change}")
    if final(campaign, now) == campaign.line.messages:
        raise Refusal(refused, f"campaign {campaign.id} is complete")
    return campaign.changed(Intervention(change, now))
