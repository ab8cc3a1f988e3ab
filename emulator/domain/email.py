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
from emulator.domain.recipients import Column, column, fields
from emulator.domain.refusals import DATE_PAST, UNKNOWN_MEDIUM, Refusal
from emulator.domain.text import MERGE, Template, cut
from emulator.domain.timeline import END, Milestone, beyond

# The bullets of the manual name the fields one letter later than its example (EML-06).
BULLETS = {"B": "field1", "C": "field2", "D": "field3", "E": "field4"}

Order = Mapping[str, Any]  # a request body that the contract has accepted


class Kind(IntEnum):
    """Source: manual EML-09."""

    BASIC = 1
    FORMATTED = 2
    IMAGE = 3
    IMAGE_AND_TEXT = 4


@dataclass(frozen=True, slots=True)
class EmailCampaign:
    id: int
    kind: Kind
    subject: str
    body: Template
    header: str | None
    image: str | None  # URL
    attachment: int | None  # id of a medium
    sender: str | None
    addresses: Column
    fields: Mapping[str, Column]
    created_at: datetime
    scheduled_at: datetime | None
    cost: int  # millionths

    @property
    def count(self) -> int:
        return len(self.addresses)


@dataclass(frozen=True, slots=True)
class Letter:
    """One e-mail as its recipient would get it."""

    to: str
    sender: str | None
    subject: str
    text: str  # the merged body, empty with template 3
    html: str | None  # None with template 1
    attachment: int | None


def place(
    order: Order, account: Account, *, number: int, now: datetime
) -> EmailCampaign:
    """Return the campaign that *order* asks for, unpaid.

    Refuses while the service is not active, and an unknown attachment.  What a template
    does not take is ignored (EML-13, EML-14).
    """
    account.needs("email")
    kind = Kind(int(order.get("template", Kind.FORMATTED)))
    merge = BULLETS if account.assumptions["email_merge"] == "bullets" else MERGE
    pictured = kind in {Kind.IMAGE, Kind.IMAGE_AND_TEXT}
    date = order.get("scheduledDate")
    rows = order["recipients"]
    return EmailCampaign(
        id=number,
        kind=kind,
        subject=order["subject"],
        body=cut("" if kind is Kind.IMAGE else order["body"], merge),
        header=None if kind is Kind.IMAGE else order.get("header"),
        image=order.get("image") if pictured else None,
        attachment=_attachment(order, account),
        sender=order.get("sender"),
        addresses=column(row["email"] for row in rows),
        fields=fields(rows),
        created_at=now,
        scheduled_at=dates.parse(date, account.zone) if date else None,
        cost=account.prices.email * len(rows),
    )


def doubts(campaign: EmailCampaign, account: Account) -> Iterator[Doubt]:
    """Yield what lenient accepts and strict declines."""
    library = {medium.url for medium in account.media.values()}
    if campaign.image and campaign.image not in library:
        words = {"field": "image"}
        yield Doubt("EML-16", UNKNOWN_MEDIUM, "the image is not in the library", words)
    if campaign.scheduled_at and campaign.scheduled_at <= campaign.created_at:
        words = {"field": "scheduledDate"}
        yield Doubt("SMS-37", DATE_PAST, "the scheduled date has passed", words)


def milestones(campaign: EmailCampaign) -> Iterator[Milestone]:
    """Yield when the letters go out."""
    at = campaign.scheduled_at or campaign.created_at
    yield Milestone(at, "sent") if at < END else beyond("sent")


def letters(campaign: EmailCampaign) -> Iterator[Letter]:
    """Yield every e-mail of the campaign, merged, in the order of its recipients."""
    for index in range(campaign.count):
        yield letter(campaign, index)


def letter(campaign: EmailCampaign, index: int) -> Letter:
    """Return the e-mail that recipient *index* gets."""
    values = {name: column[index] for name, column in campaign.fields.items()}
    text = campaign.body.filled(values)
    return Letter(
        to=campaign.addresses[index],
        sender=campaign.sender,
        subject=campaign.subject,
        text=text,
        html=_page(campaign, text),
        attachment=campaign.attachment,
    )


def is_sent(campaign: EmailCampaign, now: datetime) -> bool:
    """Return whether the letters have gone out."""
    return (campaign.scheduled_at or campaign.created_at) <= now


def _page(campaign: EmailCampaign, text: str) -> str | None:
    """Return the body as HTML; the layout is ours, the manual shows none."""
    if campaign.kind is Kind.BASIC:
        return None
    pieces = [
        f"<h1>{escape(campaign.header)}</h1>" if campaign.header else "",
        f'<img src="{escape(campaign.image)}" alt="">' if campaign.image else "",
        f"<p>{escape(text)}</p>" if text else "",
    ]
    return "<!doctype html><body>" + "".join(pieces) + "</body>"


def _attachment(order: Order, account: Account) -> int | None:
    if "attachment" not in order:
        return None
    attachment = int(order["attachment"])
    if attachment not in account.media:
        known = ", ".join(map(str, account.media)) or "none"
        raise Refusal(UNKNOWN_MEDIUM, f"media: {known}", field="attachment")
    return attachment
