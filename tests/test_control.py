"""The control API: the clock, the campaigns, the handsets and the money of a world."""

from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    make_limited_emulator,
    read_control,
    run_at_once,
    run_control,
    send_control,
)
from tests.support.orders import EMAIL, SMS, VOICE, make_order

CELLPHONE = "4498987282"


def status(api: Api, campaign: int) -> str:
    word: str = api.get(f"{SMS}/{campaign}/messages").body["campaign_status"]
    return word


def placed(api: Api, path: str = SMS, **changes: Any) -> int:
    body = api.post(path, json=make_order(path, **changes)).body
    names = ("campaign", "voice_campaign", "email_campaign_id")
    return next(int(body[name]) for name in names if name in body)


# --- Whose world -------------------------------------------------------------


@pytest.mark.parametrize("how", ["world", "token"])
def test_a_command_goes_to_one_world_only(api: Api, how: str) -> None:
    api.get("/api/v1/user", token="world-a")
    path = "clock/advance?world=a" if how == "world" else "clock/advance"
    token = "" if how == "world" else "world-a"

    run_control(api, "POST", path, json={"seconds": 60}, token=token)

    assert run_at_once(api.worlds.get_or_create("world-a")).clock.now() > START
    assert api.clock.now == START


def test_a_command_without_a_world_goes_to_the_default_one(api: Api) -> None:
    run_control(api, "POST", "clock/advance", json={"seconds": 60}, token="")

    assert api.clock.now == START + timedelta(minutes=1)


def test_an_unknown_world_is_a_problem(api: Api) -> None:
    assert send_control(api, "GET", "clock?world=nowhere").status == 404


@pytest.mark.parametrize(
    "operation", read_control().operations.values(), ids=lambda o: o.id
)
def test_a_bad_body_is_a_problem(api: Api, operation: Any) -> None:
    if operation.body_shape is None:
        return
    path = operation.path.removeprefix("/_emulator/").replace("{cellphone}", CELLPHONE)
    path = path.replace("{deliveryId}", "1").replace("{pushId}", "1")

    answer = send_control(api, operation.method, path, json={"rate": -1, "amount": "x"})

    assert answer.status == 422


def test_the_control_api_is_not_in_the_platforms_contract(api: Api) -> None:
    paths = api.get("/openapi.json").body["paths"]

    assert not [path for path in paths if "_emulator" in path]


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        ("http://127.0.0.1:7672", 200),
        ("http://evil.example", 403),
        ("null", 403),
        ("http://127.0.0.1:7672.evil.example", 403),
        ("http://[", 403),
    ],
)
def test_a_page_of_another_origin_commands_nothing(
    api: Api, origin: str, status: int
) -> None:
    headers = {"Host": "127.0.0.1:7672", "Origin": origin}

    answer = send_control(
        api, "POST", "clock/advance", json={"seconds": 60}, headers=headers
    )

    assert answer.status == status
    assert (api.clock.now > START) == (status == 200)


# --- The clock ---------------------------------------------------------------


def test_a_clock_is_read(api: Api) -> None:
    assert run_control(api, "GET", "clock") == {
        "now": "2026-03-02T18:00:00.000000Z",
        "rate": 0,
    }


def test_time_jumps_by_seconds(api: Api) -> None:
    campaign = placed(api)

    run_control(api, "POST", "clock/advance", json={"seconds": 11.5})

    assert api.get(f"{SMS}/{campaign}/messages").body["percentage"] == 100


def test_time_jumps_to_an_instant(api: Api) -> None:
    clock = run_control(
        api, "POST", "clock/advance", json={"to": "2026-03-05T12:00:00-06:00"}
    )

    assert clock["now"] == "2026-03-05T18:00:00.000000Z"


@pytest.mark.parametrize(
    "body",
    [
        {"to": "2026-03-01T12:00:00Z"},
        {"seconds": 300_000_000_000},
    ],
)
def test_time_neither_goes_back_nor_beyond_its_end(
    api: Api, body: dict[str, Any]
) -> None:
    if "seconds" in body:
        run_control(api, "POST", "clock/advance", json={"to": "8999-12-28T23:00:00Z"})
    now = api.clock.now

    assert send_control(api, "POST", "clock/advance", json=body).status == 422
    assert api.clock.now == now


@pytest.mark.parametrize(
    "body",
    [{}, {"seconds": -1}, {"to": "tomorrow"}, {"to": "2027-02-30T12:00:00Z"}, []],
)
def test_a_jump_to_nowhere_is_a_problem(api: Api, body: Any) -> None:
    assert send_control(api, "POST", "clock/advance", json=body).status == 422


def test_a_clock_runs_scales_and_freezes(api: Api) -> None:
    for rate in (1, 60.5, 0):
        assert run_control(api, "PUT", "clock", json={"rate": rate})["rate"] == rate
        assert api.clock.now >= START


