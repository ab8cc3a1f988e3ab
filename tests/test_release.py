"""A release: one version that everything agrees on, and the ways to run it."""

import os
import re
import shlex
import signal
import subprocess
from pathlib import Path

import pytest
import yaml

from emulator.client import Emulator
from tests.support.processes import (
    DEADLINE,
    ROOT,
    make_environment,
    read_first_line,
    require_tool,
)
from tests.test_packaging import PROJECT, build

VERSION = PROJECT["project"]["version"]
HEADING = re.compile(r"^## (.*)$", re.MULTILINE)
RELEASE = re.compile(r"\[(\d+\.\d+\.\d+)\] - (unreleased|\d{4}-\d{2}-\d{2})")
RUN_BY = ("pipx", "uv")  # rows of the README


def command_of(row: str) -> list[str]:
    """Return the command of a row of the README's "Ways to run it"."""
    readme = (ROOT / "README.md").read_text("utf-8")
    (command,) = re.findall(rf"^\| {row} \| `(.*)` \|$", readme, re.MULTILINE)
    return shlex.split(command)


def environment(folder: Path) -> dict[str, str]:
    """Return one in which these tools find each other, and leave nothing at home."""
    tools = require_tool("uvx").parent
    return {
        **make_environment(),
        "PATH": os.pathsep.join([os.environ["PATH"], str(tools)]),
        "PIPX_HOME": str(folder / "pipx"),
        "UV_TOOL_DIR": str(folder / "uv"),
        "UV_CACHE_DIR": str(folder / "cache"),  # which may know this folder as it was
    }


@pytest.mark.tools
@pytest.mark.parametrize("row", RUN_BY)
def test_a_clone_is_served_in_one_command(row: str, tmp_path: Path) -> None:
    program, *words = command_of(row)
    ports = {"EMULATOR_PORT": "0", "EMULATOR_SMPP_PORT": "0"}
    with subprocess.Popen(
        [str(require_tool(program)), *words],
        cwd=ROOT,
        env=environment(tmp_path) | ports,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            url = read_first_line(process).split()[-1]
            with Emulator(url) as emulator:
                assert emulator.request("GET", "/").status == 200
            process.send_signal(signal.SIGTERM)
            assert process.wait(timeout=DEADLINE) == 0
        finally:
            process.kill()


@pytest.mark.tools
@pytest.mark.parametrize("row", RUN_BY)
def test_a_wheel_is_run_in_one_command(row: str, tmp_path: Path) -> None:
    wheel = build("wheel", source=ROOT, into=tmp_path / "dist")
    program, *words = command_of(row)
    words = [str(wheel) if each == "." else each for each in words]

    said = subprocess.run(
        [str(require_tool(program)), *words[:-1], "--version"],
        cwd=tmp_path,
        env=environment(tmp_path),
        check=True,
        capture_output=True,
        text=True,
    ).stdout

    assert said == f"smsclouds-emulator, version {VERSION}\n"


# --- One version ----------------------------------------------------------------------


def test_the_changelog_begins_with_the_version() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    releases = [RELEASE.fullmatch(each) for each in HEADING.findall(changelog)]

    assert all(releases), "a heading is [version] - date, or - unreleased"
    versions = [each[1] for each in releases if each]
    dates = [each[2] for each in releases if each]
    assert versions[0] == VERSION
    numbers = [tuple(map(int, each.split("."))) for each in versions]
    assert numbers == sorted(set(numbers), reverse=True)
    assert "unreleased" not in dates[1:]
    assert dates[1:] == sorted(dates[1:], reverse=True)


def test_whoever_names_the_version_names_this_one() -> None:
    control = yaml.safe_load((ROOT / "emulator/web/control.yaml").read_text("utf-8"))
    label = re.findall(r'image\.version="(.*)"', (ROOT / "Dockerfile").read_text())
    tag = re.compile(r"smsclouds-emulator:(\d[\w.]*)")
    sources = [each for each in (ROOT / "examples").rglob("*") if each.is_file()]
    tagged = {
        (each.name, version)
        for each in sources
        for version in tag.findall(each.read_text("utf-8", errors="ignore"))
    }

    assert control["info"]["version"] == VERSION
    assert label == [VERSION]
    assert tagged
    assert {version for _, version in tagged} == {VERSION}
