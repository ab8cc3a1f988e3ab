"""Fixtures of every test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from importlib import import_module
from typing import Any

import pytest

from tests.emulated import Api, emulated

pytest_plugins = ["pytester"]

MakeApi = Callable[..., Api]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Have our own plugin, as every suite has where the package is installed."""
    if not pluginmanager.has_plugin("smsclouds"):
        plugin = import_module("emulator.pytest_plugin")
        pluginmanager.register(plugin, "smsclouds")


@pytest.fixture
def make_api() -> Iterator[MakeApi]:
    """Make worlds with other settings: ``make_api(strict=True)``."""
    with ExitStack() as stack:

        def make(**changes: Any) -> Api:
            return stack.enter_context(closing(emulated(**changes)))

        yield make


@pytest.fixture
def api(make_api: MakeApi) -> Api:
    """Make a fresh demo world, lenient; its clock stands until the test moves it."""
    return make_api()


@pytest.fixture
def strict(make_api: MakeApi) -> Api:
    """Make the same world under ``--strict``."""
    return make_api(strict=True)
