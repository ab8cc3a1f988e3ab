"""A backup of what is served: whole, of one moment, and restored by one copy."""

import json
import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from threading import Event, Thread
from typing import Any, Self

import pytest

from emulator.command import backup
from emulator.command.options import ControlTarget, OperatorError
from emulator.store import file_copy
from emulator.store.database_file import DatabaseFile
from emulator.store.file_copy import COPY_NAME, FileCopy
from tests.support.emulator import Api, run_control, send_control
from tests.support.orders import make_sms, place_campaign
from tests.support.processes import (
    ServedEmulator,
    read_complaint,
    run_command,
    serve_emulator,
)
from tests.support.worlds import get_database_path, keep_worlds, take_snapshot

ORDER = json.dumps(make_sms())
WORLDS = ("one", "two")


def write_backup(url: str, path: Path, *flags: str) -> str:
    """Run the command and return what it says."""
    done = run_command("backup", "--url", url, str(path), *flags)
    assert done.returncode == 0, done.stderr
    return done.stdout


def restored(path: Path, folder: Path) -> Path:
    """Do what the guide says: put the file into an empty directory."""
    folder.mkdir()
    shutil.copy(path, get_database_path(folder))
    return folder


class Writers:
    """Clients that place campaigns until they are told to stop."""

    def __init__(self, served: ServedEmulator) -> None:
        self._served = served
        self._stop = Event()
        self.placed: dict[str, list[int]] = {name: [] for name in WORLDS}
        self._threads = [Thread(target=self._place, args=(each,)) for each in WORLDS]

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._stop.set()
        for each in self._threads:
            each.join()

    def _place(self, name: str) -> None:
        while not self._stop.is_set():
            answer = self._served.ask(
                "POST", "/api/v3/campaign", ORDER, token=f"world-{name}"
            )
            assert answer.status == 200, answer.octets
            self.placed[name].append(answer.body["campaign"])


def test_a_backup_under_load_is_of_one_moment(tmp_path: Path) -> None:
    """It has all that was acknowledged before it began, no half, and no gap."""
    with (
        serve_emulator("--data", str(tmp_path / "data")) as served,
        Writers(served) as writers,
    ):
        while not all(len(each) > 20 for each in writers.placed.values()):
            pass
        before = {name: [*each] for name, each in writers.placed.items()}
        told = write_backup(served.url, tmp_path / "backup.sqlite")
        after = {name: len(each) + 1 for name, each in writers.placed.items()}
        while not all(len(writers.placed[name]) > after[name] for name in WORLDS):
            pass
    assert told.strip() == f"{tmp_path / 'backup.sqlite'}: 3 worlds"

    with keep_worlds(
        restored(tmp_path / "backup.sqlite", tmp_path / "restored")
    ) as api:
        for name in WORLDS:
            api.token = f"world-{name}"
            found = [*api.world.campaigns]
            assert found[: len(before[name])] == before[name]
            assert found == writers.placed[name][: len(found)]
            assert len(found) <= after[name]
            ledger = run_control(api, "GET", "movements")
            assert [each["reference"] for each in ledger["movements"]] == found


def test_what_is_restored_equals_what_was_there(tmp_path: Path) -> None:
    with keep_worlds(tmp_path / "data") as api:
        place_campaign(api)
        run_control(api, "POST", "tokens", json={"name": "made"})
        left, journal = take_snapshot(api), run_control(api, "GET", "journal")
        path = tmp_path / "backup.sqlite"
        path.write_bytes(api.get("/_emulator/backup", token="").octets)
        place_campaign(api)  # it goes on serving

    with keep_worlds(restored(path, tmp_path / "restored")) as api:
        assert take_snapshot(api) == left
        assert run_control(api, "GET", "journal") == journal


def test_a_backup_is_one_file_for_its_owner(tmp_path: Path) -> None:
    path = tmp_path / "made" / "backup.sqlite"
    with serve_emulator("--data", str(tmp_path / "data")) as served:
        write_backup(served.url, path)
        assert [each.name for each in path.parent.iterdir()] == ["backup.sqlite"]
        assert not [*(tmp_path / "data").glob(f"{COPY_NAME}*")]
    if os.name != "nt":
        assert path.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(path)) as base:
        assert base.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_several_processes_have_a_file_each(tmp_path: Path) -> None:
    data, path = tmp_path / "data", tmp_path / "backup"
    with serve_emulator("--data", str(data), "--processes", "2") as served:
        urls = [each["http"] for each in served.ready["processes"]]
        for number, url in enumerate(urls, 1):  # on free ports, so one by one
            write_backup(url, path / str(number) / "worlds.sqlite")

    with serve_emulator("--data", str(path), "--processes", "2") as served:
        assert served.ask("GET", "/api/v1/user").status == 200


