"""How a file was left: closed, or in use; and how many commits it has taken.

SQLite keeps what is new in a second file, ``-wal``, until the first one takes it over.
Where that second file is lost, the first one opens all the same, without what was new.
So the first one says whether it is in use, and a third one, ``-count``, how many
commits there were.  It is written after each of them, and outlives the process.
"""

import logging
import os
import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import quote

from msgspec import Struct

from emulator.store import StoreError
from emulator.store.private_files import FILE_MODE

WAL_HEADER = 32  # bytes at the start of a WAL; what is shorter holds nothing
DIGITS = 20  # of the number in the file of commits
WAL_VERSION = 2  # of a database with a WAL, in two bytes of its header ...
WAL_VERSION_AT = 18  # ... from this one on

log = logging.getLogger("emulator")


class FileState(Struct, frozen=True):
    """What the main file says by itself, and what lies beside it."""

    has_wal: bool
    is_empty: bool = False  # a database with a WAL that has no table
    is_known: bool = False  # whether it says how it was left
    is_open: bool = False  # whether it was in use
    commits: int = 0  # that the main file has


class CommitCounter:
    """The file of how many commits there were."""

    def __init__(self, path: Path) -> None:
        """Open or make the file.  Raises ``OSError``."""
        flags = os.O_CREAT | os.O_RDWR | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(path, flags, FILE_MODE)

    def write(self, count: int) -> None:
        """Note that there were *count* commits; a disk that refuses is no matter."""
        with suppress(OSError):
            os.lseek(self._descriptor, 0, os.SEEK_SET)
            os.write(self._descriptor, b"%0*d\n" % (DIGITS, count))

    def close(self) -> None:
        os.close(self._descriptor)


def read_count(path: Path) -> int | None:
    """Return how many commits a file speaks of; None where it says nothing."""
    try:
        return int(path.read_bytes()[:DIGITS])
    except (OSError, ValueError):
        return None


def read_file_state(path: Path) -> FileState:
    """Return how the file at *path* was left, without opening it for good.

    What cannot be read is left to who opens it.
    """
    wal = Path(f"{path}-wal")
    has_wal = wal.is_file() and wal.stat().st_size >= WAL_HEADER
    try:
        header = _read_header(path)
        uri = f"file:{quote(str(path.absolute()))}?mode=ro&immutable=1"
        with closing(sqlite3.connect(uri, uri=True)) as main:
            run = main.execute
            tables = {name for (name,) in run("SELECT name FROM sqlite_schema")}
            if "meta" not in tables:
                empty = not tables and header[WAL_VERSION_AT:] == bytes([WAL_VERSION])
                return FileState(has_wal, is_empty=empty)
            facts = dict(run("SELECT name, value FROM meta"))
            (newest,) = run("SELECT coalesce(max(id), 0) FROM fresh").fetchone()
            return FileState(
                has_wal,
                is_known=True,
                is_open=bool(facts["open"]),
                commits=max(facts["commits"], newest),
            )
    except (OSError, sqlite3.Error, KeyError):
        return FileState(has_wal)


def require_whole_file(path: Path, *, accept_loss: bool) -> FileState:
    """Return how the file was left.

    Raises ``StoreError`` where the second file is lost, or belongs to another.
    """
    state = read_file_state(path)
    wal = f"{path}-wal"
    if state.is_known and not state.is_open and state.has_wal:
        message = (
            f"{path} was closed, so {wal} beside it belongs to another file and would "
            f"overwrite it: if you have put a copy there, type: rm {quote_shell(wal)}"
        )
        raise StoreError(message)
    if state.has_wal or not (state.is_open or state.is_empty):
        return state
    counted = read_count(Path(f"{path}-count"))
    if state.is_open and counted is not None and counted <= state.commits:
        return state  # the main file took over everything
    lost = "" if counted is None else f", with the last {counted - state.commits:,}"
    lost = lost and f"{lost} changes"
    message = (
        f"{path} was in use, and {wal}, which held what was new, is missing or empty"
        f"{lost}: put it back beside the file; to go on without what it held, "
        "start once with --accept-loss"
    )
    if not accept_loss:
        raise StoreError(message)
    log.warning("%s", message)
    return state


def report_lost_commits(path: Path, state: FileState, *, found: int) -> None:
    """Say how many commits are missing from a file of which *found* are left."""
    counted = read_count(Path(f"{path}-count"))
    if state.is_open and state.has_wal and counted is not None and counted > found:
        log.warning(
            "the last %s changes are missing in %s: %s-wal was cut, or the machine "
            "lost its power; --durability power keeps them",
            *(f"{counted - found:,}", path, path),
        )


def quote_shell(path: str) -> str:
    """Return *path* as one word of a command."""
    return path if " " not in path else f"'{path}'"


def _read_header(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(WAL_VERSION_AT + 1)
