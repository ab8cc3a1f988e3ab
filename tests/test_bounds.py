"""Every number, instant and duration that comes in from outside has its bounds."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import is_dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Annotated, Any, get_args, get_origin, get_type_hints

import click
import pytest

from emulator import files
from emulator.command.main import serve_command
from emulator.domain.bounds import (
    LAST_INSTANT,
    MAX_INTEGER,
    MAX_INTERVAL_SECONDS,
    MAX_RETRY_SCALE,
    MAX_SECONDS,
    find_bounds,
)
from emulator.domain.recipients import Column, Recipients
from emulator.timekeeping.clock import Clock, MachineClock
from emulator.world import state
from emulator.world.containers import ThingsField
from tests.support.emulator import (
    Api,
    make_emulator,
    make_limited_emulator,
    read_control,
    run_control,
    send_control,
)
from tests.support.orders import NUMBER, SMS, make_sms
from tests.test_hostile_documents import visit_everything

LAST_SECOND = "8999-12-31T23:59:59Z"
BOUNDED = (int, float, datetime, timedelta)
# Of these the words, not the numbers, are kept; or a reader of its own looks at them.
READ_OTHERWISE = {Recipients, Column}


def unbounded_fields(kind: Any, where: str) -> Iterator[str]:
    """Yield the fields of a kind that is kept which have no bounds."""
    if kind in READ_OTHERWISE:
        return
    if get_origin(kind) is Annotated:
        if find_bounds(kind) is None:
            yield where
        return
    for part in get_args(kind):
        yield from unbounded_fields(part, where)
    if kind in BOUNDED:
        yield f"{where}: {kind.__name__}"
    if is_dataclass(kind) or hasattr(kind, "_fields"):
        for name, hint in get_type_hints(kind, include_extras=True).items():
            yield from unbounded_fields(hint, f"{where}.{name}")


def test_everything_that_is_kept_has_bounds() -> None:
    kinds = [
        (name, change)
        for name, kind in state.STATE_FIELDS.items()
        if isinstance(kind, ThingsField)
        for change in kind.change_types[:1]
    ]
    found = [each for name, kind in kinds for each in unbounded_fields(kind, name)]

    assert [each for each in found if "parameters" not in each] == []  # it has its own
    assert len(kinds) >= 10


def numbers_of(schema: Any, path: str, seen: set[str], tree: Any) -> Iterator[str]:
    """Yield where a schema, references followed, takes a number of any size."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if not isinstance(schema, dict):
        return
    reference = schema.get("$ref")
    if isinstance(reference, str):
        if reference not in seen:
            seen.add(reference)
            yield from numbers_of(resolved(tree, reference), reference, seen, tree)
        return
    kinds = schema.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum")
    if kinds & {"integer", "number"} and not {"enum", "const"} & schema.keys():
        if low is None or high is None:
            yield f"{path}: no bounds"
        elif max(abs(low), abs(high)) > MAX_INTEGER and "seed" not in path:
            yield f"{path}: beyond what JSON carries exactly"
    for name, each in schema.items():
        if name != "example":
            yield from numbers_of(each, f"{path}/{name}", seen, tree)


def resolved(tree: Any, reference: str) -> Any:
    for step in reference.split("/")[1:]:
        tree = tree[step.replace("~1", "/")]
    return tree


def test_every_number_in_a_world_file_has_bounds() -> None:
    schema = files.read_cached_yaml(files.WORLD_SCHEMA)

    assert [*numbers_of(schema, "", set(), schema)] == []
    defined, pace = schema["$defs"], schema["properties"]["pace"]["oneOf"][1]
    assert defined["id"]["maximum"] == MAX_INTEGER
    assert defined["seconds"]["maximum"] == MAX_SECONDS
    assert defined["interval"]["maximum"] == MAX_INTERVAL_SECONDS
    assert pace["properties"]["retry_scale"]["maximum"] == MAX_RETRY_SCALE


def test_every_number_that_a_command_takes_has_bounds() -> None:
    tree = read_control().document.tree
    asked = [
        part
        for item in tree["paths"].values()
        for each in (item, *item.values())
        if isinstance(each, dict)
        for part in (each.get("parameters"), each.get("requestBody"))
    ]

    assert [*numbers_of(asked, "", set(), tree)] == []


