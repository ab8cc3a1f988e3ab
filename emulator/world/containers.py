"""The containers of what a world keeps: how each is changed, written and read.

A row has a kind, which is mostly the name of the container, a key within it, and JSON.
"""

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime
from typing import Any, NamedTuple, TypeVar

import msgspec

from emulator.domain.bounds import Count, Id
from emulator.world import codec
from emulator.world.codec import SnapshotError, convert_json

RowKey = int | str
StateRow = tuple[str, RowKey, bytes | None]  # kind, key, and JSON; None takes it away
DecodedRows = Mapping[str, Mapping[RowKey, Any]]  # what rows say, by kind and key
Place = Callable[[Any, Any], Any]  # puts a change into a state; returns what was there
PendingRows = dict[Any, Any]  # what a transaction has written of a container so far

HEAD_ROW = "head"  # the row of all that is counted
encode_row_value = msgspec.json.Encoder().encode


def no_instants(_thing: Any) -> Iterable[datetime]:
    """Return no instants: the thing has none."""
    return ()


def no_mistakes(_thing: Any, _where: str) -> Iterable[str]:
    """Return no mistakes: any value of the type is allowed."""
    return ()


class IdSequence(NamedTuple):
    """The sequence that a kind takes its ids from."""

    name: str  # under which the next one is known
    first: int


class IdSpan(NamedTuple):
    """Consecutive ids of a thing, one for each of its messages."""

    ids: IdSequence
    field: str  # of the thing: the first of them


Read = TypeVar("Read")
ReadSteps = Generator[None, None, Any]
STEP_WEIGHT = 4_000  # of what is read until others are let in: recipients, and ...
THING_WEIGHT = 20  # ... what a thing costs beside them


def finish_steps(steps: Generator[None, None, Read]) -> Read:
    """Return what *steps* return, without letting others in."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            read: Read = stop.value
            return read


def _weigh_part(part: Mapping[str, Any]) -> int:
    """Return how much work it is to read a thing."""
    recipients = part.get("recipients")
    numbers = recipients.get("numbers") if isinstance(recipients, dict) else None
    return THING_WEIGHT + (len(numbers) if isinstance(numbers, list) else 0)


class StateField:
    """One kind of thing; the field of the state that has it gives it its name."""

    name = ""
    change_types: tuple[type, ...] = ()  # changes
    ids: IdSequence | None = None
    span: IdSpan | None = None
    is_in_snapshot = True
    is_copied = True  # into the state of another world, or back into an earlier one
    is_optional = False  # than what may be read: what says nothing of it has none

    def make_empty(self) -> Any:
        """Return an empty container."""
        return None

    def copy_value(self, value: Any) -> Any:
        """Return a copy of *value*, which later changes do not touch."""
        return copy(value)

    def apply_change(self, state: Any, change: Any) -> Any:
        """Put *change* in its place, and return what was there, if something was."""

    def find_place(self, kind: type) -> Place:
        """Return what puts a change of this type in its place."""
        del kind
        return self.apply_change

    def list_things(self, value: Any) -> Iterable[Any]:
        """Return the things in a container."""
        del value
        return ()

    def list_rows(self, value: Any) -> Iterator[StateRow]:
        """Yield all of a container."""
        del value
        yield from ()

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        """Return the rows that *change* will change; *pending* is the transaction's."""
        del change, value, pending
        return ()

    def to_json(self, value: Any) -> Any:
        """Return the piece of a snapshot."""
        return value

    def encode_json(self, value: Any) -> Iterator[bytes]:
        """Yield the piece of a snapshot as bytes, a few at a time."""
        yield encode_row_value(self.to_json(value))

    def json_from_rows(self, parts: DecodedRows) -> Any:
        """Return the piece of a snapshot that rows hold."""
        return list(parts[self.name].values())

    def from_json(self, piece: Any, now: datetime) -> Any:
        """Return the container from a snapshot.  Raises ``SnapshotError``."""
        raise NotImplementedError

    def read_steps(self, piece: Any, now: datetime) -> ReadSteps:
        """Return what ``from_json`` does, in steps; others are let in between two."""
        yield from ()
        return self.from_json(piece, now)

    def list_instants(self, value: Any) -> Iterator[datetime]:
        """Yield the instants of the things."""
        del value
        yield from ()

    def find_mistakes(self, value: Any, now: datetime) -> Iterator[str]:
        """Yield why *value* is impossible in a world."""
        del value, now
        yield from ()


