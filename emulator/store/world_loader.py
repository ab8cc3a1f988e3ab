"""Worlds as they come back from the disk: at the start in a few words, then in steps.

A world that cannot be loaded is set aside with the reason, and so is an exchange of a
journal; everything else serves.
"""

import logging
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import structs

from emulator.domain import dates
from emulator.domain.platform_refusals import SERVER_ERROR
from emulator.domain.refusals import Refusal
from emulator.store import StoreError, journal_rows, world_rows
from emulator.store.database_file import DatabaseFile
from emulator.store.world_rows import HEAD_KINDS, ORIGIN_ROW
from emulator.world import StoreWriteError, World
from emulator.world.containers import DecodedRows, RowKey, finish_steps
from emulator.world.journal import Exchange
from emulator.world.world import CLOCK_ROW
from emulator.worlds import (
    DormantWorld,
    LoadSteps,
    SavedWorld,
    UnloadedWorld,
    WorldDirectory,
    WorldOrigin,
)

ROWS_PER_STEP = 200  # rows that are read until others are let in ...
BYTES_PER_STEP = 256 * 1024  # ... if there are so many bytes in them
EXCHANGES_PER_STEP = 500

log = logging.getLogger("emulator")


class LoadedWorld(NamedTuple):
    """A world as it was read from the disk."""

    number: int
    held: SavedWorld
    origin: WorldOrigin
    journal: list[Exchange]
    unreadable: dict[int, str]  # exchanges of it, and why
    gone: dict[str, Any]  # of the journal


