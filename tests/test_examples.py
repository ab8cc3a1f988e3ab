"""The examples in other languages run against an emulator, each with its own tests."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.served import Served, serve
from tests.tools import missing
from tools.examples import EXAMPLES, TABLE, Example

pytestmark = pytest.mark.tools

ENOUGH = 7  # what a client has to show, and a platform that keeps failing


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as running:
        yield running


@pytest.mark.parametrize("example", TABLE, ids=lambda example: example.name)
def test_an_example_passes_its_own_tests(
    example: Example, served: Served, tmp_path: Path
) -> None:
    if lack := example.lacks():
        missing(lack)

    try:
        count = example.run(served.url, tmp_path)
    except subprocess.CalledProcessError as error:
        pytest.fail(str(error.output))

    assert count >= ENOUGH
    worlds = served.ask("GET", "/_emulator/worlds").body
    assert [each["name"] for each in worlds] == ["demo"], "it left a world behind"


def test_every_example_is_run() -> None:
    names = {each.name for each in TABLE}

    assert {each.name for each in EXAMPLES.iterdir() if each.is_dir()} == names
