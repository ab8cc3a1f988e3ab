"""Fixtures of every test."""

import gc
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, closing
from importlib import import_module
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pytest

from emulator.client import Emulator
from tests.support.emulator import PATIENCE, Api, MakeApi, make_emulator
from tests.support.processes import ROOT, describe_skips
from tests.support.servers import Receiver, open_world, run_emulator, run_receiver

collect_ignore = ["crowd"]  # which test_plugin.py runs
pytest_plugins = ["pytester", "tests.support.browser"]

WATCH = Path(__file__).parent / "watch" / "sitecustomize.py"
ALLOWED, NOTES = "TESTS_MAY_WRITE", "TESTS_WROTE"
HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")
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
    parser.addoption(
        "--keep-transcripts",
        action="store_true",
        help="keep what the stories of tests/told say, instead of comparing it",
    )
    if not pluginmanager.has_plugin("smsclouds"):
        plugin = import_module("emulator.pytest_plugin")
        pluginmanager.register(plugin, "smsclouds")


# --- Where tests write ---------------------------------------------------------------


def begin_watching() -> Path | None:
    """Note from now on what is written elsewhere; return the home of what is started.

    It is a new folder, so that tools keep nothing of a test.  None in a worker, which
    is watched by the environment that it was started in.
    """
    home = None
    if NOTES not in os.environ:
        scratch = Path(tempfile.gettempdir()).resolve()
        home = Path(tempfile.mkdtemp(prefix="tests-at-home-"))
        os.environ |= dict.fromkeys(HOMES, str(home))
        os.environ[ALLOWED] = os.pathsep.join(map(str, (ROOT.resolve(), scratch)))
        os.environ[NOTES] = str(home / "written")
        known = os.environ.get("PYTHONPATH", "")
        paths = filter(None, (str(WATCH.parent), known))
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    spec = spec_from_file_location("watch", WATCH)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))
    return home


def end_watching(home: Path) -> list[str]:
    """Return what was written outside the checkout and the temporary folder."""
    notes = home / "written"
    found = set(notes.read_text("utf-8").splitlines()) if notes.exists() else set()
    for each in (*HOMES, ALLOWED, NOTES):
        os.environ.pop(each, None)
    shutil.rmtree(home, ignore_errors=True)
    return sorted(found)


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
    for line in describe_skips(reasons):
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
            return stack.enter_context(closing(make_emulator(**changes)))

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
    with run_emulator(push_timeout=HANGS) as home:
        yield home


@pytest.fixture(scope="session")
def impatient() -> Iterator[Emulator]:
    """Return one that gives up a push in ``PATIENCE``."""
    with run_emulator(push_timeout=PATIENCE) as home:
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
    with open_world(home) as world:
        yield world


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Return a customer's server, which says ``ok`` to everything."""
    with run_receiver() as receiver:
        yield receiver


@pytest.fixture
def told(emulator: Emulator, receiver: Receiver) -> Emulator:
    """Return a world whose account has the receiver's URL."""
    emulator.change_account(push_url=receiver.url)
    return emulator
