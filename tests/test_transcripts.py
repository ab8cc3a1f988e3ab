"""What the emulator says, to the letter: stories told anew, and as they were kept.

Whatever a story touches cannot change unseen.  Where a change is meant,
``python -m tools.transcripts`` writes the transcripts anew, and the diff is read.
"""

from difflib import unified_diff

import pytest

from tests.told.stories import FOLDER, STORIES, told

SHOWN = 60  # lines of a difference


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told_as_it_was(name: str) -> None:
    before = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    after = told(name).splitlines()

    found = list(unified_diff(before, after, "as it was", "as it is", lineterm="", n=2))
    message = "python -m tools.transcripts writes it anew, where that is meant"
    assert not found, "\n".join([*found[:SHOWN], message])


def test_no_transcript_is_of_a_story_that_is_gone() -> None:
    assert {each.stem for each in FOLDER.iterdir()} == STORIES.keys()
