"""The worlds of the process, by command.

These functions need all worlds, not the one that is meant; ``commands`` hands them
over.
"""

from collections.abc import Callable, Generator, Mapping
from functools import partial
from typing import Any

from emulator.domain import dates
from emulator.domain.emulator_refusals import FIXTURE_WRONG, NAME_TAKEN, NO_SUCH_WORLD
from emulator.domain.money import to_rounded_amount
from emulator.domain.platform_refusals import SERVER_ERROR
from emulator.domain.refusals import Refusal
from emulator.operations.call import (
    Beside,
    OperationCall,
    OperationFunction,
    OperationResult,
    OperationSteps,
    Pause,
    Row,
    WaitingFunction,
    WaitStep,
)
from emulator.operations.control import backup, health, metrics, sessions, snapshots
from emulator.timekeeping.clock import Clock
from emulator.world import StoreWriteError, World
from emulator.worldfile import fixture as fixtures
from emulator.worldfile.fixture import Fixture, FixtureError, FixtureOverrides
from emulator.worlds import (
    DormantWorld,
    SavedWorld,
    UnloadedWorld,
    WorldDirectory,
    WorldSummary,
    summarize_world,
)

WorldBody = Mapping[str, Any]


def make_world_operations(
    worlds: WorldDirectory,
) -> Mapping[str, OperationFunction | WaitingFunction]:
    """Return the operations of the control API that touch the list of worlds."""
    functions: Mapping[str, Callable[..., Any]] = {
        "getReadiness": health.get_readiness,
        "getMetrics": metrics.get_metrics,
        "takeBackup": backup.take_backup,
        "getSmpp": sessions.get_smpp,
        "sendOutbind": sessions.send_outbind,
        "listWorlds": list_worlds,
        "createWorld": create_world,
        "getWorld": get_world,
        "forkWorld": fork_world,
        "resetWorld": reset_world,
        "deleteWorld": delete_world,
        "takeSnapshot": take_snapshot,
        "restoreWorld": restore_world,
        "listCheckpoints": list_checkpoints,
        "createCheckpoint": keep_checkpoint,
        "dropCheckpoint": drop_checkpoint,
        "restoreCheckpoint": restore_checkpoint,
        "openCheckpoint": open_checkpoint,
        "listSetAside": list_set_aside,
        "retrySetAside": retry_set_aside,
        "dropSetAside": drop_set_aside,
    }
    return {name: partial(each, worlds) for name, each in functions.items()}


def list_worlds(
    worlds: WorldDirectory, _world: World, _call: OperationCall
) -> OperationResult:
    rows = (_describe_entry(worlds, each) for each in [*worlds.list_entries()])
    return OperationResult([each for each in rows if each])


def get_world(
    worlds: WorldDirectory, world: World, _call: OperationCall
) -> OperationResult:
    return OperationResult(_describe_world(worlds, world))


def create_world(
    worlds: WorldDirectory, _world: World, call: OperationCall
) -> OperationSteps:
    """Open a world of a fixture, or of a snapshot.

    Refuses a fixture or a snapshot that is wrong, saying where.
    """
    name = call.body["name"]
    if "snapshot" in call.body:
        held = yield from _read_snapshot(call.body["snapshot"])
        world = worlds.create(name, held, held)
    else:
        world = worlds.create(name, _choose_fixture(worlds, call.body))
    return OperationResult(_describe_world(worlds, world))


def fork_world(
    worlds: WorldDirectory, world: World, call: OperationCall
) -> OperationResult:
    """Open a copy of this world; from here on both change independently."""
    return OperationResult(
        _describe_world(
            worlds, worlds.create(call.body["name"], worlds.capture_world(world))
        )
    )


def reset_world(
    worlds: WorldDirectory, world: World, _call: OperationCall
) -> OperationResult:
    """Reset the world to its state before its first request."""
    world.require_clock_at_rest()
    return OperationResult(_describe_world(worlds, worlds.reset(world)))


