"""World files: a YAML document, checked against a JSON Schema, becomes an account."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import jsonschema_rs
from msgspec import Struct, field
from msgspec.structs import fields

from emulator import files
from emulator.contract import large_body
from emulator.contract.document import OpenApiDocument
from emulator.contract.large_body import BodySlice, LargeBodyRules
from emulator.domain.account import Account
from emulator.domain.bounds import LAST_INSTANT, WORLD_START
from emulator.timekeeping.clock import Clock
from emulator.worldfile.account_codec import read_account
from emulator.worldfile.old_words import WORLD_FILE_WORDS, translate_old_words
from emulator.worldfile.part_codec import WorldFileMistake, WorldFilePart

FASTEST_RATE = 1_000_000  # seconds of a world in one of the wall: eleven days
MOST_ERRORS = 100  # of a document that are looked at for the one that tells most
FEWER_ITEMS = (1_000, 30, 1)  # of each list of a document, until one is wrong
LONGEST_MESSAGE = 400  # characters of what is said about a mistake


class FixtureError(Exception):
    """A world file that cannot be used; the message says where and why."""

    def __init__(self, message: str, where: str = "") -> None:
        super().__init__(message)
        self.where = where  # dotted: routes.0.price; empty for the whole file


class FixtureOverrides(Struct, frozen=True):
    """What the command line says of every world, over what its file says."""

    strict: bool | None = None
    pace: str | None = None  # manual or instant
    clock: str | None = None  # real, frozen or xN
    seed: int | None = None
    push_url: str | None = None
    assumptions: Mapping[str, str] = field(default_factory=dict)

    def apply_to(self, document: WorldFilePart) -> WorldFilePart:
        """Return *document* with what is said here in its place."""
        said = {each.name: getattr(self, each.name) for each in fields(self)}
        said["assumptions"] = {**document.get("assumptions", {}), **self.assumptions}
        return {**document, **{name: it for name, it in said.items() if it is not None}}


NO_OVERRIDES = FixtureOverrides()


class Fixture(Struct, frozen=True):
    """A world file, read: what worlds are made from."""

    name: str
    account: Account
    tokens: tuple[tuple[str, str], ...]  # name and literal
    rate: float  # of the clock; 0 is frozen
    at: datetime | None  # where the clock begins; None is now
    document: WorldFilePart  # that it was read from


def load_fixture(path: Path, overrides: FixtureOverrides, *, now: datetime) -> Fixture:
    """Return the world that the file at *path* describes.

    Raises ``FixtureError`` with the path of the mistake.
    """
    try:
        ours = path.parent == files.WORLDS
        document = files.read_cached_yaml(path) if ours else files.read_yaml(path)
    except (OSError, ValueError, RecursionError) as error:
        reason = " ".join(str(error).split())
        message = f"the world file {path} cannot be read: {reason}"
        raise FixtureError(message) from error
    try:
        with _as_fixture_error():
            if not ours:  # which a test checks
                document = _check_document(document)
            return _build_fixture(overrides.apply_to(document), path.stem, now)
    except FixtureError as error:
        message = f"the world file {path} is wrong {error}"
        raise FixtureError(message, error.where) from error


def load_bundled_fixture(name: str) -> Fixture:
    """Return a world that comes with the program.  Raises ``FixtureError``."""
    known = sorted(path.stem for path in files.WORLDS.glob("*.yaml"))
    if name not in known:
        message = f"there is no world file called {name}; known: {', '.join(known)}"
        raise FixtureError(message)
    return load_fixture(files.WORLDS / f"{name}.yaml", NO_OVERRIDES, now=Clock().now())


def override_fixture(
    fixture: Fixture, overrides: FixtureOverrides, *, now: datetime
) -> Fixture:
    """Return *fixture* with what is said over it.  Raises ``FixtureError``."""
    with _as_fixture_error():
        return _build_fixture(overrides.apply_to(fixture.document), fixture.name, now)


def parse_fixture(
    document: Any,
    stem: str,
    overrides: FixtureOverrides = NO_OVERRIDES,
    *,
    now: datetime,
) -> Fixture:
    """Return the world that *document* describes; *stem* names it if it does not.

    Raises ``FixtureError``: ``at routes.0.price: ...``.
    """
    with _as_fixture_error():
        document = _check_document(document)
        return _build_fixture(overrides.apply_to(document), stem, now)


def parse_account(document: Any, now: datetime) -> Account:
    """Return the account that *document*, a world file's, describes.

    What has no date of its own is of *now*.  Raises ``FixtureError``:
    ``at routes.0.price: ...``.
    """
    with _as_fixture_error():
        return read_account(_check_document(document), now)


@contextmanager
def _as_fixture_error() -> Iterator[None]:
    """Say what is wrong with a document as ``FixtureError``."""
    try:
        yield
    except WorldFileMistake as error:
        message = f"at {error.where}: {_shorten_middle(str(error))}"
        raise FixtureError(message, error.where) from error
    except (ValueError, KeyError, OverflowError, RecursionError, OSError) as error:
        message = f"in what it means: {_shorten_middle(str(error))}"
        raise FixtureError(message) from error


def _check_document(document: Any) -> Any:
    """Return *document*, in new words, if it has the shape of a world file.

    Raises ``FixtureError``.
    """
    document = translate_old_words(document, WORLD_FILE_WORDS)
    with suppress(ValueError):  # of what YAML has and JSON has not: a date, a key 1
        if _make_validator().is_valid(document):
            return document
    try:
        part = _find_wrong_part(document)
    except RecursionError:  # an anchor within itself
        part = BodySlice(document)
    jsonschema = import_module("jsonschema")  # 60 ms, and only for the words
    validator = jsonschema.Draft202012Validator(_load_schema())
    errors = islice(validator.iter_errors(part.body), MOST_ERRORS)
    error = jsonschema.exceptions.best_match(errors)
    if error is None:  # jsonschema is content with more
        message = "somewhere: .nan, a key that is no text, or a line break too many"
        raise FixtureError(message)
    where = part.restore_field(".".join(map(str, error.absolute_path)))
    message = f"at {where or 'the top'}: {_shorten_middle(error.message)}"
    raise FixtureError(message, where)


def _find_wrong_part(document: Any) -> BodySlice:
    """Return a small part of a wrong document that is wrong as well.

    To find the words for a mistake takes a hundred times as long as to find it.
    """
    if not isinstance(document, dict):
        quoted = _shorten_middle(repr(large_body.shorten_values(document)))
        message = f"at the top: {quoted} is not of type 'object'"
        raise FixtureError(message)
    rules = _read_large_rules()
    name, most = large_body.find_long_array(rules, document)
    if name:
        message = f"at {name}: an array of more than {most} items is too long"
        raise FixtureError(message, name)
    found = BodySlice(document)
    for most in FEWER_ITEMS:
        parts = large_body.slice_body(rules, found.body, most)
        wrong = next(filter(_is_wrong, parts), None)
        if wrong is None:  # what slices leave out is wrong
            return found
        start = wrong.start + (found.start if wrong.name == found.name else 0)
        found = BodySlice(wrong.body, wrong.name or found.name, start or found.start)
    short = found._replace(body=large_body.shorten_values(found.body))
    return short if _is_wrong(short) else found


def _is_wrong(part: BodySlice) -> bool:
    try:
        return not _make_validator().is_valid(part.body)
    except ValueError:
        return True


@cache
def _read_large_rules() -> LargeBodyRules:
    schema = _load_schema()
    fields = schema["properties"].items()
    return large_body.read_rules(OpenApiDocument(schema), "", fields)


def _shorten_middle(message: str) -> str:
    """Return *message* without the middle of what it quotes at length."""
    if len(message) <= LONGEST_MESSAGE:
        return message
    half = LONGEST_MESSAGE // 2
    return f"{message[:half]} ... {message[-half:]}"


@cache
def _load_schema() -> dict[str, Any]:
    schema: dict[str, Any] = files.read_cached_yaml(files.WORLD_SCHEMA)
    return schema


@cache
def _make_validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_load_schema())


def _build_fixture(document: WorldFilePart, stem: str, now: datetime) -> Fixture:
    name = document.get("name", stem)
    if not re.fullmatch(_load_schema()["properties"]["name"]["pattern"], name):
        message = f"the file's name {stem!r} is none of a world; set name:"
        raise ValueError(message)
    tokens = document.get("tokens", [{"name": "default", "token": name}])
    rate, at = parse_clock_setting(document.get("clock", "real"))
    return Fixture(
        name=name,
        account=read_account(document, at or now),
        tokens=tuple((each["name"], each["token"]) for each in tokens),
        rate=rate,
        at=at,
        document=document,
    )


def parse_clock_setting(text: str) -> tuple[float, datetime | None]:
    """Return rate and beginning of ``real``, ``frozen``, ``x60`` or an instant.

    An instant (``2026-01-31T12:00:00Z``) is a clock that is frozen there.
    """
    if text in {"real", "frozen"}:
        return float(text == "real"), None
    if text.startswith("x"):
        rate = float(text[1:])
        if not 0 < rate <= FASTEST_RATE:
            message = f"{text} is no rate of a clock; x{FASTEST_RATE} is the fastest"
            raise ValueError(message)
        return rate, None
    at = datetime.fromisoformat(text)
    at = at.replace(tzinfo=at.tzinfo or UTC)
    if not WORLD_START <= at <= LAST_INSTANT:
        message = (
            f"{text} is not of the years {WORLD_START.year} to {LAST_INSTANT.year}"
        )
        raise ValueError(message)
    return 0.0, at.astimezone(UTC)
