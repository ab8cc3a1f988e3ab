"""One run of chosen tests in a copy of the checkout, by a process that is warm.

The process is forked from one that has imported what the tests need, but nothing of
the emulator: each run imports that anew, from the copy.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import pytest

WARM = (
    *("pytest", "_pytest.assertion.rewrite", "pytest_timeout", "xdist.plugin"),
    *("hypothesis", "hypothesis.stateful", "_hypothesis_pytestplugin"),
    *("jsonschema", "referencing.jsonschema", "yaml", "starlette.applications"),
    *("starlette.testclient", "uvicorn", "uvloop", "httptools", "orjson", "msgspec"),
    *("jsonschema_rs", "click", "jinja2", "httpx2", "asyncio", "ssl", "faker"),
)
MARKER = "not soak and not tools"  # as make test
OURS = ("emulator", "tests", "tools")
HANGS = 75.0  # seconds that one test may take under a change: longer than it waits ...
SLOWER = 20  # ... beside so many times its own
GRACE = 60.0  # seconds to import and to end


@dataclass
class Outcome:
    """What came of a run."""

    status: int | None = None  # of pytest; None where it had to be ended
    failed: list[str] = field(default_factory=list)  # tests, by name
    hung: list[str] = field(default_factory=list)  # those that met their time-out
    collected: list[str] = field(default_factory=list)
    said: str = ""


class Watch:
    """A plugin of pytest: runs what was chosen, in that order, and tells of it."""

    def __init__(
        self, chosen: Mapping[str, float], hangs: float, told: Connection
    ) -> None:
        self._chosen = chosen
        self._hangs = hangs
        self._told = told

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        if self._chosen:
            items[:] = [each for each in items if each.nodeid in self._chosen]
            places = {name: place for place, name in enumerate(self._chosen)}
            items.sort(key=lambda each: places[each.nodeid])
        for each in items:
            seconds = self._hangs + SLOWER * self._chosen.get(each.nodeid, 0)
            each.add_marker(pytest.mark.timeout(seconds), append=False)

    def pytest_collection_finish(self, session: Any) -> None:
        self._told.send(("collected", [each.nodeid for each in session.items]))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._told.send(("begun", nodeid))

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed:
            has_hung = "Timeout (>" in str(report.longrepr)
            self._told.send(("hung" if has_hung else "failed", report.nodeid))
            self._told.send(("said", str(report.longrepr)[-300:]))


def _run(copy: str, words: Sequence[str], watch: Watch, told: Connection) -> None:
    """Run pytest here, in a process of its own that ends with it."""
    os.setsid()
    os.chdir(copy)
    _take_from(copy)
    with Path(copy, ".mutation.log").open("wb") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    status = int(pytest.main(list(words), plugins=[watch]))
    file = str(getattr(sys.modules.get("emulator"), "__file__", ""))
    if file and not file.startswith(copy + os.sep):
        told.send(("said", f"emulator is {file}"))
    else:
        told.send(("status", status))
    told.close()
    os._exit(0)


def _take_from(copy: str) -> None:
    """Have the emulator imported from *copy*, here and in what the tests start."""
    os.environ["PYTHONPATH"] = copy
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False  # the next run has most of it ready
    root = str(Path(__file__).resolve().parents[2])
    sys.path[:] = [copy, *(each for each in sys.path if each not in ("", root))]
    for name in [each for each in sys.modules if each.partition(".")[0] in OURS]:
        del sys.modules[name]
    sys.argv[:] = ["pytest"]


class Runner:
    """Starts the warm process and runs tests in one copy."""

    def __init__(self, copy: Path, hangs: float = HANGS) -> None:
        self.copy = copy.resolve()
        self._hangs = hangs
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload([*WARM, "tools.mutation.trial"])

    def run(
        self,
        chosen: Mapping[str, float],
        *,
        places: Sequence[str] = (),
        marker: str = MARKER,
        only_collect: bool = False,
    ) -> Outcome:
        """Run *chosen* (seconds, by test), or all at *places*, until one fails."""
        files = list(dict.fromkeys(each.partition("::")[0] for each in chosen))
        words = ["-q", "-n", "0", "-p", "no:cacheprovider", "--tb=line", "-m", marker]
        words += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        words += ["-o", "faulthandler_timeout=0"]  # _listen has a bound
        words += ["--collect-only"] if only_collect else ["-x"]
        words += places or files
        heard, told = self._context.Pipe(duplex=False)
        started = self._context.Process(
            target=_run,
            args=(str(self.copy), words, Watch(dict(chosen), self._hangs, told), told),
        )
        started.start()
        told.close()
        outcome = Outcome()
        try:
            self._listen(heard, chosen, outcome)
        finally:
            _end(started.pid)
            started.join()
        return outcome

    def _listen(
        self, heard: Connection, chosen: Mapping[str, float], outcome: Outcome
    ) -> None:
        """Hear what the run says, until it ends or says nothing for too long."""
        current, patience = "", GRACE
        while heard.poll(patience):
            try:
                kind, what = heard.recv()
            except EOFError:
                outcome.said = outcome.said or "ended without a word"
                return
            patience = GRACE + self._hangs
            if kind == "begun":
                current = what
                patience += SLOWER * chosen.get(what, 0)
            elif kind in ("failed", "hung"):
                getattr(outcome, kind).append(what)
            else:
                setattr(outcome, kind, what)
            if kind == "status":
                return
        if current:
            outcome.hung.append(current)
        outcome.said = outcome.said or "says nothing any more"


def _end(process: int | None) -> None:
    """End the process and whatever it started."""
    if process is None:
        return
    for end in (os.killpg, os.kill):
        try:
            end(process, signal.SIGKILL)
        except ProcessLookupError:
            continue
