"""The worlds of the process, by command.

These functions need all worlds, not the one that is meant; ``commands`` hands them
over.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from emulator.worldfile import fixture as fixtures
from emulator.timekeeping.clock import Clock
from emulator.domain import dates
from emulator.domain.assumptions import LENIENT
from emulator.domain.money import shown
from emulator.domain.refusals import (
    FIXTURE_WRONG,
    NAME_TAKEN,
    NO_SUCH_WORLD,
    SERVER_ERROR,
    Refusal,
)
from emulator.worldfile.fixture import Fixture, FixtureError, Overrides
from emulator.operations.control import health
from emulator.operations.control import metrics
from emulator.operations.control import sessions
from emulator.operations.control import snapshots
from emulator.operations.call import (
    Call,
    Operation,
    PatientOperation,
    Pause,
    Reply,
    Row,
    Steps,
)
from emulator.world import FIRST_IDS, Unwritten, World
from emulator.worlds import Aside, Held, Worlds

Body = Mapping[str, Any]


def commands(worlds: Worlds) -> Mapping[str, Operation | PatientOperation]:
    """Return the operations of the control API that touch the list of worlds."""
    functions: Mapping[str, Callable[..., Any]] = {
        "getReadiness": health.get_readiness,
        "getMetrics": metrics.get_metrics,
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
        "keepCheckpoint": keep_checkpoint,
        "dropCheckpoint": drop_checkpoint,
        "restoreCheckpoint": restore_checkpoint,
        "openCheckpoint": open_checkpoint,
        "listSetAside": list_set_aside,
        "retrySetAside": retry_set_aside,
        "dropSetAside": drop_set_aside,
    }
    return {name: partial(each, worlds) for name, each in functions.items()}


def list_worlds(worlds: Worlds, _world: World, _call: Call) -> Reply:
    return Reply([_shown(worlds, each) for each in worlds])


def get_world(worlds: Worlds, world: World, _call: Call) -> Reply:
    return Reply(_shown(worlds, world))


def create_world(worlds: Worlds, _world: World, call: Call) -> Reply:
    """Open a world of a fixture, or of a snapshot.

    Refuses a fixture or a snapshot that is wrong, saying where.
    """
    name = call.body["name"]
    if "snapshot" in call.body:
        held = snapshots.read(call.body["snapshot"])
        world = worlds.create(name, held, held)
    else:
        world = worlds.create(name, _fixture(worlds, call.body))
    return Reply(_shown(worlds, world))


def fork_world(worlds: Worlds, world: World, call: Call) -> Reply:
    """Open a world that is what this one is now; from here on they part."""
    return Reply(_shown(worlds, worlds.create(call.body["name"], worlds.held(world))))


def reset_world(worlds: Worlds, world: World, _call: Call) -> Reply:
    """Make the world what it was before its first request."""
    world.needs_rest()
    return Reply(_shown(worlds, worlds.reset(world)))


def delete_world(worlds: Worlds, world: World, _call: Call) -> Reply:
    """Forget the world and its tokens; a token that mints one makes it anew."""
    row = _shown(worlds, world)
    worlds.delete(world)
    return Reply(row)


def take_snapshot(worlds: Worlds, world: World, _call: Call) -> Steps:
    """Write the state of the world down, once nothing is on its way out.

    Refuses one that is too large.
    """
    while world.outbox.is_busy:
        yield Pause()
    return Reply(snapshots.written(worlds.held(world), limit=worlds.limits.snapshot))


def restore_world(worlds: Worlds, world: World, call: Call) -> Reply:
    """Put the world into the state of a snapshot; its name stays."""
    world.needs_rest()
    return Reply(_shown(worlds, worlds.restore(world, snapshots.read(call.body))))


def list_checkpoints(worlds: Worlds, world: World, _call: Call) -> Reply:
    kept = worlds.checkpoints.of(world)
    return Reply([_kept(name, each) for name, each in kept.items()])


def keep_checkpoint(worlds: Worlds, world: World, call: Call) -> Reply:
    name = call.body["name"]
    held = worlds.held(world)
    worlds.checkpoints.keep(world, name, held)
    return Reply(_kept(name, held))


def drop_checkpoint(worlds: Worlds, world: World, call: Call) -> Reply:
    name = call.params["checkpoint"]
    return Reply(_kept(name, worlds.checkpoints.drop(world, name)))


def restore_checkpoint(worlds: Worlds, world: World, call: Call) -> Reply:
    """Go back to what the world was then."""
    world.needs_rest()
    held = worlds.checkpoints.find(world, call.params["checkpoint"])
    return Reply(_shown(worlds, worlds.restore(world, held)))


def open_checkpoint(worlds: Worlds, world: World, call: Call) -> Reply:
    """Open a world that is what this one was then."""
    held = worlds.checkpoints.find(world, call.params["checkpoint"])
    return Reply(_shown(worlds, worlds.create(call.body["name"], held)))


def list_set_aside(worlds: Worlds, _world: World, _call: Call) -> Reply:
    """List the worlds that serve nobody, and why."""
    return Reply([_troubled(*each) for each in worlds.troubles()])


def retry_set_aside(worlds: Worlds, _world: World, call: Call) -> Reply:
    """Let a world serve again.  Refuses where what was wrong still is."""
    found = _set_aside(worlds, call.params["aside"])
    if isinstance(found, World):
        return Reply(_shown(worlds, worlds.restore(found, worlds.held(found))))
    if worlds.named(found.name):
        why = f"there is another world {found.name} by now; delete that first"
        raise Refusal(NAME_TAKEN, why)
    try:
        return Reply(_shown(worlds, found.retry()))
    except Exception as error:
        why = f"world {found.name} still cannot be loaded: {error}"
        raise Refusal(SERVER_ERROR, why) from error


def drop_set_aside(worlds: Worlds, _world: World, call: Call) -> Reply:
    """Forget a world that is set aside."""
    found = _set_aside(worlds, call.params["aside"])
    if isinstance(found, World):
        worlds.delete(found)
        return Reply(_troubled(found.name, found.trouble))
    try:
        found.drop()
    except Unwritten as error:
        raise Refusal(SERVER_ERROR, f"{error}, so nothing was changed") from error
    return Reply(_troubled(call.params["aside"], found.why))


def _set_aside(worlds: Worlds, name: str) -> World | Aside:
    """Return the world that is set aside as *name*; one that is not loaded as such."""
    world = worlds.named(name)
    if world is not None and world.trouble:
        return world
    if name in worlds.aside:
        return worlds.aside[name]
    known = ", ".join(each for each, _ in worlds.troubles()) or "none"
    raise Refusal(NO_SUCH_WORLD, f"no world is set aside as {name}; there are: {known}")


def _troubled(name: str, why: str) -> Row:
    return {"name": name, "why": why}


def _fixture(worlds: Worlds, body: Body) -> Fixture:
    """Return the fixture that a new world is asked to be made from."""
    wanted, overrides, now = body.get("fixture"), _overrides(body), Clock().now()
    try:
        if isinstance(wanted, Mapping):
            return fixtures.read(wanted, body["name"], overrides, now=now)
        found = worlds.mould if wanted is None else worlds.fixture(wanted)
        return fixtures.varied(found, overrides, now=now)
    except FixtureError as error:
        raise Refusal(FIXTURE_WRONG, str(error)) from error


def _overrides(body: Body) -> Overrides:
    return Overrides(
        strict=body.get("strict"),
        pace=body.get("pace"),
        clock=body.get("clock"),
        seed=body.get("seed"),
        assumptions=body.get("assumptions", {}),
    )


def _kept(name: str, held: Held) -> Row:
    return {"name": name, "at": dates.stamp(held.at)}


def _shown(worlds: Worlds, world: World) -> Row:
    chosen = world.account.assumptions.chosen
    return {
        "name": world.name,
        "token": next(iter(world.tokens), None),
        "now": dates.stamp(world.clock.now()),
        "rate": world.clock.rate,
        "seed": world.account.seed,
        "time_zone": str(world.account.zone),
        "balance": shown(world.balance),
        "tokens": list(world.tokens),
        "campaigns": len(world.campaigns)
        + len(world.voice_campaigns)
        + len(world.email_campaigns),
        "messages": world.upcoming("message") - FIRST_IDS["message"],
        "assumptions": {
            name: choice for name, choice in chosen.items() if choice != LENIENT[name]
        },
        "checkpoints": list(worlds.checkpoints.of(world)),
        "set_aside": world.trouble or None,
    }
