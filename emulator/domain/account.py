"""A customer's account: who it is, what it may use and what that costs.

Immutable; what moves (balance, tokens, campaigns) is kept by the world.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta, tzinfo
from typing import Literal, NamedTuple

from emulator.domain.access import SmppAccess
from emulator.domain.assumptions import Assumptions
from emulator.domain.bounds import (
    Id,
    Instant,
    Money,
    OptionalId,
    PlannedInstant,
    Price,
)
from emulator.domain.dates import add_year
from emulator.domain.handset import Population
from emulator.domain.platform_refusals import SERVICE_INACTIVE
from emulator.domain.refusals import Refusal, RefusalReason
from emulator.domain.timeline import MANUAL_PACE, Pace

MAX_ITEMS = 10_000  # that each list of an account may have


@dataclass(frozen=True, slots=True)
class Route:
    """Source: manual CAT-02, CAT-07."""

    id: Id
    name: str
    country: Id  # id of a Country
    price: Price  # millionths a message
    description: str
    clic_name: str | None = None  # source: manual CLC-11, where the names differ


@dataclass(frozen=True, slots=True)
class Country:
    """Source: manual CAT-03."""

    id: Id
    name: str


@dataclass(frozen=True, slots=True)
class MediaFile:
    """A saved audio or a multimedia file.  Source: manual WEB-04, WEB-05."""

    id: Id
    name: str
    url: str | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """Source: manual CLC-15."""

    id: Id
    title: str
    url: str  # where it leads
    created_at: PlannedInstant


@dataclass(frozen=True, slots=True)
class Keyword:
    """Source: manual KEY-10 to KEY-13."""

    word: str
    kind: str
    created_at: PlannedInstant
    expires_at: PlannedInstant
    response: str | None = None
    response_url: str | None = None
    push_url: str | None = None


@dataclass(frozen=True, slots=True)
class Token:
    """A personal access token.  Source: manual AUT-02, AUT-03."""

    name: str
    literal: str
    created_at: PlannedInstant
    expires_at: PlannedInstant


def make_token(
    name: str, literal: str, *, now: datetime, lifetime: timedelta | None = None
) -> Token:
    """Return a new token, good for a year unless the account says otherwise."""
    expires_at = add_year(now) if lifetime is None else now + lifetime
    return Token(name, literal, now, expires_at)


MovementReason = Literal[
    "sms", "smsclic", "email", "voice", "hlr", "keyword", "refund", "topup", "smpp"
]


class Movement(NamedTuple):
    """One line of the balance's history.  Balance = opening credit + all amounts."""

    at: Instant
    amount: Money  # millionths, negative for a charge
    reason: MovementReason
    reference: OptionalId  # the id of what was charged


@dataclass(frozen=True, slots=True)
class Prices:
    """Millionths a unit; an SMS costs what its route says.

    Source: manual VOI-15 for a call; assumptions EML-22, HLR-05.
    """

    voice: int = 1_000_000
    email: int = 0
    hlr: int = 1_000_000


@dataclass(frozen=True)
class Account:
    user: str  # the mailbox one logs in with
    name: str
    surname: str
    credit: int  # millionths, when the account was opened
    zone: tzinfo
    seed: int
    routes: Mapping[int, Route]
    countries: Mapping[int, Country]
    audios: Mapping[int, MediaFile] = field(default_factory=dict)
    media: Mapping[int, MediaFile] = field(default_factory=dict)
    links: Mapping[int, Link] = field(default_factory=dict)
    keywords: tuple[Keyword, ...] = ()
    push_url: str | None = None  # source: manual MOP-02
    push_retries: tuple[timedelta, ...] = ()  # after a failed push each (MOP-07)
    remittents: frozenset[int] = frozenset()
    whitelist: frozenset[str] = frozenset()  # hosts
    services: Mapping[str, bool] = field(default_factory=dict)  # absent: active
    prices: Prices = Prices()
    pace: Pace = MANUAL_PACE
    assumptions: Assumptions = field(default_factory=Assumptions)
    population: Population = field(default_factory=lambda: Population(0))
    # By name, instead
    refusals: Mapping[str, RefusalReason] = field(default_factory=dict)
    token_lifetime: timedelta | None = None  # a year
    merged_limit: int = 5_000  # characters of a merged text, in lenient worlds too
    short_link_base: str = "https://mx4.mx"
    access: SmppAccess = field(default_factory=SmppAccess)  # by SMPP

    def require_service(self, service: str) -> None:
        """Refuse where the service is not active.

        Source: manual EML-30 and VOI-16; the code is assumption ERR-12.
        """
        if not self.services.get(service, True):
            why = f"the world file switches services.{service} off"
            raise Refusal(SERVICE_INACTIVE, why, service=service)
