"""The tool that changes the code to see who notices (tools/mutation) can be trusted."""

from textwrap import dedent
from typing import Any

import pytest

from tools.mutation.__main__ import equivalents, sample
from tools.mutation.judge import IMPORT, Judge, Verdict
from tools.mutation.mutants import Mutant, changes
from tools.mutation.trial import Outcome, Runner

CODE = dedent('''
    """What a small shop knows."""

    PRICES = {"pear": 3, "plum": 2}


    def price(fruit: str, count: int = 1) -> int:
        """Return what *count* pieces cost."""
        if count < 1:
            raise ValueError(f"{count} pieces")
        total = PRICES[fruit] * count
        return total if total > 10 and count else total


    def waited(rounds: int) -> int:
        while rounds > 0:
            rounds -= 1
        return rounds


    def repeated() -> list[str]:
        return [str(1), str(1), "a".join(("x", "y"))]
''')
TESTS = dedent("""
    from emulator import shop


    def test_fails_whatever_is_changed():
        assert False


    def test_a_price_is_for_each_piece():
        assert shop.price("pear", 2) == 6


    def test_a_wait_ends():
        assert shop.waited(3) == 0
""")
EVERY = changes("emulator/shop.py", CODE)


def chosen(old: str, new: str) -> Mutant:
    return next(each for each in EVERY if (each.old, each.new) == (old, new))


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Judge:
    """Judge in a checkout of one module and three tests, the first of them broken."""
    copy = tmp_path_factory.mktemp("checkout")
    for name, text in {
        "pyproject.toml": "[tool.pytest.ini_options]\naddopts = '-p no:schemathesis'\n",
        "emulator/__init__.py": "",
        "emulator/pytest_plugin.py": "",
        "emulator/shop.py": CODE,
        "tests/test_shop.py": TESTS,
    }.items():
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(text, "utf-8")
    return Judge(Runner(copy, hangs=1.0), None, ["tests/test_shop.py"], "not soak")


def verdict(judge: Judge, old: str, new: str) -> Verdict:
    return judge.verdict(chosen(old, new))


def test_a_change_is_killed_by_a_test_that_passes_without_it(judge: Judge) -> None:
    said = verdict(judge, " * ", " // ")

    assert said.killed_by == "tests/test_shop.py::test_a_price_is_for_each_piece"


def test_one_that_changes_nothing_survives(judge: Judge) -> None:
    said = verdict(judge, "total > 10 and count", "False")

    assert said.killed_by == ""
    assert not said.hung


def test_one_that_cannot_be_imported_is_killed_by_that(judge: Judge) -> None:
    broken = chosen("2", "3")
    broken = Mutant(**{**vars(broken), "new": "1 // 0"})

    assert judge.verdict(broken).killed_by == IMPORT


def test_tests_that_cannot_be_collected_one_by_one_are_killed_by_that(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pytest stops at the first error, and says no more than that something failed."""
    stopped = Outcome(status=1, collected=["tests/test_shop.py::test_a_wait_ends"])
    run = judge._runner.run  # noqa: SLF001

    def stops(chosen: Any, **options: Any) -> Outcome:
        plain = options.get("only_collect")
        return run(chosen, **options) if plain else stopped

    monkeypatch.setattr(judge._runner, "run", stops)  # noqa: SLF001

    assert verdict(judge, "2", "3").killed_by == IMPORT


def test_a_hang_kills_nothing_and_is_told(judge: Judge) -> None:
    said = verdict(judge, "rounds -= 1", "pass")

    assert said.killed_by == ""
    assert said.hung == ["tests/test_shop.py::test_a_wait_ends"]


def test_changes_of_one_size_in_one_second_are_told_apart(judge: Judge) -> None:
    """Python would take the bytecode of the one for the other."""
    killed = [verdict(judge, "3", "4").killed_by for _ in range(2)]
    alive = verdict(judge, "2", "3").killed_by

    assert all(killed)
    assert not alive


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (" < ", " <= "),
        ("count < 1", "(not (count < 1))"),
        ("count < 1", "False"),
        ("1", "2"),
        ("1", "(0)"),
        (" and ", " or "),
        (" * ", " // "),
        ("rounds -= 1", "pass"),
        ('raise ValueError(f"{count} pieces")', "pass"),
        ('f"{count} pieces"', "''"),
        ('"x", ', ""),
        ('"pear": 3, ', ""),
        ("rounds", "None"),
    ],
)
def test_every_kind_of_change_is_made(old: str, new: str) -> None:
    assert chosen(old, new)


def test_what_people_and_types_read_is_left_alone() -> None:
    assert not [
        each for each in EVERY if "Return what" in each.old or "int" in each.old
    ]


def test_no_two_changes_have_one_mark() -> None:
    assert len({each.mark for each in EVERY}) == len(EVERY)
    twice = [each for each in EVERY if (each.old, each.new) == ("1", "2")]
    assert len(twice) == 5


def test_a_seed_draws_the_same_changes_each_time() -> None:
    first = sample(5, 4)

    assert first == sample(5, 4)
    assert first != sample(6, 4)
    assert not {each.mark for each in first} & {*equivalents()}


def test_what_changes_nothing_says_why() -> None:
    assert all(len(why.split()) > 3 for why in equivalents().values())