def test_the_parts_of_several_processes_are_those_of_consecutive_ports(
    tmp_path: Path,
) -> None:
    target = ControlTarget("http://[::1]:8000", "secret")
    parts = [*backup.list_backup_parts(target, tmp_path, 2)]
    assert [(each.url, each.secret, path) for each, path in parts] == [
        ("http://[::1]:8000", "secret", tmp_path / "1" / "worlds.sqlite"),
        ("http://[::1]:8001", "secret", tmp_path / "2" / "worlds.sqlite"),
    ]


# --- What can be wrong -------------------------------------------------------


def test_worlds_in_memory_have_no_backup(api: Api, tmp_path: Path) -> None:
    answer = send_control(api, "GET", "backup", token="")
    assert answer.status == 409
    assert answer.body["detail"] == "worlds are in memory only; serve with --data"
    with serve_emulator() as served:
        told = read_complaint("backup", "--url", served.url, str(tmp_path / "b"))
    assert "worlds are in memory only; serve with --data" in told
    assert not (tmp_path / "b").exists()


def test_only_who_knows_the_secret_gets_one(tmp_path: Path) -> None:
    flags = ("--data", str(tmp_path / "data"), "--control-secret", "open-sesame")
    path = tmp_path / "backup.sqlite"
    with serve_emulator(*flags) as served:
        told = read_complaint("backup", "--url", served.url, str(path))
        assert "makes no backup" in told
        assert not path.exists()
        write_backup(served.url, path, "--control-secret", "open-sesame")
    assert path.exists()


def test_where_no_emulator_answers_it_is_said(tmp_path: Path) -> None:
    path = tmp_path / "backup.sqlite"
    told = read_complaint("backup", "--url", "http://127.0.0.1:9", str(path))
    assert "no emulator answers at http://127.0.0.1:9" in told
    assert [*tmp_path.iterdir()] == []


def test_a_second_copy_waits_for_the_first(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        store: Any = api.worlds.store
        store.begin_copy()
        answer = send_control(api, "GET", "backup", token="")
        assert answer.status == 409
        why = "another copy is being made; ask again when it is over"
        assert answer.body["detail"] == why
        store._copy.discard()  # noqa: SLF001
        assert api.get("/_emulator/backup", token="").status == 200


def test_a_disk_without_room_for_a_copy_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(**_options: Any) -> Any:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(file_copy, "mkstemp", full)
    with keep_worlds(tmp_path) as api:
        answer = send_control(api, "GET", "backup", token="")
        assert answer.status == 500
        assert answer.body["detail"] == (
            f"{get_database_path(tmp_path)} cannot be copied "
            "(No space left on device), so there is no copy"
        )


def test_a_copy_that_is_given_up_is_gone(tmp_path: Path) -> None:
    with closing(DatabaseFile(tmp_path)) as kept_file:
        copy = FileCopy(kept_file)
        copy.discard()
        assert not [*tmp_path.glob(f"{COPY_NAME}*")]
        assert copy.is_done


def test_what_a_killed_process_has_left_of_a_copy_goes(tmp_path: Path) -> None:
    (tmp_path / f"{COPY_NAME}abc").write_bytes(b"half")
    with keep_worlds(tmp_path):
        assert not [*tmp_path.glob(f"{COPY_NAME}*")]


@pytest.mark.parametrize("answer", [b"", b"no database at all" * 100])
def test_what_is_not_whole_is_no_backup(
    tmp_path: Path, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backup, "_ask_pieces", lambda _target: iter([answer]))
    path = tmp_path / "backup.sqlite"
    path.write_bytes(b"the one of before")

    with pytest.raises(OperatorError, match="is no whole backup"):
        backup.write_backup(ControlTarget("http://127.0.0.1:9", None), path)

    assert path.read_bytes() == b"the one of before"
    assert [*tmp_path.iterdir()] == [path]
