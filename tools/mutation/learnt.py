"""Which tests pass through which line, how long each takes, and which to try first."""

import ast
import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from tools.mutation.copies import copied
from tools.mutation.mutants import ROOT, Mutant
from tools.mutation.passages import NOTES
from tools.mutation.trial import Runner

LEARNT = ROOT / ".mutation.json"
STORIES = re.compile(r"def test_(\w+)\(scribe: Scribe\)")  # of tests/told
FILES = 6  # that have a word which is not rare any more
WORD = re.compile(r"\w+")
FIRST = 3.0  # seconds of tests in the first run of a change; each next takes four times
HEARS = """
import runpy
runpy.run_path(%r)["hear_children"]()
"""

Tests = dict[str, float]  # seconds, by name


class Learnt:
    """What ``learn`` wrote down."""

    def __init__(self, file: Path) -> None:
        known = json.loads(file.read_text("utf-8"))
        self.failed: list[str] = known["failed"]  # without any change: never asked
        self._seconds: Tests = known["seconds"]
        self._names = [*self._seconds]
        self.tests = {*self._names, *self.failed}
        self._sets = [int(each, 16) for each in known["sets"]]
        self._lines: dict[str, dict[int, int]] = {
            path: {int(line): index for line, index in lines.items()}
            for path, lines in known["lines"].items()
        }

    def pieces(self, mutant: Mutant) -> Iterator[Tests]:
        """Yield the tests to try, in growing parts, the likeliest first."""
        piece: Tests = {}
        most = FIRST
        for test in self._ordered(mutant):
            seconds = self._seconds[test]
            if piece and sum(piece.values()) + seconds > most:
                yield _by_file(piece)
                piece, most = {}, most * 4
            piece[test] = seconds
        if piece:
            yield _by_file(piece)

    def _ordered(self, mutant: Mutant) -> list[str]:
        """Order by how near a test passes, then one of each function, then by time.

        What is run at the import is told by no line: there it is all those first
        whose file shares a rare word with it.
        """
        found: dict[str, tuple[int, int, int, float]] = {}
        cases: Counter[str] = Counter()
        rare = self._rareness(mutant) if mutant.at_import else {}
        alike = [each for each in self._names if rare.get(_file(each), FILES) < FILES]
        rings = map(self._named, self._rings(mutant))
        for near, chosen in enumerate(chain([alike], rings)):
            names = (each for each in chosen if each not in found)
            for name in sorted(names, key=lambda each: self._seconds[each]):
                case = cases[_function(name)] = cases[_function(name)] + 1
                shared = rare.get(_file(name), sys.maxsize)
                found[name] = (shared, near, case, self._seconds[name])
        return sorted(found, key=lambda each: found[each])

    def _rareness(self, mutant: Mutant) -> Mapping[str, int]:
        """Return in how many files of tests a word of the changed lines is found.

        It is the rarest word of those that a file has.
        """
        text = (ROOT / mutant.path).read_text("utf-8").splitlines()
        changed = "\n".join(text[max(0, mutant.line - 2) : mutant.last])
        found: dict[str, int] = {}
        for word in {*WORD.findall(changed)}:
            files = [file for file, words in self._words.items() if word in words]
            for file in files:
                found[file] = min(len(files), found.get(file, len(files)))
        return found

    @cached_property
    def _words(self) -> Mapping[str, set[str]]:
        return {
            file: {*WORD.findall(_text(file))}
            for file in {_file(name) for name in self._names}
            if (ROOT / file).exists()
        }

    def _rings(self, mutant: Mutant) -> Iterator[int]:
        """Yield the tests that pass through the place, and through its function.

        What is run when the module is imported belongs to all who pass through the
        module, or through those that import it, and in the end to everybody.
        """
        lines = self._lines.get(mutant.path, {})
        own = self._through(lines, mutant.line, mutant.last)
        if not mutant.at_import:
            yield own
            yield self._through(lines, *mutant.within)
        if mutant.at_import or not own:
            yield self._through(lines, 1, sys.maxsize)
            for path in self._importers.get(_module(mutant.path), ()):
                yield self._through(self._lines.get(path, {}), 1, sys.maxsize)
            yield (1 << len(self._names)) - 1

    def _through(self, lines: Mapping[int, int], first: int, last: int) -> int:
        together = 0
        for index in {lines[each] for each in lines if first <= each <= last}:
            together |= self._sets[index]
        return together

    def _named(self, chosen: int) -> Iterator[str]:
        for index, name in enumerate(self._names):
            if chosen >> index & 1:
                yield name

    @cached_property
    def _importers(self) -> Mapping[str, list[str]]:
        """Return which files import a module, directly."""
        found: defaultdict[str, list[str]] = defaultdict(list)
        for file in sorted((ROOT / "emulator").rglob("*.py")):
            path = str(file.relative_to(ROOT))
            for node in ast.walk(ast.parse(file.read_text("utf-8"))):
                if isinstance(node, ast.ImportFrom) and node.module:
                    found[node.module].append(path)
                    for each in node.names:
                        found[f"{node.module}.{each.name}"].append(path)
        return found


