"""Measure the names of ``emulator/``: ``python -m tools.names``.

It prints one row a figure and exits with 1 where one is above its bound in
``tools/names.toml``, with those that it counts. ``--list one-word`` prints all that a
row counts, by module.

A function is a function or a method, nested ones included; dunders do not count. It is
one word if no underscore stands inside its name. It is a participle if its last word
is: ends in -ed (but not in -eed), or is in the list of irregular ones, with or without
a prefix such as un- or re-. A name that reads as a predicate (``is_closed``) is none.
"""

import argparse
import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RULES = Path(__file__).with_suffix(".toml")
TRAILS = Path(__file__).with_name("trails.py")
TEXTS = frozenset({".css", ".html", ".js", ".py", ".yaml"})  # what is read by people
WORST = 12  # modules that a broken bound is shown with
LEAST = 4  # letters of a word that may be a participle


@dataclass(frozen=True, slots=True)
class Found:
    """One thing that a row counts, and the module in which it stands."""

    module: str
    name: str


@dataclass(frozen=True, slots=True)
class Row:
    """A figure: how many of how many, or without *of* how many."""

    key: str
    says: str
    found: tuple[Found, ...]
    of: int | None = None
    number: int | None = None  # where it is not how many were found

    @property
    def figure(self) -> float:
        """What is compared with the bound."""
        if self.number is not None:
            return self.number
        count = len(self.found)
        return count if self.of is None else 100 * count / max(self.of, 1)

    @property
    def text(self) -> str:
        return f"{self.figure:.0f}" if self.of is None else f"{self.figure:.1f} %"


@dataclass(frozen=True, slots=True)
class Rules:
    """What is counted as what, and the bounds."""

    bounds: Mapping[str, float]
    lines: int
    shared: Mapping[str, str]
    words: Mapping[str, frozenset[str]]
    aside: frozenset[str]


def read_rules(path: Path = RULES) -> Rules:
    table = tomllib.loads(path.read_text("utf-8"))
    return Rules(
        bounds=table["bounds"],
        lines=table["limits"]["lines"],
        shared=table["shared"],
        words={name: frozenset(words) for name, words in table["words"].items()},
        aside=frozenset(table["tests"]["aside"]),
    )


# --- Names ----------------------------------------------------------------------------


def split_words(name: str) -> list[str]:
    return [word.lower() for word in name.split("_") if word]


def is_one_word(name: str) -> bool:
    return len(split_words(name)) == 1


def is_participle(name: str, rules: Rules) -> bool:
    """Whether *name* ends in a participle and is no predicate."""
    *before, last = split_words(name) or [""]
    if not rules.words["predicates"].isdisjoint(before):
        return False
    if last.endswith("ed") and len(last) >= LEAST and last not in rules.words["plain"]:
        return not last.endswith("eed")
    irregular = rules.words["irregular"]
    stems = (last.removeprefix(prefix) for prefix in rules.words["prefixes"])
    return last in irregular or not irregular.isdisjoint(stems)


