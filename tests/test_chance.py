"""One seed tells the same story, today and in a later version: its values are these."""

from typing import Any

import pytest

from emulator.domain.chance import draw_bits, draw_fraction
from tests.support.emulator import Api, MakeApi, run_control
from tests.support.orders import (
    SMS,
    make_crowd,
    make_recipients,
    make_sms,
    place_campaign,
)

PROFILE = {"share": 0.4, "after": 60, "texts": ["si", "no", "luego"]}
NUMBERS = [f"55{each:08d}" for each in range(12)]


def test_a_draw_is_the_hash_of_seed_purpose_and_number() -> None:
    assert draw_bits(1, "x", 2) == 14976809025276445061
    assert draw_fraction(1, "x", 2) == 14976809025276445061 / 2**64
    assert len({draw_bits(1, "x", 2), draw_bits(2, "x", 2), draw_bits(1, "y", 2)}) == 3


def test_a_crowd_fares_by_its_seed(make_api: MakeApi) -> None:
    weights = [{"outcome": each, "weight": 1} for each in ("sent", "failed", "absent")]
    api = make_api(population=weights)
    placed = place_campaign(api, make_sms(recipients=make_crowd(12)))
    campaign = api.world.campaigns[placed["campaign"]]

    assert [*campaign.outcomes] == OUTCOMES


def test_a_network_is_looked_up_by_its_seed(api: Api) -> None:
    found = [api.get(f"/api/v3/hlr/{each}").body for each in NUMBERS]

    assert [(each["network"], each["ported"]) for each in found] == NETWORKS


def test_replies_are_drawn_by_their_seed(make_api: MakeApi) -> None:
    api = make_api(profiles=[PROFILE])
    place_campaign(api, make_sms(recipients=make_crowd(12)))
    run_control(api, "POST", "clock/advance", json={"seconds": 600})

    assert [
        (each.message - 46608336, each.response) for each in api.world.responses
    ] == (REPLIES)


def test_a_rule_strikes_by_its_seed(api: Api) -> None:
    rule = {"effect": {"status": 503}, "probability": 0.4}
    run_control(api, "POST", "faults", json=rule)

    struck = [api.get("/api/v1/user").status == 503 for _ in range(16)]

    assert [place for place, each in enumerate(struck) if each] == STRUCK


@pytest.mark.parametrize("law", ["uniform", "lognormal"])
def test_an_answer_is_late_by_its_seed(api: Api, law: str) -> None:
    drawn: Any = {"uniform": [1, 9], "lognormal": {"median": 9, "sigma": 0.8}}
    rule = {"operation": "getUser", "effect": {"delay": {law: drawn[law]}}}
    run_control(api, "POST", "faults", json=rule)
    asked = api.start("GET", "/api/v1/user")
    api.get("/api/v3/routes")  # lets it begin

    (due,) = [each.due for each in api.world.delayed_answers.values()]
    run_control(api, "POST", "clock/settle", json={})

    assert f"{due:%S.%f}" == LATE[law]
    assert api.finish(asked).status == 200


def test_a_life_is_drawn_by_its_seed(api: Api) -> None:
    wishes = {"campaigns": 10, "recipients": 40}

    done = run_control(api, "POST", "world/populate", json=wishes)

    world = api.world
    assert done == {"campaigns": 10, "messages": 336, "replies": 2, "clicks": 15}
    replied = [
        (each.message, f"{each.received_at:%m-%d %H:%M:%S}") for each in world.responses
    ]
    clicked = [(each.message, f"{each.at:%m-%d %H:%M:%S}") for each in world.clicks[:3]]
    placed = [f"{each.created_at:%m-%d %H:%M:%S}" for each in world.campaigns.values()]
    assert replied == [(46608388, "02-09 01:23:32"), (46608454, "02-14 01:43:33")]
    assert clicked == [
        (46608378, "02-09 00:46:22"),
        (46608392, "02-09 04:09:13"),
        (46608393, "02-09 01:02:49"),
    ]
    assert placed[:3] == ["02-06 21:57:23", "02-09 00:34:00", "02-14 01:20:56"]
    numbers = [each.recipients.numbers[0] for each in world.campaigns.values()]
    assert numbers[:3] == PEOPLE


def test_a_message_to_nobody_in_particular_is_sent(api: Api) -> None:
    """Numbers with an outcome of their own are not drawn."""
    placed = place_campaign(
        api, make_sms(recipients=make_recipients("9990001000", "4498987282"))
    )
    run_control(api, "POST", "clock/advance", json={"seconds": 60})

    rows = api.get(f"{SMS}/{placed['campaign']}/messages").body["data"]
    assert [each["status"] for each in rows] == ["failed", "sent"]


OUTCOMES = [3, 0, 0, 3, 3, 3, 3, 3, 0, 1, 3, 3]
NETWORKS = [
    ("TELCEL", True),
    ("TELCEL", False),
    ("TELCEL", False),
    ("MOVISTAR", False),
    ("AT&T", True),
    ("TELCEL", False),
    ("AT&T", False),
    ("AT&T", False),
    ("AT&T", False),
    ("MOVISTAR", False),
    ("TELCEL", True),
    ("AT&T", False),
]
REPLIES = [(2, "no"), (4, "si"), (5, "si"), (6, "luego"), (8, "no"), (9, "si")]
STRUCK = [3, 6, 12, 13]
LATE = {"uniform": "01.672865", "lognormal": "01.670605"}
PEOPLE = [6642822783, 4428583389, 9988149606]
