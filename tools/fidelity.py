"""Write the generated parts of docs/fidelity.md, or check that they are true.

``python tools/fidelity.py`` rewrites them; with ``--check`` nothing is written, every
promise that is not kept is named, and the exit code is 1 if there is one.

The ledger (docs/ledger.yaml) says what was promised, the switches
(emulator/domain/assumptions.py) what can be chosen, the contract (openapi.yaml) what
it leans on, and the tests' markers, ``@pytest.mark.manual("SMS-02")``, what is shown.
Tests are read, never imported.
"""

import argparse
import ast
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

# So that the package need not be installed.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from emulator.domain.assumptions import SWITCHES, Switch

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "fidelity.md"
LEDGER = ROOT / "docs" / "ledger.yaml"
CONTRACT = ROOT / "openapi.yaml"
TESTS = ROOT / "tests"

MARKS = ("explicit", "implied", "guess")
STATES = ("implemented", "later", "context")
CHAPTERS: Mapping[str, str] = {
    "GEN": "General conventions",
    "AUT": "Tokens",
    "USR": "User: `GET`, `HEAD /api/v1/user`",
    "ERR": "Errors",
    "CAT": "Catalogue: `GET /api/v3/user/routes`, `GET /api/v3/user/countries`",
    "SMS": "SMS campaign: `POST /api/v3/campaign`",
    "DLR": "Delivery: `GET /api/v3/campaign/{id}/messages`",
    "MO": "Replies by poll: `POST /api/v3/responses`",
    "MOP": "Replies by push",
    "EML": "Email: `POST /api/v1/email`",
    "VOI": "Voice: `POST /api/v3/voice`, its status and its cancel",
    "KEY": "Keywords",
    "HLR": "HLR look-up: `GET /api/v3/hlr/{number}`",
    "SMP": "SMPP",
    "CLC": "SMS CLIC: `POST /api/v3/smsclic/campaign`",
    "WEB": "Pages of the account",
    "GLO": "Glossary",
    "LOST": "What the manual's text lost",
}

UNTESTED = {"implemented": "**none**", "later": "later", "context": "nothing to test"}
SHOWN = 3  # tests named in a row of the table
IDLE = frozenset(
    {"skip", "xfail", "soak"}
)  # marks of tests that `make test` leaves out
BRANCHES = (ast.If, ast.Try, ast.With)  # what may stand around a test in a file

