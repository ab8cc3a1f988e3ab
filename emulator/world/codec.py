"""What a world keeps as JSON, and back: one thing at a time.

A thing is written one level deep, and msgspec knows what is below.  What comes back is
checked for the types of a thing; what a world allows is ``rules.py``'s.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec

from emulator.domain.delivery import Attempt
from emulator.domain.recipients import Column, Recipients, column
from emulator.domain.sms import Campaign
from emulator.domain.text import FIELDS, LINK_MARK, Template
from emulator.domain.timeline import Line

Document = dict[str, Any]
Columns = Mapping[str, Column]

LEFT_OUT: Mapping[type, str] = {
    Campaign: "world"
}  # the name of the world that takes it
NUMBERS = range(10**10)


class SnapshotError(Exception):
    """A document that is no state of a world; the message says where and why."""


class Fields(NamedTuple):
    """The names of what is kept, their values, and how each deep one is written."""

    names: tuple[str, ...]
    values: Callable[[object], tuple[Any, ...]]
    writers: tuple[tuple[str, Callable[[Any], Any]], ...]


def written(thing: object) -> Document:
    """Return what is kept of *thing*, one level deep; msgspec knows what is below."""
    kind: type = type(thing)
    names, values, writers = _fields(kind)
    document = dict(zip(names, values(thing), strict=True))
    for name, write in writers:
        document[name] = write(document[name])
    return document


def plain(thing: object) -> Document:
    """Return what is kept of *thing* as JSON has it, all the way down."""
    document: Document = msgspec.to_builtins(written(thing), str_keys=True)
    return document


def read(part: Document, kind: type, where: str) -> Any:
    """Return the thing of *kind* that was written as *part*.

    Raises ``SnapshotError``: ``at campaigns.0.cost: Expected `int`, got `str```.
    """
    hints = get_type_hints(kind)
    wanted = hints.keys() - {LEFT_OUT.get(kind)}
    if part.keys() != wanted:
        names = ", ".join(sorted(part.keys() ^ wanted))
        message = f"at {where}: missing or unknown: {names}"
        raise SnapshotError(message)
    values = {
        name: _READERS.get(hints[name], _other(hints[name]))(value, f"{where}.{name}")
        for name, value in part.items()
    }
    return kind(**values)


def converted(value: Any, kind: Any, where: str) -> Any:
    """Return *value*, which is JSON, as a *kind*.  Raises ``SnapshotError``."""
    try:
        made = msgspec.convert(value, kind, str_keys=True)
    except (msgspec.ValidationError, OverflowError) as error:
        message = f"at {where}: {error}"
        raise SnapshotError(message) from error
    if _is_dated(kind) and any(each.tzinfo is None for each in _instants(made)):
        message = f"at {where}: an instant has its zone, as 2026-03-02T18:00:00Z has"
        raise SnapshotError(message)
    return made


@cache
def _is_dated(kind: Any) -> bool:
    """Return whether there are instants in a *kind*."""
    parts = (*get_args(kind), *getattr(kind, "__annotations__", {}).values())
    return kind is datetime or any(map(_is_dated, parts))


def _instants(value: Any) -> Iterator[datetime]:
    if isinstance(value, datetime):
        yield value
    elif isinstance(value, tuple | list):
        for each in value:
            yield from _instants(each)


@cache
def _fields(kind: type) -> Fields:
    """Return what is kept of a *kind* that has two fields or more."""
    hints = get_type_hints(kind)
    hints.pop(LEFT_OUT.get(kind, ""), None)
    writers = {name: _WRITERS[hint] for name, hint in hints.items() if hint in _WRITERS}
    return Fields(tuple(hints), attrgetter(*hints), tuple(writers.items()))


def _recipients_written(value: Recipients) -> Document:
    return {"numbers": list(value.numbers), "fields": _columns_written(value.fields)}


def _columns_written(value: Columns) -> Document:
    return {name: list(each) for name, each in value.items()}


def _named(value: Template | Line | None) -> Document | None:
    return None if value is None else value._asdict()


def _attempts_written(value: tuple[Attempt, ...]) -> list[Document]:
    return [each._asdict() for each in value]


def _other(kind: Any) -> Any:
    return lambda value, where: converted(value, kind, where)


def _recipients(value: Any, where: str) -> Recipients:
    part = converted(value, dict[str, Any], where)
    numbers = converted(part.get("numbers"), list[int], f"{where}.numbers")
    if not all(each in NUMBERS for each in numbers):
        message = f"at {where}.numbers: a cellphone has ten digits"
        raise SnapshotError(message)
    return Recipients(array("Q", numbers), _columns(part.get("fields"), where))


def _columns(value: Any, where: str) -> Columns:
    part = converted(value, dict[str, list[str]], where)
    if not part.keys() <= set(FIELDS):
        message = f"at {where}: the fields are {', '.join(FIELDS)}"
        raise SnapshotError(message)
    return {name: column(values) for name, values in part.items()}


def _column(value: Any, where: str) -> Column:
    return column(converted(value, list[str], where))


def _template(value: Any, where: str) -> Template:
    part = converted(value, dict[str, Any], where)
    text = converted(part.get("text"), str, where)
    literals = converted(part.get("literals"), tuple[str, ...], where)
    marks = converted(part.get("marks"), tuple[str, ...], where)
    if len(literals) != len(marks) + 1 or not set(marks) <= {*FIELDS, LINK_MARK}:
        message = f"at {where}: the marks do not fit the text"
        raise SnapshotError(message)
    return Template(text, literals, marks)


def _no_template(value: Any, where: str) -> Template | None:
    return None if value is None else _template(value, where)


def _attempts(value: Any, where: str) -> tuple[Attempt, ...]:
    parts = converted(value, list[dict[str, Any]], where)
    return tuple(read(part, Attempt, f"{where}.{i}") for i, part in enumerate(parts))


def _line(value: Any, where: str) -> Line:
    part = converted(value, dict[str, Any], where)
    return Line(
        **{
            name: converted(part.get(name), kind, f"{where}.{name}")
            for name, kind in get_type_hints(Line).items()
        }
    )


_WRITERS: Mapping[Any, Callable[[Any], Any]] = {
    Line: _named,
    Recipients: _recipients_written,
    Columns: _columns_written,
    Column: list,
    tuple[Attempt, ...]: _attempts_written,
    Template: _named,
    Template | None: _named,
}
_READERS: Mapping[Any, Any] = {
    Line: _line,
    Recipients: _recipients,
    Columns: _columns,
    Column: _column,
    tuple[Attempt, ...]: _attempts,
    Template: _template,
    Template | None: _no_template,
}
