"""The recipients of a campaign, by column: a few octets a message.

50,000 recipients are an ordinary case: numbers lie in ``array('Q')``, texts joined in
one string with their ends beside it, where the garbage collector does not look.
"""

from array import array
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from operator import itemgetter
from types import MappingProxyType
from typing import Any

from emulator.domain.text import MERGE_FIELDS


@dataclass(frozen=True, slots=True)
class Column:
    """Many short strings in one; absent values are empty."""

    joined: str
    ends: "array[int]"  # in characters

    def __len__(self) -> int:
        return len(self.ends)

    def __getitem__(self, index: int) -> str:
        start = self.ends[index - 1] if index else 0
        return self.joined[start : self.ends[index]]

    def __iter__(self) -> Iterator[str]:
        for start, end in pairwise(chain((0,), self.ends)):
            yield self.joined[start:end]

    def __contains__(self, value: str) -> bool:
        return any(True for _ in self.iterate_places(value))

    def iterate_places(self, value: str) -> Iterator[int]:
        """Yield the places at which *value* stands."""
        start = self.joined.find(value)
        while start >= 0:
            index = bisect_right(self.ends, start)
            if self[index] == value:
                yield index
            start = self.joined.find(value, start + 1)

    def iterate_lengths(self) -> Iterator[int]:
        """Yield the characters of each value."""
        return (end - start for start, end in pairwise(chain((0,), self.ends)))

    def map_text(self, change: Callable[[str], str]) -> "Column":
        """Return the column under *change*, which keeps the number of characters."""
        return Column(change(self.joined), self.ends)


SCAN_LIMIT = 50  # recipients, among which one is found sooner by looking at each
NO_FIELDS: Mapping[str, Column] = MappingProxyType({})
_CELLPHONE = itemgetter("cellphone")


def make_column(values: Iterable[str]) -> Column:
    strings = list(values)
    return Column("".join(strings), array("I", accumulate(map(len, strings))))


@dataclass(frozen=True, slots=True)
class Recipients:
    """Cellphones, and a column for every field that any recipient has."""

    numbers: Sequence[int]
    fields: Mapping[str, Column]

    def __len__(self) -> int:
        return len(self.numbers)

    def __contains__(self, number: int) -> bool:
        few = len(self.numbers) <= SCAN_LIMIT
        return (
            number in self.numbers
            if few
            else any(True for _ in self.iterate_places(number))
        )

    def list_places(self, number: int) -> list[int]:
        """Return where *number* stands, the last place first."""
        return [*self.iterate_places(number)][::-1]

    def iterate_places(self, number: int) -> Iterator[int]:
        """Yield the places at which *number* stands; among 50,000 in 0.1 ms."""
        octets, one = array("Q", self.numbers).tobytes(), array("Q", [number])
        start = octets.find(one.tobytes())
        while start >= 0:
            if start % one.itemsize == 0:
                yield start // one.itemsize
            start = octets.find(one.tobytes(), start + 1)

    def get_values(self, index: int) -> dict[str, str]:
        """Return the fields of one recipient, by name."""
        return {name: column[index] for name, column in self.fields.items()}


def parse_recipients(
    rows: Sequence[Mapping[str, Any]], change: Callable[[str], str] | None = None
) -> Recipients:
    """Return the recipients of *rows*, each with a ``cellphone`` of ten digits.

    The text of their fields is under *change*, as ``Column.map_text`` has it.
    """
    numbers = array("Q", [*map(int, map(_CELLPHONE, rows))])
    fields = parse_merge_fields(rows)
    if fields and change:
        fields = {name: column.map_text(change) for name, column in fields.items()}
    return Recipients(numbers, fields)


def parse_merge_fields(rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Column]:
    """Return a column for every field of placeholders that some row carries."""
    if max(map(len, rows)) == 1:  # nothing but addresses, the ordinary case
        return NO_FIELDS
    return {
        name: make_column(row.get(name, "") for row in rows)
        for name in MERGE_FIELDS
        if any(name in row for row in rows)
    }


def find_uneven_field(rows: Sequence[Mapping[str, Any]]) -> str | None:
    """Return a field that some recipients carry and others do not, if there is one.

    Source: manual SMS-07.
    """
    for name in MERGE_FIELDS:
        carried = sum(name in row for row in rows)
        if 0 < carried < len(rows):
            return name
    return None


def format_cellphone(number: int) -> str:
    """Return the ten digits of *number*, leading zeros included."""
    return str(number).zfill(10)  # which takes half the time of a format
