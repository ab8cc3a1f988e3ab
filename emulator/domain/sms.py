"""SMS campaigns, with or without a short link: their checks and their price.

Source: manual SMS-01 to SMS-49 and CLC-01 to CLC-17.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

from emulator.domain import text as texts
from emulator.domain.account import Account, Link, Route
from emulator.domain.assumptions import Doubt
from emulator.domain.bounds import Id, Instant, PlannedInstant, Price
from emulator.domain.dates import parse_platform_time
from emulator.domain.handset import Outcome, ReplyProfile
from emulator.domain.platform_refusals import (
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
)
from emulator.domain.recipients import Recipients, find_uneven_field, parse_recipients
from emulator.domain.refusals import Refusal
from emulator.domain.shortlink import make_link_code
from emulator.domain.text import (
    GSM_CHARACTERS,
    GSM_EXTENSION,
    LINK_MARK,
    LengthFlags,
    TextTemplate,
)
from emulator.domain.timeline import Intervention, Pace, SendSchedule

# Recipients a petition; more are accepted and noted (SMS-11)
OPTIMAL_RECIPIENTS = 30_000
PLAIN_FLAGS = LengthFlags()
FLAG_NAMES = frozenset(LengthFlags._fields)
TRUE_VALUES = (True, "1")  # and 1, which equals True (SMS-28)

SmsOrder = Mapping[str, Any]  # a request body that the contract has accepted


class CampaignSource(StrEnum):
    """How a campaign was placed."""

    HTTP = "http"
    SMPP = "smpp"
    KEYWORD = "keyword"  # the answer to a text that began with one


class SmsIds(NamedTuple):
    """The ids a new campaign takes: its own, and its first message's."""

    campaign: int
    message: int


class SmsCampaign(NamedTuple):
    """An SMS campaign as it was placed, with its later interventions."""

    id: Id
    name: str | None
    route: Route
    country: str  # its name
    template: TextTemplate
    flags: LengthFlags
    recipients: Recipients
    outcomes: bytes  # one octet a recipient: an Outcome
    first_message: Id  # the others follow it (DLR-18)
    created_at: Instant
    scheduled_at: PlannedInstant | None
    line: SendSchedule
    pace: Pace
    cost: Price  # millionths
    link: Link | None = None
    link_base: str = ""  # with the world's name, what short links are made of
    world: str = ""
    profiles: tuple[ReplyProfile, ...] = ()  # of those who may answer it
    source: CampaignSource = CampaignSource.HTTP
    expires_at: PlannedInstant | None = None  # when what is not final fails

    @property
    def channel(self) -> str:
        """Return the name of its channel."""
        return "smsclic" if self.link else "sms"

    def render_text(self, index: int) -> str:
        """Return the text for recipient *index*."""
        if not self.template.marks:
            return self.template.text
        values = self.recipients.get_values(index)
        if link := self.make_short_link(index):
            values[LINK_MARK] = link
        return self.template.fill_marks(values)

    def make_short_link(self, index: int) -> str | None:
        """Return the short link of recipient *index*, if the campaign has one."""
        if self.link is None:
            return None
        return (
            f"{self.link_base}/{make_link_code(self.world, self.first_message + index)}"
        )

    def add_intervention(self, intervention: Intervention) -> "SmsCampaign":
        """Return the campaign with one more intervention."""
        interventions = (*self.line.interventions, intervention)
        line = self.line._replace(interventions=interventions)
        return self._replace(line=line)


def make_sms_campaign(  # noqa: PLR0913 - an order, and all that its campaign depends on
    order: SmsOrder,
    account: Account,
    *,
    ids: SmsIds,
    now: datetime,
    world: str,
    link: Link | None = None,
) -> SmsCampaign:
    """Return the campaign that *order* asks for, unpaid.

    Refuses an unknown route or country, and a URL where the white list rejects.
    """
    flags = _parse_flags(order)
    route = _choose_route(order, account)
    scheduled_at = _parse_date(order, account)
    text = order["text"]
    change = None if flags.is_encoded else texts.transliterate_to_gsm
    body = change(text) if change else text
    template = texts.parse_template(body, links=link is not None)
    # What a recipient costs, in messages.  Source: manual SMS-43; assumption SMS-44.
    per_part = account.assumptions.chosen["charge"] == "per_part"
    charged = flags.count_parts(len(text)) if per_part else 1
    recipients = parse_recipients(order["recipients"], change)
    count = len(recipients)
    line = make_send_schedule(account.pace, count, now=now, date=scheduled_at)
    return SmsCampaign(  # by position, which takes half the time
        ids.campaign,
        order.get("campaign_name"),
        route,
        account.countries[route.country].name,
        template,
        flags,
        recipients,
        decide_outcomes(text, recipients, account),
        ids.message,
        now,
        scheduled_at,
        line,
        account.pace,
        route.price * count * charged,
        link,
        account.short_link_base,
        world,
        account.population.profiles,
    )


def list_sms_doubts(
    order: SmsOrder, campaign: SmsCampaign, account: Account
) -> Iterator[Doubt]:
    """Yield the doubts of *order*, which lenient accepts and strict refuses.

    Refuses texts that merging makes longer than the account's own limit.
    """
    rows = order["recipients"]
    if len(rows) > OPTIMAL_RECIPIENTS:
        yield Doubt(
            "SMS-11", why=f"more than the optimal {OPTIMAL_RECIPIENTS} recipients"
        )
    if campaign.recipients.fields and (field := find_uneven_field(rows)):
        yield Doubt("SMS-07", UNEVEN_FIELDS, f"some recipients lack {field}")
    if campaign.template.marks:
        longest = _measure_longest(campaign)
        if longest > account.merged_limit:
            why = f"merged texts of over {account.merged_limit} characters are refused"
            raise Refusal(TOO_LONG_MERGED, why, limit=account.merged_limit)
        yield from _list_merge_doubts(rows, campaign, longest)
    if "country" in order and int(order["country"]) != campaign.route.country:
        yield Doubt("SMS-34", ROUTE_ELSEWHERE, "route and country disagree")
    if campaign.scheduled_at and campaign.scheduled_at <= campaign.created_at:
        words = {"field": "scheduled_date"}
        yield Doubt("SMS-37", DATE_PAST, "the scheduled date has passed", words)
    if _find_unlisted_host(order["text"], account):
        yield Doubt("SMS-47", why="the text holds a URL that is not on the white list")


