"""Worlds followed on the disk: what a transaction changes is there before it happens.

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
from emulator.world.journal import Exchange
from emulator.store import StoreError
from emulator.store import journal_rows
from emulator.store import world_rows
from emulator.store.database_file import File
from emulator.world.transaction import set_aside
from emulator.world import Changes, Store, Unwritten, World
from emulator.worlds import Aside, Held, Opened, Origin, Removed, Replaced, Worlds

BEHIND = 0.05  # seconds of the wall that the journal on the disk may be behind
WHOLE = (Opened, Replaced, Removed)  # changes of a whole world

log = logging.getLogger("emulator")


@dataclass(slots=True)
class Followed:
    """What the disk has of a world, beside its things."""

    number: int
    newest: int = 0  # exchange of the journal
    dropped_to: int = 0  # exchange


class Found(NamedTuple):
    """What the disk has of a world."""

    number: int
    held: Held
    origin: Origin
    journal: list[Exchange]
    gone: dict[str, Any]  # of the journal


class Keeper(Store):
    """Keeps the worlds of a process in the file of one directory."""

    def __init__(self, folder: Path, worlds: Worlds, *, now: datetime) -> None:
        """Open the directory and put *worlds* where they were.

        *now* is the machine's time.  Raises ``StoreError``.
        """
        self._file = File(folder)
        self._worlds = worlds
        self._began = now
        self._followed: dict[World, Followed] = {}
        self._behind: dict[World, None] = {}  # are to be written as a whole
        self._grown: dict[World, None] = {}  # have exchanges that are not written yet
        self._timer: asyncio.TimerHandle | None = None
        try:
            for number, name, why in self._file.aside():
                self._list_aside(number, name, why)
            for number, name in self._file.worlds():
                self._load(number, name)
        except BaseException:
            self._file.close()
            raise
        for world in worlds:
            if world not in self._followed:
                self._behind[world] = None
        worlds.keep_in(self)

    def close(self) -> None:
        """Write what is left to write, and let others have the directory."""
        with suppress(Unwritten):
            self.settle()
        self._catch_up()
        self._file.close()

    # --- Writing ------------------------------------------------------------------

    def write(self, changes: Changes) -> None:
        """Write what a transaction is about to change.

        Raises ``Unwritten`` where the disk refuses, unless it has happened whatever the
        disk says.
        """
        try:
            self._write(changes)
        except Unwritten as error:
            if not changes.happened:
                raise
            log.error("%s; it is written as soon as it can be", error)  # noqa: TRY400
            for world in changes.of:
                self._behind[world] = None

    def settle(self) -> None:
        """Write what the disk has refused although it happened, if it takes it now.

        Raises ``Unwritten``.
        """
        for world in tuple(self._behind):
            try:
                with self._file.transaction():
                    followed = self._write_whole(world, world, self._origin(world))
            except Unwritten:
                raise
            except Exception as error:  # noqa: BLE001 - that world's trouble
                set_aside(world, error)
                self._grown.pop(world, None)
            else:
                self._followed[world] = followed
            del self._behind[world]

    def _write(self, changes: Changes) -> None:
        [(world, its_own), *others] = changes.of.items()
        if not (others or _is_whole(its_own)):
            if rows_of := world.rows_of(its_own):
                self.settle()
                if followed := self._followed.get(world):
                    self._file.put(followed.number, rows_of)
                    self._catch_up_soon()
            return
        self.settle()
        followed_then: dict[World, Followed | None] = {}
        with self._file.transaction():
            for world, its_own in changes.of.items():
                followed_then[world] = self._write_in_part(world, its_own)
        for world, then in followed_then.items():
            if then is not None:
                self._followed[world] = then
            elif world in self._followed:
                del self._followed[world]
                for table in (self._grown, self._behind):
                    table.pop(world, None)

    def _write_in_part(self, world: World, changes: Sequence[Any]) -> Followed | None:
        """Write *changes* within a transaction; return how the world is followed then.

        Nobody follows one that is gone.
        """
        followed = self._followed.get(world)
        rows_of = world.rows_of([each for each in changes if type(each) not in WHOLE])
        for each in changes:
            if isinstance(each, Opened):
                followed = self._write_whole(world, world, each.origin)
            elif isinstance(each, Replaced):
                followed = self._write_whole(world, each.other, self._origin(world))
            elif isinstance(each, Removed) and followed is not None:
                self._file.drop(followed.number)
                return None
        if followed is not None:
            self._file.add(followed.number, rows_of)
        return followed

    def _write_whole(self, world: World, other: World, origin: Origin) -> Followed:
        """Write that *world* is what *other* is, within a transaction."""
        number = self._file.opened(world.name)
        self._file.add(number, world_rows.of_world(other, origin, self._worlds.library))
        known = self._followed.get(world, Followed(number))
        return Followed(number, known.newest, known.dropped_to)

    def _origin(self, world: World) -> Origin:
        return self._worlds.origin(world)

    # --- The journal --------------------------------------------------------------

    def note(self, world: World) -> None:
        """Have the exchanges that are new written a little later."""
        followed = self._followed.get(world)
        if followed is None:
            if world not in self._behind:  # it has been deleted
                return
        elif world.journal.last == followed.newest:
            return
        self._grown[world] = None
        self._catch_up_soon()

    def _catch_up_soon(self) -> None:
        if self._timer is None:
            with suppress(RuntimeError):  # where no loop runs, the end is soon enough
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(BEHIND, self._catch_up)

    def _catch_up(self) -> None:
        """Write the exchanges that are missing, drop the old, sort in what is fresh."""
        self._timer = None
        try:
            self.settle()
            with self._file.transaction():
                written = [
                    world
                    for world in self._grown
                    if self._write_journal(world, self._followed[world])
                ]
        except Unwritten as error:
            log.error("%s; the journal is written later", error)  # noqa: TRY400
            return
        for world in written:
            followed, journal = self._followed[world], world.journal
            followed.newest, followed.dropped_to = journal.last, journal.dropped_to
        self._grown.clear()

    def _write_journal(self, world: World, followed: Followed) -> bool:
        """Write what is new, within a transaction; return whether that can be."""
        journal, number = world.journal, followed.number
        try:
            new = [
                (each.number, journal_rows.written(each))
                for each in journal.after(followed.newest)
            ]
        except Exception as error:  # noqa: BLE001 - that world's trouble
            set_aside(world, error)
            return False
        self._file.add_exchanges(number, new)
        if journal.dropped_to != followed.dropped_to:
            self._file.drop_exchanges(number, before=journal.first)
            self._file.add(number, [world_rows.of_journal(journal)])
        return True

    # --- How it is read -----------------------------------------------------------

    def _load(self, number: int, name: str) -> None:
        """Open a world that was kept, or set it aside and say why."""
        try:
            self._adopt(self._read(number, name))
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others serve
            why = " ".join(str(error).split()) or type(error).__name__
            aside = f"{name} (set aside {dates.stamp(self._began)})"
            with self._file.transaction():
                self._file.rename(number, aside, why)
            self._list_aside(number, aside, why)
            log.warning(
                "the world %s cannot be loaded (%s): it stays in %s as %r; "
                "the others serve",
                *(name, why, self._file.path, aside),
            )

    def _read(self, number: int, name: str) -> Found:
        """Return what the disk has of a world.  Raises what is wrong with it."""
        worlds, parts = self._worlds, world_rows.parts(self._file.things(number))
        held = world_rows.held(name, parts, self._began)
        origin = world_rows.origin(parts, held, worlds.library, worlds.mould)
        journal = [journal_rows.read(each) for each in self._file.exchanges(number)]
        return Found(number, held, origin, journal, world_rows.gone(parts))

    def _adopt(self, found: Found) -> World:
        world = self._worlds.adopt(found.held, found.origin)
        world.journal.resume(found.journal, **found.gone)
        last, dropped_to = world.journal.last, world.journal.dropped_to
        self._followed[world] = Followed(found.number, last, dropped_to)
        if found.held.state.leaving:
            self._behind[world] = None
        return world

    def _list_aside(self, number: int, aside: str, why: str) -> None:
        """Have a world listed that could not be loaded."""
        name = aside.rpartition(" (set aside ")[0]
        self._worlds.aside[aside] = Aside(
            name,
            why,
            retry=lambda: self._try_again(number, name, aside),
            drop=lambda: self._drop_aside(number, aside),
        )

    def _try_again(self, number: int, name: str, aside: str) -> World:
        """Load a world that could not be.  Raises whatever goes wrong again."""
        with self._file.transaction():
            found = self._read(number, name)
            self._file.rename(number, name, None)
        world = self._adopt(found)
        del self._worlds.aside[aside]
        return world

    def _drop_aside(self, number: int, aside: str) -> None:
        with self._file.transaction():
            self._file.drop(number)
        del self._worlds.aside[aside]


def _is_whole(changes: Sequence[Any]) -> bool:
    """Whether a transaction changes a whole world."""
    return any(type(each) in WHOLE for each in changes)
