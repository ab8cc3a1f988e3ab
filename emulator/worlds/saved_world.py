"""What a world was at an instant, and where it began."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from emulator.domain.account import Account, Token
from emulator.world import World, WorldState
from emulator.worldfile.fixture import Fixture

NamedTokens = tuple[tuple[str, str], ...]  # name and literal


class SavedWorld(NamedTuple):
    """What a world was at an instant: a state that any world can take."""

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
    """What a world was before its first request, and the tokens that are its own."""

    start: Fixture | SavedWorld
    tokens: NamedTokens


class UnloadedWorld(NamedTuple):
    """A world that could not be loaded, and why."""

    name: str
    why: str
    retry: Callable[[], World]  # raises whatever goes wrong again
    drop: Callable[[], None]
