"""What all worlds of a process share, and a transaction as a value."""

from collections import deque
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol
from weakref import ref

from msgspec import Struct, field

from emulator.world import forgetting
from emulator.world.counters import Counters
from emulator.world.journal import JournalPool

if TYPE_CHECKING:
    from emulator.world.world import World

MOST_REVOKED_OVERALL = 10_000  # deleted tokens that all worlds know of


class StoreWriteError(Exception):
    """A transaction was not written; the message says why."""


class ChangeSet(Struct, frozen=True):
    """The changes of one transaction, by world; none of them is applied yet."""

    by_world: "dict[World, list[Any]]"
    has_happened: bool = False  # outside, so it is applied even if the disk refuses


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


class MemoryStore(Store):
    """Keeps nothing beyond the process."""

    is_durable: bool = False

    def write(self, changes: ChangeSet) -> None:
        pass

    def mark_journal_dirty(self, world: "World") -> None:
        pass

    def retry_writes(self) -> None:
        pass


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

    def collect_changes(self, *, has_happened: bool = False) -> ChangeSet:
        """Return the changes kept since the last call, as one transaction."""
        drafts, self.drafts = self.drafts, {}
        for world, changes in drafts.items():
            if len(world.deliveries) + len(changes) > self.delivery_limit:
                changes.extend(
                    forgetting.pick_oldest_deliveries(
                        world, changes, self.delivery_limit
                    )
                )
        return ChangeSet(drafts, has_happened)

    def note_revocation(
        self, world: "World", literal: str
    ) -> "tuple[World, str] | None":
        """Note that a token is deleted; return the oldest one if they are too many."""
        self.revoked.append((ref(world), literal))
        if len(self.revoked) <= MOST_REVOKED_OVERALL:
            return None
        known, oldest = self.revoked.popleft()
        other = known()
        return None if other is None else (other, oldest)

    def discard_changes(self) -> None:
        """Drop the changes kept since the last call."""
        self.drafts = {}
