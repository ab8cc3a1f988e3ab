"""A world as rows of a file, beside what it keeps: where it began, and when it is.

What it keeps is rows already (``emulator/world/kinds.py``).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from sys import maxsize
from typing import Any

import msgspec

from emulator.worldfile import fixture
from emulator.domain.timeline import END
from emulator.worldfile.fixture import Fixture
from emulator.world.journal import Journal
from emulator.operations.control import snapshots
from emulator.world import State, World
from emulator.world.containers import Key, Parts, Row, encode
from emulator.world.state import gathered
from emulator.world.world import CLOCK
from emulator.worlds import Held, Origin

ORIGIN = "origin"
JOURNAL = "journal"  # what is gone of it

Library = Mapping[str, Fixture]
decode = msgspec.json.decode


# --- To the disk ------------------------------------------------------------------


def of_world(world: World, origin: Origin, library: Library) -> Iterator[Row]:
    """Yield all that a world is."""
    yield from world.rows()
    yield ORIGIN, 0, encode(_origin(origin, library))


def of_journal(journal: Journal) -> Row:
    """Return what is known of the exchanges that are gone."""
    gone = {
        "last": journal.last,
        "dropped": journal.dropped,
        "dropped_to": journal.dropped_to,
        "dropped_at": journal.dropped_at,
    }
    return JOURNAL, 0, encode(gone)


def _origin(origin: Origin, library: Library) -> dict[str, Any]:
    start, tokens = origin
    if isinstance(start, Held):
        return {"snapshot": snapshots.written(start, limit=maxsize), "tokens": tokens}
    if library.get(start.name) is start:
        return {"fixture": start.name, "tokens": tokens}
    return {"file": start.document, "tokens": tokens}


# --- From the disk ----------------------------------------------------------------


def parts(rows: Iterable[tuple[str, Key, bytes]]) -> Parts:
    """Return what rows say."""
    found: dict[str, dict[Key, Any]] = defaultdict(dict)
    for kind, key, octets in rows:
        found[kind][key] = decode(octets)
    return found


def held(name: str, found: Parts, wall: datetime) -> Held:
    """Return the world that rows say, its clock gone on with the machine's, *wall*.

    Raises ``SnapshotError`` for what no world could be.
    """
    clock = found[CLOCK][0]
    at, then = map(datetime.fromisoformat, (clock["at"], clock["wall"]))
    state = State.read(gathered(found), at, is_snapshot=False)
    now = max(_gone_on(at, wall - then, clock["rate"]), *state.newest(), at)
    state.check(now)
    for number in state.leaving:
        if number in state.deliveries:
            state.deliveries[number] = state.deliveries[number].stopped(now)
    own = {literal for _, literal in found[ORIGIN][0]["tokens"]}
    tokens = state.tokens.values()
    return Held(
        name=name,
        at=now,
        rate=clock["rate"],
        state=state,
        own=tuple(each for each in tokens if each.literal in own),
        created=tuple(each for each in tokens if each.literal not in own),
    )


def gone(found: Parts) -> dict[str, Any]:
    """Return what ``of_journal`` has written, as ``Journal.resume`` takes it."""
    known = found[JOURNAL].get(0, {})
    at = known.get("dropped_at")
    return {**known, "dropped_at": at and datetime.fromisoformat(at)}


def origin(found: Parts, held: Held, library: Library, mould: Fixture) -> Origin:
    """Return what a world was before its first request.

    One of a world file that is not there any more was made of *mould*.
    """
    part = found[ORIGIN][0]
    tokens = tuple((title, literal) for title, literal in part["tokens"])
    if "snapshot" in part:
        return Origin(snapshots.read(part["snapshot"]), tokens)
    if "file" in part:
        return Origin(fixture.read(part["file"], held.name, now=held.at), tokens)
    return Origin(library.get(part["fixture"], mould), tokens)


def _gone_on(at: datetime, passed: timedelta, rate: float) -> datetime:
    """Return a world's time: it went on at its rate, and never goes back."""
    seconds = max(passed, timedelta()).total_seconds() * rate
    return at + timedelta(seconds=min(seconds, (END - at).total_seconds()))
