"""Two validators, one verdict: what the emulator uses agrees with the reference.

The emulator reads bodies with msgspec and jsonschema-rs, for speed.  Here the standard
library's json and the reference implementation, jsonschema, judge the same octets.
"""

import json
from collections import Counter
from collections.abc import Iterator
from copy import deepcopy
from functools import cache
from typing import Any, NamedTuple

import jsonschema.validators
import msgspec
import pytest
import schemathesis
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from schemathesis import Case, GenerationMode
from schemathesis.config import SchemathesisConfig

from emulator.contract.document import iterate_mappings
from emulator.contract.shape import BodyMismatch
from tests.support.emulator import URN, make_registry, read_contract, set_examples

BODIES = sorted(
    each.id for each in read_contract().operations.values() if each.body_shape
)

FIXED = set_examples(40, suppress_health_check=list(HealthCheck))


class Verdict(NamedTuple):
    """What becomes of a body: taken, with these notes, or not."""

    taken: bool
    notes: frozenset[str] = frozenset()


REFUSED = Verdict(taken=False)


@pytest.mark.property
@pytest.mark.parametrize("operation", BODIES)
def test_the_emulator_and_the_reference_agree_on_every_body(operation: str) -> None:
    seen = compared(operation)

    assert all(seen[each] for each in ("taken", "refused", "noted")), seen


def compared(operation: str) -> Counter[str]:
    """Fail unless both judge alike: lenient, strict, and with one switch closed."""
    seen: Counter[str] = Counter()
    every = frozenset(
        ledgers(operation) | {each for _, each in spelled(operation).values()}
    )
    one = st.sampled_from(sorted(every)).map(lambda ledger: frozenset({ledger}))

    @FIXED
    @given(bodies(operation), one)
    def agree(body: Any, one_closed: frozenset[str]) -> None:
        octets = json.dumps(body).encode()
        for closed in (frozenset[str](), one_closed, every):
            verdict = judged_by_the_emulator(operation, octets, closed)
            assert verdict == judged_by_the_reference(operation, octets, closed)
            seen["taken" if verdict.taken else "refused"] += 1
            seen["noted"] += bool(verdict.notes)

    agree()
    return seen


# --- The emulator ------------------------------------------------------------


def judged_by_the_emulator(
    operation: str, octets: bytes, closed: frozenset[str]
) -> Verdict:
    shape = read_contract().operations[operation].body_shape
    assert shape is not None
    try:
        reading = shape.read_body(msgspec.json.decode(octets), closed)
    except BodyMismatch:
        return REFUSED
    return Verdict(taken=True, notes=frozenset(reading.notes))


# --- The reference -----------------------------------------------------------


def judged_by_the_reference(
    operation: str, octets: bytes, closed: frozenset[str]
) -> Verdict:
    body = json.loads(octets)
    if not isinstance(body, dict):
        return REFUSED
    renamed = {
        spelling: name
        for spelling, (name, ledger) in spelled(operation).items()
        if spelling in body and ledger not in closed
    }
    for spelling, name in renamed.items():
        body.setdefault(name, body.pop(spelling))
    if not reference(operation).is_valid(body):
        return REFUSED
    failed = {
        ledger
        for ledger in ledgers(operation)
        if not reference(operation, ledger).is_valid(body)
    }
    if failed & closed:
        return REFUSED
    doubtful = {spelled(operation)[spelling][1] for spelling in renamed}
    return Verdict(taken=True, notes=frozenset(doubtful | failed))


@cache
def reference(operation: str, closed: str = "") -> Any:
    """Return a validator of a request's body that holds to one strict reading."""

    def strict(validator: Any, readings: Any, instance: Any, _: Any) -> Iterator[Any]:
        for reading in readings:
            if reading["ledger"] == closed:
                yield from validator.descend(instance, reading["schema"])

    keywords = {"pattern": ecma_pattern, "x-strict": strict}
    made: Any = jsonschema.validators
    validator = made.extend(jsonschema.Draft202012Validator, keywords)
    schema = {"$ref": f"{URN}#{where(operation)}"}
    return validator(schema, registry=make_registry())


def ecma_pattern(
    validator: Any, pattern: str, instance: Any, schema: Any
) -> Iterator[Any]:
    """Hold ``$`` to the end of the text; Python's is also before a final newline."""
    exact = f"{pattern[:-1]}\\Z" if pattern.endswith("$") else pattern
    ours = jsonschema.Draft202012Validator.VALIDATORS["pattern"]
    yield from ours(validator, exact, instance, schema) or ()


def where(operation: str) -> str:
    path = read_contract().operations[operation].path.replace("/", "~1")
    return f"/paths/{path}/post/requestBody/content/application~1json/schema"


@cache
def ledgers(operation: str) -> frozenset[str]:
    """Return the strict readings that a body is held to."""
    reachable = read_contract().document.iterate_reachable(where(operation))
    readings = (each for node in reachable for each in node.get("x-strict", ()))
    return frozenset(reading["ledger"] for reading in readings)


