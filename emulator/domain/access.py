"""How an account is reached by SMPP: its binds, and the manners of the centre.

Source: manual SMP-01, SMP-02; what it leaves open is what centres are known to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from emulator.domain.coding import Alphabet
from emulator.domain.command_status import Status

SYSTEM_ID, PASSWORD = 15, 8  # octets; source: SMPP 3.4, 4.1.1
KEPT = 64  # minted binds that are made once


@dataclass(frozen=True, slots=True)
class Form:
    """How receipts are written: as the specification says, or as real centres do."""

    ids: str = "decimal"  # hex; padded to ten digits
    dates: str = "minutes"  # seconds: two digits more
    text: str = "text"  # Text; none of it
    tlvs: str = "with"  # without; only them, and no text


@dataclass(frozen=True, slots=True)
class Bind:
    """One system_id and what it may do.  A limit of 0 is none."""

    system_id: str
    password: str | None = None  # None: any
    coding: Alphabet = Alphabet.GSM  # of data_coding 0
    route: int | None = None  # the account's first
    senders: tuple[str, ...] = ()  # all; the first is that of a message without one
    binds: int = 0  # at a time
    window: int = 0  # requests without an answer
    rate: int = 0  # messages in a second of the world
    receipts: Form = Form()


@dataclass(frozen=True, slots=True)
class Centre:
    """What the account's message centre is like.  A timer of 0 is off."""

    session_init_timer: float = 10  # seconds of the wall, as all of its timers
    enquire_link_timer: float = 30
    response_timer: float = 10
    inactivity_timer: float = 300
    # What a client takes for the last word, so that it does not try for ever.
    no_credit: int = int(Status.ESME_RSUBMITFAIL)
    over_window: int = int(Status.ESME_RMSGQFUL)
    over_held: int = int(Status.ESME_RTHROTTLED)  # source: assumption SMP-11
    receiver_window: int = 10  # deliver_sm without an answer; source: SMPP 3.4, 2.7
    held: int = 10_000  # receipts that wait; more are dropped if nobody is bound
    # Seconds of the wall without an acknowledgement, while so many wait, after which
    # a submit_sm that asks for another is declined.
    throttled_after: float = 2
    held_for: timedelta = timedelta(days=3)  # of the world
    retry_after: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Access:
    """The binds by system_id, and the centre that they lead to."""

    binds: Mapping[str, Bind] = field(default_factory=dict)
    centre: Centre = Centre()
    _minted: dict[str, Bind] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def bind(self, system_id: str) -> Bind:
        """Return a bind; one that was minted has the manners of the first."""
        known = self.binds.get(system_id) or self._minted.get(system_id)
        if known is None:
            if len(self._minted) == KEPT:
                self._minted.clear()
            known = self._minted[system_id] = self._like_the_first(system_id)
        return known

    def _like_the_first(self, system_id: str) -> Bind:
        first = next(iter(self.binds.values()), None)
        return (
            Bind(system_id)
            if first is None
            else replace(first, system_id=system_id, password=None)
        )
