"""One SMPP request while it is handled, and what its handler needs of others."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from msgspec import Struct

from emulator.smpp.pdu import Pdu
from emulator.smpp.session import SmppSession
from emulator.smsc.delayed_responses import DelayedResponses
from emulator.smsc.receipt_dispatcher import ReceiptDispatcher
from emulator.world import World


class CommandContext(Struct):
    world: World
    octets: bytes
    pdu: Pdu
    now: datetime  # of the world
    started_at: float  # seconds of a stopwatch
    numbers: Sequence[int] = ()  # cellphones that it names
    why: str = ""
    fault: str = ""  # the id of the rule that struck


class ClientConnection(Protocol):
    """What a session handler uses of its connection."""

    session: SmppSession
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
    def flush_and_close(self) -> None: ...
    def flush_and_reset(self) -> None: ...
    def go_silent(self) -> None: ...
    def call_after_flush(self, action: Callable[[], None]) -> None: ...
    def begin_drip(self) -> None: ...
    def drip_octet(self, octet: bytes, *, last: bool) -> None: ...
    def resume_submit(self) -> None: ...
    def schedule_timer(self) -> None: ...


class CommandHandler(Protocol):
    """What a fault uses of a session handler."""

    connection: ClientConnection
    dispatcher: ReceiptDispatcher
    system_id: str
    held_response: bytes  # a response that is sent after the next one

    async def execute_command(self, context: CommandContext) -> bytes:
        """Execute the command and return its response."""

    def refuse_command(self, context: CommandContext, error: Exception) -> bytes:
        """Return the response with the status for *error*."""

    def record_response(self, context: CommandContext, response: bytes) -> bytes:
        """Record *response* in the journal and return it."""

    def ensure_delayed_responses(self, world: World) -> DelayedResponses:
        """Return the delayed responses of the client; create them at first."""

    def send_unbind(self) -> None:
        """Send an unbind to the client."""
