"""Fixtures of SMPP: a demo world with its SMPP port open."""

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.emulator import Api, MakeApi
from tests.support.smpp import MakeSmsc, Smsc, open_smsc


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let ``-k behaviour13`` find the tests of one behaviour."""
    for item in items:
        for mark in item.iter_markers("behaviour"):
            item.extra_keyword_matches |= {f"behaviour{each:02}" for each in mark.args}


@pytest.fixture
def make_smsc(make_api: MakeApi) -> Iterator[MakeSmsc]:
    """Make worlds with other settings, SMPP open: ``make_smsc(binds=[...])``."""
    with ExitStack() as stack:

        def make(**changes: Any) -> Smsc:
            return stack.enter_context(open_smsc(make_api(**changes)))

        yield make


@pytest.fixture
def smsc(api: Api) -> Iterator[Smsc]:
    """Open SMPP of a fresh demo world; its clock stands until the test moves it."""
    with open_smsc(api) as opened:
        yield opened
