"""How the parts of a world file are read and written, each by one declaration.

A codec reads what a file holds to a value, and writes the value so that it is read
again.  A ``PartCodec`` does so for a value of several fields, by a table of them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import MISSING, fields
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from emulator.domain import dates, money
from emulator.domain.handset import Outcome
from emulator.domain.recipients import format_cellphone

WorldFilePart = Mapping[str, Any]  # of a world file
WrittenPart = dict[str, Any]
DAY = timedelta(days=1)


class WorldFileMistake(Exception):  # noqa: N818 - the author's, not ours
    """Something in a world file that has the right shape and means nothing."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where  # dotted: routes.0.price


class ReadContext(NamedTuple):
    """What the rest of a file says, and what the meaning of a part depends on."""

    now: datetime  # the date of what has none of its own
    zone: ZoneInfo  # of dates without an offset
    countries: frozenset[int] = frozenset()


class Codec(Protocol):
    """One way to write a kind of value in a world file."""

    def read(self, part: Any, context: ReadContext) -> Any:
        """Return the value.  Raises ``ValueError`` where *part* means nothing."""

    def write(self, value: Any) -> Any:
        """Return what ``read`` reads as *value*; JSON-able."""


class ValueCodec(NamedTuple):
    """A codec of two functions, which know nothing of the rest of the file."""

    parse: Callable[[Any], Any]
    format: Callable[[Any], Any]

    def read(self, part: Any, context: ReadContext) -> Any:
        del context
        return self.parse(part)

    def write(self, value: Any) -> Any:
        return self.format(value)


class InstantCodec:
    """An instant, in the account's time where it is written without an offset."""

    def read(self, part: Any, context: ReadContext) -> Any:
        instant = datetime.fromisoformat(part)
        if instant.tzinfo is None:
            instant = instant.replace(tzinfo=context.zone)
        return instant.astimezone(UTC)

    def write(self, value: Any) -> Any:
        return dates.format_timestamp(value)


PLAIN = ValueCodec(lambda part: part, lambda value: value)
INTEGER = ValueCodec(int, int)  # JSON Schema takes 1.0 for one, too
MONEY = ValueCodec(money.parse_amount, money.to_exact_amount)
SECONDS = ValueCodec(lambda part: timedelta(seconds=part), timedelta.total_seconds)
DAYS = ValueCodec(lambda part: timedelta(days=part), lambda value: value / DAY)
INSTANT = InstantCodec()
ZONE = ValueCodec(ZoneInfo, str)
CELLPHONE = ValueCodec(int, format_cellphone)
OUTCOME = ValueCodec(
    lambda part: Outcome[part.upper()], lambda value: value.name.lower()
)
BY_NAME = ValueCodec(dict, lambda value: dict(sorted(value.items())))  # plain values


class ListCodec(NamedTuple):
    """A list, whose mistakes are at ``<index>``."""

    item: Codec
    container: Callable[[Sequence[Any]], Any] = tuple

    def read(self, part: Any, context: ReadContext) -> Any:
        values = []
        for index, each in enumerate(part):
            with mistake_at(index):
                values.append(self.item.read(each, context))
        return self.container(values)

    def write(self, value: Any) -> Any:
        written = [self.item.write(each) for each in value]
        return sorted(written) if self.container is frozenset else written


class UniqueListCodec(NamedTuple):
    """A list of things of which no two may have the same key."""

    item: Codec
    key: Callable[[Any], Any]
    says: str  # of two with the same key; it is given one of them
    container: Callable[[Mapping[Any, Any]], Any] = dict

    def read(self, part: Any, context: ReadContext) -> Any:
        by_key: dict[Any, Any] = {}
        for index, each in enumerate(ListCodec(self.item).read(part, context)):
            key = self.key(each)
            if key in by_key:
                raise WorldFileMistake(str(index), self.says.format(each))
            by_key[key] = each
        return self.container(by_key)

    def write(self, value: Any) -> Any:
        things = value.values() if isinstance(value, Mapping) else value
        return [self.item.write(each) for each in things]


