"""Files of our own are read once and kept, as Python keeps its bytecode."""

import os
import sys
from pathlib import Path

import pytest

from emulator import files
from emulator.files import read_cached_yaml


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    path = tmp_path / "contract.yaml"
    path.write_text("paths: {one: 1}", "utf-8")
    return path


def test_what_was_read_is_kept(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"

    first = read_cached_yaml(source, folder)

    (kept,) = folder.iterdir()
    kept.write_text('{"paths": "from the cache"}', "utf-8")
    assert first == {"paths": {"one": 1}}
    assert read_cached_yaml(source, folder) == {"paths": "from the cache"}


def test_a_changed_file_is_read_anew(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    read_cached_yaml(source, folder)
    source.write_text("paths: {two: 2}", "utf-8")
    os.utime(source, ns=(1, 1))

    assert read_cached_yaml(source, folder) == {"paths": {"two": 2}}
    assert len(list(folder.iterdir())) == 1


def test_a_broken_cache_is_no_harm(source: Path, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    read_cached_yaml(source, folder)
    for kept in folder.iterdir():
        kept.write_text("{", "utf-8")

    assert read_cached_yaml(source, folder) == {"paths": {"one": 1}}


def test_a_place_where_nothing_can_be_kept_is_no_harm(
    source: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "file"
    folder.write_text("not a folder", "utf-8")

    assert read_cached_yaml(source, folder) == {"paths": {"one": 1}}


def test_where_python_keeps_nothing_nothing_is_kept(
    source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", True)

    read_cached_yaml(source, tmp_path / "cache")

    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    ("marks", "told"), [([], False), (["docker"], True), (["podman"], True)]
)
def test_a_container_is_known_by_what_its_engine_leaves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, marks: list[str], *, told: bool
) -> None:
    left = {name: str(tmp_path / name) for name in ("docker", "podman")}
    monkeypatch.setattr(files, "ENGINES", tuple(left.values()))
    for each in marks:
        Path(left[each]).touch()

    assert files.is_in_container() is told
