"""Processes that tests start: the emulator, its commands, programs of other people.

``serve_emulator`` runs ``emulator serve`` on a free port, ``run_command`` any command
to its end, ``serve_processes`` several processes side by side.  ``require_tool`` says
where a program of other people is, or how to get it.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Timer
from typing import Any, NoReturn
from urllib.parse import urlsplit

import pytest

from emulator.client import Emulator
from tests.support.emulator import Answer
from tests.support.orders import NUMBER, SMS, make_sms
from tests.support.smpp import pack_bind

ROOT = Path(__file__).parents[2]
DEADLINE = 60  # seconds; only a program that hangs comes near
COMMAND = (sys.executable, "-m", "emulator")
Address = tuple[str, int]


@dataclass(frozen=True)
class ServedEmulator:
    """A running emulator."""

    url: str  # http://127.0.0.1:41234
    process: subprocess.Popen[str]
    ready: Mapping[str, Any]  # what the ready file says
    announced: str  # the line that it printed when it was ready
    log: Path  # its stderr, until it ends

    @property
    def address(self) -> Address:
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
def serve_emulator(
    *flags: str, environment: Mapping[str, str] | None = None
) -> Iterator[ServedEmulator]:
    """Run ``emulator serve`` with *flags* on a free port until the block ends.

    ``with serve("--strict") as served: served.ask("GET", "/api/v1/user")``.  Fails with
    what it wrote on stderr where it does not become ready.
    """
    with TemporaryDirectory() as folder:
        ready, log = Path(folder, "ready.json"), Path(folder, "stderr")
        with (
            log.open("w") as stderr,
            subprocess.Popen(
                (*COMMAND, "serve", "--port", "0", "--ready-file", str(ready), *flags),
                cwd=ROOT,
                env=make_environment() | dict(environment or {}),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            ) as process,
        ):
            try:
                line = read_first_line(process)
                assert line, f"serve {' '.join(flags)}: {log.read_text()}"
                facts = json.loads(ready.read_text())
                yield ServedEmulator(facts["http"], process, facts, line, log)
            finally:
                process.kill()


def run_python(code: str) -> str:
    """Run *code* in a fresh interpreter and return what it prints."""
    command = (sys.executable, "-c", code)
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=make_environment(),
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=True,
    )
    return done.stdout.strip()


def read_first_line(process: subprocess.Popen[str]) -> str:
    """Return the first line on stdout; empty where the process ends or hangs."""
    assert process.stdout is not None
    alarm = Timer(DEADLINE, process.kill)
    alarm.start()
    try:
        return process.stdout.readline()
    finally:
        alarm.cancel()


def make_environment() -> dict[str, str]:
    """Return this process's environment with one setting of the emulator.

    Tests run side by side, and SMPP's own port is one for all of them.
    """
    others = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("EMULATOR_")
    }
    return {**others, "EMULATOR_SMPP_PORT": "0"}


def run_command(
    *arguments: str, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        (*COMMAND, *arguments),
        cwd=cwd,
        env=make_environment() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def read_complaint(*arguments: str, cwd: Path = ROOT) -> str:
    """Run what cannot work and return the one sentence that it says."""
    done = run_command(*arguments, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("Error: ")
    return done.stderr.removeprefix("Error: ").strip()


@contextmanager
def start_command(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run the command with *arguments* and nothing else until the block ends.

    Where ``serve_emulator`` adds a port and a ready file, this adds nothing.
    """
    with subprocess.Popen(
        (*COMMAND, *arguments),
        cwd=ROOT,
        env=make_environment() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def read_url(process: subprocess.Popen[str]) -> str:
    """Return the URL in the first line that the program prints."""
    return read_first_line(process).split()[-1]


@contextmanager
def serve_processes(
    folder: Path, *flags: str, count: int = 3
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Serve in processes; yield the first of all and what the ready file says."""
    ready = folder / "ready.json"
    given = ("--processes", str(count), "--port", "0", "--ready-file", str(ready))
    with start_command("serve", *given, *flags) as process:
        line = read_first_line(process)
        assert line.startswith("Smsclouds V3, emulated, is ready in "), line
        yield process, json.loads(ready.read_text("utf-8"))


def split_address(url: str) -> Address:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


def is_heard(place: Address) -> bool:
    """Return whether something listens there."""
    try:
        socket.create_connection(place, timeout=DEADLINE).close()
    except ConnectionRefusedError:
        return False
    return True


@contextmanager
def keep_busy(
    http: Address, smpp: Address, *, ours: Address = ("127.0.0.1", 0), seen_as: str = ""
) -> Iterator[None]:
    """Keep a stream, a bound client of SMPP and a push open until the block ends.

    The push hangs at a server on *ours*, which the emulator reaches as *seen_as*.
    """
    with ExitStack() as stack:
        receiver = stack.enter_context(socket.create_server(ours))
        receiver.settimeout(DEADLINE)
        port = receiver.getsockname()[1]
        url = f"http://{seen_as or '127.0.0.1'}:{port}/mo"
        with Emulator(f"http://{http[0]}:{http[1]}") as emulator:
            emulator.change_account(
                push_url=url, push_retries="backoff", pace="instant"
            )
            placed = emulator.request("POST", SMS, json=make_sms())
            assert placed.status == 200, placed.text
            emulator.phone(NUMBER).reply("hola")
        connection = HTTPConnection(*http, timeout=DEADLINE)
        stack.callback(connection.close)
        connection.request("GET", "/_emulator/events")
        assert connection.getresponse().status == 200
        push, _ = receiver.accept()
        stack.enter_context(push)
        push.settimeout(DEADLINE)
        assert push.recv(4) == b"GET "
        client = stack.enter_context(socket.create_connection(smpp, timeout=DEADLINE))
        client.sendall(pack_bind())
        assert client.recv(16)[4:12] == b"\x80\0\0\x09\0\0\0\0"
        yield


# --- Programs of other people --------------------------------------------------

PACKAGES = ROOT / "tests" / "contract_tools" / "node_modules"
SYSTEM = "/usr/sbin"  # of servers, which is not on every PATH
PLACES = (Path(sys.executable).parent, PACKAGES / ".bin")

NPM = "npm ci --prefix tests/contract_tools --ignore-scripts"
PIP = "pip install -r tests/contract_tools/requirements.txt"
DEV = "make setup"

# What to type for a program, a file or an ability that a test needs.
INSTALL: Mapping[str, str] = {
    "bash": "apt install bash",
    "chromium": "apt install chromium",
    "curl": "apt install curl",
    "hadolint": NPM,
    "faketime": "apt install faketime",
    "java": "apt install default-jdk-headless",
    "javac": "apt install default-jdk-headless",
    "lighthouse": NPM,
    "nginx": "apt install nginx-light",
    "node": "apt install nodejs",
    "openapi-generator-cli": f"apt install default-jdk-headless && {NPM}",
    "openapi-typescript": NPM,
    "php": "apt install php-cli",
    "php-curl": "apt install php-curl",
    "podman": "apt install podman runc netavark aardvark-dns uidmap mmdebstrap",
    "prism": NPM,
    "redocly": NPM,
    "spectral": NPM,
    "tsc": NPM,
    "strace": "apt install strace",
    "tshark": "apt install tshark",
    "axe-core": NPM,
    "smpp of npm": NPM,
    "gson.jar": "apt install libgoogle-gson-java",
    "junit-platform-console-standalone.jar": "apt install junit5",
    "okhttp.jar": "apt install libokhttp-java",
    "okio.jar": "apt install libokhttp-java",
    "kotlin-stdlib.jar": "apt install libokhttp-java",
    "phpunit": "apt install phpunit",
    "mcs": "apt install mono-mcs libmono-system-net-http4.0-cil",
    "nunit-console": "apt install nunit-console",
    "Newtonsoft.Json.dll": "apt install libnewtonsoft-json5.0-cil",
    "nunit.framework.dll": "apt install libnunit-framework2.6.3-cil",
    "check-jsonschema": PIP,
    "cyclonedx-py": PIP,
    "openapi-python-client": PIP,
    "openapi-spec-validator": DEV,
    "pipx": PIP,
    "podman-compose": PIP,
    "uvx": PIP,
    "IPv6": "sysctl net.ipv6.conf.lo.disable_ipv6=0",
    "/proc": "a Linux machine: the memory of a process is read there",
}


def require_tool(name: str) -> Path:
    """Return where the program ``name`` is.

    Skips the test when it is nowhere; fails it where ``EMULATOR_REQUIRE_TOOLS=1``
    says that every program should be there.
    """
    path = os.pathsep.join([*map(str, PLACES), os.environ.get("PATH", ""), SYSTEM])
    found = shutil.which(name, path=path)
    return Path(found) if found else skip_missing(name)


def require_file(name: Path) -> Path:
    """Return where a file of the npm packages is; see ``require_tool``."""
    path = PACKAGES / name
    return path if path.is_file() else skip_missing(name.parts[0])


def skip_missing(name: str) -> NoReturn:
    """Skip the test, or fail it, for want of ``name``; see ``require_tool``."""
    reason = f"{name} is missing: {INSTALL[name]}"
    if os.environ.get("EMULATOR_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def skip_unable(name: str, why: str) -> NoReturn:
    """Skip the test where ``name`` is there, and does not work on this machine."""
    pytest.skip(f"{name} does not work here ({why}): {INSTALL[name]}")


def describe_skips(reasons: Mapping[str, int]) -> list[str]:
    """Return a line for each reason why tests were skipped, the most first."""
    ordered = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return [
        f"{count} test{'s' if count > 1 else ''} not run: {reason}"
        for reason, count in ordered
    ]
