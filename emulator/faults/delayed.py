"""Answers that a fault holds back, as who looks at a world sees them."""

from datetime import datetime
from itertools import count

from msgspec import Struct

TICKETS = count(1)  # of what is held back; no two of a process are the same


class DelayedResponse(Struct, frozen=True):
    """An answer that a fault holds back."""

    due: datetime  # of the world
    operation: str  # operationId
    rule: str  # its id
