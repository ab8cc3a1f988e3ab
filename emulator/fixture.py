"""World files: a YAML document, checked against a JSON Schema, becomes an account."""

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib import import_module
from pathlib import Path
from string import Formatter
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import jsonschema_rs

from emulator import files
from emulator.domain import money
from emulator.domain.account import (
    Account,
    Country,
    Item,
    Keyword,
    Link,
    Prices,
    Route,
)
from emulator.domain.assumptions import STRICT, SWITCHES, Assumptions
from emulator.domain.handset import Outcome, Population
from emulator.domain.refusals import REASONS, Reason
from emulator.domain.timeline import PACES, Pace

_TRUTHS = {True: ("yes", "on"), False: ("no", "off")}  # to YAML
MONTH = timedelta(days=31)
YEARS = range(1970, 9001)  # that a clock may begin in
FASTEST = 1_000_000  # seconds of a world in one of the wall: eleven days
Part = Mapping[str, Any]  # of a world file
Thing = TypeVar("Thing", Country, Route, Item, Link)


class FixtureError(Exception):
    """A world file that cannot be used; the message says where and why."""


@dataclass(frozen=True, slots=True)
class Overrides:
    """What the command line says of every world, over what its file says."""

    strict: bool | None = None
    pace: str | None = None  # manual or instant
    clock: str | None = None  # real, frozen or xN
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Fixture:
    """A world file, read: what worlds are made from."""

    name: str
    account: Account
    tokens: tuple[tuple[str, str], ...]  # name and literal
    rate: float  # of the clock; 0 is frozen
    at: datetime | None  # where the clock begins; None is now


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
        return read(document, path.stem, overrides, now=now)
    except FixtureError as error:
        message = f"the world file {path} is wrong {error}"
        raise FixtureError(message) from error


def read(
    document: Any, stem: str, overrides: Overrides = Overrides(), *, now: datetime
) -> Fixture:
    """Return the world that *document* describes; *stem* names it if it does not.

    Raises ``FixtureError``: ``at routes.0.price: ...``.
    """
    try:
        _check(document)
        return _fixture(document, stem, overrides, now)
    except (ValueError, KeyError, OverflowError, RecursionError, OSError) as error:
        message = f"in what it means: {error}"
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
    where = ".".join(map(str, error.absolute_path)) or "the top"
    message = f"at {where}: {error.message}"
    raise FixtureError(message)


@cache
def _schema() -> dict[str, Any]:
    schema: dict[str, Any] = files.read_own_yaml(files.WORLD_SCHEMA)
    return schema


@cache
def _validator() -> jsonschema_rs.Draft202012Validator:
    return jsonschema_rs.Draft202012Validator(_schema())


