"""Handsets: the outcome of messages and calls to a number.

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

from emulator.domain.bounds import Duration, Share
from emulator.domain.chance import draw_fraction

NO_DELAY = timedelta()
RETRY_DELAY = timedelta(minutes=1)
ABSENCE_DURATION = timedelta(hours=24)
CALL_DURATION = timedelta(seconds=1)  # how long a call is in process

ScriptStatusT = TypeVar("ScriptStatusT")

TEST_BLOCK = 99900  # the first five digits
_FIRST, _LAST = TEST_BLOCK * 100_000, TEST_BLOCK * 100_000 + 99_999
TEST_NUMBERS = range(_FIRST, _LAST + 1)


class Outcome(IntEnum):
    """The outcome of a message; the value is the two digits of the test block."""

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
class StatusScript(Generic[ScriptStatusT]):
    """Statuses of one message, each *after* its instant; the last one is final."""

    steps: tuple[tuple[timedelta, ScriptStatusT], ...]

    def status_after(self, elapsed: timedelta, retry_scale: int = 1) -> ScriptStatusT:
        """Return the status when *elapsed* has passed since the message's instant."""
        return next(
            status
            for after, status in reversed(self.steps)
            if after * retry_scale <= elapsed
        )

    @property
    def final_after(self) -> timedelta:
        return self.steps[-1][0]


def _script_sms(*steps: tuple[timedelta, str]) -> StatusScript[str]:
    return StatusScript(steps)


def _script_call(status: CallStatus) -> StatusScript[CallStatus]:
    return StatusScript(((NO_DELAY, CallStatus.PROCESS), (CALL_DURATION, status)))


_SENT, _FAILED = _script_sms((NO_DELAY, "sent")), _script_sms((NO_DELAY, "failed"))
_ANSWERED, _LOST = _script_call(CallStatus.SENT), _script_call(CallStatus.FAILED)
_RETRIED = _script_sms((NO_DELAY, "retried"), (RETRY_DELAY, "sent"))
_GIVEN_UP = _script_sms((NO_DELAY, "retried"), (ABSENCE_DURATION, "failed"))


@dataclass(frozen=True, slots=True)
class HandsetBehaviour:
    """How a handset behaves on every channel."""

    sms: StatusScript[str]
    call: StatusScript[CallStatus]
    hlr: str  # active, inactive, absent or unknown


BEHAVIOURS: Mapping[Outcome, HandsetBehaviour] = {
    Outcome.SENT: HandsetBehaviour(_SENT, _ANSWERED, "active"),
    Outcome.FAILED: HandsetBehaviour(_FAILED, _LOST, "inactive"),
    Outcome.RETRIED: HandsetBehaviour(_RETRIED, _ANSWERED, "active"),
    Outcome.ABSENT: HandsetBehaviour(_GIVEN_UP, _LOST, "absent"),
    Outcome.UNKNOWN: HandsetBehaviour(_FAILED, _LOST, "unknown"),
    Outcome.LANDLINE: HandsetBehaviour(_FAILED, _ANSWERED, "active"),
    Outcome.PORTED: HandsetBehaviour(_SENT, _ANSWERED, "active"),
    Outcome.BUSY: HandsetBehaviour(_SENT, _LOST, "active"),
    Outcome.ANSWERS: HandsetBehaviour(_SENT, _ANSWERED, "active"),
    Outcome.ANSWERS_TWICE: HandsetBehaviour(_SENT, _ANSWERED, "active"),
    Outcome.OPTS_OUT: HandsetBehaviour(_SENT, _ANSWERED, "active"),
}


@dataclass(frozen=True, slots=True)
class ReplyProfile:
    """A share of all handsets that answer a message with one of some texts."""

    share: Share  # 0 to 1
    after: Duration  # the message is on the handset
    texts: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Population:
    """The handsets of a world: numbers with their own outcome, weights for the others.

    ``weights`` are relative; without any, every handset is reached.
    """

    seed: int
    weights: Mapping[Outcome, float] = field(default_factory=dict)
    known: Mapping[int, Outcome] = field(default_factory=dict)
    profiles: tuple[ReplyProfile, ...] = ()

    def get_outcome(self, number: int) -> Outcome:
        """Return the outcome of *number*."""
        if number in self.known:
            return self.known[number]
        if _FIRST <= number <= _LAST:
            return _get_test_outcome(number)
        return self._draw_outcome(number) if self.weights else Outcome.SENT

    def get_outcomes(self, numbers: Sequence[int]) -> bytes:
        """Return one octet a number, its ``Outcome``."""
        if self.weights or self.known:
            return bytes(map(self.get_outcome, numbers))
        if max(numbers) < _FIRST:  # the ordinary case
            return bytes(len(numbers))  # Outcome.SENT each
        octets = bytearray(len(numbers))
        for index, number in enumerate(numbers):
            if _FIRST <= number <= _LAST:
                octets[index] = _get_test_outcome(number)
        return bytes(octets)

    def _draw_outcome(self, number: int) -> Outcome:
        mark = draw_fraction(self.seed, "handset", number) * sum(self.weights.values())
        for outcome, weight in self.weights.items():
            mark -= weight
            if mark < 0:
                return outcome
        return Outcome.SENT


def _get_test_outcome(number: int) -> Outcome:
    digits = number // 1000 % 100
    return Outcome(digits) if digits in _OUTCOMES else Outcome.SENT


_OUTCOMES = frozenset(Outcome)
