"""An OpenAPI document as a tree: pointers, references, and validators of its schemas.

Two extensions of ours are carried out here:

``x-strict``   on a schema: what a doubtful reading would have to satisfy as well
``x-catalog``  on an id: which ids the served document lists as an enum
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import chain
from typing import Any
from urllib.parse import quote

import jsonschema_rs

DOCUMENT_URI = "urn:contract"

Node = Any  # any part of a parsed document
Validator = jsonschema_rs.Draft202012Validator
StrictReadings = (
    frozenset[str] | None
)  # ledger ids of strict readings; None is all of them

LENIENT_READINGS: StrictReadings = frozenset()
STRICT_READINGS: StrictReadings = None


class OpenApiDocument:
    """A parsed document, and the validators of the schemas in it."""

    def __init__(self, tree: dict[str, Any]) -> None:
        self.tree = tree
        self._narrowed: dict[StrictReadings, jsonschema_rs.Registry] = {}

    def resolve_pointer(self, pointer: str) -> tuple[str, Node]:
        """Return the final pointer and the node of *pointer*, references followed."""
        node = self.tree
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node[int(name) if isinstance(node, list) else name]
        if isinstance(node, dict) and "$ref" in node:
            return self.resolve_pointer(node["$ref"].removeprefix("#"))
        return pointer, node

    def make_validator(
        self, pointer: str, closed: StrictReadings = LENIENT_READINGS
    ) -> Validator:
        """Return the validator of the schema at *pointer*, which holds to *closed*."""
        if closed not in self._narrowed:
            self._narrowed[closed] = jsonschema_rs.Registry(
                [(DOCUMENT_URI, self.narrow_tree(closed))],
                draft=jsonschema_rs.Draft202012,
            )
        reference = {"$ref": f"{DOCUMENT_URI}#{quote(pointer, safe='/~')}"}
        return Validator(reference, registry=self._narrowed[closed])

    def narrow_tree(
        self, closed: StrictReadings, catalogue: Mapping[str, list[int]] | None = None
    ) -> dict[str, Any]:
        """Return a copy that holds to *closed* and has live ids as enums."""
        live = catalogue or {}

        def change(node: dict[str, Any]) -> dict[str, Any]:
            ids = live.get(node.get("x-catalog", ""))
            return (
                _add_strict_readings(node, closed)
                if ids is None
                else _add_id_enum(node, ids)
            )

        copy: dict[str, Any] = _rebuild_tree(self.tree, change)
        return copy

    def iterate_reachable(self, start: str) -> Iterator[dict[str, Any]]:
        """Yield every mapping below *start*, references followed."""
        queue, seen = [start], set()
        while queue:
            where, node = self.resolve_pointer(queue.pop())
            if where not in seen:
                seen.add(where)
                for each in iterate_mappings(node):
                    yield each
                    if "$ref" in each:
                        queue.append(each["$ref"])

    def list_parts(self, where: str) -> list[Node]:
        """Return the schema at *where* and those that its ``allOf`` adds."""
        where, node = self.resolve_pointer(where)
        added = (
            self.list_parts(f"{where}/allOf/{index}")
            for index in range(len(node.get("allOf", ())))
        )
        return [node, *chain.from_iterable(added)]

    def list_strict_readings(self, where: str) -> list[str]:
        """Return the ledger ids of the strict readings below *where*, each once."""
        return list(
            dict.fromkeys(
                reading["ledger"]
                for node in self.iterate_reachable(where)
                for reading in node.get("x-strict", ())
            )
        )


def make_pointer(start: str, *steps: str | int) -> str:
    """Return the JSON pointer that leads from *start* on by *steps*."""
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "/".join((start, *escaped))


def iterate_mappings(node: Node) -> Iterator[dict[str, Any]]:
    """Yield every mapping in *node*, the outer ones first."""
    if isinstance(node, dict):
        yield node
    for each in _list_children(node):
        yield from iterate_mappings(each)


def _list_children(node: Node) -> Iterable[Node]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _rebuild_tree(
    node: Node, change: Callable[[dict[str, Any]], dict[str, Any]]
) -> Node:
    """Return a copy of *node* with *change* applied to every mapping, inside out."""
    if isinstance(node, dict):
        return change(
            {name: _rebuild_tree(each, change) for name, each in node.items()}
        )
    return (
        [_rebuild_tree(each, change) for each in node]
        if isinstance(node, list)
        else node
    )


def _add_strict_readings(
    node: dict[str, Any], closed: StrictReadings
) -> dict[str, Any]:
    """Return a schema that holds to those of its strict readings that are closed."""
    readings = [
        reading["schema"]
        for reading in node.get("x-strict", ())
        if closed is None or reading["ledger"] in closed
    ]
    if not readings:
        return node
    return {**node, "allOf": [*node.get("allOf", ()), *readings]}


def _add_id_enum(node: dict[str, Any], ids: list[int]) -> dict[str, Any]:
    integers = {"type": "integer", "enum": ids}
    digits = {"type": "string", "enum": list(map(str, ids))}
    return {**node, "oneOf": [integers, digits]}
