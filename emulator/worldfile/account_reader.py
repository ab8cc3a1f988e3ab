"""The account in a world file: what a document of the right shape means."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from string import Formatter
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from emulator.domain import money
from emulator.domain.access import Access, Bind, Centre, Form
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
from emulator.domain.coding import Alphabet
from emulator.domain.handset import Outcome, Population, Profile
from emulator.domain.refusals import REASONS, Reason
from emulator.domain.timeline import PACES, Pace

Part = Mapping[str, Any]  # of a world file
Thing = TypeVar("Thing", Country, Route, Item, Link)
Made = TypeVar("Made")

_TRUTHS = {True: ("yes", "on"), False: ("no", "off")}  # to YAML
MONTH = timedelta(days=31)
# Source: assumption MOP-07; the manual is silent, and so is ``none``.
RETRIES: Mapping[str, tuple[timedelta, ...]] = {
    "none": (),
    "backoff": tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 3600)),
}


class Mistake(Exception):  # noqa: N818 - the author's, not ours
    """Something in a world file that has the right shape and means nothing."""

    def __init__(self, where: str, message: str) -> None:
        super().__init__(message)
        self.where = where  # dotted: routes.0.price


def read(document: Part, now: datetime) -> Account:
    """Return the account of *document*, which has the shape of a world file.

    What has no date of its own is of *now*.  Raises ``Mistake``.
    """
    person, zone = document["account"], _zone(document["account"]["time_zone"])
    seed = int(document.get("seed", 1))
    with _at("account.credit"):
        credit = money.parse(person["credit"])
    return Account(
        user=person["user"],
        name=person["name"],
        surname=person["surname"],
        credit=credit,
        zone=zone,
        seed=seed,
        countries=_by_id("countries", _all(document, "countries", _country)),
        routes=_by_id("routes", _all(document, "routes", _router(document))),
        audios=_by_id("audios", _all(document, "audios", _item)),
        media=_by_id("media", _all(document, "media", _item)),
        links=_by_id("links", _all(document, "links", partial(_link, zone, now))),
        keywords=_keywords(document, zone, now),
        push_url=document.get("push_url"),
        push_retries=_retries(document.get("push_retries", "none")),
        remittents=frozenset(map(int, document.get("remittents", ()))),
        whitelist=frozenset(document.get("whitelist", ())),
        services=document.get("services", {}),
        prices=_prices(document.get("prices", {})),
        pace=_pace(document.get("pace", "manual")),
        assumptions=_assumptions(document),
        population=_population(document, seed),
        refusals=_refusals(document.get("refusals", {})),
        token_lifetime=_days(document.get("token_lifetime_days")),
        merged_limit=int(document.get("merged_limit", Account.merged_limit)),
        short_link_base=document.get("short_link_base", "https://mx4.mx"),
        access=_access(document),
    )


def _all(document: Part, name: str, make: Callable[[Part], Made]) -> list[Made]:
    """Return what *make* makes of each item of a list of the document."""
    made = []
    for index, part in enumerate(document.get(name, ())):
        with _at(name, index):
            made.append(make(part))
    return made


def _by_id(name: str, things: Iterable[Thing]) -> dict[int, Thing]:
    """Return *things* by their ids.  Raises ``Mistake`` where two share one."""
    found: dict[int, Thing] = {}
    for index, each in enumerate(things):
        with _at(name, index):
            if found.setdefault(each.id, each) is not each:
                message = f"two of {type(each).__name__} have the id {each.id}"
                raise ValueError(message)
    return found


def _zone(name: str) -> ZoneInfo:
    with _at("account.time_zone"):
        return ZoneInfo(name)


def _country(part: Part) -> Country:
    return Country(int(part["country"]), part["name"])


def _router(document: Part) -> Callable[[Part], Route]:
    """Return what makes a route to one of the document's countries."""
    countries = {each["country"] for each in document["countries"]}

    def route(part: Part) -> Route:
        if part["country"] not in countries:
            message = f"route {part['route']} leads to an unknown country"
            raise ValueError(message)
        return Route(
            id=int(part["route"]),
            name=part["name"],
            country=int(part["country"]),
            price=money.parse(part["price"]),
            description=part["description"],
            clic_name=part.get("clic_name"),
        )

    return route


def _item(part: Part) -> Item:
    return Item(int(part["id"]), part["name"], part.get("url"))


def _link(zone: ZoneInfo, now: datetime, part: Part) -> Link:
    created_at = _instant(part.get("created"), zone) or now
    return Link(int(part["id"]), part["title"], part["url"], created_at)


def _keywords(document: Part, zone: ZoneInfo, now: datetime) -> tuple[Keyword, ...]:
    """Return the keywords.  Raises ``Mistake`` where two differ in case only."""
    keywords = _all(document, "keywords", partial(_keyword, zone, now))
    words: set[str] = set()
    for index, each in enumerate(keywords):
        with _at("keywords", index):
            if each.word.casefold() in words:
                message = f"two keywords are called {each.word}"
                raise ValueError(message)
        words.add(each.word.casefold())
    return tuple(keywords)