class PairListCodec(NamedTuple):
    """A list of pairs, ``- {key: ..., value: ...}``, that becomes a mapping."""

    key_name: str
    key: Codec
    value_name: str
    value: Codec
    left_out: Any = None  # a value that is as good as no pair

    def read(self, part: Any, context: ReadContext) -> Any:
        pairs = {}
        for index, each in enumerate(part):
            with mistake_at(index):
                key = self.key.read(each[self.key_name], context)
                pairs[key] = self.value.read(each[self.value_name], context)
        kept = {key: it for key, it in pairs.items() if it != self.left_out}
        return dict(sorted(kept.items()))

    def write(self, value: Any) -> Any:
        return [
            {self.key_name: self.key.write(key), self.value_name: self.value.write(it)}
            for key, it in sorted(value.items())
        ]


class NamedCodec(NamedTuple):
    """A name for a value that has one, or the value; it is written as the value."""

    names: Mapping[str, Any]
    codec: Codec

    def read(self, part: Any, context: ReadContext) -> Any:
        if isinstance(part, str):
            return self.names[part]
        return self.codec.read(part, context)

    def write(self, value: Any) -> Any:
        return self.codec.write(value)


class PartField(NamedTuple):
    """One field of a part: its key in the file, and the attribute that holds it.

    Without a key it stands among the fields of the whole part, under keys of its own.
    """

    key: str  # account.user: the key user of the part account
    codec: Codec = PLAIN
    attribute: str = ""  # the last word of the key, without
    # Made of the values that were read before; the attribute's own, without
    default: Callable[[Mapping[str, Any], ReadContext], Any] | None = None

    @property
    def name(self) -> str:
        return self.attribute or self.key.rpartition(".")[2]


class PartCodec:
    """A value of several fields, one declaration for each, and none forgotten."""

    def __init__(
        self,
        kind: type,
        *table: PartField,
        check: Callable[[Any, ReadContext], None] | None = None,
    ) -> None:
        own = {each.name: each for each in fields(kind) if each.init}
        if own.keys() != {each.name for each in table}:
            names = ", ".join(sorted(own.keys() ^ {each.name for each in table}))
            message = f"{kind.__name__} and the table of its fields differ: {names}"
            raise TypeError(message)
        self.kind = kind
        self.table = table
        self._check = check
        self._optional = {
            name
            for name, each in own.items()
            if (each.default, each.default_factory) != (MISSING, MISSING)
        }

    def read(self, part: Any, context: ReadContext) -> Any:
        values: WrittenPart = {}
        for field in self.table:
            with mistake_at(*field.key.split(".") if field.key else ()):
                self._read_field(field, part, context, values)
        value = self.kind(**values)
        if self._check is not None:
            self._check(value, context)
        return value

    def write(self, value: Any) -> Any:
        """Return all that there is, defaults too: to change one changes no other."""
        written: WrittenPart = {}
        for field in self.table:
            its = getattr(value, field.name)
            if not field.key:
                written |= field.codec.write(its)
            elif its is not None:
                *parents, key = field.key.split(".")
                parent = written
                for each in parents:
                    parent = parent.setdefault(each, {})
                parent[key] = field.codec.write(its)
        return written

    def _read_field(
        self, field: PartField, part: Any, context: ReadContext, values: WrittenPart
    ) -> None:
        *parents, key = field.key.split(".")
        for each in parents:
            part = part[each]
        if not field.key:
            values[field.name] = field.codec.read(part, context)
        elif key in part:
            values[field.name] = field.codec.read(part[key], context)
        elif field.default is not None:
            values[field.name] = field.default(values, context)
        elif field.name not in self._optional:
            message = f"{key} is missing"
            raise ValueError(message)


@contextmanager
def mistake_at(*path: object) -> Iterator[None]:
    """Say where in the document it is that something means nothing."""
    where = ".".join(map(str, path))
    try:
        yield
    except WorldFileMistake as error:
        inner = ".".join(filter(None, (where, error.where)))
        raise WorldFileMistake(inner, str(error)) from error
    except (ValueError, KeyError, OverflowError, OSError) as error:
        raise WorldFileMistake(where, str(error)) from error