# --- Campaigns ---------------------------------------------------------------


def test_campaigns_of_all_channels_are_listed(api: Api) -> None:
    placed(api)
    placed(api, VOICE)
    placed(api, EMAIL)

    rows = run_control(api, "GET", "campaigns")

    assert [(row["channel"], row["campaign"]) for row in rows] == [
        ("sms", 8528238),
        ("voice", 481776),
        ("email", 28648),
    ]


@pytest.mark.manual("DLR-05")
def test_a_campaign_is_paused_resumed_cancelled_and_lost(api: Api) -> None:
    campaign = placed(api)
    path = f"campaigns/sms/{campaign}"
    words = []

    for change in ("pause", "resume", "cancel", "mark-unknown"):
        api.clock.advance(seconds=2)
        run_control(api, "POST", f"{path}/{change}")
        words.append(status(api, campaign))
        api.clock.advance(seconds=1)
        words.append(status(api, campaign))

    assert words == [
        *("updating", "paused"),
        *("updating", "inserted"),
        *("updating", "canceled"),
        *("unknown", "unknown"),
    ]


@pytest.mark.parametrize(("change", "code"), [("resume", 422), ("pause", 404)])
def test_a_change_that_cannot_be_is_a_problem(api: Api, change: str, code: int) -> None:
    campaign = placed(api) if code == 422 else 1

    assert (
        send_control(api, "POST", f"campaigns/sms/{campaign}/{change}").status == code
    )


@pytest.mark.manual("EML-06", "EML-21")
def test_e_mails_are_shown_as_they_would_be_sent(api: Api) -> None:
    campaign = placed(
        api,
        EMAIL,
        body="Hola <+B+>",
        recipients=[{"email": "ana@example.org", "name": "Ana"}],
    )

    emails = run_control(api, "GET", f"campaigns/email/{campaign}/emails")["emails"]

    assert [(each["to"], each["text"]) for each in emails] == [
        ("ana@example.org", "Hola Ana")
    ]


def test_e_mails_wait_for_their_date(api: Api) -> None:
    placed(api, EMAIL, scheduledDate="2026-03-03 12:00:00")

    def row() -> tuple[str, int]:
        (told,) = run_control(api, "GET", "campaigns")
        return told["status"], told["final_count"]

    assert row() == ("scheduled", 0)
    api.clock.advance(days=1)
    assert row() == ("sent", 1)


# --- Handsets ----------------------------------------------------------------


@pytest.mark.manual("HLR-09")
def test_the_truth_about_a_number_can_be_read_and_changed(api: Api) -> None:
    before = placed(api, recipients=[{"cellphone": CELLPHONE}])
    assert run_control(api, "GET", f"handsets/{CELLPHONE}")["outcome"] == "sent"

    told = run_control(api, "PUT", f"handsets/{CELLPHONE}", json={"outcome": "absent"})

    after = placed(api, recipients=[{"cellphone": CELLPHONE}])
    api.clock.advance(seconds=12)
    states = [
        api.get(f"{SMS}/{each}/messages").body["data"][0]["status"]
        for each in (before, after)
    ]
    assert told == {"cellphone": CELLPHONE, "outcome": "absent", "hlr": "absent"}
    assert states == ["sent", "retried"]
    assert api.get(f"/api/v3/hlr/{CELLPHONE}").body["status"] == "absent"


def test_a_handset_of_one_world_is_nothing_to_another(api: Api) -> None:
    run_control(api, "PUT", f"handsets/{CELLPHONE}", json={"outcome": "failed"})

    other = run_control(api, "GET", f"handsets/{CELLPHONE}", token="world-b")

    assert other["outcome"] == "sent"


# --- Money -------------------------------------------------------------------


def test_the_history_of_the_balance_adds_up(api: Api) -> None:
    placed(api, VOICE)
    run_control(api, "POST", "movements", json={"amount": 250.5})

    told = run_control(api, "GET", "movements")

    amounts = [each["amount"] for each in told["movements"]]
    assert amounts == [-1, 250.5]
    assert [each["reason"] for each in told["movements"]] == ["voice", "topup"]
    assert told["balance"] == pytest.approx(told["opening"] + sum(amounts))
    assert api.balance() == told["balance"]


def test_credit_is_never_taken_below_zero(make_api: MakeApi) -> None:
    api = make_api()

    answer = send_control(api, "POST", "movements", json={"amount": -500_000})

    assert answer.status == 422
    assert api.balance() == 468062.11


def test_an_amount_is_exact_or_refused(api: Api) -> None:
    answer = send_control(api, "POST", "movements", json={"amount": 0.1234567})

    assert answer.status == 422


# --- Worlds ------------------------------------------------------------------


