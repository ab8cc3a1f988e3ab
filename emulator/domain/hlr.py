"""HLR look-ups: what the network would tell of one number.

The manual's answer is lost; its shape and content are ours.

Source: manual HLR-01, HLR-02; assumptions LOST-01, HLR-04 to HLR-09.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from emulator.domain.account import Account
from emulator.domain.chance import digest
from emulator.domain.handset import TRUTHS, Outcome

COUNTRY = "Mexico"
MCC = "334"  # Mexico
MNC: Mapping[str, str | None] = {
    "TELCEL": "020",
    "MOVISTAR": "030",
    "AT&T": "050",
    "TELMEX": None,  # landlines
}
MOBILE = ("TELCEL", "MOVISTAR", "AT&T")
PORTED_OF_TEN = 2  # of ten numbers, so many have changed their network


@dataclass(frozen=True, slots=True)
class Lookup:
    """What was found; without a network nothing else is known of the number."""

    id: int
    number: int
    status: str  # active, inactive, absent or unknown
    network: str | None
    original_network: str | None
    looked_up_at: datetime
    cost: int  # millionths

    @property
    def ported(self) -> bool | None:
        return None if self.network is None else self.network != self.original_network

    @property
    def mnc(self) -> str | None:
        return MNC[self.network] if self.network else None


def look_up(number: int, account: Account, *, lookup: int, now: datetime) -> Lookup:
    """Return what is known of *number*, the same each time."""
    outcome = account.population.outcome(number)
    network, original = _networks(number, outcome, account.seed)
    return Lookup(
        id=lookup,
        number=number,
        status=TRUTHS[outcome].hlr,
        network=network,
        original_network=original,
        looked_up_at=now,
        cost=account.prices.hlr,
    )


def _networks(
    number: int, outcome: Outcome, seed: int
) -> tuple[str | None, str | None]:
    if outcome is Outcome.UNKNOWN:
        return None, None
    if outcome is Outcome.LANDLINE:
        return "TELMEX", "TELMEX"
    mark = digest(seed, "network", number)
    original, elsewhere, lot = mark % 3, mark // 3 % 2 + 1, mark // 6 % 10
    ported = lot < PORTED_OF_TEN or outcome is Outcome.PORTED
    return MOBILE[(original + elsewhere * ported) % 3], MOBILE[original]
