"""Answers that a fault holds back, as who looks at a world sees them."""

from dataclasses import dataclass
from datetime import datetime
from itertools import count

TICKETS = count(1)  # of what is held back; no two of a process are the same


@dataclass(frozen=True, slots=True)
class Delayed:
    """An answer that a fault holds back."""

    due: datetime  # of the world
    operation: str  # operationId
    rule: str  # its id
