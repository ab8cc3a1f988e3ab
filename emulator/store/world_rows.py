"""The rows of a world beside its state: its origin, its clock and its journal.

Its state has rows already (``emulator/world/kinds.py``).
"""

from collections import defaultdict
from collections.abc import Generator, Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from emulator.domain.bounds import LAST_INSTANT
from emulator.operations.control import snapshots
from emulator.world import World, WorldState
from emulator.world.containers import DecodedRows, RowKey, StateRow, encode_row_value
from emulator.world.journal import Journal
from emulator.world.state import STATE_FIELDS, state_json_from_rows
from emulator.world.world import CLOCK_ROW
from emulator.worldfile import fixture
from emulator.worldfile.fixture import Fixture
from emulator.worlds import SavedWorld, WorldIndex, WorldOrigin

ORIGIN_ROW = "origin"
INSTANTS_PER_STEP = 10_000  # that are looked at until others are let in
HEAD_KINDS = ("account", "tokens")  # what of a world can be seen without a request
JOURNAL_ROW = "journal"  # what is gone of it

FixtureLibrary = Mapping[str, Fixture]
decode_json = msgspec.json.decode
decode_index = msgspec.json.Decoder(WorldIndex).decode


# --- To the disk ------------------------------------------------------------------


def world_to_rows(
    world: World, origin: WorldOrigin, library: FixtureLibrary
) -> Iterator[StateRow]:
    """Yield all rows of a world."""
    yield from world.list_rows()
    yield ORIGIN_ROW, 0, encode_row_value(_origin_to_json(origin, library))


def journal_to_row(journal: Journal) -> StateRow:
    """Return the row for the exchanges that were dropped."""
    gone = {
        "last": journal.last,
        "dropped": journal.dropped,
        "dropped_to": journal.dropped_to,
        "dropped_at": journal.dropped_at,
    }
    return JOURNAL_ROW, 0, encode_row_value(gone)


def _origin_to_json(origin: WorldOrigin, library: FixtureLibrary) -> dict[str, Any]:
    start, tokens = origin
    if isinstance(start, SavedWorld):
        return {
            "snapshot": snapshots.snapshot_to_json(start),
            "tokens": tokens,
        }
    if library.get(start.name) is start:
        return {"fixture": start.name, "tokens": tokens}
    return {"file": start.document, "tokens": tokens}


# --- From the disk ----------------------------------------------------------------


def decode_world_rows(rows: Iterable[tuple[str, RowKey, bytes]]) -> DecodedRows:
    """Return the values of *rows*, by kind and key."""
    found: dict[str, dict[RowKey, Any]] = defaultdict(dict)
    for kind, key, octets in rows:
        found[kind][key] = decode_json(octets)
    return found


def head_from_rows(found: DecodedRows) -> WorldState:
    """Return the account and the tokens in the rows, and nothing else."""
    at = datetime.fromisoformat(found[CLOCK_ROW][0]["at"])
    read = {
        name: field.from_json(field.json_from_rows(found), at)
        for name, field in STATE_FIELDS.items()
        if name in HEAD_KINDS
    }
    head = WorldState(read["account"])
    head.tokens = read["tokens"]
    return head


def index_from_rows(octets: bytes | None, found: DecodedRows) -> WorldIndex:
    """Return what is known of a world that is not loaded.

    Without an index row, which a process that dies leaves behind, as far as its head
    says so.
    """
    if octets is not None:
        return decode_index(octets)
    head, clock = head_from_rows(found), found[CLOCK_ROW][0]
    own = (literal for _, literal in found[ORIGIN_ROW][0]["tokens"])
    return WorldIndex(
        tokens=(*head.tokens, *own),
        binds=tuple(head.account.access.binds),
        at=datetime.fromisoformat(clock["at"]),
        rate=clock["rate"],
        wall=datetime.fromisoformat(clock["wall"]),
    )


def saved_world_steps(
    name: str, found: DecodedRows, wall: datetime, *, not_before: datetime | None
) -> Generator[None, None, SavedWorld]:
    """Return the world in the rows, its clock run on to *wall*, the machine's time.

    Others are let in between two steps.  Raises ``SnapshotError`` for a state that no
    world can have.
    """
    clock = found[CLOCK_ROW][0]
    at, then = map(datetime.fromisoformat, (clock["at"], clock["wall"]))
    document = state_json_from_rows(found)
    yield
    state = yield from WorldState.read_steps(document, at, is_snapshot=False)
    now = max(advance_time(at, wall - then, clock["rate"]), not_before or at, at)
    for place, instant in enumerate(state.list_instants()):
        now = max(now, instant)
        if place % INSTANTS_PER_STEP == INSTANTS_PER_STEP - 1:
            yield
    yield
    state.check_consistency(now)
    yield
    for number in state.leaving:
        if number in state.deliveries:
            state.deliveries[number] = state.deliveries[number].add_interruption(now)
    own = {literal for _, literal in found[ORIGIN_ROW][0]["tokens"]}
    tokens = state.tokens.values()
    return SavedWorld(
        name=name,
        at=now,
        rate=clock["rate"],
        state=state,
        own=tuple(each for each in tokens if each.literal in own),
        created=tuple(each for each in tokens if each.literal not in own),
    )


def read_journal_drops(found: DecodedRows) -> dict[str, Any]:
    """Return what ``journal_to_row`` has written, as ``Journal.resume`` takes it."""
    known = found[JOURNAL_ROW].get(0, {})
    at = known.get("dropped_at")
    return {**known, "dropped_at": at and datetime.fromisoformat(at)}


def origin_from_rows(
    found: DecodedRows, saved: SavedWorld, library: FixtureLibrary, template: Fixture
) -> WorldOrigin:
    """Return the origin of a world: its state before its first request.

    Where its world file is gone, it was made from *template*.
    """
    part = found[ORIGIN_ROW][0]
    tokens = tuple((title, literal) for title, literal in part["tokens"])
    if "snapshot" in part:
        return WorldOrigin(snapshots.snapshot_from_json(part["snapshot"]), tokens)
    if "file" in part:
        return WorldOrigin(
            fixture.parse_fixture(part["file"], saved.name, now=saved.at), tokens
        )
    return WorldOrigin(library.get(part["fixture"], template), tokens)


def advance_time(at: datetime, passed: timedelta, rate: float) -> datetime:
    """Return the time of a world: it ran on at its rate, and never goes back."""
    seconds = max(passed, timedelta()).total_seconds() * rate
    return at + timedelta(seconds=min(seconds, (LAST_INSTANT - at).total_seconds()))