def delete_world(
    worlds: WorldDirectory, world: World, _call: OperationCall
) -> OperationResult:
    """Delete the world and its tokens; a token ``world-<name>`` makes it anew."""
    row = _describe_world(worlds, world)
    worlds.delete(world)
    return OperationResult(row)


def take_snapshot(
    worlds: WorldDirectory, world: World, _call: OperationCall
) -> OperationSteps:
    """Return the state of the world as JSON, once no delivery is under way.

    Refuses one that is too large.
    """
    while world.outbox.is_busy:
        yield Pause()
    held = worlds.capture_world(world)
    encode = partial(snapshots.encode_snapshot, held, limit=worlds.limits.snapshot)
    is_large = held.state.volume > snapshots.LARGE_SNAPSHOT
    octets = (yield Beside(encode)) if is_large else encode()
    return OperationResult(octets.decode())


def restore_world(
    worlds: WorldDirectory, world: World, call: OperationCall
) -> OperationSteps:
    """Set the world to the state of a snapshot; its name stays."""
    world.require_clock_at_rest()
    held = yield from _read_snapshot(call.body)
    world.require_clock_at_rest()
    if worlds.find_by_name(world.name) is not world:
        why = f"the world {world.name} was deleted meanwhile"
        raise Refusal(NO_SUCH_WORLD, why)
    return OperationResult(_describe_world(worlds, worlds.restore(world, held)))


def _read_snapshot(
    document: Mapping[str, Any],
) -> Generator[WaitStep, Any, SavedWorld]:
    """Return the world in *document*; a large one is read beside other requests."""
    if snapshots.is_large_snapshot(document):
        held: SavedWorld = yield Beside(partial(snapshots.snapshot_from_json, document))
        return held
    return snapshots.snapshot_from_json(document)


def list_checkpoints(
    worlds: WorldDirectory, world: World, _call: OperationCall
) -> OperationResult:
    kept = worlds.checkpoints.all_of(world)
    return OperationResult(
        [_describe_checkpoint(name, each) for name, each in kept.items()]
    )


def keep_checkpoint(
    worlds: WorldDirectory, world: World, call: OperationCall
) -> OperationResult:
    name = call.body["name"]
    held = worlds.capture_world(world)
    worlds.checkpoints.save(world, name, held)
    return OperationResult(_describe_checkpoint(name, held))


def drop_checkpoint(
    worlds: WorldDirectory, world: World, call: OperationCall
) -> OperationResult:
    name = call.params["checkpoint"]
    return OperationResult(
        _describe_checkpoint(name, worlds.checkpoints.drop(world, name))
    )


def restore_checkpoint(
    worlds: WorldDirectory, world: World, call: OperationCall
) -> OperationResult:
    """Restore the world from a checkpoint."""
    world.require_clock_at_rest()
    held = worlds.checkpoints.get(world, call.params["checkpoint"])
    return OperationResult(_describe_world(worlds, worlds.restore(world, held)))


def open_checkpoint(
    worlds: WorldDirectory, world: World, call: OperationCall
) -> OperationResult:
    """Open a new world from a checkpoint of this one."""
    held = worlds.checkpoints.get(world, call.params["checkpoint"])
    return OperationResult(
        _describe_world(worlds, worlds.create(call.body["name"], held))
    )


def list_set_aside(
    worlds: WorldDirectory, _world: World, _call: OperationCall
) -> OperationResult:
    """List the worlds that are set aside, and why."""
    return OperationResult(
        [_describe_set_aside(*each) for each in worlds.list_set_aside()]
    )


def retry_set_aside(
    worlds: WorldDirectory, _world: World, call: OperationCall
) -> OperationResult:
    """Resume a world that is set aside.  Refuses if the error persists."""
    found = _require_set_aside(worlds, call.params["aside"])
    if isinstance(found, World):
        return OperationResult(
            _describe_world(worlds, worlds.restore(found, worlds.capture_world(found)))
        )
    if not found.is_part and worlds.has_world(found.name):
        why = f"there is another world {found.name} by now; delete that first"
        raise Refusal(NAME_TAKEN, why)
    try:
        return OperationResult(_describe_world(worlds, found.retry()))
    except Exception as error:
        what = call.params["aside"] if found.is_part else f"world {found.name}"
        why = f"{what} still cannot be loaded: {error}"
        raise Refusal(SERVER_ERROR, why) from error


