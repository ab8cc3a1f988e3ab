"""World files: a YAML document, checked against a JSON Schema, becomes an account."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import jsonschema_rs
from msgspec import Struct, field
from msgspec.structs import fields

from emulator import files
from emulator.worldfile.account_reader import Mistake, Part
from emulator.worldfile.account_reader import read as read_account
from emulator.timekeeping.clock import Clock
from emulator.domain.account import Account

YEARS = range(1970, 9001)  # that a clock may begin in
FASTEST = 1_000_000  # seconds of a world in one of the wall: eleven days
LONGEST = 400  # characters of what is said about a mistake


class FixtureError(Exception):
    """A world file that cannot be used; the message says where and why."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.where = where  # dotted: routes.0.price; empty for the whole file


class Overrides(Struct, frozen=True):
    """What the command line says of every world, over what its file says."""

    strict: bool | None = None
    pace: str | None = None  # manual or instant
    clock: str | None = None  # real, frozen or xN
    seed: int | None = None
    push_url: str | None = None
    assumptions: Mapping[str, str] = field(default_factory=dict)

    def over(self, document: Part) -> Part:
        """Return *document* with what is said here in its place."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        said["assumptions"] = {**document.get("assumptions", {}), **self.assumptions}
        return {**document, **{name: it for name, it in said.items() if it is not None}}


NO_OVERRIDES = Overrides()


class Fixture(Struct, frozen=True):
    """A world file, read: what worlds are made from."""

    name: str
    account: Account
    tokens: tuple[tuple[str, str], ...]  # name and literal
    rate: float  # of the clock; 0 is frozen
    at: datetime | None  # where the clock begins; None is now
    document: Part  # that it was read from


def load(path: Path, overrides: Overrides, *, now: datetime) -> Fixture:
    """Return the world that the file at *path* describes.

    Raises ``FixtureError`` with the path of the mistake.
    """
    try:
        ours = path.parent == files.WORLDS
        document = files.read_own_yaml(path) if ours else files.read_yaml(path)
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        message = f"the world file {path} cannot be read: {reason}"
        raise FixtureError(message) from error
    try:
        with _told():
            if not ours:  # which a test checks
                _check(document)
            return _fixture(overrides.over(document), path.stem, now)
    except FixtureError as error:
        message = f"the world file {path} is wrong {error}"
        raise FixtureError(message, error.where) from error


def bundled(name: str) -> Fixture:
    """Return a world that comes with the program.  Raises ``FixtureError``."""
    known = sorted(path.stem for path in files.WORLDS.glob("*.yaml"))
    if name not in known:
        message = f"there is no world file called {name}; known: {', '.join(known)}"
        raise FixtureError(message)
    return load(files.WORLDS / f"{name}.yaml", NO_OVERRIDES, now=Clock().now())


def varied(fixture: Fixture, overrides: Overrides, *, now: datetime) -> Fixture:
    """Return *fixture* with what is said over it.  Raises ``FixtureError``."""
    with _told():
        return _fixture(overrides.over(fixture.document), fixture.name, now)


def read(
    document: Any, stem: str, overrides: Overrides = NO_OVERRIDES, *, now: datetime
) -> Fixture:
    """Return the world that *document* describes; *stem* names it if it does not.

    Raises ``FixtureError``: ``at routes.0.price: ...``.
    """
    with _told():
        _check(document)
        return _fixture(overrides.over(document), stem, now)


def account_of(document: Any, now: datetime) -> Account:
    """Return the account that *document*, a world file's, describes.

    What has no date of its own is of *now*.  Raises ``FixtureError``:
    ``at routes.0.price: ...``.
    """
    with _told():
        _check(document)
        return read_account(document, now)


@contextmanager
def _told() -> Iterator[None]:
    """Say what is wrong with a document as ``FixtureError``."""
    try:
        yield
    except Mistake as error:
        message = f"at {error.where}: {_short(str(error))}"
        raise FixtureError(message, error.where) from error
    except (ValueError, KeyError, OverflowError, RecursionError, OSError) as error:
        message = f"in what it means: {_short(str(error))}"
        raise FixtureError(message) from error


def _check(document: Any) -> None:
    """Raise ``FixtureError`` unless *document* has the shape of a world file."""
    with suppress(ValueError):  # of what YAML has and JSON has not: a date, a key 1
        if _validator().is_valid(document):
            return
    jsonschema = import_module("jsonschema")  # 60 ms, and only for the words
    validator = jsonschema.Draft202012Validator(_schema())
    error = jsonschema.exceptions.best_match(validator.iter_errors(document))
    if error is None:  # jsonschema is content with more
        message = "somewhere: .nan, a key that is no text, or a line break too many"
        raise FixtureError(message)
    where = ".".join(map(str, error.absolute_path))
    message = f"at {where or 'the top'}: {_short(error.message)}"
    raise FixtureError(message, where)


def _short(message: str) -> str:
    """Return *message* without the middle of what it quotes at length."""
    if len(message) <= LONGEST:
        return message
    half = LONGEST // 2
    return f"{message[:half]} ... {message[-half:]}"


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = files.read_own_yaml(files.WORLD_SCHEMA)
    return schema


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_schema())


def _fixture(document: Part, stem: str, now: datetime) -> Fixture:
    name = document.get("name", stem)
    if not re.fullmatch(_schema()["properties"]["name"]["pattern"], name):
        message = f"the file's name {stem!r} is none of a world; set name:"
        raise ValueError(message)
    tokens = document.get("tokens", [{"name": "default", "token": name}])
    rate, at = clock(document.get("clock", "real"))
    return Fixture(
        name=name,
        account=read_account(document, at or now),
        tokens=tuple((each["name"], each["token"]) for each in tokens),
        rate=rate,
        at=at,
        document=document,
    )


def clock(text: str) -> tuple[float, datetime | None]:
    """Return rate and beginning of ``real``, ``frozen``, ``x60`` or an instant.

    An instant (``2026-01-31T12:00:00Z``) is a clock that is frozen there.
    """
    if text in {"real", "frozen"}:
        return float(text == "real"), None
    if text.startswith("x"):
        rate = float(text[1:])
        if not 0 < rate <= FASTEST:
            message = f"{text} is no rate of a clock; x{FASTEST} is the fastest"
            raise ValueError(message)
        return rate, None
    at = datetime.fromisoformat(text)
    if at.year not in YEARS:
        message = f"{text} is not a year from {YEARS[0]} to {YEARS[-1]}"
        raise ValueError(message)
    return 0.0, at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
