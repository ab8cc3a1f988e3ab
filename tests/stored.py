"""A process that keeps its worlds in a directory, ended and begun anew by a test."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from emulator.store import DATABASE_NAME
from emulator.store.sqlite_store import SqliteStore
from tests.emulated import START, Api, emulated
from tests.steering import steered

FULL = """
CREATE TEMP TRIGGER full BEFORE INSERT ON fresh
WHEN (SELECT count(*) FROM fresh) >= {count}
BEGIN SELECT RAISE(ABORT, 'the disk is full'); END
"""


@contextmanager
def kept(
    folder: Path,
    *,
    after: timedelta = timedelta(),
    token: str = "demo",
    accept_loss: bool = False,
    **changes: Any,
) -> Iterator[Api]:
    """Run an emulator whose worlds are kept in *folder*.

    The machine's clock says ``START``, and so much *after* it where worlds are read.
    """
    api = emulated(**changes)
    api.token = token
    with (
        closing(api),
        closing(
            SqliteStore(folder, api.worlds, now=START + after, accept_loss=accept_loss)
        ),
    ):
        yield api


@contextmanager
def refusing(api: Api, *, after: int = 0) -> Iterator[None]:
    """Have the disk refuse whatever is written within; SQLite itself says so.

    So many commits *after* which it does are still taken.
    """
    keeper: Any = api.worlds.store
    run = keeper._file._connection.execute  # noqa: SLF001
    if not after:
        begin, end = "PRAGMA query_only = ON", "PRAGMA query_only = OFF"
    else:
        (count,) = run("SELECT count(*) FROM fresh").fetchone()
        begin = FULL.format(count=count + after)
        end = "DROP TRIGGER full"
    run(begin)
    try:
        yield
    finally:
        run(end)


def snapshot(api: Api) -> Any:
    return steered(api, "GET", "world/snapshot")


def changed(folder: Path, statement: str) -> None:
    """Change the file of a process that has ended."""
    with closing(sqlite3.connect(file(folder))) as base, base:
        assert base.execute(statement).rowcount


def file(folder: Path) -> Path:
    return folder / DATABASE_NAME
