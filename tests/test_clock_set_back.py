"""The machine's clock is set back under a process that serves: its worlds go on."""

from datetime import datetime
from pathlib import Path

import pytest

from tests.support.processes import (
    ServedEmulator,
    require_tool,
    serve_emulator,
    skip_missing,
)

pytestmark = pytest.mark.tools

LIBRARIES = Path("/usr/lib")
HOURS = 8


def find_faketime() -> Path:
    """Return the library that tells a program another time."""
    require_tool("faketime")
    found = sorted(LIBRARIES.glob("*/faketime/libfaketime.so.1"))
    return found[0] if found else skip_missing("faketime")


def time_in(served: ServedEmulator, clock: str) -> datetime:
    """Return the time of a world."""
    said = served.ask("GET", "/_emulator/clock", token=f"world-{clock}").body["now"]
    return datetime.fromisoformat(said)


def goes_on(served: ServedEmulator, clock: str, since: datetime) -> datetime:
    """Return a later time of a world; what stands for hours hits the time limit."""
    while (now := time_in(served, clock)) <= since:
        pass
    return now


def test_worlds_go_on_while_the_machine_is_set_back(tmp_path: Path) -> None:
    told = tmp_path / "faketimerc"
    told.write_text("+0")
    environment = {
        "LD_PRELOAD": str(find_faketime()),
        "FAKETIME_TIMESTAMP_FILE": str(told),
        "FAKETIME_NO_CACHE": "1",
        "DONT_FAKE_MONOTONIC": "1",
    }
    with serve_emulator(
        "--data", str(tmp_path / "data"), environment=environment
    ) as served:
        served.ask("PUT", "/_emulator/clock", '{"rate": 60}', token="world-fast")
        before = {name: time_in(served, name) for name in ("real", "fast")}

        told.write_text(f"-{HOURS}h")

        for name, at in before.items():
            assert goes_on(served, name, goes_on(served, name, at)) > at
