"""The manual's own examples: each is asked again and answered as the manual prints it.

One file of ``fixtures/manual`` is one example; its ``adapted`` says where it is not the
manual's to the letter.  For each a world is prepared in which the printed answer is the
true one: its clock, its credit, its first ids and what happened before.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema
import pytest

from emulator import files
from tests.support.emulator import (
    Answer,
    Api,
    MakeApi,
    make_validator,
    read_contract,
    read_demo_world,
)

LEDGER = files.ROOT / "docs" / "ledger.yaml"
FOLDER = files.ROOT / "fixtures" / "manual"
EXAMPLES: Mapping[str, Any] = {
    path.stem: json.loads(path.read_text("utf-8"))
    for path in sorted(FOLDER.glob("*.json"))
}
ASKED = [name for name, example in EXAMPLES.items() if "operation" in example]
PUSHED = [name for name, example in EXAMPLES.items() if "webhook" in example]
ZONE = ZoneInfo("America/Mexico_City")

NOTHING = timedelta()
CALLED = timedelta(seconds=36)  # a call is placed and over (VOI-25)

# What an example cannot fix: a sentence that the manual keeps to itself, and the
# network of a number, which is a draw.
UNDETERMINED = {
    "createCampaign": {"information"},
    "lookupNumber": {"network", "original_network", "mnc"},
}

# What lenient notes of an example; of all others nothing.
NOTES = {
    "error-400": ["ERR-04"],  # no body, and no type of it
    "email-bullets-spelling": ["GEN-14", "EML-16"],
    "responses-message-singular": ["MO-05"],
    "responses-singular-path": ["MO-01"],
    "responses-table-spelling": ["GEN-14", "MO-07"],
    "smsclic-http-line": ["CLC-02"],
    "smsclic-introduction": ["CLC-02"],
    "smsclic-json": ["CLC-02"],
    "voice-table-spelling": ["GEN-14"],
}


# --- Worlds in which the manual is right -------------------------------------


@dataclass
class Stage:
    """What has to be so before an example is asked."""

    clock: str  # when the story begins, as the account writes it
    spent: float = 0  # between the beginning and the answer
    balance: float = 468062.11  # when the answer is given
    ids: dict[str, int] = field(default_factory=dict)
    changes: dict[str, Any] = field(default_factory=dict)  # of the world's file
    story: Callable[[Api], None] = lambda _api: None

    def world(self) -> dict[str, Any]:
        """Return the world's file, as far as it is not the demo world's."""
        credit = round(self.balance + self.spent, 6)
        account = {**read_demo_world()["account"], "credit": credit}
        return {"clock": instant(self.clock).isoformat(), "account": account} | (
            self.changes
        )


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


def year_before(text: str) -> str:
    """Return when a token that expires at *text* was made."""
    return f"{int(text[:4]) - 1}{text[4:]}"


def wait(api: Api, until: str) -> None:
    api.clock.advance(seconds=(instant(until) - api.clock.now).total_seconds())


def new_campaign(request: Any, answer: Any) -> Stage:
    if "error" in answer:
        return Stage("2020-05-25 13:22:38")
    expires = answer.get("token_expires", "2021-05-25 13:22:38")
    return Stage(
        year_before(expires),
        spent=len(request["recipients"]),  # a message of route 87 costs 1
        balance=answer["balance"],
        ids={"campaign": answer["campaign"]},
    )


def messages(_request: Any, answer: Any) -> Stage:
    rows = answer["data"]
    order = {
        "text": rows[0]["text"],
        "recipients": [{"cellphone": row["cellphone"]} for row in rows],
        "campaign_name": answer["name"],
        "route": 87,
    }

    def story(api: Api) -> None:
        api.post("/api/v3/campaign", json=order)
        api.clock.advance(seconds=12)

    return Stage(
        answer["scheduled_date"],
        spent=len(rows),
        balance=answer["balance"],
        ids={"campaign": answer["campaign"], "message": rows[0]["id"]},
        story=story,
    )


def received(_request: Any, answer: Any) -> Stage:
    (row,) = answer["results"]
    order = {
        "text": row["message"],
        "recipients": [{"cellphone": "4498987281"}],
        "campaign_name": row["campaign_name"],
        "route": 87,
    }

    def story(api: Api) -> None:
        api.post("/api/v3/campaign", json=order)
        wait(api, row["received_at"])
        api.receive(row["message_id"], row["response"])
        wait(api, answer["to"])

    return Stage(
        "2020-05-25 13:22:38",
        ids={
            "campaign": row["campaign_id"],
            "message": row["message_id"],
            "response": row["received_id"],
        },
        story=story,
    )


def new_clic_campaign(request: Any, answer: Any) -> Stage:
    routes = [
        {**route, "clic_name": answer["route"]} if route["route"] == 85 else route
        for route in read_demo_world()["routes"]
    ]
    return Stage(
        f"{answer['scheduled_date']} 12:00:00",
        spent=0.3 * len(request["recipients"]),
        balance=answer["balance"],
        ids={"campaign": answer["campaign"]},
        changes={"routes": routes},
    )


def new_email(_request: Any, answer: Any) -> Stage:
    return Stage("2020-05-25 13:30:00", ids={"email": answer["email_campaign_id"]})


def new_call(_request: Any, answer: Any) -> Stage:
    return Stage(
        answer["scheduled_date"],
        spent=1,
        balance=answer["balance"],
        ids={"voice": answer["voice_campaign"]},
    )


def call(_request: Any, answer: Any) -> Stage:
    rows = answer.get("voice_messages", [{"cellphone": "4498752325"}])
    order = {
        "type": 2,
        "campaign_name": answer["name"],
        "text": answer.get("text", "hola"),
        "recipients": [{"cellphone": row["cellphone"]} for row in rows],
        "remittent": "5570055780",
    }
    over = answer["status"] == "COMPLETED"

    def story(api: Api) -> None:
        api.post("/api/v3/voice", json=order)
        api.clock.advance(seconds=(CALLED if over else NOTHING).total_seconds())

    ids = {"voice": answer["voice_campaign"]}
    ids |= {"call": rows[0]["voice_message"]} if over else {}
    return Stage(answer["scheduled_date"], ids=ids, story=story)


def look_up(_request: Any, answer: Any) -> Stage:
    handset = {"cellphone": answer["cellphone"], "outcome": "ported"}
    return Stage(
        year_before(answer["token_expires"]),
        spent=answer["price"],
        balance=answer["balance"],
        ids={"hlr": answer["hlr"]},
        changes={"handsets": [handset]},
    )


def user(_request: Any, answer: Any) -> Stage:
    if answer is None:  # to a HEAD
        return Stage("2020-05-25 13:22:38")
    person = answer["data"]
    (token,) = person["API_settings"]
    account = {name: person[name] for name in ("user", "name", "surname", "credit")}
    return Stage(
        token["creation"],
        changes={
            "account": {**account, "time_zone": ZONE.key},
            "tokens": [{"name": token["name"], "token": "demo"}],
        },
    )


def routes(_request: Any, answer: Any) -> Stage:
    listed = [{**route, "country": 1} for route in answer]
    return Stage("2020-05-25 13:22:38", changes={"routes": listed})


def countries(_request: Any, answer: Any) -> Stage:
    return Stage("2020-05-25 13:22:38", changes={"countries": answer})


STAGES: Mapping[str, Callable[[Any, Any], Stage]] = {
    "getUser": user,
    "headUser": user,
    "listRoutes": routes,
    "listCountries": countries,
    "createCampaign": new_campaign,
    "getCampaignMessages": messages,
    "createSmsClicCampaign": new_clic_campaign,
    "queryResponses": received,
    "createEmailCampaign": new_email,
    "createVoiceCampaign": new_call,
    "getVoiceCampaign": call,
    "cancelVoiceCampaign": call,
    "lookupNumber": look_up,
}


def asked(
    example: Any, make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, **world: Any
) -> Answer:
    """Prepare a world for *example*, ask it there and return the answer."""
    request, response = example["request"], example["response"]
    body = request.get("body")
    stage = STAGES[example["operation"]](body, response.get("body"))
    api = make_api(**stage.world(), **world)
    monkeypatch.setattr(api.world, "next", {**api.world.next, **stage.ids})
    stage.story(api)
    return api.send(request["method"], request["path"], json=body)


def held(expected: Any, found: Any, undetermined: set[str]) -> None:
    """Fail where *found* has other keys, another order, other types or values."""
    if isinstance(expected, dict):
        assert isinstance(found, dict)
        assert list(found) == list(expected)
        for name, value in expected.items():
            if name in undetermined:
                assert type(found[name]) is type(value), name
            else:
                held(value, found[name], undetermined)
    elif isinstance(expected, list):
        assert isinstance(found, list)
        for one, other in zip(expected, found, strict=True):
            held(one, other, undetermined)
    else:
        assert found == expected
        assert isinstance(found, bool) == isinstance(expected, bool)


# --- Requests ----------------------------------------------------------------


@pytest.mark.manual("USR-01", "USR-02", "USR-03", "CAT-01", "CAT-02", "CAT-03")
@pytest.mark.manual("SMS-01", "SMS-12", "SMS-40", "SMS-41", "SMS-42", "SMS-48")
@pytest.mark.manual("DLR-01", "DLR-03", "DLR-13", "DLR-18", "ERR-02", "ERR-03")
@pytest.mark.manual("MO-01", "MO-02", "MO-03", "MO-04", "MO-05", "MO-06", "MO-07")
@pytest.mark.manual("MO-09", "MO-10", "MO-11", "MO-18", "GEN-09", "GEN-11", "GEN-14")
@pytest.mark.manual("EML-01", "EML-08", "EML-20", "HLR-01", "LOST-01")
@pytest.mark.manual("CLC-01", "CLC-02", "CLC-04", "CLC-10", "CLC-11", "CLC-12")
@pytest.mark.manual("CLC-13", "CLC-14", "VOI-01", "VOI-13", "VOI-20", "VOI-22")
@pytest.mark.manual("VOI-25", "VOI-30", "VOI-33", "VOI-46", "GEN-10", "AUT-03")
@pytest.mark.parametrize("name", ASKED)
def test_an_example_is_answered_as_the_manual_prints_it(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    example = EXAMPLES[name]

    answer = asked(example, make_api, monkeypatch)

    assert answer.status == example["response"]["status"]
    assert answer.notes == NOTES.get(name, [])
    if "body" in example["response"]:
        expected, found = example["response"]["body"], answer.body
        if "SMS-41" in example["ledger"]:  # printed without it, and sent all the same
            expected = {**expected, "token_expires": found["token_expires"]}
        held(expected, found, UNDETERMINED.get(example["operation"], set()))


@pytest.mark.manual("SMS-40", "DLR-03", "MO-09", "EML-20", "VOI-13", "VOI-22", "VOI-33")
@pytest.mark.parametrize("name", [name for name in ASKED if name not in NOTES])
def test_strict_answers_an_example_without_doubt_alike(
    make_api: MakeApi, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    lenient, strict = (
        asked(EXAMPLES[name], make_api, monkeypatch, strict=mode)
        for mode in (False, True)
    )

    assert strict.status == lenient.status
    assert strict.octets == lenient.octets


# --- Pushes ------------------------------------------------------------------

SLIPS = {"rellphone": "cellphone"}  # of the pen (MOP-05)


@pytest.mark.parametrize("name", PUSHED)
def test_a_push_has_the_parameters_of_the_contract(name: str) -> None:
    example = EXAMPLES[name]
    _, webhook = read_contract().document.resolve_pointer(
        f"/webhooks/{example['webhook']}/get"
    )
    query = {SLIPS.get(key, key): value for key, value in example["query"].items()}
    parameters = {each["name"]: each for each in webhook["parameters"]}

    assert query.keys() == parameters.keys()
    for index, parameter in enumerate(webhook["parameters"]):
        pointer = f"/webhooks/{example['webhook']}/get/parameters/{index}/schema"
        where, schema = read_contract().document.resolve_pointer(pointer)
        text = query[parameter["name"]]
        make_validator(where).validate(
            int(text) if schema["type"] == "integer" else text
        )


@pytest.mark.parametrize("name", PUSHED)
def test_the_answer_to_a_push_is_what_the_contract_expects(name: str) -> None:
    example = EXAMPLES[name]
    pointer = f"/webhooks/{example['webhook']}/get/responses/200"
    where, _ = read_contract().document.resolve_pointer(pointer)

    answer = make_validator(f"{where}/content/text~1plain/schema")

    answer.validate(example["answer"])
    with pytest.raises(jsonschema.ValidationError):
        answer.validate("")


# --- The files ---------------------------------------------------------------


def test_every_example_says_where_it_is_from_and_what_it_shows() -> None:
    known = {item["id"] for item in files.read_yaml(LEDGER)}

    for example in EXAMPLES.values():
        assert example["title"]
        assert example["source"].startswith("L")
        assert set() < set(example["ledger"]) <= known
        assert isinstance(example["adapted"], list)


def test_every_operation_has_an_example() -> None:
    shown = {EXAMPLES[name]["operation"] for name in ASKED}

    assert shown == read_contract().operations.keys()