def _fixture(document: Part, stem: str, overrides: Overrides, now: datetime) -> Fixture:
    name = document.get("name", stem)
    if not re.fullmatch(_schema()["properties"]["name"]["pattern"], name):
        message = f"the file's name {stem!r} is none of a world; set name:"
        raise ValueError(message)
    tokens = document.get("tokens", [{"name": "default", "token": name}])
    rate, at = clock(overrides.clock or document.get("clock", "real"))
    return Fixture(
        name=name,
        account=_account(document, overrides, now),
        tokens=tuple((each["name"], each["token"]) for each in tokens),
        rate=rate,
        at=at,
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


def _account(document: Part, overrides: Overrides, now: datetime) -> Account:
    person, zone = document["account"], ZoneInfo(document["account"]["time_zone"])
    seed = document.get("seed", 1) if overrides.seed is None else overrides.seed
    return Account(
        user=person["user"],
        name=person["name"],
        surname=person["surname"],
        credit=money.parse(person["credit"]),
        zone=zone,
        seed=seed,
        countries=_by_id(
            Country(each["country"], each["name"]) for each in document["countries"]
        ),
        routes=_by_id(_routes(document)),
        audios=_by_id(_items(document.get("audios", ()))),
        media=_by_id(_items(document.get("media", ()))),
        links=_by_id(_links(document, zone, now)),
        keywords=tuple(_keywords(document, zone, now)),
        remittents=frozenset(map(int, document.get("remittents", ()))),
        whitelist=frozenset(document.get("whitelist", ())),
        services=document.get("services", {}),
        prices=_prices(document.get("prices", {})),
        pace=_pace(overrides.pace or document.get("pace", "manual")),
        assumptions=_assumptions(document, overrides),
        population=_population(document, seed),
        refusals=_refusals(document.get("refusals", {})),
        token_lifetime=_days(document.get("token_lifetime_days")),
        merged_limit=document.get("merged_limit", Account.merged_limit),
        short_link_base=document.get("short_link_base", "https://mx4.mx"),
    )


def _by_id(things: Iterable[Thing]) -> dict[int, Thing]:
    """Return *things* by their ids.  Raises ``ValueError`` where two share one."""
    found: dict[int, Thing] = {}
    for each in things:
        if found.setdefault(each.id, each) is not each:
            message = f"two of {type(each).__name__} have the id {each.id}"
            raise ValueError(message)
    return found


def _routes(document: Part) -> Iterable[Route]:
    countries = {each["country"] for each in document["countries"]}
    for each in document["routes"]:
        if each["country"] not in countries:
            message = f"route {each['route']} leads to an unknown country"
            raise ValueError(message)
        yield Route(
            id=each["route"],
            name=each["name"],
            country=each["country"],
            price=money.parse(each["price"]),
            description=each["description"],
            clic_name=each.get("clic_name"),
        )


def _items(parts: Iterable[Part]) -> Iterable[Item]:
    return (Item(each["id"], each["name"], each.get("url")) for each in parts)


def _links(document: Part, zone: ZoneInfo, now: datetime) -> Iterable[Link]:
    for each in document.get("links", ()):
        created_at = _instant(each.get("created"), zone) or now
        yield Link(each["id"], each["title"], each["url"], created_at)


def _keywords(document: Part, zone: ZoneInfo, now: datetime) -> Iterable[Keyword]:
    """Source: manual KEY-12 for the month."""
    for each in document.get("keywords", ()):
        created_at = _instant(each.get("created"), zone) or now
        yield Keyword(
            word=each["keyword"],
            kind=each.get("type", "Palabra Clave Dedicada"),
            created_at=created_at,
            expires_at=_instant(each.get("expires"), zone) or created_at + MONTH,
            response=each.get("response"),
            response_url=each.get("response_url"),
            push_url=each.get("push_url"),
        )


def _instant(text: str | None, zone: ZoneInfo) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=zone)


def _prices(part: Part) -> Prices:
    return Prices(**{name: money.parse(amount) for name, amount in part.items()})


def _pace(part: str | Part) -> Pace:
    if isinstance(part, str):
        return PACES[part]
    durations: dict[str, Any] = {
        name: timedelta(seconds=value) for name, value in part.items()
    }
    return Pace(**durations)


def _assumptions(document: Part, overrides: Overrides) -> Assumptions:
    strict = document.get("strict", False)
    if overrides.strict is not None:
        strict = overrides.strict
    chosen = Assumptions(STRICT) if strict else Assumptions()
    return chosen.but(
        {
            name: _word(name, choice)
            for name, choice in document.get("assumptions", {}).items()
        }
    )


def _word(name: str, choice: Any) -> str:
    """Return the word that was written, which YAML may have taken for a truth."""
    if isinstance(choice, str):
        return choice
    choices = SWITCHES[name].choices if name in SWITCHES else ()
    return next((word for word in _TRUTHS[choice] if word in choices), str(choice))


def _population(document: Part, seed: int) -> Population:
    return Population(
        seed=seed,
        weights={
            Outcome[each["outcome"].upper()]: each["weight"]
            for each in document.get("population", ())
        },
        known={
            int(each["cellphone"]): Outcome[each["outcome"].upper()]
            for each in document.get("handsets", ())
        },
    )


def _refusals(part: Part) -> dict[str, Reason]:
    unknown = ", ".join(sorted(part.keys() - REASONS.keys()))
    if unknown:
        message = f"there is no refusal called {unknown}"
        raise ValueError(message)
    for name, change in part.items():
        for language in ("es", "en"):
            _check_words(name, change.get(language, ""))
    return {
        name: Reason(
            name,
            change.get("status", REASONS[name].status),
            change.get("es", REASONS[name].es),
            change.get("en", REASONS[name].en),
        )
        for name, change in part.items()
    }


def _check_words(name: str, sentence: str) -> None:
    """Raise ``ValueError`` where *sentence* asks for a word that nobody will give."""
    known, asked = (
        {word for _, word, _, _ in Formatter().parse(each) if word is not None}
        for each in (REASONS[name].es, sentence)
    )
    if asked - known:
        words = ", ".join(sorted(known)) or "no words"
        message = f"the sentence of {name} knows {words}, not {sorted(asked - known)}"
        raise ValueError(message)


def _days(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)
