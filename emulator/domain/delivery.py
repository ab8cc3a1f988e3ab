"""Deliveries: pushes and receipts that must leave, and every attempt to send them.

Immutable; the world keeps the newest state of each.

Source: manual MOP-01 to MOP-12, KEY-01 to KEY-16; assumption MOP-07 for retries.
"""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from http import HTTPStatus
from typing import NamedTuple

from emulator.domain.bounds import (
    Cellphone,
    Duration,
    Id,
    Instant,
    OptionalId,
    PlannedInstant,
    Seconds,
    StatusCode,
)


class DeliveryKind(StrEnum):
    """What is delivered; the value is the operationId of the contract's webhook."""

    REPLY = "moPush"
    SMPP_REPLY = "smppMoPush"
    KEYWORD = "keywordPush"
    RECEIPT = "receipt"  # by SMPP, whose deliver_sm no contract of HTTP describes


class DeliveryState(StrEnum):
    DUE = "due"  # at its instant, or once a receiver is there
    DELIVERED = "delivered"
    GIVEN_UP = "given_up"
    LOST = "lost"  # a fault lost it
    DROPPED = "dropped"  # by a command, or no receiver came


class Verdict(StrEnum):
    """How an attempt ended."""

    ACCEPTED = "accepted"
    NOT_OK = "not_ok"  # a 2xx without what is expected of it
    BAD_STATUS = "bad_status"
    TIMED_OUT = "timed_out"
    REFUSED = "refused"  # nothing listens there
    BROKEN = "broken"  # a connection that fails, an answer that is no HTTP
    UNUSABLE = "unusable"  # what came back cannot be sent
    FORBIDDEN = "forbidden"  # where we do not go
    GONE = "gone"  # a listener that left without an answer
    FAILED = "failed"  # by a mistake of ours
    STOPPED = "stopped"  # we did, with the attempt under way


class PushMutation(StrEnum):
    """How a fault changes a push."""

    LOST = "lost"
    LATE = "late"
    DUPLICATED = "duplicated"
    DUPLICATED_AT_ONCE = "duplicated_at_once"
    REORDERED = "reordered"
    EARLY = "early"  # before the answer to the send
    CAPITALIZED = "capitalized"  # SMP-07
    MISSPELLED = "misspelled"  # MOP-05
    OTHER_DATE = "other_date"
    UNKNOWN_ID = "unknown_id"
    POST = "post"
    STORM = "storm"


RECEIPT_METHOD = "deliver_sm"  # in the place of an HTTP method
ATTEMPT_METHODS = frozenset({"GET", "POST", RECEIPT_METHOD})
MAX_RECEIPT_ATTEMPTS = 20  # attempts of one receipt
UNCOUNTED_VERDICTS = frozenset({Verdict.GONE, Verdict.STOPPED})  # no answer of a server
# Another try changes nothing
FINAL_VERDICTS = frozenset({Verdict.UNUSABLE, Verdict.FORBIDDEN, Verdict.FAILED})


class Attempt(NamedTuple):
    """One attempt, with its result."""

    at: Instant  # of the world
    method: str  # one of ATTEMPT_METHODS
    url: str  # with its query, as it was asked
    verdict: Verdict
    status: StatusCode = 0  # of HTTP; 0 without an answer
    headers: tuple[tuple[str, str], ...] = ()  # of the answer
    body: str = ""  # of the answer, as far as it was read
    explanation: str = ""  # what is wrong and what to try
    duration: Seconds = 0.0  # seconds of the wall


