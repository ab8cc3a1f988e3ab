"""The containers of what a world keeps: how each is changed, written and read.

A row has a kind, which is mostly the name of the container, a key within it, and JSON.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from copy import copy
from datetime import datetime
from typing import Any, NamedTuple

import msgspec

from emulator.world import codec
from emulator.world.codec import SnapshotError, converted

Key = int | str
Row = tuple[str, Key, bytes | None]  # kind, key, and JSON; None takes it away
Parts = Mapping[str, Mapping[Key, Any]]  # what rows say, by kind and key
Pending = dict[Any, Any]  # what a transaction has written of a container so far

HEAD = "head"  # the row of all that is counted
encode = msgspec.json.Encoder().encode


def never(_thing: Any) -> Iterable[datetime]:
    """Return no instant: the thing has none."""
    return ()


def anything(_thing: Any, _where: str) -> Iterable[str]:
    """Return no mistake: what is typed well is allowed."""
    return ()


class Ids(NamedTuple):
    """Where a kind's ids come from."""

    name: str  # under which the next one is known
    first: int


class Span(NamedTuple):
    """Ids that a thing takes one of for each of its messages."""

    ids: Ids
    field: str  # of the thing: the first of them


class Kind:
    """One kind of thing; the field of the state that has it gives it its name."""

    name = ""
    takes: tuple[type, ...] = ()  # changes
    ids: Ids | None = None
    span: Span | None = None
    is_in_snapshot = True
    goes_along = True  # into the state of another world, or back into an earlier one
    is_later = False  # than what may be read: what says nothing of it has none

    def empty(self) -> Any:
        """Return the container of a world that has nothing."""
        return None

    def copied(self, value: Any) -> Any:
        """Return a container that stays as it is, whatever becomes of *value*."""
        return copy(value)

    def apply(self, state: Any, change: Any) -> None:
        """Carry *change* out."""

    def things(self, value: Any) -> Iterable[Any]:
        """Return what lies in a container."""
        del value
        return ()

    def rows(self, value: Any) -> Iterator[Row]:
        """Yield all of a container."""
        del value
        yield from ()

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        """Return what *change* is going to change; *pending* is the transaction's."""
        del change, value, pending
        return ()

    def written(self, value: Any) -> Any:
        """Return the piece of a snapshot."""
        return value

    def gathered(self, parts: Parts) -> Any:
        """Return the piece of a snapshot that rows say."""
        return list(parts[self.name].values())

    def read(self, piece: Any, now: datetime) -> Any:
        """Return the container that a snapshot says.  Raises ``SnapshotError``."""
        raise NotImplementedError

    def instants(self, value: Any) -> Iterator[datetime]:
        """Yield when something has happened."""
        del value
        yield from ()

    def mistakes(self, value: Any, now: datetime) -> Iterator[str]:
        """Yield why no world could have come to *value*."""
        del value, now
        yield from ()


def later(kind: Kind) -> Kind:
    """Return *kind* as one that snapshots and directories of before do not have."""
    kind.is_later = True
    return kind


class Things(Kind):
    """Things of one type."""

    def __init__(
        self,
        kind: type,
        *,
        ids: Ids | None = None,
        span: Span | None = None,
        dated: Callable[[Any], Iterable[datetime]] = never,
        check: Callable[[Any, str], Iterable[str]] = anything,
    ) -> None:
        self.takes = (kind,)
        self.ids = ids
        self.span = span
        self._kind = kind
        self._dated = dated
        self._check = check

    def things(self, value: Any) -> Iterable[Any]:
        return value  # type: ignore[no-any-return]

    def written(self, value: Any) -> Any:
        return [codec.plain(each) for each in self.things(value)]

    def instants(self, value: Any) -> Iterator[datetime]:
        for each in self.things(value):
            yield from self._dated(each)

    def mistakes(self, value: Any, now: datetime) -> Iterator[str]:
        for place, each in enumerate(self.things(value)):
            where = f"{self.name} {getattr(each, 'id', place)}"
            yield from self._check(each, where)
            if any(at > now for at in self._dated(each)):
                yield f"{where}: lies ahead of the clock"

    def _read(self, piece: Any) -> Iterator[Any]:
        parts = converted(piece, list[dict[str, Any]], self.name)
        for index, part in enumerate(parts):
            yield codec.read(part, self._kind, f"{self.name}.{index}")


