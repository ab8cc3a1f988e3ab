"""What a commit waits for: by what SQLite is told, and by what the kernel is asked."""

import json
import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.store.database_file import DatabaseFile, Durability
from tests.support.orders import make_sms
from tests.support.processes import DEADLINE, require_tool, serve_emulator, skip_unable

ORDER = json.dumps(make_sms())
SENDS = 5
SYNC = re.compile(r"f(?:data)?sync\(\d+<[^>]*worlds\.sqlite-wal>")
ANSWER = re.compile(r"(?:write|writev|sendto|sendmsg)\(.*HTTP/1\.1 200")


@pytest.mark.parametrize(("durability", "level"), [("process", 1), ("power", 2)])
def test_sqlite_is_told_what_to_wait_for(
    tmp_path: Path, durability: Durability, level: int
) -> None:
    with closing(DatabaseFile(tmp_path, durability=durability)) as kept:
        connection: Any = kept._connection  # noqa: SLF001
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)


@contextmanager
def traced(pid: int, log: Path) -> Iterator[None]:
    """Write down what a process asks the kernel for, in its order."""
    calls = "trace=fsync,fdatasync,write,writev,sendto,sendmsg"
    command = [str(require_tool("strace")), "-f", "-y", "-s", "64", "-e", calls]
    with subprocess.Popen(
        [*command, "-o", str(log), "-p", str(pid)], stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        if "attached" not in line:
            skip_unable("strace", line.strip())
        try:
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(DEADLINE)


@pytest.mark.tools
@pytest.mark.parametrize("durability", ["process", "power"])
def test_the_disk_has_a_send_before_its_answer_leaves(
    tmp_path: Path, durability: str
) -> None:
    """By the order in which the kernel is asked: to sync the WAL, to send an answer."""
    log = tmp_path / "strace"
    flags = ("--data", str(tmp_path / "data"), "--durability", durability)
    with serve_emulator(*flags, "--clock", "frozen") as served:
        assert served.ask("POST", "/api/v3/campaign", ORDER).status == 200
        with traced(served.process.pid, log):
            for _ in range(SENDS):
                assert served.ask("POST", "/api/v3/campaign", ORDER).status == 200

    synced: list[int] = []  # how often before each answer
    count = 0
    for line in log.read_text().splitlines():
        if SYNC.search(line):
            count += 1
        elif ANSWER.search(line):
            synced.append(count)
            count = 0
    assert len(synced) == SENDS
    if durability == "power":
        assert all(synced)
    else:
        assert not any(synced)
