"""One process beside two behind nginx, under the load of wrk, which costs little."""

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
DEPLOYED = ROOT / "deploy" / "nginx"
SCRIPT = Path(__file__).with_name("scale.lua")
CONNECTIONS = 128
DONE = re.compile(
    r"^ +(\d+) requests in .*\n(?:.*\n)*?Requests/sec: +([0-9.]+)", re.MULTILINE
)
TICKS = os.sysconf("SC_CLK_TCK")


class Load(NamedTuple):
    per_second: float
    cpu: float  # seconds a request, of all the processes together


def loaded(place: tuple[str, int], pids: list[int], seconds: float) -> Load:
    """Load *place* for a while and say what it did, and what that cost the *pids*."""
    command = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds:.0f}s", "-s", str(SCRIPT)]
    before = sum(map(_cpu, pids))
    url = "http://{}:{}".format(*place)
    said = subprocess.run([*command, url], capture_output=True, text=True, check=True)
    spent = sum(map(_cpu, pids)) - before
    found = DONE.search(said.stdout)
    if not found or "Non-2xx" in said.stdout:
        sys.exit(f"wrk: {said.stdout}")
    return Load(float(found[2]), spent / int(found[1]))


@contextmanager
def balancing(ports: list[int]) -> Iterator[tuple[str, int]]:
    """Run nginx, as deploy/nginx has it, before processes of this machine."""
    with TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as free:
        home, port = Path(folder) / "nginx", free.getsockname()[1]
        free.close()
        shutil.copytree(DEPLOYED, home)
        text = (home / "nginx.conf").read_text("utf-8")
        workers = f"worker_processes {max(1, len(ports) // 2)}"
        text = text.replace("worker_processes 2", workers)  # the rule that it states
        text = text.replace("listen 7672", f"listen 127.0.0.1:{port}")
        text = text.replace(" /tmp/", f" {home}/")
        (home / "nginx.conf").write_text(text, "utf-8")
        lines = (f"server 127.0.0.1:{each} max_fails=0;\n" for each in ports)
        (home / "processes.conf").write_text("".join(lines), "utf-8")
        path = f"{os.environ.get('PATH', '')}:/usr/sbin"
        command = [shutil.which("nginx", path=path) or "nginx", "-p", str(home)]
        with subprocess.Popen(
            [*command, "-c", "nginx.conf", "-g", "daemon off;"]
        ) as it:
            try:
                while not _is_heard(port):
                    if it.poll() is not None:
                        sys.exit("nginx did not start")
                yield "127.0.0.1", port
            finally:
                it.terminate()


def missing() -> list[str]:
    """Return which programs of others it lacks."""
    path = f"{os.environ.get('PATH', '')}:/usr/sbin"
    return [each for each in ("nginx", "wrk") if not shutil.which(each, path=path)]


def _cpu(pid: int) -> float:
    """Return the seconds of processor that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def _is_heard(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True
