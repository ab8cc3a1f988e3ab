"""Worlds followed on the disk: what a transaction changes is there before it is told.

A world is followed row by row.  One that is new, was put into another state, or of
which the disk has refused something that happened, is written anew as a whole.  The
journal, which nothing depends on, is written a little later.
"""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from emulator.clock import Clock
from emulator.domain import dates, refusals
from emulator.domain.refusals import Refusal
from emulator.faults import Rule
from emulator.store import StoreError, exchanges, rows
from emulator.store.file import File, Row, Unwritten
from emulator.world import Entity, World
from emulator.worlds import Worlds

BEHIND = 0.05  # seconds of the wall that the journal on the disk may be behind

log = logging.getLogger("emulator")


@dataclass(slots=True)
class Followed:
    """What the disk has of a world, beside its things."""

    number: int
    dial: tuple[Clock, int]
    rate: float
    faults: tuple[Rule, ...]
    counts: tuple[int, ...]
    leaving: set[int]
    newest: int = 0  # exchange of the journal
    dropped_to: int = 0  # exchange


class Keeper:
    """Keeps the worlds of a process in the file of one directory."""

    def __init__(self, folder: Path, worlds: Worlds, *, now: datetime) -> None:
        """Open the directory and put *worlds* where they were.

        *now* is the machine's time.  Raises ``StoreError``.
        """
        self._file = File(folder)
        self._worlds = worlds
        self._began = now
        self._followed: dict[World, Followed] = {}
        self._anew: dict[World, None] = {}  # are to be written as a whole
        self._dropped: dict[World, list[Row]] = {}  # deliveries, still on the disk
        self._grown: dict[World, None] = {}  # have exchanges that are not written yet
        self._timer: asyncio.TimerHandle | None = None
        try:
            for number, name in self._file.worlds():
                self._load(number, name)
        except BaseException:
            self._file.close()
            raise
        for world in worlds:
            if world not in self._followed:
                self.mark(world)
        worlds.keep_in(self)

    def close(self) -> None:
        """Write what is left to write, and let others have the directory."""
        self._write_what_has_happened()
        self._catch_up()
        self._file.close()

    # --- What worlds tell ---------------------------------------------------------

    def mark(self, world: World) -> None:
        """Have *world* written as a whole: it is new, or another than it was."""
        self._anew[world] = None

    def write(
        self, world: World, entities: Sequence[Entity], *, happened: bool
    ) -> None:
        """Write what a transaction is about to change.

        Refuses where the disk does, unless it has *happened* whatever the disk says.
        """
        try:
            self._put(world, rows.of_entities(world, entities))
        except Unwritten as error:
            if not happened:
                raise Refusal(refusals.SERVER_ERROR, str(error)) from error
            log.error("%s", error)  # noqa: TRY400 - a sentence, and no mistake of ours
            self.mark(world)
        followed = self._followed.get(world)
        if followed is not None and world.journal.last != followed.newest:
            self._grown[world] = None
            self._catch_up_soon()

    def look(self, world: World) -> None:
        """Write what has changed outside of transactions.  Refuses as ``write``."""
        self.write(world, (), happened=False)

    def leave(self, world: World, deliveries: Iterable[int]) -> None:
        """Write that *deliveries* are about to leave."""
        numbers = list(deliveries)
        try:
            self._put(world, [(rows.LEAVING, each, b"1") for each in numbers])
        except Unwritten as error:
            log.error("%s", error)  # noqa: TRY400
        else:
            if world in self._followed:
                self._followed[world].leaving.update(numbers)

    def drop(self, world: World, delivery: int) -> None:
        """Have a delivery that is forgotten taken away with what is written next."""
        self._dropped.setdefault(world, []).append((rows.DELIVERIES, delivery, None))

    def forget(self, world: World) -> None:
        """Take *world* away.  Refuses where the disk does."""
        followed = self._followed.get(world)
        try:
            if followed is not None:
                with self._file.transaction():
                    self._file.drop(followed.number)
        except Unwritten as error:
            raise Refusal(refusals.SERVER_ERROR, str(error)) from error
        self._followed.pop(world, None)
        for table in (self._anew, self._dropped, self._grown):
            table.pop(world, None)

    # --- How it is written --------------------------------------------------------

    def _put(self, world: World, changes: list[Row]) -> None:
        """Write *changes*, and what else the disk does not have of any world."""
        for each in tuple(self._anew):
            self._write_anew(each)
        followed = self._followed.get(world)
        if followed is None:  # it has been deleted
            return
        answered = _answered(followed, changes)
        changes += [(rows.LEAVING, each, None) for each in answered]
        changes += self._dropped.get(world, ())
        dial, counts = (world.clock, world.clock.turned), rows.counts(world)
        rate = followed.rate if world.moving else world.clock.rate
        if dial != followed.dial or rate != followed.rate:
            changes.append(rows.of_clock(world, rate))
        if world.faults is not followed.faults:
            changes.append(rows.of_faults(world))
        if counts != followed.counts:
            changes.append(rows.of_head(world))
        if not changes:
            return
        self._file.put(followed.number, changes)
        self._catch_up_soon()
        self._dropped.pop(world, None)
        followed.leaving.difference_update(answered)
        followed.dial, followed.rate = dial, rate
        followed.faults, followed.counts = world.faults, counts

    def _write_anew(self, world: World) -> None:
        origin, library = self._worlds.origin(world), self._worlds.library
        known = self._followed.get(world)
        with self._file.transaction():
            number = self._file.opened(world.name)
            self._file.add(number, rows.of_world(world, origin, library))
        followed = self._followed[world] = _followed(world, number)
        if known is not None:
            followed.newest, followed.dropped_to = known.newest, known.dropped_to
        self._dropped.pop(world, None)
        del self._anew[world]

    def _write_what_has_happened(self) -> None:
        """Write what the disk has refused before, if it takes it now."""
        try:
            for each in tuple(self._anew):
                self._write_anew(each)
        except Unwritten as error:
            log.error("%s", error)  # noqa: TRY400

    def _catch_up_soon(self) -> None:
        if self._timer is None:
            with suppress(RuntimeError):  # where no loop runs, the end is soon enough
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(BEHIND, self._catch_up)

    def _catch_up(self) -> None:
        """Write the exchanges that are missing, drop the old, sort in what is fresh."""
        self._timer = None
        try:
            with self._file.transaction():
                for world in self._grown:
                    self._write_journal(world, self._followed[world])
        except Unwritten as error:
            log.error("%s", error)  # noqa: TRY400
            return
        for world in self._grown:
            followed, journal = self._followed[world], world.journal
            followed.newest, followed.dropped_to = journal.last, journal.dropped_to
        self._grown.clear()

    def _write_journal(self, world: World, followed: Followed) -> None:
        journal, number = world.journal, followed.number
        new = (
            (each.number, exchanges.written(each))
            for each in journal.after(followed.newest)
        )
        self._file.add_exchanges(number, new)
        if journal.dropped_to != followed.dropped_to:
            self._file.drop_exchanges(number, before=journal.first)
            self._file.add(number, [rows.of_journal(journal)])

    # --- How it is read -----------------------------------------------------------

    def _load(self, number: int, name: str) -> None:
        """Open a world that was kept, or set it aside and say why."""
        try:
            self._open(number, name)
        except StoreError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the others serve
            why = " ".join(str(error).split()) or type(error).__name__
            aside = f"{name} (set aside {dates.stamp(self._began)})"
            self._file.set_aside(number, aside, why)
            log.warning(
                "the world %s cannot be loaded (%s): it stays in %s as %r; "
                "the others serve",
                *(name, why, self._file.path, aside),
            )

    def _open(self, number: int, name: str) -> None:
        worlds, found = self._worlds, rows.parts(self._file.things(number))
        held = rows.held(name, found, self._began)
        origin = rows.origin(found, held, worlds.library, worlds.mould)
        journal = [exchanges.read(each) for each in self._file.exchanges(number)]
        world = worlds.adopt(held, origin)
        world.deliveries_dropped = found[rows.HEAD][0]["deliveries_dropped"]
        world.journal.resume(journal, **rows.gone(found))
        followed = self._followed[world] = _followed(world, number)
        followed.newest = world.journal.last
        followed.dropped_to = world.journal.dropped_to
        if found[rows.LEAVING]:
            self.mark(world)


def _followed(world: World, number: int) -> Followed:
    """Return what the disk has of a world that was just written, or read."""
    return Followed(
        number=number,
        dial=(world.clock, world.clock.turned),
        rate=world.clock.rate,
        faults=world.faults,
        counts=rows.counts(world),
        leaving=set(),
    )


def _answered(followed: Followed, changes: Sequence[Row]) -> list[int]:
    """Return which of the deliveries that were leaving are so no more."""
    if not followed.leaving:
        return []
    return [
        key
        for kind, key, _ in changes
        if kind == rows.DELIVERIES and isinstance(key, int) and key in followed.leaving
    ]
