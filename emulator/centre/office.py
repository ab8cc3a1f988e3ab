"""What all clients of a process share, and the manners of the centre."""

from itertools import count
from typing import Any

from emulator.centre.mail import Mail
from emulator.domain.access import Bind, Centre
from emulator.domain.command_status import Declined, Status
from emulator.smpp.session import Timers
from emulator.world import World
from emulator.worlds import Worlds


class Office:
    """What all desks of a process share."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        self.lines: set[Any] = set()  # the connections there are
        self.mail = Mail()
        self.numbers = count(1)
        self._spent: dict[tuple[str, str], tuple[int, int]] = {}

    def spend(self, world: World, bind: Bind, second: int) -> None:
        """Decline what is over the rate of a bind, in seconds of the world.

        Source: SMPP 3.4, 5.1.3.
        """
        known, count = self._spent.get((world.name, bind.system_id), (second, 0))
        count = count + 1 if known == second else 1
        if count > bind.rate:
            why = f"{bind.system_id} may send {bind.rate} messages a second"
            raise Declined(Status.ESME_RTHROTTLED, why)
        self._spent[world.name, bind.system_id] = second, count


def timers(centre: Centre) -> Timers:
    """Return the timers of a session with *centre*."""
    return Timers(
        centre.session_init_timer,
        centre.enquire_link_timer,
        centre.response_timer,
        centre.inactivity_timer,
    )
