"""Large documents before a validator, which copies what it is shown many times over.

What no schema speaks of is left out, and arrays are shown slice by slice.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, NamedTuple

from emulator.contract.document import Node, OpenApiDocument

LARGE = 256 * 1024  # bytes
ITEMS_PER_SLICE = 1_000
LONGEST_TEXT = 64 * 1024  # characters that are shown to explain a mistake
UNKNOWN_SHOWN = 100  # fields that no schema names, so that one of them is found
# An array that says no more than this of its items can be looked at in slices.
SLICEABLE = frozenset({"type", "items", "minItems", "maxItems", "description"})


class LargeBodyRules(NamedTuple):
    """What a schema speaks of."""

    names: frozenset[str]  # of fields, at any level
    arrays: Mapping[str, int | None]  # of fields: how many items each may have


class BodySlice(NamedTuple):
    """A document with a part of one of its arrays in the place of that."""

    body: dict[str, Any]
    name: str = ""  # of the array
    start: int = 0  # of the part

    def restore_field(self, field: str) -> str:
        """Return the path of a field in the whole document."""
        name, _, rest = field.partition(".")
        place, dot, rest = rest.partition(".")
        if name != self.name or not place.isdecimal():
            return field
        return f"{name}.{int(place) + self.start}{dot}{rest}"


def read_rules(document: OpenApiDocument, where: str, fields: Node) -> LargeBodyRules:
    """Return the rules of the schema at *where*, with the *fields* of its top."""
    names: set[str] = set()
    for node in document.iterate_reachable(where):
        for keyword in ("properties", "required", "dependentRequired"):
            named = node.get(keyword, ())
            names.update(each for each in named if isinstance(each, str))
        for needed in node.get("dependentRequired", {}).values():
            names.update(needed)
    arrays = {}
    for name, node in fields:
        if "$ref" in node:
            _, node = document.resolve_pointer(node["$ref"].removeprefix("#"))  # noqa: PLW2901
        if node.get("type") == "array" and node.keys() <= SLICEABLE:
            arrays[name] = node.get("maxItems")
    return LargeBodyRules(frozenset(names), arrays)


def find_long_array(rules: LargeBodyRules, body: Mapping[str, Any]) -> tuple[str, int]:
    """Return the first array that has too many items, and how many it may have."""
    for name, most in rules.arrays.items():
        value = body.get(name)
        if most is not None and isinstance(value, list) and len(value) > most:
            return name, most
    return "", 0


def slice_body(
    rules: LargeBodyRules, body: Mapping[str, Any], most: int = ITEMS_PER_SLICE
) -> Iterator[BodySlice]:
    """Yield parts of *body*, which all are valid if and only if it is.

    But for the number of items of its arrays (``find_long_array``).  Each has *most*
    items of each array.
    """
    small, long = {}, {}
    for name, value in _drop_unknown(body, rules.names).items():
        is_long = name in rules.arrays and isinstance(value, list)
        if is_long and len(value) > most:
            long[name] = value
        else:
            small[name] = _prune(value, rules.names)
    for name, each in long.items():
        small[name] = _prune(each[:most], rules.names)
    yield BodySlice(small)
    for name, each in long.items():
        for start in range(most, len(each), most):
            items = each[start : start + most]
            if not _are_small(items):
                items = _prune(items, rules.names)
            yield BodySlice({**small, name: items}, name, start)


def prune_slice(rules: LargeBodyRules, part: BodySlice) -> BodySlice:
    """Return *part* without what no schema names, to be explained."""
    return part._replace(body=_prune(part.body, rules.names))


def _are_small(items: list[Any]) -> bool:
    """Whether *items* have few fields; seen without a step of Python for each."""
    try:
        return sum(map(len, items)) <= UNKNOWN_SHOWN * ITEMS_PER_SLICE
    except TypeError:  # some have none at all
        return False


def shorten_values(value: Any) -> Any:
    """Return *value* with the beginnings of its longest texts and arrays.

    Whether it is valid may depend on the rest.
    """
    if isinstance(value, str):
        return value[:LONGEST_TEXT]
    if isinstance(value, dict):
        return {name: shorten_values(each) for name, each in value.items()}
    return (
        [*map(shorten_values, value[:ITEMS_PER_SLICE])]
        if isinstance(value, list)
        else value
    )


def _drop_unknown(body: Mapping[str, Any], names: frozenset[str]) -> dict[str, Any]:
    """Return *body* with few of the fields that no schema names, and those empty."""
    found: dict[str, Any] = {}
    unknown = 0
    for name, value in body.items():
        if name in names:
            found[name] = value
        elif unknown < UNKNOWN_SHOWN:
            unknown += 1
            is_container = isinstance(value, list | dict)
            found[name] = type(value)() if is_container else value
    return found


def _prune(value: Any, names: frozenset[str]) -> Any:
    """Return *value* without what no schema names, at any level."""
    if isinstance(value, dict):
        if len(value) <= UNKNOWN_SHOWN and _is_flat(value):
            return value
        kept = _drop_unknown(value, names)
        return {name: _prune(each, names) for name, each in kept.items()}
    if isinstance(value, list) and not _is_plain(value):
        return [
            _prune(each, names) if isinstance(each, list | dict) else each
            for each in value
        ]
    return value


def _is_plain(items: list[Any]) -> bool:
    """Whether *items* are small objects with no container in them, as nearly all are.

    Looked at without a step of Python for each.
    """
    try:
        fields = sum(map(len, items))
        kinds = set(map(type, chain.from_iterable(map(dict.values, items))))
    except TypeError:  # some are none
        return False
    return fields <= UNKNOWN_SHOWN * ITEMS_PER_SLICE and kinds.isdisjoint((list, dict))


def _is_flat(value: Mapping[str, Any]) -> bool:
    return not any(isinstance(each, list | dict) for each in value.values())
