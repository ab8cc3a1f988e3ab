"""The account in a world file: one table, by which it is read and written.

What is written is JSON-able, the same for equal accounts, and has every instant with
its offset.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import partial
from string import Formatter
from typing import Any

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
from emulator.domain.assumptions import (
    LENIENT_CHOICES,
    STRICT_CHOICES,
    SWITCHES,
    Assumptions,
)
from emulator.domain.coding import Alphabet
from emulator.domain.handset import Outcome, Population, ReplyProfile
from emulator.domain.refusal_catalog import REASONS
from emulator.domain.refusals import RefusalReason
from emulator.domain.timeline import PACES, Pace
from emulator.worldfile.part_codec import (
    BY_NAME,
    CELLPHONE,
    DAYS,
    INSTANT,
    INTEGER,
    MONEY,
    OUTCOME,
    PLAIN,
    SECONDS,
    ZONE,
    ListCodec,
    NamedCodec,
    PairListCodec,
    PartCodec,
    PartField,
    ReadContext,
    UniqueListCodec,
    ValueCodec,
    WorldFilePart,
    WrittenPart,
    mistake_at,
)

_YAML_WORDS = {True: ("yes", "on"), False: ("no", "off")}  # to YAML
KEYWORD_LIFETIME = timedelta(days=31)
# Source: assumption MOP-07; the manual is silent, and so is ``none``.
RETRY_DELAYS: Mapping[str, tuple[timedelta, ...]] = {
    "none": (),
    "backoff": tuple(timedelta(seconds=each) for each in (5, 30, 120, 600, 3600)),
}


def read_account(document: WorldFilePart, now: datetime) -> Account:
    """Return the account of *document*, which has the shape of a world file.

    What has no date of its own is of *now*.  Raises ``WorldFileMistake``.
    """
    with mistake_at("account", "time_zone"):
        zone = ZONE.parse(document["account"]["time_zone"])
    countries = frozenset(each["country"] for each in document["countries"])
    account: Account = ACCOUNT.read(document, ReadContext(now, zone, countries))
    return account


def account_to_json(account: Account) -> WrittenPart:
    """Return the document that ``fixture.parse_account`` reads as *account*."""
    document: WrittenPart = ACCOUNT.write(account)
    return document


def weights_by_outcome(weights: Mapping[str, float]) -> dict[Outcome, float]:
    """Return *weights* by outcome, in its order; what weighs nothing is left out."""
    return {
        outcome: weights[outcome.name.lower()]
        for outcome in Outcome
        if weights.get(outcome.name.lower())
    }


class AssumptionsCodec:
    """The nearer of the two modes, and what is chosen otherwise."""

    keys = ("strict", "assumptions")  # of the whole file

    def read(self, part: Any, context: ReadContext) -> Any:
        del context
        chosen = Assumptions(STRICT_CHOICES) if part.get("strict") else Assumptions()
        for name, choice in part.get("assumptions", {}).items():
            with mistake_at("assumptions", name):
                chosen = chosen.with_choices({name: _parse_choice(name, choice)})
        return chosen

    def write(self, value: Any) -> Any:
        apart = {
            strict: {
                name: value.chosen[name]
                for name, choice in mode.items()
                if choice != value.chosen[name]
            }
            for strict, mode in ((False, LENIENT_CHOICES), (True, STRICT_CHOICES))
        }
        strict = len(apart[True]) < len(apart[False])
        return {"strict": strict, "assumptions": apart[strict]}


def _parse_choice(name: str, choice: Any) -> str:
    """Return the word that was written, which YAML may have taken for a truth."""
    if isinstance(choice, str):
        return choice
    choices = SWITCHES[name].choices if name in SWITCHES else ()
    return next((word for word in _YAML_WORDS[choice] if word in choices), str(choice))


class RefusalsCodec:
    """Refusals by their name, of which a file changes what it says."""

    def read(self, part: Any, context: ReadContext) -> Any:
        reasons = {}
        for name, change in part.items():
            with mistake_at(name):
                reasons[name] = REFUSAL.read({"name": name, **change}, context)
        return reasons

    def write(self, value: Any) -> Any:
        written = {name: REFUSAL.write(each) for name, each in sorted(value.items())}
        for each in written.values():
            del each["name"]  # which is the key
        return written


def _parse_refusal_name(name: str) -> str:
    if name not in REASONS:
        message = f"there is no refusal called {name}"
        raise ValueError(message)
    return name


def _get_known(attribute: str, values: Mapping[str, Any], context: ReadContext) -> Any:
    """Return what the refusal says that has been named."""
    del context
    return getattr(REASONS[values["name"]], attribute)


def _check_sentences(reason: RefusalReason, context: ReadContext) -> None:
    """Raise ``ValueError`` for a sentence with a placeholder that is never filled."""
    del context
    for sentence in (reason.es, reason.en):
        known, asked = (
            {word for _, word, _, _ in Formatter().parse(each) if word is not None}
            for each in (REASONS[reason.name].es, sentence)
        )
        if asked - known:
            words = ", ".join(sorted(known)) or "no words"
            unknown = sorted(asked - known)
            message = f"the sentence of {reason.name} knows {words}, not {unknown}"
            raise ValueError(message)


def _check_country(route: Route, context: ReadContext) -> None:
    if route.country not in context.countries:
        message = f"route {route.id} leads to an unknown country"
        raise ValueError(message)


def _get_now(values: Mapping[str, Any], context: ReadContext) -> datetime:
    del values
    return context.now


def _get_expiry(values: Mapping[str, Any], context: ReadContext) -> datetime:
    """Source: manual KEY-12 for the month."""
    del context
    created_at: datetime = values["created_at"]
    return created_at + KEYWORD_LIFETIME


SEED = PartField("seed", INTEGER, default=lambda _values, _context: 1)
PACE = PartCodec(
    Pace,
    PartField("inserting", SECONDS),
    PartField("updating", SECONDS),
    PartField("sms_after", SECONDS),
    PartField("sms_every", SECONDS),
    PartField("call_after", SECONDS),
    PartField("call_every", SECONDS),
    PartField("retry_scale", INTEGER),
)
COUNTRY = PartCodec(
    Country, PartField("country", INTEGER, attribute="id"), PartField("name")
)
ROUTE = PartCodec(
    Route,
    PartField("route", INTEGER, attribute="id"),
    PartField("name"),
    PartField("clic_name"),
    PartField("country", INTEGER),
    PartField("price", MONEY),
    PartField("description"),
    check=_check_country,
)
MEDIA_FILE = PartCodec(
    MediaFile, PartField("id", INTEGER), PartField("name"), PartField("url")
)
LINK = PartCodec(
    Link,
    PartField("id", INTEGER),
    PartField("title"),
    PartField("url"),
    PartField("created", INSTANT, attribute="created_at", default=_get_now),
)
KEYWORD = PartCodec(
    Keyword,
    PartField("keyword", attribute="word"),
    PartField(
        "type",
        attribute="kind",
        default=lambda _values, _context: "Palabra Clave Dedicada",
    ),
    PartField("response"),
    PartField("response_url"),
    PartField("push_url"),
    PartField("created", INSTANT, attribute="created_at", default=_get_now),
    PartField("expires", INSTANT, attribute="expires_at", default=_get_expiry),
)
RECEIPTS = PartCodec(
    ReceiptFormat,
    PartField("ids"),
    PartField("dates"),
    PartField("text"),
    PartField("tlvs"),
)
BIND = PartCodec(
    BindConfig,
    PartField("system_id"),
    PartField("password"),
    PartField("coding", ValueCodec(Alphabet, str)),
    PartField("route", INTEGER),
    PartField("senders", ListCodec(PLAIN)),
    PartField("max_binds", INTEGER),
    PartField("window", INTEGER),
    PartField("rate", INTEGER),
    PartField("receipts", RECEIPTS),
)
SMSC = PartCodec(
    SmscConfig,
    PartField("session_init_timer"),
    PartField("enquire_link_timer"),
    PartField("response_timer"),
    PartField("inactivity_timer"),
    PartField("no_credit_status", INTEGER),
    PartField("window_full_status", INTEGER),
    PartField("queue_full_status", INTEGER),
    PartField("receiver_window", INTEGER),
    PartField("max_queued_receipts", INTEGER),
    PartField("throttle_after"),
    PartField("receipt_lifetime", SECONDS),
    PartField("receipt_retry_delay", SECONDS),
)
ACCESS = PartCodec(
    SmppAccess,
    PartField(
        "binds",
        UniqueListCodec(
            BIND,
            key=lambda bind: bind.system_id,
            says="two binds are called {0.system_id}",
        ),
    ),
    PartField("smpp", SMSC, attribute="centre"),
)
PRICES = PartCodec(
    Prices,
    PartField("voice", MONEY),
    PartField("email", MONEY),
    PartField("hlr", MONEY),
)
PROFILE = PartCodec(
    ReplyProfile,
    PartField("share"),
    PartField("after", SECONDS),
    PartField("texts", ListCodec(PLAIN)),
)
POPULATION = PartCodec(
    Population,
    SEED,
    PartField(
        "population",
        PairListCodec("outcome", OUTCOME, "weight", PLAIN, left_out=0),
        attribute="weights",
    ),
    PartField(
        "handsets",
        PairListCodec("cellphone", CELLPHONE, "outcome", OUTCOME),
        attribute="known",
    ),
    PartField("profiles", ListCodec(PROFILE)),
)
REFUSAL = PartCodec(
    RefusalReason,
    PartField("name", ValueCodec(_parse_refusal_name, str)),
    PartField("status", INTEGER, default=partial(_get_known, "status")),
    PartField("es", default=partial(_get_known, "es")),
    PartField("en", default=partial(_get_known, "en")),
    check=_check_sentences,
)


def _list_by_id(part: PartCodec) -> UniqueListCodec:
    says = f"two of {part.kind.__name__} have the id {{0.id}}"
    return UniqueListCodec(part, key=lambda thing: thing.id, says=says)


ACCOUNT = PartCodec(
    Account,
    SEED,
    PartField("account.user"),
    PartField("account.name"),
    PartField("account.surname"),
    PartField("account.time_zone", ZONE, attribute="zone"),
    PartField("account.credit", MONEY),
    PartField("push_url"),
    PartField("push_retries", NamedCodec(RETRY_DELAYS, ListCodec(SECONDS))),
    PartField("", ACCESS, attribute="access"),
    PartField("prices", PRICES),
    PartField("services", BY_NAME),
    PartField("countries", _list_by_id(COUNTRY)),
    PartField("routes", _list_by_id(ROUTE)),
    PartField("audios", _list_by_id(MEDIA_FILE)),
    PartField("media", _list_by_id(MEDIA_FILE)),
    PartField("links", _list_by_id(LINK)),
    PartField("short_link_base"),
    PartField(
        "keywords",
        UniqueListCodec(
            KEYWORD,
            key=lambda keyword: keyword.word.casefold(),
            says="two keywords are called {0.word}",
            container=lambda by_word: tuple(by_word.values()),
        ),
    ),
    PartField("remittents", ListCodec(CELLPHONE, frozenset)),
    PartField("whitelist", ListCodec(PLAIN, frozenset)),
    PartField("", POPULATION, attribute="population"),
    PartField("pace", NamedCodec(PACES, PACE)),
    PartField("", AssumptionsCodec(), attribute="assumptions"),
    PartField("refusals", RefusalsCodec()),
    PartField("merged_limit", INTEGER),
    PartField("token_lifetime_days", DAYS, attribute="token_lifetime"),
)
