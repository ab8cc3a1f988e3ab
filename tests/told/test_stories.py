"""Each transcript is of a story that is told, by its name."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.transcripts import FOLDER


def list_stories() -> Iterator[str]:
    """Yield the names of the functions of this folder that have a scribe."""
    for file in Path(__file__).parent.glob("test_*.py"):
        for each in ast.parse(file.read_text("utf-8")).body:
            if isinstance(each, ast.FunctionDef) and "scribe" in _list_arguments(each):
                yield each.name


def _list_arguments(function: ast.FunctionDef) -> set[str]:
    return {each.arg for each in function.args.args}


def test_no_transcript_is_of_a_story_that_is_gone() -> None:
    told = [name for name in list_stories() if name.startswith("test_")]

    assert sorted(f"test_{each.stem}" for each in FOLDER.iterdir()) == sorted(told)
