"""The account in a world file: what a document of the right shape means."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from string import Formatter
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from emulator.domain import money
from emulator.domain.access import BindConfig, ReceiptFormat, SmppAccess, SmscConfig
from emulator.domain.account import (
    Account,
    Country,
    Keyword,
    Link,
    MediaFile,
    Prices,
    Route,
)
from emulator.domain.assumptions import STRICT_CHOICES, SWITCHES, Assumptions
from emulator.domain.coding import Alphabet
from emulator.domain.handset import Outcome, Population, ReplyProfile
from emulator.domain.refusal_catalog import REASONS
from emulator.domain.refusals import RefusalReason
from emulator.domain.timeline import PACES, Pace

WorldFilePart = Mapping[str, Any]  # of a world file
Thing = TypeVar("Thing", Country, Route, MediaFile, Link)
Parsed = TypeVar("Parsed")

_YAML_WORDS = {True: ("yes", "on"), False: ("no", "off")}  # to YAML
KEYWORD_LIFETIME = timedelta(days=31)
# Source: assumption MOP-07; the manual is silent, and so is ``none``.
RETRY_DELAYS: Mapping[str, tuple[timedelta, ...]] = {
    "none": (),
    "backoff": tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 3600)),
}


class WorldFileMistake(Exception):  # noqa: N818 - the author's, not ours
    """Something in a world file that has the right shape and means nothing."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where  # dotted: routes.0.price


def build_account(document: WorldFilePart, now: datetime) -> Account:
    """Return the account of *document*, which has the shape of a world file.

    What has no date of its own is of *now*.  Raises ``WorldFileMistake``.
    """
    person, zone = document["account"], _parse_zone(document["account"]["time_zone"])
    seed = int(document.get("seed", 1))
    with _mistake_at("account.credit"):
        credit = money.parse_amount(person["credit"])
    return Account(
        user=person["user"],
        name=person["name"],
        surname=person["surname"],
        credit=credit,
        zone=zone,
        seed=seed,
        countries=_index_by_id(
            "countries", _parse_all(document, "countries", _parse_country)
        ),
        routes=_index_by_id(
            "routes", _parse_all(document, "routes", _make_route_parser(document))
        ),
        audios=_index_by_id("audios", _parse_all(document, "audios", _parse_item)),
        media=_index_by_id("media", _parse_all(document, "media", _parse_item)),
        links=_index_by_id(
            "links", _parse_all(document, "links", partial(_parse_link, zone, now))
        ),
        keywords=_parse_keywords(document, zone, now),
        push_url=document.get("push_url"),
        push_retries=_parse_retries(document.get("push_retries", "none")),
        remittents=frozenset(map(int, document.get("remittents", ()))),
        whitelist=frozenset(document.get("whitelist", ())),
        services=document.get("services", {}),
        prices=_parse_prices(document.get("prices", {})),
        pace=_parse_pace(document.get("pace", "manual")),
        assumptions=_parse_assumptions(document),
        population=_parse_population(document, seed),
        refusals=_parse_refusals(document.get("refusals", {})),
        token_lifetime=_parse_days(document.get("token_lifetime_days")),
        merged_limit=int(document.get("merged_limit", Account.merged_limit)),
        short_link_base=document.get("short_link_base", "https://mx4.mx"),
        access=_parse_access(document),
    )


def _parse_all(
    document: WorldFilePart, name: str, make: Callable[[WorldFilePart], Parsed]
) -> list[Parsed]:
    """Return what *make* makes of each item of a list of the document."""
    made = []
    for index, part in enumerate(document.get(name, ())):
        with _mistake_at(name, index):
            made.append(make(part))
    return made


def _index_by_id(name: str, things: Iterable[Thing]) -> dict[int, Thing]:
    """Return *things* by id.  Raises ``WorldFileMistake`` where two share one."""
    found: dict[int, Thing] = {}
    for index, each in enumerate(things):
        with _mistake_at(name, index):
            if found.setdefault(each.id, each) is not each:
                message = f"two of {type(each).__name__} have the id {each.id}"
                raise ValueError(message)
    return found


