"""The journal of a world: its requests and answers, bounded in bytes.

Bodies are kept by reference, and nothing is read in them until a request asks; only one
over 64 KiB is looked at when it passes, because most of it is not kept.
"""

import re
from array import array
from bisect import bisect_left, bisect_right, insort
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from hashlib import sha256
from operator import itemgetter
from typing import Any, NamedTuple, Self

MEBIBYTE = 1024 * 1024
LARGEST_WHOLE_BODY = 64 * 1024  # octets of a body that is kept as it was
BODY_HEAD = 4 * 1024  # octets that are kept of a larger one
# What an exchange takes in memory beside the octets in it, as tracemalloc has it.
EXCHANGE_OVERHEAD = 350
CUT_BODY_SIZE = BODY_HEAD + 1_200  # what stands in the place of a body that was cut

SPARE_SHARE = 16  # what is dropped at a time frees one part in so many of the bound

HEADER_SEPARATOR = b"\n"  # of headers, where none can stand in one
JSON_CELLPHONE = re.compile(rb'"cellphone"\s*:\s*"?([0-9]{10})(?![0-9])')

HeaderPairs = Sequence[tuple[bytes, bytes]]
CellphoneNumbers = Sequence[int]


class CutBody:
    """What is kept of a large body: its size, its hash, its first 4 KiB."""

    __slots__ = ("_hash", "_known", "head", "octets")

    def __init__(self) -> None:
        self.head = b""
        self.octets = 0
        self._hash = sha256()
        self._known = ""  # the hash of a body that is gone

    @classmethod
    def from_parts(cls, head: bytes, octets: int, known: str) -> Self:
        """Return a cut body that was stored before."""
        cut = cls()
        cut.head, cut.octets, cut._known = head, octets, known
        return cut

    def add(self, octets: bytes) -> None:
        """Add the next *octets* of the body to the size and the hash."""
        if len(self.head) < BODY_HEAD:
            self.head += octets[: BODY_HEAD - len(self.head)]
        self.octets += len(octets)
        self._hash.update(octets)

    def pass_through(self, slices: Iterator[bytes]) -> Iterator[bytes]:
        """Yield *slices*, which are added as they pass."""
        for octets in slices:
            self.add(octets)
            yield octets

    @property
    def sha256(self) -> str:
        return self._known or self._hash.hexdigest()


JournalBody = bytes | CutBody


class Exchange(NamedTuple):
    """One request and its answer."""

    number: int  # counted in the world from 1
    at: datetime  # the instant of the world
    operation: str  # operationId
    method: str
    path: str
    query: bytes
    request_headers: bytes  # names and values in turn, joined by SEPARATOR
    request: JournalBody
    status: int  # of HTTP
    content_type: bytes
    answer_headers: HeaderPairs  # but for type, length and date
    answer: JournalBody
    notes: Sequence[str]  # ledger ids of what was doubtful in the request
    why: str  # of a refusal, in our words
    refusal: tuple[str, ...]  # its reason's name, the field, a ledger id; or nothing
    fault: str  # the id of the rule that struck, or empty
    duration: float  # seconds of the wall until the answer was ready
    numbers: CellphoneNumbers  # the cellphones of a request that was cut
    octets: int  # that it takes in memory


# An exchange as it is kept: its fields in a plain tuple, which the garbage collector
# leaves alone once it has seen it.
ExchangeRow = tuple[Any, ...]
NUMBER_INDEX, AT_INDEX, OCTETS_INDEX = map(
    Exchange._fields.index, ("number", "at", "octets")
)

get_number = itemgetter(NUMBER_INDEX)


def shorten_body(octets: bytes) -> JournalBody:
    """Return *octets*, or a ``CutBody`` if they are too many."""
    if len(octets) <= LARGEST_WHOLE_BODY:
        return octets
    cut = CutBody()
    cut.add(octets)
    return cut


def find_cellphones(octets: bytes) -> CellphoneNumbers:
    """Return the cellphones in a request that need not be JSON to its end."""
    return array("Q", map(int, JSON_CELLPHONE.findall(octets)))


class JournalPool:
    """Bounds the journals of a process; the least recently used shrinks first."""

    def __init__(
        self, journal_limit: int = 8 * MEBIBYTE, total_limit: int = 64 * MEBIBYTE
    ) -> None:
        self.journal_limit = journal_limit  # octets a journal may take
        self.total_limit = total_limit  # octets they all may take
        self.octets = 0
        self.latest: Journal | None = None  # which was recorded in
        self._journals: OrderedDict[Journal, None] = OrderedDict()  # the latest last

    def note_recording(self, journal: "Journal") -> None:
        """Note that something is recorded in *journal*."""
        self._journals[journal] = None
        self._journals.move_to_end(journal)
        self.latest = journal

    def forget_journal(self, journal: "Journal") -> None:
        """Note that nothing is left in *journal*."""
        self._journals.pop(journal, None)
        if self.latest is journal:
            self.latest = None

    def make_room(self) -> None:
        """Drop the excess and a little more, but never the newest exchange."""
        enough = self.total_limit - self.total_limit // SPARE_SHARE
        while self.octets > enough:
            quietest = next(iter(self._journals))
            if quietest is self.latest and len(quietest) == 1:
                return
            quietest.drop(self.octets - enough)


