"""How faults are felt: late and spoilt answers, faults of a header, and by name."""

import asyncio
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator import files
from emulator.domain.refusal_catalog import REASONS
from emulator.faults import DelayedResponse
from emulator.operations.control.faults import read_presets
from emulator.web.faulty_responses import ConnectionBroken
from emulator.web.http_faults import HEADER_WORDS
from tests.support.emulator import (
    START,
    Answer,
    Api,
    MakeApi,
    make_emulator,
    read_control,
    run_control,
    send_control,
    set_examples,
)
from tests.support.orders import SMS, make_order

USER = "/api/v1/user"
CREATE = "createCampaign"
OOPS = {"status": 503, "body": {"oops": True}}
EFFECT = read_control().document.tree["components"]["schemas"]["Effect"]["properties"]
MANNERS = EFFECT["wire"]["enum"]
NEW_YEAR = "2027-01-01T00:00:00Z"


def asked(api: Api, effect: dict[str, Any], **rule: Any) -> str:
    """Ask for a fault and return the id of its rule."""
    added = run_control(api, "POST", "faults", json={"effect": effect, **rule})
    return str(added["id"])


def sent(api: Api, **headers: str) -> Answer:
    """Order a campaign; ``x_emulator_fault=`` is a header."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return api.post(SMS, json=make_order(SMS), headers=named)


def started(api: Api) -> asyncio.Task[Answer]:
    """Begin to order a campaign, which waits for its answer when this returns."""
    begun = api.start("POST", SMS, json=make_order(SMS))
    run_control(api, "GET", "faults")
    return begun


def passed(api: Api, seconds: float) -> list[str]:
    """Let so many seconds of the world pass and return what happened meanwhile."""
    ran = run_control(api, "POST", "clock/advance", json={"seconds": seconds})
    return [event["event"] for event in ran["events"]]


def campaigns(api: Api) -> int:
    return len(api.world.campaigns)


def exchanges(api: Api) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = run_control(api, "GET", "journal")["exchanges"]
    return found


# --- Late answers ------------------------------------------------------------------


@pytest.mark.parametrize(("phase", "already"), [("before", 0), ("after", 1)])
def test_an_answer_is_late_by_the_clock_of_its_world(
    api: Api, phase: str, already: int
) -> None:
    rule = asked(api, {"delay": 600}, phase=phase)
    late = started(api)

    passed(api, 599.9)
    waits = not late.done()
    placed = campaigns(api)
    passed(api, 0.1)
    answer = api.finish(late)

    assert waits
    assert placed == already
    assert answer.status == 200
    assert answer.headers["x-emulator-fault"] == rule
    (paid,) = api.world.movements
    assert (paid.at == START) == (phase == "after")


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_clock_that_runs_ends_a_delay(make_api: MakeApi, phase: str) -> None:
    api = make_api(clock="x36000")
    asked(api, {"delay": 60}, phase=phase)
    began = api.clock.now

    answer = sent(api)

    assert answer.status == 200
    assert (api.clock.now - began).total_seconds() >= 60


def test_a_clock_that_is_let_go_ends_a_delay(api: Api) -> None:
    asked(api, {"delay": 60})
    late = started(api)

    run_control(api, "PUT", "clock", json={"rate": 36_000})

    assert api.finish(late).status == 200


def test_what_is_late_can_be_seen_in_the_world_until_it_is_answered(api: Api) -> None:
    rule = asked(api, {"delay": 5})
    late = [started(api), started(api)]
    rung: list[int] = []
    api.world.add_listener(lambda: rung.append(len(api.world.delayed_answers)))

    seen = list(api.world.delayed_answers.values())
    passed(api, 5)
    for each in late:
        api.finish(each)

    due = api.clock.now
    assert seen == [DelayedResponse(due, CREATE, rule)] * 2
    assert api.world.delayed_answers == {}
    assert 0 in rung


def test_what_is_late_is_on_the_agenda_of_the_world(api: Api) -> None:
    asked(api, {"delay": 5}, operation="getUser")
    late = api.start("GET", USER)
    ran = run_control(api, "POST", "clock/advance", json={"seconds": 4})

    settled = run_control(api, "POST", "clock/settle", json={})

    (event,) = settled["events"]
    assert ran["pending"] == [event]
    assert (event["event"], event["operation"]) == ("delayed", "getUser")
    assert late.done()
    assert (api.clock.now - START).total_seconds() == 5


def test_an_operation_that_was_late_is_carried_out_when_time_has_passed(
    api: Api,
) -> None:
    asked(api, {"delay": 5})
    late = [started(api) for _ in range(3)]

    happened = passed(api, 5)

    assert happened.count("delayed") == 3
    assert campaigns(api) == 3
    assert all(each.done() for each in late)


def test_a_refusal_that_is_late_says_who_asked_for_it(api: Api) -> None:
    rule = asked(api, {"delay": 5})
    late = api.start("POST", SMS, json=make_order(SMS, route=999_999))
    run_control(api, "GET", "faults")

    passed(api, 5)
    answer = api.finish(late)

    assert answer.status == 422
    assert answer.headers["x-emulator-fault"] == rule
    assert api.world.delayed_answers == {}
    assert exchanges(api)[-1]["fault"] == rule


@pytest.mark.parametrize(("phase", "placed"), [("before", 0), ("after", 1)])
def test_who_hangs_up_while_the_answer_is_late_leaves_a_line_in_the_journal(
    api: Api, phase: str, placed: int
) -> None:
    rule = asked(api, {"delay": 5}, phase=phase)
    rung: list[int] = []
    api.world.add_listener(lambda: rung.append(len(api.world.delayed_answers)))

    api.send_and_hang_up("POST", SMS, make_order(SMS))

    assert rung == [0]
    (exchange,) = exchanges(api)
    assert (exchange["status"], exchange["fault"]) == (0, rule)
    assert campaigns(api) == placed


@pytest.mark.parametrize(
    "law", [{"uniform": [1, 600]}, {"lognormal": {"median": 9, "sigma": 0.8}}]
)
def test_two_worlds_with_one_seed_are_late_alike(
    make_api: MakeApi, law: dict[str, Any]
) -> None:
    def late(seed: int) -> list[DelayedResponse]:
        api = make_api(seed=seed)
        asked(api, {"delay": law}, probability=0.5)
        begun = [started(api) for _ in range(12)]
        held = list(api.world.delayed_answers.values())
        passed(api, 600)
        assert [api.finish(each).status for each in begun] == [200] * 12
        return held

    one = late(1)

    assert one == late(1)
    assert one != late(2)
    assert 0 < len(one) < 12
    assert len({each.due for each in one}) == len(one)


# --- Spoilt answers, in process --------------------------------------------------


@pytest.mark.parametrize("phase", ["before", "after"])
@pytest.mark.parametrize("manner", ["hang", "close", "reset"])
def test_where_there_is_no_connection_an_error_leaves_the_call(
    api: Api, manner: str, phase: str
) -> None:
    rule = asked(api, {"wire": manner}, phase=phase)

    with pytest.raises(ConnectionBroken, match=manner):
        sent(api)

    assert campaigns(api) == (phase == "after")
    (exchange,) = exchanges(api)
    assert (exchange["status"], exchange["fault"]) == (0, rule)


def test_half_an_answer_ends_in_an_error_where_there_is_no_connection(api: Api) -> None:
    asked(api, {"wire": "truncated"})

    with pytest.raises(ConnectionError, match="truncated"):
        sent(api)

    assert campaigns(api) == 1


@pytest.mark.parametrize("phase", ["before", "after"])
def test_an_answer_may_be_empty(api: Api, phase: str) -> None:
    asked(api, {"wire": "empty"}, phase=phase)

    answer = sent(api)

    assert (answer.status, answer.octets) == (200, b"")
    assert answer.headers["content-length"] == "0"
    assert campaigns(api) == (phase == "after")


@pytest.mark.parametrize("phase", ["before", "after"])
def test_a_body_may_be_no_json_whatever_the_headers_say(api: Api, phase: str) -> None:
    asked(api, {"wire": "not_json"}, phase=phase)

    answer = sent(api)

    assert answer.status == 200
    assert answer.headers["content-type"] == "application/json"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.octets)
    assert campaigns(api) == (phase == "after")


def test_the_right_body_may_have_the_wrong_content_type(api: Api) -> None:
    right = api.get(USER).octets
    asked(api, {"wire": "wrong_content_type"})

    answer = api.get(USER)

    assert answer.octets == right
    assert answer.headers["content-type"] == "text/html"


def test_a_drip_is_over_when_the_clock_says_so(api: Api) -> None:
    right = api.get(USER).octets
    rule = asked(api, {"wire": "drip", "seconds": 30})
    late = api.start("GET", USER)
    run_control(api, "GET", "faults")
    seen = list(api.world.delayed_answers.values())

    passed(api, 29)
    waits = not late.done()
    passed(api, 1)
    answer = api.finish(late)

    assert waits
    assert seen == [DelayedResponse(api.clock.now, "getUser", rule)]
    assert answer.octets == right
    assert api.world.delayed_answers == {}


@pytest.mark.parametrize("wire", ["drip; seconds=1", "truncated", "not_json"])
def test_a_listing_in_many_slices_is_spoilt_whole(api: Api, wire: str) -> None:
    numbers = [{"cellphone": str(4490000000 + index)} for index in range(3_000)]
    api.post(SMS, json=make_order(SMS, recipients=numbers))
    (campaign,) = api.world.campaigns
    path = f"{SMS}/{campaign}/messages"
    right = api.get(path).octets

    asking = api.start("GET", path, headers={"X-Emulator-Fault": f"wire={wire}"})
    for _ in range(100):  # every slice lets others in
        run_control(api, "GET", "clock")
    passed(api, 1)

    if wire == "truncated":
        with pytest.raises(ConnectionBroken):
            api.finish(asking)
    else:
        answer = api.finish(asking)
        assert (answer.octets == right) == wire.startswith("drip")
        assert answer.headers["content-length"] == str(len(answer.octets))


# --- Without any set-up ----------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "status", "placed"),
    [
        ("status=500; phase=after", 500, 1),
        ("status=503", 503, 0),
        ("  phase = before ;status=429;retry_after=7; ", 429, 0),
        ("refusal=INSUFFICIENT_BALANCE; status=200", 200, 0),
        ("refusal=INSUFFICIENT_BALANCE", 422, 0),
        ("wire=empty", 200, 0),
        ("wire=wrong_content_type", 200, 1),
        ("wire=not_json; phase=after", 200, 1),
    ],
)
def test_a_header_asks_for_a_fault_of_its_own(
    api: Api, wish: str, status: int, placed: int
) -> None:
    answer = sent(api, x_emulator_fault=wish)

    assert answer.status == status
    assert answer.headers["x-emulator-fault"] == "header"
    assert answer.headers.get("retry-after") == ("7" if status == 429 else None)
    assert campaigns(api) == placed
    assert exchanges(api)[-1]["fault"] == "header"
    assert sent(api).status == 200  # it was for that one call


def test_a_header_asks_for_a_late_answer(api: Api) -> None:
    headers = {"X-Emulator-Fault": "delay=2.5"}
    late = api.start("GET", USER, headers=headers)
    run_control(api, "GET", "faults")

    waits = not late.done()
    passed(api, 2.5)

    assert waits
    assert api.finish(late).headers["x-emulator-fault"] == "header"


def test_a_header_breaks_a_connection(api: Api) -> None:
    with pytest.raises(ConnectionBroken):
        sent(api, x_emulator_fault="wire=reset")


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 500, 503])
def test_a_preference_names_the_status(api: Api, status: int) -> None:
    answer = sent(api, prefer=f"code={status}")

    assert answer.status == status
    assert answer.body["error"]["status_code"] == status
    assert answer.headers["x-emulator-fault"] == "header"
    assert campaigns(api) == 0


@pytest.mark.parametrize(
    "preference",
    ["respond-async", "code=200", "code=99", "code=4222", "code=422, wait=1", "code="],
)
def test_any_other_preference_means_nothing(api: Api, preference: str) -> None:
    answer = sent(api, prefer=preference)

    assert answer.status == 200
    assert "x-emulator-fault" not in answer.headers


def test_the_header_counts_more_than_the_preference(api: Api) -> None:
    assert sent(api, prefer="code=422", x_emulator_fault="status=503").status == 503


@pytest.mark.parametrize(
    ("wish", "says"),
    [
        ("", "one of refusal, delay, wire, push, status"),
        ("phase=after", "one of refusal, delay, wire, push, status"),
        ("status", "a number from 200 to 599"),
        ("status=700", "a number from 200 to 599"),
        ("status=oops", "a number from 200 to 599"),
        ("status=500; status=501", "twice"),
        ("status=500; when=now", "not when"),
        ("status=500; phase=during", "before or after"),
        ("status=500; wire=close", "not with status"),
        ("refusal=NO_SUCH_FAULT", "a documented refusal"),
        ("retry_after=1", "one of refusal"),
        ("delay=601", "up to 600"),
        ("delay=1e3", "up to 600"),
        ("delay=-1", "up to 600"),
        ("wire=smoke", "hang, close"),
        ("wire=drip", "takes seconds"),
        ("wire=drip; seconds=0", "more than 0"),
        ("wire=truncated; phase=before", "say phase after"),
    ],
)
def test_a_header_that_makes_no_sense_is_refused(
    api: Api, wish: str, says: str
) -> None:
    answer = sent(api, x_emulator_fault=wish)

    assert answer.status == 422
    assert "X-Emulator-Fault" in answer.information
    assert says in answer.headers["x-emulator-why"]
    assert "x-emulator-fault" not in answer.headers
    assert campaigns(api) == 0


# No part of an answer in a line, or of HTTP.
LEFT_OUT = {"body", "headers", "push", "count", "command_status", "pdu"}


def test_the_words_of_the_header_are_those_of_an_effect() -> None:
    assert EFFECT.keys() - LEFT_OUT | {"phase"} == HEADER_WORDS.keys()


@pytest.mark.parametrize("content", [b"{", b"{}"])
def test_a_call_that_is_refused_earlier_is_not_struck_by_its_header(
    api: Api, content: bytes
) -> None:
    headers = {"X-Emulator-Fault": "status=503"}

    shapeless = api.post(SMS, content=content, headers=headers)
    stranger = api.post(SMS, json=make_order(SMS), token="nobody", headers=headers)

    assert shapeless.status in {400, 422}
    assert stranger.status == 401
    assert not api.worlds.counters.faults


def test_after_in_a_header_strikes_only_what_succeeds(api: Api) -> None:
    headers = {"X-Emulator-Fault": "status=503; phase=after"}

    answer = api.post(SMS, json=make_order(SMS, route=999_999), headers=headers)

    assert answer.status == 422
    assert "x-emulator-fault" not in answer.headers


@set_examples(30)
@given(
    st.integers(1, 4),
    st.sampled_from(["before", "after"]),
    st.lists(
        st.sampled_from(
            ["", "status=500", "status=500; phase=after", "wire=empty", "nonsense"]
        ),
        max_size=8,
    ),
)
def test_what_a_header_strikes_never_counts_for_a_rule(
    first: int, phase: str, wishes: list[str]
) -> None:
    api = make_emulator()
    asked(api, OOPS, first=first, phase=phase)

    statuses = [
        sent(api, **({"x_emulator_fault": wish} if wish else {})).status
        for wish in wishes
    ]
    (rule,) = run_control(api, "GET", "faults")
    api.close()

    plain = [status for status, wish in zip(statuses, wishes, strict=True) if not wish]
    assert plain == ([503] * first + [200] * len(plain))[: len(plain)]
    assert rule["matched"] == len(plain)
    assert rule["applied"] == min(first, len(plain))


def test_the_header_means_nothing_to_the_control_api(api: Api) -> None:
    headers = {"X-Emulator-Fault": "status=500", "Prefer": "code=422"}

    assert send_control(api, "GET", "clock", headers=headers).status == 200


# --- Faults that have a name -----------------------------------------------------


def named(api: Api, preset: str, **more: Any) -> dict[str, Any]:
    rule: dict[str, Any] = run_control(
        api, "POST", "faults", json={"preset": preset, **more}
    )
    return rule


def test_presets_are_listed_as_they_stand_in_their_file(api: Api) -> None:
    told = run_control(api, "GET", "fault-presets")

    assert {each["name"]: each["rule"] for each in told} == {
        name: preset["rule"] for name, preset in files.read_yaml(files.PRESETS).items()
    }
    assert all(each["description"].endswith(".") for each in told)


@pytest.mark.parametrize("preset", read_presets())
def test_a_preset_becomes_a_rule(api: Api, preset: str) -> None:
    rule = named(api, preset)

    assert rule["effect"] == read_presets()[preset]["rule"]["effect"]
    assert run_control(api, "GET", "faults") == [rule]


def test_a_preset_is_narrowed_by_what_is_sent_beside_it(api: Api) -> None:
    rule = named(api, "paid-but-500", operation="createVoiceCampaign", first=3)

    assert (rule["operation"], rule["first"]) == ("createVoiceCampaign", 3)
    assert rule["phase"] == "after"
    assert sent(api).status == 200


def test_paid_but_500(api: Api) -> None:
    before = api.balance()
    named(api, "paid-but-500")

    answers = [sent(api), sent(api)]

    assert [each.status for each in answers] == [500, 200]
    assert campaigns(api) == 2
    assert api.balance() < before


def test_rate_limited(api: Api) -> None:
    named(api, "rate-limited")

    answers = [api.get(USER) for _ in range(10)]

    assert [each.status for each in answers] == ([200] * 4 + [429]) * 2
    assert answers[4].headers["retry-after"] == "7"
    assert answers[4].body["error"]["status_code"] == 429


def test_flaky(api: Api) -> None:
    named(api, "flaky")

    statuses = [api.get(USER).status for _ in range(200)]

    assert set(statuses) == {200, 500}
    assert 10 <= statuses.count(500) <= 30


def test_slow(api: Api) -> None:
    named(api, "slow")
    late = [started(api) for _ in range(9)]

    placed = campaigns(api)
    dues = sorted(each.due for each in api.world.delayed_answers.values())
    passed(api, 600)

    assert placed == 9
    assert 0.1 < (dues[4] - START).total_seconds() < 2
    assert [api.finish(each).status for each in late] == [200] * 9


def test_outage(api: Api) -> None:
    named(api, "outage")

    answer = sent(api)

    assert answer.status == 503
    assert answer.headers["content-type"] == "text/html"
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.octets)


def test_no_credit(api: Api) -> None:
    named(api, "no-credit")

    assert sent(api).information == "Saldo insuficiente"
    assert api.get(USER).status == 200


def test_unauthorized(api: Api) -> None:
    named(api, "unauthorized")

    answer = api.get(USER)

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("preset", "placed"), [("black-hole", 0), ("reset-by-peer", 0), ("half-answer", 1)]
)
def test_connections_that_break_by_name(api: Api, preset: str, placed: int) -> None:
    named(api, preset)

    with pytest.raises(ConnectionBroken):
        sent(api)

    assert campaigns(api) == placed


# --- What is counted -------------------------------------------------------------


def test_the_process_counts_what_struck_by_operation(api: Api) -> None:
    asked(api, OOPS, every=2)

    for _ in range(4):
        api.get(USER)
    sent(api, x_emulator_fault="status=500; phase=after")

    assert api.worlds.counters.faults == {"getUser": 2, CREATE: 1}


def test_every_documented_refusal_can_be_asked_for_by_a_header(api: Api) -> None:
    for name in EFFECT["refusal"]["enum"]:
        answer = sent(api, x_emulator_fault=f"refusal={name}")
        assert answer.status == REASONS[name].status
        assert answer.headers["x-emulator-why"] == "the fault header asked for it"
