"""Handsets: a number has one truth, fixed by the test block, the world or its seed."""

from collections import Counter
from contextlib import closing
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain import hlr
from emulator.domain.account import Account
from emulator.domain.handset import BEHAVIOURS, CallStatus, Outcome, Population
from tests.support.emulator import START, Api, MakeApi, make_emulator, set_examples
from tests.support.orders import (
    make_crowd,
    make_recipients,
    make_sms,
    place_campaign,
    poll_messages,
    read_column,
)

FIXED = set_examples()
NUMBERS = st.integers(0, 9_999_999_999)
SEEDS = st.integers(0, 2**31)
WEIGHTS = st.dictionaries(
    st.sampled_from(Outcome), st.floats(0.1, 100), min_size=1, max_size=8
)
# 7 in 10 are reached; a world file says it like this.
POPULATION: list[dict[str, Any]] = [
    {"outcome": "sent", "weight": 7},
    {"outcome": "failed", "weight": 1.5},
    {"outcome": "unknown", "weight": 1},
    {"outcome": "busy", "weight": 0.5},
]


@dataclass(frozen=True)
class Fate:
    """What becomes of numbers with these two digits in the block."""

    digits: str
    sms: list[str]  # at its turn, a minute later, 24 hours later
    call: CallStatus  # in the end
    status: str  # of a look-up


SENT, FAILED = CallStatus.SENT, CallStatus.FAILED
BLOCK = [
    Fate("00", ["sent", "sent", "sent"], SENT, "active"),
    Fate("01", ["failed", "failed", "failed"], FAILED, "inactive"),
    Fate("02", ["retried", "sent", "sent"], SENT, "active"),
    Fate("03", ["retried", "retried", "failed"], FAILED, "absent"),
    Fate("04", ["failed", "failed", "failed"], FAILED, "unknown"),
    Fate("05", ["failed", "failed", "failed"], SENT, "active"),
    Fate("06", ["sent", "sent", "sent"], SENT, "active"),
    Fate("07", ["sent", "sent", "sent"], FAILED, "active"),
    Fate("08", ["sent", "sent", "sent"], SENT, "active"),  # nothing is said of it
    Fate("42", ["sent", "sent", "sent"], SENT, "active"),
    Fate("99", ["sent", "sent", "sent"], SENT, "active"),
]


@cache
def account() -> Account:
    with closing(make_emulator()) as api:
        return api.account


def called(api: Api, *cellphones: str) -> list[int]:
    """Call *cellphones* and return how each call ended."""
    order = {
        "campaign_name": "prueba",
        "type": 2,
        "text": "hola",
        "recipients": make_recipients(*cellphones),
        "remittent": "5570055780",
    }
    placed = api.post("/api/v3/voice", json=order).body
    api.clock.advance(minutes=5)
    shown = api.get(f"/api/v3/voice/{placed['voice_campaign']}").body
    return [row["voice_message_status"] for row in shown["voice_messages"]]


def looked_up(api: Api, *cellphones: str) -> list[str]:
    return [
        api.get(f"/api/v3/hlr/{cellphone}").body["status"] for cellphone in cellphones
    ]


# --- The test block ----------------------------------------------------------


@pytest.mark.manual("DLR-19", "DLR-09", "HLR-09")
@pytest.mark.parametrize("fate", BLOCK, ids=lambda fate: fate.digits)
@pytest.mark.parametrize("last", ["000", "123", "999"])
def test_a_number_of_the_block_does_what_its_digits_say(
    api: Api, fate: Fate, last: str
) -> None:
    cellphone = f"99900{fate.digits}{last}"
    placed = place_campaign(api, make_sms(recipients=make_recipients(cellphone)))

    seen = []
    for due in (timedelta(0), timedelta(minutes=1), timedelta(hours=24)):
        api.world.clock.advance(START + timedelta(seconds=11) + due - api.clock.now)
        seen += read_column(api, placed, "status")

    assert seen == fate.sms
    assert called(api, cellphone) == [fate.call]
    assert looked_up(api, cellphone) == [fate.status]


@pytest.mark.manual("DLR-19", "SMS-05")
@pytest.mark.parametrize("cellphone", ["9989999999", "9990100000", "0000000001"])
def test_beside_the_block_everybody_is_reached(api: Api, cellphone: str) -> None:
    placed = place_campaign(api, make_sms(recipients=make_recipients(cellphone)))
    api.clock.advance(seconds=11)

    assert read_column(api, placed, "status") == ["sent"]
    assert looked_up(api, cellphone) == ["active"]


@pytest.mark.manual("DLR-19")
def test_every_message_of_a_campaign_has_its_own_handset(api: Api) -> None:
    recipients = make_recipients(*(f"99900{fate.digits}000" for fate in BLOCK))
    placed = place_campaign(api, make_sms(recipients=recipients))

    api.clock.advance(seconds=12)

    assert read_column(api, placed, "status") == [fate.sms[0] for fate in BLOCK]


@pytest.mark.manual("DLR-19", "DLR-14")
def test_a_failed_message_has_the_date_of_its_turn(api: Api) -> None:
    placed = place_campaign(
        api, make_sms(recipients=make_recipients("9990001000", "9990003000"))
    )

    api.clock.advance(days=3)

    assert read_column(api, placed, "sent_date") == ["2026-03-02 12:00:11"] * 2


# --- What the world says -----------------------------------------------------


