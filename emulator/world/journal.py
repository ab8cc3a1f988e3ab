"""What was asked of a world and what it answered, bounded by octets.

Bodies are kept by reference, and nothing is read in them until somebody asks; only one
over 64 KiB is looked at when it passes, because most of it is not kept.
"""

import re
from array import array
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from typing import Any, NamedTuple, Self

MEBIBYTE = 1024 * 1024
WHOLE = 64 * 1024  # octets of a body that is kept as it was
HEAD = 4 * 1024  # octets that are kept of a larger one
# What an exchange takes in memory beside the octets in it, as tracemalloc has it.
OVERHEAD = 350
CUT = HEAD + 1_200  # what stands in the place of a body that was cut

SPARE = 16  # what is dropped at a time frees one part in so many of the bound

SEPARATOR = b"\n"  # of headers, where none can stand in one
CELLPHONE = re.compile(rb'"cellphone"\s*:\s*"?([0-9]{10})(?![0-9])')

Headers = Sequence[tuple[bytes, bytes]]
Numbers = Sequence[int]


class Cut:
    """What is kept of a large body: its size, its hash, its first 4 KiB."""

    __slots__ = ("_hash", "_known", "head", "octets")

    def __init__(self) -> None:
        self.head = b""
        self.octets = 0
        self._hash = sha256()
        self._known = ""  # the hash of a body that is gone

    @classmethod
    def kept(cls, head: bytes, octets: int, known: str) -> Self:
        """Return what was kept of a body before."""
        cut = cls()
        cut.head, cut.octets, cut._known = head, octets, known
        return cut

    def add(self, octets: bytes) -> None:
        """Let the next *octets* of the body pass."""
        if len(self.head) < HEAD:
            self.head += octets[: HEAD - len(self.head)]
        self.octets += len(octets)
        self._hash.update(octets)

    def following(self, slices: Iterator[bytes]) -> Iterator[bytes]:
        """Yield *slices*, which are added as they pass."""
        for octets in slices:
            self.add(octets)
            yield octets

    @property
    def sha256(self) -> str:
        return self._known or self._hash.hexdigest()


Body = bytes | Cut


class Exchange(NamedTuple):
    """One request and its answer."""

    number: int  # counted in the world from 1
    at: datetime  # the instant of the world
    operation: str  # operationId
    method: str
    path: str
    query: bytes
    request_headers: bytes  # names and values in turn, joined by SEPARATOR
    request: Body
    status: int  # of HTTP
    content_type: bytes
    answer_headers: Headers  # but for type, length and date
    answer: Body
    notes: Sequence[str]  # ledger ids of what was doubtful in the request
    why: str  # of a refusal, in our words
    refusal: tuple[str, ...]  # its reason's name, the field, a ledger id; or nothing
    fault: str  # the id of the rule that struck, or empty
    duration: float  # seconds of the wall until the answer was ready
    numbers: Numbers  # the cellphones of a request that was cut
    octets: int  # that it takes in memory


# An exchange as it is kept: its fields in a plain tuple, which the garbage collector
# leaves alone once it has seen it.
Row = tuple[Any, ...]
NUMBER, AT, OCTETS = map(Exchange._fields.index, ("number", "at", "octets"))


def kept(octets: bytes) -> Body:
    """Return *octets* themselves, or what is kept of so many."""
    if len(octets) <= WHOLE:
        return octets
    cut = Cut()
    cut.add(octets)
    return cut


def cellphones(octets: bytes) -> Numbers:
    """Return the cellphones in a request that need not be JSON to its end."""
    return array("Q", map(int, CELLPHONE.findall(octets)))


class Archive:
    """The journals of a process within their bounds; the quietest gives way first."""

    def __init__(self, each: int = 8 * MEBIBYTE, total: int = 64 * MEBIBYTE) -> None:
        self.each = each  # octets a journal may take
        self.total = total  # octets they all may take
        self.octets = 0
        self.latest: Journal | None = None  # which was recorded in
        self._journals: OrderedDict[Journal, None] = OrderedDict()  # the latest last

    def hear(self, journal: "Journal") -> None:
        """Note that something is recorded in *journal*."""
        self._journals[journal] = None
        self._journals.move_to_end(journal)
        self.latest = journal

    def forget(self, journal: "Journal") -> None:
        """Note that nothing is left in *journal*."""
        self._journals.pop(journal, None)
        if self.latest is journal:
            self.latest = None

    def make_room(self) -> None:
        """Drop what is too much and a little more, but for the newest exchange."""
        enough = self.total - self.total // SPARE
        while self.octets > enough:
            quietest = next(iter(self._journals))
            if quietest is self.latest and len(quietest) == 1:
                return
            quietest.drop(self.octets - enough)


