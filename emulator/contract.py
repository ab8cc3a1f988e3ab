"""An OpenAPI 3.1 document made executable; it does not know SMS from soup.

The document routes, secures, validates and shapes.  Four extensions of its own:

``x-also-at``      on an operation: other paths it answers at, each with a ledger id
``x-also-called``  on a property of a body: other spellings, each with a ledger id
``x-strict``       on a schema of a body: what a doubtful reading would have to satisfy
``x-catalog``      on an id: the enum of ids that are served to whoever reads it
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import jsonschema_rs
from yaml import YAMLError

from emulator import files

METHODS = ("get", "head", "post", "put", "patch", "delete")
JSON = "application/json"
_URI = "urn:contract"

Document = dict[str, Any]
Node = Any  # any part of a parsed document


class ContractError(Exception):
    """The document and the program do not fit together."""


@dataclass(frozen=True, slots=True)
class Flaw:
    """The first thing that is wrong with a body."""

    field: str  # dotted: recipients.0.cellphone; empty for the whole body
    keyword: str  # of JSON Schema, or required_without, required_with
    limit: Any = None
    other: str = ""  # the field that the keyword speaks of
    ledger: str = ""  # of the strict reading that was not met


class Mismatch(Exception):  # noqa: N818 - a verdict about a body, not a mistake of ours
    def __init__(self, flaw: Flaw) -> None:
        super().__init__(f"{flaw.field}: {flaw.keyword} {flaw.limit or ''}".rstrip())
        self.flaw = flaw


class Reading(NamedTuple):
    """A body under its canonical names, and the ledger ids of what was doubtful."""

    body: Any
    notes: list[str]


def load(path: Path) -> Document:
    """Return the document at *path*.  Raises ``ContractError`` in one sentence."""
    try:
        document = files.read_yaml(path)
    except (OSError, ValueError, YAMLError) as error:
        message = f"the contract {path} cannot be read: {error}"
        raise ContractError(message) from error
    if not isinstance(document, dict) or "paths" not in document:
        message = f"the contract {path} has no paths"
        raise ContractError(message)
    return document


class Contract:
    """All operations of one document."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self._narrowed: dict[frozenset[str] | None, jsonschema_rs.Registry] = {}
        self.operations = {
            operation.id: operation for operation in self._read_operations()
        }

    def bind(self, implemented: Mapping[str, object]) -> None:
        """Raise ``ContractError`` unless there is one function for every operation."""
        missing = sorted(self.operations.keys() - implemented.keys())
        stray = sorted(implemented.keys() - self.operations.keys())
        if missing or stray:
            message = (
                "contract and program differ: "
                f"without a function: {', '.join(missing) or 'none'}; "
                f"without an operationId: {', '.join(stray) or 'none'}"
            )
            raise ContractError(message)

    def by_path(self) -> dict[str, dict[str, "Operation"]]:
        """Return the operations by path, aliases included, and upper-case method."""
        table: dict[str, dict[str, Operation]] = {}
        for operation in self.operations.values():
            for path in (operation.path, *operation.aliases):
                table.setdefault(path, {})[operation.method] = operation
        return table

    def served(
        self, catalogue: Mapping[str, list[int]], closed: frozenset[str] | None
    ) -> Document:
        """Return the document with live ids as enums and *closed* readings narrowed."""

        def change(node: dict[str, Any]) -> dict[str, Any]:
            if node.get("x-catalog") not in catalogue:
                return _narrow(node, closed)
            ids = catalogue[node["x-catalog"]]
            both = [
                {"type": "integer", "enum": ids},
                {"type": "string", "enum": list(map(str, ids))},
            ]
            return {**node, "oneOf": both}

        document: Document = _rebuilt(self.document, change)
        return document

    def validator(
        self, pointer: str, closed: frozenset[str] | None = frozenset()
    ) -> jsonschema_rs.Draft202012Validator:
        """Return the validator of the schema at *pointer*.

        *closed* names the strict readings it holds to; None is all of them.
        """
        if closed not in self._narrowed:
            self._narrowed[closed] = jsonschema_rs.Registry(
                [(_URI, self.served({}, closed))],
                draft=jsonschema_rs.Draft202012,
            )
        schema = {"$ref": f"{_URI}#{quote(pointer, safe='/~')}"}
        return jsonschema_rs.Draft202012Validator(
            schema, registry=self._narrowed[closed]
        )

    def at(self, pointer: str) -> tuple[str, Node]:
        """Return the node at *pointer* and where it really is, references followed."""
        node = self.document
        for step in pointer.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            node = node[int(name) if isinstance(node, list) else name]
        if isinstance(node, dict) and "$ref" in node:
            return self.at(node["$ref"].removeprefix("#"))
        return pointer, node

    def _read_operations(self) -> Iterator["Operation"]:
        for path, item in self.document["paths"].items():
            for method in METHODS:
                if method in item:
                    yield Operation(self, path, method.upper())