def _list_merge_doubts(
    rows: Sequence[SmsOrder], campaign: SmsCampaign, longest: int
) -> Iterator[Doubt]:
    """Yield the doubts of the text after the placeholders are filled."""
    for mark in _list_missing_fields(rows, campaign.template):
        words = {
            "field": mark,
            "field_of": "text",
            "mark": texts.format_placeholder(mark),
        }
        yield Doubt("SMS-08", VALUE_MISSING, f"a recipient lacks {mark}", words)
    if not campaign.flags.is_encoded and _has_special_values(rows, campaign.template):
        yield Doubt(
            "SMS-25",
            SPECIAL_CHARACTERS,
            "a merged value holds characters that GSM 03.38 lacks",
            {"field": "recipients"},
        )
    if not campaign.flags.is_encoded and _has_extension_values(campaign):
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


def _parse_flags(order: SmsOrder) -> LengthFlags:
    if FLAG_NAMES.isdisjoint(order):
        return PLAIN_FLAGS
    return LengthFlags(
        *(order.get(name) in TRUE_VALUES for name in LengthFlags._fields)
    )


def _choose_route(order: SmsOrder, account: Account) -> Route:
    """Source: manual SMS-30, SMS-31; assumptions SMS-32 to SMS-34."""
    country = int(order["country"]) if "country" in order else None
    if country is not None and country not in account.countries:
        raise Refusal(UNKNOWN_COUNTRY, f"countries: {_join_ids(account.countries)}")
    if "route" in order:
        route = account.routes.get(int(order["route"]))
        if route is None:
            raise Refusal(UNKNOWN_ROUTE, f"routes: {_join_ids(account.routes)}")
        return route
    routes = [route for route in account.routes.values() if route.country == country]
    if not routes:
        raise Refusal(NO_ROUTE_TO_COUNTRY, f"no route leads to country {country}")
    if account.assumptions.chosen["country_route"] == "first":
        return routes[0]
    return min(routes, key=lambda route: route.price)


def require_link(order: SmsOrder, account: Account) -> Link:
    """Return the link that an SMS CLIC order names, or refuse an unknown one.

    Source: manual CLC-04.
    """
    link = account.links.get(int(order["url"]))
    if link is None:
        raise Refusal(UNKNOWN_LINK, f"links: {_join_ids(account.links)}")
    return link


def _join_ids(ids: Mapping[int, object]) -> str:
    return ", ".join(map(str, ids)) or "none"


def _parse_date(order: SmsOrder, account: Account) -> datetime | None:
    date = order.get("scheduled_date")
    return parse_platform_time(date, account.zone) if date else None


def make_send_schedule(
    pace: Pace, count: int, *, now: datetime, date: datetime | None
) -> SendSchedule:
    """Return when the messages of a campaign are sent.

    Source: manual DLR-13; a scheduled campaign starts at its date (SMS-36).
    """
    starts_at = now + pace.sms_after
    if date and date > starts_at:
        starts_at = date
    return SendSchedule(starts_at, pace.sms_every, count)


def decide_outcomes(text: str, recipients: Recipients, account: Account) -> bytes:
    """Return every recipient's outcome, fixed now.  Source: assumption SMS-47."""
    policy = account.assumptions.chosen["url_whitelist"]
    if policy != "off" and (host := _find_unlisted_host(text, account)):
        if policy == "reject":
            raise Refusal(URL_NOT_LISTED, f"{host} is not on the white list")
        return bytes([Outcome.FAILED]) * len(recipients)
    return account.population.get_outcomes(recipients.numbers)


def _find_unlisted_host(text: str, account: Account) -> str | None:
    for host in texts.list_url_hosts(text):
        if host not in account.whitelist:
            return host
    return None


def _list_fields(template: TextTemplate) -> list[str]:
    return [mark for mark in dict.fromkeys(template.marks) if mark != LINK_MARK]


def _list_missing_fields(rows: Sequence[SmsOrder], template: TextTemplate) -> list[str]:
    return [
        mark for mark in _list_fields(template) if any(mark not in row for row in rows)
    ]


def _has_special_values(rows: Sequence[SmsOrder], template: TextTemplate) -> bool:
    return any(
        not GSM_CHARACTERS.issuperset(row.get(mark, ""))
        for mark in _list_fields(template)
        for row in rows
    )


def _has_extension_values(campaign: SmsCampaign) -> bool:
    return any(
        character in campaign.recipients.fields[mark].joined
        for mark in _list_fields(campaign.template)
        if mark in campaign.recipients.fields
        for character in GSM_EXTENSION
    )


def _measure_longest(campaign: SmsCampaign) -> int:
    """Return the characters of the longest merged text, short links left out."""
    literals = sum(map(len, campaign.template.literals))
    columns = [
        campaign.recipients.fields[mark]
        for mark in campaign.template.marks
        if mark in campaign.recipients.fields
    ]
    if not columns:
        return literals
    lengths = zip(*(column.iterate_lengths() for column in columns), strict=True)
    return literals + max(map(sum, lengths))
