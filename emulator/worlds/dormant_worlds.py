"""Worlds of a store that are not loaded until they are asked for.

A world is loaded in steps, and others are let in between two.  A request that asks for
one goes on with the steps where another has left them, so neither waits for the other.
"""

from collections.abc import Callable, Generator
from datetime import datetime, timedelta
from types import coroutine

from emulator.domain.shortlink import TAG_LENGTH, make_world_tag
from emulator.timekeeping.work_queue import NEVER
from emulator.world import World
from emulator.worlds.world_summary import WorldIndex

LoadSteps = Generator[None, None, World | None]


class DormantWorld:
    """A world that is not loaded.  Where it cannot be, there is none in the end."""

    __slots__ = (
        "_load",
        "_steps",
        "index",
        "is_loaded",
        "name",
        "own_tokens",
        "placeholder",
    )

    def __init__(
        self, name: str, index: WorldIndex, load: Callable[[], LoadSteps]
    ) -> None:
        self.name = name
        self.index = index
        self.is_loaded = False
        self.placeholder: World | None = None  # which becomes it, if it has one
        self.own_tokens: tuple[str, ...] = ()  # of its file, as it is now
        self._load = load
        self._steps: LoadSteps | None = None

    def load_step(self) -> bool:
        """Load a little more of it; return whether that was all."""
        if self._steps is None:
            self._steps = self._load()
        if not self.is_loaded:
            try:
                next(self._steps)
            except StopIteration:
                self.is_loaded = True
            except Exception:
                self._steps = None  # who asks next begins anew
                raise
        return self.is_loaded

    def load(self) -> None:
        """Load all of it, while others wait."""
        while not self.load_step():
            pass

    async def load_politely(self) -> None:
        """Load all of it; others are let in meanwhile."""
        while not self.load_step():
            await let_others_in()

    def wall_due(self) -> datetime:
        """Return when it acts by itself, by the machine's clock."""
        index = self.index
        if not index.is_due_known:
            return index.wall
        if index.due is None:
            return NEVER
        if index.due <= index.at:
            return index.wall
        if not index.rate:
            return NEVER
        seconds = (index.due - index.at).total_seconds() / index.rate
        left = (NEVER - index.wall).total_seconds() - 1
        return index.wall + timedelta(seconds=min(seconds, left))


class DormantWorlds:
    """All worlds that are not loaded, by what they are found by."""

    def __init__(self) -> None:
        self.by_token: dict[str, DormantWorld] = {}
        self._by_tag: dict[str, DormantWorld] = {}

    def add(self, dormant: DormantWorld) -> None:
        """Let a world be found."""
        tokens = (*dormant.index.tokens, *dormant.own_tokens)
        self.by_token |= dict.fromkeys(tokens, dormant)
        self._by_tag[make_world_tag(dormant.name)] = dormant

    def remove(self, dormant: DormantWorld) -> None:
        """Let a world, which is loaded, be found no more."""
        for literal in (*dormant.index.tokens, *dormant.own_tokens):
            if self.by_token.get(literal) is dormant:
                del self.by_token[literal]
        del self._by_tag[make_world_tag(dormant.name)]

    def find_by_short_code(self, code: str) -> DormantWorld | None:
        """Return the world that made the short link *code*."""
        return self._by_tag.get(code[:TAG_LENGTH])

    def list_pending(self) -> list[DormantWorld]:
        """Return those that act by themselves, the earliest first."""
        due = [(each.wall_due(), each.name, each) for each in self._by_tag.values()]
        return [each for at, _, each in sorted(due, key=_get_instant) if at != NEVER]


def _get_instant(due: tuple[datetime, str, DormantWorld]) -> tuple[datetime, str]:
    return due[:2]


@coroutine
def let_others_in() -> Generator[None, None, None]:
    """Return to the loop once, whichever it is."""
    yield
