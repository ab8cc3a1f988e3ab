"""What all clients of a process share, and the manners of the centre."""

from collections import Counter
from itertools import count
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from emulator.smsc.receipt_dispatcher import Mail
from emulator.domain.access import Bind, Centre
from emulator.domain.command_status import Declined, Status
from emulator.smpp.session import Timers
from emulator.world import World
from emulator.worlds import Worlds


class Spent(NamedTuple):
    """What the binds of a world have sent in a second of it."""

    second: int
    messages: Counter[str]  # by system_id


class Office:
    """What all desks of a process share."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        self.lines: set[Any] = set()  # the connections there are
        self.mail = Mail()
        self.numbers = count(1)
        self._spent: WeakKeyDictionary[World, Spent] = WeakKeyDictionary()

    def spend(self, world: World, bind: Bind, second: int) -> None:
        """Decline what is over the rate of a bind, in seconds of the world.

        Source: SMPP 3.4, 5.1.3.
        """
        spent = self._spent.get(world)
        if spent is None or spent.second != second:  # nothing else is kept
            spent = self._spent[world] = Spent(second, Counter())
        spent.messages[bind.system_id] += 1
        if spent.messages[bind.system_id] > bind.rate:
            why = f"{bind.system_id} may send {bind.rate} messages a second"
            raise Declined(Status.ESME_RTHROTTLED, why)


def timers(centre: Centre) -> Timers:
    """Return the timers of a session with *centre*."""
    return Timers(
        centre.session_init_timer,
        centre.enquire_link_timer,
        centre.response_timer,
        centre.inactivity_timer,
    )