class Operation:
    """One operation of the document."""

    def __init__(self, contract: Contract, path: str, method: str) -> None:
        self._contract = contract
        self._pointer = _pointer("", "paths", path, method.lower())
        item = contract.document["paths"][path]
        self.node: Node = item[method.lower()]
        self.path = path
        self.method = method
        self.id: str = self.node["operationId"]
        self.aliases: Mapping[str, str] = self.node.get("x-also-at", {})
        security = self.node.get("security", contract.document.get("security"))
        self.secured = bool(security)
        self.parameters = tuple(
            Parameter(contract, pointer)
            for owner in (_pointer("", "paths", path), self._pointer)
            for pointer in self._path_parameters(owner)
        )

    def _path_parameters(self, owner: str) -> list[str]:
        count = len(self._contract.at(owner)[1].get("parameters", ()))
        pointers = [f"{owner}/parameters/{index}" for index in range(count)]
        return [each for each in pointers if self._contract.at(each)[1]["in"] == "path"]

    # Compiled when first needed: all of them at once would be felt at every start.

    @cached_property
    def body(self) -> "Shape | None":
        """What the body of a request looks like; None where there is none."""
        if "requestBody" not in self.node:
            return None
        pointer = _pointer(self._pointer, "requestBody", "content", JSON, "schema")
        return Shape(self._contract, pointer)

    @cached_property
    def answer(self) -> jsonschema_rs.Draft202012Validator | None:
        """The validator of a successful answer; None where it has no body."""
        content = self.node["responses"].get("200", {}).get("content", {})
        if JSON not in content:
            return None
        pointer = _pointer(self._pointer, "responses", "200", "content", JSON, "schema")
        return self._contract.validator(pointer)


class Parameter:
    """A parameter in the path; ids are integers, everything else stays text."""

    def __init__(self, contract: Contract, pointer: str) -> None:
        where, node = contract.at(pointer)
        self.name: str = node["name"]
        self.is_id = node["schema"].get("type") == "integer"
        self._validator = contract.validator(f"{where}/schema")

    def read(self, raw: str) -> Any:
        """Return the value of *raw*, or None where the schema does not admit it."""
        digits = raw.isascii() and raw.isdigit() and len(raw) <= 18  # noqa: PLR2004 - 64 bits
        value: Any = int(raw) if self.is_id and digits else raw
        return value if self._validator.is_valid(value) else None