def test_worlds_are_listed(api: Api) -> None:
    api.get("/api/v1/user", token="world-a")

    rows = run_control(api, "GET", "worlds")

    assert [(row["name"], row["tokens"]) for row in rows] == [
        ("demo", ["demo"]),
        ("a", ["world-a"]),
    ]


def test_a_fork_is_what_its_world_was_and_then_they_part(api: Api) -> None:
    campaign = placed(api)
    api.clock.advance(seconds=30)

    fork = run_control(api, "POST", "world/fork", json={"name": "branch"})

    path = f"{SMS}/{campaign}/messages"
    assert api.get(path, token="world-branch").octets == api.get(path).octets
    later = api.post(SMS, json=make_order(SMS), token="world-branch").body["campaign"]
    api.clock.advance(hours=1)
    assert later == campaign + 1
    assert api.get(f"{SMS}/{later}/messages").status == 404
    assert fork["now"] == "2026-03-02T18:00:30.000000Z"
    assert run_control(api, "GET", "clock?world=branch")["now"] == fork["now"]


@pytest.mark.parametrize(("name", "code"), [("demo", 409), ("-", 422), ("a b", 422)])
def test_a_fork_needs_a_name_of_its_own(api: Api, name: str, code: int) -> None:
    assert send_control(api, "POST", "world/fork", json={"name": name}).status == code


def test_a_fork_takes_no_token_of_another_world(make_api: MakeApi) -> None:
    api = make_api(tokens=[{"name": "odd", "token": "world-b"}])

    answer = send_control(
        api, "POST", "world/fork", json={"name": "b"}, token="world-b"
    )

    assert answer.status == 409


def test_a_full_process_takes_no_fork() -> None:
    with closing(make_limited_emulator(1)) as api:
        assert send_control(api, "POST", "world/fork", json={"name": "b"}).status == 422


@pytest.mark.parametrize("token", ["demo", "world-a"])
def test_a_reset_world_is_as_before_its_first_request(api: Api, token: str) -> None:
    before = api.get("/api/v1/user", token=token).octets
    created = run_control(api, "POST", "tokens", json={"name": "x"}, token=token)[
        "token"
    ]
    api.post(SMS, json=make_order(SMS), token=token)

    run_control(api, "POST", "world/reset", token=token)

    assert api.get("/api/v1/user", token=token).octets == before
    assert api.get("/api/v1/user", token=created).status == 401
    assert api.post(SMS, json=make_order(SMS), token=token).body["campaign"] == 8528238


def test_a_deleted_world_is_minted_anew(api: Api) -> None:
    api.post(SMS, json=make_order(SMS), token="world-a")

    run_control(api, "DELETE", "world", token="world-a")

    assert [row["name"] for row in run_control(api, "GET", "worlds")] == ["demo"]
    assert api.get(f"{SMS}/8528238/messages", token="world-a").status == 404


def test_the_default_world_cannot_be_deleted(api: Api) -> None:
    assert send_control(api, "DELETE", "world").status == 422
    assert api.get("/api/v1/user").status == 200


# --- The journal -------------------------------------------------------------


def test_the_journal_tells_what_was_asked_and_answered(api: Api) -> None:
    placed(api)
    api.get(f"{SMS}/1/messages")

    told = run_control(api, "GET", "journal")

    assert told["dropped"] == 0
    assert [
        (each["operation"], each["status"], bool(each["why"]))
        for each in told["exchanges"]
    ] == [("createCampaign", 200, False), ("getCampaignMessages", 404, True)]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("operation=createCampaign", [200, 422]),
        ("status=422", [422]),
        ("operation=createCampaign&status=200", [200]),
        ("operation=nothing", []),
    ],
)
def test_the_journal_is_asked_by_operation_and_status(
    api: Api, query: str, found: list[int]
) -> None:
    placed(api)
    api.post(SMS, json={})
    api.get("/api/v1/user")

    told = run_control(api, "GET", f"journal?{query}")

    assert [each["status"] for each in told["exchanges"]] == found


def test_a_wrong_question_is_a_problem(api: Api) -> None:
    assert send_control(api, "GET", "journal?status=many").status == 422


def test_a_cleared_journal_leaves_what_was_done(api: Api) -> None:
    campaign = placed(api)

    run_control(api, "DELETE", "journal")

    assert run_control(api, "GET", "journal")["exchanges"] == []
    assert api.get(f"{SMS}/{campaign}/messages").status == 200


@pytest.mark.parametrize(
    ("path", "field", "says"),
    [
        ("journal?numer=4", "numer", "operation, status, number, text"),
        ("worlds?all", "all", "the query may have world"),
        ("clock?world=demo&now=1", "now", "the query may have world"),
    ],
)
def test_a_misspelt_question_is_not_answered_as_another(
    api: Api, path: str, field: str, says: str
) -> None:
    answer = send_control(api, "GET", path)

    assert (answer.status, answer.body["title"]) == (422, f"There is no field {field}")
    assert says in answer.body["detail"]
