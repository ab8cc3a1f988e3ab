"""The file of a data directory: what is put down is there for whoever opens it."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from emulator.store import DATABASE_NAME, StoreError, database_file
from emulator.store.database_file import DatabaseFile
from emulator.world.containers import StateRow

FIRST = [("campaigns", 1, b"one"), ("campaigns", 2, b"two")]
SECOND: list[StateRow] = [("campaigns", 1, b"another"), ("campaigns", 2, None)]
LEFT = [("campaigns", 1, b"another")]


def opened_elsewhere(folder: Path, spare: Path) -> list[StateRow]:
    """Return the things of world 1 as found after a process that ended at once."""
    shutil.copytree(folder, spare)
    with closing(DatabaseFile(spare)) as found:
        return list(found.list_rows(1))


@pytest.mark.parametrize("fresh", [1, 2, database_file.MOST_FRESH_PIECES])
@pytest.mark.parametrize("large", [0, database_file.LARGE_PIECE])
def test_the_last_word_counts_however_it_was_put_down(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fresh: int, large: int
) -> None:
    monkeypatch.setattr(database_file, "MOST_FRESH_PIECES", fresh)
    monkeypatch.setattr(database_file, "LARGE_PIECE", large)
    with closing(DatabaseFile(tmp_path / "data")) as kept:
        kept.commit_rows(1, FIRST)
        kept.commit_rows(2, FIRST)
        kept.commit_rows(1, SECOND)

        assert opened_elsewhere(tmp_path / "data", tmp_path / "spare") == LEFT
        with kept.transaction():
            pass
        assert kept.list_rows(1) == LEFT


def test_what_is_cleared_takes_along_what_was_put_down_last(tmp_path: Path) -> None:
    with closing(DatabaseFile(tmp_path / "data")) as kept:
        kept.commit_rows(1, FIRST)
        with kept.transaction():
            kept.clear_world(1)

        assert opened_elsewhere(tmp_path / "data", tmp_path / "spare") == []


def cleared_in_vain(kept: DatabaseFile) -> None:
    with kept.transaction():
        kept.clear_world(1)
        raise ZeroDivisionError


def test_a_transaction_that_fails_leaves_what_was_put_down(tmp_path: Path) -> None:
    with closing(DatabaseFile(tmp_path / "data")) as kept:
        kept.commit_rows(1, FIRST)
        with pytest.raises(ZeroDivisionError):
            cleared_in_vain(kept)
        with kept.transaction():
            pass

        assert kept.list_rows(1) == FIRST


def test_a_piece_that_cannot_be_read_is_told_as_damage(tmp_path: Path) -> None:
    DatabaseFile(tmp_path).close()
    with closing(sqlite3.connect(tmp_path / DATABASE_NAME)) as base:
        base.execute("INSERT INTO fresh VALUES (1, 1, x'c1')")
        base.commit()

    with pytest.raises(StoreError, match="is damaged"):
        DatabaseFile(tmp_path)
