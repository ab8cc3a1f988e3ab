"""The shape of a request's body: required fields, other spellings, strict readings.

``x-also-called`` on a property lists its other spellings, each with a ledger id.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import jsonschema_rs
from msgspec import Struct
from msgspec.structs import replace

from emulator.contract import large_body
from emulator.contract.document import (
    LENIENT_READINGS,
    STRICT_READINGS,
    Node,
    OpenApiDocument,
    Validator,
    iterate_mappings,
    make_pointer,
)
from emulator.contract.large_body import BodySlice, LargeBodyRules

JsonBody = dict[str, Any]


class BodyFlaw(Struct, frozen=True):
    """The first mistake in a body."""

    field: str  # dotted: recipients.0.cellphone; empty for the whole body
    keyword: str  # of JSON Schema, or required_without, required_with
    limit: Any = None
    other: str = ""  # the field that the keyword speaks of
    ledger: str = ""  # of the strict reading that was not met


class BodyMismatch(Exception):  # noqa: N818 - a verdict about a body, not a mistake of ours
    def __init__(self, flaw: BodyFlaw) -> None:
        super().__init__(f"{flaw.field}: {flaw.keyword} {flaw.limit or ''}".rstrip())
        self.flaw = flaw


class BodyReading(Struct):
    """A body under its canonical names, and the ledger ids of what was doubtful."""

    body: JsonBody
    notes: list[str]


class Shape:
    """A schema, or a ``oneOf`` of schemas told apart by the values of a property."""

    def __init__(self, document: OpenApiDocument, where: str) -> None:
        self._pin, self._branches = _make_branches(document, where)
        self._spellings = {
            spelling: (name, ledger)
            for branch in self._branches
            for name, node in branch.properties
            for spelling, ledger in node.get("x-also-called", {}).items()
        }
        self._spelt = frozenset(self._spellings)

    def read_body(
        self, body: Any, closed: frozenset[str], *, size: int = 0
    ) -> BodyReading:
        """Return *body*, of *size* bytes, under its canonical names, with its doubts.

        Raises ``BodyMismatch`` where the shape is wrong, or doubtful in a way that
        *closed* shuts out.
        """
        if not isinstance(body, dict):
            raise BodyMismatch(BodyFlaw("", "type", "object"))
        notes: list[str] = []
        if not self._spelt.isdisjoint(body):
            body, notes = self._rename_fields(body, closed)
        branch = self._choose_branch(body)
        if size > large_body.LARGE:
            notes.extend(branch.list_large_doubts(body, closed))
        elif not branch.strict.is_valid(body):  # which nearly every body is
            branch.check_body(branch.lenient, body)
            notes.extend(branch.list_doubts(body, closed))
        return BodyReading(body, notes)

    def _rename_fields(
        self, body: JsonBody, closed: frozenset[str]
    ) -> tuple[JsonBody, list[str]]:
        """Return the body under its canonical names; the canonical name wins."""
        notes: list[str] = []
        renamed = dict(body)
        for spelling, (name, ledger) in self._spellings.items():
            if spelling in body and ledger not in closed:
                notes.append(ledger)
                renamed.setdefault(name, renamed.pop(spelling))
        return renamed, notes

    def _choose_branch(self, body: JsonBody) -> "ShapeBranch":
        """Return the branch that the body matches."""
        if not self._pin:
            return self._branches[0]
        if self._pin not in body:
            for branch in self._branches:
                if not branch.is_pinned:
                    return branch
            raise BodyMismatch(BodyFlaw(self._pin, "required"))
        value = body[self._pin]
        if not isinstance(value, bool | list | dict):
            for branch in self._branches:
                if value in branch.values:
                    return branch
        raise BodyMismatch(BodyFlaw(self._pin, "enum"))


class ShapeBranch:
    """One schema that a body may have."""

    def __init__(self, document: OpenApiDocument, where: str) -> None:
        self._document = document
        self._where, _ = document.resolve_pointer(where)
        self._by_ledger: dict[str, Validator] = {}
        self.parts = document.list_parts(where)
        self.lenient = document.make_validator(self._where, LENIENT_READINGS)
        self.strict = document.make_validator(self._where, STRICT_READINGS)
        self._ledgers = document.list_strict_readings(where)
        self.properties = [
            item for part in self.parts for item in part.get("properties", {}).items()
        ]
        self.values: frozenset[int | str] = frozenset()  # of the property that pins it
        self.is_pinned = False  # whether that property must be there

    def list_doubts(self, body: JsonBody, closed: frozenset[str]) -> Iterator[str]:
        """Yield the strict readings that *body* fails.

        Raises ``BodyMismatch`` for one of *closed*.
        """
        for ledger in self._ledgers:
            if ledger not in self._by_ledger:  # half a millisecond each, so made once
                one = self._document.make_validator(self._where, frozenset({ledger}))
                self._by_ledger[ledger] = one
            validator = self._by_ledger[ledger]
            if ledger in closed:
                self.check_body(validator, body, ledger)
            elif not validator.is_valid(body):
                yield ledger

    def list_large_doubts(self, body: JsonBody, closed: frozenset[str]) -> list[str]:
        """Return the strict readings that a large *body* fails.

        Raises ``BodyMismatch`` as ``check_body`` and ``list_doubts`` do, and
        ``ValueError`` for a nesting beyond all measure.
        """
        try:
            return self._check_slices(body, closed)
        except RecursionError as error:
            raise ValueError(str(error)) from None

    def _check_slices(self, body: JsonBody, closed: frozenset[str]) -> list[str]:
        name, most = large_body.find_long_array(self._large_rules, body)
        if name:
            raise BodyMismatch(BodyFlaw(name, "maxItems", most))
        doubtful: list[BodySlice] = []
        for each in large_body.slice_body(self._large_rules, body):
            if self.strict.is_valid(each.body):
                continue
            each = large_body.prune_slice(self._large_rules, each)  # noqa: PLW2901
            doubtful.append(each)
            if not self.lenient.is_valid(each.body):
                with _as_of_whole(each):
                    short = large_body.shorten_values(each.body)
                    self.check_body(self.lenient, short)
                    self.check_body(self.lenient, each.body)
        found: set[str] = set()
        for each in doubtful:
            with _as_of_whole(each):
                found.update(self.list_doubts(each.body, closed))
        return [each for each in self._ledgers if each in found]

    @cached_property
    def _large_rules(self) -> LargeBodyRules:
        return large_body.read_rules(self._document, self._where, self.properties)

    def check_body(
        self, validator: Validator, body: JsonBody, ledger: str = ""
    ) -> None:
        """Raise ``BodyMismatch`` unless *body* is valid."""
        try:
            validator.validate(body)
        except jsonschema_rs.ValidationError as error:
            raise BodyMismatch(
                self._make_flaw(_find_likeliest_error(error), ledger)
            ) from None

    def _make_flaw(self, error: jsonschema_rs.ValidationError, ledger: str) -> BodyFlaw:
        kind: Any = error.kind  # its attributes depend on its name
        if kind.name == "not":
            field = _join_path(
                [*error.instance_path, *_find_unwanted_property(kind, error.instance)]
            )
            return BodyFlaw(field, kind.name, ledger=ledger)
        if unexpected := getattr(kind, "unexpected", None):  # no such property
            field = _join_path([*error.instance_path, unexpected[0]])
            return BodyFlaw(field, kind.name, ledger=ledger)
        if kind.name != "required":
            limit = getattr(kind, "limit", None)
            return BodyFlaw(
                _join_path(error.instance_path), kind.name, limit, ledger=ledger
            )
        field = _join_path([*error.instance_path, kind.property])
        keyword, other = self._find_condition(list(error.schema_path), kind.property)
        return BodyFlaw(field, keyword, other=other, ledger=ledger)

    def _find_condition(self, where: list[str | int], name: str) -> tuple[str, str]:
        """Return why *name* is required: always, or with or without another field."""
        match where:
            case [*above, "dependentRequired"]:
                needs = self._document.resolve_pointer(
                    make_pointer("", *above, "dependentRequired")
                )[1]
                other = next(each for each, names in needs.items() if name in names)
                return "required_with", other
            case [*above, "then", "required"]:
                condition = self._document.resolve_pointer(
                    make_pointer("", *above, "if")
                )[1]
                absent = condition.get("not", {}).get("required", ())
                return ("required_without", absent[0]) if absent else ("required", "")
        return "required", ""


@contextmanager
def _as_of_whole(part: BodySlice) -> Iterator[None]:
    """Have a mismatch in *part* name its place in the whole body."""
    try:
        yield
    except BodyMismatch as mismatch:
        field = part.restore_field(mismatch.flaw.field)
        raise BodyMismatch(replace(mismatch.flaw, field=field)) from None


def _make_branches(
    document: OpenApiDocument, where: str
) -> tuple[str, list[ShapeBranch]]:
    """Return the branches of a schema and the property that tells them apart."""
    where, node = document.resolve_pointer(where)
    if "oneOf" not in node:
        return "", [ShapeBranch(document, where)]
    branches = [
        ShapeBranch(document, f"{where}/oneOf/{index}")
        for index in range(len(node["oneOf"]))
    ]
    pin = next(
        name
        for name, _ in branches[0].properties
        if all(
            _list_pinned_values(dict(branch.properties).get(name))
            for branch in branches
        )
    )
    for branch in branches:
        branch.values = frozenset(_list_pinned_values(dict(branch.properties)[pin]))
        branch.is_pinned = any(pin in part.get("required", ()) for part in branch.parts)
    return pin, branches


def _list_pinned_values(node: Node) -> tuple[int | str, ...]:
    """Return the values of a property that takes a few integers and their digits."""
    branches = (node or {}).get("oneOf", ())
    return tuple(value for branch in branches for value in branch.get("enum", ()))


def _find_likeliest_error(
    error: jsonschema_rs.ValidationError,
) -> jsonschema_rs.ValidationError:
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
    return min(
        map(_find_likeliest_error, deep), key=lambda each: each.kind.name == "type"
    )


def _find_unwanted_property(kind: Any, instance: Node) -> list[str]:
    """Return the first property that a ``not`` forbids and *instance* has."""
    forbidden = (
        each
        for node in iterate_mappings(kind.schema)
        for each in node.get("required", ())
    )
    return [name for name in forbidden if name in instance][:1]


def _join_path(path: Iterable[str | int]) -> str:
    return ".".join(map(str, path))
