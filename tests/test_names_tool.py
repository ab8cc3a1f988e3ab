"""What tools/names.py counts, and the calls that tools/trails.py follows."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tools.names import (
    Row,
    Rules,
    complain,
    is_one_word,
    is_participle,
    list_found,
    list_idle,
    measure,
    measure_trails,
    read_rules,
)
from tools.trails import Trail

ROOT = Path(__file__).resolve().parents[1]
WORLD_LINES = 300  # of world/world.py, at most
VOICE = """\
LIMIT: int = 3
A, (B, _C) = 1, (2, 3)

class Order:
    def __init__(self) -> None:  # nobody calls it
        def told() -> None: ...

    async def send_all(self) -> None: ...

def place() -> None: ...
def _place() -> None: ...
"""
SMS = """\
from emulator.voice import Order
LIMIT = 4
B = 5

def place() -> None:
    '''Somebody\\'s order; Nobody else\\'s.'''

def connection_lost() -> None: ...
class Letter: ...
"""


@pytest.fixture
def rules() -> Rules:
    return read_rules()


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a checkout of a small emulator."""
    for name, text in {
        "emulator/__init__.py": "",
        "emulator/voice.py": VOICE,
        "emulator/sms.py": SMS,
        "emulator/web/__init__.py": "",
        "emulator/web/sms.py": "place: int = 1\nLetter = 2\n" + "x = 1\n" * 399,
        "emulator/web/brief.py": "x = 1\n" * 400,
        "emulator/web/words.yaml": "title: whoever\nname: nobodys\n",
        "tests/conftest.py": "",
        "tests/test_sms.py": "",
        "tests/dialled.py": "",
        "tests/smpp/packed.py": "",
        "tests/examples/client.py": "",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return tmp_path


def rows_of(tree: Path, rules: Rules) -> dict[str, Row]:
    return {row.key: row for row in measure(tree, rules)}


def names_in(row: Row) -> list[str]:
    return [each.name for each in row.found]


@pytest.mark.parametrize(
    "name",
    ["told", "_told", "asked", "tokens_written", "misspelt", "unsent", "rebuilt"],
)
def test_a_name_that_ends_in_a_participle_is_one(name: str, rules: Rules) -> None:
    assert is_participle(name, rules)


@pytest.mark.parametrize(
    "name",
    [
        *("is_closed", "_delivery_is_gone", "needs_ordered", "seed", "exceed", "red"),
        *("_", "read", "send", "told_by", "listed_in", "written_rows", "place"),
    ],
)
def test_any_other_name_is_no_participle(name: str, rules: Rules) -> None:
    assert not is_participle(name, rules)


def test_a_leading_underscore_makes_no_second_word() -> None:
    assert [is_one_word(name) for name in ("_told", "place", "send_all")] == [
        True,
        True,
        False,
    ]


def test_functions_are_counted_without_dunders_and_what_others_named(
    tree: Path, rules: Rules
) -> None:
    rows = rows_of(tree, rules)

    assert names_in(rows["one-word"]) == ["place", "place", "_place", "told"]
    assert rows["one-word"].of == 5
    assert rows["one-word"].figure == 80
    assert names_in(rows["participles"]) == ["told"]


def test_names_in_several_modules_are_counted_once_each(
    tree: Path, rules: Rules
) -> None:
    rows = rows_of(tree, rules)

    several, constants = rows["several-modules"], rows["several-constants"]
    assert {each.name for each in several.found} == {"place"}
    assert several.figure == 1
    assert {each.name for each in constants.found} == {"LIMIT", "B", "Letter", "x"}
    assert constants.figure == 4


def test_a_shared_name_is_no_offence_and_has_to_be_shared(
    tree: Path, rules: Rules
) -> None:
    shared = replace(rules, shared={"place": "Check an order.", "Letter": "A letter."})
    rows = measure(tree, shared)

    assert rows_of(tree, shared)["several-modules"].figure == 0
    idle = list(list_idle(rows, tree, replace(shared, bounds={"nonsense": 1})))
    assert [each.split(" is ")[0] for each in idle] == [
        "shared: Letter",
        "bounds: there",
    ]


def test_modules_lines_and_helpers_are_counted(tree: Path, rules: Rules) -> None:
    rows = rows_of(tree, rules)

    assert {each.module for each in rows["module-names"].found} == {
        "emulator/sms.py",
        "emulator/web/sms.py",
    }
    assert rows["module-names"].figure == 1
    assert names_in(rows["long-modules"]) == ["401 lines"]
    assert [name.split(":")[0] for name in names_in(rows["nobody"])] == ["6", "5", "1"]
    assert names_in(rows["test-helpers"]) == ["dialled", "packed"]


def test_what_is_above_its_bound_is_told_with_the_worst_first(
    tree: Path, rules: Rules
) -> None:
    rows = measure(tree, rules)
    bounds = {"one-word": 79.9, "test-helpers": 2, "long-modules": 0}

    told = list(complain(rows, replace(rules, bounds=bounds)))

    assert told == [
        "one-word: 80.0 % is above 79.9",
        "  emulator/voice.py: place, _place, told",
        "  emulator/sms.py: place",
        "long-modules: 1 is above 0",
        "  emulator/web/sms.py: 401 lines",
    ]


def test_the_rules_of_this_repository_have_their_rows() -> None:
    rules = read_rules()
    rows = [*measure(ROOT, rules), *measure_trails(ROOT)]

    assert list(list_idle(rows, ROOT, rules)) == []
    by_key = {row.key: row for row in rows}
    assert len(by_key) == len(rows)
    assert all(by_key[key].figure > 0 for key in ("campaign-files", "reply-files"))
    for way in ("campaign", "reply"):
        files, changes = by_key[f"{way}-files"], by_key[f"{way}-changes"]
        assert changes.figure >= files.figure - 1
    assert any("courier" in line for line in list_found(by_key["reply-files"]))
    assert not any("courier" in line for line in list_found(by_key["campaign-files"]))


def test_a_trail_counts_calls_and_changes_of_file(tmp_path: Path) -> None:
    package = tmp_path / "emulator"
    space: dict[str, object] = {}
    for name, text in {
        "web.py": "def ask():\n [*keep()]; note(); note(); [*keep()]\ndef note(): pass",
        # Each is called once, however often it goes on
        "world.py": "def keep():\n    yield 1; yield 2; yield 3",
        "../other.py": "def aside(): keep()",
    }.items():
        exec(compile(text, str(package / name), "exec"), space)  # noqa: S102
    trail = Trail(package)
    ask = space["ask"]
    assert callable(ask)

    before = sys.getprofile()
    sys.setprofile(trail.follow)
    try:
        ask()  # not yet
        with trail.opened():
            ask()
            ask()
        ask()  # not any more
    finally:
        sys.setprofile(before)

    web, world = "emulator/web.py", "emulator/world.py"
    assert trail.to_json() == {
        "files": {web: 6, world: 4},
        "changes": {f"{web} -> {world}": 4, f"{world} -> {web}": 3},
    }


def test_a_world_stays_small() -> None:
    """What does not say what one account is has a module of its own in ``world/``."""
    source = (ROOT / "emulator" / "world" / "world.py").read_text()

    assert len(source.splitlines()) <= WORLD_LINES
