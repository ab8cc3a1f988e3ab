"""Replies: the texts that handsets send by themselves, and when.

A reply follows its message by a fixed delay, so the replies of one habit come in the
order of the messages, and those of a campaign are merged without being sorted.

Source: assumption MO-15 (the manual's example answered by itself 22 s after sending).
"""

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from heapq import merge
from typing import NamedTuple

from emulator.domain.chance import draw_bits, draw_fraction
from emulator.domain.handset import BEHAVIOURS, TEST_NUMBERS, Outcome
from emulator.domain.sms import CampaignSource, SmsCampaign

REPLY_DELAY = timedelta(seconds=11)
OPT_OUT_TEXT = "BAJA"  # what people write who want no more messages
SENT_STATUS = "sent"


class HandsetReply(NamedTuple):
    """The reply of one handset."""

    at: datetime
    place: int  # of the message in its campaign
    text: str


# What the handsets of the test block write, and how long after their message.
TEST_REPLIES: Mapping[Outcome, tuple[tuple[timedelta, str], ...]] = {
    Outcome.ANSWERS: ((REPLY_DELAY, "Si"),),
    Outcome.ANSWERS_TWICE: ((REPLY_DELAY, "Si"), (2 * REPLY_DELAY, "Gracias")),
    Outcome.OPTS_OUT: ((REPLY_DELAY, OPT_OUT_TEXT),),
}
# Of the outcomes that answer, which are the highest
FIRST_ANSWERING = min(TEST_REPLIES)
REACHED_OUTCOMES = tuple(
    each for each in Outcome if BEHAVIOURS[each].sms.steps[-1][1] == SENT_STATUS
)


def expects_replies(campaign: SmsCampaign) -> bool:
    """Whether handsets may answer by themselves; not those of a keyword."""
    outcomes = campaign.outcomes
    if outcomes.count(Outcome.SENT) == len(outcomes) and not campaign.profiles:
        return False  # the ordinary case
    talkative = bool(campaign.profiles) or max(outcomes) >= FIRST_ANSWERING
    return talkative and campaign.source is not CampaignSource.KEYWORD


def draw_replies(campaign: SmsCampaign, seed: int) -> Iterator[HandsetReply]:
    """Yield the replies to a campaign in order, as far as its messages will be sent."""
    streams = [
        _list_test_replies(campaign, outcome, after, text)
        for outcome, habit in TEST_REPLIES.items()
        if outcome in campaign.outcomes
        for after, text in habit
    ]
    streams += [
        _draw_profile_replies(campaign, number, outcome, seed)
        for number in range(len(campaign.profiles))
        for outcome in REACHED_OUTCOMES
        if outcome in campaign.outcomes
    ]
    return merge(*streams)


def _list_test_replies(
    campaign: SmsCampaign, outcome: Outcome, after: timedelta, text: str
) -> Iterator[HandsetReply]:
    """Yield the replies of the handsets with one outcome."""
    for index, arrival in _list_arrivals(campaign, outcome):
        yield HandsetReply(arrival + after, index, text)


def _draw_profile_replies(
    campaign: SmsCampaign, number: int, outcome: Outcome, seed: int
) -> Iterator[HandsetReply]:
    """Yield the replies of a profile to messages that arrive in the same way."""
    profile = campaign.profiles[number]
    for index, arrival in _list_arrivals(campaign, outcome):
        message = campaign.first_message + index
        if campaign.recipients.numbers[index] in TEST_NUMBERS:
            continue
        if draw_fraction(seed, f"profile {number}", message) < profile.share:
            choice = draw_bits(seed, f"words {number}", message)
            text = profile.texts[choice % len(profile.texts)]
            yield HandsetReply(arrival + profile.after, index, text)


def _list_arrivals(
    campaign: SmsCampaign, outcome: Outcome
) -> Iterator[tuple[int, datetime]]:
    """Yield which messages of an outcome will be sent, and when they arrive."""
    line, bound = campaign.line, campaign.line.messages_to_send
    late = BEHAVIOURS[outcome].sms.final_after * campaign.pace.retry_scale
    index = campaign.outcomes.find(outcome, 0, bound)
    while index >= 0:
        yield index, line.due_time(index) + late
        index = campaign.outcomes.find(outcome, index + 1, bound)
