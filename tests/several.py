"""Several processes side by side, and a balancer before them: real nginx."""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.command import started
from tests.served import DEADLINE, ROOT, first_line
from tests.tools import require_tool

DEPLOYED = ROOT / "deploy" / "nginx"
LISTENS = "listen 7672 "  # as nginx.conf has it

Address = tuple[str, int]


@contextmanager
def several(
    folder: Path, *flags: str, count: int = 3
) -> Iterator[tuple[Any, Mapping[str, Any]]]:
    """Serve in processes; yield the first of all and what the ready file says."""
    ready = folder / "ready.json"
    given = ("--processes", str(count), "--port", "0", "--ready-file", str(ready))
    with started("serve", *given, *flags) as process:
        line = first_line(process)
        assert line.startswith("Smsclouds V3, emulated, is ready in "), line
        yield process, json.loads(ready.read_text("utf-8"))


def address(url: str) -> Address:
    host, _, port = url.removeprefix("http://").rpartition(":")
    return host, int(port)


@dataclass(frozen=True)
class Balancer:
    """nginx as deploy/nginx has it, at another port and before other processes."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def lead_to(self, urls: list[str]) -> None:
        """Take *urls* for the processes from now on, for connections made from now."""
        before = self._workers()
        (self.folder / "processes.conf").write_text(listed(urls), "utf-8")
        self.process.send_signal(signal.SIGHUP)
        # Asked one by one: a list of children that is read while one of them ends may
        # leave out others.
        while any(Path(f"/proc/{each}").exists() for each in before):
            assert self.process.poll() is None

    def _workers(self) -> set[str]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        return set(children.split())


@contextmanager
def balancing(folder: Path, urls: list[str]) -> Iterator[Balancer]:
    """Run nginx before the processes at *urls*."""
    nginx = require_tool("nginx")
    home = folder / "nginx"
    shutil.copytree(DEPLOYED, home)
    text = (home / "nginx.conf").read_text("utf-8")
    (home / "processes.conf").write_text(listed(urls), "utf-8")
    port = free_port()
    for there, here in (("/tmp/", f"{home}/"), (LISTENS, f"listen 127.0.0.1:{port} ")):  # noqa: S108 - that it is not used
        assert there in text
        text = text.replace(there, here)
    (home / "nginx.conf").write_text(text, "utf-8")
    command = [str(nginx), "-p", str(home), "-c", "nginx.conf", "-g", "daemon off;"]
    with (
        (home / "stderr").open("w") as log,
        subprocess.Popen(command, stderr=log) as process,
    ):
        try:
            while not is_heard(("127.0.0.1", port)):
                assert process.poll() is None, (home / "stderr").read_text("utf-8")
            yield Balancer(f"http://127.0.0.1:{port}", home, process)
        finally:
            process.terminate()


def listed(urls: list[str]) -> str:
    """Return a processes.conf with *urls*, with what its lines say of each."""
    line = (DEPLOYED / "processes.conf").read_text("utf-8").splitlines()[-1]
    assert line.startswith("server 127.0.0.1:7704 ")
    return "".join(
        line.replace("127.0.0.1:7704", "{}:{}".format(*address(url))) + "\n"
        for url in urls
    )


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


def is_heard(place: Address) -> bool:
    """Return whether somebody listens there."""
    try:
        socket.create_connection(place, timeout=DEADLINE).close()
    except ConnectionRefusedError:
        return False
    return True