def find_functions(tree: ast.AST) -> Iterator[str]:
    """Yield the name of every function and method but the dunders."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            is_dunder = node.name.startswith("__") and node.name.endswith("__")
            if not is_dunder:
                yield node.name


def find_public(tree: ast.Module) -> Iterator[tuple[str, bool]]:
    """Yield each public top-level name once, and whether it is a variable."""
    names: dict[str, bool] = {}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names[node.name] = False
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            for each in (part for target in targets for part in ast.walk(target)):
                if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
                    names.setdefault(each.id, True)
    return ((name, kind) for name, kind in names.items() if not name.startswith("_"))


# --- Rows -----------------------------------------------------------------------------


def measure(tree: Path, rules: Rules) -> list[Row]:
    """Return the figures of the checkout in *tree* that can be read off its files."""
    package = tree / "emulator"
    sources = {
        str(path.relative_to(tree)): path.read_text("utf-8")
        for path in sorted(package.rglob("*"))
        if path.suffix in TEXTS
    }
    trees = {
        module: ast.parse(source)
        for module, source in sources.items()
        if module.endswith(".py")
    }
    functions = [
        Found(module, name)
        for module, parsed in trees.items()
        for name in find_functions(parsed)
        if name not in rules.words["foreign"]
    ]
    several, constants = _several(trees, rules)
    return [
        Row(
            "one-word",
            "functions with a one-word name",
            tuple(each for each in functions if is_one_word(each.name)),
            of=len(functions),
        ),
        Row(
            "participles",
            "functions that are participles",
            tuple(each for each in functions if is_participle(each.name, rules)),
            of=len(functions),
        ),
        _names("several-modules", "functions and classes in several modules", several),
        _names("several-constants", "constants in several modules", constants),
        _module_names(trees),
        Row("nobody", "lines with nobody-words", tuple(_nobodies(sources, rules))),
        Row(
            "long-modules",
            f"modules of more than {rules.lines} lines",
            tuple(_long(trees, sources, rules.lines)),
        ),
        Row(
            "test-helpers",
            "helper modules of tests",
            tuple(_helpers(tree / "tests", rules)),
        ),
    ]


def _several(
    trees: Mapping[str, ast.Module], rules: Rules
) -> tuple[list[Found], list[Found]]:
    """Return what is in several modules: functions and classes, and only constants."""
    modules: dict[str, list[str]] = defaultdict(list)
    variables: set[str] = set()
    others: dict[str, int] = Counter()
    for module, parsed in trees.items():
        for name, is_variable in find_public(parsed):
            modules[name].append(module)
            if is_variable:
                variables.add(name)
            else:
                others[name] += 1
    twice = [name for name in modules if len(modules[name]) > 1]
    more = [name for name in twice if others[name] > 1 and name not in rules.shared]
    constants = [name for name in twice if name in variables and others[name] <= 1]
    return (
        [Found(module, name) for name in more for module in modules[name]],
        [Found(module, name) for name in constants for module in modules[name]],
    )


def _names(key: str, says: str, found: Iterable[Found]) -> Row:
    """Return a row that counts names, not places."""
    every = tuple(found)
    return Row(key, says, every, number=len({each.name for each in every}))


def _module_names(trees: Mapping[str, ast.Module]) -> Row:
    """Return the row of the names that two modules or packages have."""
    names = [
        Found(str(path.parent if path.stem == "__init__" else path), _stem(path))
        for path in map(Path, trees)
    ]
    counts = Counter(each.name for each in names)
    twice = [each for each in names if counts[each.name] > 1]
    return _names("module-names", "module names used twice or more", twice)


def _stem(path: Path) -> str:
    return path.parent.name if path.stem == "__init__" else path.stem


def _nobodies(sources: Mapping[str, str], rules: Rules) -> Iterator[Found]:
    listed = "|".join(sorted(rules.words["nobody"]))
    words = re.compile(rf"\b({listed})\b", re.IGNORECASE)
    for module, source in sources.items():
        for number, line in enumerate(source.splitlines(), 1):
            if words.search(line):
                yield Found(module, f"{number}: {line.strip()}")


def _long(
    trees: Iterable[str], sources: Mapping[str, str], most: int
) -> Iterator[Found]:
    for module in trees:
        lines = len(sources[module].splitlines())
        if lines > most:
            yield Found(module, f"{lines} lines")


def _helpers(tests: Path, rules: Rules) -> Iterator[Found]:
    """Yield the modules of *tests* that hold no tests, but for pytest's own."""
    for path in sorted(tests.rglob("*.py")):
        inside = path.relative_to(tests)
        known = path.stem in {"conftest", "__init__"} or path.stem.startswith("test_")
        if not known and rules.aside.isdisjoint(inside.parts):
            yield Found(str(Path("tests") / inside.parent), inside.stem)


