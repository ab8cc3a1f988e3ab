"""The input and the output of every operation."""

from collections.abc import (
    Callable,
    Generator,
    Iterator,
    Mapping,
    Sequence,
)
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct

from emulator.domain.account import Account, Token
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
    account: Account | None = None  # the sender, where it is not the world's account


class SlicedArray(Struct):
    """The last key of an answer: an array that is sent slice by slice."""

    key: str
    slices: Iterator[list[Row]]
    whole: bool  # whether there is one slice at most


class Pause(NamedTuple):
    """An operation waits until one of these, or until a change in the world."""

    until: datetime | None = None  # of the world
    seconds: float | None = None  # of the wall, since the operation began


class UntilCaughtUp(NamedTuple):
    """An operation waits until all that is due has been carried out."""


class Commit(NamedTuple):
    """An operation goes on at once, after its changes until now are committed."""


class Beside(NamedTuple):
    """An operation waits for long work that needs no world, and is sent its result."""

    work: Callable[[], Any]


class Debounce(NamedTuple):
    """How long a stream waits before its next message, in real seconds from now on.

    At *least* so long, even after a change; at *most* so long without one.
    """

    least: float
    most: float


# The pieces of a stream; it is sent whether a pause has time left, or whether something
# changed during a debounce.
EventStream = Generator[str | Pause | Debounce, bool, None]


class OperationResult(Struct):
    """The body of a success."""

    body: Any
    listing: SlicedArray | None = None
    stream: EventStream | None = None  # instead of a body
    pieces: Iterator[bytes] | None = None  # of a file, instead of a body


OperationFunction = Callable[[World, OperationCall], OperationResult]

# An operation that has to wait is a generator: it yields where it waits, and is sent
# whether there is time left, or what came of work that was done beside it.  Each step
# is a transaction, as a whole operation is.
WaitStep = Pause | UntilCaughtUp | Commit | Beside
OperationSteps = Generator[WaitStep, Any, OperationResult]
WaitingFunction = Callable[[World, OperationCall], OperationSteps]
