"""The server on a system that has nothing of POSIX alone: what Windows lacks is hidden.

It runs on this system all the same, so a branch for Windows that calls what only
Windows has is seen by its name alone.
"""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from emulator.serving import listeners
from tests.support.processes import (
    DEADLINE,
    ROOT,
    ServedEmulator,
    make_environment,
    read_first_line,
    run_python,
)

# Modules and names that Python has on POSIX alone (its library reference), and what a
# wheel is made for there alone.
MODULES = (
    *("fcntl", "grp", "posix", "pty", "pwd", "readline", "resource", "syslog"),
    *("termios", "tty", "uvloop"),
)
OF_OS = (
    *("chown", "chroot", "fchmod", "fchown", "fork", "forkpty", "geteuid", "getuid"),
    *("getpgid", "killpg", "memfd_create", "mkfifo", "posix_spawn", "register_at_fork"),
    *("sched_getaffinity", "setsid", "statvfs", "sysconf", "uname", "wait", "wait3"),
)
OF_SIGNAL = (
    *("SIGALRM", "SIGCHLD", "SIGHUP", "SIGKILL", "SIGPIPE", "SIGQUIT", "SIGUSR1"),
    *("SIGUSR2", "SIGCONT", "SIGSTOP", "alarm", "pthread_kill", "set_wakeup_fd"),
)
OF_SOCKET = (
    "AF_UNIX",
    "SO_REUSEPORT",
    "SCM_RIGHTS",
    "CMSG_LEN",
    "sendmsg",
    "socketpair",
)
OF_SELECT = ("poll", "epoll", "kqueue")

# What is not ours is loaded as this system's before anything is hidden.
HIDING = f"""
import asyncio, click, concurrent.futures, importlib.metadata, logging, multiprocessing
import os, select, selectors, signal, socket, sqlite3, ssl, subprocess, sys, tempfile
import email.message, http.client, platform, shutil, statistics, sysconfig
import urllib.request, uuid, webbrowser, zoneinfo
import anyio, cryptography, faker, httptools, jinja2, jsonschema, jsonschema_rs, jwt
import msgspec, orjson, starlette.applications, starlette.responses, trustme, uvicorn
import uvicorn.protocols.http.httptools_impl, yaml

for name in {MODULES!r}:
    sys.modules[name] = None
for name in {OF_OS!r}:
    vars(os).pop(name, None)
for name in {OF_SIGNAL!r}:
    if name != "set_wakeup_fd":
        vars(signal).pop(name, None)
for name in {OF_SELECT!r}:
    vars(select).pop(name, None)
selectors.PollSelector = selectors.EpollSelector = None
del selectors.PollSelector, selectors.EpollSelector
selectors.DefaultSelector = selectors.SelectSelector
asyncio.base_events.BaseEventLoop.add_signal_handler = None
socket.SO_EXCLUSIVEADDRUSE = socket.SO_REUSEADDR  # a stand-in for its own option
sys.platform = "win32"
"""
SERVING = "from emulator.command.main import main; main()"


@pytest.fixture(scope="module", params=["memory", "data"])
def served(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedEmulator]:
    """Serve over everything that there is, with what POSIX alone has hidden."""
    folder = tmp_path_factory.mktemp("elsewhere")
    ready, log = folder / "ready.json", folder / "stderr"
    flags = ["serve", "--port", "0", "--tls-port", "0", "--smpp-tls-port", "0"]
    flags += ["--ready-file", str(ready), "--tls-ca-file", str(folder / "ca.pem")]
    if request.param == "data":
        flags += ["--data", str(folder / "data")]
    with (
        log.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-c", HIDING + SERVING, *flags],
            cwd=ROOT,
            env=make_environment(),
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as process,
    ):
        try:
            line = read_first_line(process)
            assert line, log.read_text()
            facts = json.loads(ready.read_text())
            yield ServedEmulator(facts["http"], process, facts, line, log)
        finally:
            process.kill()


def test_what_is_hidden_is_here_and_not_there() -> None:
    """The list is of what this system has; what it has not was not hidden either."""
    said = run_python(
        HIDING + f"print([n for n in {OF_OS!r} if hasattr(os, n)], "
        f"[n for n in {OF_SIGNAL!r} if hasattr(signal, n)], sys.platform)"
    )

    assert said == "[] ['set_wakeup_fd'] win32"
    assert any(hasattr(os, each) for each in OF_OS)


def test_the_api_is_served_there(served: ServedEmulator) -> None:
    order = {"text": "a", "country": 1, "recipients": [{"cellphone": "4498987282"}]}

    assert served.ask("GET", "/api/v1/user").status == 200
    assert served.ask("POST", "/api/v3/campaign", json.dumps(order)).status == 200
    assert served.ask("GET", "/_emulator/readyz").body["connections"]["limit"] == 2_000
    assert served.ask("GET", "/").status == 200


def test_every_port_is_listened_on_there(served: ServedEmulator) -> None:
    for name in ("http", "https", "smpp", "smpps"):
        host, _, port = served.ready[name].rpartition("/")[2].rpartition(":")
        socket.create_connection((host, int(port)), DEADLINE).close()


def test_it_ends_in_silence_there(served: ServedEmulator) -> None:
    served.process.send_signal(signal.SIGTERM)

    assert served.process.wait(DEADLINE) == 0
    assert served.log.read_text() == ""
    assert not Path(served.log.parent, "ready.json").exists()


def test_several_processes_are_refused_there() -> None:
    code = HIDING + (
        "sys.argv = ['emulator', 'serve', '--processes', '2', '--port', '0']\n"
        "try:\n    from emulator.command.main import main; main()\n"
        "except SystemExit as ended:\n    print(ended.code)"
    )

    assert run_python(code) == "2"


def test_the_client_works_there() -> None:
    code = HIDING + (
        "from emulator.client import Emulator\n"
        "with Emulator.in_process() as own:\n    own.advance(seconds=1)\n"
        "print('well')"
    )

    assert run_python(code) == "well"


class Recorded(socket.socket):
    """A socket that notes which options it is given."""

    options: list[tuple[int, int]]

    def setsockopt(self, level: int, name: int, value: Any, *_rest: Any) -> None:
        self.options = [*getattr(self, "options", []), (level, name)]
        if name >= 0:
            super().setsockopt(level, name, value)


@pytest.mark.parametrize("option", [socket.SO_REUSEADDR, -5])
def test_a_port_is_nobody_elses_on_either_system(
    option: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On Windows, which alone has the other option, the first would give it away."""
    monkeypatch.setattr(socket, "socket", Recorded)
    if option < 0:
        monkeypatch.setattr(socket, "SO_EXCLUSIVEADDRUSE", option, raising=False)

    with listeners.open_listener("127.0.0.1", 0) as listener:
        assert isinstance(listener, Recorded)
        assert listener.options == [(socket.SOL_SOCKET, option)]
