"""A plugin of pytest: which lines of the emulator each test passes through.

``python -m tools.mutation --learn`` loads it, in a copy of the checkout; processes
that a test starts are heard as well (``hear_children``).  What is known is kept in
``.mutation.json`` (tools/mutation/learnt.py).
"""

import os
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

ROOT = Path(__file__).resolve().parents[2]  # the copy, where the tests are run
OURS = str(ROOT / "emulator") + os.sep
NOTES = "MUTATION_NOTES"  # in the environment: the folder of what was heard
OFTEN = 60  # calls of one function in one test that are followed line by line

Line = tuple[str, int]
Trace = Callable[[FrameType, str, Any], Any]


class Ear:
    """Hears of every line of the emulator that is run in this process."""

    def __init__(self, note: Callable[[Line], None]) -> None:
        self._note = note
        self._files: dict[CodeType, str] = {}
        self._calls: Counter[CodeType] = Counter()

    def begin(self) -> None:
        self._calls.clear()
        sys.settrace(self._call)
        threading.settrace(self._call)

    def _call(self, frame: FrameType, _event: str, _argument: Any) -> Trace | None:
        code = frame.f_code
        file = self._files.get(code)
        if file is None:
            path = code.co_filename
            is_ours = path.startswith(OURS)
            file = str(Path(path).relative_to(ROOT)) if is_ours else ""
            self._files[code] = file
        if not file:
            return None
        self._calls[code] += 1
        return self._line if self._calls[code] <= OFTEN else None

    def _line(self, frame: FrameType, event: str, _argument: Any) -> Trace:
        if event == "line":
            self._note((self._files[frame.f_code], frame.f_lineno))
        return self._line


class Passages:
    """Writes down, test by test: its name, whether it failed, seconds, and lines."""

    def __init__(self) -> None:
        self._met: set[Line] = set()
        self._seconds: Counter[str] = Counter()
        self._failed: set[str] = set()
        self._ear = Ear(self._met.add)
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        self._notes = Path(os.environ[NOTES], f"{worker}.tests")

    def pytest_runtest_logstart(self) -> None:
        self._met.clear()
        self._ear.begin()

    def pytest_runtest_logreport(self, report: Any) -> None:
        self._seconds[report.nodeid] += report.duration
        if report.outcome != "passed":
            self._failed.add(report.nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        sys.settrace(None)
        says = "failed" if nodeid in self._failed else "passed"
        lines = " ".join(_listed(self._met))
        with self._notes.open("a", encoding="utf-8") as file:
            file.write(f"{nodeid}\t{says}\t{self._seconds[nodeid]:.4f}\t{lines}\n")


def _listed(lines: set[Line]) -> Iterator[str]:
    return (f"{file}:{line}" for file, line in sorted(lines))


def pytest_configure(config: Any) -> None:
    is_worker = hasattr(config, "workerinput")
    if is_worker or not getattr(config.option, "numprocesses", None):
        config.pluginmanager.register(Passages())


def hear_children() -> None:
    """Follow this process, which a test started: each line is noted as it is met."""
    test = os.environ.get("PYTEST_CURRENT_TEST", "").partition("::")[0]
    if not test or NOTES not in os.environ or "pytest" in sys.modules:
        return
    notes = Path(os.environ[NOTES], f"{os.getpid()}.child").open("a", encoding="utf-8")  # noqa: SIM115 - until it ends
    notes.write(f"{test}\n")
    notes.flush()  # it may be killed at any time
    met: set[Line] = set()

    def note(line: Line) -> None:
        if line not in met:
            met.add(line)
            notes.write(f"{line[0]}:{line[1]}\n")
            notes.flush()

    Ear(note).begin()
