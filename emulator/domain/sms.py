"""SMS campaigns, with or without a short link: who may send what, and what it costs.

Source: manual SMS-01 to SMS-49 and CLC-01 to CLC-17.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from emulator.domain import text as texts
from emulator.domain.account import Account, Link, Route
from emulator.domain.assumptions import Doubt
from emulator.domain.dates import parse
from emulator.domain.handset import Outcome, Profile
from emulator.domain.recipients import Recipients, phones, uneven
from emulator.domain.refusals import (
    DATE_PAST,
    NO_ROUTE_TO_COUNTRY,
    ROUTE_ELSEWHERE,
    SPECIAL_CHARACTERS,
    TOO_LONG_MERGED,
    UNEVEN_FIELDS,
    UNKNOWN_COUNTRY,
    UNKNOWN_LINK,
    UNKNOWN_ROUTE,
    URL_NOT_LISTED,
    VALUE_MISSING,
    Refusal,
)
from emulator.domain.shortlink import code
from emulator.domain.text import GSM, GSM_EXTENSION, LINK_MARK, Flags, Template
from emulator.domain.timeline import Intervention, Line, Pace

OPTIMAL = 30_000  # recipients a petition; more are accepted and noted (SMS-11)
PLAIN = Flags()
FLAGS = frozenset(Flags._fields)
TRUE = (True, "1")  # and 1, which equals True (SMS-28)

Order = Mapping[str, Any]  # a request body that the contract has accepted


class Source(StrEnum):
    """What a campaign came by."""

    HTTP = "http"
    SMPP = "smpp"
    KEYWORD = "keyword"  # the answer to a text that began with one


class Ids(NamedTuple):
    """The ids a new campaign takes: its own, and its first message's."""

    campaign: int
    message: int


class Campaign(NamedTuple):
    """An SMS campaign as it was placed, and what was done to it since."""

    id: int
    name: str | None
    route: Route
    country: str  # its name
    template: Template
    flags: Flags
    recipients: Recipients
    outcomes: bytes  # one octet a recipient: an Outcome
    first_message: int  # the others follow it (DLR-18)
    created_at: datetime
    scheduled_at: datetime | None
    line: Line
    pace: Pace
    cost: int  # millionths
    link: Link | None = None
    link_base: str = ""  # with the world's name, what short links are made of
    world: str = ""
    profiles: tuple[Profile, ...] = ()  # of those who may answer it
    source: Source = Source.HTTP
    expires_at: datetime | None = None  # when what is not final fails

    def text(self, index: int) -> str:
        """Return what recipient *index* reads."""
        if not self.template.marks:
            return self.template.text
        values = self.recipients.values(index)
        if link := self.short_link(index):
            values[LINK_MARK] = link
        return self.template.filled(values)

    def short_link(self, index: int) -> str | None:
        """Return the short link of recipient *index*, if the campaign has one."""
        if self.link is None:
            return None
        return f"{self.link_base}/{code(self.world, self.first_message + index)}"

    def changed(self, intervention: Intervention) -> "Campaign":
        """Return the campaign with one more intervention."""
        interventions = (*self.line.interventions, intervention)
        line = self.line._replace(interventions=interventions)
        return self._replace(line=line)


def place(  # noqa: PLR0913 - an order, and all that its campaign depends on
    order: Order,
    account: Account,
    *,
    ids: Ids,
    now: datetime,
    world: str,
    link: Link | None = None,
) -> Campaign:
    """Return the campaign that *order* asks for, unpaid.

    Refuses an unknown route or country, and a URL where the white list rejects.
    """
    flags = _flags(order)
    route = _route(order, account)
    recipients = _recipients(order["recipients"], flags)
    count = len(recipients)
    scheduled_at = _scheduled(order, account)
    text = order["text"]
    body = text if flags.encoded else texts.transliterate(text)
    return Campaign(  # by position, which takes half the time
        ids.campaign,
        order.get("campaign_name"),
        route,
        account.countries[route.country].name,
        texts.cut(body, links=link is not None),
        flags,
        recipients,
        outcomes(text, recipients, account),
        ids.message,
        now,
        scheduled_at,
        line(account.pace, count, now=now, date=scheduled_at),
        account.pace,
        route.price * count * _parts(text, flags, account),
        link,
        account.short_link_base,
        world,
        account.population.profiles,
    )


def doubts(order: Order, campaign: Campaign, account: Account) -> Iterator[Doubt]:
    """Yield what lenient accepts of *order* and strict declines.

    Refuses texts that merging makes longer than the account's own limit.
    """
    rows = order["recipients"]
    if len(rows) > OPTIMAL:
        yield Doubt("SMS-11", why=f"more than the optimal {OPTIMAL} recipients")
    if campaign.recipients.fields and (field := uneven(rows)):
        yield Doubt("SMS-07", UNEVEN_FIELDS, f"some recipients lack {field}")
    if campaign.template.marks:
        longest = _longest(campaign)
        if longest > account.merged_limit:
            why = f"merged texts of over {account.merged_limit} characters are refused"
            raise Refusal(TOO_LONG_MERGED, why, limit=account.merged_limit)
        yield from _merge_doubts(rows, campaign, longest)
    if "country" in order and int(order["country"]) != campaign.route.country:
        yield Doubt("SMS-34", ROUTE_ELSEWHERE, "route and country disagree")
    if campaign.scheduled_at and campaign.scheduled_at <= campaign.created_at:
        words = {"field": "scheduled_date"}
        yield Doubt("SMS-37", DATE_PAST, "the scheduled date has passed", words)
    if _unlisted(order["text"], account):
        yield Doubt("SMS-47", why="the text holds a URL that is not on the white list")


