"""Whether the program is alive and ready."""

from platform import node

from emulator.domain import dates
from emulator.domain.platform_refusals import SERVER_ERROR
from emulator.domain.refusals import Refusal
from emulator.operations.call import OperationCall, OperationResult
from emulator.world import StoreWriteError, World
from emulator.worlds import WorldDirectory


def get_health(_world: World, _call: OperationCall) -> OperationResult:
    return OperationResult({"status": "ok"})


def get_readiness(
    worlds: WorldDirectory, world: World, call: OperationCall
) -> OperationResult:
    """Say whether worlds are served and kept, which are set aside, and who is there.

    Refuses while the disk does not take what has happened.
    """
    try:
        worlds.store.retry_writes()
    except StoreWriteError as error:
        why = f"{error}; what has happened is written as soon as it can be"
        raise Refusal(SERVER_ERROR, why) from error
    connections = worlds.counters.connections
    facts = {
        "status": "ok",
        "world": world.name,
        "now": dates.format_timestamp(call.now),
        "host": node(),
        "connections": {
            "open": connections.open,
            "limit": connections.limit,
            "closed": connections.closed,
            "refused": connections.refused,
        },
        "set_aside": [
            {"name": name, "why": why} for name, why in worlds.list_set_aside()
        ],
    }
    return OperationResult(facts)