class Journal:
    """The exchanges of one world; the oldest are dropped to keep within a bound."""

    __slots__ = (
        "_archive",
        "_kept",
        "dropped",
        "dropped_at",
        "dropped_to",
        "last",
        "octets",
    )

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._kept: list[Row] = []  # which takes less than a deque, in most worlds
        self.octets = 0
        self.last = 0  # the number of the newest exchange
        self.dropped = 0  # how many, since the journal was cleared
        self.dropped_to = 0  # the number of the last of them
        self.dropped_at: datetime | None = None  # the latest instant among them

    def record(self, row: Row) -> None:
        """Add an exchange, whose number is the next one."""
        archive, octets = self._archive, row[OCTETS]
        self._kept.append(row)
        self.last += 1
        self.octets += octets
        archive.octets += octets
        if archive.latest is not self:
            archive.hear(self)
        if self.octets > archive.each:
            self.drop(self.octets - archive.each + archive.each // SPARE)
        if archive.octets > archive.total:
            archive.make_room()

    def drop(self, octets: int) -> None:
        """Drop the oldest exchanges until so many octets are free.

        The newest one of all is kept.
        """
        kept, freed, count, at = self._kept, 0, 0, self.dropped_at
        most = len(kept) - (self._archive.latest is self)
        while freed < octets and count < most:
            oldest = kept[count]
            count += 1
            freed += oldest[OCTETS]
            at = oldest[AT] if at is None else max(at, oldest[AT])
            self.dropped_to = oldest[NUMBER]
        del kept[:count]
        self.dropped += count
        self.dropped_at = at
        self._give_back(freed)

    def clear(self) -> None:
        """Forget all exchanges; the next one's number follows the last one's."""
        self._kept.clear()
        self._give_back(self.octets)
        self.dropped = self.dropped_to = 0
        self.dropped_at = None

    def resume(  # what is gone: the same names as our own
        self,
        exchanges: Iterable[Exchange],
        *,
        last: int = 0,
        dropped: int = 0,
        dropped_to: int = 0,
        dropped_at: datetime | None = None,
    ) -> None:
        """Go on from what another process has recorded, and dropped."""
        self.dropped, self.dropped_to = dropped, dropped_to
        self.dropped_at = dropped_at
        for each in exchanges:
            self.record(tuple(each))
            self.last = each.number
        self.last = max(self.last, last)

    @property
    def first(self) -> int:
        """The number of the oldest exchange that is kept, or will be."""
        return int(self._kept[0][NUMBER]) if self._kept else self.last + 1

    def leave(self) -> None:
        """Give back what the world of this journal, which is gone, takes of the bounds.

        A request that is still under way there is kept for nobody.
        """
        self.clear()
        self._archive = Archive(self._archive.each, self._archive.total)

    def after(self, number: int, most: int | None = None) -> list[Exchange]:
        """Return what is kept of the exchanges with a higher number, or the first."""
        start = max(0, len(self._kept) - max(0, self.last - number))
        end = None if most is None else start + most
        return [*map(Exchange._make, self._kept[start:end])]

    def missed(self, number: int) -> int:
        """Return how many of those with a higher number are not kept any more."""
        return max(0, self.last - len(self._kept) - number)

    def latest(self) -> Iterator[Exchange]:
        """Yield the exchanges, the newest first."""
        return map(Exchange._make, reversed(self._kept))

    def misses(self, after: int, since: datetime | None) -> bool:
        """Return whether some of what came later has been dropped."""
        if self.dropped_at is None or after >= self.dropped_to:
            return False
        return since is None or since <= self.dropped_at

    def __len__(self) -> int:
        return len(self._kept)

    def __iter__(self) -> Iterator[Exchange]:
        return map(Exchange._make, self._kept)

    @property
    def bounds(self) -> tuple[int, int]:
        """The octets that a world's journal and those of all worlds may take."""
        return self._archive.each, self._archive.total

    def _give_back(self, octets: int) -> None:
        self.octets -= octets
        self._archive.octets -= octets
        if not self._kept:
            self._archive.forget(self)