@pytest.mark.manual("DLR-19", "HLR-09")
def test_a_world_may_name_handsets(make_api: MakeApi) -> None:
    handsets = [
        {"cellphone": "5512345678", "outcome": "failed"},
        {"cellphone": "0012345678", "outcome": "landline"},
        {"cellphone": "9990001000", "outcome": "sent"},  # over the block
    ]
    api = make_api(handsets=handsets)
    cellphones = [*(each["cellphone"] for each in handsets), "5512345679"]
    placed = place_campaign(api, make_sms(recipients=make_recipients(*cellphones)))

    api.clock.advance(seconds=12)

    assert read_column(api, placed, "status") == ["failed", "failed", "sent", "sent"]
    assert called(api, *cellphones) == [3, 2, 2, 2]
    assert looked_up(api, *cellphones) == ["inactive", "active", "active", "active"]


@pytest.mark.manual("DLR-19", "HLR-09")
def test_sms_voice_and_look_up_agree_about_a_population(make_api: MakeApi) -> None:
    api = make_api(population=POPULATION)
    cellphones = [each["cellphone"] for each in make_crowd(40)]
    placed = place_campaign(api, make_sms(recipients=make_recipients(*cellphones)))
    api.clock.advance(seconds=12)

    told = list(
        zip(
            read_column(api, placed, "status"),
            called(api, *cellphones),
            looked_up(api, *cellphones),
            strict=True,
        )
    )

    assert set(told) == {
        ("sent", 2, "active"),
        ("failed", 3, "inactive"),
        ("failed", 3, "unknown"),
        ("sent", 3, "active"),
    }


@pytest.mark.manual("DLR-19", "SMS-09")
def test_a_populations_weights_are_its_shares(make_api: MakeApi) -> None:
    api = make_api(population=POPULATION)
    placed = place_campaign(api, make_sms(recipients=make_crowd(20_000)))
    api.clock.advance(hours=1)

    polled = poll_messages(api, placed)

    shares = Counter(row["status"] for row in polled["data"])
    assert polled["percentage"] == 100
    assert shares["sent"] == pytest.approx(15_000, rel=0.02)
    assert shares["failed"] == pytest.approx(5_000, rel=0.05)
    assert shares.total() == 20_000


@pytest.mark.manual("DLR-19")
def test_weights_do_not_reach_the_test_block(make_api: MakeApi) -> None:
    api = make_api(population=[{"outcome": "failed", "weight": 1}])
    placed = place_campaign(
        api, make_sms(recipients=make_recipients("9990000000", "5512345678"))
    )

    api.clock.advance(seconds=12)

    assert read_column(api, placed, "status") == ["sent", "failed"]


@pytest.mark.manual("DLR-19", "HLR-09")
def test_two_worlds_with_one_seed_tell_the_same_story(make_api: MakeApi) -> None:
    def story(seed: int, recipients: list[dict[str, str]]) -> dict[str, str]:
        api = make_api(population=POPULATION, seed=seed)
        placed = place_campaign(api, make_sms(recipients=recipients))
        api.clock.advance(seconds=20)
        rows = poll_messages(api, placed)["data"]
        return {row["cellphone"]: row["status"] for row in rows}

    there, back = make_crowd(500), make_crowd(500)[::-1]

    assert story(7, there) == story(7, back)
    assert story(7, there) != story(8, there)


@pytest.mark.manual("DLR-19", "HLR-09")
def test_a_number_keeps_its_truth_from_campaign_to_campaign(make_api: MakeApi) -> None:
    api = make_api(population=POPULATION)

    stories = []
    for recipients in (make_crowd(100), make_crowd(100)):
        placed = place_campaign(api, make_sms(recipients=recipients))
        api.clock.advance(days=1)
        stories.append(read_column(api, placed, "status"))

    assert stories[0] == stories[1]


# --- Always ------------------------------------------------------------------


@pytest.mark.manual("DLR-19", "HLR-09")
@FIXED
@given(SEEDS, WEIGHTS, st.lists(NUMBERS, min_size=1, max_size=20))
def test_an_outcome_depends_on_seed_and_number_alone(
    seed: int, weights: dict[Outcome, float], numbers: list[int]
) -> None:
    population, again = Population(seed, weights), Population(seed, dict(weights))

    together = list(population.get_outcomes(numbers))

    assert together == [again.get_outcome(number) for number in numbers]
    assert together == list(population.get_outcomes(numbers[::-1]))[::-1]
    assert all(
        Outcome(each) in weights or number // 100_000 == 99900
        for each, number in zip(together, numbers, strict=True)
    )


@pytest.mark.manual("DLR-19")
@FIXED
@given(SEEDS, st.lists(NUMBERS, min_size=1, max_size=20))
def test_without_weights_everybody_beside_the_block_is_reached(
    seed: int, numbers: list[int]
) -> None:
    outcomes = Population(seed).get_outcomes(numbers)

    for outcome, number in zip(outcomes, numbers, strict=True):
        digits = number // 1000 % 100 if number // 100_000 == 99900 else 0
        assert outcome == (digits if digits < len(Outcome) else Outcome.SENT)


@pytest.mark.manual("DLR-19", "HLR-09")
@FIXED
@given(st.integers(9_990_000_000, 9_990_099_999))
def test_the_block_is_the_same_one_by_one_and_by_column(number: int) -> None:
    population = Population(1)

    assert list(population.get_outcomes([number])) == [population.get_outcome(number)]


@pytest.mark.manual("HLR-09", "LOST-01")
@FIXED
@given(NUMBERS)
def test_a_look_up_says_no_more_than_its_handset(number: int) -> None:
    later = START + timedelta(days=1)
    outcome = account().population.get_outcome(number)

    found = hlr.look_up_hlr(number, account(), lookup=1, now=START)
    again = hlr.look_up_hlr(number, account(), lookup=2, now=later)

    assert found.status == BEHAVIOURS[outcome].hlr
    assert (found.network, found.is_ported) == (again.network, again.is_ported)
    assert (found.network is None) is (outcome is Outcome.UNKNOWN)
    assert found.is_ported or outcome is not Outcome.PORTED
