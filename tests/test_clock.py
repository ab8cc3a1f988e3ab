"""Time that a test moves: what happens on the way, and what is left to happen."""

import time
from contextlib import closing
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain import dlr
from emulator.domain.handset import Outcome
from emulator.domain.timeline import InterventionKind
from emulator.timekeeping import clock
from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    make_emulator,
    run_control,
    send_control,
    set_examples,
)
from tests.support.orders import (
    EMAIL,
    SMS,
    VOICE,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
    place_campaign,
)


class Wall:
    """The machine's own clock, in the hand of a test."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.at = START
        monkeypatch.setattr(clock, "wall_now", lambda: self.at)

    def passes(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def test_a_clock_counts_what_has_passed_before_it_is_touched(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall = Wall(monkeypatch)
    made = clock.Clock(at=START, rate=2)

    def at() -> float:
        return (made.now() - START).total_seconds()

    wall.passes(10)
    made.hold()
    wall.passes(100)
    assert (at(), made.rate, made.take_reading()[1], made.change_count) == (20, 0, 2, 1)
    made.release()
    wall.passes(5)
    made.advance(timedelta(seconds=1))
    assert (at(), made.rate, made.change_count) == (31, 2, 3)
    wall.passes(5)
    made.set_rate(0.5)
    wall.passes(4)
    assert (at(), made.rate, made.change_count) == (43, 0.5, 4)
    wall.passes(-60)  # the machine's clock is set back
    assert at() == 43
    made.adjust(at=START, rate=None)  # which is long ago
    assert at() == 43
    made.adjust(at=START + timedelta(seconds=50), rate=3)
    wall.passes(1)
    assert (at(), made.rate, made.change_count) == (53, 3, 7)
    with pytest.raises(ValueError, match="time cannot go back by 0:00:01"):
        made.advance(timedelta(seconds=-1))
    assert made.take_reading() == (START + timedelta(seconds=53), 3, wall.at)


@given(
    st.lists(
        st.tuples(st.integers(-(10**6), 10**6), st.integers(0, 10**6)), max_size=20
    )
)
def test_whatever_is_done_to_the_wall_time_goes_on_as_it_passes(
    steps: list[tuple[int, int]],
) -> None:
    asked: list[datetime] = []
    wall, passed = START, 0

    def ask_wall() -> datetime:
        asked.append(wall)
        return wall

    machine = clock.MachineClock(ask_wall, lambda: passed)
    for set_by, seconds in steps:
        wall += timedelta(seconds=set_by + seconds)
        passed += seconds * clock.NANOSECONDS
        assert machine.now() == START + timedelta(seconds=passed // clock.NANOSECONDS)

    assert asked == [START]


def test_a_world_goes_on_while_the_wall_is_set_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wall, passed = [START], [0]
    machine = clock.MachineClock(lambda: wall[0], lambda: passed[0])
    monkeypatch.setattr(clock, "wall_now", machine.now)
    worlds = [clock.Clock(at=START, rate=rate) for rate in (1, 60)]

    wall[0] -= timedelta(hours=8)
    passed[0] += 10 * clock.NANOSECONDS

    found = [(each.now() - START).total_seconds() for each in worlds]
    assert found == [10, 600]


def test_what_passes_is_measured_by_a_clock_that_cannot_be_set() -> None:
    elapsed = clock.choose_elapsed_clock()
    before = elapsed()

    assert before <= elapsed()
    if hasattr(time, "CLOCK_BOOTTIME"):
        assert elapsed.args == (time.CLOCK_BOOTTIME,)  # type: ignore[attr-defined]


ABSENT = "9990003000"
RETRIED = "9990002000"
DAY = 86_400
FIXED = set_examples(60)


def settle(api: Api, **bounds: Any) -> Any:
    return run_control(api, "POST", "clock/settle", json=bounds)


def advance(api: Api, **by: Any) -> Any:
    return run_control(api, "POST", "clock/advance", json=by)


def told(run: Any) -> list[tuple[float, str]]:
    """Return what happened: seconds after ``START``, and what."""
    return [(seconds(each["at"]), each["event"]) for each in run["events"]]


def seconds(stamp: str) -> float:
    return (datetime.fromisoformat(stamp) - START).total_seconds()


# --- What happens ------------------------------------------------------------


def test_settling_runs_all_that_is_left_to_happen(api: Api) -> None:
    placed = place_campaign(
        api, make_sms(recipients=make_recipients("4498987282", ABSENT))
    )

    run = settle(api)

    assert told(run) == [
        (1, "inserted"),
        (11, "sending"),
        (11.01, "sent"),
        (DAY + 11.01, "completed"),
    ]
    assert {each["campaign"] for each in run["events"]} == {placed["campaign"]}
    assert (seconds(run["now"]), run["pending"]) == (DAY + 11.01, [])
    assert settle(api)["events"] == []


def test_of_two_milestones_at_one_instant_the_later_one_is_told(api: Api) -> None:
    place_campaign(api)

    assert told(settle(api)) == [(1, "inserted"), (11, "completed")]


def test_events_of_all_campaigns_are_told_in_their_order(api: Api) -> None:
    place_campaign(api, make_sms(recipients=make_crowd(3)))
    api.clock.advance(milliseconds=10)
    api.post(VOICE, json=make_order(VOICE))
    api.post(EMAIL, json=make_order(EMAIL, scheduledDate="2026-03-02 12:00:12"))

    run = settle(api)

    assert [
        (each["at"][17:22], each["channel"], each["event"]) for each in run["events"]
    ] == [
        ("01.00", "sms", "inserted"),
        ("11.00", "sms", "sending"),
        ("11.02", "sms", "completed"),
        ("12.00", "email", "sent"),
        ("35.01", "voice", "calling"),
        ("36.01", "voice", "completed"),
    ]


def test_advancing_tells_what_happened_on_the_way_only(api: Api) -> None:
    place_campaign(api, make_sms(recipients=make_recipients("4498987282", RETRIED)))

    first, second = advance(api, seconds=11), advance(api, seconds=60)

    assert told(first) == [(1, "inserted"), (11, "sending")]
    assert seconds(first["now"]) == 11
    assert told(second) == [(11.01, "sent")]
    assert [each["event"] for each in second["pending"]] == ["completed"]


def test_the_next_event_is_as_far_as_time_goes(api: Api) -> None:
    place_campaign(api, make_sms(recipients=make_recipients("4498987282", RETRIED)))

    runs = [advance(api, next=True) for _ in range(5)]

    assert [told(each) for each in runs] == [
        [(1, "inserted")],
        [(11, "sending")],
        [(11.01, "sent")],
        [(71.01, "completed")],
        [],
    ]
    assert seconds(runs[-1]["now"]) == 71.01


def test_a_token_expires_on_the_way_and_holds_nobody_up(make_api: MakeApi) -> None:
    api = make_api(token_lifetime_days=0.5)
    place_campaign(api, make_sms(recipients=make_recipients(ABSENT)))

    run = settle(api)

    assert (DAY / 2, "expired") in told(run)
    assert next(each for each in run["events"] if each["event"] == "expired") == {
        "at": "2026-03-03T06:00:00.000000Z",
        "event": "expired",
        "token": "mytoken",
    }
    assert settle(make_api(token_lifetime_days=0.5))["events"] == []


def test_what_somebody_did_is_told_when_it_has_its_effect(api: Api) -> None:
    number = place_campaign(api, make_sms(recipients=make_crowd(200)))["campaign"]
    advance(api, seconds=12)
    run_control(api, "POST", f"campaigns/sms/{number}/pause")
    advance(api, seconds=5)
    run_control(api, "POST", f"campaigns/sms/{number}/resume")

    assert told(settle(api)) == [(17.99, "completed"), (18, "resumed")]


# --- What is left ------------------------------------------------------------


def test_a_paused_campaign_waits_for_somebody(api: Api) -> None:
    number = place_campaign(api, make_sms(recipients=make_crowd(200)))["campaign"]
    advance(api, seconds=12)
    run_control(api, "POST", f"campaigns/sms/{number}/pause")

    run = settle(api)

    assert told(run) == [(13, "paused")]
    assert run["pending"] == [
        {
            "at": None,
            "event": "completed",
            "channel": "sms",
            "campaign": number,
            "waits_for": "a resume",
        }
    ]


def test_a_cancelled_campaign_leaves_nothing_to_happen(api: Api) -> None:
    number = place_campaign(api, make_sms(recipients=make_crowd(200)))["campaign"]
    advance(api, seconds=12)
    run_control(api, "POST", f"campaigns/sms/{number}/cancel")

    run = settle(api)

    assert told(run) == [(13, "canceled")]
    assert run["pending"] == []


def test_settling_stops_after_so_many_events(api: Api) -> None:
    place_campaign(api, make_sms(recipients=make_recipients("4498987282", ABSENT)))

    run = settle(api, events=3)

    assert told(run) == [(1, "inserted"), (11, "sending"), (11.01, "sent")]
    assert seconds(run["now"]) == 11.01
    assert [each["event"] for each in run["pending"]] == ["completed"]


@pytest.mark.parametrize(
    ("bounds", "events", "later"),
    [({}, 2, 1), ({"seconds": 20 * DAY}, 3, 0), ({"seconds": 5}, 1, 2)],
)
def test_settling_goes_on_for_so_long(
    api: Api, bounds: dict[str, float], events: int, later: int
) -> None:
    place_campaign(api)
    place_campaign(api, make_sms(scheduled_date="2026-03-10 12:00:00"))  # in eight days

    run = settle(api, **bounds)

    assert len({each["at"] for each in run["events"]}) == events
    assert len({each["at"] for each in run["pending"]}) == later
    assert run["now"] == run["events"][-1]["at"]


def test_what_is_dated_after_the_end_of_the_world_never_happens(api: Api) -> None:
    last_second = "9999-12-31 23:59:59"
    place_campaign(api, make_sms(scheduled_date=last_second))
    api.post(VOICE, json=make_order(VOICE, scheduledDate=last_second))
    api.post(EMAIL, json=make_order(EMAIL, scheduledDate=last_second))

    run = settle(api, seconds=300_000_000_000)

    assert run["events"] == []
    assert {each["waits_for"] for each in run["pending"]} == {
        "the year 9000, in which the world ends"
    }


# --- Who moves it ------------------------------------------------------------


def test_a_clock_that_runs_goes_on_at_its_rate_after_a_jump(api: Api) -> None:
    run_control(api, "PUT", "clock", json={"rate": 60})

    run = advance(api, seconds=100)

    assert run["rate"] == 60
    assert seconds(run["now"]) >= 100


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "clock/settle", {}),
        ("POST", "clock/advance", {"seconds": 1}),
        ("PUT", "clock", {"rate": 1}),
        ("POST", "world/reset", None),
    ],
)
def test_a_clock_that_somebody_moves_is_nobody_elses(
    api: Api, method: str, path: str, body: Any
) -> None:
    for _ in range(100):
        place_campaign(api)

    settling, other, asked = api.send_together(
        ("POST", "/_emulator/clock/settle", {}),
        (method, f"/_emulator/{path}", body),
        ("GET", "/api/v1/user", None),
    )

    assert len(settling.body["events"]) == 200
    assert other.status == 409
    assert "wait for the end" in other.body["detail"]
    assert asked.status == 200
    assert send_control(api, method, path, json=body).status == 200


def test_a_settling_that_is_broken_off_leaves_a_clock_that_can_be_moved(
    api: Api,
) -> None:
    for _ in range(100):
        place_campaign(api)
    run_control(api, "PUT", "clock", json={"rate": 2})

    api.send_and_hang_up("POST", "/_emulator/clock/settle", {})

    assert run_control(api, "GET", "clock")["rate"] == 2
    assert settle(api)["pending"] == []


# --- Against the poll --------------------------------------------------------


@FIXED
@given(
    outcomes=st.lists(st.sampled_from(Outcome), min_size=1, max_size=6),
    changes=st.lists(
        st.tuples(
            st.sampled_from(["pause", "resume", "cancel"]),
            st.integers(min_value=0, max_value=120_000),
        ),
        max_size=4,
    ),
    pace=st.sampled_from(["manual", "instant"]),
)
def test_milestones_are_when_the_poll_changes(
    outcomes: list[Outcome], changes: list[tuple[str, int]], pace: str
) -> None:
    numbers = [f"99900{outcome:02d}00{i}" for i, outcome in enumerate(outcomes)]
    with closing(make_emulator(pace=pace)) as api:
        number = place_campaign(api, make_sms(recipients=make_recipients(*numbers)))[
            "campaign"
        ]
        for change, after in sorted(changes, key=lambda each: each[1]):
            advance(api, to=(START + timedelta(milliseconds=after)).isoformat())
            send_control(api, "POST", f"campaigns/sms/{number}/{change}")
        campaign = api.world.get_campaign(number)
    tick = timedelta(microseconds=1)

    milestones = list(dlr.list_sms_milestones(campaign, START))

    at = {each.name: each.at for each in milestones}
    count, last = (
        campaign.line.messages,
        campaign.line.last_intervention(START + timedelta(days=9)),
    )
    paused = last is not None and last.change is InterventionKind.PAUSED
    if (end := at["completed"]) is not None:
        assert dlr.count_final(campaign, end) == count
        assert dlr.count_final(campaign, end - tick) < count or end == START
    else:
        assert paused
        assert dlr.count_final(campaign, START + timedelta(days=9)) < count
    if first := at.get("sending"):
        assert (
            campaign.line.count_due(first) > campaign.line.count_due(first - tick) == 0
        )
    if sent := at.get("sent"):
        assert (
            campaign.line.count_due(sent)
            == count
            > campaign.line.count_due(sent - tick)
        )
    known = [each.at for each in milestones if each.at]
    assert known == sorted(known)


def test_a_poll_after_settling_says_that_all_is_over(api: Api) -> None:
    numbers = [f"99900{outcome:02d}000" for outcome in Outcome]
    placed = place_campaign(api, make_sms(recipients=make_recipients(*numbers)))

    settle(api)

    body = api.get(f"{SMS}/{placed['campaign']}/messages").body
    assert body["percentage"] == 100
    assert {row["status"] for row in body["data"]} == {"sent", "failed"}
