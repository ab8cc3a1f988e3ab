"""The line of a campaign's messages, under any pauses and cancellation.

The laws below are checked against a second, slower reckoning of when a message has its
turn: it walks through the stretches in which the line moves.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain import dates
from emulator.domain.timeline import (
    INSTANT_PACE,
    MANUAL_PACE,
    Intervention,
    InterventionKind,
    SendSchedule,
    compute_percentage,
)
from tests.support.emulator import set_examples

START = datetime(2026, 3, 2, 18, 0, 11, tzinfo=UTC)
NOTHING = timedelta()
HOUR = timedelta(hours=1)
TICK = timedelta(microseconds=1)  # nothing is shorter
FIXED = set_examples(80)


def ms(milliseconds: int) -> timedelta:
    return timedelta(milliseconds=milliseconds)


def a_line(
    *changes: tuple[InterventionKind, int], count: int = 3, every: int = 10
) -> SendSchedule:
    """Return a line; each of *changes* is so many milliseconds after its start."""
    interventions = tuple(
        Intervention(change, START + ms(at)) for change, at in changes
    )
    return SendSchedule(START, ms(every), count, interventions)


def moves(line: SendSchedule) -> list[tuple[datetime, datetime | None]]:
    """Return the stretches in which *line* moves, the last one perhaps without end."""
    stretches: list[tuple[datetime, datetime | None]] = []
    since: datetime | None = line.starts_at
    for each in line.interventions:
        at = max(each.at, line.starts_at)
        if each.change is InterventionKind.RESUMED and since is None:
            since = at
        if (
            each.change in {InterventionKind.PAUSED, InterventionKind.CANCELLED}
            and since is not None
        ):
            paused_early = each.at < line.starts_at
            if not paused_early:
                stretches.append((since, at))
            since = None
        if each.change is InterventionKind.CANCELLED:
            return stretches
    return stretches if since is None else [*stretches, (since, None)]


def turn(line: SendSchedule, index: int) -> datetime | None:
    """Return when message *index* has its turn, or None if it never has."""
    left = index * line.every
    for start, stop in moves(line):
        if stop is None or start + left <= stop:
            return start + left
        left -= stop - start
    return None


@dataclass(frozen=True)
class Story:
    """A line, and the instants at which somebody looks at it."""

    line: SendSchedule
    looks: list[datetime]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    """Draw a line with interventions in an order in which they can happen."""
    every = ms(draw(st.sampled_from([0, 1, 10, 1_000, 60_000])))
    count = draw(st.integers(1, 60))
    offset = draw(st.integers(-12, 14))
    starts_at = START.astimezone(timezone(timedelta(hours=offset)))
    at, paused, interventions = START - ms(draw(st.integers(0, 500))), False, []
    for _ in range(draw(st.integers(0, 7))):
        # whole steps of the line, too, so that the two coincide
        at += draw(st.one_of(st.integers(0, 700).map(ms), st.just(every)))
        ways = [
            InterventionKind.RESUMED if paused else InterventionKind.PAUSED,
            InterventionKind.CANCELLED,
        ]
        change = draw(st.sampled_from([*ways[:1] * 5, *ways, InterventionKind.LOST]))
        interventions.append(Intervention(change, at))
        paused = {InterventionKind.PAUSED: True, InterventionKind.RESUMED: False}.get(
            change, paused
        )
        if change is InterventionKind.CANCELLED:
            break
    line = SendSchedule(starts_at, every, count, tuple(interventions))
    turns = filter(None, (turn(line, index) for index in range(count)))
    marks = [START, *turns, *(each.at for each in interventions)]
    near = st.tuples(st.sampled_from(marks), st.sampled_from([-1, 0, 1]))
    looks = draw(
        st.lists(
            st.one_of(
                near.map(lambda each: each[0] + each[1] * TICK),
                st.integers(-1_000, 100_000).map(lambda each: START + ms(each)),
            ),
            min_size=1,
            max_size=10,
        )
    )
    return Story(line, sorted(looks))


# --- Laws --------------------------------------------------------------------


def counted_exactly(story: Story) -> None:
    """Expect what has been reached to be what had its turn, and nothing else."""
    line = story.line
    turns = [turn(line, index) for index in range(line.messages)]
    for now in story.looks:
        had = [each for each in turns if each is not None and each <= now]
        assert line.count_due(now) == len(had)


def dated_exactly(story: Story) -> None:
    line = story.line
    for now in story.looks:
        for index in range(line.count_due(now)):
            assert line.due_time(index) == turn(line, index)


def in_order(story: Story) -> None:
    line = story.line
    reached = line.count_due(story.looks[-1])
    instants = [line.due_time(index) for index in range(reached)]
    for before, after in pairwise(instants):
        assert before + line.every <= after
    assert all(line.starts_at <= each for each in instants)


def never_back(story: Story) -> None:
    reached = [story.line.count_due(now) for now in story.looks]
    assert reached == sorted(reached)
    assert reached[0] >= 0
    assert reached[-1] <= story.line.messages


def past_is_past(story: Story) -> None:
    """Expect an intervention to leave alone what was before it.

    Its own instant, too, unless the line goes on at that.
    """
    line = story.line
    for done, each in enumerate(line.interventions):
        before = line._replace(interventions=line.interventions[:done])
        after = line._replace(interventions=line.interventions[: done + 1])
        last = each.at - TICK if each.change is InterventionKind.RESUMED else each.at
        for now in (*story.looks, last):
            if now <= last:
                assert after.count_due(now) == before.count_due(now)


def still_while_held(story: Story) -> None:
    """Expect nothing to have its turn in a pause, or after a cancellation."""
    line = story.line
    for each, following in pairwise([*line.interventions, None]):
        assert each is not None
        if each.change is InterventionKind.CANCELLED:
            assert line.count_due(each.at + 100 * HOUR) == line.count_due(each.at)
        if each.change is InterventionKind.PAUSED:
            until = each.at + 100 * HOUR if following is None else following.at - TICK
            if until > each.at:
                assert line.count_due(until) == line.count_due(each.at)


Law = Callable[[Story], None]
LAWS: list[Law] = [
    counted_exactly,
    dated_exactly,
    in_order,
    never_back,
    past_is_past,
    still_while_held,
]
EACH_LAW = pytest.mark.parametrize("law", LAWS, ids=lambda law: law.__name__)


@pytest.mark.manual("DLR-08", "DLR-13", "DLR-14", "DLR-09")
@pytest.mark.property
@EACH_LAW
def test_a_line_keeps_its_laws(law: Law) -> None:
    @FIXED
    @given(stories())
    def kept(story: Story) -> None:
        law(story)

    kept()


@pytest.mark.manual("DLR-08")
@FIXED
@given(
    st.integers(1, 50_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
)
def test_a_percentage_is_0_for_none_and_100_for_all_only(
    share: tuple[int, int],
) -> None:
    final, count = share

    shown = compute_percentage(final, count)

    assert (shown == 0) is (final == 0)
    assert (shown == 100) is (final == count)
    assert shown <= compute_percentage(min(final + 1, count), count)
    assert final == 0 or shown == max(1, int(100 * final / count))


# --- Examples ----------------------------------------------------------------


@pytest.mark.manual("DLR-13")
@pytest.mark.parametrize(
    ("at", "reached"), [(-1, 0), (0, 1), (9, 1), (10, 2), (19, 2), (20, 3), (10**6, 3)]
)
def test_one_message_after_the_other(at: int, reached: int) -> None:
    assert a_line().count_due(START + ms(at)) == reached


@pytest.mark.manual("DLR-09", "DLR-14")
def test_a_pause_moves_the_rest_of_the_line_by_its_length() -> None:
    line = a_line((InterventionKind.PAUSED, 15), (InterventionKind.RESUMED, 1_015))

    assert [line.due_time(index) - START for index in range(3)] == [
        ms(0),
        ms(10),
        ms(1_020),
    ]


@pytest.mark.manual("DLR-09")
def test_two_pauses_add_up() -> None:
    line = a_line(
        (InterventionKind.PAUSED, 5),
        (InterventionKind.RESUMED, 105),
        (InterventionKind.PAUSED, 111),
        (InterventionKind.RESUMED, 311),
    )

    assert [line.due_time(index) - START for index in range(3)] == [
        ms(0),
        ms(110),
        ms(320),
    ]


@pytest.mark.manual("DLR-09")
def test_a_message_whose_turn_is_the_pause_itself_is_sent() -> None:
    line = a_line((InterventionKind.PAUSED, 10), (InterventionKind.RESUMED, 1_000))

    assert line.count_due(START + ms(10)) == 2
    assert line.due_time(1) == START + ms(10)
    assert line.due_time(2) == START + ms(1_010)


@pytest.mark.manual("DLR-09")
def test_a_pause_over_the_start_moves_it_to_the_pauses_end() -> None:
    line = a_line((InterventionKind.PAUSED, -500), (InterventionKind.RESUMED, 500))

    assert line.count_due(START + ms(499)) == 0
    assert line.due_time(0) == START + ms(500)


@pytest.mark.manual("DLR-09")
def test_a_pause_before_the_start_moves_nothing() -> None:
    line = a_line((InterventionKind.PAUSED, -500), (InterventionKind.RESUMED, -100))

    assert line.due_time(0) == START


@pytest.mark.manual("DLR-10", "DLR-11")
def test_nothing_has_its_turn_after_a_cancellation() -> None:
    line = a_line((InterventionKind.CANCELLED, 15))

    assert line.count_due(START + HOUR) == 2
    assert line.cancelled_at == START + ms(15)


@pytest.mark.manual("DLR-10")
def test_a_line_cancelled_in_a_pause_ends_there() -> None:
    line = a_line((InterventionKind.PAUSED, 5), (InterventionKind.CANCELLED, 10_000))

    assert line.count_due(START + HOUR) == 1


@pytest.mark.manual("DLR-05")
def test_a_lost_campaign_goes_on_unseen() -> None:
    line = a_line((InterventionKind.LOST, 5))

    assert line.count_due(START + ms(20)) == 3


@pytest.mark.manual("DLR-13")
def test_the_instant_pace_takes_no_time() -> None:
    line = SendSchedule(START + INSTANT_PACE.sms_after, INSTANT_PACE.sms_every, 50_000)

    assert line.count_due(START - TICK) == 0
    assert line.count_due(START) == 50_000
    assert line.due_time(49_999) == START


@pytest.mark.manual("DLR-13", "SMS-09")
def test_50000_messages_take_500_seconds() -> None:
    line = SendSchedule(START, MANUAL_PACE.sms_every, 50_000)

    assert line.due_time(49_999) == START + timedelta(seconds=499, milliseconds=990)
    assert line.count_due(line.due_time(49_999) - TICK) == 49_999


@pytest.mark.manual("DLR-05")
def test_the_last_intervention_is_the_newest_that_has_happened() -> None:
    line = a_line((InterventionKind.PAUSED, 5), (InterventionKind.RESUMED, 10))

    seen = [line.last_intervention(START + ms(at)) for at in (4, 5, 9, 10)]

    assert [each and each.change for each in seen] == [
        None,
        InterventionKind.PAUSED,
        InterventionKind.PAUSED,
        InterventionKind.RESUMED,
    ]


# --- Dates -------------------------------------------------------------------

ZONES = ("America/Mexico_City", "America/New_York", "Asia/Kolkata", "Pacific/Apia")


@pytest.mark.manual("GEN-09", "GEN-10", "SMS-36")
@FIXED
@given(
    st.datetimes(
        datetime(1000, 1, 2),  # noqa: DTZ001 - its zone comes with the next line
        timezones=st.sampled_from(ZONES).map(ZoneInfo),
        allow_imaginary=False,
    )
)
def test_a_date_is_shown_as_it_was_sent(date: datetime) -> None:
    sent, zone = date.isoformat(" ", "seconds")[:19], date.tzinfo
    assert zone is not None

    assert (
        dates.format_platform_time(dates.parse_platform_time(sent, zone), zone) == sent
    )