def _text(file: str) -> str:
    """Return what stands in a file of tests, and in what it compares."""
    path = ROOT / file
    text = path.read_text("utf-8")
    kept = (
        path.parent / "transcripts" / f"{name}.txt" for name in STORIES.findall(text)
    )
    return "\n".join([text, *(each.read_text("utf-8") for each in kept)])


def _module(path: str) -> str:
    return path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")


def _file(test: str) -> str:
    return test.partition("::")[0]


def _function(test: str) -> str:
    return test.partition("[")[0]


def _by_file(piece: Tests) -> Tests:
    """Keep together what shares a module's fixtures, the first test's file first."""
    files = list(dict.fromkeys(_file(each) for each in piece))
    ordered = sorted(piece, key=lambda each: files.index(_file(each)))
    return {each: piece[each] for each in ordered}


def learn(
    file: Path, *, marker: str, tests_of: str = "", places: Sequence[str] = ()
) -> None:
    """Run all tests once, unchanged, and write down what they pass through.

    Of the tests of a commit, only those that today's do not have.
    """
    with tempfile.TemporaryDirectory(prefix="learn-") as folder:
        copy, notes = Path(folder, "copy").resolve(), Path(folder, "notes")
        copy.mkdir()
        notes.mkdir()
        copied(copy, tests_of)
        watch = copy / "tests" / "watch" / "sitecustomize.py"
        hears = HEARS % str(copy / "tools" / "mutation" / "passages.py")
        watch.write_text(watch.read_text("utf-8") + hears, "utf-8")
        words = ["-q", "-n", "2", "-p", "no:cacheprovider", "--timeout=600"]
        words += ["-o", "faulthandler_timeout=630"]
        plugin = ["-p", "tools.mutation.passages", "-m", marker, "--tb=short"]
        if tests_of:
            chosen = notes / "chosen"
            chosen.write_text("\n".join(_gone(copy, marker)), "utf-8")
            plugin.append(f"@{chosen}")
        plugin.extend(places)
        subprocess.run(
            [sys.executable, "-m", "pytest", *words, *plugin],
            cwd=copy,
            env=os.environ | {NOTES: str(notes), "PYTHONPATH": str(copy)},
            check=False,
        )
        file.write_text(json.dumps(_gathered(notes)), "utf-8")


def _gone(copy: Path, marker: str) -> list[str]:
    """Return the tests in *copy* that today's do not have."""
    today = Learnt(LEARNT).tests
    places = ("tests", "--continue-on-collection-errors")
    known = Runner(copy).run({}, places=places, marker=marker, only_collect=True)
    return [each for each in known.collected if each not in today]


def _gathered(notes: Path) -> Mapping[str, Any]:
    """Return what the notes of all workers and of what tests started say together."""
    seconds: Tests = {}
    failed: list[str] = []
    lines: defaultdict[str, set[str]] = defaultdict(set)  # tests, by "file:line"
    for note in sorted(notes.glob("*.tests")):
        for row in note.read_text("utf-8").splitlines():
            name, says, took, passed = row.split("\t")
            if says == "passed":
                seconds[name] = float(took)
                for line in passed.split():
                    lines[line].add(name)
            else:
                failed.append(name)
    in_file: defaultdict[str, set[str]] = defaultdict(set)
    for name in seconds:
        in_file[_file(name)].add(name)
    for note in sorted(notes.glob("*.child")):
        file, *met = note.read_text("utf-8").splitlines() or [""]
        for line in met:
            lines[line] |= in_file[file]
    return {"failed": sorted(failed), "seconds": seconds, **_packed(seconds, lines)}


def _packed(tests: Iterable[str], lines: Mapping[str, set[str]]) -> Mapping[str, Any]:
    """Write each set of tests once, as a number with a bit for each test."""
    bits = {name: 1 << index for index, name in enumerate(tests)}
    sets: dict[int, int] = {}
    by_file: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for place, names in lines.items():
        file, _, line = place.rpartition(":")
        together = sum(bits[each] for each in names)
        by_file[file][line] = sets.setdefault(together, len(sets))
    return {"sets": [f"{each:x}" for each in sets], "lines": by_file}
