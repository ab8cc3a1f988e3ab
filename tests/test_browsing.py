"""What the panel asks: campaigns from near, conversations, requests explained."""

from collections import Counter
from typing import Any

import pytest
import yaml

from emulator.domain.account import Token
from emulator.domain.recipients import Recipients, make_column
from emulator.operations.call import EventStream, OperationCall
from emulator.operations.control.events import (
    CHANGE_INTERVAL,
    CHANGED_FRAME,
    HEARTBEAT,
    HEARTBEAT_FRAME,
    TICK_INTERVAL,
    TICKED_FRAME,
    stream_changes,
)
from emulator.operations.control.statements import (
    STATEMENTS_BY_FIELD,
    STATEMENTS_BY_REASON,
    STATEMENTS_BY_STATUS,
)
from emulator.world import World
from tests.support.emulator import START, Api, read_contract, run_control, send_control
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
    VOICE,
    make_clic,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
    place_campaign,
)
from tests.support.processes import ROOT

RUNG = True
ABSENT, RETRIED, BUSY = "9990003000", "9990002000", "9990007000"


def placed(api: Api, path: str, **changes: Any) -> int:
    answer = api.post(path, json=make_order(path, **changes))
    assert answer.status == 200, answer.octets
    name = {EMAIL: "email_campaign_id", VOICE: "voice_campaign"}[path]
    number: int = answer.body[name]
    return number


def test_campaigns_are_paged_searched_and_listed_newest_first(api: Api) -> None:
    for name in ("enero", "febrero", "marzo"):
        place_campaign(api, make_sms(campaign_name=name))
        api.clock.advance(seconds=1)
    placed(api, VOICE, campaign_name="abril")

    def names(query: str) -> list[Any]:
        return [each["name"] for each in run_control(api, "GET", f"campaigns?{query}")]

    assert names("newest=first") == ["abril", "marzo", "febrero", "enero"]
    assert names("newest=first&offset=1&limit=2") == ["marzo", "febrero"]
    assert names("text=BRE") == ["febrero"]
    assert names("text=8528239") == ["febrero"]
    assert names("channel=voice") == ["abril"]


def test_of_many_movements_the_newest_are_listed_and_the_balance_is_a_curve(
    api: Api,
) -> None:
    for amount in (1, -3, 5, 7):
        run_control(api, "POST", "movements", json={"amount": amount})
        api.clock.advance(seconds=1)

    history = run_control(api, "GET", "movements?last=2&points=3")

    opening, start = (
        history["opening"],
        run_control(api, "GET", "movements")["movements"],
    )
    assert (history["count"], len(start)) == (4, 4)
    assert [each["amount"] for each in history["movements"]] == [5, 7]
    assert [
        (each["at"], round(each["balance"] - opening, 2)) for each in history["curve"]
    ] == [(start[0]["at"], 0), (start[1]["at"], -2), (start[3]["at"], 10)]
    assert run_control(api, "GET", "movements?points=9")["curve"][1:] == [
        {"at": each["at"], "balance": balance}
        for each, balance in zip(
            start, [opening + 1, opening - 2, opening + 3, opening + 10], strict=True
        )
    ]


def test_an_account_without_movements_has_no_curve(api: Api) -> None:
    assert run_control(api, "GET", "movements?last=1&points=2")["curve"] == []


@pytest.mark.parametrize("seconds", [0, 11, 12, 71, 100_000])
def test_the_counts_of_a_campaign_are_those_of_its_rows(api: Api, seconds: int) -> None:
    numbers = [NUMBER, ABSENT, RETRIED, BUSY, NUMBER]
    sms = place_campaign(api, make_sms(recipients=make_recipients(*numbers)))[
        "campaign"
    ]
    calls = placed(api, VOICE, recipients=make_recipients(*numbers))
    api.clock.advance(seconds=seconds)

    for path in (f"campaigns/sms/{sms}", f"campaigns/voice/{calls}"):
        campaign = run_control(api, "GET", path)
        rows = run_control(api, "GET", f"{path}/recipients")["recipients"]

        assert campaign["statuses"] == Counter(each["status"] for each in rows)


def test_a_cancelled_campaign_counts_what_never_went_out(api: Api) -> None:
    sms = place_campaign(api, make_sms(recipients=make_crowd(20)))["campaign"]
    api.clock.advance(seconds=11.05)
    run_control(api, "POST", f"campaigns/sms/{sms}/cancel")

    counts = run_control(api, "GET", f"campaigns/sms/{sms}")["statuses"]

    assert counts == {"sent": 6, "cancelled": 14}