def test_every_number_among_the_settings_has_bounds() -> None:
    numbers = (click.types.IntParamType, click.types.FloatParamType)
    found = [each for each in serve_command.params if isinstance(each.type, numbers)]

    assert len(found) >= 15
    for each in found:
        kind: Any = each.type
        assert isinstance(kind, click.IntRange | click.FloatRange), each.name
        assert None not in {kind.min, kind.max}, each.name


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("seed", "99999999999999999999"),
        ("seed", str(-(2**63) - 1)),
        ("push_timeout", "nan"),
        ("push_timeout", "inf"),
        ("push_timeout", "1e400"),
        ("mo_url", "http://[::1"),
        ("mo_url", "http://a:b/"),
        ("mo_url", "http://:80/"),
        ("mo_url", "http://a b/"),
        ("max_messages", str(2**64)),
        ("body_limit", str(10**30)),
        ("json_node_limit", "0"),
    ],
)
def test_a_setting_out_of_bounds_is_refused(setting: str, value: str) -> None:
    (option,) = (each for each in serve_command.params if each.name == setting)
    context = click.Context(serve_command)

    with pytest.raises(click.BadParameter):
        option.type_cast_value(context, value)


# --- The end of time -------------------------------------------------------------


@pytest.fixture
def late() -> Iterator[Api]:
    """Return a world whose clock stands still in the last second that there is."""
    with closing(make_emulator(clock=LAST_SECOND)) as api:
        assert api.post(SMS, json=make_sms()).status == 200
        yield api


def test_everything_answers_in_the_last_second(late: Api) -> None:
    found = {path: each.status for path, each in visit_everything(late, "demo")}

    assert not [path for path, status in found.items() if status >= 500]
    assert found["clock/advance"] == 422


@pytest.mark.parametrize("body", [{"seconds": 1}, {"to": "8999-12-31T23:59:59-01:00"}])
def test_the_clock_is_not_advanced_beyond_its_last_instant(
    late: Api, body: Any
) -> None:
    answer = send_control(late, "POST", "clock/advance", json=body)

    assert answer.status == 422
    assert run_control(late, "GET", "clock")["now"] == "8999-12-31T23:59:59.000000Z"


def test_what_is_ahead_of_the_end_is_settled_and_the_rest_is_not(late: Api) -> None:
    run_control(late, "POST", "clock/settle", json={"seconds": 300_000_000_000})

    assert run_control(late, "GET", "clock")["now"] < "9000"


def test_a_clock_that_has_ended_does_not_run_on(late: Api) -> None:
    run_control(late, "POST", "clock/advance", json={"seconds": 0.999999})

    assert send_control(late, "PUT", "clock", json={"rate": 1}).status == 422
    assert run_control(late, "PUT", "clock", json={"rate": 0})["rate"] == 0


@pytest.mark.parametrize("rate", [1.0, 1_000_000.0])
def test_a_clock_that_runs_stops_at_its_last_instant(
    rate: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    passed = iter([0, 0, 10**9])
    now = datetime(2026, 1, 1, tzinfo=LAST_INSTANT.tzinfo)
    machine = MachineClock(lambda: now, partial(next, passed, 20_001 * 86_400 * 10**9))
    monkeypatch.setattr("emulator.timekeeping.clock._machine", machine)
    clock = Clock(at=LAST_INSTANT - timedelta(days=1), rate=rate)

    assert [clock.now() for _ in range(3)][-1] == LAST_INSTANT
    clock.advance(timedelta(days=10**6))
    assert clock.now() == LAST_INSTANT


def test_a_balance_stays_within_what_json_can_say(late: Api) -> None:
    most = {"amount": 9_007_199_254}
    assert send_control(late, "POST", "movements", json=most).status == 422
    assert send_control(late, "POST", "movements", json={"amount": 9e9}).status == 200

    assert send_control(late, "POST", "movements", json=most).status == 422
    assert late.get("/api/v1/user").status == 200


def test_what_comes_in_by_itself_is_bounded_as_messages_are() -> None:

    with closing(make_limited_emulator(messages=3)) as api:
        assert api.post(SMS, json=make_sms()).status == 200
        run_control(api, "POST", "clock/advance", json={"seconds": 60})
        text = {"number": NUMBER, "text": "si"}
        told = [send_control(api, "POST", "inbound", json=text) for _ in range(5)]
        assert told[0].status == 200
        assert told[-1].status == 422
        assert told[-1].body["detail"] == (
            "the world holds 3 clicks, movements and texts (--max-messages); "
            "reset it, or use another"
        )
        assert send_control(api, "POST", "movements", json={"amount": 1}).status == 422
