"""Fixtures of SMPP: a demo world with its door open."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.conftest import MakeApi
from tests.emulated import Api
from tests.smpp.dialled import Phone, listening

MakePhone = Callable[..., Phone]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let ``-k behaviour13`` find the tests of one behaviour."""
    for item in items:
        for mark in item.iter_markers("behaviour"):
            item.extra_keyword_matches |= {f"behaviour{each:02}" for each in mark.args}


@pytest.fixture
def make_phone(make_api: MakeApi) -> Iterator[MakePhone]:
    """Make worlds with other settings, their door open: ``make_phone(binds=[...])``."""
    with ExitStack() as stack:

        def make(**changes: Any) -> Phone:
            return stack.enter_context(listening(make_api(**changes)))

        yield make


@pytest.fixture
def phone(api: Api) -> Iterator[Phone]:
    """Open the door of a fresh demo world; its clock stands until the test moves it."""
    with listening(api) as opened:
        yield opened
