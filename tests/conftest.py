"""Fixtures of every test."""

import gc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from emulator.client import Emulator
from tests.emulated import PATIENCE, Api, emulated
from tests.pushing import opened, running
from tests.receiver import Receiver, receiving
from tests.tools import skips_in_words
from tests.watching import begin_watching, end_watching

pytest_plugins = ["pytester", "tests.panelled"]

MakeApi = Callable[..., Api]
HANGS = 600.0  # seconds, longer than any test takes


def pytest_addoption(
    parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager
) -> None:
    """Have our own plugin, as every suite has where the package is installed."""
    parser.addoption(
        "--leaks",
        action="store_true",
        help="collect garbage after each test, which fails by what it has left open",
    )
    if not pluginmanager.has_plugin("smsclouds"):
        plugin = import_module("emulator.pytest_plugin")
        pluginmanager.register(plugin, "smsclouds")


HOME = pytest.StashKey[Path | None]()


def pytest_configure(config: pytest.Config) -> None:
    """Watch where the tests, and whatever they start, write (tests/watch)."""
    config.stash[HOME] = begin_watching()


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail where something was written outside the checkout and the temporary folder.

    Workers of xdist leave that to the process that started them.
    """
    home = session.config.stash[HOME]
    if home is not None and (found := end_watching(home)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        reporter = session.config.pluginmanager.get_plugin("terminalreporter")
        if reporter is not None:
            reporter.section("WRITTEN OUTSIDE THE CHECKOUT AND THE TEMPORARY FOLDER")
            reporter.write_line("\n".join(found))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say what tests have told of this machine, and what to type for those skipped.

    A test tells by ``record_property("told", ...)``.
    """
    reasons = Counter(
        str(each.longrepr[2]).removeprefix("Skipped: ")
        for each in terminalreporter.stats.get("skipped", ())
    )
    for line in skips_in_words(reasons):
        terminalreporter.write_line(line)
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, told in getattr(report, "user_properties", ()):
                if name == "told" and report.when == "call":
                    terminalreporter.write_line(told)


@pytest.hookimpl(tryfirst=True)  # before they are chosen by their markers
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of hypothesis, which `make soak` tries for longer."""
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker("property")


@pytest.fixture(autouse=True)
def left_open(request: pytest.FixtureRequest) -> Iterator[None]:
    """With ``--leaks``: let what a test has left open be found where it was left."""
    yield
    if request.config.getoption("--leaks"):
        gc.collect()
        gc.freeze()  # so that the next one is quick


@pytest.fixture(autouse=True, scope="module")
def left_open_by_all(request: pytest.FixtureRequest) -> Iterator[None]:
    """Look again, with what the fixtures of a module have left, too."""
    yield
    if request.config.getoption("--leaks"):
        gc.unfreeze()
        gc.collect()


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
    """Return an emulator in this process, which waits for a receiver that hangs."""
    with running(push_timeout=HANGS) as home:
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
    emulator.change_account(push_url=receiver.url)
    return emulator
