"""What a suite that uses the client does not see, or has to: frames, threads."""

import ast
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from emulator.client import ClientError, Emulator
from emulator.serving.standby import Standby
from tests.support.processes import ROOT


def frames(trace: TracebackType | None) -> list[tuple[str, bool]]:
    """Return the client's frames of a traceback, and whether each is hidden."""
    found = []
    while trace is not None:
        frame = trace.tb_frame
        if "/emulator/client/" in frame.f_code.co_filename:
            hidden = frame.f_locals.get("__tracebackhide__", False)
            found.append((frame.f_code.co_name, hidden))
        trace = trace.tb_next
    return found


@pytest.fixture(scope="module")
def home() -> Any:
    with Emulator.in_process() as home:
        yield home


ASKED: dict[str, Callable[[Emulator], Any]] = {
    "ask": lambda it: it.ask_fact("GET", "nothing"),
    "listed": lambda it: it.ask_facts("nothing"),
    "create": lambda it: it.create("a b"),
    "wait_for_request": lambda it: it.wait_for_request("nothing", timeout=0),
    "verify": lambda it: it.verify("nothing", at_least=1),
    "wait_for_delivery": lambda it: it.wait_for_delivery(timeout=0),
}


@pytest.mark.parametrize("name", ASKED)
def test_the_traceback_of_what_is_declined_ends_with_who_asked(
    home: Emulator, name: str
) -> None:
    with pytest.raises((ClientError, AssertionError)) as told:
        ASKED[name](home)

    seen = [each for each, hidden in frames(told.tb) if not hidden]
    assert seen == ([name] if name == "create" else [])


def test_whoever_hides_means_it() -> None:
    for path in (ROOT / "emulator").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Assign):
                name = ast.unparse(node.targets[0])
                if name == "__tracebackhide__":
                    assert ast.unparse(node.value) == "True", Path(path).name


def test_no_thread_of_ours_keeps_a_process_alive() -> None:
    before = {*threading.enumerate()}
    asked = threading.Event()
    let_go = threading.Event()

    def handler(_push: Any) -> None:
        asked.set()
        let_go.wait(20)

    standby = closing(Standby("demo"))
    with Emulator.in_process() as home, home.receive(handler), standby:
        home.request(
            "POST",
            "/api/v3/campaign",
            json={
                "text": "a",
                "route": 87,
                "recipients": [{"cellphone": "5512345678"}],
            },
        )
        home.advance(minutes=1)
        home.phone("5512345678").reply("si")
        assert asked.wait(20)
        ours = {*threading.enumerate()} - before
        let_go.set()

    assert len(ours) >= 4
    assert {each.daemon for each in ours} == {True}
