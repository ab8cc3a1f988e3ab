"""Fixtures of every test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from importlib import import_module
from typing import Any

import pytest

from emulator.client import Emulator
from tests.emulated import PATIENCE, Api, emulated
from tests.pushing import opened, running
from tests.receiver import Receiver, receiving

pytest_plugins = ["pytester", "tests.panelled"]

MakeApi = Callable[..., Api]


def pytest_addoption(pluginmanager: pytest.PytestPluginManager) -> None:
    """Have our own plugin, as every suite has where the package is installed."""
    if not pluginmanager.has_plugin("smsclouds"):
        plugin = import_module("emulator.pytest_plugin")
        pluginmanager.register(plugin, "smsclouds")


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what tests have told (``record_property("told", ...)``) of this machine."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, told in getattr(report, "user_properties", ()):
                if name == "told" and report.when == "call":
                    terminalreporter.write_line(told)


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


@pytest.fixture(scope="session")
def patient() -> Iterator[Emulator]:
    """Return an emulator in this process."""
    with running() as home:
        yield home


@pytest.fixture(scope="session")
def impatient() -> Iterator[Emulator]:
    """Return one that gives up a push in ``PATIENCE``."""
    with running(push_timeout=PATIENCE) as home:
        yield home


@pytest.fixture
def home(request: pytest.FixtureRequest) -> Emulator:
    """Return the emulator that the test is for, by its marker."""
    is_marked = request.node.get_closest_marker("impatient") is not None
    home: Emulator = request.getfixturevalue("impatient" if is_marked else "patient")
    return home


@pytest.fixture
def emulator(home: Emulator) -> Iterator[Emulator]:
    """Return a demo world whose clock stands at ``START``."""
    with opened(home) as world:
        yield world


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a customer's server, which says ``ok`` to everything."""
    with receiving() as receiver:
        yield receiver


@pytest.fixture
def told(emulator: Emulator, receiver: Receiver) -> Emulator:
    """Return a world whose account has the receiver's URL."""
    emulator.change(push_url=receiver.url)
    return emulator
