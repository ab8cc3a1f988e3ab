"""What all worlds of a process share: its counters, who keeps what they change.

A transaction is a value here; ``transaction.py`` carries it out.
"""

from bisect import bisect_left
from collections import Counter, deque
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol
from weakref import ref

from msgspec import Struct, field

from emulator.world.journal import JournalPool

if TYPE_CHECKING:
    from emulator.world.world import World

BUCKET_BOUNDS = (0.0, 0.1, 1.0, 5.0, 30.0, 120.0, 600.0, 3600.0, 86400.0)  # seconds
MOST_REVOKED_OVERALL = 10_000  # deleted tokens that all worlds know of


class StoreWriteError(Exception):
    """A transaction was not written; the message says why."""


class ChangeSet(Struct, frozen=True):
    """The changes of one transaction, by world; none of them is applied yet."""

    by_world: "dict[World, list[Any]]"
    has_happened: bool = False  # outside, so it is applied even if the disk refuses


class StoreCopy(Protocol):
    """A copy of all that a store has, as it was at one moment."""

    @property
    def is_done(self) -> bool:
        """Whether it is made, or never will be."""

    def read_pieces(self) -> Iterator[bytes]:
        """Return the bytes of the copy, which is gone then.

        Raises ``StoreWriteError`` where it could not be made.
        """

    def discard(self) -> None:
        """Give it up."""


class Store(Protocol):
    """Keeps worlds beyond the process.

    A slow one has a lock for each world, under which no other request changes that
    world, and ``write_async`` instead of ``write``.
    """

    is_durable: bool = True  # whether what is kept outlives the process
    lock_world: "Callable[[World], AbstractAsyncContextManager[None]] | None" = None

    async def write_async(self, changes: ChangeSet) -> None:
        """Write *changes*, as ``write`` does."""
        self.write(changes)

    def write(self, changes: ChangeSet) -> None:
        """Write *changes*, all or none, before they are applied.

        Raises ``StoreWriteError`` where that cannot be, unless they have happened.
        """

    def mark_journal_dirty(self, world: "World") -> None:
        """Note that the journal of *world* may have grown."""

    def retry_writes(self) -> None:
        """Write what was applied but not written.  Raises ``StoreWriteError``."""

    def begin_copy(self) -> StoreCopy | None:
        """Begin a copy; None where nothing is kept, or while another is made.

        Raises ``StoreWriteError``.
        """
        return None


class MemoryStore(Store):
    """Keeps nothing beyond the process."""

    is_durable: bool = False

    def write(self, changes: ChangeSet) -> None:
        pass

    def mark_journal_dirty(self, world: "World") -> None:
        pass

    def retry_writes(self) -> None:
        pass


class Histogram:
    """How long things took, in seconds of their worlds."""

    def __init__(self) -> None:
        self.counts = [0] * (
            len(BUCKET_BOUNDS) + 1
        )  # the last one is beyond all bounds
        self.total = 0.0

    @property
    def count(self) -> int:
        return sum(self.counts)

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKET_BOUNDS, seconds)] += 1
        self.total += seconds


class ConnectionCounts(Struct):
    """The connections of clients, over all ports."""

    open: int = 0
    limit: int = 0  # how many may be open at once
    closed: int = 0  # of those that asked for nothing, to make room for new ones
    refused: int = 0  # as there was no room to be made


class Counters:
    """Counters over all worlds, those that are gone included; but *open* they grow."""

    def __init__(self) -> None:
        self.connections = ConnectionCounts()
        self.requests: Counter[tuple[str, int]] = Counter()  # by operation and status
        self.messages: Counter[str] = Counter()  # accepted, by channel
        self.faults: Counter[str] = Counter()  # that struck, by operation
        self.attempts: Counter[tuple[str, str]] = Counter()  # by kind and verdict
        self.dropped: Counter[str] = Counter()  # receipts, by why
        self.unrecorded: Counter[str] = Counter()  # for want of room, by kind
        self.lags = Histogram()


def ignore_world(_world: "World") -> None:
    """Do nothing: there is no courier."""


class SharedState(Struct):
    """What all worlds of a process share."""

    worlds_by_token: "dict[str, World]" = field(default_factory=dict)  # by token
    counters: Counters = field(default_factory=Counters)
    journal_pool: JournalPool = field(default_factory=JournalPool)
    message_limit: int = 5_000_000  # messages a world may hold
    delivery_limit: int = 10_000  # that are over, which a world remembers
    # Called when something may leave
    wake_courier: "Callable[[World], None]" = ignore_world
    store: Store = field(default_factory=MemoryStore)
    # Changes of the open transaction
    drafts: "dict[World, list[Any]]" = field(default_factory=dict)
    transaction_count: int = 0  # since the start
    # Deleted tokens that are known, the oldest first
    revoked: "deque[tuple[ref[World], str]]" = field(default_factory=deque)

    def note_revocation(self, world: "World", literal: str) -> None:
        """Note that a token is deleted; of too many, the oldest never was one."""
        self.revoked.append((ref(world), literal))
        if len(self.revoked) <= MOST_REVOKED_OVERALL:
            return
        known, oldest = self.revoked.popleft()
        if (other := known()) is not None:
            other.revoked = tuple(each for each in other.revoked if each != oldest)
            if oldest not in other.tokens:
                self.worlds_by_token.pop(oldest, None)