def measure_trails(tree: Path) -> list[Row]:
    """Return the figures of ``tools/trails.py``, which needs a process of its own."""
    ran = subprocess.run(
        [sys.executable, TRAILS, "--json"],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        stdout=subprocess.PIPE,
        check=False,
    )
    if ran.returncode:
        raise SystemExit(ran.returncode)
    trails: Mapping[str, Mapping[str, Any]] = json.loads(ran.stdout)
    return [row for name, trail in trails.items() for row in _trail(name, trail)]


def _trail(name: str, trail: Mapping[str, Any]) -> Iterator[Row]:
    calls: Mapping[str, int] = trail["files"]
    files = tuple(Found(file, f"{calls[file]} calls") for file in sorted(calls))
    yield Row(f"{name}-files", f"files on the way of a {name}", files)
    changes = Counter(trail["changes"])
    crossings = tuple(
        Found(change, f"{count} times") for change, count in changes.most_common()
    )
    yield Row(
        f"{name}-changes",
        f"changes of file on the way of a {name}",
        crossings,
        number=changes.total(),
    )


# --- What is printed ------------------------------------------------------------------


def complain(rows: Iterable[Row], rules: Rules) -> Iterator[str]:
    """Yield each row above its bound, with what it counts where there is most of it."""
    for row in rows:
        bound = rules.bounds.get(row.key)
        if bound is None or row.figure <= bound:
            continue
        yield f"{row.key}: {row.text} is above {bound:g}"
        listed = list(list_found(row))
        yield from listed[:WORST]
        if len(listed) > WORST:
            yield f"  ... {len(listed) - WORST} more: --list {row.key}"


def list_found(row: Row) -> Iterator[str]:
    """Yield what *row* counts by module, those with the most first."""
    by_module: dict[str, list[str]] = defaultdict(list)
    for each in row.found:
        by_module[each.module].append(each.name)
    for module, names in sorted(
        by_module.items(), key=lambda item: len(item[1]), reverse=True
    ):
        yield f"  {module}: {', '.join(names)}"


def list_idle(rows: Iterable[Row], tree: Path, rules: Rules) -> Iterator[str]:
    """Yield the shared names that stand in one module or in none, and idle bounds."""
    standing: Counter[str] = Counter()
    for path in (tree / "emulator").rglob("*.py"):
        standing.update(
            name
            for name, is_variable in find_public(ast.parse(path.read_text("utf-8")))
            if not is_variable
        )
    for name in rules.shared:
        if standing[name] <= 1:
            yield f"shared: {name} is not in several modules: take it off the list"
    for key in rules.bounds.keys() - {row.key for row in rows}:
        yield f"bounds: there is no row {key}"


def print_table(rows: Iterable[Row], rules: Rules) -> None:
    print(f"{'row':<18} {'figure':>8} {'bound':>6}  what")
    for row in rows:
        bound = rules.bounds.get(row.key)
        most = "" if bound is None else f"{bound:g}"
        mark = " " if bound is None or row.figure <= bound else "!"
        print(f"{row.key:<18} {row.text:>8} {most:>6}{mark} {row.says}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--list", metavar="ROW", help="print all that a row counts")
    parser.add_argument(
        "--tree", type=Path, default=ROOT, help="another checkout (default: this one)"
    )
    asked = parser.parse_args()
    rules = read_rules()
    rows = [*measure(asked.tree, rules), *measure_trails(asked.tree)]
    if asked.list:
        chosen = [row for row in rows if row.key == asked.list]
        if not chosen:
            parser.error(f"the rows are {', '.join(row.key for row in rows)}")
        print(*list_found(chosen[0]), sep="\n")
        return 0
    print_table(rows, rules)
    wrong = [*complain(rows, rules), *list_idle(rows, asked.tree, rules)]
    if wrong:
        print("", *wrong, sep="\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
