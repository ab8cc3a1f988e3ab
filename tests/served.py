"""The program as a process of its own, on a free port of this machine."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any
from urllib.parse import urlsplit

from tests.emulated import Answer

ROOT = Path(__file__).parent.parent
DEADLINE = 60  # seconds; only a program that hangs comes near


@dataclass(frozen=True)
class Served:
    """A running emulator."""

    url: str  # http://127.0.0.1:41234
    process: subprocess.Popen[str]
    ready: Mapping[str, Any]  # what the ready file says
    announced: str  # the line that it printed when it was ready
    log: Path  # its stderr, until it ends

    @property
    def address(self) -> tuple[str, int]:
        parts = urlsplit(self.url)
        assert parts.hostname is not None
        assert parts.port is not None
        return parts.hostname, parts.port

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        token: str = "demo",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send one request with http.client, which sends an iterable in chunks."""
        connection = HTTPConnection(*self.address, timeout=DEADLINE)
        sent = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/json",
            **(headers or {}),
        }
        try:
            connection.request(method, path, body, sent)
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())
        finally:
            connection.close()

    def say(self, octets: bytes) -> bytes:
        """Send *octets* as they are and return all that comes back.

        The other side has to close: say ``Connection: close``.
        """
        with socket.create_connection(self.address, timeout=DEADLINE) as connection:
            connection.sendall(octets)
            return b"".join(iter(lambda: connection.recv(65536), b""))


@contextmanager
def serve(
    *flags: str, environment: Mapping[str, str] | None = None
) -> Iterator[Served]:
    """Run ``emulator serve`` with *flags* on a free port until the block ends.

    ``with serve("--strict") as served: served.ask("GET", "/api/v1/user")``.  Fails with
    what it wrote on stderr where it does not become ready.
    """
    with TemporaryDirectory() as folder:
        ready, log = Path(folder, "ready.json"), Path(folder, "stderr")
        command = (sys.executable, "-m", "emulator", "serve")
        with (
            log.open("w") as stderr,
            subprocess.Popen(
                (*command, "--port", "0", "--ready-file", str(ready), *flags),
                cwd=ROOT,
                env=clean_environment() | dict(environment or {}),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            ) as process,
        ):
            try:
                line = first_line(process)
                assert line, f"serve {' '.join(flags)}: {log.read_text()}"
                facts = json.loads(ready.read_text())
                yield Served(facts["http"], process, facts, line, log)
            finally:
                process.kill()


def run_python(code: str) -> str:
    """Run *code* in a fresh interpreter and return what it prints."""
    command = (sys.executable, "-c", code)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=clean_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    return done.stdout.strip()


def first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line on stdout; empty where the process ends or hangs."""
    assert process.stdout is not None
    alarm = Timer(DEADLINE, process.kill)
    alarm.start()
    try:
        return process.stdout.readline()
    finally:
        alarm.cancel()


def clean_environment() -> dict[str, str]:
    """Return this process's environment with one setting of the emulator.

    Tests run side by side, and SMPP's own port is one for all of them.
    """
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EMULATOR_")
    }
    return {**others, "EMULATOR_SMPP_PORT": "0"}