class ById(Things):
    """A dictionary; a thing takes the place of the one with its id."""

    def empty(self) -> dict[int, Any]:
        return {}

    def things(self, value: Any) -> Iterable[Any]:
        return value.values()  # type: ignore[no-any-return]

    def apply(self, state: Any, change: Any) -> None:
        getattr(state, self.name)[change.id] = change

    def rows(self, value: Any) -> Iterator[Row]:
        for each in value.values():
            yield self.name, each.id, encode(codec.written(each))

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        del value, pending
        return ((self.name, change.id, encode(codec.written(change))),)

    def read(self, piece: Any, now: datetime) -> dict[int, Any]:
        del now
        things = list(self._read(piece))
        by_id = {each.id: each for each in things}
        if len(by_id) < len(things):
            message = f"at {self.name}: the ids do not grow"
            raise SnapshotError(message)
        return by_id


class InOrder(Things):
    """A list that only grows."""

    def empty(self) -> list[Any]:
        return []

    def apply(self, state: Any, change: Any) -> None:
        getattr(state, self.name).append(change)

    def rows(self, value: Any) -> Iterator[Row]:
        for place, each in enumerate(value):
            yield self.name, place, encode(codec.written(each))

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        place = pending.get(self.name, len(value))
        pending[self.name] = place + 1
        return ((self.name, place, encode(codec.written(change))),)

    def read(self, piece: Any, now: datetime) -> list[Any]:
        del now
        return list(self._read(piece))


class ByCampaign(Kind):
    """What has been answered of each campaign before anybody asks for it."""

    def __init__(self, takes: type, kind: Any, start: Any) -> None:
        self.takes = (takes,)
        self._kind = kind
        self._start = start

    def empty(self) -> dict[int, Any]:
        return {}

    def apply(self, state: Any, change: Any) -> None:
        table = getattr(state, self.name)
        table[change.campaign] = self.following(table, change)

    def following(self, table: Mapping[Any, Any], change: Any) -> Any:
        """Return what then stands for the campaign."""
        raise NotImplementedError

    def rows(self, value: Any) -> Iterator[Row]:
        for campaign, each in value.items():
            yield self.name, campaign, encode(each)

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        key = self.name, change.campaign
        known = pending.get(key, value.get(change.campaign, self._start))
        pending[key] = self.following({change.campaign: known}, change)
        return ((self.name, change.campaign, encode(pending[key])),)

    def written(self, value: Any) -> Any:
        return msgspec.to_builtins(dict(sorted(value.items())), str_keys=True)

    def gathered(self, parts: Parts) -> Any:
        return {str(key): each for key, each in parts[self.name].items()}

    def read(self, piece: Any, now: datetime) -> Any:
        del now
        return converted(piece, dict[int, self._kind], self.name)  # type: ignore[name-defined]


class Number(Kind):
    """A number, which some changes raise; all of them stand in one row."""

    def __init__(self, *, counts: type | None = None, is_own: bool = False) -> None:
        self.takes = () if counts is None else (counts,)
        self.is_in_snapshot = self.goes_along = not is_own

    def apply(self, state: Any, change: Any) -> None:
        setattr(state, self.name, getattr(state, self.name) + change.many)

    def rows_of(self, change: Any, value: Any, pending: Pending) -> Iterable[Row]:
        key = HEAD, self.name
        pending[key] = pending.get(key, value) + change.many
        return ()  # the row of them all is written once

    def empty(self) -> int:
        return 0

    def gathered(self, parts: Parts) -> Any:
        return parts[HEAD][0].get(self.name)

    def read(self, piece: Any, now: datetime) -> int:
        del now
        number: int = converted(piece, int, self.name)
        return number


class NextIds(Kind):
    """The next id of each kind; the things themselves say most of it."""

    def __init__(self, first: Mapping[str, int]) -> None:
        self._first = first

    def empty(self) -> Mapping[str, int]:
        return self._first  # until the first of them is given

    def written(self, value: Any) -> Any:
        return dict(value)

    def gathered(self, parts: Parts) -> Any:
        return parts[HEAD][0]["next"]

    def read(self, piece: Any, now: datetime) -> dict[str, int]:
        del now
        ids: dict[str, int] = converted(piece, dict[str, int], "next")
        return ids
