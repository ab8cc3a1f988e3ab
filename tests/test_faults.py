"""Faults that a test asks for: which calls, when, in which phase, and what."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from math import exp, isfinite
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from emulator.domain.chance import draw_fraction
from emulator.faults import (
    CallFacts,
    CallFilter,
    FaultPhase,
    FaultPlace,
    FaultRule,
    StrikeSchedule,
    find_striking_rule,
)
from emulator.faults.effects.delay import Delay, LognormalDelay, UniformDelay
from tests.support.emulator import (
    START,
    Answer,
    Api,
    run_control,
    send_control,
    set_examples,
)
from tests.support.orders import SMS, make_order

USER = "/api/v1/user"
CREATE = "createCampaign"
OOPS = {"status": 503, "body": {"oops": True}}
COUNTS = st.integers(1, 12)
ALWAYS = set_examples()


def facts(now: datetime = START, **changes: Any) -> CallFacts:
    plain = CallFacts(CREATE, FaultPhase.BEFORE, "demo", ["4498987282"], {}, {}, now)
    return plain._replace(**changes)


def tried(
    rules: Sequence[FaultRule], facts: CallFacts, *, seed: int
) -> tuple[FaultRule | None, tuple[FaultRule, ...]]:
    return find_striking_rule(rules, facts, place=FaultPlace.HTTP_REQUEST, seed=seed)


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def struck(rule: FaultRule, calls: int, *, seed: int = 1) -> list[int]:
    """Return which of so many calls the rule strikes, counted from 1."""
    rules: tuple[FaultRule, ...] = (rule,)
    found = []
    for number in range(1, calls + 1):
        hit, rules = tried(rules, facts(), seed=seed)
        if hit is not None:
            found.append(number)
    assert rules[0].matched == calls
    assert rules[0].applied == len(found)
    return found


def a_rule(**when: Any) -> FaultRule:
    return FaultRule("f1", Delay(0), when=StrikeSchedule(**when))


def asked(api: Api, effect: dict[str, Any], **rule: Any) -> str:
    """Ask for a fault and return the id of its rule."""
    added = run_control(api, "POST", "faults", json={"effect": effect, **rule})
    return str(added["id"])


def sent(api: Api, **changes: Any) -> Answer:
    return api.post(SMS, json=make_order(SMS, **changes))


# --- The engine --------------------------------------------------------------


@ALWAYS
@given(COUNTS, COUNTS)
def test_the_first_n_are_struck(n: int, calls: int) -> None:
    assert struck(a_rule(first=n), calls) == list(range(1, min(n, calls) + 1))


@ALWAYS
@given(COUNTS, COUNTS)
def test_only_the_nth_is_struck(n: int, calls: int) -> None:
    assert struck(a_rule(nth=n), calls) == [n][: calls >= n]


@ALWAYS
@given(COUNTS, COUNTS)
def test_every_nth_is_struck(n: int, calls: int) -> None:
    assert struck(a_rule(every=n), calls) == list(range(n, calls + 1, n))


@ALWAYS
@given(st.floats(0, 1), st.integers(0, 2**32), COUNTS)
def test_chance_is_drawn_from_the_seed(chance: float, seed: int, calls: int) -> None:
    expected = [
        n for n in range(1, calls + 1) if draw_fraction(seed, "fault f1", n) < chance
    ]

    assert struck(a_rule(probability=chance), calls, seed=seed) == expected


@ALWAYS
@given(st.integers(-5, 5), st.integers(-5, 5), st.integers(-5, 5))
def test_a_window_holds_its_beginning_and_not_its_end(
    start: int, end: int, now: int
) -> None:
    at = [START + timedelta(seconds=each) for each in (start, end, now)]
    rule = a_rule(start=at[0], end=at[1])

    hit, _ = tried([rule], facts(at[2]), seed=1)

    assert (hit is not None) == (start <= now < end)


@ALWAYS
@given(st.lists(st.tuples(COUNTS, st.sampled_from(FaultPhase)), max_size=4), COUNTS)
def test_at_most_one_strikes_and_the_ones_after_it_do_not_count(
    kinds: list[tuple[int, FaultPhase]], calls: int
) -> None:
    rules = tuple(
        replace(a_rule(first=first), id=f"f{index}", phase=phase)
        for index, (first, phase) in enumerate(kinds)
    )
    for _ in range(calls):
        before = rules
        hit, rules = tried(rules, facts(), seed=1)
        counted = [
            new.matched - old.matched for new, old in zip(rules, before, strict=True)
        ]
        mine = [rule.phase is FaultPhase.BEFORE for rule in rules]
        last = rules.index(hit) if hit else len(rules) - 1
        assert counted == [
            int(each and index <= last) for index, each in enumerate(mine)
        ]
        assert sum(rule.applied for rule in rules) == sum(
            rule.applied for rule in before
        ) + (hit is not None)


@pytest.mark.parametrize(
    ("which", "met"),
    [
        (CallFilter(), True),
        (CallFilter(operation=CREATE), True),
        (CallFilter(operation="getUser"), False),
        (CallFilter(token="demo"), True),
        (CallFilter(token="other"), False),
        (CallFilter(number="4498987282"), True),
        (CallFilter(number="7282"), True),
        (CallFilter(number="4498"), False),
        (CallFilter(body={"recipients.0.name": "Ana"}), True),
        (CallFilter(body={"recipients.1.name": "Ana"}), False),
        (CallFilter(body={"route": 87}), True),
        (CallFilter(body={"route": 77}), False),
        (CallFilter(body={"text.deep": None}), True),
        (CallFilter(headers={"X-Run": "7"}), True),
        (CallFilter(headers={"X-Run": "8"}), False),
    ],
)
def test_a_rule_meets_the_calls_it_describes(which: CallFilter, *, met: bool) -> None:
    body = {"route": 87, "text": "hola", "recipients": [{"name": "Ana"}]}

    assert which.matches(facts(body=body, headers={"x-run": "7"})) is met


@ALWAYS
@given(st.floats(0, 600), st.floats(0, 600), st.integers(0, 2**32), COUNTS)
def test_a_uniform_delay_lies_between_its_bounds(
    one: float, other: float, seed: int, number: int
) -> None:
    low, high = sorted((one, other))
    delay = Delay(UniformDelay(low, high))

    late = delay.draw_delay(seed, "f1", number)

    assert seconds(low) <= late <= seconds(high)
    assert late == delay.draw_delay(seed, "f1", number)


@ALWAYS
@given(st.floats(0, 600), st.floats(0, 10), st.integers(0, 2**32), COUNTS)
def test_a_lognormal_delay_is_never_over_ten_minutes(
    median: float, sigma: float, seed: int, number: int
) -> None:
    delay = Delay(LognormalDelay(median, sigma))

    late = delay.draw_delay(seed, "f1", number)

    assert timedelta() <= late <= timedelta(minutes=10)
    assert late == delay.draw_delay(seed, "f1", number)


def test_a_lognormal_delay_has_its_median_and_its_spread() -> None:
    delay = Delay(LognormalDelay(0.5, 0.8))

    drawn = sorted(delay.draw_delay(1, "f1", number) for number in range(10_000))

    # The quantiles of the law: median * exp(sigma * z), for z of -1, 0 and 1.
    for quantile, z in ((0.1587, -1), (0.5, 0), (0.8413, 1)):
        expected = 0.5 * exp(0.8 * z)
        found = drawn[int(quantile * len(drawn))].total_seconds()
        assert abs(found / expected - 1) < 0.05


@pytest.mark.parametrize("chance", [0.0, 1.0])
def test_a_lognormal_delay_knows_the_ends_of_chance(chance: float) -> None:
    assert isfinite(LognormalDelay(600, 10).to_seconds(chance, 0))


@ALWAYS
@given(st.integers(0, 2**32), COUNTS)
def test_delays_differ_by_seed_rule_and_number(seed: int, number: int) -> None:
    delay = Delay(UniformDelay(0, 600))

    drawn = {
        delay.draw_delay(seed, "f1", number),
        delay.draw_delay(seed, "f1", number + 1),
        delay.draw_delay(seed + 1, "f1", number),
        delay.draw_delay(seed, "f2", number),
    }

    assert len(drawn) == 4


# --- On the wire -------------------------------------------------------------


def test_a_fault_before_the_operation_spares_it(api: Api) -> None:
    rule = asked(api, OOPS, operation=CREATE, first=1)

    answer = sent(api)

    assert (answer.status, answer.body) == (503, {"oops": True})
    assert answer.headers["x-emulator-fault"] == rule
    assert api.world.campaigns == {}
    assert api.world.movements == []
    assert sent(api).status == 200


def test_a_fault_after_the_operation_leaves_it_done_and_paid(api: Api) -> None:
    asked(api, OOPS, operation=CREATE, phase="after", first=1)

    answer = sent(api)

    assert answer.status == 503
    assert len(api.world.campaigns) == len(api.world.movements) == 1


def test_after_strikes_only_what_succeeded(api: Api) -> None:
    asked(api, OOPS, phase="after", first=1)

    assert sent(api, route=999_999).status == 422
    assert sent(api).status == 503


@pytest.mark.parametrize("content", [b"{", b"{}"])
def test_a_call_that_is_refused_earlier_never_counts(api: Api, content: bytes) -> None:
    asked(api, OOPS, first=1)

    assert api.post(SMS, content=content).status in {400, 422}
    assert api.post(SMS, json=make_order(SMS), token="nobody").status == 401
    assert run_control(api, "GET", "faults")[0]["matched"] == 0
    assert sent(api).status == 503


@pytest.mark.parametrize(
    ("reason", "status"),
    [("INSUFFICIENT_BALANCE", 422), ("SERVER_ERROR", 500), ("TOO_LONG", 422)],
)
def test_a_documented_refusal_can_be_asked_for(
    api: Api, reason: str, status: int
) -> None:
    rule = asked(api, {"refusal": reason})

    answer = sent(api)

    assert answer.status == status
    assert answer.body["error"]["status_code"] == status
    assert rule in answer.headers["x-emulator-why"]


def test_an_error_may_come_as_a_success(api: Api) -> None:
    asked(api, {"refusal": "INSUFFICIENT_BALANCE", "status": 200})

    answer = sent(api)

    assert answer.status == 200
    assert answer.body["error"]["status_code"] == 422
    assert answer.information == "Saldo insuficiente"


@pytest.mark.parametrize(
    ("status", "sentence"),
    [
        (400, "La peticion no contiene un JSON valido"),
        (401, "No autenticado"),
        (404, "La ruta especificada no existe"),
        (422, "El campo ... es obligatorio"),
        (429, "Too Many Requests"),
        (500, "Error del servidor, intente mas tarde"),
        (599, "Internal Server Error"),
    ],
)
def test_a_status_alone_comes_in_the_platforms_envelope(
    api: Api, status: int, sentence: str
) -> None:
    asked(api, {"status": status, "retry_after": 7, "headers": {"X-Cache": "miss"}})

    answer = sent(api)

    detail = {"information": sentence, "status_code": status}
    assert (answer.status, answer.body) == (status, {"error": detail})
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["x-cache"] == "miss"


def test_a_status_without_a_body_has_none(api: Api) -> None:
    asked(api, {"status": 204})

    answer = sent(api)

    assert (answer.status, answer.octets) == (204, b"")


def test_an_answer_may_be_anything(api: Api) -> None:
    headers = {"Retry-After": "7", "Content-Type": "text/html"}
    asked(api, {"status": 429, "body": "<h1>slow</h1>", "headers": headers})

    answer = api.get(USER)

    assert (answer.status, answer.octets) == (429, b"<h1>slow</h1>")
    assert answer.headers["retry-after"] == "7"
    assert answer.headers["content-type"] == "text/html"


def test_a_rule_may_mean_a_number(api: Api) -> None:
    asked(api, OOPS, number="0001")

    assert sent(api, recipients=[{"cellphone": "4498980001"}]).status == 503
    assert sent(api, recipients=[{"cellphone": 4498980002}]).status == 200
    assert api.get("/api/v3/hlr/5500000001").status == 503


def test_rules_are_of_one_world_only(api: Api) -> None:
    asked(api, OOPS)

    assert api.get(USER, token="world-b").status == 200


def test_a_rule_that_is_switched_off_keeps_its_place_and_its_counts(api: Api) -> None:
    first = asked(api, OOPS, operation="getUser")
    asked(api, {"status": 418}, operation="getUser")
    api.get(USER)

    told = run_control(api, "PATCH", f"faults/{first}", json={"disabled": True})

    assert (told["matched"], told["applied"], told["disabled"]) == (1, 1, True)
    assert api.get(USER).status == 418
    kept = run_control(api, "GET", "world/snapshot")
    run_control(api, "POST", "world/restore", json=kept)
    assert api.get(USER).status == 418
    told = run_control(api, "PATCH", f"faults/{first}", json={"disabled": False})
    assert "disabled" not in told
    assert api.get(USER).status == 503
    assert [each["matched"] for each in run_control(api, "GET", "faults")] == [2, 2]


def test_rules_are_listed_with_their_strikes_and_removed(api: Api) -> None:
    first = asked(api, OOPS, operation="getUser", first=1)
    second = asked(api, {"delay": 0}, every=2, number="7282")
    api.get(USER)

    told = run_control(api, "GET", "faults")

    assert [(each["id"], each["matched"], each["applied"]) for each in told] == [
        (first, 1, 1),
        (second, 0, 0),
    ]
    run_control(api, "DELETE", f"faults/{first}")
    assert send_control(api, "DELETE", f"faults/{first}").status == 404
    assert (
        send_control(api, "PATCH", f"faults/{first}", json={"disabled": True}).status
        == 404
    )
    run_control(api, "DELETE", "faults")
    assert run_control(api, "GET", "faults") == []


def test_the_journal_names_the_rule_that_struck(api: Api) -> None:
    rule = asked(api, OOPS, first=1)
    api.get(USER)
    api.get(USER)

    exchanges = run_control(api, "GET", "journal")["exchanges"]

    assert [each["fault"] for each in exchanges] == [rule, ""]


def test_no_fault_strikes_who_commands_them(api: Api) -> None:
    asked(api, OOPS)

    assert send_control(api, "GET", "clock").status == 200


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"effect": {}},
        {"effect": {"refusal": "NOTHING"}},
        {"effect": {"status": 99}},
        {"effect": OOPS, "first": 0},
        {"effect": OOPS, "probability": 1.5},
        {"effect": OOPS, "phase": "between"},
        {"effect": OOPS, "from": "2026-02-30T00:00:00Z"},
        {"effect": {"status": 500, "headers": {"a\nb": "c"}}},
        {"effect": {"status": 429, "retry_after": -1}},
        {"effect": {"delay": 601}},
        {"effect": {"delay": {"uniform": [1]}}},
        {"effect": {"delay": {"uniform": [1, 2], "lognormal": {}}}},
        {"effect": {"delay": {"lognormal": {"median": 1}}}},
        {"effect": {"wire": "smoke"}},
    ],
)
def test_a_rule_that_makes_no_sense_is_a_problem(api: Api, body: Any) -> None:
    assert send_control(api, "POST", "faults", json=body).status == 422
    assert run_control(api, "GET", "faults") == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"effect": {}}, "one of refusal, delay, wire, push, status"),
        ({"effect": {"status": 500, "delay": 1}}, "delay goes with nothing"),
        ({"effect": {"wire": "close", "status": 500}}, "not with status"),
        ({"effect": {"refusal": "REQUIRED", "body": {}}}, "not with body"),
        ({"effect": {"status": 500, "sattus": 1}}, "not with sattus"),
        ({"effect": {"delay": {"uniform": [3, 1]}}}, "3 is more than 1"),
        ({"effect": {"wire": "drip"}}, "drip takes seconds"),
        ({"effect": {"wire": "close", "seconds": 1}}, "and no other"),
        ({"effect": {"wire": "truncated"}, "phase": "before"}, "say phase after"),
        ({"effect": {"wire": "drip", "seconds": 1}, "phase": "before"}, "phase after"),
        ({"preset": "earthquake"}, "paid-but-500"),
        ({"preset": "flaky", "effect": OOPS}, "leave one of the two out"),
        ({"preset": "flaky", "phase": "after"}, "leave one of the two out"),
    ],
)
def test_a_rule_that_contradicts_itself_is_told_where(
    api: Api, body: Any, says: str
) -> None:
    problem = send_control(api, "POST", "faults", json=body)

    assert problem.status == 422
    assert says in problem.body["detail"]
    assert run_control(api, "GET", "faults") == []


@pytest.mark.parametrize(
    "effect",
    [
        {"refusal": "INSUFFICIENT_BALANCE"},
        {"refusal": "INSUFFICIENT_BALANCE", "status": 200, "retry_after": 0},
        {"status": 204},
        {"status": 500, "body": None},
        {"status": 429, "body": {"a": []}, "headers": {"A": "b"}, "retry_after": 7},
        {"delay": 0},
        {"delay": {"uniform": [1, 3.5]}},
        {"delay": {"lognormal": {"median": 0.5, "sigma": 0.8}}},
        {"wire": "reset"},
        {"wire": "drip", "seconds": 2.5},
    ],
)
def test_a_rule_is_listed_as_it_was_asked_for(api: Api, effect: dict[str, Any]) -> None:
    asked(api, effect)

    (told,) = run_control(api, "GET", "faults")

    assert told["effect"] == effect
    assert told["phase"] == ("after" if "seconds" in effect else "before")


def test_a_fork_has_the_faults_of_its_world(api: Api) -> None:
    asked(api, OOPS, first=1)

    run_control(api, "POST", "world/fork", json={"name": "b"})

    assert api.get(USER, token="world-b").status == 503
    assert api.get(USER).status == 503
