"""The shape of a request's body: what it must look like, and what it may look like.

``x-also-called`` on a property lists its other spellings, each with a ledger id.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import jsonschema_rs
from msgspec import Struct

from emulator.contract.document import (
    LENIENT,
    STRICT,
    Document,
    Node,
    Validator,
    nodes,
    pointer,
)

Body = dict[str, Any]


class Flaw(Struct, frozen=True):
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


class Reading(Struct):
    """A body under its canonical names, and the ledger ids of what was doubtful."""

    body: Body
    notes: list[str]


class Shape:
    """A schema, or a ``oneOf`` of schemas told apart by the values of a property."""

    def __init__(self, document: Document, where: str) -> None:
        self._pin, self._branches = _branches(document, where)
        self._spellings = {
            spelling: (name, ledger)
            for branch in self._branches
            for name, node in branch.properties
            for spelling, ledger in node.get("x-also-called", {}).items()
        }
        self._spelt = frozenset(self._spellings)

    def read(self, body: Any, closed: frozenset[str]) -> Reading:
        """Return *body* under its canonical names, with what was doubtful in it.

        Raises ``Mismatch`` where the shape is wrong, or doubtful in a way that *closed*
        shuts out.
        """
        if not isinstance(body, dict):
            raise Mismatch(Flaw("", "type", "object"))
        notes: list[str] = []
        if not self._spelt.isdisjoint(body):
            body, notes = self._renamed(body, closed)
        branch = self._branch(body)
        if not branch.strict.is_valid(body):  # which nearly every body is
            branch.check(branch.lenient, body)
            notes.extend(branch.doubts(body, closed))
        return Reading(body, notes)

    def _renamed(self, body: Body, closed: frozenset[str]) -> tuple[Body, list[str]]:
        """Return the body under its canonical names; the canonical name wins."""
        notes: list[str] = []
        renamed = dict(body)
        for spelling, (name, ledger) in self._spellings.items():
            if spelling in body and ledger not in closed:
                notes.append(ledger)
                renamed.setdefault(name, renamed.pop(spelling))
        return renamed, notes

    def _branch(self, body: Body) -> "Branch":
        """Return the branch that the body means."""
        if not self._pin:
            return self._branches[0]
        if self._pin not in body:
            for branch in self._branches:
                if not branch.pinned:
                    return branch
            raise Mismatch(Flaw(self._pin, "required"))
        value = body[self._pin]
        if not isinstance(value, bool | list | dict):
            for branch in self._branches:
                if value in branch.values:
                    return branch
        raise Mismatch(Flaw(self._pin, "enum"))


class Branch:
    """One schema that a body may have."""

    def __init__(self, document: Document, where: str) -> None:
        self._document = document
        self._where, _ = document.at(where)
        self._by_ledger: dict[str, Validator] = {}
        self.parts = list(_parts(document, where))
        self.properties = [
            item for part in self.parts for item in part.get("properties", {}).items()
        ]
        self.values: frozenset[int | str] = frozenset()  # of the property that pins it
        self.pinned = False  # whether that property must be there
        self.lenient = document.validator(self._where, LENIENT)
        self.strict = document.validator(self._where, STRICT)
        self._ledgers = dict.fromkeys(
            reading["ledger"]
            for node in document.reachable(where)
            for reading in node.get("x-strict", ())
        )

    def doubts(self, body: Body, closed: frozenset[str]) -> Iterator[str]:
        """Yield the strict readings that *body* fails.

        Raises ``Mismatch`` for one of *closed*.
        """
        for ledger in self._ledgers:
            if ledger not in self._by_ledger:  # half a millisecond each, so made once
                one = self._document.validator(self._where, frozenset({ledger}))
                self._by_ledger[ledger] = one
            validator = self._by_ledger[ledger]
            if ledger in closed:
                self.check(validator, body, ledger)
            elif not validator.is_valid(body):
                yield ledger

    def check(self, validator: Validator, body: Body, ledger: str = "") -> None:
        """Raise ``Mismatch`` unless *body* is valid."""
        try:
            validator.validate(body)
        except jsonschema_rs.ValidationError as error:
            raise Mismatch(self._flaw(_likeliest(error), ledger)) from None

    def _flaw(self, error: jsonschema_rs.ValidationError, ledger: str) -> Flaw:
        kind: Any = error.kind  # its attributes depend on its name
        if kind.name == "not":
            field = _dotted([*error.instance_path, *_unwanted(kind, error.instance)])
            return Flaw(field, kind.name, ledger=ledger)
        if unexpected := getattr(kind, "unexpected", None):  # no such property
            field = _dotted([*error.instance_path, unexpected[0]])
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
                needs = self._document.at(pointer("", *above, "dependentRequired"))[1]
                other = next(each for each, names in needs.items() if name in names)
                return "required_with", other
            case [*above, "then", "required"]:
                condition = self._document.at(pointer("", *above, "if"))[1]
                absent = condition.get("not", {}).get("required", ())
                return ("required_without", absent[0]) if absent else ("required", "")
        return "required", ""


def _branches(document: Document, where: str) -> tuple[str, list[Branch]]:
    """Return the branches of a schema and the property that tells them apart."""
    where, node = document.at(where)
    if "oneOf" not in node:
        return "", [Branch(document, where)]
    branches = [
        Branch(document, f"{where}/oneOf/{index}")
        for index in range(len(node["oneOf"]))
    ]
    pin = next(
        name
        for name, _ in branches[0].properties
        if all(_pinned(dict(branch.properties).get(name)) for branch in branches)
    )
    for branch in branches:
        branch.values = frozenset(_pinned(dict(branch.properties)[pin]))
        branch.pinned = any(pin in part.get("required", ()) for part in branch.parts)
    return pin, branches


def _parts(document: Document, where: str) -> Iterator[Node]:
    """Yield the schema at *where* and those that its ``allOf`` adds."""
    where, node = document.at(where)
    yield node
    for index in range(len(node.get("allOf", ()))):
        yield from _parts(document, f"{where}/allOf/{index}")


def _pinned(node: Node) -> tuple[int | str, ...]:
    """Return the values of a property that takes a few integers and their digits."""
    branches = (node or {}).get("oneOf", ())
    return tuple(value for branch in branches for value in branch.get("enum", ()))


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
        each for node in nodes(kind.schema) for each in node.get("required", ())
    )
    return [name for name in forbidden if name in instance][:1]


def _dotted(path: Iterable[str | int]) -> str:
    return ".".join(map(str, path))
