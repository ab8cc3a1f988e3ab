"""What the tests do not see: one small change of the code at a time, and who notices.

``python -m tools.mutation --seed 7 --count 170`` changes so many single places of
``emulator/``, drawn by the seed, each in a copy of the checkout, and runs the tests
that pass through the changed function, the quickest first.  A change that no test
notices survives: a test is missing, or the change changes nothing (``EQUIVALENT``).

Which tests pass through which function is learnt once, by ``--learn``.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from queue import SimpleQueue
from random import Random
from typing import NamedTuple

from tools.mutants import ROOT, Mutant, mutants

LEARNT = ROOT / ".mutation.json"  # seconds of each test, by function and test
EQUIVALENT = ROOT / "tools" / "equivalent_mutants.txt"
COPIED: tuple[str, ...] = (
    *("emulator", "tests", "tools", "bench", "examples", "deploy", "docs", "fixtures"),
    *("openapi.yaml", "pyproject.toml", "schemathesis.toml", "README.md"),
    *("CHANGELOG.md", "Makefile", "Dockerfile", "LICENSE", "ARCHITECTURE.md"),
    *("CONTRIBUTING.md", "requirements.lock", "image.lock", ".dockerignore"),
)
FIRST = 40.0  # seconds of tests that are tried first, together
HANGS = 60  # seconds that one test may take under a change
COLLECTED = 400  # tests of one run at most


class Verdict(NamedTuple):
    mutant: Mutant
    killed_by: str  # a test, or nothing where it survives
    hung: bool


def sample(seed: int, count: int) -> list[Mutant]:
    """Draw changes, each file as often as it has lines of code that do something."""
    known = {line.split()[0] for line in _equivalents()}
    drawn = Random(seed).sample(mutants(), count * 2)
    return [each for each in drawn if each.mark not in known][:count]


def _equivalents() -> list[str]:
    """Return the lines of the list of changes that change nothing."""
    if not EQUIVALENT.exists():
        return []
    return [line for line in EQUIVALENT.read_text("utf-8").splitlines() if line.strip()]


class Learnt:
    """Which tests pass through which function, and how long each takes."""

    def __init__(self) -> None:
        known = json.loads(LEARNT.read_text("utf-8"))
        self._seconds: dict[str, float] = known["seconds"]
        self._through: dict[str, list[str]] = known["through"]
        self._of_file: dict[str, set[str]] = {}
        for name, tests in self._through.items():
            self._of_file.setdefault(name.partition("::")[0], set()).update(tests)

    def tests(self, mutant: Mutant) -> list[str]:
        """Return the tests to try, the quickest first; those of the file come last."""
        own = self._through.get(f"{mutant.path}::{mutant.function}", [])
        named = Path(mutant.path).stem
        others = self._of_file.get(mutant.path, set()) - set(own)
        others |= {each for each in self._seconds if named in each.partition("::")[0]}
        return [
            *sorted(own, key=self._by_seconds),
            *sorted(others - set(own), key=self._by_seconds),
        ]

    def _by_seconds(self, test: str) -> tuple[float, str]:
        return self._seconds.get(test, 1.0), test

    def runs(self, mutant: Mutant, *, most: float) -> Iterator[list[str]]:
        """Yield what is run together: a quick part, then the rest within bounds."""
        part: list[str] = []
        spent = total = 0.0
        for test in self.tests(mutant):
            seconds = self._seconds.get(test, 1.0)
            if total + seconds > most:
                break
            part.append(test)
            spent, total = spent + seconds, total + seconds
            if spent > FIRST or len(part) == COLLECTED:
                yield part
                part, spent = [], 0.0
        if part:
            yield part


def judged(mutant: Mutant, learnt: Learnt, copy: Path, *, most: float) -> Verdict:
    """Return who notices *mutant* in a *copy* of the checkout."""
    file = copy / mutant.path
    text = file.read_text("utf-8")
    try:
        file.write_text(text[: mutant.start] + mutant.new + text[mutant.end :], "utf-8")
        for tests in learnt.runs(mutant, most=most):
            said = _run(copy, tests)
            if said is not None:
                return Verdict(mutant, said, "Timeout" in said)
        return Verdict(mutant, "", hung=False)
    finally:
        file.write_text(text, "utf-8")


def _run(copy: Path, tests: Sequence[str]) -> str | None:
    """Return the first test that fails, or None."""
    listed = copy / "chosen.txt"
    listed.write_text("\n".join(tests), "utf-8")
    quick = ("-q", "-x", "-n", "0", "-p", "no:cacheprovider", f"--timeout={HANGS}")
    command = [sys.executable, "-m", "pytest", *quick, "--no-header", "--tb=line"]
    try:
        done = subprocess.run(
            [*command, "-m", "not soak", f"@{listed}"],
            cwd=copy, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False, timeout=HANGS * 10,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return "Timeout of the whole run"
    if done.returncode == 0:
        return None
    failed = [
        line
        for line in done.stdout.splitlines()
        if line.startswith(("FAILED", "ERROR")) or "Timeout (>" in line
    ]
    return " ".join(failed)[:300] or f"exit {done.returncode}: {done.stdout[-200:]}"


def copied(into: Path) -> Path:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            leave = shutil.ignore_patterns("node_modules", "__pycache__")
            shutil.copytree(source, into / name, ignore=leave)
        elif source.exists():
            shutil.copy(source, into / name)
    subprocess.run(["git", "init", "-q"], cwd=into, check=True)
    return into


def verdicts(drawn: Iterable[Mutant], workers: int, most: float) -> Iterator[Verdict]:
    learnt = Learnt()
    with tempfile.TemporaryDirectory() as folder:
        copies: SimpleQueue[Path] = SimpleQueue()
        for number in range(workers):
            place = Path(folder, str(number))
            place.mkdir()
            copies.put(copied(place))

        def judge(mutant: Mutant) -> Verdict:
            copy = copies.get()
            try:
                return judged(mutant, learnt, copy, most=most)
            finally:
                copies.put(copy)

        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(judge, drawn)


def learn(arguments: Sequence[str]) -> None:
    """Run the tests once and write down which of them pass through which function."""
    plugin = ("-p", "tools.passages", "-m", "not soak and not tools")
    command = [sys.executable, "-m", "pytest", "-q", "-n", "2", *plugin, *arguments]
    subprocess.run(command, cwd=ROOT, check=False)


def main() -> None:
    parser = ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--count", type=int, default=170)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--most", type=float, default=240, help="seconds of tests each")
    parser.add_argument("--learn", action="store_true")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--again", type=Path, help="a file of --out: its survivors")
    chosen: Namespace = parser.parse_args()
    if chosen.learn:
        learn(())
        return
    drawn = sample(chosen.seed, chosen.count)
    if chosen.again:
        lines = map(json.loads, chosen.again.read_text("utf-8").splitlines())
        survived = {line["mark"] for line in lines if not line["killed_by"]}
        drawn = [each for each in mutants() if each.mark in survived]
    done: list[Verdict] = []
    for each in verdicts(drawn, chosen.workers, chosen.most):
        done.append(each)
        if chosen.out:
            row = {"mark": each.mutant.mark, **asdict(each.mutant)}
            row |= {"killed_by": each.killed_by, "hung": each.hung}
            with chosen.out.open("a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")
        if not each.killed_by:
            print(f"survives  {each.mutant.mark}  {each.mutant}", flush=True)
    killed = sum(bool(each.killed_by) for each in done)
    hung = sum(each.hung for each in done)
    print(
        f"{killed} of {len(done)} killed, {killed / len(done):.1%}, {hung} by a "
        f"time-out; known to change nothing: {len(_equivalents())}"
    )


if __name__ == "__main__":
    main()
