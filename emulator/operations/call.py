"""What every operation gets and gives."""

from collections.abc import (
    Callable,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct

from emulator.domain.account import Account, Token
from emulator.domain.assumptions import Assumptions, Doubt, accept_doubts
from emulator.world import World

Row = dict[str, object]


class OperationCall(Struct):
    """One request that the contract has accepted."""

    now: datetime
    token: Token
    params: Mapping[str, Any]
    notes: list[str]  # ledger ids of what was doubtful
    body: Any = None
    numbers: Sequence[int] = ()  # the cellphones of a campaign that was placed, ...
    campaign_id: int = 0  # ... and its id
    account: Account | None = None  # which sends, where that is not the world's own

    def record_doubts(self, doubts: Iterable[Doubt], assumptions: Assumptions) -> None:
        """Note what is accepted.  Refuses what the world shuts out."""
        self.notes.extend(accept_doubts(doubts, assumptions))


class SlicedArray(Struct):
    """The last key of an answer: an array that is sent slice by slice."""

    key: str
    slices: Iterator[list[Row]]
    whole: bool  # whether there is one slice at most


class Pause(NamedTuple):
    """Until when an operation waits: whatever comes first, or a change in the world."""

    until: datetime | None = None  # of the world
    seconds: float | None = None  # of the wall, since the operation began


class UntilCaughtUp(NamedTuple):
    """An operation waits until all that is due has been carried out."""


class Commit(NamedTuple):
    """An operation goes on at once, with what it has kept until now carried out."""


class Debounce(NamedTuple):
    """How long a stream keeps silent, in seconds of the wall from now on.

    At *least* so long, whatever happens; at *most* so long where nothing does.
    """

    least: float
    most: float


# What a stream says, piece by piece; it is told whether a pause has time left, or
# whether something happened while it took breath.
EventStream = Generator[str | Pause | Debounce, bool, None]


class OperationResult(Struct):
    """The body of a success."""

    body: Any
    listing: SlicedArray | None = None
    stream: EventStream | None = None  # instead of a body


OperationFunction = Callable[[World, OperationCall], OperationResult]

# An operation that has to wait is a generator: it yields where it waits, and is told
# whether there is time left.  Each step is a transaction, as a whole operation is.
WaitStep = Pause | UntilCaughtUp | Commit
OperationSteps = Generator[WaitStep, bool, OperationResult]
WaitingFunction = Callable[[World, OperationCall], OperationSteps]
