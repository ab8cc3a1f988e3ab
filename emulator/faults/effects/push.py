"""``push``: what leaves for a customer's server goes wrong."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Self

from emulator.domain.delivery import Delivery, DeliveryKind, DeliveryState, PushMutation
from emulator.domain.platform_refusals import NOT_WANTED, REQUIRED
from emulator.domain.push import apply_push_mutation
from emulator.domain.refusals import Refusal
from emulator.faults.calls import PushCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import FaultPhase, FaultPlace
from emulator.faults.words import (
    SECONDS,
    make_choice_field,
    make_integer_field,
    omit_none,
)

# What takes seconds
TAKING_SECONDS = frozenset({PushMutation.LATE, PushMutation.REORDERED})
TAKING_COUNT = frozenset({PushMutation.STORM})  # what takes a count
LEAST_COUNT = 2
# Seconds of the world, after which nothing waits for another to go before
REORDER_SECONDS = 60
PARAMETER_REWRITES = frozenset(  # otherwise than it should be, or not at all
    {
        PushMutation.CAPITALIZED,
        PushMutation.MISSPELLED,
        PushMutation.OTHER_DATE,
        PushMutation.UNKNOWN_ID,
    }
)
# What a push of some kind never feels: a question about a keyword names no message, a
# reply to SMPP has capitals already, and only a reply to HTTP is early.
UNAFFECTED_KINDS: Mapping[PushMutation, frozenset[DeliveryKind]] = {
    PushMutation.UNKNOWN_ID: frozenset({DeliveryKind.KEYWORD}),
    PushMutation.CAPITALIZED: frozenset({DeliveryKind.SMPP_REPLY}),
    PushMutation.EARLY: frozenset({DeliveryKind.KEYWORD, DeliveryKind.SMPP_REPLY}),
}
PUSH = make_choice_field("push", PushMutation)
COUNT = make_integer_field(
    "count",
    LEAST_COUNT,
    1_000,
    expectation="a number from 2 to 1000",
    description="Of the pushes of a storm",
)


class PushFault(Effect, frozen=True):
    """What leaves goes wrong: a push to a customer's server, not an answer."""

    mutation: PushMutation
    seconds: float = 0  # of the world, that it is late
    count: int = LEAST_COUNT  # of the pushes that leave at once

    FIELDS = (PUSH, SECONDS, COUNT)
    DESCRIPTION = (
        "what leaves goes wrong; the operation is moPush, smppMoPush or keywordPush. "
        "`lost`; `late` by `seconds` of the world; `duplicated`, one after the other; "
        "`duplicated_at_once`; a `storm` of `count` at once; `reordered`, after the "
        f"next one to the same URL or after `seconds` ({REORDER_SECONDS} without); "
        "`early`, before the answer to the request that sent the message, where its "
        "handset answers by itself. Or spoilt: `capitalized` (`Cellphone`), "
        "`misspelled` (`rellphone`), `other_date` (`05/10/2023 12:00`), `unknown_id`, "
        "`post` (a form instead of a query)."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Refuses seconds and counts that mean nothing, or that are missing."""
        mutation = PushMutation(PUSH.read_from(body))
        for name, mutations in (("seconds", TAKING_SECONDS), ("count", TAKING_COUNT)):
            if name in body and mutation not in mutations:
                takers = " and ".join(sorted(mutations))
                why = f"push {mutation} takes no {name}; {takers} do"
                raise Refusal(NOT_WANTED, why, field=f"effect.{name}")
        seconds, count = SECONDS.find_in(body), COUNT.find_in(body)
        if mutation is PushMutation.LATE and seconds is None:
            raise Refusal(REQUIRED, "say how late: seconds", field="effect.seconds")
        if mutation is PushMutation.STORM and count is None:
            raise Refusal(REQUIRED, "say how many: count", field="effect.count")
        usual = REORDER_SECONDS if mutation is PushMutation.REORDERED else 0
        return cls(mutation, seconds or usual, count or LEAST_COUNT)

    def to_json(self) -> dict[str, Any]:
        return omit_none(
            {
                "push": str(self.mutation),
                "seconds": self.seconds if self.mutation in TAKING_SECONDS else None,
                "count": self.count if self.mutation in TAKING_COUNT else None,
            }
        )

    @classmethod
    def list_examples(cls) -> Iterator[dict[str, Any]]:
        for each in PushMutation:
            seconds = 60 if each in TAKING_SECONDS else None
            count = 3 if each in TAKING_COUNT else None
            yield omit_none({"push": str(each), "seconds": seconds, "count": count})

    @property
    def places(self) -> frozenset[FaultPlace]:
        return frozenset({FaultPlace.PUSH})

    @property
    def phases(self) -> tuple[FaultPhase, ...]:
        return (
            FaultPhase.EARLY
            if self.mutation is PushMutation.EARLY
            else FaultPhase.PUSH,
        )

    def can_affect(self, operation: str) -> bool:
        unfelt = map(str, UNAFFECTED_KINDS.get(self.mutation, ()))
        return Effect.can_affect(self, operation) and operation not in unfelt

    def changes_push(self, call: PushCall) -> bool:
        return (
            self.mutation not in PARAMETER_REWRITES
            or apply_push_mutation(call.pairs, self.mutation) != call.pairs
        )

    def make_deliveries(self, delivery: Delivery) -> list[Delivery]:
        return _MAKERS.get(self.mutation, _mark_delivery)(delivery, self)


def _lose_delivery(delivery: Delivery, _fault: PushFault) -> list[Delivery]:
    return [delivery._replace(state=DeliveryState.LOST, due_at=None)]


def _delay_delivery(delivery: Delivery, fault: PushFault) -> list[Delivery]:
    due_at = delivery.created_at + timedelta(seconds=fault.seconds)
    return [delivery._replace(due_at=due_at)]


def _reorder_delivery(delivery: Delivery, fault: PushFault) -> list[Delivery]:
    return [each._replace(behind=True) for each in _delay_delivery(delivery, fault)]


def _send_twice(delivery: Delivery, _fault: PushFault) -> list[Delivery]:
    return [delivery, delivery]


def _send_at_once(delivery: Delivery, fault: PushFault) -> list[Delivery]:
    return [delivery._replace(group=delivery.id)] * fault.count


def _mark_delivery(delivery: Delivery, fault: PushFault) -> list[Delivery]:
    """Return what is felt on its way only."""
    return [delivery._replace(trick=fault.mutation)]


_MAKERS: Mapping[PushMutation, Callable[[Delivery, PushFault], list[Delivery]]] = {
    PushMutation.LOST: _lose_delivery,
    PushMutation.LATE: _delay_delivery,
    PushMutation.REORDERED: _reorder_delivery,
    PushMutation.DUPLICATED: _send_twice,
    PushMutation.DUPLICATED_AT_ONCE: _send_at_once,
    PushMutation.STORM: _send_at_once,
}
