"""Replies: what handsets answer by themselves, and when.

A reply follows its message by a fixed delay, so the replies of one habit come in the
order of the messages, and those of a campaign are merged without being sorted.

Source: assumption MO-15 (the manual's example answered by itself 22 s after sending).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from heapq import merge
from typing import NamedTuple

from emulator.domain.chance import digest, draw
from emulator.domain.handset import RESERVED, TRUTHS, Outcome
from emulator.domain.sms import Campaign, Source

SOON = timedelta(seconds=11)
REFUSAL = "BAJA"  # what people write who want no more messages
ARRIVED = "sent"


class Reply(NamedTuple):
    """What one handset will write."""

    at: datetime
    place: int  # of the message in its campaign
    text: str


# What the handsets of the test block write, and how long after their message.
HABITS: Mapping[Outcome, tuple[tuple[timedelta, str], ...]] = {
    Outcome.ANSWERS: ((SOON, "Si"),),
    Outcome.ANSWERS_TWICE: ((SOON, "Si"), (2 * SOON, "Gracias")),
    Outcome.OPTS_OUT: ((SOON, REFUSAL),),
}
SHYEST = min(HABITS)  # of the outcomes that answer, which are the highest
REACHED = tuple(each for each in Outcome if TRUTHS[each].sms.steps[-1][1] == ARRIVED)


def expected(campaign: Campaign) -> bool:
    """Whether somebody may answer a campaign by himself; nobody does a keyword's."""
    outcomes = campaign.outcomes
    if outcomes.count(Outcome.SENT) == len(outcomes) and not campaign.profiles:
        return False  # the ordinary case
    talkative = bool(campaign.profiles) or max(outcomes) >= SHYEST
    return talkative and campaign.source is not Source.KEYWORD


def replies(campaign: Campaign, seed: int) -> Iterator[Reply]:
    """Yield the replies to a campaign in order, as far as its messages will be sent."""
    streams = [
        _habitual(campaign, outcome, after, text)
        for outcome, habit in HABITS.items()
        if outcome in campaign.outcomes
        for after, text in habit
    ]
    streams += [
        _drawn(campaign, number, outcome, seed)
        for number in range(len(campaign.profiles))
        for outcome in REACHED
        if outcome in campaign.outcomes
    ]
    return merge(*streams)


def _habitual(
    campaign: Campaign, outcome: Outcome, after: timedelta, text: str
) -> Iterator[Reply]:
    """Yield what the handsets of one outcome write."""
    for index, arrival in _arrivals(campaign, outcome):
        yield Reply(arrival + after, index, text)


def _drawn(
    campaign: Campaign, number: int, outcome: Outcome, seed: int
) -> Iterator[Reply]:
    """Yield what those of a profile write whose messages arrive in the same way."""
    profile = campaign.profiles[number]
    for index, arrival in _arrivals(campaign, outcome):
        message = campaign.first_message + index
        if campaign.recipients.numbers[index] in RESERVED:
            continue
        if draw(seed, f"profile {number}", message) < profile.share:
            choice = digest(seed, f"words {number}", message)
            text = profile.texts[choice % len(profile.texts)]
            yield Reply(arrival + profile.after, index, text)


def _arrivals(campaign: Campaign, outcome: Outcome) -> Iterator[tuple[int, datetime]]:
    """Yield which messages of an outcome will be sent, and when they arrive."""
    line, bound = campaign.line, campaign.line.bound
    late = TRUTHS[outcome].sms.final_after * campaign.pace.patience
    index = campaign.outcomes.find(outcome, 0, bound)
    while index >= 0:
        yield index, line.instant(index) + late
        index = campaign.outcomes.find(outcome, index + 1, bound)