def mark_optional(kind: StateField) -> StateField:
    """Return *kind* as one that snapshots and directories of before do not have."""
    kind.is_optional = True
    return kind


class ThingsField(StateField):
    """Things of one type."""

    def __init__(
        self,
        kind: type,
        *,
        ids: IdSequence | None = None,
        span: IdSpan | None = None,
        instants_of: Callable[[Any], Iterable[datetime]] = no_instants,
        check: Callable[[Any, str], Iterable[str]] = no_mistakes,
    ) -> None:
        self.change_types = (kind,)
        self.ids = ids
        self.span = span
        self._kind = kind
        self._dated = instants_of
        self._check = check

    def list_things(self, value: Any) -> Iterable[Any]:
        return value  # type: ignore[no-any-return]

    def use_ids(self, state: Any, thing: Any) -> None:
        """Note that the ids of a thing that is new are used."""
        if self.ids is None:
            return
        following = state.next
        if not isinstance(following, dict):  # those that all worlds begin with
            following = state.next = dict(following)
        following[self.ids.name] = thing.id + 1
        if self.span is not None:
            first: int = getattr(thing, self.span.field)
            following[self.span.ids.name] = first + thing.line.messages

    def strip_thing(self, thing: Any) -> Any:
        """Return a thing without what a snapshot does not say."""
        return thing

    def to_json(self, value: Any) -> Any:
        things = map(self.strip_thing, self.list_things(value))
        return [codec.thing_to_json(each) for each in things]

    def encode_json(self, value: Any) -> Iterator[bytes]:
        comma = b"["
        for each in self.list_things(value):
            fields = codec.thing_to_fields(self.strip_thing(each))
            yield comma + encode_row_value(fields)
            comma = b","
        yield b"[]" if comma == b"[" else b"]"

    def list_instants(self, value: Any) -> Iterator[datetime]:
        for each in self.list_things(value):
            yield from self._dated(each)

    def find_mistakes(self, value: Any, now: datetime) -> Iterator[str]:
        for place, each in enumerate(self.list_things(value)):
            where = f"{self.name} {getattr(each, 'id', place)}"
            yield from self._check(each, where)
            if any(at > now for at in self._dated(each)):
                yield f"{where}: lies ahead of the clock"

    def from_json(self, piece: Any, now: datetime) -> Any:
        return finish_steps(self.read_steps(piece, now))

    def read_steps(self, piece: Any, now: datetime) -> ReadSteps:
        del now
        parts = convert_json(piece, list[dict[str, Any]], self.name)
        things, weight = [], 0
        for index, part in enumerate(parts):
            where = f"{self.name}.{index}"
            things.append(codec.thing_from_json(part, self._kind, where))
            weight += _weigh_part(part)
            if weight > STEP_WEIGHT:
                weight = 0
                yield
        return self._make_container(things)

    def _make_container(self, things: list[Any]) -> Any:
        return things


class ByIdField(ThingsField):
    """A dictionary; a thing takes the place of the one with its id."""

    def make_empty(self) -> dict[int, Any]:
        return {}

    def list_things(self, value: Any) -> Iterable[Any]:
        return value.values()  # type: ignore[no-any-return]

    def apply_change(self, state: Any, change: Any) -> Any:
        table = getattr(state, self.name)
        earlier = table.get(change.id)
        if earlier is None:
            self.use_ids(state, change)
        table[change.id] = change
        return earlier

    def list_rows(self, value: Any) -> Iterator[StateRow]:
        for each in value.values():
            yield self.name, each.id, encode_row_value(codec.thing_to_fields(each))

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        del value, pending
        return (
            (self.name, change.id, encode_row_value(codec.thing_to_fields(change))),
        )

    def _make_container(self, things: list[Any]) -> dict[int, Any]:
        by_id = {each.id: each for each in things}
        if len(by_id) < len(things):
            message = f"at {self.name}: the ids do not grow"
            raise SnapshotError(message)
        return by_id


