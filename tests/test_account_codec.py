"""The table of a world file's account: whole, and used in both directions."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import yaml
from hypothesis import Phase, find
from hypothesis import strategies as st

from emulator import files
from emulator.domain.assumptions import SWITCHES
from emulator.domain.refusal_catalog import REASONS
from emulator.worldfile.account_codec import (
    ACCOUNT,
    COUNTRY,
    REFUSAL,
    AssumptionsCodec,
    RefusalsCodec,
    account_to_json,
)
from emulator.worldfile.fixture import parse_account
from emulator.worldfile.part_codec import (
    PLAIN,
    ListCodec,
    NamedCodec,
    PairListCodec,
    PartCodec,
    PartField,
    UniqueListCodec,
)
from tests.support.emulator import START, read_demo_world, set_examples

SCHEMA: dict[str, Any] = yaml.safe_load(files.WORLD_SCHEMA.read_text("utf-8"))
OF_THE_FILE = {"name", "clock", "tokens[].name", "tokens[].token"}  # not the account
NAMED_BY_KEY = {"assumptions", "services"}  # whose keys are names, not fields


# --- The fields that the codec and the schema know ------------------------------


def list_codec_fields(codec: Any, path: str = "") -> Iterator[str]:
    """Yield the path of each field below *codec*; ``routes[].price``."""
    if isinstance(codec, PartCodec):
        for field in codec.table:
            inner = ".".join(filter(None, (path, field.key)))
            yield from list_codec_fields(field.codec, inner)
    elif isinstance(codec, ListCodec | UniqueListCodec):
        yield from list_codec_fields(codec.item, f"{path}[]")
    elif isinstance(codec, PairListCodec):
        yield from (f"{path}[].{name}" for name in (codec.key_name, codec.value_name))
    elif isinstance(codec, NamedCodec):
        yield from list_codec_fields(codec.codec, path)
    elif isinstance(codec, AssumptionsCodec):
        yield from codec.keys
    elif isinstance(codec, RefusalsCodec):
        inner_fields = set(list_codec_fields(REFUSAL, f"{path}.*"))
        yield from inner_fields - {f"{path}.*.name"}  # which is the key
    else:
        yield path.removesuffix("[]")


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    """Return a node of the schema, or the one that it refers to."""
    named = node.get("$ref", "").removeprefix("#/$defs/")
    return SCHEMA["$defs"][named] if named else node


def list_schema_fields(node: dict[str, Any], path: str = "") -> Iterator[str]:
    """Yield the path of each field below *node*."""
    node = resolve(node)
    others = node.get("additionalProperties")
    branches = [each for each in node.get("oneOf", ()) if "properties" in each]
    if branches:
        yield from list_schema_fields(branches[0], path)
    elif path in NAMED_BY_KEY:
        yield path
    elif "properties" in node:
        for name, each in node["properties"].items():
            yield from list_schema_fields(each, ".".join(filter(None, (path, name))))
    elif isinstance(others, dict):
        yield from list_schema_fields(others, f"{path}.*")
    elif resolve(node.get("items", {})).get("properties"):
        yield from list_schema_fields(node["items"], f"{path}[]")
    else:
        yield path


FIELDS = sorted(set(list_codec_fields(ACCOUNT)))


def test_the_codec_and_the_schema_know_the_same_fields() -> None:
    assert set(FIELDS) == set(list_schema_fields(SCHEMA)) - OF_THE_FILE


def test_a_table_without_a_field_of_its_kind_is_none() -> None:
    with pytest.raises(TypeError, match=r"Country and the table .* differ: name$"):
        PartCodec(COUNTRY.kind, PartField("id", PLAIN))
    with pytest.raises(TypeError, match=r"Country and the table .* differ: color$"):
        PartCodec(COUNTRY.kind, *COUNTRY.table, PartField("color", PLAIN))


# --- What the schema allows, drawn ----------------------------------------------

SENTENCES = st.text("abc ", max_size=8)
MONEY = st.integers(0, 10**9).map(lambda millionths: millionths / 10**6)
# Where a value of the right shape may mean nothing.
MEANT: dict[str, st.SearchStrategy[Any]] = {
    "account.time_zone": st.sampled_from(["Asia/Kolkata", "UTC", "Europe/Paris"]),
    "account.credit": MONEY,
    "routes[].country": st.just(1),
    "routes[].price": MONEY,
    "prices.voice": MONEY,
    "prices.email": MONEY,
    "prices.hlr": MONEY,
    "refusals.*.es": SENTENCES,
    "refusals.*.en": SENTENCES,
    "population[].weight": st.integers(1, 9),
    "services": st.fixed_dictionaries({"email": st.booleans()}),
    "assumptions": st.sampled_from(
        [{name: each} for name, it in SWITCHES.items() for each in it.choices]
    ),
}
DATES = st.datetimes().map(lambda at: at.replace(year=2026).isoformat(" ", "seconds"))


def draw_node(node: dict[str, Any], path: str) -> st.SearchStrategy[Any]:
    """Return what draws a value of a node without properties."""
    if path in MEANT:
        return MEANT[path]
    if node.get("$ref") == "#/$defs/date":
        return DATES
    node = resolve(node)
    if "oneOf" in node:
        return st.one_of([draw_node(each, path) for each in node["oneOf"]])
    if "enum" in node:
        return st.sampled_from(node["enum"])
    return DRAW_BY_TYPE[node["type"]](node, path)


def draw_list(node: dict[str, Any], path: str) -> st.SearchStrategy[Any]:
    items = draw_node(node["items"], path)
    return st.lists(items, min_size=node.get("minItems", 0), max_size=2)


def draw_number(node: dict[str, Any], path: str) -> st.SearchStrategy[Any]:
    del path
    bounds = [max(0, int(node["minimum"])) + 1, int(node["maximum"])]
    return st.integers(min(bounds), max(bounds))


def draw_text(node: dict[str, Any], path: str) -> st.SearchStrategy[Any]:
    if path == "short_link_base" or path.endswith("url"):
        return st.just("https://x.example.org/y")
    if "pattern" in node:
        return st.sampled_from(["a", "x.y", "5570055780"]).filter(
            lambda text: re.search(node["pattern"], text) is not None
        )
    return st.sampled_from(["", "a", "b c"])


DRAW_BY_TYPE: dict[str, Callable[..., st.SearchStrategy[Any]]] = {
    "array": draw_list,
    "boolean": lambda _node, _path: st.booleans(),
    "integer": draw_number,
    "number": draw_number,
    "string": draw_text,
}


@dataclass(frozen=True)
class Drawn:
    """A document with one field, and the same one without it."""

    document: dict[str, Any]
    without: dict[str, Any] | None  # where the field may be left out
    steps: list[str | int]  # to the field

    @property
    def differs(self) -> bool:
        """Whether the field says something that is not its default."""
        if self.without is None:
            return True
        return parse_account(self.document, START) != parse_account(self.without, START)


def draw_fields(
    draw: st.DrawFn, part: dict[str, Any], node: Any, path: str, names: set[str]
) -> None:
    """Give *part* the fields that are missing of *names*."""
    for name in sorted(names - part.keys()):
        inner = ".".join(filter(None, (path, name)))
        part[name] = draw(draw_node(node["properties"][name], inner))


@st.composite
def documents(draw: st.DrawFn, path: str) -> Drawn:
    """Draw a world file in which the field at *path* is set."""
    base = {**read_demo_world(), "binds": [], "keywords": [], "routes": []}
    document = yaml.safe_load(yaml.safe_dump(base))
    node, here, walked = SCHEMA, document, ""
    steps: list[str | int] = []
    key: str | int
    *parents, last = path.replace("[]", ".[]").split(".")
    for step in parents:
        if step == "[]":
            node, walked = node["items"], f"{walked}[]"
            here[:], key = [{}], 0
        elif step == "*":
            node, walked = node["additionalProperties"], f"{walked}.*"
            key = draw(st.sampled_from([*REASONS]))
            here[key] = {}
        else:
            node, key = node["properties"][step], step
            walked = ".".join(filter(None, (walked, step)))
            here.setdefault(key, [] if resolve(node).get("type") == "array" else {})
        node = resolve(node)
        node = next((it for it in node.get("oneOf", ()) if "properties" in it), node)
        here = here[key]
        steps.append(key)
        if isinstance(here, dict):
            draw_fields(draw, here, node, walked, {*node.get("required", ())})
    here.pop(last, None)
    draw_fields(draw, here, node, walked, {last})
    required = node.get("required", ())
    without = None
    if last not in required:
        without = yaml.safe_load(yaml.safe_dump(document))
        there = without
        for each in steps:
            there = there[each]
        del there[last]
    return Drawn(document, without, [*steps, last])


@pytest.mark.parametrize("path", FIELDS)
def test_each_field_that_is_read_is_written_unless_it_is_its_default(path: str) -> None:
    quickly = set_examples(phases=[Phase.generate])
    drawn = find(documents(path), lambda it: it.differs, settings=quickly)
    account = parse_account(drawn.document, START)

    written = account_to_json(account)

    there: Any = written
    for each in drawn.steps:
        there = there[each]
    assert parse_account(written, START) == account
    if drawn.without is not None:
        assert written != account_to_json(parse_account(drawn.without, START))
