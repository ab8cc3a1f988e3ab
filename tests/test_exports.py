"""What a package hands on is what it takes in: its ``__all__``, and nothing else."""

import ast
from pathlib import Path

import pytest

from tests.support.processes import ROOT

PACKAGES = sorted(
    each
    for each in (ROOT / "emulator").rglob("__init__.py")
    if "__all__" in each.read_text("utf-8")
)


@pytest.mark.parametrize("path", PACKAGES, ids=lambda path: path.parent.name)
def test_a_package_hands_on_what_it_takes_in(path: Path) -> None:
    tree = ast.parse(path.read_text("utf-8"))
    taken = [
        alias.asname or alias.name
        for node in tree.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    defined = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
    ]
    (handed_on,) = (
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"
    )

    assert len(handed_on) == len({*handed_on})
    assert {*handed_on} <= {*taken, *defined}
    assert {*taken} <= {*handed_on}
