"""The guide shows files that run, and every one of them; what it links to is there."""

import re
from pathlib import Path

import pytest

from emulator.client import Emulator
from emulator.domain.delivery import Trick
from emulator.effects import Manner
from emulator.pytest_plugin import OPTIONS
from tests.served import ROOT
from tools.guide import BLOCK, PAGES, written

GUIDE = ROOT / "docs" / "guide"
EXAMPLES = ROOT / "tests" / "examples"


def shown() -> list[Path]:
    """Return every file that the guide shows."""
    texts = (page.read_text("utf-8") for page in PAGES)
    return [ROOT / path for text in texts for path, _ in BLOCK.findall(text)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_is_the_file_that_it_names(page: Path) -> None:
    text = page.read_text("utf-8")

    assert written(text) == text, "python -m tools.guide writes them anew"


def test_no_other_python_is_shown() -> None:
    blocks = sum(page.read_text("utf-8").count("```") for page in PAGES) / 2

    assert blocks == len(shown())


def test_every_example_is_shown_once() -> None:
    assert sorted(shown()) == sorted(EXAMPLES.glob("*.py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_links_of_a_page_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text("utf-8")):
        assert "://" in target or (page.parent / target).exists(), target


def test_every_page_is_in_the_list_of_pages() -> None:
    index = (GUIDE / "README.md").read_text("utf-8")

    assert [page.name for page in PAGES if f"({page.name})" not in index] == [
        "README.md"
    ]


def test_every_command_of_the_client_is_documented() -> None:
    client = (GUIDE / "client.md").read_text("utf-8")
    inherited = {"ask", "command", "control", "listed", "pieces", "stream"}
    inherited |= {"close", "in_process"}
    public = {name for name in dir(Emulator) if not name.startswith("_")} - inherited

    assert {name for name in public if not re.search(rf"\b{name}\b", client)} == set()


def test_every_option_of_the_plugin_is_documented() -> None:
    testing = (GUIDE / "testing.md").read_text("utf-8")

    assert all(f"`--smsclouds-{name}`" in testing for name in OPTIONS)


def test_every_way_in_which_a_connection_fails_is_documented() -> None:
    faults = (GUIDE / "faults.md").read_text("utf-8")

    assert [
        each
        for each in Manner
        if f"`{each}`" not in faults and f'"{each}"' not in faults
    ] == []


def test_every_trick_of_a_push_is_documented() -> None:
    replies = (GUIDE / "replies.md").read_text("utf-8")

    assert [each for each in Trick if f'"{each}"' not in replies] == []
