"""What the emulator says, to the letter: stories told anew, and as they were kept.

Whatever a story touches cannot change unseen.  Where a change is meant,
``python -m tools.transcripts`` writes the transcripts anew, and the diff is read.
"""

from difflib import unified_diff

import pytest

from tests.told.client import ASKED, methods
from tests.told.stories import FOLDER, STORIES, told

SHOWN = 60  # lines of a difference


@pytest.mark.parametrize("name", STORIES)
def test_a_story_is_told_as_it_was(name: str) -> None:
    before = (FOLDER / f"{name}.txt").read_text("utf-8").splitlines()
    after = told(name).splitlines()

    found = list(unified_diff(before, after, "as it was", "as it is", lineterm="", n=2))
    message = "python -m tools.transcripts writes it anew, where that is meant"
    assert not found, "\n".join([*found[:SHOWN], message])


def test_every_method_of_the_client_is_asked_for() -> None:
    begun = {"in_process", "close", "opened", "url", "events"}
    # What the instance has, which its class has not.
    held = {"clock", "tokens"}
    plumbing = {"ask_fact", "ask_facts", "make_command", "open_stream", "open_world"}
    plumbing |= {"send_command", "stream_events", "receive"}
    named = {each.split()[0].partition(".")[0] for each in ASKED}

    assert {*methods()} - begun - plumbing == named - {"a"} - held


def test_no_transcript_is_of_a_story_that_is_gone() -> None:
    assert {each.stem for each in FOLDER.iterdir()} == STORIES.keys()
