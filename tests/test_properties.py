"""Each property is tried for longer by `make soak`, and none can be forgotten there."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest

from tests.support.emulator import FACTOR, set_examples, take_sample
from tests.support.processes import ROOT

RUNS = {"given", "run_state_machine_as_test"}  # what tries an example after the other
HERE = Path(__file__).parent
OWN = HERE / "support" / "emulator.py"


def modules() -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(HERE.rglob("*.py")):
        yield path, ast.parse(path.read_text("utf-8"))


def test_how_many_examples_there_are_is_said_in_one_place() -> None:
    elsewhere = [
        path.name
        for path, tree in modules()
        for node in ast.walk(tree)
        if path != OWN
        and isinstance(node, ast.ImportFrom)
        and node.module == "hypothesis"
        and any(each.name == "settings" for each in node.names)
    ]

    assert elsewhere == []


def test_no_property_is_bound_to_the_walls_clock() -> None:
    usual = hypothesis.settings()

    assert usual.deadline is None
    assert (usual.derandomize, usual.database) == (True, None)


CALLED = {"compared": "test_the_emulator_and_the_reference_agree_on_every_body"}


def tries(function: ast.FunctionDef) -> bool:
    """Return whether examples are tried within *function*, not around it."""
    around = {id(node) for each in function.decorator_list for node in ast.walk(each)}
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in RUNS
        and id(node) not in around
        for node in ast.walk(function)
    )


def test_a_property_within_a_test_is_marked_as_one() -> None:
    """A test that is a property by its decorator is marked by conftest."""
    functions = [
        function
        for path, tree in modules()
        if "hypothesis" in path.read_text("utf-8")
        for function in tree.body
        if isinstance(function, ast.FunctionDef)
    ]
    within = {CALLED.get(each.name, each.name) for each in functions if tries(each)}
    marked = {
        each.name
        for each in functions
        if "mark.property" in "".join(map(ast.unparse, each.decorator_list))
    }

    assert within == marked
    assert len(within) >= 3


def soaked(*command: str) -> str:
    done = subprocess.run(
        (sys.executable, *command),
        cwd=ROOT,
        env={**os.environ, "SOAK": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def test_a_soak_tries_many_times_as_many_and_all_of_a_list() -> None:
    told = soaked(
        "-c",
        "from tests.support.emulator import *; e = set_examples(40, steps=20);"
        "print(e.max_examples, e.stateful_step_count, e.derandomize,"
        " len(take_sample([0] * 9_999)))",
    )

    assert told == f"{40 * FACTOR} 40 False 9999\n"


def test_a_test_has_few_and_a_part_of_a_list() -> None:
    assert set_examples(40).max_examples == 40
    part = take_sample([*range(9_999)])
    assert len(part) < 500
    assert (part[:100], part[-1]) == ([*range(100)], 9_998)


def test_a_soak_has_the_properties() -> None:
    files = ("tests/test_account.py", "tests/test_dlr.py", "tests/test_whole_path.py")
    chosen = ("-q", "--collect-only", "-n", "0", "-m", "soak or property")

    told = soaked("-m", "pytest", *chosen, *files, "tests/smpp/test_session.py")

    for each in (*files, "tests/smpp/test_session.py::TestClient::runTest"):
        assert each in told


def test_no_test_hides_what_it_leaves_open() -> None:
    """Garbage is collected in another test, which is the one that fails then."""
    word = "Unraisable" + "ExceptionWarning"
    hiding = [path.name for path, tree in modules() if word in ast.unparse(tree)]

    assert hiding == []


def test_what_a_test_leaves_open_fails_there(pytester: pytest.Pytester) -> None:
    pytester.makeconftest(
        "from tests.conftest import left_open, left_open_by_all\n\n"
        "def pytest_addoption(parser):\n"
        "    parser.addoption('--leaks', action='store_true')\n"
    )
    pytester.makepyfile(
        """
        import socket
        def test_that_leaves_a_line_open():
            line = socket.socket()
            line.own = line  # which only the collector finds
        def test_another(): pass
    """.replace("line.own = line", "a = [line]; a.append(a)")
    )

    done = pytester.runpytest("--leaks", "-W", "error")

    done.assert_outcomes(passed=2, errors=1)
    assert "ERROR" in done.stdout.str()
    done.stdout.fnmatch_lines(["ERROR *test_that_leaves_a_line_open*"])
