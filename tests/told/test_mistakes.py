"""What is said of files that are wrong, and what the command line says of itself."""

from collections.abc import Iterator
from contextlib import closing, redirect_stdout
from copy import deepcopy
from io import StringIO
from typing import Any

import click
from click.testing import CliRunner

from emulator.command import announcement
from emulator.command.main import main
from emulator.domain.refusals import Refusal
from emulator.operations.control import snapshots as snapshot_of
from emulator.serving.server import ReadyReport
from emulator.worldfile import fixture
from emulator.worldfile.fixture import FixtureError
from tests.support.emulator import START, make_emulator, read_demo_world, run_control
from tests.support.transcripts import Scribe
from tests.support.worlds import fill_world

WRONG: tuple[Any, ...] = (None, True, -1, 1.5, "x", [], {}, "2026-03-05 10:00:00")
FEW: tuple[Any, ...] = (None, -1, "look at me", {}, "2026-03-05T10:00:00")
FILE = {
    "strict": False,
    "clock": "frozen",
    "pace": {"inserting": 1, "retry_scale": 1},
    "merged_limit": 400,
    "token_lifetime_days": 3,
    "push_url": "http://127.0.0.1:9/mo",
    "push_retries": [5],
    "population": [{"outcome": "failed", "weight": 1}],
    "handsets": [{"cellphone": "5512345678", "outcome": "absent"}],
    "assumptions": {"language": "en"},
    "refusals": {"NO_SUCH_PATH": {"es": "x", "en": "y", "status": 404}},
    "smpp": {
        "max_queued_receipts": 5,
        "receipt_retry_delay": 3,
        "queue_full_status": 20,
    },
    "binds": [
        {
            "system_id": "a",
            "password": "b",
            "senders": ["74342"],
            "route": 87,
            "receipts": {"ids": "hex", "dates": "seconds"},
        }
    ],
}


SHAPED = {"tokens", "format", "name", "clock", "faults", "account"}


def places(part: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the steps to everything in a document, of a list to the first."""
    if isinstance(part, dict):
        steps = list(part)
    else:
        steps = [0] if isinstance(part, list) and part else []
    for step in steps:
        yield (*at, step)
        yield from places(part[step], (*at, step))


def spoilt(document: Any, steps: tuple[Any, ...], value: Any) -> Any:
    """Return a copy that has *value* at a place."""
    copy = deepcopy(document)
    part = copy
    for step in steps[:-1]:
        part = part[step]
    part[steps[-1]] = value
    return copy


def test_world_files(scribe: Scribe) -> None:
    """Spoil a world file at each of its places."""
    document = {**read_demo_world(), **FILE}

    def read(document: Any) -> str:
        try:
            fixture.parse_fixture(document, "x", now=START)
        except FixtureError as error:
            return str(error)
        return "is read"

    for steps in places(document):
        documents = (spoilt(document, steps, value) for value in WRONG)
        outcomes = zip(map(repr, WRONG), map(read, documents), strict=True)
        scribe.tell_outcomes(".".join(map(str, steps)), outcomes)


def test_snapshots(scribe: Scribe) -> None:
    """Spoil a snapshot at each of its places."""
    fill_world(scribe.api)
    document = run_control(scribe.api, "GET", "world/snapshot")

    def read(document: Any) -> str:
        try:
            snapshot_of.snapshot_from_json(document)
        except Refusal as refusal:
            return refusal.why
        return "is read"

    for steps in places(document):
        if steps[0] in SHAPED:  # by the contract
            continue
        documents = (spoilt(document, steps, value) for value in FEW)
        outcomes = zip(map(repr, FEW), map(read, documents), strict=True)
        scribe.tell_outcomes(".".join(map(str, steps)), outcomes)


def test_helps(scribe: Scribe) -> None:
    """Tell what every command says of itself, and of what is asked wrongly."""
    for words in _commands(main, ()):
        scribe.begin_part(" ".join(words) or "smsclouds-emulator")
        for more in (["--help"], ["--nonsense"]):
            done = CliRunner().invoke(main, [*words, *more], terminal_width=88)
            said = done.output.splitlines()
            # Who asked a command first decides whether it also knows -h.
            scribe.lines += (each for each in said if "--help  " not in each)


def test_welcome(scribe: Scribe) -> None:
    """Tell what a server says once it is ready, and what may be tried first."""
    with closing(make_emulator(tokens=[], binds=[])) as other:
        bare = other.worlds.default
    http, smpp = "http://emulator.test:7672", {"smpp": "emulator.test:2775"}
    for ready in (
        ReadyReport(http),
        ReadyReport(http, "https://emulator.test:7673", smpp),
    ):
        for world in (scribe.api.world, bare):
            with redirect_stdout(StringIO()) as said:
                announcement.print_welcome(ready, world)
            scribe.lines += said.getvalue().splitlines()


def _commands(
    group: click.Command, words: tuple[str, ...]
) -> Iterator[tuple[str, ...]]:
    yield words
    if isinstance(group, click.Group):
        for name in sorted(group.commands):
            yield from _commands(group.commands[name], (*words, name))


def test_kept(scribe: Scribe) -> None:
    """Tell what a snapshot holds, and what a world that was made from it tells."""
    fill_world(scribe.api)
    scribe.ask_control("GET", "world/snapshot")
    document = run_control(scribe.api, "GET", "world/snapshot")
    with closing(make_emulator()) as other:
        run_control(
            other, "POST", "worlds", json={"name": "copy", "snapshot": document}
        )
        other.token = "world-copy"
        again = run_control(other, "GET", "world/snapshot?world=copy")
        scribe.lines += [
            f"{name} is another" for name in document if document[name] != again[name]
        ]
