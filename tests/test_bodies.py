"""What a body may cost: counted before it is parsed, parsed and checked in pieces."""

import asyncio
import json
import random
import re
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.contract import large_body
from emulator.contract.shape import BodyMismatch
from emulator.domain.refusals import Refusal
from emulator.web import body_bounds
from emulator.web.body_bounds import BodyBounds, BodyShare, JsonMarks
from tests.support.emulator import Api, make_emulator, read_contract, set_examples
from tests.support.orders import EMAIL, SMS, VOICE, make_order, make_sms

MEBIBYTE = 1024 * 1024
ROW = {"cellphone": "4498987282"}

texts = st.text(st.sampled_from('a,:{}[]"\\é\U0001f600 \n'), max_size=6)
leaves = st.none() | st.booleans() | st.integers() | texts
documents = st.recursive(
    leaves,
    lambda inner: (
        st.lists(inner, max_size=9) | st.dictionaries(texts, inner, max_size=5)
    ),
    max_leaves=60,
)


@pytest.fixture
def in_small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have even a small document be taken apart."""
    monkeypatch.setattr(body_bounds, "PIECE", 16)
    monkeypatch.setattr(body_bounds, "SCANNED", 7)


def parsed(octets: bytes, *, in_steps: bool) -> Any:
    """Return what is parsed, and whether it is JSON at all."""
    try:
        if in_steps:
            return True, asyncio.run(body_bounds.parse_in_steps(octets))
        return True, msgspec.json.decode(octets)
    except (ValueError, RecursionError):
        return False, None


@pytest.mark.property
@pytest.mark.usefixtures("in_small_pieces")
@pytest.mark.parametrize("spoilt", [False, True])
def test_what_is_parsed_in_steps_is_what_is_parsed_at_once(spoilt: bool) -> None:  # noqa: FBT001
    seen = set()

    @set_examples(150)
    @given(documents, st.randoms(use_true_random=False), st.sampled_from([None, 1]))
    def agree(document: Any, drawn: random.Random, indent: int | None) -> None:
        octets = bytearray(json.dumps(document, indent=indent).encode())
        if spoilt:
            at = drawn.randrange(len(octets))
            octets[at : at + 1] = drawn.choice([b",", b"]", b"}", b'"', b"", b"["])
        found = parsed(bytes(octets), in_steps=True)
        assert found == parsed(bytes(octets), in_steps=False)
        seen.add(found[0])

    agree()
    assert seen == ({True, False} if spoilt else {True})


def marks_of(node: Any) -> Iterator[str]:
    """Yield the marks that stand outside of the strings of a document."""
    if isinstance(node, str):
        yield from '""'
    elif isinstance(node, list):
        yield "["
        yield from "," * (len(node) - 1)
        for each in node:
            yield from marks_of(each)
    elif isinstance(node, dict):
        yield "{"
        yield from "," * (len(node) - 1)
        for each in node.values():
            yield from ':""'
            yield from marks_of(each)


@pytest.mark.property
@pytest.mark.usefixtures("in_small_pieces")
def test_marks_in_strings_are_not_counted() -> None:
    @set_examples(150)
    @given(documents)
    def agree(document: Any) -> None:
        octets, found = json.dumps(document).encode(), JsonMarks()
        for each in body_bounds.count_outside_strings(octets):
            found.add(each)
        known = [*marks_of(document)]
        counted = found.objects, found.arrays, found.colons, found.commas, found.quotes
        assert counted == tuple(known.count(each) for each in '{[:,"')

    agree()


DENSE = {
    "empty objects": b"{}",
    "empty arrays": b"[]",
    "small objects": b'{"a":1}',
    "deep arrays": b"[[[[]]]]",
    "short texts": b'"ab"',
    "texts of wide letters": '"é\U0001f600"'.encode(),
    "numbers": b"300",
    "recipients": b'{"cellphone":"4498987282"}',
    "recipients as numbers": b'{"cellphone":4498987282}',
    "names": b'{"name":"Guadalupe","cellphone":"4498987282","field1":"x"}',
}
REFUSED = {"empty objects", "empty arrays", "small objects", "deep arrays"}


def listed(item: bytes, size: int) -> bytes:
    count = size // (len(item) + 1)
    return b'{"text":"hola","recipients":[' + b",".join([item] * count) + b"]}"


@pytest.mark.parametrize("what", DENSE)
@pytest.mark.parametrize("size", [MEBIBYTE // 2, 5 * MEBIBYTE])
def test_a_body_takes_at_most_twelve_times_its_size(what: str, size: int) -> None:
    octets = listed(DENSE[what], size)
    tracemalloc.start()
    try:
        asyncio.run(body_bounds.parse_body(octets, BodyBounds()))
        refused = False
    except Refusal as refusal:
        refused = refusal.reason.name == "TOO_MANY_NODES"
    finally:
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()

    assert peak <= 11 * len(octets)  # beside the body itself
    assert refused or what not in REFUSED
    assert not (refused and what in {"recipients", "names"})


@pytest.mark.parametrize(("nodes", "status"), [(1_500, 413), (1_520, 422)])
def test_a_body_of_too_many_values_is_refused(nodes: int, status: int) -> None:
    bounds = BodyBounds(nodes)
    with closing(bounded(bounds)) as api:
        rows = [ROW] * 499 + [{"cellphone": ",,,,[[[["}]  # commas in a text are none
        answer = api.post(SMS, json=make_sms(recipients=rows))

    assert answer.status == status
    assert bounds.in_work == 0
    if status == 413:
        assert re.sub("about [0-9]+", "about 1", answer.headers["x-emulator-why"]) == (
            "it holds about 1 values and names; the setting json_node_limit admits "
            "1500, and of small values fewer"
        )


def test_an_ordinary_campaign_of_50_000_is_taken(api: Api) -> None:
    rows = [{**ROW, "name": "Ana", "field1": "1"}] * 50_000

    assert api.post(SMS, json=make_sms(recipients=rows)).status == 200


# --- All that is in work at once -------------------------------------------------


def bounded(bounds: BodyBounds) -> Api:
    """Return a world in a process with such bounds for bodies."""
    api = make_emulator()
    for paths in api.app.paths._endpoints.values():  # type: ignore[attr-defined]  # noqa: SLF001
        paths._api.body_bounds = bounds  # noqa: SLF001
    return api


def test_what_is_over_the_total_is_told_to_come_again() -> None:
    bounds = BodyBounds(total=100)
    others = BodyShare(bounds)
    others.take(60)
    with closing(bounded(bounds)) as api:
        answer = api.post(SMS, json=make_sms())
        assert answer.status == 503
        assert answer.headers["retry-after"] == "1"
        assert answer.headers["x-emulator-why"] == (
            "the bodies of other requests are being worked on; this is no fault rule. "
            "Ask again in 1 s (--body-total-limit)"
        )
        assert "x-emulator-fault" not in answer.headers
        assert bounds.in_work == 60

        others.release()
        assert api.post(SMS, json=make_sms()).status == 200
        assert bounds.in_work == 0


def test_a_single_body_may_be_larger_than_the_total() -> None:
    bounds = BodyBounds(total=10)
    with closing(bounded(bounds)) as api:
        assert api.post(SMS, json=make_sms()).status == 200


@pytest.mark.parametrize("body", [b"", b"{", b'{"text": 1}', b"x" * 70_000])
def test_what_was_taken_is_given_back_whatever_comes_of_it(body: bytes) -> None:
    bounds = BodyBounds()
    with closing(bounded(bounds)) as api:
        assert api.send("POST", SMS, content=body).status in {400, 422}
        assert bounds.in_work == 0


# --- A large body means what a small one means -----------------------------------

WRONG: list[Any] = [
    {},
    {"cellphone": 5},
    {"cellphone": "x"},
    [],
    None,
    {**ROW, "name": 7},
    {**ROW, "unknown": {"deep": [1] * 300}},
    {**ROW, **{f"x{index}": index for index in range(300)}},
]


def verdict(path: str, body: Any, closed: frozenset[str], size: int) -> Any:
    operation = read_contract().group_by_path()[path]["POST"]
    assert operation.body_shape is not None
    try:
        reading = operation.body_shape.read_body(body, closed, size=size)
    except BodyMismatch as mismatch:
        return mismatch.flaw
    return reading.body, sorted(reading.notes)


@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("at", [None, 0, 1, 29, 30, 31, 74])
@pytest.mark.parametrize("path", [SMS, VOICE, EMAIL])
def test_a_mistake_in_a_large_body_is_named_as_in_a_small_one(
    path: str,
    at: int | None,
    strict: bool,  # noqa: FBT001
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(large_body.slice_body, "__defaults__", (30,))
    first = make_order(path)["recipients"][0]
    closed = frozenset({"SMS-05", "SMS-07", "GEN-11"}) if strict else frozenset()
    for wrong in WRONG:
        rows = [first] * 75
        if at is not None:
            rows[at] = {**wrong, "email": 5} if path == EMAIL and wrong else wrong
        body = make_order(path, recipients=rows)
        small = verdict(path, body, closed, 0)
        assert verdict(path, body, closed, large_body.LARGE + 1) == small


@pytest.mark.parametrize(
    "change",
    [
        {"text": None},
        {"text": 5},
        {"text": ["x"] * 2_000},
        {"recipients": {f"x{index}": index for index in range(2_000)}},
        {"unknown": [{}] * 2_000},
        {f"x{index}": {} for index in range(2_000)},
        {"encode_2": "yes"},
    ],
)
def test_anything_else_in_a_large_body_means_what_it_means_in_a_small_one(
    change: Any,
) -> None:
    body = {**make_sms(), **change}
    small = verdict(SMS, body, frozenset(), 0)

    assert verdict(SMS, body, frozenset(), large_body.LARGE + 1) == small


def test_too_many_recipients_are_counted_before_anything_is_made_of_them() -> None:
    body = make_sms(recipients=[{"x": 1}] * 50_001)
    flaw = verdict(SMS, body, frozenset(), large_body.LARGE + 1)

    assert (flaw.field, flaw.keyword, flaw.limit) == ("recipients", "maxItems", 50_000)


@pytest.mark.parametrize(
    ("number", "status"),
    [("1.0", 200), ("-0.0", 200), ("10.0E-1", 200), ("1.5", 422), ("1e300", 422)],
)
def test_a_whole_number_may_be_written_with_a_point(
    api: Api, number: str, status: int
) -> None:
    """A schema takes it for an integer, and so does whoever reads it."""
    content = f'{{"part": {number}, "recipients": 3}}'.encode()

    assert api.post("/_emulator/world/populate", content=content).status == status


def test_no_integer_of_a_contract_is_read_as_a_float() -> None:
    assert body_bounds.decode_json(b"[1.0, -0.0, 1e3, 1.5]") == [1, 0, 1000, 1.5]
    assert [
        type(each) for each in body_bounds.decode_json(b"[1.0, -0.0, 1e3, 1.5]")
    ] == [
        *(int,) * 3,
        float,
    ]
    with pytest.raises(ValueError, match="out of range"):
        body_bounds.decode_json(b"[1e400]")
