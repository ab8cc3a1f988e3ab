"""What each handset and each mailbox got, and what it said, as its owner sees it."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from functools import partial
from heapq import merge
from itertools import islice
from operator import attrgetter
from typing import Any, NamedTuple

from emulator.domain import dates, email
from emulator.domain.email import EmailCampaign
from emulator.domain.keyword import Received
from emulator.domain.recipients import Column, cellphone
from emulator.domain.responses import Response
from emulator.domain.sms import Campaign
from emulator.domain.voice import VoiceCampaign
from emulator.operations.call import Call, Reply, Row
from emulator.operations.control.campaigns import AnyCampaign, channel_of, newest
from emulator.operations.control.recipients import recipient
from emulator.world import World

PAGE = 50  # conversations, or items of one, unless the call says otherwise
SCANNED = 20_000  # recipients that are looked at for a page of a list ...
SEARCHED = 200_000  # ... and where a text is looked for
LEAST = 20  # recipients, as which a small campaign counts
DIGITS = 10  # of a cellphone


class Burst(NamedTuple):
    """What went to many at once, or what one wrote."""

    at: datetime
    keys: Sequence[int] | Column  # cellphones as numbers, or addresses
    campaign: AnyCampaign | None
    said: Response | Received | None = None
    place: int = 0  # of what was said, or its id


class Contact(NamedTuple):
    """Somebody who got something or said something."""

    address: str  # a cellphone, or where e-mail goes
    burst: Burst
    place: int  # among the recipients


def list_conversations(world: World, call: Call) -> Reply:
    """List who got or said something, the latest first; each with the last of it."""
    asked = call.params
    start, limit = asked.get("offset", 0), asked.get("limit", PAGE)
    wanted = start + limit + 1
    found, is_all = _latest(world, asked.get("text", "").casefold(), wanted)
    page = found[start : start + limit]
    rows = [_summary(each, world, call.now) for each in page]
    more = len(found) == wanted or not is_all
    return Reply({"more": more, "conversations": rows})


def _latest(world: World, text: str, wanted: int) -> tuple[list[Contact], bool]:
    """Return so many contacts whose address holds *text*, and whether all were seen."""
    found: dict[int | str, Contact] = {}
    left = SEARCHED if text else SCANNED * (1 + wanted // PAGE)
    for burst in _bursts(world):
        keys: Iterable[int | str] = burst.keys
        for place, key in enumerate(keys):
            if key in found:
                continue
            address = _address(key)
            if text in address.casefold():
                found[key] = Contact(address, burst, place)
                if len(found) == wanted:
                    return [*found.values()], False
        left -= max(len(burst.keys), LEAST)
        if left < 0:
            return [*found.values()], False
    return [*found.values()], True


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


def _address(key: int | str) -> str:
    return cellphone(key) if isinstance(key, int) else key


def _bursts(world: World, key: int | str | None = None) -> Iterator[Burst]:
    """Yield what was sent or said, the latest first; all of it, or what one gets."""
    is_wanted = None if key is None else partial(_is_to, key)
    sent = (
        Burst(each.created_at, _keys(each), each) for each in newest(world, is_wanted)
    )
    return merge(sent, _said(world, key), key=attrgetter("at"), reverse=True)


def _is_to(key: int | str, campaign: AnyCampaign) -> bool:
    if isinstance(campaign, EmailCampaign):
        return isinstance(key, str) and key in campaign.addresses
    return isinstance(key, int) and key in campaign.recipients


def _keys(campaign: AnyCampaign) -> Sequence[int] | Column:
    if isinstance(campaign, EmailCampaign):
        return campaign.addresses
    return campaign.recipients.numbers


def _said(world: World, key: int | str | None) -> Iterator[Burst]:
    """Yield what handsets wrote, the latest first; a keyword's text may be a reply."""
    replies = (
        Burst(each.received_at, (each.number,), None, each, each.id)
        for each in reversed(world.responses)
        if key in {None, each.number}
    )
    if not world.received:
        return replies
    answered = {(each.received_at, each.number) for each in world.responses}
    texts = (
        Burst(each.at, (each.number,), None, each, place)
        for place, each in reversed([*enumerate(world.received)])
        if key in {None, each.number} and (each.at, each.number) not in answered
    )
    return merge(replies, texts, key=attrgetter("at"), reverse=True)


def _history(world: World, address: str) -> Iterator[Contact]:
    """Yield what concerns one address, the latest first."""
    is_number = address.isdecimal() and len(address) == DIGITS
    key = int(address) if is_number else address
    for burst in _bursts(world, key):
        for place in _places(burst, key):
            yield Contact(address, burst, place)


def _places(burst: Burst, key: int | str) -> Iterable[int]:
    campaign = burst.campaign
    if isinstance(campaign, EmailCampaign):
        return campaign.addresses.where(key) if isinstance(key, str) else ()
    if not isinstance(key, int):
        return ()
    if campaign is None:
        return (0,) if key in burst.keys else ()
    return campaign.recipients.where(key)


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
    campaign, index = contact.burst.campaign, contact.place
    if campaign is None:
        return _reply(contact.burst, world)
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


def _reply(burst: Burst, world: World) -> dict[str, Any]:
    at, said = dates.shown(burst.at, world.account.zone), burst.said
    answer = said if isinstance(said, Response) else None
    return {
        "kind": "reply",
        "id": burst.place,
        "campaign": answer.campaign if answer else None,
        "message": answer.message if answer else None,
        "status": "received",
        "at": at,
        "placed": at,
        "text": answer.response if answer else getattr(said, "text", ""),
    }