def _keyword(zone: ZoneInfo, now: datetime, part: Part) -> Keyword:
    """Source: manual KEY-12 for the month."""
    created_at = _instant(part.get("created"), zone) or now
    return Keyword(
        word=part["keyword"],
        kind=part.get("type", "Palabra Clave Dedicada"),
        created_at=created_at,
        expires_at=_instant(part.get("expires"), zone) or created_at + MONTH,
        response=part.get("response"),
        response_url=part.get("response_url"),
        push_url=part.get("push_url"),
    )


def _instant(text: str | None, zone: ZoneInfo) -> datetime | None:
    """Return the instant that *text* names, in the account's time without offset."""
    if text is None:
        return None
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=zone)
    return instant.astimezone(UTC)


def _access(document: Part) -> Access:
    """Return how SMPP reaches the account.  Raises ``Mistake`` for a name twice."""
    binds: dict[str, Bind] = {}
    for index, each in enumerate(_all(document, "binds", _bind)):
        with _at("binds", index):
            if binds.setdefault(each.system_id, each) is not each:
                message = f"two binds are called {each.system_id}"
                raise ValueError(message)
    return Access(binds, _centre(document.get("smpp", {})))


def _bind(part: Part) -> Bind:
    return Bind(
        system_id=part["system_id"],
        password=part.get("password"),
        coding=Alphabet(part.get("coding", Alphabet.GSM)),
        route=int(part["route"]) if "route" in part else None,
        senders=tuple(part.get("senders", ())),
        binds=int(part.get("binds", 0)),
        window=int(part.get("window", 0)),
        rate=int(part.get("rate", 0)),
        receipts=Form(**part.get("receipts", {})),
    )


def _centre(part: Part) -> Centre:
    lasting = {
        name: timedelta(seconds=part[name])
        for name in ("held_for", "retry_after")
        if name in part
    }
    return Centre(**{**part, **lasting})


def _prices(part: Part) -> Prices:
    prices = {}
    for name, amount in part.items():
        with _at("prices", name):
            prices[name] = money.parse(amount)
    return Prices(**prices)


def _pace(part: str | Part) -> Pace:
    if isinstance(part, str):
        return PACES[part]
    named: dict[str, Any] = {
        name: int(value) if name == "patience" else timedelta(seconds=value)
        for name, value in part.items()
    }
    return Pace(**named)


def _assumptions(document: Part) -> Assumptions:
    chosen = Assumptions(STRICT) if document.get("strict") else Assumptions()
    for name, choice in document.get("assumptions", {}).items():
        with _at("assumptions", name):
            chosen = chosen.but({name: _word(name, choice)})
    return chosen


def _word(name: str, choice: Any) -> str:
    """Return the word that was written, which YAML may have taken for a truth."""
    if isinstance(choice, str):
        return choice
    choices = SWITCHES[name].choices if name in SWITCHES else ()
    return next((word for word in _TRUTHS[choice] if word in choices), str(choice))


def _population(document: Part, seed: int) -> Population:
    weights = {
        each["outcome"]: each["weight"] for each in document.get("population", ())
    }
    return Population(
        seed=seed,
        profiles=tuple(map(_profile, document.get("profiles", ()))),
        weights=weighed(weights),
        known={
            int(each["cellphone"]): Outcome[each["outcome"].upper()]
            for each in document.get("handsets", ())
        },
    )


def _profile(part: Part) -> Profile:
    after = timedelta(seconds=part["after"])
    return Profile(part["share"], after, tuple(part["texts"]))


def _retries(part: str | list[float]) -> tuple[timedelta, ...]:
    """Return how long after each failed push the next one follows."""
    if isinstance(part, str):
        return RETRIES[part]
    return tuple(timedelta(seconds=each) for each in part)


def weighed(weights: Mapping[str, float]) -> dict[Outcome, float]:
    """Return *weights* by outcome, in its order; what weighs nothing is left out."""
    return {
        outcome: weights[outcome.name.lower()]
        for outcome in Outcome
        if weights.get(outcome.name.lower())
    }


def _refusals(part: Part) -> dict[str, Reason]:
    reasons = {}
    for name, change in part.items():
        with _at("refusals", name):
            reasons[name] = _reason(name, change)
    return reasons


def _reason(name: str, change: Part) -> Reason:
    if name not in REASONS:
        message = f"there is no refusal called {name}"
        raise ValueError(message)
    known = REASONS[name]
    for language in ("es", "en"):
        _check_words(name, change.get(language, ""))
    return Reason(
        name,
        int(change.get("status", known.status)),
        change.get("es", known.es),
        change.get("en", known.en),
    )


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


@contextmanager
def _at(*path: object) -> Iterator[None]:
    """Say where in the document it is that something means nothing."""
    try:
        yield
    except (ValueError, KeyError, OverflowError, OSError) as error:
        raise Mistake(".".join(map(str, path)), str(error)) from error
