"""A plugin of pytest: which functions of the emulator each test passes through.

``python -m tools.mutation --learn`` loads it; what it learns is in ``.mutation.json``.
"""

import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEARNT = ROOT / ".mutation.json"
OURS = str(ROOT / "emulator") + os.sep


class Passages:
    """Hears of every call in this process; a function is noted once a test."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.through: dict[str, list[str]] = {}
        self._codes: dict[CodeType, str] = {}
        self._met: set[str] = set()

    def hear(self, frame: FrameType, event: str, _argument: Any) -> None:
        if event != "call":
            return
        code = frame.f_code
        name = self._codes.get(code)
        if name is None:
            name = self._codes[code] = self._named(code)
        if name:
            self._met.add(name)

    def _named(self, code: CodeType) -> str:
        if not code.co_filename.startswith(OURS):
            return ""
        name = code.co_qualname.replace(".<locals>", "").replace(".<lambda>", "")
        for each in ("<listcomp>", "<genexpr>", "<dictcomp>", "<setcomp>"):
            name = name.replace(f".{each}", "")
        return f"{Path(code.co_filename).relative_to(ROOT)}::{name}"

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        self._met = set()
        sys.setprofile(self.hear)
        threading.setprofile(self.hear)
        try:
            return (yield)
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
            for name in self._met:
                self.through.setdefault(name, []).append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        known = self.seconds.get(report.nodeid, 0.0)
        self.seconds[report.nodeid] = known + report.duration

    def pytest_sessionfinish(self) -> None:
        worker = os.environ.get("PYTEST_XDIST_WORKER")
        facts: dict[str, Any] = {"seconds": self.seconds, "through": self.through}
        if worker:
            part = LEARNT.with_name(f".mutation-{worker}.json")
            part.write_text(json.dumps(facts), "utf-8")
            return
        for part in sorted(ROOT.glob(".mutation-*.json")):
            found = json.loads(part.read_text("utf-8"))
            facts["seconds"].update(found["seconds"])
            for name, tests in found["through"].items():
                facts["through"].setdefault(name, []).extend(tests)
            part.unlink()
        LEARNT.write_text(json.dumps(facts), "utf-8")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Passages())