class ListField(ThingsField):
    """A list that only grows."""

    def make_empty(self) -> list[Any]:
        return []

    def apply_change(self, state: Any, change: Any) -> None:
        self.use_ids(state, change)
        getattr(state, self.name).append(change)

    def list_rows(self, value: Any) -> Iterator[StateRow]:
        for place, each in enumerate(value):
            yield self.name, place, encode_row_value(codec.thing_to_fields(each))

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        place = pending.get(self.name, len(value))
        pending[self.name] = place + 1
        return ((self.name, place, encode_row_value(codec.thing_to_fields(change))),)


class ByCampaignField(StateField):
    """One value for each campaign, brought up to date with every change."""

    def __init__(self, change_type: type, kind: Any, start: Any) -> None:
        self.change_types = (change_type,)
        self._kind = kind
        self._start = start

    def make_empty(self) -> dict[int, Any]:
        return {}

    def apply_change(self, state: Any, change: Any) -> None:
        table = getattr(state, self.name)
        table[change.campaign] = self.next_value(table, change)

    def next_value(self, table: Mapping[Any, Any], change: Any) -> Any:
        """Return the new value for the campaign."""
        raise NotImplementedError

    def list_rows(self, value: Any) -> Iterator[StateRow]:
        for campaign, each in value.items():
            yield self.name, campaign, encode_row_value(each)

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        key = self.name, change.campaign
        known = pending.get(key, value.get(change.campaign, self._start))
        pending[key] = self.next_value({change.campaign: known}, change)
        return ((self.name, change.campaign, encode_row_value(pending[key])),)

    def to_json(self, value: Any) -> Any:
        return msgspec.to_builtins(dict(sorted(value.items())), str_keys=True)

    def json_from_rows(self, parts: DecodedRows) -> Any:
        return {str(key): each for key, each in parts[self.name].items()}

    def from_json(self, piece: Any, now: datetime) -> Any:
        del now
        return convert_json(piece, dict[Id, self._kind], self.name)  # type: ignore[name-defined]


class CounterField(StateField):
    """A number, which some changes raise; all of them stand in one row."""

    def __init__(
        self, kind: Any = Count, *, counts: type | None = None, is_own: bool = False
    ) -> None:
        self._kind = kind
        self.change_types = () if counts is None else (counts,)
        self.is_in_snapshot = self.is_copied = not is_own

    def apply_change(self, state: Any, change: Any) -> None:
        setattr(state, self.name, getattr(state, self.name) + change.count)

    def list_changed_rows(
        self, change: Any, value: Any, pending: PendingRows
    ) -> Iterable[StateRow]:
        key = HEAD_ROW, self.name
        pending[key] = pending.get(key, value) + change.count
        return ()  # the row of them all is written once

    def make_empty(self) -> int:
        return 0

    def json_from_rows(self, parts: DecodedRows) -> Any:
        return parts[HEAD_ROW][0].get(self.name)

    def from_json(self, piece: Any, now: datetime) -> int:
        del now
        number: int = convert_json(piece, self._kind, self.name)
        return number


class NextIdsField(StateField):
    """The next id of each kind; the things themselves say most of it."""

    def __init__(self, first: Mapping[str, int]) -> None:
        self._first = first

    def make_empty(self) -> Mapping[str, int]:
        return self._first  # until the first of them is given

    def copy_value(self, value: Any) -> dict[str, int]:
        return dict(value)

    def to_json(self, value: Any) -> Any:
        return dict(value)

    def json_from_rows(self, parts: DecodedRows) -> Any:
        return parts[HEAD_ROW][0]["next"]

    def from_json(self, piece: Any, now: datetime) -> dict[str, int]:
        del now
        ids: dict[str, int] = convert_json(piece, dict[str, int], "next")
        return ids
