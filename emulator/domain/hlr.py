"""HLR look-ups: what the network knows of one number.

The manual's answer is lost; its shape and content are ours.

Source: manual HLR-01, HLR-02; assumptions LOST-01, HLR-04 to HLR-09.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from emulator.domain.account import Account
from emulator.domain.bounds import Cellphone, Id, Instant, Price
from emulator.domain.chance import draw_bits
from emulator.domain.handset import BEHAVIOURS, Outcome

HLR_COUNTRY = "Mexico"
MCC = "334"  # Mexico
MNC_BY_NETWORK: Mapping[str, str | None] = {
    "TELCEL": "020",
    "MOVISTAR": "030",
    "AT&T": "050",
    "TELMEX": None,  # landlines
}
MOBILE_NETWORKS = ("TELCEL", "MOVISTAR", "AT&T")
PORTED_OF_TEN = 2  # of ten numbers, so many have changed their network


@dataclass(frozen=True, slots=True)
class HlrLookup:
    """What was found; without a network nothing else is known of the number."""

    id: Id
    number: Cellphone
    status: str  # active, inactive, absent or unknown
    network: str | None
    original_network: str | None
    looked_up_at: Instant
    cost: Price  # millionths

    @property
    def is_ported(self) -> bool | None:
        return None if self.network is None else self.network != self.original_network

    @property
    def mnc(self) -> str | None:
        return MNC_BY_NETWORK[self.network] if self.network else None


def look_up_hlr(
    number: int, account: Account, *, lookup: int, now: datetime
) -> HlrLookup:
    """Return what is known of *number*, the same each time."""
    outcome = account.population.get_outcome(number)
    network, original = _draw_networks(number, outcome, account.seed)
    return HlrLookup(
        id=lookup,
        number=number,
        status=BEHAVIOURS[outcome].hlr,
        network=network,
        original_network=original,
        looked_up_at=now,
        cost=account.prices.hlr,
    )


def _draw_networks(
    number: int, outcome: Outcome, seed: int
) -> tuple[str | None, str | None]:
    if outcome is Outcome.UNKNOWN:
        return None, None
    if outcome is Outcome.LANDLINE:
        return "TELMEX", "TELMEX"
    mark = draw_bits(seed, "network", number)
    original, elsewhere, lot = mark % 3, mark // 3 % 2 + 1, mark // 6 % 10
    ported = lot < PORTED_OF_TEN or outcome is Outcome.PORTED
    return MOBILE_NETWORKS[(original + elsewhere * ported) % 3], MOBILE_NETWORKS[
        original
    ]