def _merge_doubts(
    rows: Sequence[Order], campaign: Campaign, longest: int
) -> Iterator[Doubt]:
    """Yield what is doubtful once the placeholders are filled."""
    for mark in _missing(rows, campaign.template):
        words = {"field": mark, "field_of": "text", "mark": texts.letter(mark)}
        yield Doubt("SMS-08", VALUE_MISSING, f"a recipient lacks {mark}", words)
    if not campaign.flags.encoded and _special(rows, campaign.template):
        yield Doubt(
            "SMS-25",
            SPECIAL_CHARACTERS,
            "a merged value holds characters that GSM 03.38 lacks",
            {"field": "recipients"},
        )
    if not campaign.flags.encoded and _extended(campaign):
        yield Doubt(
            "SMS-27",
            SPECIAL_CHARACTERS,
            "a merged value holds characters of the GSM 03.38 extension",
            {"field": "recipients"},
        )
    if longest > campaign.flags.limit:
        yield Doubt(
            "SMS-26",
            TOO_LONG_MERGED,
            "a text grows over the limit when its placeholders are filled",
            {"limit": campaign.flags.limit},
        )


def _flags(order: Order) -> Flags:
    if FLAGS.isdisjoint(order):
        return PLAIN
    return Flags(*(order.get(name) in TRUE for name in Flags._fields))


def _route(order: Order, account: Account) -> Route:
    """Source: manual SMS-30, SMS-31; assumptions SMS-32 to SMS-34."""
    country = int(order["country"]) if "country" in order else None
    if country is not None and country not in account.countries:
        raise Refusal(UNKNOWN_COUNTRY, f"countries: {_list(account.countries)}")
    if "route" in order:
        route = account.routes.get(int(order["route"]))
        if route is None:
            raise Refusal(UNKNOWN_ROUTE, f"routes: {_list(account.routes)}")
        return route
    routes = [route for route in account.routes.values() if route.country == country]
    if not routes:
        raise Refusal(NO_ROUTE_TO_COUNTRY, f"no route leads to country {country}")
    if account.assumptions["country_route"] == "first":
        return routes[0]
    return min(routes, key=lambda route: route.price)


def link_of(order: Order, account: Account) -> Link:
    """Return the link that an SMS CLIC order names, or refuse an unknown one.

    Source: manual CLC-04.
    """
    link = account.links.get(int(order["url"]))
    if link is None:
        raise Refusal(UNKNOWN_LINK, f"links: {_list(account.links)}")
    return link


def _list(ids: Mapping[int, object]) -> str:
    return ", ".join(map(str, ids)) or "none"


def _scheduled(order: Order, account: Account) -> datetime | None:
    date = order.get("scheduled_date")
    return parse(date, account.zone) if date else None


def line(pace: Pace, count: int, *, now: datetime, date: datetime | None) -> Line:
    """Return when the messages of a campaign are sent.

    Source: manual DLR-13; a scheduled campaign starts at its date (SMS-36).
    """
    starts_at = now + pace.sms_after
    if date and date > starts_at:
        starts_at = date
    return Line(starts_at, pace.sms_every, count)


def _recipients(rows: Sequence[Order], flags: Flags) -> Recipients:
    recipients = phones(rows)
    if not recipients.fields or flags.encoded:
        return recipients
    fields = {
        name: column.mapped(texts.transliterate)
        for name, column in recipients.fields.items()
    }
    return Recipients(recipients.numbers, fields)


def outcomes(text: str, recipients: Recipients, account: Account) -> bytes:
    """Return every recipient's outcome, fixed now.  Source: assumption SMS-47."""
    policy = account.assumptions["url_whitelist"]
    if policy != "off" and (host := _unlisted(text, account)):
        if policy == "reject":
            raise Refusal(URL_NOT_LISTED, f"{host} is not on the white list")
        return bytes([Outcome.FAILED]) * len(recipients)
    return account.population.outcomes(recipients.numbers)


def _unlisted(text: str, account: Account) -> str | None:
    for host in texts.hosts(text):
        if host not in account.whitelist:
            return host
    return None


def _parts(text: str, flags: Flags, account: Account) -> int:
    """Return how many messages a recipient costs.

    Source: manual SMS-43; assumption SMS-44.
    """
    per_part = account.assumptions["charge"] == "per_part"
    return flags.parts(len(text)) if per_part else 1


def _fields(template: Template) -> list[str]:
    return [mark for mark in dict.fromkeys(template.marks) if mark != LINK_MARK]


def _missing(rows: Sequence[Order], template: Template) -> list[str]:
    return [mark for mark in _fields(template) if any(mark not in row for row in rows)]


def _special(rows: Sequence[Order], template: Template) -> bool:
    return any(
        not GSM.issuperset(row.get(mark, ""))
        for mark in _fields(template)
        for row in rows
    )


def _extended(campaign: Campaign) -> bool:
    return any(
        character in campaign.recipients.fields[mark].joined
        for mark in _fields(campaign.template)
        if mark in campaign.recipients.fields
        for character in GSM_EXTENSION
    )


def _longest(campaign: Campaign) -> int:
    """Return the characters of the longest merged text, short links left out."""
    literals = sum(map(len, campaign.template.literals))
    columns = [
        campaign.recipients.fields[mark]
        for mark in campaign.template.marks
        if mark in campaign.recipients.fields
    ]
    if not columns:
        return literals
    lengths = zip(*(column.lengths() for column in columns), strict=True)
    return literals + max(map(sum, lengths))