def _parse_zone(name: str) -> ZoneInfo:
    with _mistake_at("account.time_zone"):
        return ZoneInfo(name)


def _parse_country(part: WorldFilePart) -> Country:
    return Country(int(part["country"]), part["name"])


def _make_route_parser(document: WorldFilePart) -> Callable[[WorldFilePart], Route]:
    """Return what makes a route to one of the document's countries."""
    countries = {each["country"] for each in document["countries"]}

    def route(part: WorldFilePart) -> Route:
        if part["country"] not in countries:
            message = f"route {part['route']} leads to an unknown country"
            raise ValueError(message)
        return Route(
            id=int(part["route"]),
            name=part["name"],
            country=int(part["country"]),
            price=money.parse_amount(part["price"]),
            description=part["description"],
            clic_name=part.get("clic_name"),
        )

    return route


def _parse_item(part: WorldFilePart) -> MediaFile:
    return MediaFile(int(part["id"]), part["name"], part.get("url"))


def _parse_link(zone: ZoneInfo, now: datetime, part: WorldFilePart) -> Link:
    created_at = _parse_instant(part.get("created"), zone) or now
    return Link(int(part["id"]), part["title"], part["url"], created_at)


def _parse_keywords(
    document: WorldFilePart, zone: ZoneInfo, now: datetime
) -> tuple[Keyword, ...]:
    """Return the keywords.  Raises ``WorldFileMistake`` for two that differ in case."""
    keywords = _parse_all(document, "keywords", partial(_parse_keyword, zone, now))
    words: set[str] = set()
    for index, each in enumerate(keywords):
        with _mistake_at("keywords", index):
            if each.word.casefold() in words:
                message = f"two keywords are called {each.word}"
                raise ValueError(message)
        words.add(each.word.casefold())
    return tuple(keywords)


def _parse_keyword(zone: ZoneInfo, now: datetime, part: WorldFilePart) -> Keyword:
    """Source: manual KEY-12 for the month."""
    created_at = _parse_instant(part.get("created"), zone) or now
    return Keyword(
        word=part["keyword"],
        kind=part.get("type", "Palabra Clave Dedicada"),
        created_at=created_at,
        expires_at=_parse_instant(part.get("expires"), zone)
        or created_at + KEYWORD_LIFETIME,
        response=part.get("response"),
        response_url=part.get("response_url"),
        push_url=part.get("push_url"),
    )


def _parse_instant(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Return the instant that *text* names, in the account's time without offset."""
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=zone)
    return instant.astimezone(UTC)


def _parse_access(document: WorldFilePart) -> SmppAccess:
    """Return the SMPP access.  Raises ``WorldFileMistake`` for a name twice."""
    binds: dict[str, BindConfig] = {}
    for index, each in enumerate(_parse_all(document, "binds", _parse_bind)):
        with _mistake_at("binds", index):
            if binds.setdefault(each.system_id, each) is not each:
                message = f"two binds are called {each.system_id}"
                raise ValueError(message)
    return SmppAccess(binds, _parse_smsc_config(document.get("smpp", {})))


def _parse_bind(part: WorldFilePart) -> BindConfig:
    return BindConfig(
        system_id=part["system_id"],
        password=part.get("password"),
        coding=Alphabet(part.get("coding", Alphabet.GSM)),
        route=int(part["route"]) if "route" in part else None,
        senders=tuple(part.get("senders", ())),
        binds=int(part.get("binds", 0)),
        window=int(part.get("window", 0)),
        rate=int(part.get("rate", 0)),
        receipts=ReceiptFormat(**part.get("receipts", {})),
    )


def _parse_smsc_config(part: WorldFilePart) -> SmscConfig:
    lasting = {
        name: timedelta(seconds=part[name])
        for name in ("held_for", "retry_after")
        if name in part
    }
    return SmscConfig(**{**part, **lasting})


