"""What clients of SMPP depend on is shown by tests on sockets, each by its number."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.smpp.behaviours import BEHAVIOURS

SOCKETS = frozenset({"phone", "make_phone", "Plain"})  # what sees octets is named so


def shown(code: str) -> Iterator[int]:
    """Yield the numbers that tests on sockets show."""
    for each in ast.walk(ast.parse(code)):
        if isinstance(each, ast.FunctionDef) and not SOCKETS.isdisjoint(names(each)):
            for mark in each.decorator_list:
                if isinstance(mark, ast.Call) and ast.unparse(mark.func).endswith(
                    ".behaviour"
                ):
                    yield from (ast.literal_eval(number) for number in mark.args)


def names(function: ast.FunctionDef) -> set[str]:
    used = {each.id for each in ast.walk(function) if isinstance(each, ast.Name)}
    return used | {each.arg for each in function.args.args}


def test_each_behaviour_is_shown_on_a_socket() -> None:
    files = Path(__file__).parent.glob("test_*.py")
    found = {number for each in files for number in shown(each.read_text("utf-8"))}

    assert sorted(found) == sorted(BEHAVIOURS) == [*range(1, 45)]
