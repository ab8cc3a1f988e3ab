"""A process that keeps its worlds in a directory, ended and begun anew by a test."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from emulator.store.database_file import DATABASE_NAME
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
    folder: Path, *, after: timedelta = timedelta(), token: str = "demo", **changes: Any
) -> Iterator[Api]:
    """Run an emulator whose worlds are kept in *folder*.

    The machine's clock says ``START``, and so much *after* it where worlds are read.
    """
    api = emulated(**changes)
    api.token = token
    with (
        closing(api),
        closing(SqliteStore(folder, api.worlds, now=START + after)),
    ):
        yield api


@contextmanager
def refusing(api: Api, *, after: int = 0) -> Iterator[None]:
    """Have the disk refuse whatever is written within; SQLite itself says so.

    So many commits *after* which it does are still taken.
    """
    keeper: Any = api.worlds.store
    run = keeper._file._base.execute  # noqa: SLF001
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


def file(folder: Path) -> Path:
    return folder / DATABASE_NAME