class Journal:
    """The exchanges of one world; the oldest are dropped to keep within a bound."""

    __slots__ = (
        "_kept",
        "_pool",
        "dropped",
        "dropped_at",
        "dropped_to",
        "last",
        "octets",
    )

    def __init__(self, archive: JournalPool) -> None:
        self._pool = archive
        # Which takes less than a deque, in most worlds
        self._kept: list[ExchangeRow] = []
        self.octets = 0
        self.last = 0  # the number of the newest exchange
        self.dropped = 0  # how many, since the journal was cleared
        self.dropped_to = 0  # the number of the last of them
        self.dropped_at: datetime | None = None  # the latest instant among them

    def record(self, row: ExchangeRow) -> None:
        """Add an exchange, whose number is the next one."""
        archive, octets = self._pool, row[OCTETS_INDEX]
        self._kept.append(row)
        self.last += 1
        self.octets += octets
        archive.octets += octets
        if archive.latest is not self:
            archive.note_recording(self)
        if self.octets > archive.journal_limit:
            self.drop(
                self.octets
                - archive.journal_limit
                + archive.journal_limit // SPARE_SHARE
            )
        if archive.octets > archive.total_limit:
            archive.make_room()

    def drop(self, octets: int) -> None:
        """Drop the oldest exchanges until *octets* bytes are free.

        The newest one of all is kept.
        """
        kept, freed, count, at = self._kept, 0, 0, self.dropped_at
        most = len(kept) - (self._pool.latest is self)
        while freed < octets and count < most:
            oldest = kept[count]
            count += 1
            freed += oldest[OCTETS_INDEX]
            at = oldest[AT_INDEX] if at is None else max(at, oldest[AT_INDEX])
            self.dropped_to = max(self.dropped_to, oldest[NUMBER_INDEX])
        del kept[:count]
        self.dropped += count
        self.dropped_at = at
        self._release_bytes(freed)

    def clear(self) -> None:
        """Forget all exchanges; the next one's number follows the last one's."""
        self._kept.clear()
        self._release_bytes(self.octets)
        self.dropped = self.dropped_to = 0
        self.dropped_at = None

    def load_exchanges(  # what is gone: the same names as our own
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

    def mark_unreadable(self, number: int, now: datetime) -> None:
        """Note that an exchange is missing, as one that was dropped would be."""
        following = bisect_left(self._kept, number, key=get_number)
        instants = [row[AT_INDEX] for row in self._kept[max(0, following - 1) :][:2]]
        if self.dropped_at is not None:
            instants.append(self.dropped_at)
        self.dropped += 1
        self.dropped_to = max(self.dropped_to, number)
        self.dropped_at = max(instants, default=now)

    def add_missing(self, exchange: Exchange) -> None:
        """Put an exchange that could not be read in its place."""
        insort(self._kept, tuple(exchange), key=get_number)
        self.octets += exchange.octets
        self._pool.octets += exchange.octets
        self._pool.note_recording(self)
        self.dropped -= 1
        if not self.dropped:
            self.dropped_to, self.dropped_at = 0, None

    @property
    def first_number(self) -> int:
        """The number of the oldest exchange that is kept, or will be."""
        return int(self._kept[0][NUMBER_INDEX]) if self._kept else self.last + 1

    def leave_pool(self) -> None:
        """Give back what the world of this journal, which is gone, takes of the bounds.

        A request that is still under way there is not kept.
        """
        self.clear()
        self._pool = JournalPool(self._pool.journal_limit, self._pool.total_limit)

    def list_after(self, number: int, most: int | None = None) -> list[Exchange]:
        """Return what is kept of the exchanges with a higher number, or the first."""
        start = bisect_right(self._kept, number, key=get_number)
        end = None if most is None else start + most
        return [*map(Exchange._make, self._kept[start:end])]

    def count_missing(self, number: int) -> int:
        """Return how many of those with a higher number are not kept any more."""
        return max(0, self.last - len(self._kept) - number)

    def list_newest_first(self) -> Iterator[Exchange]:
        """Yield the exchanges, the newest first."""
        return map(Exchange._make, reversed(self._kept))

    def has_gap(self, after: int, since: datetime | None) -> bool:
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
        """The bytes that a world's journal and those of all worlds may take."""
        return self._pool.journal_limit, self._pool.total_limit

    def _release_bytes(self, octets: int) -> None:
        self.octets -= octets
        self._pool.octets -= octets
        if not self._kept:
            self._pool.forget_journal(self)
