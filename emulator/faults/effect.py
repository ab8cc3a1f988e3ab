"""The base of all effects of faults: its words, its places, and what it does there.

An effect is a frozen value.  A kind of effect overrides what the places need that it
names: ``changes_...`` says whether a call of that place would feel it, and is asked
before the rule counts as struck; the other method carries it out.
"""

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar, Self

from msgspec import Struct

from emulator.domain.delivery import Delivery
from emulator.faults.calls import (
    A,
    HttpCall,
    HttpResponseLike,
    PushCall,
    ReceiptCall,
    SmppCall,
)
from emulator.faults.places import FaultPhase, FaultPlace, place_of
from emulator.faults.words import EffectField

Json = Mapping[str, Any]


class Effect(Struct, frozen=True):
    """What goes wrong, as data."""

    FIELDS: ClassVar[
        tuple[EffectField, ...]
    ]  # the one that tells the kind, then the others
    DESCRIPTION: ClassVar[str]  # in the control API's contract

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Return the effect that *body* says, which has no other words than ours.

        Refuses what makes no sense, in a sentence that says what would.
        """
        raise NotImplementedError

    def to_json(self) -> dict[str, Any]:
        """Return what ``from_json`` reads again."""
        raise NotImplementedError

    @classmethod
    def list_examples(cls) -> Iterator[dict[str, Any]]:
        """Yield an effect of this kind, each variant once, as it is asked for."""
        raise NotImplementedError

    @property
    def places(self) -> frozenset[FaultPlace]:
        """Where it can be felt."""
        raise NotImplementedError

    @property
    def phases(self) -> tuple[FaultPhase, ...]:
        """When it can strike, the usual one first."""
        return (FaultPhase.BEFORE, FaultPhase.AFTER)

    def can_affect(self, operation: str) -> bool:
        """Whether any call of *operation* could feel it."""
        return place_of(operation) in self.places

    # --- HTTP -------------------------------------------------------------------------

    def changes_http(self, answer: HttpResponseLike | None) -> bool:  # noqa: ARG002 - of ours
        """Whether a request would feel it; without *answer* it is not carried out."""
        return True

    async def respond_http(self, call: HttpCall[A]) -> A:
        """Return the answer that replaces the right one."""
        raise NotImplementedError

    # --- SMPP -------------------------------------------------------------------------

    def changes_smpp(self, call: SmppCall) -> bool:
        """Whether a client would feel it."""
        return call.can_reach_client

    async def respond_smpp(self, call: SmppCall) -> bytes | None:
        """Return the octets to send now; None if the call sends them itself."""
        raise NotImplementedError

    def changes_receipt(self, call: ReceiptCall) -> bool:  # noqa: ARG002 - of ours
        """Whether a client would feel it on this receipt."""
        return True

    def deliver_receipt(self, call: ReceiptCall) -> None:
        """Apply the effect to a receipt."""
        raise NotImplementedError

    # --- Pushes -----------------------------------------------------------------------

    def changes_push(self, call: PushCall) -> bool:  # noqa: ARG002 - of ours
        """Whether the customer's server would feel it on this push."""
        return True

    def make_deliveries(self, delivery: Delivery) -> list[Delivery]:
        """Return the deliveries that replace *delivery*."""
        raise NotImplementedError
