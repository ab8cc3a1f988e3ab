"""The pytest plugin: ``smsclouds``, a fresh world of an emulator for every test.

A suite that has the plugin and does not use it imports nothing but this file.
"""

from __future__ import annotations

from base64 import b32encode
from collections.abc import Generator, Iterator
from hashlib import sha256
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from emulator.client import Emulator
    from emulator.serving.standby import Standby

NAME_CHARACTERS = 9  # "world-" before them, and it fits into a system_id of SMPP
HTTP_CONFLICT, HTTP_NOT_FOUND = 409, 404
URL_KEY = pytest.StashKey[str]()
STANDBY_KEY: pytest.StashKey[Standby] = pytest.StashKey()

OPTIONS = {
    "url": "URL of a running emulator, instead of one that the plugin starts",
    "world": "the world that the tests start with: demo, contract or a world file",
    "secret": "what the running emulator was given as its --control-secret",
}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("smsclouds", "SMS platform, emulated")
    for name, says in OPTIONS.items():
        group.addoption(f"--smsclouds-{name}", help=says)
        if name != "secret":  # which is nothing to write into a file
            parser.addini(f"smsclouds_{name}", says, default="")


def pytest_configure(config: pytest.Config) -> None:
    says = "smsclouds(**order): how the test's world is opened, as Emulator.create says"
    config.addinivalue_line("markers", says)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Send an xdist worker the URL of the session's emulator."""
    config = node.config
    if not _get_option(config, "url"):
        node.workerinput["smsclouds_url"] = _start_own_server(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    if standby := config.stash.get(STANDBY_KEY, None):
        del config.stash[STANDBY_KEY]
        standby.close()


@pytest.fixture(scope="session")
def smsclouds_server(request: pytest.FixtureRequest) -> Iterator[Emulator]:
    """Return the emulator of the session, and in it the default world."""
    from emulator.client import Emulator  # noqa: PLC0415 - who uses it pays

    config = request.config
    worker = getattr(config, "workerinput", {})
    url = (
        _get_option(config, "url")
        or worker.get("smsclouds_url")
        or _start_own_server(config)
    )
    with Emulator(url, secret=_get_option(config, "secret") or None) as emulator:
        yield emulator


@pytest.fixture
def smsclouds(
    request: pytest.FixtureRequest, smsclouds_server: Emulator
) -> Iterator[Emulator]:
    """Return a fresh world; its clock is frozen until the test moves it.

    The marker ``smsclouds(strict=True, clock="2026-03-02T18:00:00Z")`` orders another.
    """
    order = {"fixture": _choose_fixture(request.config), "clock": "frozen"}
    for marker in request.node.iter_markers("smsclouds"):
        order |= marker.kwargs
    world = _create_world(smsclouds_server, request.node.nodeid, order)
    yield world
    for each in (*world.opened, world):
        _delete_world(each)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the journal of the emulator to the report of a failure."""
    report = yield
    world: Any = getattr(item, "funcargs", {}).get("smsclouds")
    if report.failed and report.when != "teardown" and hasattr(world, "report"):
        report.sections.append(("smsclouds", _report_world(world)))
    return report


def _report_world(world: Emulator) -> str:
    try:
        return world.report()
    except Exception as error:  # noqa: BLE001 - the test's own failure is what counts
        return f"{world!r} says nothing: {error}"


def _start_own_server(config: pytest.Config) -> str:
    """Return the URL of the session's emulator, which starts with the first request."""
    if STANDBY_KEY not in config.stash:
        from emulator.serving.standby import Standby  # noqa: PLC0415 - imports threads only

        config.stash[STANDBY_KEY] = Standby(_get_option(config, "world") or "demo")
    return config.stash[STANDBY_KEY].url


def _create_world(server: Emulator, nodeid: str, order: dict[str, Any]) -> Emulator:
    """Return a new world whose name comes of the test's; another's is left alone."""
    from emulator.client import ClientError  # noqa: PLC0415

    for attempt in count():
        try:
            return server.create(_make_world_name(nodeid, attempt), **order)
        except ClientError as error:
            if error.status != HTTP_CONFLICT:
                raise
    raise AssertionError  # the numbers do not end


def _delete_world(world: Emulator) -> None:
    """Delete a world, unless the test has."""
    from emulator.client import ClientError  # noqa: PLC0415

    try:
        world.delete()
    except ClientError as error:
        if error.status != HTTP_NOT_FOUND:
            raise


def _make_world_name(nodeid: str, attempt: int) -> str:
    digest = sha256(f"{nodeid} {attempt}".encode()).digest()
    return b32encode(digest).decode()[:NAME_CHARACTERS].lower()


def _choose_fixture(config: pytest.Config) -> Any:
    """Return what a running emulator is told of the world chosen here, if one is."""
    world = _get_option(config, "world")
    if not world or not _get_option(config, "url"):
        return None  # our own emulator was started with it
    if not Path(world).is_file():
        return world
    from emulator.files import read_yaml  # noqa: PLC0415

    return read_yaml(Path(world))


def _get_option(config: pytest.Config, name: str) -> str:
    option = config.getoption(f"--smsclouds-{name}", default=None)
    if option is None and name != "secret":
        option = config.getini(f"smsclouds_{name}")
    return cast("str", option or "")
