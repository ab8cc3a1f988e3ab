"""Handsets: what happens to whatever is sent to a number.

A number has one truth: SMS, voice and HLR agree about it.  The numbers ``99900`` + two
digits of outcome + three free digits are reserved for tests; every other number is
reached, unless the world says otherwise.

Source: assumptions DLR-19 and HLR-09; the final states are the manual's DLR-09, VOI-23.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from enum import IntEnum
from typing import Generic, TypeVar

from emulator.domain.chance import draw

NOW = timedelta()
RETRY = timedelta(minutes=1)
ABSENCE = timedelta(hours=24)
CALL = timedelta(seconds=1)  # how long a call is in process

Status = TypeVar("Status")

TEST_BLOCK = 99900  # the first five digits
_FIRST, _LAST = TEST_BLOCK * 100_000, TEST_BLOCK * 100_000 + 99_999
RESERVED = range(_FIRST, _LAST + 1)


class Outcome(IntEnum):
    """What becomes of a message; the value is the test block's two digits."""

    SENT = 0
    FAILED = 1
    RETRIED = 2
    ABSENT = 3
    UNKNOWN = 4
    LANDLINE = 5
    PORTED = 6
    BUSY = 7
    ANSWERS = 10
    ANSWERS_TWICE = 11
    OPTS_OUT = 12


class CallStatus(IntEnum):
    """Source: manual VOI-23."""

    QUEUED = 0
    PROCESS = 1
    SENT = 2
    FAILED = 3


@dataclass(frozen=True, slots=True)
class Script(Generic[Status]):
    """Statuses of one message, each *after* its instant; the last one is final."""

    steps: tuple[tuple[timedelta, Status], ...]

    def at(self, elapsed: timedelta, patience: int = 1) -> Status:
        """Return the status when *elapsed* has passed since the message's instant."""
        return next(
            status
            for after, status in reversed(self.steps)
            if after * patience <= elapsed
        )

    @property
    def final_after(self) -> timedelta:
        return self.steps[-1][0]


def _sms(*steps: tuple[timedelta, str]) -> Script[str]:
    return Script(steps)


def _call(status: CallStatus) -> Script[CallStatus]:
    return Script(((NOW, CallStatus.PROCESS), (CALL, status)))


_SENT, _FAILED = _sms((NOW, "sent")), _sms((NOW, "failed"))
_ANSWERED, _LOST = _call(CallStatus.SENT), _call(CallStatus.FAILED)
_RETRIED = _sms((NOW, "retried"), (RETRY, "sent"))
_GIVEN_UP = _sms((NOW, "retried"), (ABSENCE, "failed"))


@dataclass(frozen=True, slots=True)
class Truth:
    """How a handset behaves on every channel."""

    sms: Script[str]
    call: Script[CallStatus]
    hlr: str  # active, inactive, absent or unknown


TRUTHS: Mapping[Outcome, Truth] = {
    Outcome.SENT: Truth(_SENT, _ANSWERED, "active"),
    Outcome.FAILED: Truth(_FAILED, _LOST, "inactive"),
    Outcome.RETRIED: Truth(_RETRIED, _ANSWERED, "active"),
    Outcome.ABSENT: Truth(_GIVEN_UP, _LOST, "absent"),
    Outcome.UNKNOWN: Truth(_FAILED, _LOST, "unknown"),
    Outcome.LANDLINE: Truth(_FAILED, _ANSWERED, "active"),
    Outcome.PORTED: Truth(_SENT, _ANSWERED, "active"),
    Outcome.BUSY: Truth(_SENT, _LOST, "active"),
    Outcome.ANSWERS: Truth(_SENT, _ANSWERED, "active"),
    Outcome.ANSWERS_TWICE: Truth(_SENT, _ANSWERED, "active"),
    Outcome.OPTS_OUT: Truth(_SENT, _ANSWERED, "active"),
}


@dataclass(frozen=True, slots=True)
class Profile:
    """A share of all people who answer a message with one of some texts."""

    share: float  # 0 to 1
    after: timedelta  # the message is on the handset
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """Who lives in a world: numbers with a fate of their own, and weights for others.

    ``weights`` are relative; without any, everybody is reached.
    """

    seed: int
    weights: Mapping[Outcome, float] = field(default_factory=dict)
    known: Mapping[int, Outcome] = field(default_factory=dict)
    profiles: tuple[Profile, ...] = ()

    def outcome(self, number: int) -> Outcome:
        """Return what happens to whatever is sent to *number*."""
        if number in self.known:
            return self.known[number]
        if _FIRST <= number <= _LAST:
            return _reserved(number)
        return self._drawn(number) if self.weights else Outcome.SENT

    def outcomes(self, numbers: Sequence[int]) -> bytes:
        """Return one octet a number, its ``Outcome``."""
        if self.weights or self.known:
            return bytes(map(self.outcome, numbers))
        if max(numbers) < _FIRST:  # the ordinary case
            return bytes(len(numbers))  # Outcome.SENT each
        octets = bytearray(len(numbers))
        for index, number in enumerate(numbers):
            if _FIRST <= number <= _LAST:
                octets[index] = _reserved(number)
        return bytes(octets)

    def _drawn(self, number: int) -> Outcome:
        mark = draw(self.seed, "handset", number) * sum(self.weights.values())
        for outcome, weight in self.weights.items():
            mark -= weight
            if mark < 0:
                return outcome
        return Outcome.SENT


def _reserved(number: int) -> Outcome:
    digits = number // 1000 % 100
    return Outcome(digits) if digits in _OUTCOMES else Outcome.SENT


_OUTCOMES = frozenset(Outcome)
