"""How an account is reached by SMPP: its binds, and the manners of the centre.

Source: manual SMP-01, SMP-02; what it leaves open is what centres are known to do.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from emulator.domain.coding import Alphabet
from emulator.domain.command_status import CommandStatus

MAX_SYSTEM_ID, MAX_PASSWORD = 15, 8  # octets; source: SMPP 3.4, 4.1.1
MAX_AUTO_CREATED = 64  # minted binds that are made once


@dataclass(frozen=True, slots=True)
class ReceiptFormat:
    """How receipts are written: as the specification says, or as real centres do."""

    ids: str = "decimal"  # hex; padded to ten digits
    dates: str = "minutes"  # seconds: two digits more
    text: str = "text"  # Text; none of it
    tlvs: str = "with"  # without; only them, and no text


@dataclass(frozen=True, slots=True)
class BindConfig:
    """One system_id and what it may do.  A limit of 0 is none."""

    system_id: str
    password: str | None = None  # None: any
    coding: Alphabet = Alphabet.GSM  # of data_coding 0
    route: int | None = None  # the account's first
    senders: tuple[str, ...] = ()  # all; the first is that of a message without one
    max_binds: int = 0  # at a time
    window: int = 0  # requests without an answer
    rate: int = 0  # messages in a second of the world
    receipts: ReceiptFormat = ReceiptFormat()


@dataclass(frozen=True, slots=True)
class SmscConfig:
    """The configuration of the account's SMSC.  A timer of 0 is off."""

    session_init_timer: float = 10  # seconds of the wall, as all of its timers
    enquire_link_timer: float = 30
    response_timer: float = 10
    inactivity_timer: float = 300
    # What a client takes for the last word, so that it does not try for ever.
    no_credit_status: int = int(CommandStatus.ESME_RSUBMITFAIL)
    window_full_status: int = int(CommandStatus.ESME_RMSGQFUL)
    queue_full_status: int = int(
        CommandStatus.ESME_RTHROTTLED
    )  # source: assumption SMP-11
    receiver_window: int = 10  # deliver_sm without an answer; source: SMPP 3.4, 2.7
    max_queued_receipts: int = (
        10_000  # receipts that wait; more are dropped without a bound session
    )
    # Seconds of the wall without an acknowledgement, while so many wait, after which
    # a submit_sm that asks for another is declined.
    throttle_after: float = 2
    receipt_lifetime: timedelta = timedelta(days=3)  # of the world
    receipt_retry_delay: timedelta = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class SmppAccess:
    """The binds by system_id, and the SMSC that they lead to."""

    binds: Mapping[str, BindConfig] = field(default_factory=dict)
    centre: SmscConfig = SmscConfig()
    _auto_created: dict[str, BindConfig] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def get_bind(self, system_id: str) -> BindConfig:
        """Return a bind; one that was minted has the manners of the first."""
        known = self.binds.get(system_id) or self._auto_created.get(system_id)
        if known is None:
            if len(self._auto_created) == MAX_AUTO_CREATED:
                self._auto_created.clear()
            known = self._auto_created[system_id] = self._copy_first_bind(system_id)
        return known

    def _copy_first_bind(self, system_id: str) -> BindConfig:
        first = next(iter(self.binds.values()), None)
        return (
            BindConfig(system_id)
            if first is None
            else replace(first, system_id=system_id, password=None)
        )
