"""What a number, an instant and a duration may be, wherever one comes in.

One table.  The types of what is kept have these bounds beside them, and what reads a
snapshot or a row asks ``make_bound_check``; the schema of world files and the contract
of the control API say the same, and so do the options of the command line.  Within
these bounds nothing that is reckoned from them leaves what a 64-bit integer, a double
and a ``datetime`` can hold.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import UnionType
from typing import (
    Annotated,
    Any,
    NamedTuple,
    Union,
    get_args,
    get_origin,
    get_type_hints,
)

MAX_INTEGER = 2**53  # what JSON carries exactly; ids, money in millionths
MIN_SEED, MAX_SEED = -(2**63), 2**63 - 1  # what is hashed with a number
MAX_COUNT = 10**9
MAX_MESSAGES = 50_000  # of a campaign; source: manual SMS-09, VOI-06, EML-34
MAX_SECONDS = 10**9  # of a duration: 31 years
MAX_INTERVAL_SECONDS = 86_400  # between two messages of a campaign
MAX_RETRY_SCALE = 10_000  # times a day, which is what a retry takes: 27 years
MAX_CREDIT = MAX_INTEGER // 10**6  # in the account's currency

WORLD_START = datetime(2000, 1, 1, tzinfo=UTC)
WORLD_END = datetime(9000, 1, 1, tzinfo=UTC)  # of all worlds; dates reckon beyond it
LAST_INSTANT = WORLD_END - timedelta(microseconds=1)  # at which every clock stops
FIRST_DAY, LAST_DAY = (
    datetime(1000, 1, 2, tzinfo=UTC),
    datetime(9999, 12, 30, tzinfo=UTC),
)  # whatever their zone
MAX_DURATION = timedelta(seconds=MAX_SECONDS)
LONGEST_CAMPAIGN = timedelta(seconds=MAX_MESSAGES * MAX_INTERVAL_SECONDS)


class Bounds(NamedTuple):
    """The least and the most that a value of a type may be."""

    first: Any
    last: Any
    words: str  # what it is, as it ends a sentence

    def find_mistake(self, value: Any) -> str:
        """Return what is wrong with *value*; empty where nothing is."""
        if isinstance(value, datetime) and value.tzinfo is None:
            return "an instant has its zone, as 2026-03-02T18:00:00Z has"
        if self.first <= value <= self.last:
            return ""
        return f"expected {self.words}"


def _bound_number(first: float, last: float) -> Bounds:
    return Bounds(first, last, f"a number from {first} to {last}")


Id = Annotated[int, _bound_number(1, MAX_INTEGER)]
OptionalId = Annotated[int, _bound_number(0, MAX_INTEGER)]  # 0 is none
Money = Annotated[int, _bound_number(-MAX_INTEGER, MAX_INTEGER)]  # millionths
Price = Annotated[int, _bound_number(0, MAX_INTEGER)]  # millionths
Count = Annotated[int, _bound_number(0, MAX_COUNT)]
Octet = Annotated[int, _bound_number(0, 0xFF)]
Reference = Annotated[int, _bound_number(0, 0xFFFF)]  # of a message in parts
StatusCode = Annotated[int, _bound_number(0, 0xFFFFFFFF)]  # of HTTP or SMPP
Cellphone = Annotated[int, Bounds(0, 10**10 - 1, "a cellphone of ten digits")]
RetryScale = Annotated[int, _bound_number(0, MAX_RETRY_SCALE)]
Share = Annotated[float, _bound_number(0, 1)]
Seconds = Annotated[float, _bound_number(0, MAX_SECONDS)]
Instant = Annotated[
    datetime, Bounds(WORLD_START, LAST_INSTANT, "an instant of the years 2000 to 8999")
]
# What a customer dates, and what follows from that: it may lie after the end.
PlannedInstant = Annotated[
    datetime, Bounds(FIRST_DAY, LAST_DAY, "a date of the years 1000 to 9999")
]
Duration = Annotated[
    timedelta,
    Bounds(timedelta(), MAX_DURATION, f"a duration of 0 to {MAX_SECONDS} seconds"),
]

BoundCheck = Callable[[Any], Iterator[str]]  # yields what is wrong with a value


def find_bounds(kind: Any) -> Bounds | None:
    """Return the bounds that stand beside a type."""
    found = getattr(kind, "__metadata__", ())
    return next((each for each in found if isinstance(each, Bounds)), None)


def make_bound_check(kind: Any) -> BoundCheck | None:
    """Return what finds values out of their bounds in a *kind*, if it has any."""
    origin, parts = get_origin(kind), get_args(kind)
    if origin is Annotated:
        return _make_range_check(find_bounds(kind))
    if origin in {Union, UnionType}:
        return _make_union_check(parts)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _make_mapping_check(*map(make_bound_check, parts))
    if origin is tuple or origin is list:
        return _make_items_check(parts[0])
    if hasattr(kind, "__dataclass_fields__") or hasattr(kind, "_fields"):
        return _make_fields_check(kind)
    return None


def _make_range_check(bounds: Bounds | None) -> BoundCheck | None:
    if bounds is None:
        return None

    def check(value: Any) -> Iterator[str]:
        if mistake := bounds.find_mistake(value):
            yield mistake

    return check


def _make_union_check(parts: tuple[Any, ...]) -> BoundCheck | None:
    """Return the check of a kind that may be absent."""
    found = [check for each in parts if (check := make_bound_check(each))]
    if not found:
        return None
    (check,) = found
    return lambda value: iter(()) if value is None else check(value)


def _make_items_check(kind: Any) -> BoundCheck | None:
    check, bounds = make_bound_check(kind), find_bounds(kind)
    if check is None:
        return None
    if bounds is not None and isinstance(bounds.first, int):  # a million of them
        return lambda value: check_ends(value, check)
    return lambda value: (each for item in value for each in check(item))


def check_ends(numbers: Sequence[int], check: BoundCheck) -> Iterator[str]:
    """Yield what is wrong with the least and the greatest of *numbers*."""
    if numbers:
        yield from check(min(numbers))
        yield from check(max(numbers))


def _make_mapping_check(
    key: BoundCheck | None, value: BoundCheck | None
) -> BoundCheck | None:
    checks = [each for each in (key, value) if each]
    if not checks:
        return None

    def check(table: Any) -> Iterator[str]:
        for name, each in table.items():
            if key:
                yield from key(name)
            if value:
                yield from (f"{name}: {it}" for it in value(each))

    return check


def _make_fields_check(kind: type) -> BoundCheck | None:
    hints = get_type_hints(kind, include_extras=True)
    found = ((name, make_bound_check(hint)) for name, hint in hints.items())
    checks = [(name, check) for name, check in found if check]
    if not checks:
        return None

    def check_fields(value: Any) -> Iterator[str]:
        for name, check in checks:
            for each in check(getattr(value, name)):
                yield f"{name}: {each}"

    return check_fields
