"""What each handset and each mailbox got, and what it said, as its owner sees it."""

from collections.abc import Iterator
from datetime import datetime
from heapq import merge
from itertools import islice
from typing import Any, NamedTuple

from emulator.domain import dates, email
from emulator.domain.email import EmailCampaign
from emulator.domain.keyword import Received
from emulator.domain.recipients import cellphone
from emulator.domain.responses import Response
from emulator.domain.sms import Campaign
from emulator.domain.voice import VoiceCampaign
from emulator.operations.call import Call, Reply, Row
from emulator.operations.campaigns import AnyCampaign, channel_of, newest
from emulator.operations.recipients import recipient
from emulator.world import World

PAGE = 50  # conversations, or items of one, unless the call says otherwise
SCANNED = 200_000  # recipients that are looked at for one list
DIGITS = 10  # of a cellphone


class Contact(NamedTuple):
    """Somebody who got something or said something."""

    address: str  # a cellphone, or where e-mail goes
    at: datetime
    campaign: AnyCampaign | None  # with the place among its recipients
    place: int  # among the recipients
    said: Response | Received | None = None  # with its id or its place


def list_conversations(world: World, call: Call) -> Reply:
    """List who got or said something, the latest first; each with the last of it."""
    asked = call.params
    text = asked.get("text", "").casefold()
    start, limit = asked.get("offset", 0), asked.get("limit", PAGE)
    found: dict[str, Contact] = {}
    for contact in islice(_contacts(world), SCANNED):
        if text in contact.address.casefold():
            found.setdefault(contact.address, contact)
        if len(found) > start + limit:
            break
    page = list(islice(found.values(), start, start + limit))
    rows = [_summary(each, world, call.now) for each in page]
    return Reply({"more": len(found) > start + limit, "conversations": rows})


def get_conversation(world: World, call: Call) -> Reply:
    """Show what one handset or mailbox got and said, the oldest first."""
    address = call.params["address"]
    limit = call.params.get("limit", PAGE)
    found = list(islice(_history(world, address), limit + 1))
    items = [_item(each, world, call.now) for each in reversed(found[:limit])]
    named = (each["name"] for each in reversed(items) if each.get("name"))
    return Reply(
        {
            "address": address,
            "name": next(named, ""),
            "more": len(found) > limit,
            "items": items,
        }
    )


def _contacts(world: World) -> Iterator[Contact]:
    """Yield everything that was sent or said, by campaign, the latest first."""
    sent = (contact for each in newest(world) for contact in _reached(each))
    return merge(sent, _said(world), key=lambda each: each.at, reverse=True)


def _reached(campaign: AnyCampaign) -> Iterator[Contact]:
    addresses: Iterator[str] = (
        iter(campaign.addresses)
        if isinstance(campaign, EmailCampaign)
        else map(cellphone, campaign.recipients.numbers)
    )
    for index, address in enumerate(addresses):
        yield Contact(address, campaign.created_at, campaign, index)


def _said(world: World) -> Iterator[Contact]:
    """Yield what handsets wrote, the latest first; a keyword's text may be a reply."""
    replies = (
        Contact(cellphone(each.number), each.received_at, None, each.id, each)
        for each in reversed(world.responses)
    )
    answered = {(each.received_at, each.number) for each in world.responses}
    texts = (
        Contact(cellphone(each.number), each.at, None, place, each)
        for place, each in reversed([*enumerate(world.received)])
        if (each.at, each.number) not in answered
    )
    return merge(replies, texts, key=lambda each: each.at, reverse=True)


def _history(world: World, address: str) -> Iterator[Contact]:
    """Yield what concerns one address, the latest first."""
    number = int(address) if address.isdecimal() and len(address) == DIGITS else None
    sent = (
        Contact(address, each.created_at, each, index)
        for each in newest(world)
        for index in _places(each, address, number)
    )
    said = (each for each in _said(world) if each.address == address)
    return merge(sent, said, key=lambda each: each.at, reverse=True)


def _places(campaign: AnyCampaign, address: str, number: int | None) -> Iterator[int]:
    if isinstance(campaign, EmailCampaign):
        return campaign.addresses.where(address) if number is None else iter(())
    return iter(()) if number is None else campaign.recipients.where(number)


def _summary(contact: Contact, world: World, now: datetime) -> Row:
    last = _item(contact, world, now)
    return {
        "address": contact.address,
        "name": last.get("name", ""),
        "kind": last["kind"],
        "at": last["at"],
        "placed": last["placed"],
        "status": last["status"],
        "text": last.get("subject") or last["text"],
    }


def _item(contact: Contact, world: World, now: datetime) -> dict[str, Any]:
    if contact.said is not None:
        return _reply(contact.said, contact.place, world)
    if contact.campaign is None:
        message = f"nobody sent anything to {contact.address}"
        raise LookupError(message)
    campaign, index = contact.campaign, contact.place
    return {
        "kind": channel_of(campaign),
        "campaign": campaign.id,
        **recipient(campaign, index, world, now),
        "placed": dates.shown(campaign.created_at, world.account.zone),
        **_details(campaign, index),
    }


def _details(campaign: AnyCampaign, index: int) -> Row:
    """Return what only a conversation tells of a message."""
    if isinstance(campaign, Campaign):
        return _sms_details(campaign, index)
    if isinstance(campaign, VoiceCampaign):
        return {"sender": campaign.remittent, "audio": campaign.audio}
    letter = email.letter(campaign, index)
    return {
        "sender": letter.sender,
        "subject": letter.subject,
        "html": letter.html,
        "attachment": letter.attachment,
    }


def _sms_details(campaign: Campaign, index: int) -> Row:
    flags, text = campaign.flags, campaign.text(index)
    return {
        "sender": campaign.route.description,
        "encoding": "UCS-2" if flags.encoded else "GSM 03.38",
        "parts": flags.parts(len(text)),
        "link": campaign.short_link(index),
    }


def _reply(said: Response | Received, number: int, world: World) -> dict[str, Any]:
    answers = said if isinstance(said, Response) else None
    instant = said.received_at if isinstance(said, Response) else said.at
    at = dates.shown(instant, world.account.zone)
    return {
        "kind": "reply",
        "id": number,
        "campaign": answers.campaign if answers else None,
        "message": answers.message if answers else None,
        "status": "received",
        "at": at,
        "placed": at,
        "text": said.response if isinstance(said, Response) else said.text,
    }
