"""Random hostile requests against a served process: for 15 minutes by `make soak`."""

import json
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import quantiles
from threading import Thread
from time import monotonic
from typing import Any

import pytest

from tests.support.processes import (
    DEADLINE,
    ROOT,
    ServedEmulator,
    make_environment,
    serve_emulator,
)

MEMORY = 2 * 1024**3  # bytes of address space that the process may have
SECONDS = 900
GROWTH = 1.25  # times the memory of the first half, in the second
SLOWEST = 0.1  # seconds, for 99 of 100 other requests
PAUSE = 0.05  # seconds between them


def resident(process: int) -> int:
    """Return the bytes of memory that a process has now."""
    pages = int(Path(f"/proc/{process}/statm").read_text().split()[1])
    return pages * resource.getpagesize()


@contextmanager
def attacking(
    served: ServedEmulator, count: int, *flags: str
) -> Iterator[list[subprocess.Popen[str]]]:
    """Start so many attackers; they end by themselves."""
    smpp = str(served.ready["smpp"])
    command = (sys.executable, "-m", "tools.hostile", served.url, "--smpp", smpp)
    running = [
        subprocess.Popen(
            (*command, "--seed", str(seed), *flags),
            cwd=ROOT,
            env=make_environment(),
            stdout=subprocess.PIPE,
            text=True,
        )
        for seed in range(1, count + 1)
    ]
    try:
        yield running
    finally:
        for each in running:
            each.kill()
            each.communicate()


def ended(attacker: subprocess.Popen[str], pause: float) -> bool:
    try:
        attacker.wait(pause)
    except subprocess.TimeoutExpired:
        return False
    return True


@dataclass
class Siege:
    """What a server and its other clients went through."""

    failures: list[str]
    times: list[float]  # of the other clients' requests, in seconds
    sizes: list[int]  # of the server's memory, in bytes
    exit_code: int
    log: str


def besiege(data: Path, attackers: int, *flags: str) -> Siege:
    """Serve, attack, ask meanwhile as another client would, and end the server."""
    with serve_emulator("--data", str(data)) as served:
        resource.prlimit(served.process.pid, resource.RLIMIT_AS, (MEMORY, MEMORY))
        siege = Siege([], [], [], 0, "")
        with attacking(served, attackers, *flags) as running:
            for each in running:
                while not ended(each, PAUSE):
                    before = monotonic()
                    answer = served.ask("GET", "/api/v1/user", token="world-calm")
                    siege.times.append(monotonic() - before)
                    siege.sizes.append(resident(served.process.pid))
                    assert answer.status == 200, answer.body
            for each in running:
                assert each.stdout is not None
                found = json.loads(each.stdout.read())
                assert sum(found["attacks"].values())
                siege.failures += found["failures"]
        served.process.send_signal(signal.SIGTERM)
        siege.exit_code = served.process.wait(DEADLINE)
        siege.log = served.log.read_text()
    return siege


def test_hostile_requests_stop_neither_the_server_nor_other_clients(
    tmp_path: Path,
) -> None:
    siege = besiege(tmp_path / "data", 1, "--count", "150")

    assert siege.failures == []
    assert siege.times
    assert siege.exit_code == 0, siege.log
    assert "Traceback" not in siege.log


@pytest.mark.soak
def test_hostile_requests_for_a_quarter_of_an_hour(tmp_path: Path) -> None:
    siege = besiege(tmp_path / "data", 2, "--seconds", str(SECONDS))

    half = len(siege.sizes) // 2
    first, second = max(siege.sizes[:half]), max(siege.sizes[half:])
    slow = quantiles(siege.times, n=100)[98]
    sys.stderr.write(
        f"{len(siege.times)} other requests, p99 {slow * 1000:.0f} ms; "
        f"memory {first >> 20} MiB, then {second >> 20} MiB at most\n"
    )
    assert siege.failures == [], siege.log[-20_000:]
    assert siege.exit_code == 0, siege.log
    assert "Traceback" not in siege.log
    assert second < GROWTH * first
    assert slow < SLOWEST


class Failing(BaseHTTPRequestHandler):
    """A server that fails at each request."""

    def parse_request(self) -> bool:
        if super().parse_request():
            self.send_error(500)
        return False  # it is answered

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


def test_an_attacker_tells_of_failures_and_of_a_server_that_has_gone() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Failing)
    Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    command = (sys.executable, "-m", "tools.hostile", url, "--count", "20")

    failed = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, timeout=DEADLINE
    )
    server.shutdown()
    server.server_close()
    gone = subprocess.run(
        command, cwd=ROOT, check=False, capture_output=True, timeout=DEADLINE
    )

    assert failed.returncode == gone.returncode == 1
    assert any(
        each.startswith("500 for") for each in json.loads(failed.stdout)["failures"]
    )
    assert "the server has gone" in json.loads(gone.stdout)["failures"][0]