class Delivery(NamedTuple):
    id: Id
    kind: DeliveryKind
    url: str  # of the account; empty where there is none and a listener takes it
    parameters: Mapping[str, str | int]  # the parameters, by the names of the contract
    created_at: Instant
    due_at: PlannedInstant | None  # of the next attempt; None once it is over
    retries: tuple[Duration, ...] = ()  # after a failed attempt each
    number: Cellphone = 0
    message: OptionalId = 0  # 0 without
    keyword: str = ""
    state: DeliveryState = DeliveryState.DUE
    fault: str = ""  # the id of the rule that struck
    trick: PushMutation | None = None  # of that rule, where it is felt on the way only
    group: OptionalId = 0  # of those that leave at once: the id of the first; 0 alone
    behind: bool = False  # it leaves after the next one to its URL
    attempts: tuple[Attempt, ...] = ()

    @property
    def is_over(self) -> bool:
        return self.due_at is None

    @property
    def was_abandoned(self) -> bool:
        """Whether a listener disconnected before it answered."""
        return bool(self.attempts) and self.attempts[-1].verdict is Verdict.GONE

    def apply_attempt(self, attempt: Attempt, now: datetime) -> "Delivery":
        """Return the delivery after *attempt*: over, or due once more."""
        attempts = (*self.attempts, attempt)
        if attempt.verdict is Verdict.ACCEPTED:
            return self._finish_as(DeliveryState.DELIVERED, attempts)
        done = sum(each.verdict not in UNCOUNTED_VERDICTS for each in self.attempts)
        if attempt.verdict is Verdict.GONE:  # the listener's fault, and no try
            due_at = now
        elif attempt.verdict in FINAL_VERDICTS or done >= len(self.retries):
            return self._finish_as(DeliveryState.GIVEN_UP, attempts)
        else:
            due_at = now + self.retries[done]
        return self._replace(due_at=due_at, behind=False, attempts=attempts)

    def retry_now(self, now: datetime) -> "Delivery":
        """Return the delivery, due now, whatever its state was."""
        return self._replace(state=DeliveryState.DUE, due_at=now, behind=False)

    def add_interruption(self, now: datetime) -> "Delivery":
        """Return the delivery as it is tried again, perhaps for nothing.

        The emulator was stopped during an attempt; it is unknown whether that arrived.
        """
        attempt = Attempt(
            at=now,
            method=RECEIPT_METHOD if self.kind is DeliveryKind.RECEIPT else "GET",
            url=self.url,
            verdict=Verdict.STOPPED,
            explanation=(
                "the emulator was stopped meanwhile, so it may have arrived before"
            ),
        )
        return self._replace(attempts=(*self.attempts, attempt))

    def drop(self) -> "Delivery":
        """Return the delivery, dropped: it is not tried again."""
        return self._finish_as(DeliveryState.DROPPED, self.attempts)

    def lose_by_fault(self, fault: str) -> "Delivery":
        """Return the delivery as a fault loses it."""
        return self._finish_as(DeliveryState.LOST, self.attempts)._replace(fault=fault)

    def delay_by_fault(self, due_at: datetime, fault: str) -> "Delivery":
        """Return the delivery as a fault holds it back."""
        return self._replace(due_at=due_at, fault=fault)

    def apply_receipt_attempt(
        self, attempt: Attempt, next_at: datetime | None, fault: str
    ) -> "Delivery":
        """Return a receipt after *attempt*: due again, or over where there is no next.

        The newest attempts are remembered; *fault* is the id of a rule that struck.
        """
        state = self.state
        if next_at is None:
            good = attempt.verdict is Verdict.ACCEPTED
            state = DeliveryState.DELIVERED if good else DeliveryState.GIVEN_UP
        return self._replace(
            state=state,
            due_at=next_at,
            fault=fault or self.fault,
            attempts=(*self.attempts, attempt)[-MAX_RECEIPT_ATTEMPTS:],
        )

    def _finish_as(
        self, state: DeliveryState, attempts: tuple[Attempt, ...]
    ) -> "Delivery":
        return self._replace(state=state, due_at=None, attempts=attempts)


def judge_push_answer(kind: DeliveryKind, status: int, body: str) -> Verdict:
    """Return what an answer means.

    >>> judged(Kind.REPLY, 200, ' "OK" ')
    <Verdict.ACCEPTED: 'accepted'>

    Source: manual MOP-06, KEY-05; assumption MOP-07.
    """
    if not HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        return Verdict.BAD_STATUS
    if kind is DeliveryKind.KEYWORD or body.strip(" \t\r\n\"'").casefold() == "ok":
        return Verdict.ACCEPTED
    return Verdict.NOT_OK
