"""A request that enters a world, and a client that a world connects to."""

from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from emulator.domain.account import Token
from emulator.domain.platform_refusals import SERVER_ERROR
from emulator.domain.refusals import Refusal
from emulator.world import World


class OutboundBind(NamedTuple):
    """An SMPP client to connect to, and the bind that is offered."""

    host: str
    port: int
    system_id: str
    password: str


class WorldEntry(Struct):
    """The world, the token and the time of a request: the clock is read here only."""

    world: World
    token: Token
    now: datetime


def require_not_set_aside(world: World) -> None:
    """Refuse where *world* is set aside."""
    if world.trouble:
        why = (
            f"the world {world.name} is set aside ({world.trouble}): "
            f"POST /_emulator/set-aside/{world.name}/retry tries again, DELETE drops it"
        )
        raise Refusal(SERVER_ERROR, why)