@cache
def spelled(operation: str) -> dict[str, tuple[str, str]]:
    """Return the other spellings of the fields: what they mean, and their ledger id."""
    return {
        spelling: (name, ledger)
        for node in read_contract().document.iterate_reachable(where(operation))
        for name, each in node.get("properties", {}).items()
        for spelling, ledger in each.get("x-also-called", {}).items()
    }


# --- Bodies ------------------------------------------------------------------

# Where validators, and languages, are known to part.
EDGES: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 1.0, 1.5, -0.0, 10**14, 10**15, 1e15, 10**30),
    *("", " ", "0", "1", "2", "01", "1.0", "true", "4498987282", 4498987282),
    *("4498987282\n", "449898728", "\u0664\u0664\u0669\u0668\u0669\u0668\u0667" * 2),
    *("2028-02-29", "2030-02-29", "2000-02-29 10:00:00", "2100-02-29 10:00:00"),
    *("2030-01-31 24:00:00", "2030-01-31T09:00:00", "2030-04-31", "0999-01-01"),
    *("a" * 70, "a" * 71, "a" * 128, "a" * 129, "a" * 160, "a" * 161, "a" * 307),
    *("\U0001f600" * 160, "\u20ac[x]", "a\u0301", "\u0000", "ñandú", "<+B+>"),
    *("ana@example.org", "ana@example.org\n", "a@b", "ANA@EXAMPLE.ORG."),
    *("https://example.org/a.png", "ftp://example.org", "https://example.org/ñ"),
    *([], {}, [1], ["1"], [None], [{}], [{"cellphone": "4498987282"}]),
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
PLAIN = st.none() | st.booleans() | st.integers() | TEXT
VALUES = (
    st.sampled_from(EDGES)
    | PLAIN
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.recursive(
        PLAIN,
        lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner),
        max_leaves=4,
    )
)


@st.composite
def bodies(draw: DrawFn, operation: str) -> Any:
    """Draw a body that is valid, was valid before we touched it, or never was."""
    body = {"body": deepcopy(draw(generated(operation)))}  # held, so it can be replaced
    for _ in range(draw(st.integers(0, 3))):
        spoil(draw, body, operation)
    return body["body"]


@cache
def generated(operation: str) -> SearchStrategy[Any]:
    """Return examples of the contract and bodies that schemathesis makes from it."""
    document = read_contract().document
    known = read_contract().operations[operation]
    schema = schemathesis.openapi.from_dict(document.tree, config=SchemathesisConfig())
    made = schema[known.path]["POST"]
    content = known.node["requestBody"]["content"]["application/json"]
    examples = [
        document.resolve_pointer(each["$ref"].removeprefix("#"))[1]["value"]
        for each in content["examples"].values()
    ]
    drawn = [
        made.as_strategy(generation_mode=mode).filter(has_json).map(body_of)
        for mode in GenerationMode
    ]
    return st.one_of(st.sampled_from(examples), *drawn)


def has_json(case: Case[Any]) -> bool:
    return isinstance(case.body, dict | list | str | int | float | None)


def body_of(case: Case[Any]) -> Any:
    return case.body


def spoil(draw: DrawFn, held: dict[str, Any], operation: str) -> None:
    """Change one thing somewhere in *held*."""
    inside = [node for node in iterate_mappings(held) if node]
    node = draw(st.sampled_from(inside))
    name = draw(st.sampled_from(sorted(node)))
    changes = ["put", "add", "remove", "rename", "respell", "retype"]
    change = draw(st.sampled_from(changes))
    if change == "put":
        node[name] = draw(VALUES)
    elif change == "add":
        node[draw(st.sampled_from(names(operation)))] = draw(VALUES)
    elif change == "retype":
        node[name] = retyped(node[name])
    elif change == "respell":
        respell(draw, held["body"], operation)
    elif node is not held:
        value = node.pop(name)
        if change == "rename":
            node[draw(st.sampled_from(names(operation)))] = value


def respell(draw: DrawFn, body: Any, operation: str) -> None:
    """Give a field of *body* another of its spellings."""
    spelling = draw(st.sampled_from(sorted(spelled(operation))))
    name, _ = spelled(operation)[spelling]
    if isinstance(body, dict) and name in body:
        body[spelling] = body.pop(name)


def retyped(value: Any) -> Any:
    """Return *value* as another language would write it."""
    match value:
        case bool():
            return int(value)
        case int():
            return str(value)
        case str() if value.isdecimal():
            return int(value)
        case str():
            return f"{value}\n"
        case list() if value:
            return value[0]
    return [value]


@cache
def names(operation: str) -> list[str]:
    """Return every field that a body knows, under every spelling."""
    reachable = read_contract().document.iterate_reachable(where(operation))
    known = {name for node in reachable for name in node.get("properties", {})}
    return sorted(known | spelled(operation).keys())
