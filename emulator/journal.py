"""What was asked of a world and what it answered, newest last, bounded."""

from collections import deque
from datetime import datetime
from typing import NamedTuple


class Exchange(NamedTuple):
    at: datetime
    operation: str  # operationId
    method: str
    path: str
    status: int  # of HTTP
    notes: tuple[str, ...]  # ledger ids of what was doubtful in the request
    why: str  # of a refusal, in our words
    fault: str  # the id of the rule that struck, or empty


class Journal:
    """The last *limit* exchanges of one world, and how many came before them."""

    def __init__(self, limit: int) -> None:
        self._kept: deque[Exchange] = deque(maxlen=limit)
        self.seen = 0

    def record(self, exchange: Exchange) -> None:
        self._kept.append(exchange)
        self.seen += 1

    def clear(self) -> None:
        self._kept.clear()
        self.seen = 0

    @property
    def exchanges(self) -> tuple[Exchange, ...]:
        return tuple(self._kept)

    @property
    def dropped(self) -> int:
        return self.seen - len(self._kept)