def test_recipients_are_paged_and_found_by_number_name_and_status(api: Api) -> None:
    rows = make_crowd(200, name="Ana {}")
    sms = place_campaign(
        api, make_sms(recipients=[*rows, *make_recipients(ABSENT, name="Eva")])
    )["campaign"]
    api.clock.advance(minutes=1)

    def found(query: str) -> tuple[int, list[str]]:
        body = run_control(api, "GET", f"campaigns/sms/{sms}/recipients?{query}")
        return body["count"], [each["to"] for each in body["recipients"]]

    assert found("offset=198&limit=2") == (201, ["5500000198", "5500000199"])
    assert found("text=000199") == (1, ["5500000199"])
    assert found("text=ana+17")[0] == 11
    assert found("status=retried") == (1, [ABSENT])


def test_what_may_be_done_to_a_campaign_is_told(api: Api) -> None:
    sms = place_campaign(api)["campaign"]
    path = f"campaigns/sms/{sms}"
    told = [run_control(api, "GET", path)["changes"]]
    for change in ("pause", "resume", "cancel"):
        run_control(api, "POST", f"{path}/{change}")
        told.append(run_control(api, "GET", path)["changes"])

    assert told == [
        ["pause", "cancel", "mark_unknown"],
        ["resume", "cancel", "mark_unknown"],
        ["pause", "cancel", "mark_unknown"],
        [],
    ]


def test_calls_are_cancelled_and_paid_back(api: Api) -> None:
    before = api.balance()
    calls = placed(api, VOICE)

    campaign = run_control(api, "POST", f"campaigns/voice/{calls}/cancel")

    assert (campaign["status"], api.balance()) == ("CANCELLED", before)
    assert run_control(api, "GET", f"campaigns/voice/{calls}")["changes"] == []
    assert send_control(api, "POST", f"campaigns/voice/{calls}/cancel").status == 422


def test_a_conversation_holds_every_channel_in_order(api: Api) -> None:
    sms = place_campaign(
        api, make_sms(text="hola <+B+>", recipients=make_recipients(NUMBER, name="Ana"))
    )
    api.clock.advance(minutes=1)
    placed(api, VOICE)
    api.clock.advance(minutes=1)
    place_campaign(api, make_clic(), path=CLIC)
    api.clock.advance(minutes=1)
    api.receive(46608336, "gracias")

    talk = run_control(api, "GET", f"conversations/{NUMBER}")

    assert [each["kind"] for each in talk["items"]] == [
        "sms",
        "voice",
        "smsclic",
        "reply",
    ]
    first, call, link, reply = talk["items"]
    assert (first["text"], first["campaign"]) == ("hola Ana", sms["campaign"])
    assert first["sender"] == "74342"
    assert first["encoding"] == "GSM 03.38"
    assert (call["text"], call["status"]) == ("hola", "SENT")
    assert link["text"] == f"ver {link['link']}"
    assert (reply["text"], reply["message"]) == ("gracias", 46608336)
    assert talk["name"] == "Ana"


def test_a_mailbox_has_a_conversation_of_its_own(api: Api) -> None:
    placed(api, EMAIL, subject="aviso", body="<b>hola</b>")
    placed(api, EMAIL, recipients=[{"email": "juana@example.org"}])

    talk = run_control(api, "GET", "conversations/ana@example.org")

    (letter,) = talk["items"]
    assert (letter["kind"], letter["subject"]) == ("email", "aviso")
    assert "&lt;b&gt;hola" in letter["html"]


def test_who_got_something_is_listed_once_the_latest_first(api: Api) -> None:
    place_campaign(
        api, make_sms(text="uno", recipients=make_recipients(NUMBER, "5511112222"))
    )
    api.clock.advance(seconds=1)
    place_campaign(api, make_sms(text="dos"))
    api.clock.advance(seconds=1)
    placed(api, EMAIL)

    def listed(query: str = "") -> Any:
        return run_control(api, "GET", f"conversations{query}")

    rows = listed()["conversations"]
    assert [(each["address"], each["text"]) for each in rows] == [
        ("ana@example.org", "aviso"),
        (NUMBER, "dos"),
        ("5511112222", "uno"),
    ]
    assert listed("?limit=2")["more"]
    assert not listed("?limit=2&offset=2")["more"]
    assert len(listed("?text=2222")["conversations"]) == 1


