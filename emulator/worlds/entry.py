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


def make_set_aside_refusal(world: World) -> Refusal:
    """Return the refusal of all requests to *world*, which is set aside."""
    why = (
        f"the world {world.name} is set aside ({world.trouble}): "
        f"POST /_emulator/set-aside/{world.name}/retry tries again, DELETE drops it"
    )
    return Refusal(SERVER_ERROR, why)