class Shape:
    """What the body of a request must look like, and may look like."""

    def __init__(self, contract: Contract, pointer: str) -> None:
        self._contract = contract
        self._pointer, self._node = contract.at(pointer)
        self._pin, self._branches = self._read_branches()
        self._spellings = self._read_spellings()
        self._lenient = self._validators(frozenset())
        self._strict = self._validators(None)
        self._readings = self._read_readings()
        self._by_reading: dict[tuple[int, str], jsonschema_rs.Draft202012Validator] = {}

    def read(self, body: Any, closed: frozenset[str]) -> Reading:
        """Return *body* under its canonical names, with what was doubtful in it.

        Raises ``Mismatch`` where the shape is wrong, or doubtful in a way that *closed*
        shuts out.
        """
        if not isinstance(body, dict):
            raise Mismatch(Flaw("", "type", "object"))
        body, notes = self._renamed(body, closed)
        branch = self._branch(body)
        if not self._strict[branch].is_valid(body):  # which nearly every body is
            self._check(self._lenient[branch], body)
            notes.extend(self._doubts(body, branch, closed))
        return Reading(body, notes)

    def _doubts(self, body: Any, branch: int, closed: frozenset[str]) -> Iterator[str]:
        for ledger in self._readings:
            validator = self._reading(branch, ledger)
            if ledger in closed:
                self._check(validator, body, ledger)
            elif not validator.is_valid(body):
                yield ledger

    def _check(
        self,
        validator: jsonschema_rs.Draft202012Validator,
        body: Any,
        ledger: str = "",
    ) -> None:
        try:
            validator.validate(body)
        except jsonschema_rs.ValidationError as error:
            raise Mismatch(self._flaw(error, ledger)) from None

    def _renamed(
        self, body: dict[str, Any], closed: frozenset[str]
    ) -> tuple[dict[str, Any], list[str]]:
        """Return the body under its canonical names; the canonical name wins."""
        notes: list[str] = []
        if self._spellings.keys().isdisjoint(body):
            return body, notes
        renamed = dict(body)
        for spelling, (name, ledger) in self._spellings.items():
            if spelling in body and ledger not in closed:
                notes.append(ledger)
                renamed.setdefault(name, renamed.pop(spelling))
        return renamed, notes

    def _branch(self, body: dict[str, Any]) -> int:
        """Return which branch of a ``oneOf`` the body means, by the pinned property."""
        if not self._pin:
            return 0
        if self._pin not in body:
            free = [i for i, branch in enumerate(self._branches) if not branch.required]
            if not free:
                raise Mismatch(Flaw(self._pin, "required"))
            return free[0]
        value = body[self._pin]
        for index, branch in enumerate(self._branches):
            if not isinstance(value, bool | list | dict) and value in branch.values:
                return index
        raise Mismatch(Flaw(self._pin, "enum"))

    def _read_branches(self) -> tuple[str, list["_Branch"]]:
        """Return the property that tells the branches of a ``oneOf`` apart."""
        pointers = [
            self._contract.at(f"{self._pointer}/oneOf/{index}")[0]
            for index in range(len(self._node.get("oneOf", ())))
        ]
        if not pointers:
            return "", [_Branch(self._pointer, frozenset(), required=False)]
        parts = [list(self._parts(pointer)) for pointer in pointers]
        pin = next(
            name
            for name, node in _properties(parts[0])
            if all(_pinned(dict(_properties(each)).get(name)) for each in parts)
        )
        return pin, [
            _Branch(
                pointer,
                frozenset(_pinned(dict(_properties(each))[pin])),
                required=any(pin in part.get("required", ()) for part in each),
            )
            for pointer, each in zip(pointers, parts, strict=True)
        ]

    def _parts(self, pointer: str) -> Iterator[Node]:
        """Yield the schema at *pointer* and those that its ``allOf`` adds."""
        where, node = self._contract.at(pointer)
        yield node
        for index in range(len(node.get("allOf", ()))):
            yield from self._parts(f"{where}/allOf/{index}")

    def _read_spellings(self) -> dict[str, tuple[str, str]]:
        return {
            spelling: (name, ledger)
            for branch in self._branches
            for name, node in _properties(self._parts(branch.pointer))
            for spelling, ledger in node.get("x-also-called", {}).items()
        }

    def _read_readings(self) -> list[str]:
        """Return the ledger ids of every strict reading that this shape refers to."""
        seen: dict[str, None] = {}
        for branch in self._branches:
            for node in self._reachable(branch.pointer):
                for reading in node.get("x-strict", ()):
                    seen[reading["ledger"]] = None
        return list(seen)

    def _reachable(self, pointer: str) -> Iterator[Node]:
        queue, seen = [pointer], set()
        while queue:
            where, node = self._contract.at(queue.pop())
            if where not in seen:
                seen.add(where)
                for each in _nodes(node):
                    yield each
                    if "$ref" in each:
                        queue.append(each["$ref"].removeprefix("#"))

    def _validators(
        self, closed: frozenset[str] | None
    ) -> list[jsonschema_rs.Draft202012Validator]:
        return [
            self._contract.validator(branch.pointer, closed)
            for branch in self._branches
        ]

    def _reading(self, branch: int, ledger: str) -> jsonschema_rs.Draft202012Validator:
        key = branch, ledger
        if key not in self._by_reading:  # half a millisecond each, so made once
            pointer = self._branches[branch].pointer
            validator = self._contract.validator(pointer, frozenset({ledger}))
            self._by_reading[key] = validator
        return self._by_reading[key]

    def _flaw(self, error: jsonschema_rs.ValidationError, ledger: str) -> Flaw:
        error = _likeliest(error)
        kind: Any = error.kind  # its attributes depend on its name
        if kind.name == "not":
            field = _dotted([*error.instance_path, *_unwanted(kind, error.instance)])
            return Flaw(field, kind.name, ledger=ledger)
        if kind.name != "required":
            limit = getattr(kind, "limit", None)
            return Flaw(_dotted(error.instance_path), kind.name, limit, ledger=ledger)
        field = _dotted([*error.instance_path, kind.property])
        keyword, other = self._condition(list(error.schema_path), kind.property)
        return Flaw(field, keyword, other=other, ledger=ledger)

    def _condition(self, where: list[str | int], name: str) -> tuple[str, str]:
        """Return why *name* is required: always, or with or without another field."""
        match where:
            case [*above, "dependentRequired"]:
                needs = self._contract.at(_pointer("", *above, "dependentRequired"))[1]
                other = next(each for each, names in needs.items() if name in names)
                return "required_with", other
            case [*above, "then", "required"]:
                condition = self._contract.at(_pointer("", *above, "if"))[1]
                absent = condition.get("not", {}).get("required", ())
                return ("required_without", absent[0]) if absent else ("required", "")
        return "required", ""