def test_places_are_found_whole_and_all_of_them() -> None:
    numbers = place_numbers(4490000001, 4490000002, 4490000001)
    names = make_column(["ana", "juana", "", "ana"])

    assert [*numbers.iterate_places(4490000001)] == [0, 2]
    assert [*names.iterate_places("ana")] == [0, 3]


def place_numbers(*numbers: int) -> Recipients:
    return Recipients(numbers, {})


def test_the_journal_is_read_backwards(api: Api) -> None:
    for _ in range(5):
        api.balance()

    rows = run_control(api, "GET", "journal?last=2&before=4")["exchanges"]

    assert [each["number"] for each in rows] == [2, 3]


@pytest.mark.parametrize(
    ("changes", "ledger"),
    [
        ({"text": "x" * 161}, {"SMS-02", "SMS-20", "SMS-23"}),
        ({"text": None}, {"SMS-02", "SMS-20", "SMS-23"}),
        ({"route": None}, {"SMS-30", "SMS-31"}),
        ({"route": 9999}, {"SMS-32"}),
        ({"recipients": [{"cellphone": "12"}]}, {"SMS-05"}),
    ],
)
def test_a_refusal_is_explained_by_the_manuals_statement(
    api: Api, changes: Any, ledger: set[str]
) -> None:
    body = {**make_sms(), **changes}
    api.post("/api/v3/campaign", json={k: v for k, v in body.items() if v is not None})

    exchange = run_control(api, "GET", "journal/1")

    assert exchange["status"] == 422
    assert {each["id"] for each in exchange["statements"]} == ledger
    assert {each["about"] for each in exchange["statements"]} == {"refusal"}


def test_a_strict_refusal_names_the_reading_that_was_not_met(strict: Api) -> None:
    strict.post("/api/v3/campaign", json=make_sms(text="hola <+B+>"))

    exchange = run_control(strict, "GET", "journal/1")

    assert [each["id"] for each in exchange["statements"]] == ["SMS-08"]


def test_notes_are_explained(api: Api) -> None:
    place_campaign(api, make_sms(scheduledDate="2026-03-03 09:00:00"))

    (stated,) = run_control(api, "GET", "journal/1")["statements"]

    assert (stated["about"], stated["id"], stated["certainty"]) == (
        "note",
        "SMS-38",
        "guess",
    )


@pytest.mark.parametrize("number", [0, 2, 99])
def test_an_exchange_that_is_not_there_is_a_problem(api: Api, number: int) -> None:
    api.balance()

    assert send_control(api, "GET", f"journal/{number}").status == 404


def test_every_explanation_is_of_the_ledger() -> None:
    ledger = yaml.safe_load((ROOT / "docs" / "ledger.yaml").read_text("utf-8"))
    known = {each["id"] for each in ledger}
    named = [*STATEMENTS_BY_REASON.values(), *STATEMENTS_BY_STATUS.values()]
    for fields in STATEMENTS_BY_FIELD.values():
        named += fields.values()

    assert {each for several in named for each in several} <= known
    assert STATEMENTS_BY_FIELD.keys() <= read_contract().operations.keys()


def test_what_is_left_to_happen_is_listed(api: Api) -> None:
    place_campaign(api)

    pending = run_control(api, "GET", "clock/pending")["pending"]

    assert [each["event"] for each in pending] == ["inserted", "completed"]
    assert len(run_control(api, "GET", "clock/pending?limit=1")["pending"]) == 1


def test_changes_are_told_calmly_and_nothing_else(api: Api) -> None:
    world = api.worlds.default
    steps = told(world)

    assert next(steps) == CHANGED_FRAME
    assert next(steps) == (CHANGE_INTERVAL, HEARTBEAT)  # the clock stands
    assert steps.send(RUNG) == CHANGED_FRAME
    assert next(steps) == (CHANGE_INTERVAL, HEARTBEAT)
    assert steps.send(not RUNG) == HEARTBEAT_FRAME
    world.clock.set_rate(1)
    assert next(steps) == (CHANGE_INTERVAL, TICK_INTERVAL)
    assert steps.send(not RUNG) == TICKED_FRAME
    assert next(steps) == (CHANGE_INTERVAL, TICK_INTERVAL)
    assert steps.send(RUNG) == CHANGED_FRAME


def told(world: World) -> EventStream:
    token = Token("", "", START, START)

    stream = stream_changes(world, OperationCall(START, token, {}, [])).stream
    assert stream is not None
    return stream
