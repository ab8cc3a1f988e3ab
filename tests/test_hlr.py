"""HLR look-ups, and the one truth of a number on every channel."""

from typing import Any

import pytest

from tests.support.emulator import Api, MakeApi

PATH = "/api/v3/hlr"
BOTH_MODES = pytest.mark.parametrize("strict_mode", [False, True])

NUMBER = "4498987282"
NETWORKS = {"TELCEL": "020", "MOVISTAR": "030", "AT&T": "050"}


def look_up(api: Api, number: str) -> dict[str, Any]:
    """Look *number* up and return what the answer says of it, not of the account."""
    body = api.get(f"{PATH}/{number}").body
    account = {"hlr", "balance", "token_expires"}
    return {name: value for name, value in body.items() if name not in account}


# --- The answer --------------------------------------------------------------


@BOTH_MODES
@pytest.mark.manual("HLR-01", "HLR-04", "HLR-06", "LOST-01", "GEN-04")
def test_a_lookup_is_answered_in_the_style_of_the_others(
    make_api: MakeApi, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.get(f"{PATH}/{NUMBER}")

    assert answer.status == 200
    assert list(answer.body.items()) == [
        ("message", "Completado Correctamente"),
        ("hlr", 90210),
        ("cellphone", NUMBER),
        ("status", "active"),
        ("network", answer.body["network"]),
        ("original_network", answer.body["original_network"]),
        ("ported", answer.body["network"] != answer.body["original_network"]),
        ("mcc", "334"),
        ("mnc", NETWORKS[answer.body["network"]]),
        ("country", "Mexico"),
        ("price", 1),
        ("balance", 468061.11),
        ("token_expires", "2027-03-02 12:00:00"),
    ]
    assert answer.notes == []


@pytest.mark.manual("HLR-06")
def test_each_lookup_has_an_id_of_its_own(api: Api) -> None:
    answers = [api.get(f"{PATH}/{NUMBER}") for _ in range(3)]

    assert [answer.body["hlr"] for answer in answers] == [90210, 90211, 90212]


@BOTH_MODES
@pytest.mark.manual("HLR-02")
@pytest.mark.parametrize(
    "number",
    [
        "449898728",
        "44989872822",
        "+4498987282",
        "524498987282",
        "449898728a",
        "4498 87282",
        "4498987282\n",
        "４４９８９８７２８２",  # noqa: RUF001 - other digits than ours
        "-449898728",
        "449898728.",
    ],
)
def test_a_number_has_ten_digits(
    make_api: MakeApi, number: str, *, strict_mode: bool
) -> None:
    api = make_api(strict=strict_mode)

    answer = api.get(f"{PATH}/{number}")

    assert answer.status == 422
    assert answer.information == "El formato del campo cellphone es invalido"
    assert api.balance() == 468062.11


@pytest.mark.manual("HLR-02")
def test_zeros_in_front_belong_to_the_number(api: Api) -> None:
    assert look_up(api, "0123456789")["cellphone"] == "0123456789"


@BOTH_MODES
@pytest.mark.manual("HLR-03")
@pytest.mark.parametrize("path", [f"{PATH}/", PATH, f"{PATH}/{NUMBER}/"])
def test_a_path_without_a_number_is_not_found(
    make_api: MakeApi, path: str, *, strict_mode: bool
) -> None:
    assert make_api(strict=strict_mode).get(path).status == 404


# --- Its price ---------------------------------------------------------------


@pytest.mark.manual("HLR-05", "USR-04")
@pytest.mark.parametrize(
    ("prices", "price", "balance"),
    [
        ({}, 1, 468060.11),
        ({"hlr": 0.125}, 0.125, 468061.86),
        ({"hlr": 0}, 0, 468062.11),
    ],
)
def test_every_lookup_costs_the_worlds_price(
    make_api: MakeApi, prices: dict[str, float], price: float, balance: float
) -> None:
    api = make_api(prices=prices)
    api.get(f"{PATH}/{NUMBER}")

    answer = api.get(f"{PATH}/{NUMBER}")

    assert answer.body["price"] == price
    assert answer.body["balance"] == balance
    assert api.balance() == balance


@pytest.mark.manual("HLR-05", "HLR-07")
def test_a_lookup_that_finds_nothing_is_charged_too(api: Api) -> None:
    look_up(api, "9990004000")

    assert api.balance() == 468061.11


# --- What it says of a number ------------------------------------------------


@pytest.mark.manual("HLR-07", "HLR-09", "LOST-01")
@pytest.mark.parametrize(
    ("digits", "status"),
    [
        ("00", "active"),
        ("01", "inactive"),
        ("02", "active"),
        ("03", "absent"),
        ("04", "unknown"),
        ("05", "active"),
        ("06", "active"),
        ("07", "active"),
        ("08", "active"),
        ("99", "active"),
    ],
)
def test_reserved_numbers_say_their_status(api: Api, digits: str, status: str) -> None:
    assert look_up(api, f"99900{digits}123")["status"] == status


@pytest.mark.manual("HLR-07", "LOST-01")
def test_of_an_unknown_number_nothing_else_is_known(api: Api) -> None:
    answer = api.get(f"{PATH}/9990004000")

    assert answer.status == 200
    unknown = ("network", "original_network", "ported", "mcc", "mnc")
    assert {name: answer.body[name] for name in unknown} == dict.fromkeys(unknown)
    assert answer.body["status"] == "unknown"
    assert answer.body["country"] == "Mexico"


@pytest.mark.manual("LOST-01", "HLR-09")
@pytest.mark.parametrize("last", range(5))
def test_a_ported_number_has_changed_its_network(api: Api, last: int) -> None:
    found = look_up(api, f"999000600{last}")

    assert found["ported"] is True
    assert found["network"] != found["original_network"]
    assert found["mnc"] == NETWORKS[found["network"]]


@pytest.mark.manual("LOST-01", "HLR-09")
def test_a_landline_belongs_to_no_mobile_network(api: Api) -> None:
    found = look_up(api, "9990005000")

    assert found["network"] == found["original_network"]
    assert found["network"] not in NETWORKS
    assert found["ported"] is False
    assert found["mnc"] is None


# --- Always alike ------------------------------------------------------------


@pytest.mark.manual("HLR-09")
def test_a_number_is_described_alike_every_time(api: Api) -> None:
    before = look_up(api, NUMBER)
    api.clock.advance(days=30)

    assert look_up(api, NUMBER) == before


@pytest.mark.manual("HLR-09")
def test_worlds_of_one_seed_describe_a_number_alike(make_api: MakeApi) -> None:
    numbers = [f"55123456{last:02d}" for last in range(40)]
    mixed = [{"outcome": "sent", "weight": 1}, {"outcome": "unknown", "weight": 1}]

    one, same, other = (
        [look_up(api, number) for number in order]
        for api, order in (
            (make_api(seed=7, population=mixed), numbers),
            (make_api(seed=7, population=mixed), numbers[::-1]),
            (make_api(seed=8, population=mixed), numbers),
        )
    )

    assert one == same[::-1]
    assert one != other


@pytest.mark.manual("HLR-09", "LOST-01")
def test_networks_are_of_all_kinds(api: Api) -> None:
    found = [look_up(api, f"55123456{last:02d}") for last in range(60)]

    assert {each["network"] for each in found} == set(NETWORKS)
    assert {each["original_network"] for each in found} == set(NETWORKS)
    assert {each["ported"] for each in found} == {True, False}


# --- One truth ---------------------------------------------------------------


def every_channel(api: Api, number: str) -> tuple[str, int, str]:
    """Return how an SMS to *number*, a call and a look-up end, two days later."""
    recipients = [{"cellphone": number}]
    sms = api.post(
        "/api/v3/campaign", json={"text": "hola", "recipients": recipients, "route": 87}
    )
    call = api.post(
        "/api/v3/voice",
        json={
            "type": 2,
            "campaign_name": "hola",
            "text": "hola",
            "recipients": recipients,
        },
    )
    api.clock.advance(days=2)
    messages = api.get(f"/api/v3/campaign/{sms.body['campaign']}/messages").body
    calls = api.get(f"/api/v3/voice/{call.body['voice_campaign']}").body
    return (
        messages["data"][0]["status"],
        calls["voice_messages"][0]["voice_message_status"],
        look_up(api, number)["status"],
    )


TRUTHS = {
    "sent": ("sent", 2, "active"),
    "failed": ("failed", 3, "inactive"),
    "retried": ("sent", 2, "active"),
    "absent": ("failed", 3, "absent"),
    "unknown": ("failed", 3, "unknown"),
    "landline": ("failed", 2, "active"),
    "ported": ("sent", 2, "active"),
    "busy": ("sent", 3, "active"),
}


@pytest.mark.manual("HLR-09", "DLR-19", "DLR-09", "VOI-23")
@pytest.mark.parametrize(("digits", "outcome"), list(enumerate(TRUTHS)))
def test_sms_voice_and_lookup_agree_about_a_reserved_number(
    api: Api, digits: int, outcome: str
) -> None:
    assert every_channel(api, f"999000{digits}777") == TRUTHS[outcome]


@pytest.mark.manual("HLR-09", "DLR-19")
@pytest.mark.parametrize("outcome", list(TRUTHS))
def test_they_agree_about_a_handset_that_the_world_names(
    make_api: MakeApi, outcome: str
) -> None:
    api = make_api(handsets=[{"cellphone": NUMBER, "outcome": outcome}])

    assert every_channel(api, NUMBER) == TRUTHS[outcome]


@pytest.mark.manual("HLR-09", "DLR-19")
def test_they_agree_about_a_population(make_api: MakeApi) -> None:
    weights = [{"outcome": outcome, "weight": 1} for outcome in TRUTHS]
    api = make_api(population=weights)

    seen = {every_channel(api, f"55123456{last:02d}") for last in range(60)}

    assert seen == set(TRUTHS.values())


@pytest.mark.manual("DLR-19")
def test_a_population_does_not_reach_the_reserved_numbers(make_api: MakeApi) -> None:
    api = make_api(population=[{"outcome": "unknown", "weight": 1}])

    assert every_channel(api, NUMBER) == TRUTHS["unknown"]
    assert every_channel(api, "9990000000") == TRUTHS["sent"]


@pytest.mark.manual("DLR-13", "VOI-25", "DLR-19")
@pytest.mark.parametrize(("digits", "outcome"), list(enumerate(TRUTHS)))
def test_at_the_instant_pace_everything_is_final_when_placed(
    make_api: MakeApi, digits: int, outcome: str
) -> None:
    api = make_api(pace="instant")
    recipients = [{"cellphone": f"999000{digits}777"}]
    call = {"type": 1, "audio": 31, "campaign_name": "hola", "recipients": recipients}

    api.post(
        "/api/v3/campaign", json={"text": "hola", "recipients": recipients, "route": 87}
    )
    voice = api.post("/api/v3/voice", json=call)

    messages = api.get("/api/v3/campaign/8528238/messages").body
    calls = api.get("/api/v3/voice/481776").body
    sms, state, _ = TRUTHS[outcome]
    assert messages["percentage"] == 100
    assert messages["data"][0]["status"] == sms
    assert voice.body["status"] == ("COMPLETED" if state == 2 else "FAILED")
    assert calls["voice_messages"][0]["voice_message_status"] == state
    assert calls["recipients_processed"] == 1
