"""One request of a client on its way, and who is concerned with it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from emulator.smsc.delayed_responses import Late
from emulator.smsc.receipt_dispatcher import Mail
from emulator.smpp.pdu import Pdu
from emulator.smpp.session import Session
from emulator.world import World


class Visit(Struct):
    world: World
    octets: bytes
    pdu: Pdu
    now: datetime  # of the world
    began: float  # seconds of a stopwatch
    numbers: Sequence[int] = ()  # cellphones that it names
    why: str = ""
    fault: str = ""  # the id of the rule that struck


class Connection(Protocol):
    """What a desk asks of its line."""

    session: Session
    peer: str

    @property
    def now(self) -> float: ...
    @property
    def is_open(self) -> bool: ...
    @property
    def is_full(self) -> bool: ...
    @property
    def is_silent(self) -> bool: ...
    def send(self, octets: bytes) -> None: ...
    def hang_up(self) -> None: ...
    def reset(self) -> None: ...
    def silence(self) -> None: ...
    def then(self, action: Callable[[], None]) -> None: ...
    def begin_drip(self) -> None: ...
    def drip(self, octet: bytes, *, last: bool) -> None: ...
    def let_in(self) -> None: ...
    def arm(self) -> None: ...


class Clerk(Protocol):
    """Who answers a client, as far as faults are concerned."""

    line: Connection
    mail: Mail
    system_id: str
    held_over: bytes  # an answer that goes out behind the next one

    async def carried_out(self, visit: Visit) -> bytes:
        """Return the right answer."""

    def refused(self, visit: Visit, error: Exception) -> bytes:
        """Return the answer that says no."""

    def recorded(self, visit: Visit, answer: bytes) -> bytes:
        """Return *answer*, kept in the journal."""

    def late(self, world: World) -> Late:
        """Return what is held back for the client."""

    def unbind(self) -> None:
        """Ask the client to go."""
