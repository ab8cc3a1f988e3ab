"""Answers that a fault delays, as the pending events of a world list them."""

from datetime import datetime
from itertools import count

from msgspec import Struct

TICKETS = count(1)  # of what is held back; no two of a process are the same


class DelayedResponse(Struct, frozen=True):
    """An answer that a fault delays."""

    due: datetime  # of the world
    operation: str  # operationId
    rule: str  # its id
