"""What a fault does to the answer of a call, as data."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from http import HTTPStatus
from math import cos, exp, log, pi, sqrt
from typing import Any

from emulator.domain import refusals
from emulator.domain.chance import draw
from emulator.domain.delivery import Trick
from emulator.domain.refusals import REASONS, Reason, Refusal

LONGEST = 600.0  # seconds of the world that anything is late
UNSAID = ...  # a body that is left to the platform's envelope; None is JSON's null
WORDS = ("field", "field_of", "limit", "mark", "other", "service")  # of sentences
TINY = 2**-64  # the smallest draw but 0, whose logarithm is infinite

# The sentence that goes with a status; others have HTTP's own words.
TYPICAL: Mapping[int, Reason] = {
    400: refusals.UNREADABLE,
    401: refusals.UNAUTHENTICATED,
    404: refusals.NO_SUCH_PATH,
    405: refusals.METHOD_NOT_ALLOWED,
    413: refusals.TOO_LARGE,
    422: refusals.REQUIRED,
    500: refusals.SERVER_ERROR,
}


@dataclass(frozen=True, slots=True)
class Refuse:
    """The platform says no, as if it had a reason to."""

    reason: str  # the name of a documented refusal
    status: int | None = None  # of HTTP, where it is another than the envelope says
    retry_after: int | None = None  # seconds

    def refusal(self, rule: str) -> Refusal:
        """Return the refusal; words that its sentence lacks here are left as dots."""
        return _asked_for(REASONS[self.reason], rule)


@dataclass(frozen=True, slots=True)
class Instead:
    """Any answer at all; a body that is text goes out as it is, any other as JSON."""

    status: int
    body: Any = UNSAID
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None  # seconds

    def refusal(self, rule: str) -> Refusal:
        """Return the refusal that the status means where no body is said."""
        typical = TYPICAL.get(self.status)
        es, en = (typical.es, typical.en) if typical else (_phrase(self.status),) * 2
        return _asked_for(Reason(f"STATUS_{self.status}", self.status, es, en), rule)


@dataclass(frozen=True, slots=True)
class Uniform:
    low: float  # seconds
    high: float

    def at(self, chance: float, _other: float) -> float:
        return self.low + (self.high - self.low) * chance


@dataclass(frozen=True, slots=True)
class Lognormal:
    median: float  # seconds
    sigma: float  # of the logarithm

    def at(self, chance: float, other: float) -> float:
        """Return the seconds that two draws mean, by Box and Muller."""
        normal = sqrt(-2 * log(max(chance, TINY))) * cos(2 * pi * other)
        return self.median * exp(self.sigma * normal)


@dataclass(frozen=True, slots=True)
class Delay:
    """The answer is right, and late by so many seconds of the world."""

    seconds: float | Uniform | Lognormal

    def drawn(self, seed: int, rule: str, number: int) -> timedelta:
        """Return how late the call is that was met as *number*."""
        seconds = self.seconds
        if isinstance(seconds, Uniform | Lognormal):
            first = draw(seed, f"delay {rule}", number)
            seconds = seconds.at(first, draw(seed, f"delay again {rule}", number))
        return timedelta(seconds=min(seconds, LONGEST))


class Manner(StrEnum):
    """What becomes of the connection, or of the octets on it."""

    HANG = "hang"  # until the client gives up
    CLOSE = "close"  # before any octet of the answer
    RESET = "reset"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    NOT_JSON = "not_json"
    DRIP = "drip"
    WRONG_CONTENT_TYPE = "wrong_content_type"


SPOILING = frozenset({Manner.TRUNCATED, Manner.DRIP, Manner.WRONG_CONTENT_TYPE})
UNANSWERED = frozenset({Manner.HANG, Manner.CLOSE, Manner.RESET})


@dataclass(frozen=True, slots=True)
class Wire:
    """The connection fails the client."""

    manner: Manner
    seconds: float = 0  # of the world, that a drip takes

    @property
    def spoils(self) -> bool:
        """Whether there has to be a right answer first."""
        return self.manner in SPOILING


@dataclass(frozen=True, slots=True)
class Push:
    """What leaves goes wrong: a push to a customer's server, not an answer."""

    trick: Trick
    seconds: float = 0  # of the world, that it is late
    count: int = 2  # of the pushes that leave at once


@dataclass(frozen=True, slots=True)
class Decline:
    """SMPP says no, with any command_status."""

    status: int


class Turn(StrEnum):
    """What becomes of a PDU that goes out over SMPP."""

    WRONG_SEQUENCE = "wrong_sequence"
    DOUBLED = "doubled"
    SWAPPED = "swapped"  # with the next one
    NACK = "nack"  # a generic_nack in its place
    WRONG_LENGTH = "wrong_length"
    GARBAGE = "garbage"  # in its place
    THEN_CLOSE = "then_close"
    THEN_RESET = "then_reset"
    THEN_UNBIND = "then_unbind"
    EARLY_RECEIPT = "early_receipt"  # before it
    WRONG_ID = "wrong_id"  # of a receipt, as what follows
    UNKNOWN_STATE = "unknown_state"
    NO_TLVS = "no_tlvs"


@dataclass(frozen=True, slots=True)
class Twist:
    """A PDU of SMPP goes out otherwise than it should."""

    turn: Turn

    @property
    def spoils(self) -> bool:
        """Whether there has to be a right answer first; a nack needs none."""
        return self.turn is not Turn.NACK


Effect = Refuse | Instead | Delay | Wire | Push | Decline | Twist

# What of the connection's failures can be felt over SMPP.
SMPP_WIRE = frozenset(
    {Manner.HANG, Manner.CLOSE, Manner.RESET, Manner.TRUNCATED, Manner.DRIP}
)


def felt_by_smpp(effect: Effect) -> bool:
    if isinstance(effect, Wire):
        return effect.manner in SMPP_WIRE
    return isinstance(effect, Delay | Decline | Twist)


def felt_by_http(effect: Effect) -> bool:
    return not isinstance(effect, Decline | Twist)


def _asked_for(reason: Reason, rule: str) -> Refusal:
    why = f"the fault {rule} asked for it"
    return Refusal(reason, why, **dict.fromkeys(WORDS, "..."))


def _phrase(status: int) -> str:
    """Return HTTP's words for *status*; those of a stranger are its class's."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return HTTPStatus(status // 100 * 100).phrase
