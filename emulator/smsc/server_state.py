"""What all SMPP clients of a process share, and the timers of their sessions."""

from collections import Counter
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from emulator.domain.access import BindConfig, SmscConfig
from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.network.connections import ConnectionTable
from emulator.smpp.session import SessionTimers
from emulator.smsc.receipt_dispatcher import ReceiptDispatcher
from emulator.world import World
from emulator.worlds import WorldDirectory


class RateWindow(NamedTuple):
    """How many messages each bind of a world has sent in one second of it."""

    second: int
    messages: Counter[str]  # by system_id


class ServerState:
    """What all session handlers of a process share."""

    def __init__(
        self, worlds: WorldDirectory, table: ConnectionTable | None = None
    ) -> None:
        self.worlds = worlds
        # Of all connections of the process, those of HTTP included
        self.table = table or ConnectionTable()
        self.connections: set[Any] = set()  # those that are open
        self.dispatcher = ReceiptDispatcher()
        self.session_numbers = count(1)
        self._rate_windows: WeakKeyDictionary[World, RateWindow] = WeakKeyDictionary()

    def check_rate(self, world: World, bind: BindConfig, second: int) -> None:
        """Refuse a message over the rate of a bind, by the clock of the world.

        Source: SMPP 3.4, 5.1.3.
        """
        spent = self._rate_windows.get(world)
        if spent is None or spent.second != second:  # only one second is kept
            spent = self._rate_windows[world] = RateWindow(second, Counter())
        spent.messages[bind.system_id] += 1
        if spent.messages[bind.system_id] > bind.rate:
            why = f"{bind.system_id} may send {bind.rate} messages a second"
            raise SmppRefusal(CommandStatus.ESME_RTHROTTLED, why)


def make_session_timers(centre: SmscConfig) -> SessionTimers:
    """Return the timers of a session from the configuration of the SMSC."""
    return SessionTimers(
        centre.session_init_timer,
        centre.enquire_link_timer,
        centre.response_timer,
        centre.inactivity_timer,
    )
