"""Whether the program is alive and ready."""

from emulator.domain import dates
from emulator.operations.call import Call, Reply
from emulator.world import World


def get_health(_world: World, _call: Call) -> Reply:
    return Reply({"status": "ok"})


def get_readiness(world: World, call: Call) -> Reply:
    return Reply({"status": "ok", "world": world.name, "now": dates.stamp(call.now)})
