"""What all worlds of a process share, and a transaction of theirs as a value."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any, Protocol

from msgspec import Struct, field

from emulator.world.journal import Archive
from emulator.world.counters import Tally
from emulator.world import forgetting

if TYPE_CHECKING:
    from emulator.world.world import World


class Unwritten(Exception):  # noqa: N818 - told to the client, not raised to the top
    """Nothing of a transaction has been written; the message says why."""


class Changes(Struct, frozen=True):
    """What one transaction changes, world by world: nothing of it has happened yet."""

    of: "dict[World, list[Any]]"
    happened: bool = False  # whatever a disk says: an answer from outside, say


class Store(Protocol):
    """Who keeps worlds beyond the process.

    One that takes its time has a turn for each world, in which nobody else changes that
    world, and ``keep`` instead of ``write``.
    """

    lasts: bool = True  # whether what is kept outlives the process
    turn: "Callable[[World], AbstractAsyncContextManager[None]] | None" = None

    async def keep(self, changes: Changes) -> None:
        """Keep *changes*, as ``write`` does."""
        self.write(changes)

    def write(self, changes: Changes) -> None:
        """Keep *changes*, all or none, before they are carried out.

        Raises ``Unwritten`` where that cannot be, unless they have happened.
        """

    def note(self, world: "World") -> None:
        """Note that the journal of *world* may have grown."""

    def settle(self) -> None:
        """Keep what has happened and could not be kept.  Raises ``Unwritten``."""


class Memory(Store):
    """Keeps nothing beyond the process."""

    lasts: bool = False

    def write(self, changes: Changes) -> None:
        pass

    def note(self, world: "World") -> None:
        pass

    def settle(self) -> None:
        pass


def nobody(_world: "World") -> None:
    """Carry nothing away."""


class Commons(Struct):
    """What all worlds of a process share."""

    directory: "dict[str, World]" = field(default_factory=dict)  # by token
    tally: Tally = field(default_factory=Tally)
    archive: Archive = field(default_factory=Archive)
    capacity: int = 5_000_000  # messages a world may hold
    deliveries: int = 10_000  # that are over, which a world remembers
    alarm: "Callable[[World], None]" = nobody  # told that something may leave
    store: Store = field(default_factory=Memory)
    drafts: "dict[World, list[Any]]" = field(default_factory=dict)  # kept so far
    transactions: int = 0  # that were carried out

    def collect(self, *, happened: bool = False) -> Changes:
        """Return what has been kept since the last time, as one transaction."""
        drafts, self.drafts = self.drafts, {}
        for world, changes in drafts.items():
            if len(world.deliveries) + len(changes) > self.deliveries:
                changes.extend(forgetting.oldest(world, changes, self.deliveries))
        return Changes(drafts, happened)

    def forget(self) -> None:
        """Drop what has been kept since the last time."""
        self.drafts = {}
