"""The state of a world at an instant, and its origin."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from emulator.domain.account import Account, Token
from emulator.world import World, WorldState
from emulator.worldfile.fixture import Fixture

NamedTokens = tuple[tuple[str, str], ...]  # name and literal


class SavedWorld(NamedTuple):
    """The state of a world at an instant, which any world can take over."""

    name: str  # of that world
    at: datetime
    rate: float  # of its clock
    state: WorldState
    own: tuple[Token, ...] = ()
    created: tuple[Token, ...] = ()  # in the account, beside its own

    @property
    def account(self) -> Account:
        return self.state.account


class WorldOrigin(NamedTuple):
    """The state of a world before its first request, and its own tokens."""

    start: Fixture | SavedWorld
    tokens: NamedTokens


class UnloadedWorld(NamedTuple):
    """A world, or a part of one, that could not be loaded, and why."""

    name: str  # of the world
    why: str
    retry: Callable[[], World]  # raises whatever goes wrong again
    drop: Callable[[], None]
    is_part: bool = False  # of a world that serves