class WorldLoader:
    """Reads the worlds of one file into a directory of worlds."""

    def __init__(
        self,
        file: DatabaseFile,
        worlds: WorldDirectory,
        *,
        wall: Callable[[], datetime],
        follow: Callable[[World, LoadedWorld | None], None],
    ) -> None:
        """*wall* asks the time.  *follow* is called with each world that is loaded.

        Without what was read, where it takes the place of one that cannot be.
        """
        self._file = file
        self._worlds = worlds
        self._wall = wall
        self._follow = follow

    def list_worlds(self) -> None:
        """Let all worlds be found.  Raises ``StoreError``."""
        names = {}
        for number, name, why in self._file.list_set_aside():
            names[number] = name
            self._add_unloaded_world(number, name, why)
        for number, name, octets in self._file.list_index_rows():
            names[number] = name
            try:
                self._add_dormant(number, name, octets)
            except StoreError:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the others serve
                self._set_world_aside(number, name, error)
        for number, exchange, why in self._file.exchanges.list_aside():
            if number in names:
                self._add_unreadable(number, names[number], exchange, why)

    def _add_dormant(self, number: int, name: str, octets: bytes | None) -> None:
        """Let a world be found that is loaded when it is asked for."""
        found: DecodedRows = {}
        if octets is None or self._worlds.has_world(name):
            found = world_rows.decode_world_rows(
                (kind, key, each)
                for kind in (*HEAD_KINDS, CLOCK_ROW, ORIGIN_ROW)
                for key, each in self._file.list_rows_of(number, kind)
            )
        index = world_rows.index_from_rows(octets, found)
        wall = self._wall()
        at = world_rows.advance_time(index.at, wall - index.wall, index.rate)
        index = structs.replace(index, at=at, wall=wall)
        head = world_rows.head_from_rows(found) if found else None
        dormant = DormantWorld(name, index, lambda: self._load_steps(number, dormant))
        self._worlds.add_dormant(dormant, head)

    def _load_steps(self, number: int, dormant: DormantWorld) -> LoadSteps:
        """Load a world, or set it aside."""
        name = dormant.name
        not_before = dormant.index.at if dormant.index.is_due_known else None
        try:
            found = yield from self._read_steps(number, name, not_before)
            return self.adopt_world(found)
        except Exception as error:  # noqa: BLE001 - whatever it is, the others serve
            try:
                self._set_world_aside(number, name, error)
            except (StoreError, StoreWriteError) as trouble:
                why = f"the world {name} cannot be loaded ({error}), and {trouble}"
                raise Refusal(SERVER_ERROR, why) from error
            left = self._worlds.drop_dormant(name)
            if left is not None:
                self._follow(left, None)
            return left

    def _read_steps(
        self, number: int, name: str, not_before: datetime | None = None
    ) -> Generator[None, None, LoadedWorld]:
        """Read a world from the disk.  Raises any error in it."""
        worlds = self._worlds
        rows = yield from self._read_row_steps(number)
        parts = world_rows.decode_world_rows(rows)
        yield
        held = yield from world_rows.saved_world_steps(
            name, parts, self._wall(), not_before=not_before
        )
        origin = world_rows.origin_from_rows(
            parts, held, worlds.library, worlds.template
        )
        journal: list[Exchange] = []
        unreadable = {}
        for exchange, octets in self._file.exchanges.list_readable(number):
            try:
                journal.append(_read_exchange(exchange, octets))
            except Exception as error:  # noqa: BLE001 - that exchange's trouble
                unreadable[exchange] = _describe_error(error)
            if len(journal) % EXCHANGES_PER_STEP == EXCHANGES_PER_STEP - 1:
                yield
        gone = world_rows.read_journal_drops(parts)
        return LoadedWorld(number, held, origin, journal, unreadable, gone)

    def _read_row_steps(
        self, number: int
    ) -> Generator[None, None, list[tuple[str, RowKey, bytes]]]:
        rows: list[tuple[str, RowKey, bytes]] = []
        kind, octets = "", 0
        key: RowKey = 0
        while portion := self._file.list_rows_after(number, kind, key, ROWS_PER_STEP):
            rows += portion
            kind, key, _ = portion[-1]
            octets += sum(len(each) for _, _, each in portion)
            if len(portion) < ROWS_PER_STEP:
                break
            if octets > BYTES_PER_STEP:
                octets = 0
                yield
        return rows

    def adopt_world(self, found: LoadedWorld) -> World:
        """Let a world that was read serve."""
        number, name = found.number, found.held.name
        if found.unreadable:
            with self._file.transaction():
                for exchange, why in found.unreadable.items():
                    self._file.exchanges.set_aside(number, exchange, why)
        for exchange, why in found.unreadable.items():
            log.warning(
                "exchange %s of the world %s cannot be read (%s): it is set aside; "
                "the world serves",
                *(exchange, name, why),
            )
            self._add_unreadable(number, name, exchange, why)
        world = self._worlds.load_world(found.held, found.origin)
        world.journal.load_exchanges(found.journal, **found.gone)
        dropped_to = world.journal.dropped_to
        for whose, exchange, _ in self._file.exchanges.list_aside():
            if whose == number and exchange > dropped_to:
                world.journal.mark_unreadable(exchange, found.held.at)
        self._follow(world, found)
        return world

    # --- What cannot be loaded ----------------------------------------------------

    def _set_world_aside(self, number: int, name: str, error: Exception) -> None:
        """Set a world aside with the reason, under another name."""
        why = _describe_error(error)
        aside = f"{name} (set aside {dates.format_timestamp(self._wall())})"
        with self._file.transaction():
            self._file.rename_world(number, aside, why)
        self._add_unloaded_world(number, aside, why)
        log.warning(
            "the world %s cannot be loaded (%s): it stays in %s as %r; "
            "the others serve",
            *(name, why, self._file.path, aside),
        )

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
        found = finish_steps(self._read_steps(number, name))
        with self._file.transaction():
            self._file.rename_world(number, name, None)
        world = self.adopt_world(found)
        del self._worlds.unloaded[aside]
        return world

    def _drop_unloaded_world(self, number: int, aside: str) -> None:
        with self._file.transaction():
            self._file.drop_world(number)
        del self._worlds.unloaded[aside]

    def _add_unreadable(self, number: int, name: str, exchange: int, why: str) -> None:
        """List an exchange that could not be read."""
        aside = f"{name} (exchange {exchange})"

        def drop() -> None:
            with self._file.transaction():
                self._file.exchanges.drop_aside(number, exchange)
            del self._worlds.unloaded[aside]

        def retry() -> World:
            world = self._worlds.find_by_name(name)
            if world is None:
                message = f"there is no world {name} any more"
                raise StoreError(message)
            octets = self._file.exchanges.read_aside(number, exchange)
            read = _read_exchange(exchange, octets)
            with self._file.transaction():
                self._file.exchanges.add(number, [(exchange, octets)])
                self._file.exchanges.drop_aside(number, exchange)
            world.journal.add_missing(read)
            del self._worlds.unloaded[aside]
            return world

        self._worlds.unloaded[aside] = UnloadedWorld(
            name, why, retry=retry, drop=drop, is_part=True
        )


def _read_exchange(number: int, octets: bytes) -> Exchange:
    """Return an exchange of a journal.  Raises any error in it."""
    read = journal_rows.decode_exchange(octets)
    if read.number != number:
        message = f"it says that it is exchange {read.number}"
        raise ValueError(message)
    return read


def _describe_error(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
