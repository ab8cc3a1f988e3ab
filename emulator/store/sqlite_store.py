"""Worlds on the disk: the changes of a transaction are written before they are applied.

A world is followed row by row.  One that is new, was put into another state, or of
which the disk has refused something that happened, is written anew as a whole.  The
journal, which nothing depends on, is written a little later.
"""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from emulator.store import journal_rows, world_rows
from emulator.store.database_file import INDEX_ROW, DatabaseFile, Durability
from emulator.store.file_copy import FileCopy, remove_old_copies
from emulator.store.world_loader import LoadedWorld, WorldLoader
from emulator.timekeeping.clock import wall_now
from emulator.world import ChangeSet, Store, StoreWriteError, World
from emulator.world.containers import encode_row_value
from emulator.world.transaction import set_world_aside
from emulator.worlds import (
    WorldDirectory,
    WorldOpened,
    WorldOrigin,
    WorldRemoved,
    WorldReplaced,
    index_world,
)

JOURNAL_DELAY = 0.05  # seconds of the wall that the journal on the disk may be behind
WHOLE_WORLD_CHANGES = (
    WorldOpened,
    WorldReplaced,
    WorldRemoved,
)  # changes of a whole world

log = logging.getLogger("emulator")


@dataclass(slots=True)
class StoredWorld:
    """A stored world: its number, and how far its journal is written."""

    number: int
    newest: int = 0  # exchange of the journal
    first: int = 1  # exchange