_ID = re.compile(r"([A-Z]{2,4})-[0-9]{2}")
_GENERATED = re.compile(
    r"(?P<start><!-- generated: (?P<name>\w+) -->\n).*?(?P<end><!-- /generated -->)",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Item:
    """One statement of the ledger; the fields are explained in docs/ledger.yaml."""

    id: str
    mark: str
    says: str
    does: str
    state: str
    where: str = ""
    modes_differ: bool = False


@dataclass(frozen=True, slots=True)
class Marks:
    """What the pytest marks of a test, its class and its module come to."""

    ids: frozenset[str] = frozenset()
    idle: bool = False  # skipped, expected to fail, or left to `make soak`

    def __or__(self, other: "Marks") -> "Marks":
        return Marks(self.ids | other.ids, self.idle or other.idle)


@dataclass(frozen=True, slots=True)
class Witness:
    """A test and the statements that it shows."""

    file: str  # below tests/, with slashes
    name: str
    ids: frozenset[str]

    @property
    def link(self) -> str:
        return f"[`{self.file}::{self.name}`](../tests/{self.file})"


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything the page is made of."""

    items: tuple[Item, ...]
    witnesses: tuple[Witness, ...] = ()
    switches: tuple[Switch, ...] = ()
    quoted: frozenset[str] = frozenset()  # ids that the contract names
    unread: tuple[str, ...] = ()  # what could not be read, one sentence each

    @property
    def ids(self) -> frozenset[str]:
        return frozenset(item.id for item in self.items)

    def shown_by(self, item: Item) -> list[Witness]:
        return [each for each in self.witnesses if item.id in each.ids]

    def switched_by(self, item: Item) -> list[Switch]:
        return [each for each in self.switches if item.id in each.ledger]

    def untested(self) -> list[str]:
        shown = frozenset[str]().union(*(each.ids for each in self.witnesses))
        promised = (item.id for item in self.items if item.state == "implemented")
        return [each for each in promised if each not in shown]


# --- Reading -----------------------------------------------------------------


def gather() -> Facts:
    """Read the ledger, the tests, the switches and the contract of this repository."""
    witnesses, unread = read_tests(TESTS)
    return Facts(
        items=read_items(LEDGER.read_text("utf-8")),
        witnesses=tuple(witnesses),
        switches=tuple(SWITCHES.values()),
        quoted=quoted_ids(yaml.safe_load(CONTRACT.read_text("utf-8"))),
        unread=tuple(unread),
    )


def read_items(text: str) -> tuple[Item, ...]:
    return tuple(Item(**each) for each in yaml.safe_load(text))


def read_tests(folder: Path) -> tuple[list[Witness], list[str]]:
    """Return the tests below *folder*, and a sentence for each unreadable file."""
    found: list[Witness] = []
    unread = []
    for path in sorted(folder.rglob("*.py")):
        file = path.relative_to(folder).as_posix()
        if "node_modules" in file:
            continue
        try:
            found += read_test(path.read_text("utf-8"), file)
        except (SyntaxError, ValueError) as error:
            unread.append(f"tests/{file}: {error}")
    return found, unread


def read_test(source: str, file: str) -> list[Witness]:
    r"""Return the tests of one file that are marked with statements and are run.

    >>> read_test('@pytest.mark.manual("SMS-02")\ndef test_a(): ...', "test_sms.py")
    [Witness(file='test_sms.py', name='test_a', ids=frozenset({'SMS-02'}))]

    Raises ``ValueError`` for a marker whose ids are not plain strings, or that stands
    on what pytest does not run: it would be lost in silence.
    """
    tests = _tests(ast.parse(source).body, Marks(), "")
    return [
        Witness(file, name, marks.ids)
        for name, marks in tests
        if marks.ids and not marks.idle
    ]


def _tests(
    body: Iterable[ast.AST], around: Marks, prefix: str
) -> Iterator[tuple[str, Marks]]:
    statements = list(_statements(body))
    for node in statements:
        around |= _marks(_module_marks(node))
    for node in statements:
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                own = _marks(node.decorator_list)
                if _runs(node, own):
                    yield prefix + node.name, around | own
            case ast.ClassDef():
                own = _marks(node.decorator_list)
                if _runs(node, own):
                    yield from _class_tests(node, around | own, prefix)
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                if name.startswith("Test") and "TestCase" in ast.unparse(value):
                    yield prefix + name, around | _marks([value])


def _class_tests(
    node: ast.ClassDef, around: Marks, prefix: str
) -> Iterator[tuple[str, Marks]]:
    """Yield a class's tests, or the class itself where it inherits them."""
    inner = list(_tests(node.body, around, f"{prefix}{node.name}::"))
    yield from inner or [(prefix + node.name, around)]


def _statements(body: Iterable[ast.AST]) -> Iterator[ast.AST]:
    for node in body:
        if isinstance(node, BRANCHES):
            yield from _statements(ast.iter_child_nodes(node))
        else:
            yield node


def _runs(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef, own: Marks
) -> bool:
    """Tell whether pytest collects *node*, by its name or as a unittest case."""
    if isinstance(node, ast.ClassDef):
        case = any(ast.unparse(base).endswith("TestCase") for base in node.bases)
        runs = case or node.name.startswith("Test")
    else:
        runs = node.name.startswith("test")
    if own.ids and not runs:
        message = f"line {node.lineno}: {node.name} is marked, but it is not a test"
        raise ValueError(message)
    return runs


def _module_marks(node: ast.AST) -> list[ast.expr]:
    """Return what a statement assigns to ``pytestmark``, one expression a mark."""
    match node:
        case (
            ast.Assign(targets=[ast.Name(id="pytestmark")], value=value)
            | ast.AnnAssign(target=ast.Name(id="pytestmark"), value=ast.expr() as value)
        ):
            return value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
    return []


def _marks(expressions: Iterable[ast.expr]) -> Marks:
    marks = Marks()
    for expression in expressions:
        calls = [each for each in ast.walk(expression) if isinstance(each, ast.Call)]
        manual = [each for each in calls if _mark(each.func) == "manual"]
        target = expression.func if isinstance(expression, ast.Call) else expression
        ids = frozenset(text for call in manual for text in _texts(call))
        marks |= Marks(ids, idle=_mark(target) in IDLE)
    return marks


def _mark(node: ast.AST) -> str | None:
    """Return ``manual`` for ``pytest.mark.manual`` or ``mark.manual``."""
    match node:
        case ast.Attribute(
            value=ast.Attribute(attr="mark") | ast.Name(id="mark"), attr=name
        ):
            return name
    return None


def _texts(call: ast.Call) -> Iterator[str]:
    for argument in (*call.args, *call.keywords):
        match argument:
            case ast.Constant(value=str(text)):
                yield text
            case _:
                message = f"line {call.lineno}: a marker takes plain strings"
                raise ValueError(message)


def quoted_ids(document: Any) -> frozenset[str]:
    """Return the ids that a contract names, at any depth."""
    if isinstance(document, list):
        return frozenset[str]().union(*map(quoted_ids, document))
    if not isinstance(document, dict):
        return frozenset()
    named = (each for key, value in document.items() for each in _quoted(key, value))
    return frozenset(named).union(*map(quoted_ids, document.values()))


def _quoted(key: str, value: Any) -> Iterable[str]:
    match key, value:
        case (("x-ledger" | "ledger"), str()):  # in x-strict the key is "ledger"
            return value.replace(",", " ").split()
        case (("x-ledger" | "ledger"), list()):
            return map(str, value)
        case (("x-also-at" | "x-also-called"), dict()):
            return map(str, value.values())
    return ()


# --- Checking ----------------------------------------------------------------


def malformed(facts: Facts) -> list[str]:
    """Name the items that are written wrongly in the ledger."""
    found = []
    for item_id, count in Counter(item.id for item in facts.items).items():
        form = _ID.fullmatch(item_id)
        if form is None or form[1] not in CHAPTERS:
            found.append(f"{item_id} does not begin with a chapter's name")
        if count > 1:
            found.append(f"{item_id} stands {count} times in the ledger")
    for item in facts.items:
        if item.mark not in MARKS:
            found.append(f"{item.id}: {item.mark} is no mark")
        if item.state not in STATES:
            found.append(f"{item.id}: {item.state} is no state")
    return found


def unread(facts: Facts) -> list[str]:
    return list(facts.unread)


def untested(facts: Facts) -> list[str]:
    return [f"{each} is implemented and no test shows it" for each in facts.untested()]


def unknown_to_tests(facts: Facts) -> list[str]:
    return [
        f"tests/{each.file}::{each.name} is marked {name}, which the ledger lacks"
        for each in facts.witnesses
        for name in sorted(each.ids - facts.ids)
    ]


def unknown_to_contract(facts: Facts) -> list[str]:
    strange = sorted(facts.quoted - facts.ids)
    return [f"openapi.yaml names {each}, which the ledger lacks" for each in strange]


def unknown_to_switches(facts: Facts) -> list[str]:
    return [
        f"the switch {each.name} names {name}, which the ledger lacks"
        for each in facts.switches
        for name in each.ledger
        if name not in facts.ids
    ]


def unswitched(facts: Facts) -> list[str]:
    return [
        f"{item.id} differs between lenient and strict and has no switch"
        for item in facts.items
        if item.modes_differ and item.state != "later" and not facts.switched_by(item)
    ]


def outdated(facts: Facts, page: str) -> list[str]:
    written = _GENERATED.finditer(page)
    now = _GENERATED.finditer(filled(page, facts))
    return [
        f"docs/fidelity.md, {old['name']}: out of date; run python tools/fidelity.py"
        for old, new in zip(written, now, strict=True)
        if old[0] != new[0]
    ]


CHECKS: Sequence[Callable[[Facts], list[str]]] = (
    malformed,
    unread,
    untested,
    unknown_to_tests,
    unknown_to_contract,
    unknown_to_switches,
    unswitched,
)


def problems(facts: Facts, page: str) -> list[str]:
    """Name everything that is wrong, one sentence each."""
    found = [sentence for check in CHECKS for sentence in check(facts)]
    return [*found, *outdated(facts, page)]


# --- Writing -----------------------------------------------------------------


def filled(page: str, facts: Facts) -> str:
    """Return *page* with its generated parts made anew.

    Raises ``ValueError`` when it lacks the place of one, or has one that is unknown.
    """
    blocks = {
        "counts": counts(facts),
        "statements": statements(facts),
        "switches": switches(facts),
    }
    places = [match["name"] for match in _GENERATED.finditer(page)]
    if sorted(places) != sorted(blocks):
        message = f"docs/fidelity.md generates {places}, not {list(blocks)}"
        raise ValueError(message)
    return _GENERATED.sub(
        lambda match: f"{match['start']}\n{blocks[match['name']]}\n\n{match['end']}",
        page,
    )


def counts(facts: Facts) -> str:
    """Return the table of states by marks, and the implemented items without test."""
    number = Counter((item.state, item.mark) for item in facts.items)
    rows = [
        [state, *(str(number[state, mark]) for mark in MARKS), _total(facts, state)]
        for state in STATES
    ]
    last = ["all", *(_total(facts, mark) for mark in MARKS), str(len(facts.items))]
    missing = ", ".join(facts.untested()) or "none"
    return (
        f"{table(['', *MARKS, 'all'], [*rows, last])}\n\n"
        f"Implemented statements without a test: {missing}."
    )


def _total(facts: Facts, name: str) -> str:
    return str(sum(name in {item.state, item.mark} for item in facts.items))


def statements(facts: Facts) -> str:
    """Return one heading and one table for each chapter."""
    return "\n\n".join(
        f"### {chapter}: {title}\n\n{_chapter(facts, chapter)}"
        for chapter, title in CHAPTERS.items()
    )


def _chapter(facts: Facts, chapter: str) -> str:
    head = ["Statement", "Mark", "Behaviour", "Switch", "Tests"]
    items = (each for each in facts.items if each.id.split("-")[0] == chapter)
    return table(head, (_row(facts, item) for item in items))


def _row(facts: Facts, item: Item) -> list[str]:
    names = ", ".join(f"`{each.name}`" for each in facts.switched_by(item))
    shown = evidence(facts.shown_by(item)) or UNTESTED[item.state]
    return [f"**{item.id}** {item.says}", item.mark, item.does, names, shown]


def evidence(witnesses: Sequence[Witness]) -> str:
    """Return links to the first tests, and how many more there are."""
    links = [each.link for each in witnesses[:SHOWN]]
    if len(witnesses) > SHOWN:
        links.append(f"and {len(witnesses) - SHOWN} more")
    return "<br>".join(links)


def switches(facts: Facts) -> str:
    head = ["Switch", "Choices", "Strict", "Statements", "What it decides"]
    return table(head, map(_switch, facts.switches))


def _switch(switch: Switch) -> list[str]:
    default, *others = (f"`{each}`" for each in switch.choices)
    choices = ", ".join([f"**{default}**", *others])
    statements = ", ".join(switch.ledger)
    return [f"`{switch.name}`", choices, f"`{switch.strict}`", statements, switch.says]


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return a Markdown table; a cell may hold anything but HTML comments."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", r"\|")


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing, exit 1")
    check = parser.parse_args(arguments).check
    facts, page = gather(), PAGE.read_text("utf-8")
    if not check:
        page = filled(page, facts)
        PAGE.write_text(page, "utf-8")
    found = problems(facts, page)
    for sentence in found:
        print(sentence)
    return int(check and bool(found))


if __name__ == "__main__":
    sys.exit(main())
