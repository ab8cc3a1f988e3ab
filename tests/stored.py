"""A process that keeps its worlds in a directory, ended and begun anew by a test."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from emulator.store.file import NAME
from emulator.store.keeper import Keeper
from tests.emulated import START, Api, emulated
from tests.steering import steered


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
        closing(Keeper(folder, api.worlds, now=START + after)),
    ):
        yield api


@contextmanager
def refusing(api: Api) -> Iterator[None]:
    """Have the disk refuse whatever is written within; SQLite itself says so."""
    keeper: Any = api.worlds._commons.keeper  # noqa: SLF001 - there is no other way in
    keeper._file._base.execute("PRAGMA query_only = ON")  # noqa: SLF001
    try:
        yield
    finally:
        keeper._file._base.execute("PRAGMA query_only = OFF")  # noqa: SLF001


def snapshot(api: Api) -> Any:
    return steered(api, "GET", "world/snapshot")


def file(folder: Path) -> Path:
    return folder / NAME
