"""Whether the program is alive and ready."""

from platform import node

from emulator.domain import dates
from emulator.domain.refusals import SERVER_ERROR, Refusal
from emulator.operations.call import Call, Reply
from emulator.world import Unwritten, World
from emulator.worlds import Worlds


def get_health(_world: World, _call: Call) -> Reply:
    return Reply({"status": "ok"})


def get_readiness(worlds: Worlds, world: World, call: Call) -> Reply:
    """Say whether worlds are served and kept, and which are set aside.

    Refuses while the disk does not take what has happened.
    """
    try:
        worlds.store.settle()
    except Unwritten as error:
        why = f"{error}; what has happened is written as soon as it can be"
        raise Refusal(SERVER_ERROR, why) from error
    facts = {
        "status": "ok",
        "world": world.name,
        "now": dates.stamp(call.now),
        "host": node(),
        "set_aside": [{"name": name, "why": why} for name, why in worlds.troubles()],
    }
    return Reply(facts)
