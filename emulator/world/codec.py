"""What a world keeps as JSON, and back: one thing at a time.

A thing is written one level deep, and msgspec knows what is below.  What comes back is
checked for the types of a thing; what a world allows is ``rules.py``'s.
"""

from array import array
from collections.abc import Callable, Mapping
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, get_type_hints

import msgspec

from emulator.domain.bounds import Cellphone, make_bound_check
from emulator.domain.delivery import Attempt
from emulator.domain.recipients import Column, Recipients, make_column
from emulator.domain.sms import SmsCampaign
from emulator.domain.text import LINK_MARK, MERGE_FIELDS, TextTemplate
from emulator.domain.timeline import SendSchedule

JsonObject = dict[str, Any]
Columns = Mapping[str, Column]
Reader = Callable[[Any, str], Any]  # of a value and of where it stands

OMITTED_FIELDS: Mapping[type, str] = {
    SmsCampaign: "world"
}  # the name of the world that takes it


class SnapshotError(Exception):
    """A document that is no state of a world; the message says where and why."""


class ThingFields(NamedTuple):
    """The names of what is kept, their values, and how each deep one is written."""

    names: tuple[str, ...]
    values: Callable[[object], tuple[Any, ...]]
    writers: tuple[tuple[str, Callable[[Any], Any]], ...]


def thing_to_fields(thing: object) -> JsonObject:
    """Return what is kept of *thing*, one level deep; msgspec knows what is below."""
    kind: type = type(thing)
    names, values, writers = _fields_of(kind)
    document = dict(zip(names, values(thing), strict=True))
    for name, write in writers:
        document[name] = write(document[name])
    return document


def thing_to_json(thing: object) -> JsonObject:
    """Return what is kept of *thing* as JSON has it, all the way down."""
    document: JsonObject = msgspec.to_builtins(thing_to_fields(thing), str_keys=True)
    return document


def thing_from_json(part: JsonObject, kind: type, where: str) -> Any:
    """Return the thing of *kind* that was written as *part*.

    Raises ``SnapshotError``: ``at campaigns.0.cost: Expected `int`, got `str```.
    """
    readers = _readers_of(kind)
    if part.keys() != readers.keys():
        names = ", ".join(sorted(part.keys() ^ readers.keys()))
        message = f"at {where}: missing or unknown: {names}"
        raise SnapshotError(message)
    readers = _readers_of(kind)
    values = {
        name: readers[name](value, f"{where}.{name}") for name, value in part.items()
    }
    return kind(**values)


def convert_json(value: Any, kind: Any, where: str) -> Any:
    """Return *value*, which is JSON, as a *kind*.  Raises ``SnapshotError``."""
    return _make_reader(kind)(value, where)


@cache
def _hints_of(kind: type) -> Mapping[str, Any]:
    """Return the types of a *kind*'s fields, with their bounds."""
    return get_type_hints(kind, include_extras=True)


@cache
def _fields_of(kind: type) -> ThingFields:
    """Return what is kept of a *kind* that has two fields or more."""
    hints = dict(_hints_of(kind))
    hints.pop(OMITTED_FIELDS.get(kind, ""), None)
    writers = {name: _WRITERS[hint] for name, hint in hints.items() if hint in _WRITERS}
    return ThingFields(tuple(hints), attrgetter(*hints), tuple(writers.items()))


def _write_recipients(value: Recipients) -> JsonObject:
    return {"numbers": list(value.numbers), "fields": _write_columns(value.fields)}


def _write_columns(value: Columns) -> JsonObject:
    return {name: list(each) for name, each in value.items()}


def _write_namedtuple(value: TextTemplate | SendSchedule | None) -> JsonObject | None:
    return None if value is None else value._asdict()


def _write_attempts(value: tuple[Attempt, ...]) -> list[JsonObject]:
    return [each._asdict() for each in value]


@cache
def _readers_of(kind: type) -> Mapping[str, Reader]:
    """Return what reads each field of a *kind*."""
    return {
        name: _READERS.get(hint) or _make_reader(hint)
        for name, hint in _hints_of(kind).items()
        if name != OMITTED_FIELDS.get(kind)
    }


@cache
def _make_reader(kind: Any) -> Reader:
    check = make_bound_check(kind)

    def read(value: Any, where: str) -> Any:
        try:
            made = msgspec.convert(value, kind, str_keys=True)
        except (msgspec.ValidationError, OverflowError) as error:
            message = f"at {where}: {error}"
            raise SnapshotError(message) from error
        for mistake in check(made) if check else ():
            message = f"at {where}: {mistake}"
            raise SnapshotError(message)
        return made

    return read


def _read_recipients(value: Any, where: str) -> Recipients:
    part = convert_json(value, dict[str, Any], where)
    numbers = convert_json(part.get("numbers"), list[Cellphone], f"{where}.numbers")
    return Recipients(array("Q", numbers), _read_columns(part.get("fields"), where))


def _read_columns(value: Any, where: str) -> Columns:
    part = convert_json(value, dict[str, list[str]], where)
    if not part.keys() <= set(MERGE_FIELDS):
        message = f"at {where}: the fields are {', '.join(MERGE_FIELDS)}"
        raise SnapshotError(message)
    return {name: make_column(values) for name, values in part.items()}


def _read_column(value: Any, where: str) -> Column:
    return make_column(convert_json(value, list[str], where))


def _read_template(value: Any, where: str) -> TextTemplate:
    part = convert_json(value, dict[str, Any], where)
    text = convert_json(part.get("text"), str, where)
    literals = convert_json(part.get("literals"), tuple[str, ...], where)
    marks = convert_json(part.get("marks"), tuple[str, ...], where)
    if len(literals) != len(marks) + 1 or not set(marks) <= {*MERGE_FIELDS, LINK_MARK}:
        message = f"at {where}: the marks do not fit the text"
        raise SnapshotError(message)
    return TextTemplate(text, literals, marks)


def _read_optional_template(value: Any, where: str) -> TextTemplate | None:
    return None if value is None else _read_template(value, where)


def _read_attempts(value: Any, where: str) -> tuple[Attempt, ...]:
    parts = convert_json(value, list[dict[str, Any]], where)
    return tuple(
        thing_from_json(part, Attempt, f"{where}.{i}") for i, part in enumerate(parts)
    )


def _read_send_schedule(value: Any, where: str) -> SendSchedule:
    part = convert_json(value, dict[str, Any], where)
    return SendSchedule(
        **{
            name: convert_json(part.get(name), kind, f"{where}.{name}")
            for name, kind in _hints_of(SendSchedule).items()
        }
    )


_SCHEDULE_HINTS = get_type_hints(SendSchedule)
_WRITERS: Mapping[Any, Callable[[Any], Any]] = {
    SendSchedule: _write_namedtuple,
    Recipients: _write_recipients,
    Columns: _write_columns,
    Column: list,
    tuple[Attempt, ...]: _write_attempts,
    TextTemplate: _write_namedtuple,
    TextTemplate | None: _write_namedtuple,
}
_READERS: Mapping[Any, Any] = {
    SendSchedule: _read_send_schedule,
    Recipients: _read_recipients,
    Columns: _read_columns,
    Column: _read_column,
    tuple[Attempt, ...]: _read_attempts,
    TextTemplate: _read_template,
    TextTemplate | None: _read_optional_template,
}
