"""What every operation gets and gives."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from emulator.domain.account import Token
from emulator.domain.assumptions import Assumptions, Doubt, weigh
from emulator.world import World

Row = dict[str, object]


@dataclass(slots=True)
class Call:
    """One request that the contract has accepted."""

    now: datetime
    token: Token
    params: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    notes: list[str] = field(default_factory=list)  # ledger ids of what was doubtful

    def weigh(self, doubts: Iterable[Doubt], assumptions: Assumptions) -> None:
        """Note what is accepted.  Refuses what the world shuts out."""
        self.notes.extend(weigh(doubts, assumptions))


class Listing(NamedTuple):
    """The last key of an answer: an array that is sent slice by slice."""

    key: str
    slices: Iterator[list[Row]]
    whole: bool  # whether there is one slice at most


class Reply(NamedTuple):
    """The body of a success."""

    body: Any
    listing: Listing | None = None


Operation = Callable[[World, Call], Reply]
