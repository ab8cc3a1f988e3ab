"""The guide shows files that run, and all of them; what it links to is there."""

import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from emulator.client import Emulator
from emulator.domain.delivery import PushMutation
from emulator.faults.effects.pdu import PduMutation
from emulator.faults.effects.wire import WireFailure
from emulator.pytest_plugin import OPTIONS
from tests.support.processes import (
    DEADLINE,
    ROOT,
    ServedEmulator,
    make_environment,
    require_tool,
    serve_emulator,
)
from tools.examples import TABLE
from tools.guide import BLOCK, PAGES, written

GUIDE = ROOT / "docs" / "guide"
EXAMPLES = ROOT / "tests" / "examples"


RUN_ELSEWHERE = {ROOT / "examples" / each.name for each in TABLE}
RUN_ELSEWHERE |= {ROOT, ROOT / "deploy" / "nginx"}  # test_compose, test_balancer
CHECKED_ELSEWHERE = ROOT / "examples" / "ci"
OUTPUTS = (".json", ".txt")
CLOCK = "2026-03-02T18:00:00Z"  # where the start of the guide lets it stand
TRANSLATED = GUIDE / "README.es.md"
TRANSLATIONS = {each for each in PAGES if each.suffixes[0] == ".es"}


def on(page: Path) -> list[Path]:
    """Return every file that a page shows, in order."""
    blocks = BLOCK.finditer(page.read_text("utf-8"))
    return [ROOT / block["path"] for block in blocks]


def shown() -> list[Path]:
    """Return every file that the guide shows, in one language."""
    return [path for page in PAGES if page not in TRANSLATIONS for path in on(page)]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_example_is_the_file_that_it_names(page: Path) -> None:
    text = page.read_text("utf-8")

    assert written(text) == text, "python -m tools.guide writes them anew"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_else_is_shown(page: Path) -> None:
    assert page.read_text("utf-8").count("```") == 2 * len(on(page))


def test_every_example_is_shown_once_and_run() -> None:
    elsewhere = [path for path in shown() if EXAMPLES not in path.parents]

    assert sorted(set(shown()) - set(elsewhere)) == sorted(
        path for path in EXAMPLES.iterdir() if path.is_file()
    )
    assert len(shown()) == len(set(shown()))
    assert all(path.parent in RUN_ELSEWHERE | {CHECKED_ELSEWHERE} for path in elsewhere)


@pytest.mark.tools
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_say_what_it_shows(page: Path, tmp_path: Path) -> None:
    """What is shown after a script is its output; without, it has to end well."""
    files = [path for path in on(page) if path.suffix in {".sh", *OUTPUTS}]
    if not files:
        return
    shell = require_tool("bash")
    require_tool("curl")
    with serve_emulator("--clock", CLOCK) as served:
        for path, following in zip(files, [*files[1:], None], strict=True):
            if path.suffix != ".sh":
                continue
            done = typed(shell, path, served, tmp_path)
            if following is None or following.suffix == ".sh":
                assert done.returncode == 0, done.stderr
            elif following.suffix == ".json":
                assert json.loads(done.stdout) == json.loads(following.read_text())
            else:
                assert done.stdout == following.read_text("utf-8")


def typed(
    shell: Path, script: Path, served: ServedEmulator, folder: Path
) -> "subprocess.CompletedProcess[str]":
    """Run a script of the guide, with other ports than it says."""
    port = str(served.address[1])
    text = script.read_text("utf-8").replace("7672", port)
    text = text.replace("7673", str(free_port()))
    programs = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    return subprocess.run(
        [shell, "-c", text],
        cwd=folder,
        env={
            **make_environment(),
            "PATH": programs,
            "EMULATOR_PORT": port,
            "no_proxy": "*",
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=DEADLINE,
        check=False,
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def test_the_first_page_says_the_same_in_both_languages() -> None:
    english, spanish = GUIDE / "README.md", TRANSLATED
    links = re.compile(r"\(([a-z-]+\.md)\)")

    assert on(spanish) == on(english)
    assert links.findall(spanish.read_text("utf-8")) == links.findall(
        english.read_text("utf-8")
    )
    assert "(README.es.md)" in english.read_text("utf-8")
    assert "(README.md)" in spanish.read_text("utf-8")


@pytest.mark.parametrize("page", sorted(TRANSLATIONS), ids=lambda page: page.name)
def test_a_page_in_two_languages_has_the_same_parts_in_both(page: Path) -> None:
    """The same files, links, flags and variables, headings and rows, in order."""
    twin = page.with_name(page.name.replace(".es.md", ".md"))
    if page == TRANSLATED:
        return  # which leaves things out, and says so
    spanish, english = (each.read_text("utf-8") for each in (page, twin))

    assert f"({page.name})" in english
    for parts in (r"^#+ |^\| |^- |^\d\. ", r"`[^`\n]*[A-Za-z]-[A-Za-z][^`\n]*`"):
        pattern = re.compile(parts, re.MULTILINE)
        said = [each for each in pattern.findall(english) if "name" not in each]
        assert [each for each in pattern.findall(spanish) if "nombre" not in each] == (
            said
        )
    links = re.compile(r"\]\(([^)#]+)")
    expected = [each for each in links.findall(english) if each != page.name]
    assert [each for each in links.findall(spanish) if each != twin.name] == expected


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
    inherited = {"ask_fact", "ask_facts", "make_command", "open_stream"}
    inherited |= {"open_world", "send_command", "stream_events"}
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
        for each in WireFailure
        if f"`{each}`" not in faults and f'"{each}"' not in faults
    ] == []


def test_every_trick_of_a_push_is_documented() -> None:
    replies = (GUIDE / "replies.md").read_text("utf-8")

    assert [each for each in PushMutation if f'"{each}"' not in replies] == []


def test_every_way_in_which_a_pdu_goes_wrong_is_documented() -> None:
    smpp = (GUIDE / "smpp.md").read_text("utf-8")

    assert [
        each
        for each in PduMutation
        if f"`{each}`" not in smpp and f'"{each}"' not in smpp
    ] == []
