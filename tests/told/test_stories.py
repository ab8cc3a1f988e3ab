"""Each transcript is of a story that is told, by its name."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.support.transcripts import FOLDER


def list_stories() -> Iterator[str]:
    """Yield the names of the tests of this folder that have a scribe."""
    for file in Path(__file__).parent.glob("test_*.py"):
        for each in ast.parse(file.read_text("utf-8")).body:
            if isinstance(each, ast.FunctionDef) and each.name.startswith("test_"):
                arguments = {argument.arg for argument in each.args.args}
                yield from [each.name.removeprefix("test_")] * ("scribe" in arguments)


def test_no_transcript_is_of_a_story_that_is_gone() -> None:
    kept = sorted(each.stem for each in FOLDER.iterdir())

    assert kept == sorted(list_stories())
