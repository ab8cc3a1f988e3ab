"""The command line in a process of its own: run to its end, or until it is ready."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from tests.served import DEADLINE, ROOT, clean_environment, first_line

EMULATOR = (sys.executable, "-m", "emulator")


def run(
    *arguments: str, environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        (*EMULATOR, *arguments),
        cwd=cwd,
        env=clean_environment() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )


def complaint(*arguments: str, cwd: Path = ROOT) -> str:
    """Run what cannot work and return the one sentence that it says."""
    done = run(*arguments, cwd=cwd)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.startswith("Error: ")
    return done.stderr.removeprefix("Error: ").strip()


@contextmanager
def started(
    *arguments: str, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[str]]:
    """Run the command with *arguments* and nothing else until the block ends.

    Where ``tests.served.serve`` adds a port and a ready file, this adds nothing.
    """
    with subprocess.Popen(
        (*EMULATOR, *arguments),
        cwd=ROOT,
        env=clean_environment() | dict(environment or {}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def announced_url(process: subprocess.Popen[str]) -> str:
    """Return the URL in the first line that the program prints."""
    return first_line(process).split()[-1]
