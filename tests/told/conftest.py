"""A test of this folder is a story, which is told as it was kept, to the letter.

``def test_shell(scribe)`` is compared with ``transcripts/shell.txt``.
"""

from collections.abc import Generator, Iterator
from contextlib import closing
from itertools import count

import pytest

from tests.support import worlds
from tests.support.emulator import make_emulator
from tests.support.transcripts import FOLDER, Scribe, compare_transcript


@pytest.fixture
def scribe(monkeypatch: pytest.MonkeyPatch) -> Iterator[Scribe]:
    """Write down what a fresh demo world is asked and says; ``scribe.api`` is it."""
    monkeypatch.setattr(worlds, "NAMES", count(1))
    with closing(make_emulator()) as api:
        yield Scribe(api)


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, object, object]:
    """Compare what was told with what was kept, or keep it."""
    result = yield
    scribe = pyfuncitem.funcargs.get("scribe")
    if isinstance(scribe, Scribe):
        name = pyfuncitem.name.removeprefix("test_")
        if pyfuncitem.config.getoption("--keep-transcripts"):
            (FOLDER / f"{name}.txt").write_text(scribe.text, "utf-8")
        else:
            compare_transcript(name, scribe.text)
    return result
