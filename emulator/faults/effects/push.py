"""``push``: what leaves for a customer's server goes wrong."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, Self

from emulator.domain.delivery import Delivery, Kind, State, Trick
from emulator.domain.push import tricked
from emulator.domain.refusals import NOT_WANTED, REQUIRED, Refusal
from emulator.faults.calls import PushCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import Phase, Place
from emulator.faults.words import SECONDS, choice, stated, whole

LATE = frozenset({Trick.LATE, Trick.REORDERED})  # what takes seconds
COUNTED = frozenset({Trick.STORM})  # what takes a count
PAIR = 2
LONG = 60  # seconds of the world, after which nothing waits for another to go before
WRITTEN = frozenset(  # otherwise than it should be, or not at all
    {Trick.CAPITALISED, Trick.MISSPELT, Trick.OTHER_DATE, Trick.UNKNOWN_ID}
)
# What a push of some kind never feels: a question about a keyword names no message, a
# reply to SMPP has capitals already, and only a reply to HTTP is early.
UNFELT: Mapping[Trick, frozenset[Kind]] = {
    Trick.UNKNOWN_ID: frozenset({Kind.KEYWORD}),
    Trick.CAPITALISED: frozenset({Kind.SMPP_REPLY}),
    Trick.EARLY: frozenset({Kind.KEYWORD, Kind.SMPP_REPLY}),
}
PUSH = choice("push", Trick)
COUNT = whole(
    "count",
    PAIR,
    1_000,
    says="a number from 2 to 1000",
    description="Of the pushes of a storm",
)


class PushFault(Effect, frozen=True):
    """What leaves goes wrong: a push to a customer's server, not an answer."""

    trick: Trick
    seconds: float = 0  # of the world, that it is late
    count: int = PAIR  # of the pushes that leave at once

    WORDS = (PUSH, SECONDS, COUNT)
    SAYS = (
        "what leaves goes wrong; the operation is moPush, smppMoPush or keywordPush. "
        "`lost`; `late` by `seconds` of the world; `twice`, one after the other; "
        "`twice_at_once`; a `storm` of `count` at once; `reordered`, after the next "
        f"one to the same URL or after `seconds` ({LONG} without); `early`, before "
        "the answer to the request that sent the message, where its handset answers "
        "by itself. Or spoilt: `capitalised` (`Cellphone`), `misspelt` "
        "(`rellphone`), `other_date` (`05/10/2023 12:00`), `unknown_id`, `post` (a "
        "form instead of a query)."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Refuses seconds and counts that mean nothing, or that are missing."""
        trick = Trick(PUSH.read(body))
        for name, tricks in (("seconds", LATE), ("count", COUNTED)):
            if name in body and trick not in tricks:
                takers = " and ".join(sorted(tricks))
                why = f"push {trick} takes no {name}; {takers} do"
                raise Refusal(NOT_WANTED, why, field=f"effect.{name}")
        seconds, count = SECONDS.find(body), COUNT.find(body)
        if trick is Trick.LATE and seconds is None:
            raise Refusal(REQUIRED, "say how late: seconds", field="effect.seconds")
        if trick is Trick.STORM and count is None:
            raise Refusal(REQUIRED, "say how many: count", field="effect.count")
        usual = LONG if trick is Trick.REORDERED else 0
        return cls(trick, seconds or usual, count or PAIR)

    def to_json(self) -> dict[str, Any]:
        return stated(
            {
                "push": str(self.trick),
                "seconds": self.seconds if self.trick in LATE else None,
                "count": self.count if self.trick in COUNTED else None,
            }
        )

    @classmethod
    def examples(cls) -> Iterator[dict[str, Any]]:
        for each in Trick:
            seconds = 60 if each in LATE else None
            count = 3 if each in COUNTED else None
            yield stated({"push": str(each), "seconds": seconds, "count": count})

    @property
    def places(self) -> frozenset[Place]:
        return frozenset({Place.PUSH})

    @property
    def phases(self) -> tuple[Phase, ...]:
        return (Phase.EARLY if self.trick is Trick.EARLY else Phase.PUSH,)

    def is_felt_by(self, operation: str) -> bool:
        unfelt = map(str, UNFELT.get(self.trick, ()))
        return Effect.is_felt_by(self, operation) and operation not in unfelt

    def changes_push(self, call: PushCall) -> bool:
        return (
            self.trick not in WRITTEN or tricked(call.pairs, self.trick) != call.pairs
        )

    def make_deliveries(self, delivery: Delivery) -> list[Delivery]:
        return _MAKERS.get(self.trick, _as_it_goes)(delivery, self)


def _lost(delivery: Delivery, _fault: PushFault) -> list[Delivery]:
    return [delivery._replace(state=State.LOST, due_at=None)]


def _late(delivery: Delivery, fault: PushFault) -> list[Delivery]:
    due_at = delivery.made_at + timedelta(seconds=fault.seconds)
    return [delivery._replace(due_at=due_at)]


def _behind(delivery: Delivery, fault: PushFault) -> list[Delivery]:
    return [each._replace(behind=True) for each in _late(delivery, fault)]


def _twice(delivery: Delivery, _fault: PushFault) -> list[Delivery]:
    return [delivery, delivery]


def _at_once(delivery: Delivery, fault: PushFault) -> list[Delivery]:
    return [delivery._replace(group=delivery.id)] * fault.count


def _as_it_goes(delivery: Delivery, fault: PushFault) -> list[Delivery]:
    """Return what is felt on its way only."""
    return [delivery._replace(trick=fault.trick)]


_MAKERS: Mapping[Trick, Callable[[Delivery, PushFault], list[Delivery]]] = {
    Trick.LOST: _lost,
    Trick.LATE: _late,
    Trick.REORDERED: _behind,
    Trick.TWICE: _twice,
    Trick.TWICE_AT_ONCE: _at_once,
    Trick.STORM: _at_once,
}
