"""What can happen to what a world keeps, beside new things and others in their place.

A thing of the domain (a campaign, a movement of money, a token ...) is a change by
itself: it is added, or takes the place of the one with its id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from emulator.domain.delivery import Delivery
from emulator.faults import Rule


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody followed a short link.  Source: assumption CLC-16."""

    at: datetime
    message: int


class Revoked(NamedTuple):
    """A token is deleted."""

    literal: str


class Answered(NamedTuple):
    """A handset has answered a campaign by itself."""

    campaign: int


class AnsweredEarly(NamedTuple):
    """A handset has answered before its time."""

    campaign: int
    place: int  # of the message in it


class Mailed(NamedTuple):
    """A receipt lies where its client takes it, from its beginning on."""

    delivery: Delivery


class Leaving(NamedTuple):
    """A delivery is about to leave; what came of it is not known yet."""

    delivery: int


class Forgotten(NamedTuple):
    """A delivery that is over is not remembered any more."""

    delivery: int


class Rules(NamedTuple):
    """The fault rules are others, or have counted."""

    rules: tuple[Rule, ...]


class Counted(NamedTuple):
    """One more of what is counted."""

    name: str  # of the field


class Dial(NamedTuple):
    """The clock is turned; what is None stays as it is."""

    at: datetime | None = None  # where it stands from now on; never back
    rate: float | None = None


class Then(NamedTuple):
    """What is done once the rest is: it keeps nothing."""

    action: Callable[[], object]
