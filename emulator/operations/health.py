"""Whether the program is alive and ready."""

from platform import node

from emulator.domain import dates
from emulator.operations.call import Call, Reply
from emulator.world import World


def get_health(_world: World, _call: Call) -> Reply:
    return Reply({"status": "ok"})


def get_readiness(world: World, call: Call) -> Reply:
    now = dates.stamp(call.now)
    facts = {"status": "ok", "world": world.name, "now": now, "host": node()}
    return Reply(facts)
