"""The changes of a world, beside things that are added or replaced.

A thing of the domain (a campaign, a movement of money, a token ...) is a change by
itself: it is added, or takes the place of the one with its id.
"""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from emulator.domain.bounds import Id, Instant
from emulator.domain.delivery import Delivery
from emulator.faults import FaultRule


class Click(Struct, frozen=True, gc=False):
    """A recipient followed a short link.  Source: assumption CLC-16."""

    at: Instant
    message: Id


class TokenRevoked(Struct, frozen=True, gc=False):
    """A token is deleted."""

    literal: str


class HandsetAnswered(Struct, frozen=True, gc=False):
    """A handset has answered a campaign by itself."""

    campaign: int


class HandsetAnsweredEarly(Struct, frozen=True, gc=False):
    """A handset has answered before its time."""

    campaign: int
    place: int  # of the message in it


class ReceiptQueued(Struct, frozen=True, gc=False):
    """A receipt waits for its client from now on."""

    delivery: Delivery


class DeliveryStarted(Struct, frozen=True, gc=False):
    """A delivery is about to leave; its attempt has no result yet."""

    delivery: int


class DeliveriesForgotten(Struct, frozen=True, gc=False):
    """Deliveries that are over are forgotten."""

    deliveries: tuple[int, ...]

    @property
    def count(self) -> int:
        return len(self.deliveries)


class FaultRulesChanged(Struct, frozen=True, gc=False):
    """The fault rules are replaced, or their counts have changed."""

    rules: tuple[FaultRule, ...]


class TokenNumberTaken(Struct, frozen=True, gc=False):
    """A token was created; its number is used."""

    count: int = 1


class FaultNumberTaken(Struct, frozen=True, gc=False):
    """A fault rule was created; its number is used."""

    count: int = 1


class ClockChanged(Struct, frozen=True, gc=False):
    """The clock is changed; what is None stays as it is."""

    at: datetime | None = None  # where it stands from now on; never back
    rate: float | None = None


class CommitAction(Struct, frozen=True, gc=False):
    """An action that runs after the other changes; it keeps nothing."""

    action: Callable[[], object]
