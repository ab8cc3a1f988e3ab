"""What was asked of a world and what it answered."""

from emulator.domain import dates
from emulator.journal import Exchange
from emulator.operations.call import Call, Reply
from emulator.world import World


def list_exchanges(world: World, call: Call) -> Reply:
    """List the requests that the world remembers, the oldest first."""
    exchanges = [each for each in world.journal.exchanges if _asked(each, call)]
    return Reply(
        {
            "dropped": world.journal.dropped,
            "exchanges": [_shown(each) for each in exchanges],
        }
    )


def clear_journal(world: World, _call: Call) -> Reply:
    """Forget the requests; what they did stands."""
    world.journal.clear()
    return Reply({"dropped": world.journal.dropped, "exchanges": []})


def _asked(exchange: Exchange, call: Call) -> bool:
    operation = call.params.get("operation", exchange.operation)
    status = call.params.get("status", exchange.status)
    return bool(operation == exchange.operation and status == exchange.status)


def _shown(exchange: Exchange) -> dict[str, object]:
    return {
        "at": dates.stamp(exchange.at),
        "operation": exchange.operation,
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "notes": list(exchange.notes),
        "why": exchange.why,
        "fault": exchange.fault,
    }
