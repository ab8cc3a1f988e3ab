"""Copies of the checkout: what git knows, as it lies in the working tree."""

import io
import os
import shutil
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatch
from pathlib import Path

from tools.mutation.mutants import ROOT, Mutant

NEXT = 4_000_000_000  # a time stamp that no file has: bytecode of before is not used


def copied(into: Path, tests_of: str = "") -> Path:
    """Copy what ``git ls-files`` lists.

    *tests_of* puts the tests of a commit in the place of today's; what they share (the
    helpers, the fixtures) stays today's, as they are to run against today's code.
    """
    listed = _git(ROOT, "ls-files", "-z").decode().split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (into / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, into / name)
    if tests_of:
        archive = _git(ROOT, "archive", tests_of, "tests")
        with tarfile.open(fileobj=io.BytesIO(archive)) as file:
            for each in file.getmembers():
                if fnmatch(each.name, "*/test_*.py"):
                    file.extract(each, into, filter="data")
    (into / ".venv").symlink_to(ROOT / ".venv")
    _git(into, "init", "-q")
    _git(into, "add", "-A")
    return into


def _git(place: Path, *words: str) -> bytes:
    done = subprocess.run(["git", *words], cwd=place, check=True, capture_output=True)
    return done.stdout


@contextmanager
def changed(copy: Path, mutant: Mutant) -> Iterator[None]:
    """Have *mutant* in *copy* for a while.

    Python tells bytecode that is out of date by seconds and size, and two changes of
    one place may share both: each has a time of its own.
    """
    global NEXT  # noqa: PLW0603 - one count for the process
    file = copy / mutant.path
    text, before = file.read_text("utf-8"), file.stat()
    try:
        file.write_text(text[: mutant.start] + mutant.new + text[mutant.end :], "utf-8")
        NEXT += 1
        os.utime(file, (NEXT, NEXT))
        yield
    finally:
        file.write_text(text, "utf-8")
        os.utime(file, (before.st_atime, before.st_mtime))
