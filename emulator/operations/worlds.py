"""The worlds of the process, by command.

These functions need all worlds, not the one that is meant; ``commands`` hands them
over.
"""

from collections.abc import Mapping
from functools import partial

from emulator.domain import dates
from emulator.domain.money import shown
from emulator.operations.call import Call, Operation, Reply
from emulator.world import World
from emulator.worlds import Worlds


def commands(worlds: Worlds) -> Mapping[str, Operation]:
    """Return the operations of the control API that touch the list of worlds."""
    return {
        "listWorlds": partial(list_worlds, worlds),
        "forkWorld": partial(fork_world, worlds),
        "resetWorld": partial(reset_world, worlds),
        "deleteWorld": partial(delete_world, worlds),
    }


def list_worlds(worlds: Worlds, _world: World, _call: Call) -> Reply:
    return Reply([_shown(each) for each in worlds])


def fork_world(worlds: Worlds, world: World, call: Call) -> Reply:
    """Open a world that is what this one is now; from here on they part."""
    return Reply(_shown(worlds.fork(world, call.body["name"])))


def reset_world(worlds: Worlds, world: World, _call: Call) -> Reply:
    """Make the world what it was before its first request."""
    return Reply(_shown(worlds.reset(world)))


def delete_world(worlds: Worlds, world: World, _call: Call) -> Reply:
    """Forget the world and its tokens; a token that mints one makes it anew."""
    worlds.delete(world)
    return Reply(_shown(world))


def _shown(world: World) -> dict[str, object]:
    return {
        "name": world.name,
        "now": dates.stamp(world.clock.now()),
        "rate": world.clock.rate,
        "balance": shown(world.balance),
        "tokens": list(world.tokens),
        "campaigns": len(world.campaigns)
        + len(world.voice_campaigns)
        + len(world.email_campaigns),
    }