class SqliteStore(Store):
    """Keeps the worlds of a process in the file of one directory."""

    def __init__(
        self,
        folder: Path,
        worlds: WorldDirectory,
        *,
        now: datetime,
        durability: Durability = "process",
        accept_loss: bool = False,
    ) -> None:
        """Open the directory and let its worlds be found in *worlds*.

        *now* is the machine's time.  Raises ``StoreError``.
        """
        self._file = DatabaseFile(
            folder, durability=durability, accept_loss=accept_loss
        )
        self._worlds = worlds
        self._stored: dict[World, StoredWorld] = {}
        # What is written as a whole as soon as it can be
        self._to_rewrite: dict[World, None] = {}
        self._dirty_journals: dict[World, None] = {}
        self._to_index: dict[World, None] = {}  # of which the file says too little
        self._timer: asyncio.TimerHandle | None = None
        self._copy: FileCopy | None = None
        remove_old_copies(folder)
        opened = wall_now()
        self._loader = WorldLoader(
            self._file,
            worlds,
            wall=lambda: now + (wall_now() - opened),
            follow=self._follow_world,
        )
        try:
            self._loader.list_worlds()
        except BaseException:
            self._file.close()
            raise
        for world in worlds:
            self._to_rewrite[world] = None
        worlds.use_store(self)

    def begin_copy(self) -> FileCopy | None:
        """Begin a copy; None while another is made.  Raises ``StoreWriteError``."""
        if self._copy is not None and not self._copy.is_over:
            return None
        self._write_journals()
        self._copy = FileCopy(self._file)
        return self._copy

    def close(self) -> None:
        """Write what is left to write, and release the directory."""
        if self._copy is not None:
            self._copy.discard()
        with suppress(StoreWriteError):
            self.retry_writes()
        self._write_journals()
        self._file.close()

    # --- Writing ------------------------------------------------------------------

    def write(self, changes: ChangeSet) -> None:
        """Write the changes of a transaction.

        Raises ``StoreWriteError`` where the disk refuses, unless they have happened;
        then they are written as soon as possible.
        """
        try:
            self._write_transaction(changes)
        except StoreWriteError as error:
            if not changes.has_happened:
                raise
            log.error("%s; it is written as soon as it can be", error)  # noqa: TRY400
            for world in changes.by_world:
                self._to_rewrite[world] = None

    def retry_writes(self) -> None:
        """Write again what has happened and the disk has refused.

        Raises ``StoreWriteError``.
        """
        for world in tuple(self._to_rewrite):
            try:
                with self._file.transaction():
                    followed = self._write_whole_world(
                        world, world, self._get_origin(world)
                    )
            except StoreWriteError:
                raise
            except Exception as error:  # noqa: BLE001 - that world's trouble
                set_world_aside(world, error)
                self._dirty_journals.pop(world, None)
            else:
                self._stored[world] = followed
                self._to_index[world] = None
            del self._to_rewrite[world]

    def _write_transaction(self, changes: ChangeSet) -> None:
        [(world, its_own), *others] = changes.by_world.items()
        if not (others or _has_whole_change(its_own)):
            if rows_of := world.list_changed_rows(its_own):
                self.retry_writes()
                if followed := self._stored.get(world):
                    self._file.commit_rows(followed.number, rows_of)
                    self._to_index[world] = None
                    self._schedule_journal_write()
            return
        self.retry_writes()
        followed_then: dict[World, StoredWorld | None] = {}
        with self._file.transaction():
            for world, its_own in changes.by_world.items():
                followed_then[world] = self._write_world_changes(world, its_own)
        for world, then in followed_then.items():
            if then is not None:
                self._stored[world] = then
                self._to_index[world] = None
            elif world in self._stored:
                del self._stored[world]
                for table in (self._dirty_journals, self._to_rewrite, self._to_index):
                    table.pop(world, None)
        self._schedule_journal_write()

    def _write_world_changes(
        self, world: World, changes: Sequence[Any]
    ) -> StoredWorld | None:
        """Write *changes* within a transaction; return how the world is followed then.

        A world that is gone is not followed.
        """
        followed = self._stored.get(world)
        rows_of = world.list_changed_rows(
            [each for each in changes if type(each) not in WHOLE_WORLD_CHANGES]
        )
        for each in changes:
            if isinstance(each, WorldOpened):
                followed = self._write_whole_world(world, world, each.origin)
            elif isinstance(each, WorldReplaced):
                followed = self._write_whole_world(
                    world, each.other, self._get_origin(world)
                )
            elif isinstance(each, WorldRemoved) and followed is not None:
                self._file.drop_world(followed.number)
                return None
        if followed is not None:
            self._file.add_rows(followed.number, rows_of)
            self._file.drop_index(followed.number)  # it is written once it is known
        return followed

    def _write_whole_world(
        self, world: World, other: World, origin: WorldOrigin
    ) -> StoredWorld:
        """Write that *world* is what *other* is, within a transaction."""
        number = self._file.open_world(world.name)
        self._file.add_rows(
            number, world_rows.world_to_rows(other, origin, self._worlds.library)
        )
        known = self._stored.get(world, StoredWorld(number))
        return StoredWorld(number, known.newest, known.first)

    def _get_origin(self, world: World) -> WorldOrigin:
        return self._worlds.get_origin(world)

    # --- The journal --------------------------------------------------------------

    def mark_journal_dirty(self, world: World) -> None:
        """Write the new exchanges of *world* a little later."""
        followed = self._stored.get(world)
        if followed is None:
            if world not in self._to_rewrite:  # it has been deleted
                return
        elif (world.journal.last, world.journal.first_number) == (
            followed.newest,
            followed.first,
        ):
            return
        self._dirty_journals[world] = None
        self._schedule_journal_write()

    def _schedule_journal_write(self) -> None:
        if self._timer is None:
            with suppress(RuntimeError):  # where no loop runs, the end is soon enough
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(JOURNAL_DELAY, self._write_journals)

    def _write_journals(self) -> None:
        """Write the new exchanges, delete the old ones, and merge the fresh rows.

        Then it is known what is in the worlds that have changed, and written as well.
        """
        self._timer = None
        try:
            self.retry_writes()
            with self._file.transaction():
                written = [
                    world
                    for world in self._dirty_journals
                    if self._write_journal(world, self._stored[world])
                ]
                for world in self._to_index:
                    self._write_index(world, self._stored[world].number)
        except StoreWriteError as error:
            log.error("%s; the journal is written later", error)  # noqa: TRY400
            return
        for world in written:
            followed, journal = self._stored[world], world.journal
            followed.newest, followed.first = journal.last, journal.first_number
        self._dirty_journals.clear()
        self._to_index.clear()

    def _write_journal(self, world: World, followed: StoredWorld) -> bool:
        """Write the new exchanges, within a transaction; return whether it worked."""
        journal, number = world.journal, followed.number
        try:
            new = [
                (each.number, journal_rows.encode_exchange(each))
                for each in journal.list_after(followed.newest)
            ]
        except Exception as error:  # noqa: BLE001 - that world's trouble
            set_world_aside(world, error)
            return False
        self._file.exchanges.add(number, new)
        if journal.first_number != followed.first:
            self._file.exchanges.drop(number, before=journal.first_number)
            self._file.add_rows(number, [world_rows.journal_to_row(journal)])
        return True

    def _write_index(self, world: World, number: int) -> None:
        """Write how a world is found without it, within a transaction."""
        if not world.trouble:  # otherwise it is loaded to see what it says
            octets = encode_row_value(index_world(world))
            self._file.add_rows(number, [(INDEX_ROW, 0, octets)])

    def _follow_world(self, world: World, found: LoadedWorld | None) -> None:
        """Go on from what was loaded."""
        if found is None:
            self._to_rewrite[world] = None
            return
        journal = world.journal
        self._stored[world] = StoredWorld(
            found.number, journal.last, journal.first_number
        )
        self._to_rewrite.pop(world, None)
        if found.held.state.leaving:
            self._to_rewrite[world] = None


def _has_whole_change(changes: Sequence[Any]) -> bool:
    """Whether a transaction changes a whole world."""
    return any(type(each) in WHOLE_WORLD_CHANGES for each in changes)
