"""E-mail campaigns: four templates, and every letter as it would be sent.

Source: manual EML-01 to EML-34.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from html import escape
from typing import Any

from emulator.domain import dates
from emulator.domain.account import Account
from emulator.domain.assumptions import Doubt
from emulator.domain.bounds import WORLD_END, Id, Instant, PlannedInstant, Price
from emulator.domain.platform_refusals import DATE_PAST, UNKNOWN_MEDIUM
from emulator.domain.recipients import Column, make_column, parse_merge_fields
from emulator.domain.refusals import Refusal
from emulator.domain.text import MERGE_LETTERS, TextTemplate, parse_template
from emulator.domain.timeline import Milestone, make_endless_milestone

# The bullets of the manual name the fields one letter later than its example (EML-06).
BULLET_LETTERS = {"B": "field1", "C": "field2", "D": "field3", "E": "field4"}

EmailOrder = Mapping[str, Any]  # a request body that the contract has accepted


class EmailTemplate(IntEnum):
    """Source: manual EML-09."""

    BASIC = 1
    FORMATTED = 2
    IMAGE = 3
    IMAGE_AND_TEXT = 4


@dataclass(frozen=True, slots=True)
class EmailCampaign:
    id: Id
    kind: EmailTemplate
    subject: str
    body: TextTemplate
    header: str | None
    image: str | None  # URL
    attachment: Id | None  # id of a medium
    sender: str | None
    addresses: Column
    fields: Mapping[str, Column]
    created_at: Instant
    scheduled_at: PlannedInstant | None
    cost: Price  # millionths

    @property
    def channel(self) -> str:
        """Return the name of its channel."""
        return "email"

    @property
    def count(self) -> int:
        return len(self.addresses)


@dataclass(frozen=True, slots=True)
class RenderedEmail:
    """One e-mail as its recipient would get it."""

    to: str
    sender: str | None
    subject: str
    text: str  # the merged body, empty with template 3
    html: str | None  # None with template 1
    attachment: int | None


def make_email_campaign(
    order: EmailOrder, account: Account, *, number: int, now: datetime
) -> EmailCampaign:
    """Return the campaign that *order* asks for, unpaid.

    Refuses while the service is not active, and an unknown attachment.  What a template
    does not take is ignored (EML-13, EML-14).
    """
    account.require_service("email")
    kind = EmailTemplate(int(order.get("template", EmailTemplate.FORMATTED)))
    merge = (
        BULLET_LETTERS
        if account.assumptions.chosen["email_merge"] == "bullets"
        else MERGE_LETTERS
    )
    pictured = kind in {EmailTemplate.IMAGE, EmailTemplate.IMAGE_AND_TEXT}
    date = order.get("scheduledDate")
    rows = order["recipients"]
    return EmailCampaign(
        id=number,
        kind=kind,
        subject=order["subject"],
        body=parse_template(
            "" if kind is EmailTemplate.IMAGE else order["body"], merge
        ),
        header=None if kind is EmailTemplate.IMAGE else order.get("header"),
        image=order.get("image") if pictured else None,
        attachment=_parse_attachment(order, account),
        sender=order.get("sender"),
        addresses=make_column(row["email"] for row in rows),
        fields=parse_merge_fields(rows),
        created_at=now,
        scheduled_at=dates.parse_platform_time(date, account.zone) if date else None,
        cost=account.prices.email * len(rows),
    )


def list_email_doubts(campaign: EmailCampaign, account: Account) -> Iterator[Doubt]:
    """Yield the doubts, which lenient accepts and strict refuses."""
    library = {medium.url for medium in account.media.values()}
    if campaign.image and campaign.image not in library:
        words = {"field": "image"}
        yield Doubt("EML-16", UNKNOWN_MEDIUM, "the image is not in the library", words)
    if campaign.scheduled_at and campaign.scheduled_at <= campaign.created_at:
        words = {"field": "scheduledDate"}
        yield Doubt("SMS-37", DATE_PAST, "the scheduled date has passed", words)


def list_email_milestones(campaign: EmailCampaign) -> Iterator[Milestone]:
    """Yield when the letters go out."""
    at = campaign.scheduled_at or campaign.created_at
    yield Milestone(at, "sent") if at < WORLD_END else make_endless_milestone("sent")


def render_emails(campaign: EmailCampaign) -> Iterator[RenderedEmail]:
    """Yield every e-mail of the campaign, merged, in the order of its recipients."""
    for index in range(campaign.count):
        yield render_email(campaign, index)


def render_email(campaign: EmailCampaign, index: int) -> RenderedEmail:
    """Return the e-mail that recipient *index* gets."""
    values = {name: column[index] for name, column in campaign.fields.items()}
    text = campaign.body.fill_marks(values)
    return RenderedEmail(
        to=campaign.addresses[index],
        sender=campaign.sender,
        subject=campaign.subject,
        text=text,
        html=_render_html(campaign, text),
        attachment=campaign.attachment,
    )


def is_email_sent(campaign: EmailCampaign, now: datetime) -> bool:
    """Return whether the letters have gone out."""
    return (campaign.scheduled_at or campaign.created_at) <= now


def _render_html(campaign: EmailCampaign, text: str) -> str | None:
    """Return the body as HTML; the layout is ours, the manual shows none."""
    if campaign.kind is EmailTemplate.BASIC:
        return None
    pieces = [
        f"<h1>{escape(campaign.header)}</h1>" if campaign.header else "",
        f'<img src="{escape(campaign.image)}" alt="">' if campaign.image else "",
        f"<p>{escape(text)}</p>" if text else "",
    ]
    return "<!doctype html><body>" + "".join(pieces) + "</body>"


def _parse_attachment(order: EmailOrder, account: Account) -> int | None:
    if "attachment" not in order:
        return None
    attachment = int(order["attachment"])
    if attachment not in account.media:
        known = ", ".join(map(str, account.media)) or "none"
        raise Refusal(UNKNOWN_MEDIUM, f"media: {known}", field="attachment")
    return attachment
