"""The open connections of a process, over all its ports, and how many there may be.

Where as many are open as may be, the one that has asked for nothing for the longest is
closed for a new one.  Where every one is at work, the new one is refused.
"""

import logging
from enum import IntEnum
from typing import Protocol

from emulator.timekeeping.clock import stopwatch
from emulator.world.shared_state import ConnectionCounts

DEFAULT_LIMIT = 2_000  # connections
LISTEN_BACKLOG = 2_048  # connections that wait to be accepted, at each port
LOG_INTERVAL = 60.0  # seconds in which the log says once that the limit was met

log = logging.getLogger("emulator")


class Idleness(IntEnum):
    """Why a connection may be closed for another one; the first are closed first."""

    SILENT = 0  # it has not asked for anything yet, or has not bound
    KEPT = 1  # it was answered, and may ask again
    TRANSFERRING = 2  # a body is on its way, or an answer that it does not read


class BoundedConnection(Protocol):
    """One connection as the table sees it."""

    idleness: Idleness | None  # None while it is at work; the table's own

    def close_for_another(self) -> None:
        """Close the connection."""


class ConnectionTable:
    """The open connections; ``counts`` says how many there are and may be."""

    def __init__(self, counts: ConnectionCounts | None = None) -> None:
        self.counts = counts or ConnectionCounts()
        self.counts.limit = self.counts.limit or DEFAULT_LIMIT
        self._open: set[BoundedConnection] = set()
        # By idleness, in the order in which they became idle
        self._idle: list[dict[BoundedConnection, None]] = [{} for _ in Idleness]
        self._said_at = float("-inf")

    def admit(self, connection: BoundedConnection) -> bool:
        """Take a new connection, which is silent so far; return whether it may stay."""
        counts = self.counts
        if counts.open >= counts.limit and not self._make_room():
            counts.refused += 1
            self._report_limit("each is at work, so new ones are refused")
            return False
        self._open.add(connection)
        counts.open = len(self._open)
        connection.idleness = None
        self.set_idleness(connection, Idleness.SILENT)
        return True

    def discard(self, connection: BoundedConnection) -> None:
        """Forget a connection that is closed, or was never admitted."""
        if connection in self._open:
            self.set_idleness(connection, None)
            self._open.discard(connection)
            self.counts.open = len(self._open)

    def set_idleness(
        self, connection: BoundedConnection, idleness: Idleness | None
    ) -> None:
        """Note that *connection* is at work, or what it does instead from now on."""
        before = connection.idleness
        if before is idleness:
            return
        if before is not None:
            del self._idle[before][connection]
            connection.idleness = None
        if idleness is not None and connection in self._open:
            self._idle[idleness][connection] = None
            connection.idleness = idleness

    def _make_room(self) -> bool:
        """Close the connection that has been idle for the longest, if there is one."""
        for idle in self._idle:
            if idle:
                oldest = next(iter(idle))
                self.discard(oldest)
                self.counts.closed += 1
                self._report_limit("the one that was idle for the longest was closed")
                oldest.close_for_another()
                return True
        return False

    def _report_limit(self, what_happens: str) -> None:
        if (now := stopwatch()) - self._said_at >= LOG_INTERVAL:
            self._said_at = now
            log.warning(
                "%s connections are open, as many as there may be "
                "(--max-connections): %s",
                self.counts.limit,
                what_happens,
            )
