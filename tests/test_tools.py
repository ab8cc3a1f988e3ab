"""What a test needs and does not find: each says in one line what to type."""

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import ALLOWED, NOTES, WATCH
from tests.support.processes import INSTALL, describe_skips, run_python
from tests.test_manual_clients import JARS
from tools.examples import TABLE

HERE = Path(__file__).parent
ASKING = {"require_tool", "skip_missing", "skip_unable"}


def calls() -> Iterator[tuple[Path, str, ast.Call]]:
    """Yield every call in the tests, by the last part of what is called."""
    for path in sorted(HERE.rglob("*.py")):
        if "node_modules" in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                yield path, ast.unparse(node.func).rpartition(".")[2], node


def test_every_program_that_a_test_names_says_how_to_get_it() -> None:
    named = {
        node.args[0].value
        for _, name, node in calls()
        if name in ASKING and node.args and isinstance(node.args[0], ast.Constant)
    }
    programs = {command[0] for each in TABLE for command in each.commands}
    files = {file.name for each in TABLE for file in each.files}

    asked = (
        named
        | files
        | {Path(each).name for each in programs}
        | {each.name for each in JARS}
    )
    ours = {
        Path(command[0]).name
        for each in TABLE
        for command in each.commands
        if each.name == "python"
    }
    assert asked - ours <= INSTALL.keys()


def test_what_to_type_is_what_ci_installs() -> None:
    script = (HERE.parent / ".ci" / "run").read_text("utf-8")
    listed = set(re.findall(r"wanted\+?=\(([^)]+)\)", script))
    installed = {name for each in listed for name in each.split()}
    typed = {
        package
        for each in INSTALL.values()
        for command in each.split(" && ")
        if command.startswith("apt install ")
        for package in command.split()[2:]
    }

    assert typed - installed == {"bash"}, "which every Debian has"


def test_nothing_is_skipped_but_for_want_of_a_tool() -> None:
    skipping = {
        path.name
        for path, name, node in calls()
        if name in {"skip", "skipif"} and "pytest" in ast.unparse(node.func)
    }

    assert skipping == {"processes.py"}


def test_skips_are_told_in_one_line_a_reason() -> None:
    said = describe_skips({"a is missing: apt install a": 1, "b is missing: b": 2})

    assert said == [
        "2 tests not run: b is missing: b",
        "1 test not run: a is missing: apt install a",
    ]


def test_they_stand_behind_the_failures(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EMULATOR_REQUIRE_TOOLS", raising=False)
    pytester.makeconftest("from tests.conftest import pytest_terminal_summary")
    pytester.makepyfile(
        """
        import pytest
        from tests.support.processes import skip_missing

        @pytest.mark.parametrize("number", [1, 2])
        def test_a(number):
            skip_missing("tshark")

        def test_b():
            assert False
        """
    )
    result = pytester.runpytest("-p", "no:cacheprovider")

    result.stdout.fnmatch_lines(
        [
            "*= FAILURES =*",
            "*2 tests not run: tshark is missing: apt install tshark",
        ]
    )


def test_a_test_that_hangs_fails_by_its_name(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(
        """
        import threading

        def test_it_waits_for_what_never_comes():
            threading.Event().wait()
        """
    )
    result = pytester.runpytest("--timeout=0.2", "-p", "no:cacheprovider")

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        ["*Timeout (>0.2s)*", "FAILED *::test_it_waits_for_what_never_comes*"]
    )


def test_a_test_that_hangs_on_its_way_out_as_well_fails_by_its_name(
    pytester: pytest.Pytester, pytestconfig: pytest.Config
) -> None:
    """Its worker ends, and another one goes on."""
    seconds = float(pytestconfig.getini("faulthandler_timeout"))
    assert seconds > float(pytestconfig.getini("timeout"))
    assert pytestconfig.getini("faulthandler_exit_on_timeout")
    pytester.makepyfile(
        """
        import threading
        import pytest

        @pytest.mark.timeout(0.2, func_only=True)
        def test_it_waits_for_what_never_comes():
            try:
                threading.Event().wait()
            finally:
                threading.Event().wait()

        def test_another():
            pass
        """
    )
    words = ("-n", "1", "-p", "no:cacheprovider")
    soon = ("faulthandler_timeout=4", "faulthandler_exit_on_timeout=true")

    result = pytester.runpytest_subprocess(*words, "-o", soon[0], "-o", soon[1])

    result.assert_outcomes(failed=1, passed=1)
    result.stdout.fnmatch_lines(["FAILED *::test_it_waits_for_what_never_comes*"])


def test_what_is_written_elsewhere_is_noted(tmp_path: Path) -> None:
    ours, other = tmp_path / "ours", tmp_path / "other"
    for each in (ours, other):
        each.mkdir()
    code = f"""
import os, pathlib, sqlite3, shutil
for folder in ({str(ours)!r}, {str(other)!r}):
    file = pathlib.Path(folder, "file")
    file.read_bytes() if file.exists() else file.write_text("x")
    os.rename(file, file.with_name("moved"))
    pathlib.Path(folder, "made").mkdir()
    sqlite3.connect(pathlib.Path(folder, "base"))
"""
    notes = tmp_path / "notes"
    environment = {
        **os.environ,
        "PYTHONPATH": str(WATCH.parent),
        ALLOWED: str(ours),
        NOTES: str(notes),
    }

    subprocess.run([sys.executable, "-c", code], env=environment, check=True)

    noted = [each.split()[:2] for each in notes.read_text("utf-8").splitlines()]
    assert noted == [
        ["open", f"{other}/file"],
        ["os.rename", f"{other}/file"],
        ["os.rename", f"{other}/moved"],
        ["os.mkdir", f"{other}/made"],
        ["sqlite3.connect", f"{other}/base"],
    ]


def test_the_tests_are_watched_and_so_is_what_they_start() -> None:
    code = "import sys; print(sys.modules['sitecustomize'].__file__)"

    assert run_python(code) == str(WATCH)
