"""The file of a data directory: rows of SQLite, and what can be wrong with it.

It knows worlds by number and things by kind and key, and nothing of what they are.
What a commit changes is first put down in one piece, which touches one page of the
file; the next transaction of many sorts it in among the things.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

import msgspec

from emulator.store import DATABASE_NAME, StoreError, file_state
from emulator.store.exchange_table import ExchangeTable
from emulator.store.file_state import CommitCounter, FileState
from emulator.store.private_files import make_private_file, make_private_folder
from emulator.world import StoreWriteError
from emulator.world.containers import RowKey, StateRow

APPLICATION_ID = 0x534D5343  # application_id: "SMSC"
FORMAT_VERSION = 2  # user_version, of the schema and of what stands in it
CHECKPOINT_PAGES = 4_000  # pages of the log, 16 MiB, that are carried over at a time
MOST_FRESH_PIECES = 4_096  # pieces that wait to be sorted in, at most
LARGE_PIECE = 64 * 1024  # octets of a piece that does not wait
CHECKED_SIZE = 4 * 1024 * 1024  # bytes of a file that is read through when it is opened
INDEX_ROW = "index"  # the kind of the row that says what is in a world
SCHEMA = """
CREATE TABLE IF NOT EXISTS world(
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, aside TEXT
);
CREATE TABLE IF NOT EXISTS thing(
  id INTEGER PRIMARY KEY, world INTEGER NOT NULL, kind TEXT NOT NULL,
  key NOT NULL, octets BLOB NOT NULL, UNIQUE(world, kind, key)
);
CREATE TABLE IF NOT EXISTS exchange(id INTEGER PRIMARY KEY, octets BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS exchange_aside(
  id INTEGER PRIMARY KEY, octets BLOB NOT NULL, why TEXT NOT NULL
);
CREATE TABLE IF NOT EXISTS fresh(
  id INTEGER PRIMARY KEY, world INTEGER NOT NULL, octets BLOB NOT NULL
);
CREATE TABLE IF NOT EXISTS meta(name TEXT PRIMARY KEY, value INTEGER NOT NULL);
INSERT OR IGNORE INTO meta VALUES ('open', 0), ('commits', 0);
"""
Durability = Literal["process", "power"]
# What SQLite waits for before a commit is over: nothing, or the disk itself.
SYNCHRONOUS: dict[Durability, str] = {"process": "NORMAL", "power": "FULL"}

SET_COMMITS = "UPDATE meta SET value = ? WHERE name = 'commits'"
COPIED_PAGES = 64  # pages of a copy that are made at a time
COPY_RETRY = 0.001  # seconds of the wall until a copy tries again beside a commit

encode_rows = msgspec.msgpack.Encoder().encode
decode_rows = msgspec.msgpack.Decoder(list[StateRow]).decode


class DatabaseFile:
    """One open file.  No other process can open it meanwhile."""

    def __init__(
        self,
        folder: Path,
        *,
        durability: Durability = "process",
        accept_loss: bool = False,
    ) -> None:
        """Open, or make, the file in *folder*.

        Raises ``StoreError``, unless *accept_loss*, where what was new is lost.
        """
        self.path = folder / DATABASE_NAME
        self._durability = durability
        self._fresh: list[tuple[int, Sequence[StateRow]]] = []  # what is in that table
        self._commits = 0  # the number of the last one
        self._counter: CommitCounter | None = None
        try:
            make_private_folder(folder)
        except OSError as error:
            message = f"the data directory {folder} cannot be made ({error.strerror})"
            raise StoreError(message) from error
        with suppress(OSError):  # SQLite says what is wrong with it
            make_private_file(self.path)
        left = file_state.require_whole_file(self.path, accept_loss=accept_loss)
        with self._as_store_error():
            self._connection = sqlite3.connect(
                self.path, timeout=0, isolation_level=None, check_same_thread=False
            )  # an embedded emulator is made in one thread and runs in another
        self.exchanges = ExchangeTable(self._connection, self._fetch_all)
        try:
            with self._as_store_error():
                self._open_database(left)
        except BaseException:
            self._connection.close()
            raise

    def _open_database(self, left: FileState) -> None:
        run = self._run_to_end
        run("PRAGMA locking_mode = EXCLUSIVE")
        tables = self._require_own_file()
        if self._count_pages() * self._read_pragma("page_size") <= CHECKED_SIZE:
            flaw = run("PRAGMA quick_check(1)")[0][0]
            if flaw != "ok":
                raise sqlite3.DatabaseError(flaw)
        if tables:  # otherwise the first pages are not left to the WAL
            run("PRAGMA journal_mode = WAL")
        run(f"PRAGMA synchronous = {SYNCHRONOUS[self._durability]}")
        if self._durability == "power":
            run("PRAGMA fullfsync = ON")  # on macOS, where fsync does not wait
        run(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        run("BEGIN EXCLUSIVE")  # so that a read-only one fails now
        for statement in filter(str.strip, SCHEMA.split(";\n")):
            run(statement)
        if not tables:
            run(f"PRAGMA application_id = {APPLICATION_ID}")
        run(f"PRAGMA user_version = {FORMAT_VERSION}")
        self._read_fresh()
        file_state.report_lost_commits(self.path, left, found=self._commits)
        self._commits += 1
        self._merge_fresh()
        run("UPDATE meta SET value = 1 WHERE name = 'open'")
        run(SET_COMMITS, (self._commits,))
        run("COMMIT")
        self._fresh.clear()
        if tables:  # the main file says that it is in use, as a new one does already
            run("PRAGMA wal_checkpoint(PASSIVE)")
        run("PRAGMA journal_mode = WAL")
        self._open_counter()

    def _run_to_end(self, statement: str, values: Sequence[int] = ()) -> list[Any]:
        """Run a statement; one that is not read to its end keeps its tables locked."""
        return self._connection.execute(statement, values).fetchall()

    def _require_own_file(self) -> int:
        """Return how many tables there are.  Raises ``StoreError``."""
        ours, version = (
            self._read_pragma("application_id"),
            self._read_pragma("user_version"),
        )
        query = "SELECT count(*) FROM sqlite_schema"
        tables: int = self._run_to_end(query)[0][0]
        if ours != APPLICATION_ID and (ours or version or tables):
            message = f"{self.path} is no file of this program; name another --data"
            raise StoreError(message)
        if version > FORMAT_VERSION:
            message = (
                f"{self.path} has format {version}, and this emulator knows formats "
                f"up to {FORMAT_VERSION}: use the one that wrote it, or a newer one"
            )
            raise StoreError(message)
        return tables

    def _count_pages(self) -> int:
        return self._read_pragma("page_count")

    def _open_counter(self) -> None:
        """Count commits from now on; without that file nothing but a sentence lacks."""
        with suppress(OSError):
            self._counter = CommitCounter(Path(f"{self.path}-count"))
        self._count_commit(self._commits)

    def _count_commit(self, number: int) -> None:
        """Note that the commit of this number is written."""
        self._commits = number
        if self._counter is not None:
            self._counter.write(number)

    def _read_fresh(self) -> None:
        query = "SELECT id, world, octets FROM fresh ORDER BY id"
        found = self._connection.execute(query).fetchall()
        try:
            self._fresh = [(world, decode_rows(octets)) for _, world, octets in found]
        except msgspec.MsgspecError as error:
            raise sqlite3.DatabaseError(str(error)) from error
        known = "SELECT value FROM meta WHERE name = 'commits'"
        ((self._commits,),) = self._run_to_end(known)
        if found:
            self._commits = max(self._commits, found[-1][0])

    def _read_pragma(self, pragma: str) -> int:
        return int(self._run_to_end(f"PRAGMA {pragma}")[0][0])

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

    def list_rows_after(
        self, world: int, kind: str, key: RowKey, most: int
    ) -> list[tuple[str, RowKey, bytes]]:
        """Return the next rows of a world, by kind and key."""
        query = "SELECT kind, key, octets FROM thing WHERE world = ? "
        query += "AND (kind, key) > (?, ?) ORDER BY kind, key LIMIT ?"
        return self._fetch_all(query, (world, kind, key, most))

    def list_index_rows(self) -> Iterator[tuple[int, str, bytes | None]]:
        """Yield number and name of each world, and what says what is in it.

        That is None where the world has changed since it was written.
        """
        query = "SELECT world.id, name, octets FROM world LEFT JOIN thing "
        query += "ON thing.world = world.id AND kind = ? AND key = 0 "
        query += "WHERE aside IS NULL ORDER BY world.id"
        return iter(self._fetch_all(query, (INDEX_ROW,)))

    def list_rows_of(self, world: int, kind: str) -> list[tuple[RowKey, bytes]]:
        """Return the rows of one kind, by key."""
        query = "SELECT key, octets FROM thing WHERE world = ? AND kind = ? "
        return self._fetch_all(f"{query}ORDER BY key", (world, kind))

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
        query = "INSERT INTO fresh(id, world, octets) VALUES (?, ?, ?)"
        number = self._commits + 1
        try:
            self._connection.execute(query, (number, world, octets))
        except sqlite3.Error as error:
            raise self._make_write_error(error) from error
        self._count_commit(number)
        self._fresh.append((world, rows))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit all rows written within, or none.  Raises ``StoreWriteError``."""
        number = self._commits + 1
        try:
            self._connection.execute("BEGIN")
            self._merge_fresh()
            yield
            self._connection.execute(SET_COMMITS, (number,))
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise self._make_write_error(error) from error
            raise
        self._count_commit(number)
        self._fresh.clear()

    def _merge_fresh(self) -> None:
        """Move the rows of the table ``fresh`` to ``thing``, within a transaction.

        What is said of their worlds is no longer true then.
        """
        for world, rows in self._fresh:
            self.add_rows(world, rows)
        for world in {world for world, _ in self._fresh}:
            self.drop_index(world)
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

    def drop_index(self, world: int) -> None:
        """Delete what is said of a world, within a transaction."""
        self.add_rows(world, [(INDEX_ROW, 0, None)])

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
        self.exchanges.drop(world)
        self.exchanges.drop_aside(world)
        self._connection.execute("DELETE FROM world WHERE id = ?", (world,))

    def rename_world(self, world: int, name: str, aside: str | None) -> None:
        """Rename a world and store why it is set aside, within a transaction.

        One without a reason is to be loaded.
        """
        query = "UPDATE world SET name = ?, aside = ? WHERE id = ?"
        self._connection.execute(query, (name, aside, world))

    # --- A copy, and the end ------------------------------------------------------

    def copy_to(self, target: Path, let_in: Callable[[], None]) -> None:
        """Copy the file as it is at one moment, while others write.

        To be called in a thread of its own; *let_in* is called between two parts.
        Raises ``StoreError``.
        """
        with self._as_store_error(), closing(sqlite3.connect(target)) as copy:
            copy.execute("PRAGMA synchronous = OFF")  # whoever gets it syncs it
            self._connection.backup(
                copy,
                pages=COPIED_PAGES,
                progress=lambda *_: let_in(),
                sleep=COPY_RETRY,
            )
            copy.execute("PRAGMA journal_mode = DELETE")
            copy.execute("UPDATE meta SET value = 0 WHERE name = 'open'")
            copy.commit()

    def close(self) -> None:
        """Say that the file is whole by itself, and release it."""
        with suppress(sqlite3.Error):
            self._connection.execute("UPDATE meta SET value = 0 WHERE name = 'open'")
        self._connection.close()
        if self._counter is not None:
            self._counter.close()

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
