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
from typing import Any, NamedTuple

from emulator.domain import dates
from emulator.store import StoreError, journal_rows, world_rows
from emulator.store.database_file import DatabaseFile
from emulator.world import ChangeSet, Store, StoreWriteError, World
from emulator.world.journal import Exchange
from emulator.world.transaction import set_world_aside
from emulator.worlds import (
    SavedWorld,
    UnloadedWorld,
    WorldDirectory,
    WorldOpened,
    WorldOrigin,
    WorldRemoved,
    WorldReplaced,
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
    dropped_to: int = 0  # exchange


class LoadedWorld(NamedTuple):
    """A world as it was read from the disk."""

    number: int
    held: SavedWorld
    origin: WorldOrigin
    journal: list[Exchange]
    gone: dict[str, Any]  # of the journal


class SqliteStore(Store):
    """Keeps the worlds of a process in the file of one directory."""

    def __init__(self, folder: Path, worlds: WorldDirectory, *, now: datetime) -> None:
        """Open the directory and load its worlds into *worlds*.

        *now* is the machine's time.  Raises ``StoreError``.
        """
        self._file = DatabaseFile(folder)
        self._worlds = worlds
        self._began = now
        self._stored: dict[World, StoredWorld] = {}
        self._to_rewrite: dict[World, None] = {}  # are to be written as a whole
        # Have exchanges that are not written yet
        self._dirty_journals: dict[World, None] = {}
        self._timer: asyncio.TimerHandle | None = None
        try:
            for number, name, why in self._file.list_set_aside():
                self._add_unloaded_world(number, name, why)
            for number, name in self._file.list_worlds():
                self._load_world(number, name)
        except BaseException:
            self._file.close()
            raise
        for world in worlds:
            if world not in self._stored:
                self._to_rewrite[world] = None
        worlds.use_store(self)

    def close(self) -> None:
        """Write what is left to write, and release the directory."""
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
            del self._to_rewrite[world]

    def _write_transaction(self, changes: ChangeSet) -> None:
        [(world, its_own), *others] = changes.by_world.items()
        if not (others or _has_whole_change(its_own)):
            if rows_of := world.list_changed_rows(its_own):
                self.retry_writes()
                if followed := self._stored.get(world):
                    self._file.commit_rows(followed.number, rows_of)
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
            elif world in self._stored:
                del self._stored[world]
                for table in (self._dirty_journals, self._to_rewrite):
                    table.pop(world, None)

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
        return StoredWorld(number, known.newest, known.dropped_to)

    def _get_origin(self, world: World) -> WorldOrigin:
        return self._worlds.get_origin(world)

    # --- The journal --------------------------------------------------------------

    def mark_journal_dirty(self, world: World) -> None:
        """Write the new exchanges of *world* a little later."""
        followed = self._stored.get(world)
        if followed is None:
            if world not in self._to_rewrite:  # it has been deleted
                return
        elif world.journal.last == followed.newest:
            return
        self._dirty_journals[world] = None
        self._schedule_journal_write()

    def _schedule_journal_write(self) -> None:
        if self._timer is None:
            with suppress(RuntimeError):  # where no loop runs, the end is soon enough
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(JOURNAL_DELAY, self._write_journals)

    def _write_journals(self) -> None:
        """Write the new exchanges, delete the old ones, and merge the fresh rows."""
        self._timer = None
        try:
            self.retry_writes()
            with self._file.transaction():
                written = [
                    world
                    for world in self._dirty_journals
                    if self._write_journal(world, self._stored[world])
                ]
        except StoreWriteError as error:
            log.error("%s; the journal is written later", error)  # noqa: TRY400
            return
        for world in written:
            followed, journal = self._stored[world], world.journal
            followed.newest, followed.dropped_to = journal.last, journal.dropped_to
        self._dirty_journals.clear()

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
        self._file.add_exchanges(number, new)
        if journal.dropped_to != followed.dropped_to:
            self._file.drop_exchanges(number, before=journal.first_number)
            self._file.add_rows(number, [world_rows.journal_to_row(journal)])
        return True

    # --- How it is read -----------------------------------------------------------

    def _load_world(self, number: int, name: str) -> None:
        """Load a stored world, or set it aside with the reason."""
        try:
            self._adopt_world(self._read_world(number, name))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others serve
            why = " ".join(str(error).split()) or type(error).__name__
            aside = f"{name} (set aside {dates.format_timestamp(self._began)})"
            with self._file.transaction():
                self._file.rename_world(number, aside, why)
            self._add_unloaded_world(number, aside, why)
            log.warning(
                "the world %s cannot be loaded (%s): it stays in %s as %r; "
                "the others serve",
                *(name, why, self._file.path, aside),
            )

    def _read_world(self, number: int, name: str) -> LoadedWorld:
        """Read a world from the disk.  Raises any error in it."""
        worlds, parts = (
            self._worlds,
            world_rows.decode_world_rows(self._file.list_rows(number)),
        )
        held = world_rows.saved_world_from_rows(name, parts, self._began)
        origin = world_rows.origin_from_rows(
            parts, held, worlds.library, worlds.template
        )
        journal = [
            journal_rows.decode_exchange(each)
            for each in self._file.list_exchanges(number)
        ]
        return LoadedWorld(
            number, held, origin, journal, world_rows.read_journal_drops(parts)
        )

    def _adopt_world(self, found: LoadedWorld) -> World:
        world = self._worlds.load_world(found.held, found.origin)
        world.journal.load_exchanges(found.journal, **found.gone)
        last, dropped_to = world.journal.last, world.journal.dropped_to
        self._stored[world] = StoredWorld(found.number, last, dropped_to)
        if found.held.state.leaving:
            self._to_rewrite[world] = None
        return world

    def _add_unloaded_world(self, number: int, aside: str, why: str) -> None:
        """List a world that could not be loaded."""
        name = aside.rpartition(" (set aside ")[0]
        self._worlds.unloaded[aside] = UnloadedWorld(
            name,
            why,
            retry=lambda: self._retry_load(number, name, aside),
            drop=lambda: self._drop_unloaded_world(number, aside),
        )

    def _retry_load(self, number: int, name: str, aside: str) -> World:
        """Try again to load a world.  Raises any error in it."""
        with self._file.transaction():
            found = self._read_world(number, name)
            self._file.rename_world(number, name, None)
        world = self._adopt_world(found)
        del self._worlds.unloaded[aside]
        return world

    def _drop_unloaded_world(self, number: int, aside: str) -> None:
        with self._file.transaction():
            self._file.drop_world(number)
        del self._worlds.unloaded[aside]


def _has_whole_change(changes: Sequence[Any]) -> bool:
    """Whether a transaction changes a whole world."""
    return any(type(each) in WHOLE_WORLD_CHANGES for each in changes)
