"""A file of a data directory that is lost, or is of another, is noticed and said."""

import os
import shutil
import sqlite3
import stat
from contextlib import closing
from pathlib import Path

import pytest

from emulator.store import StoreError, sqlite_store
from emulator.store.process_folders import count_processes
from tests.support.orders import place_campaign
from tests.support.processes import read_complaint, serve_emulator
from tests.support.worlds import get_database_path, keep_worlds, take_snapshot


@pytest.fixture
def left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory as a process leaves it that is killed."""
    monkeypatch.setattr(sqlite_store, "JOURNAL_DELAY", 3_600)
    folder = tmp_path / "killed"
    with keep_worlds(tmp_path / "data") as api:
        for _ in range(3):
            place_campaign(api)
        shutil.copytree(tmp_path / "data", folder)
    return folder


def beside(folder: Path, suffix: str) -> Path:
    return Path(f"{get_database_path(folder)}{suffix}")


def messages(folder: Path, *, accept_loss: bool = False) -> int:
    with keep_worlds(folder, accept_loss=accept_loss) as api:
        return len(api.world.campaigns)


def test_what_a_killed_process_leaves_is_whole(
    left: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert messages(left) == 3
    assert caplog.messages == []


@pytest.mark.parametrize("counted", [True, False], ids=["counted", "main file only"])
@pytest.mark.parametrize("how", ["removed", "emptied"])
def test_a_lost_wal_ends_the_start(left: Path, how: str, *, counted: bool) -> None:
    wal, held = beside(left, "-wal"), beside(left, "-wal").read_bytes()
    if how == "removed":
        wal.unlink()
    else:
        os.truncate(wal, 0)
    if not counted:
        beside(left, "-count").unlink()
    before = get_database_path(left).read_bytes()

    with pytest.raises(StoreError) as told:
        messages(left)

    said = str(told.value)
    assert f"{wal}, which held what was new, is missing or empty" in said
    assert "put it back beside the file" in said
    assert "--accept-loss" in said
    assert ("with the last 4 changes" in said) == counted
    assert get_database_path(left).read_bytes() == before
    wal.write_bytes(held)
    assert messages(left) == 3


def test_who_accepts_the_loss_goes_on_with_what_is_left(
    left: Path, caplog: pytest.LogCaptureFixture
) -> None:
    beside(left, "-wal").unlink()

    assert messages(left, accept_loss=True) == 0
    assert "is missing or empty" in caplog.text
    assert messages(left) == 0


@pytest.mark.parametrize("part", [0.4, 0.8])
def test_a_wal_that_was_cut_is_said(
    left: Path, part: float, caplog: pytest.LogCaptureFixture
) -> None:
    wal = beside(left, "-wal")
    os.truncate(wal, int(wal.stat().st_size * part))

    assert messages(left) < 3
    assert "changes are missing in" in caplog.text
    assert "--durability power keeps them" in caplog.text


def test_the_wal_of_another_file_is_not_played_into_a_copy(
    left: Path, tmp_path: Path
) -> None:
    shutil.copy(get_database_path(tmp_path / "data"), get_database_path(left))

    with pytest.raises(StoreError, match="belongs to another file and would") as told:
        messages(left)

    assert f"type: rm {beside(left, '-wal')}" in str(told.value)
    beside(left, "-wal").unlink()
    assert messages(left) == 3


def test_a_file_of_before_that_has_lost_its_wal_is_not_taken_for_a_new_one(
    tmp_path: Path,
) -> None:
    """Until it was carried over, all that was kept was in the WAL."""
    with closing(sqlite3.connect(get_database_path(tmp_path))) as base:
        base.execute("PRAGMA journal_mode = WAL")

    with pytest.raises(StoreError, match="is missing or empty"):
        messages(tmp_path)


def test_a_world_is_not_looked_for_in_another_process(tmp_path: Path) -> None:
    with serve_emulator("--data", str(tmp_path), "--processes", "2"):
        pass
    assert count_processes(tmp_path) == 2

    for flags in (("--processes", "3"), ()):
        said = read_complaint("serve", "--port", "0", "--data", str(tmp_path), *flags)
        assert "holds the worlds of 2 processes" in said
        assert "serve it with --processes 2, or name another --data" in said
    (tmp_path / "worlds.processes").unlink()  # as one of an older version
    said = read_complaint("serve", "--port", "0", "--data", str(tmp_path))
    assert "holds the worlds of 2 processes" in said


def test_one_process_is_not_followed_by_several(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)

    flags = ("--data", str(tmp_path), "--processes", "2")
    said = read_complaint("serve", "--port", "0", *flags)

    assert "holds the worlds of 1 process, and 2 would look for them elsewhere" in said
    assert "leave --processes out" in said


# --- Who may read it ---------------------------------------------------------


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_no_one_else_may_read_what_is_kept(tmp_path: Path) -> None:
    folder = tmp_path / "made" / "data"
    with keep_worlds(folder) as api:
        place_campaign(api)
        assert {each.name: mode(each) for each in folder.iterdir()} == {
            f"worlds.sqlite{suffix}": 0o600 for suffix in ("", "-wal", "-count")
        }
        assert (mode(folder), mode(folder.parent)) == (0o700, 0o700)


def test_what_was_open_to_others_is_closed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "data"
    with keep_worlds(folder) as api:
        left = take_snapshot(api)
    folder.chmod(0o755)
    get_database_path(folder).chmod(0o644)

    with keep_worlds(folder) as api:
        assert take_snapshot(api) == left
        assert (mode(folder), mode(get_database_path(folder))) == (0o700, 0o600)
    assert caplog.messages == []


def test_a_directory_with_files_of_others_stays_as_it_is_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "notes.txt").write_text("mine")

    with keep_worlds(tmp_path):
        assert (mode(tmp_path), mode(get_database_path(tmp_path))) == (0o755, 0o600)
    assert f"chmod 700 {tmp_path}" in caplog.text