@dataclass(frozen=True, slots=True)
class _Branch:
    pointer: str
    values: frozenset[int | str]  # of the pinned property
    required: bool  # whether the pinned property must be there


def _likeliest(error: jsonschema_rs.ValidationError) -> jsonschema_rs.ValidationError:
    """Return the error inside a ``oneOf`` that tells most about the body.

    A branch that the value's type fits tells more than one that it does not.
    """
    if error.kind.name not in {"oneOf", "anyOf"}:
        return error
    kind: Any = error.kind
    inner = [branch[0] for branch in kind.context if branch]
    if not inner:
        return error
    deepest = max(len(list(each.instance_path)) for each in inner)
    deep = [each for each in inner if len(list(each.instance_path)) == deepest]
    return min(map(_likeliest, deep), key=lambda each: each.kind.name == "type")


def _unwanted(kind: Any, instance: Node) -> list[str]:
    """Return the first property that a ``not`` forbids and *instance* has."""
    forbidden = (
        each for node in _nodes(kind.schema) for each in node.get("required", ())
    )
    return [name for name in forbidden if name in instance][:1]


def _pinned(node: Node) -> tuple[int | str, ...]:
    """Return the values of a property that takes a few integers and their digits."""
    branches = (node or {}).get("oneOf", ())
    return tuple(value for branch in branches for value in branch.get("enum", ()))


def _properties(parts: Iterable[Node]) -> list[tuple[str, Node]]:
    return [item for part in parts for item in part.get("properties", {}).items()]


def _nodes(node: Node) -> Iterator[dict[str, Any]]:
    """Yield every mapping in *node*, the outer ones first."""
    if isinstance(node, dict):
        yield node
    for each in _children(node):
        yield from _nodes(each)


def _children(node: Node) -> Iterable[Node]:
    if isinstance(node, dict):
        return node.values()
    return node if isinstance(node, list) else ()


def _rebuilt(node: Node, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Node:
    """Return a copy of *node* with *change* applied to every mapping, inside out."""
    if isinstance(node, dict):
        return change({name: _rebuilt(each, change) for name, each in node.items()})
    return [_rebuilt(each, change) for each in node] if isinstance(node, list) else node


def _narrow(node: dict[str, Any], closed: frozenset[str] | None) -> dict[str, Any]:
    """Return a schema that holds to its *closed* strict readings (None: to all)."""
    readings = [
        reading["schema"]
        for reading in node.get("x-strict", ())
        if closed is None or reading["ledger"] in closed
    ]
    if not readings:
        return node
    return {**node, "allOf": [*node.get("allOf", ()), *readings]}


def _pointer(start: str, *steps: str | int) -> str:
    escaped = (str(step).replace("~", "~0").replace("/", "~1") for step in steps)
    return "/".join((start, *escaped))


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(map(str, path))
