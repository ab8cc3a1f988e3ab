"""The file of a data directory: rows of SQLite, and what can be wrong with it.

It knows worlds by number and things by kind and key, and nothing of what they are.
What a commit changes is first put down in one piece, which touches one page of the
file; the next transaction of many sorts it in among the things.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from emulator.store import StoreError
from emulator.world import StoreWriteError
from emulator.world.containers import RowKey, StateRow

DATABASE_NAME = "worlds.sqlite"
APPLICATION_ID = 0x534D5343  # application_id: "SMSC"
FORMAT_VERSION = 1  # user_version, of the schema and of what stands in it
CHECKPOINT_PAGES = 4_000  # pages of the log, 16 MiB, that are carried over at a time
MOST_FRESH_PIECES = 4_096  # pieces that wait to be sorted in, at most
LARGE_PIECE = 64 * 1024  # octets of a piece that does not wait
SCHEMA = """
CREATE TABLE IF NOT EXISTS world(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, aside TEXT
);
CREATE TABLE IF NOT EXISTS thing(
  id INTEGER PRIMARY KEY, world INTEGER NOT NULL, kind TEXT NOT NULL,
  key NOT NULL, octets BLOB NOT NULL, UNIQUE(world, kind, key)
);
CREATE TABLE IF NOT EXISTS exchange(id INTEGER PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS fresh(
  id INTEGER PRIMARY KEY, world INTEGER NOT NULL, octets BLOB NOT NULL
);
"""

# An exchange's id: its world's number times so many, and its own number.
EXCHANGES_PER_WORLD = 2**40

encode_rows = msgspec.msgpack.Encoder().encode
decode_rows = msgspec.msgpack.Decoder(list[StateRow]).decode


class DatabaseFile:
    """One open file.  No other process can open it meanwhile."""

    def __init__(self, folder: Path) -> None:
        """Open, or make, the file in *folder*.  Raises ``StoreError``."""
        self.path = folder / DATABASE_NAME
        self._fresh: list[tuple[int, Sequence[StateRow]]] = []  # what is in that table
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"the data directory {folder} cannot be made ({error.strerror})"
            raise StoreError(message) from error
        with self._as_store_error():
            self._connection = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False
            )  # an embedded emulator is made in one thread and runs in another
        try:
            with self._as_store_error():
                self._open_database()
        except BaseException:
            self._connection.close()
            raise

    def _open_database(self) -> None:
        run = self._connection.execute
        run("PRAGMA locking_mode = EXCLUSIVE")
        ours, version = (
            self._read_pragma("application_id"),
            self._read_pragma("user_version"),
        )
        tables = run("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if ours != APPLICATION_ID and (ours or version or tables):
            message = f"{self.path} is no file of this program; name another --data"
            raise StoreError(message)
        if version > FORMAT_VERSION:
            message = (
                f"{self.path} has format {version}, and this emulator knows formats "
                f"up to {FORMAT_VERSION}: use the one that wrote it, or a newer one"
            )
            raise StoreError(message)
        run("PRAGMA journal_mode = WAL")
        run("PRAGMA synchronous = NORMAL")
        run(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        run("BEGIN EXCLUSIVE")  # so that a read-only one fails now
        for statement in filter(str.strip, SCHEMA.split(";")):
            run(statement)
        if not tables:
            run(f"PRAGMA application_id = {APPLICATION_ID}")
            run(f"PRAGMA user_version = {FORMAT_VERSION}")
        self._read_fresh()
        self._merge_fresh()
        run("COMMIT")
        self._fresh.clear()
        flaw = run("PRAGMA quick_check(1)").fetchone()[0]
        if flaw != "ok":
            raise sqlite3.DatabaseError(flaw)

    def _read_fresh(self) -> None:
        found = self._connection.execute("SELECT world, octets FROM fresh ORDER BY id")
        try:
            self._fresh = [(world, decode_rows(octets)) for world, octets in found]
        except msgspec.MsgspecError as error:
            raise sqlite3.DatabaseError(str(error)) from error

    def _read_pragma(self, pragma: str) -> int:
        return int(self._connection.execute(f"PRAGMA {pragma}").fetchone()[0])

    @contextmanager
    def _as_store_error(self) -> Iterator[None]:
        """Turn an error of SQLite into ``StoreError``, which says what to do."""
        try:
            yield
        except sqlite3.Error as error:
            code = getattr(error, "sqlite_errorcode", None)
            message = _ERROR_TEXTS.get((code or 0) & 0xFF, _DAMAGED)
            raise StoreError(message.format(path=self.path, error=error)) from error

    # --- Reading ------------------------------------------------------------------

    def list_worlds(self) -> list[tuple[int, str]]:
        """Return number and name of each world that was not set aside."""
        query = "SELECT id, name FROM world WHERE aside IS NULL ORDER BY id"
        return self._fetch_all(query, ())

    def list_set_aside(self) -> list[tuple[int, str, str]]:
        """Return number, name and reason of each world that was set aside."""
        query = "SELECT id, name, aside FROM world WHERE aside IS NOT NULL ORDER BY id"
        return self._fetch_all(query, ())

    def list_rows(self, world: int) -> list[tuple[str, RowKey, bytes]]:
        """Return kind, key and bytes of all rows of a world, by key."""
        query = "SELECT kind, key, octets FROM thing WHERE world = ? ORDER BY kind, key"
        return self._fetch_all(query, (world,))

    def list_exchanges(self, world: int) -> list[bytes]:
        """Return the encoded exchanges of a world, the oldest first."""
        query = "SELECT octets FROM exchange WHERE id >= ? AND id < ? ORDER BY id"
        found = self._fetch_all(
            query, (world * EXCHANGES_PER_WORLD, (world + 1) * EXCHANGES_PER_WORLD)
        )
        return [octets for (octets,) in found]

    def _fetch_all(self, query: str, values: Sequence[RowKey]) -> list[Any]:
        with self._as_store_error():
            return self._connection.execute(query, values).fetchall()

    # --- Writing ------------------------------------------------------------------

    def commit_rows(self, world: int, rows: Sequence[StateRow]) -> None:
        """Write *rows*, all or none.  Raises ``StoreWriteError``."""
        octets = encode_rows(rows)
        if len(octets) > LARGE_PIECE or len(self._fresh) == MOST_FRESH_PIECES:
            with self.transaction():
                self.add_rows(world, rows)
            return
        query = "INSERT INTO fresh(world, octets) VALUES (?, ?)"
        try:
            self._connection.execute(query, (world, octets))
        except sqlite3.Error as error:
            raise self._make_write_error(error) from error
        self._fresh.append((world, rows))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all rows written within, or none.  Raises ``StoreWriteError``."""
        try:
            self._connection.execute("BEGIN")
            self._merge_fresh()
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise self._make_write_error(error) from error
            raise
        self._fresh.clear()

    def _merge_fresh(self) -> None:
        """Move the rows of the table ``fresh`` to ``thing``, within a transaction."""
        for world, rows in self._fresh:
            self.add_rows(world, rows)
        if self._fresh:
            self._connection.execute("DELETE FROM fresh")

    def add_rows(self, world: int, rows: Iterable[StateRow]) -> None:
        """Write *rows* within a transaction."""
        put = "INSERT OR REPLACE INTO thing(world, kind, key, octets) "
        put += "VALUES (?, ?, ?, ?)"
        for kind, key, octets in rows:
            if octets is None:
                query = "DELETE FROM thing WHERE world = ? AND kind = ? AND key = ?"
                self._connection.execute(query, (world, kind, key))
            else:
                self._connection.execute(put, (world, kind, key, octets))

    def open_world(self, name: str) -> int:
        """Return the number of a world whose rows are to be written anew."""
        row = self._connection.execute("SELECT id FROM world WHERE name = ?", (name,))
        found = row.fetchone()
        if found:
            self.clear_world(found[0])
            return int(found[0])
        made = self._connection.execute("INSERT INTO world(name) VALUES (?)", (name,))
        return int(made.lastrowid or 0)

    def clear_world(self, world: int) -> None:
        """Delete the rows of a world, within a transaction."""
        self._connection.execute("DELETE FROM thing WHERE world = ?", (world,))

    def drop_world(self, world: int) -> None:
        """Delete a world, within a transaction."""
        self.clear_world(world)
        self.drop_exchanges(world)
        self._connection.execute("DELETE FROM world WHERE id = ?", (world,))

    def rename_world(self, world: int, name: str, aside: str | None) -> None:
        """Rename a world and store why it is set aside, within a transaction.

        One without a reason is to be loaded.
        """
        query = "UPDATE world SET name = ?, aside = ? WHERE id = ?"
        self._connection.execute(query, (name, aside, world))

    def add_exchanges(self, world: int, rows: Iterable[tuple[int, bytes]]) -> None:
        """Write exchanges within a transaction."""
        start = world * EXCHANGES_PER_WORLD
        query = "INSERT OR REPLACE INTO exchange VALUES (?, ?)"
        self._connection.executemany(query, ((start + each, it) for each, it in rows))

    def drop_exchanges(self, world: int, before: int = EXCHANGES_PER_WORLD) -> None:
        """Delete exchanges, all or the older ones, within a transaction."""
        start = world * EXCHANGES_PER_WORLD
        query = "DELETE FROM exchange WHERE id >= ? AND id < ?"
        self._connection.execute(query, (start, start + before))

    def close(self) -> None:
        self._connection.close()

    def _make_write_error(self, error: sqlite3.Error) -> StoreWriteError:
        if self._connection.in_transaction:
            self._connection.execute("ROLLBACK")
        return StoreWriteError(f"{self.path} cannot be written ({error})")


_DAMAGED = (
    "{path} is damaged or no file of this program ({error}); it was left as it is: "
    "put a copy of it there, or name another --data"
)
_UNUSABLE = "{path} cannot be read and written ({error}); name another --data"
_ERROR_TEXTS = {
    sqlite3.SQLITE_BUSY: "{path} is in use by another process; stop it, or name "
    "another --data: one directory belongs to one process",
    sqlite3.SQLITE_CANTOPEN: _UNUSABLE,
    sqlite3.SQLITE_READONLY: _UNUSABLE,
    sqlite3.SQLITE_PERM: _UNUSABLE,
    sqlite3.SQLITE_FULL: _UNUSABLE,
    sqlite3.SQLITE_IOERR: _UNUSABLE,
}