def drop_set_aside(
    worlds: WorldDirectory, _world: World, call: OperationCall
) -> OperationResult:
    """Delete a world that is set aside."""
    found = _require_set_aside(worlds, call.params["aside"])
    if isinstance(found, World):
        worlds.delete(found)
        return OperationResult(_describe_set_aside(found.name, found.trouble))
    try:
        found.drop()
    except StoreWriteError as error:
        raise Refusal(SERVER_ERROR, f"{error}, so nothing was changed") from error
    return OperationResult(_describe_set_aside(call.params["aside"], found.why))


def _require_set_aside(worlds: WorldDirectory, name: str) -> World | UnloadedWorld:
    """Return the world that is set aside as *name*; one that is not loaded as such."""
    world = worlds.find_by_name(name)
    if world is not None and world.trouble:
        return world
    if name in worlds.unloaded:
        return worlds.unloaded[name]
    known = ", ".join(each for each, _ in worlds.list_set_aside()) or "none"
    raise Refusal(NO_SUCH_WORLD, f"no world is set aside as {name}; there are: {known}")


def _describe_set_aside(name: str, why: str) -> Row:
    return {"name": name, "why": why}


def _choose_fixture(worlds: WorldDirectory, body: WorldBody) -> Fixture:
    """Return the fixture that the request names for a new world."""
    wanted, overrides, now = body.get("fixture"), _parse_overrides(body), Clock().now()
    try:
        if isinstance(wanted, Mapping):
            return fixtures.parse_fixture(wanted, body["name"], overrides, now=now)
        found = worlds.template if wanted is None else worlds.get_fixture(wanted)
        return fixtures.override_fixture(found, overrides, now=now)
    except FixtureError as error:
        raise Refusal(FIXTURE_WRONG, str(error)) from error


def _parse_overrides(body: WorldBody) -> FixtureOverrides:
    return FixtureOverrides(
        strict=body.get("strict"),
        pace=body.get("pace"),
        clock=body.get("clock"),
        seed=body.get("seed"),
        assumptions=body.get("assumptions", {}),
    )


def _describe_checkpoint(name: str, held: SavedWorld) -> Row:
    return {"name": name, "at": dates.format_timestamp(held.at)}


def _describe_entry(worlds: WorldDirectory, world: World | DormantWorld) -> Row:
    """Return what is said of a world, which is loaded only where it has to be."""
    if isinstance(world, World):
        return _describe_world(worlds, world)
    summary = world.index.summary
    if summary is None:  # it changed just before its process died
        found = worlds.find_by_name(world.name)
        return _describe_world(worlds, found) if found else {}
    clock = Clock(at=world.index.at, rate=world.index.rate)
    return _make_row(world.name, summary, clock)


def _describe_world(worlds: WorldDirectory, world: World) -> Row:
    return {
        **_make_row(world.name, summarize_world(world), world.clock),
        "checkpoints": list(worlds.checkpoints.all_of(world)),
        "set_aside": world.trouble or None,
    }


def _make_row(name: str, summary: WorldSummary, clock: Clock) -> Row:
    return {
        "name": name,
        "token": next(iter(summary.tokens), None),
        "now": dates.format_timestamp(clock.now()),
        "rate": clock.rate,
        "seed": summary.seed,
        "time_zone": summary.time_zone,
        "balance": to_rounded_amount(summary.balance),
        "tokens": list(summary.tokens),
        "campaigns": summary.campaigns,
        "messages": summary.messages,
        "assumptions": dict(summary.assumptions),
        "checkpoints": [],
        "set_aside": None,
    }