def _parse_prices(part: WorldFilePart) -> Prices:
    prices = {}
    for name, amount in part.items():
        with _mistake_at("prices", name):
            prices[name] = money.parse_amount(amount)
    return Prices(**prices)


def _parse_pace(part: str | WorldFilePart) -> Pace:
    if isinstance(part, str):
        return PACES[part]
    named: dict[str, Any] = {
        name: int(value) if name == "patience" else timedelta(seconds=value)
        for name, value in part.items()
    }
    return Pace(**named)


def _parse_assumptions(document: WorldFilePart) -> Assumptions:
    chosen = Assumptions(STRICT_CHOICES) if document.get("strict") else Assumptions()
    for name, choice in document.get("assumptions", {}).items():
        with _mistake_at("assumptions", name):
            chosen = chosen.with_choices({name: _parse_choice(name, choice)})
    return chosen


def _parse_choice(name: str, choice: Any) -> str:
    """Return the word that was written, which YAML may have taken for a truth."""
    if isinstance(choice, str):
        return choice
    choices = SWITCHES[name].choices if name in SWITCHES else ()
    return next((word for word in _YAML_WORDS[choice] if word in choices), str(choice))


def _parse_population(document: WorldFilePart, seed: int) -> Population:
    weights = {
        each["outcome"]: each["weight"] for each in document.get("population", ())
    }
    return Population(
        seed=seed,
        profiles=tuple(map(_parse_profile, document.get("profiles", ()))),
        weights=weights_by_outcome(weights),
        known={
            int(each["cellphone"]): Outcome[each["outcome"].upper()]
            for each in document.get("handsets", ())
        },
    )


def _parse_profile(part: WorldFilePart) -> ReplyProfile:
    after = timedelta(seconds=part["after"])
    return ReplyProfile(part["share"], after, tuple(part["texts"]))


def _parse_retries(part: str | list[float]) -> tuple[timedelta, ...]:
    """Return how long after each failed push the next one follows."""
    if isinstance(part, str):
        return RETRY_DELAYS[part]
    return tuple(timedelta(seconds=each) for each in part)


def weights_by_outcome(weights: Mapping[str, float]) -> dict[Outcome, float]:
    """Return *weights* by outcome, in its order; what weighs nothing is left out."""
    return {
        outcome: weights[outcome.name.lower()]
        for outcome in Outcome
        if weights.get(outcome.name.lower())
    }


def _parse_refusals(part: WorldFilePart) -> dict[str, RefusalReason]:
    reasons = {}
    for name, change in part.items():
        with _mistake_at("refusals", name):
            reasons[name] = _parse_reason(name, change)
    return reasons


def _parse_reason(name: str, change: WorldFilePart) -> RefusalReason:
    if name not in REASONS:
        message = f"there is no refusal called {name}"
        raise ValueError(message)
    known = REASONS[name]
    for language in ("es", "en"):
        _check_words(name, change.get(language, ""))
    return RefusalReason(
        name,
        int(change.get("status", known.status)),
        change.get("es", known.es),
        change.get("en", known.en),
    )


def _check_words(name: str, sentence: str) -> None:
    """Raise ``ValueError`` where *sentence* has a placeholder that is never filled."""
    known, asked = (
        {word for _, word, _, _ in Formatter().parse(each) if word is not None}
        for each in (REASONS[name].es, sentence)
    )
    if asked - known:
        words = ", ".join(sorted(known)) or "no words"
        message = f"the sentence of {name} knows {words}, not {sorted(asked - known)}"
        raise ValueError(message)


def _parse_days(days: float | None) -> timedelta | None:
    return None if days is None else timedelta(days=days)


@contextmanager
def _mistake_at(*path: object) -> Iterator[None]:
    """Say where in the document it is that something means nothing."""
    try:
        yield
    except (ValueError, KeyError, OverflowError, OSError) as error:
        raise WorldFileMistake(".".join(map(str, path)), str(error)) from error
