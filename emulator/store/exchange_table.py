"""The journals' rows in the file, and those of them that cannot be read."""

import sqlite3
from collections.abc import Callable, Iterable
from typing import Any

# An exchange's id: its world's number times so many, and its own number.
EXCHANGES_PER_WORLD = 2**40


class ExchangeTable:
    """The exchanges of all worlds."""

    def __init__(
        self, connection: sqlite3.Connection, fetch_all: Callable[..., list[Any]]
    ) -> None:
        self._run = connection.execute
        self._run_many = connection.executemany
        self._fetch_all = fetch_all

    def list_readable(self, world: int) -> list[tuple[int, bytes]]:
        """Return number and bytes of the exchanges of a world, the oldest first."""
        query = "SELECT id, CAST(octets AS BLOB) FROM exchange "
        query += "WHERE id >= ? AND id < ? ORDER BY id"
        start = world * EXCHANGES_PER_WORLD
        found = self._fetch_all(query, (start, start + EXCHANGES_PER_WORLD))
        return [(each - start, octets) for each, octets in found]

    def add(self, world: int, rows: Iterable[tuple[int, bytes]]) -> None:
        """Write exchanges within a transaction."""
        start = world * EXCHANGES_PER_WORLD
        query = "INSERT OR REPLACE INTO exchange VALUES (?, ?)"
        self._run_many(query, ((start + each, it) for each, it in rows))

    def drop(self, world: int, before: int = EXCHANGES_PER_WORLD) -> None:
        """Delete exchanges, all or the older ones, within a transaction."""
        start = world * EXCHANGES_PER_WORLD
        query = "DELETE FROM exchange WHERE id >= ? AND id < ?"
        self._run(query, (start, start + before))

    def set_aside(self, world: int, number: int, why: str) -> None:
        """Put an exchange where it is not read, within a transaction."""
        each = world * EXCHANGES_PER_WORLD + number
        query = "INSERT OR REPLACE INTO exchange_aside "
        query += "SELECT id, CAST(octets AS BLOB), ? FROM exchange WHERE id = ?"
        self._run(query, (why, each))
        self._run("DELETE FROM exchange WHERE id = ?", (each,))

    def list_aside(self) -> list[tuple[int, int, str]]:
        """Return world, number and reason of the exchanges that cannot be read."""
        found = self._fetch_all("SELECT id, why FROM exchange_aside ORDER BY id", ())
        return [(*divmod(each, EXCHANGES_PER_WORLD), why) for each, why in found]

    def read_aside(self, world: int, number: int) -> bytes:
        """Return the bytes of one of them."""
        query = "SELECT CAST(octets AS BLOB) FROM exchange_aside WHERE id = ?"
        ((octets,),) = self._fetch_all(query, (world * EXCHANGES_PER_WORLD + number,))
        return bytes(octets)

    def drop_aside(self, world: int, number: int | None = None) -> None:
        """Delete one of them, or all of a world, within a transaction."""
        start = world * EXCHANGES_PER_WORLD
        first = start if number is None else start + number
        last = start + EXCHANGES_PER_WORLD - 1 if number is None else first
        query = "DELETE FROM exchange_aside WHERE id BETWEEN ? AND ?"
        self._run(query, (first, last))
