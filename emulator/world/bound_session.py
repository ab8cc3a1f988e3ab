"""An SMPP session, as the world that it is bound to sees it."""

from collections.abc import Callable
from datetime import datetime

from msgspec import Struct


class BoundSession(Struct, eq=False):
    """The client, the time of its bind, and how to disconnect it."""

    number: int  # of the process, from 1
    system_id: str
    kind: str  # transmitter, receiver or transceiver
    peer: str  # 127.0.0.1:41234
    tls: bool
    version: int  # 0x34 for 3.4
    bound_at: datetime  # of the world
    disconnect: Callable[[], None]
    schedule_flush: Callable[[], None]  # there is something to deliver
    has_room: Callable[[], bool]  # for one receipt more
    submitted: int = 0  # messages accepted
    delivered: int = 0  # receipts acknowledged

    @property
    def can_receive(self) -> bool:
        return self.kind != "transmitter"
