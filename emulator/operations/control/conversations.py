"""Conversations: the messages to and from each handset or mailbox."""

from collections.abc import Generator, Iterable, Iterator
from datetime import datetime
from functools import partial
from heapq import merge
from itertools import count, islice
from operator import attrgetter
from typing import Any, NamedTuple

from emulator.domain import dates
from emulator.domain.channel import (
    AnyCampaign,
    RecipientKey,
    RecipientKeys,
    format_key,
    get_channel,
)
from emulator.domain.keyword import ReceivedText
from emulator.domain.responses import MoResponse
from emulator.operations.call import (
    OperationCall,
    OperationResult,
    OperationSteps,
    Pause,
    Row,
)
from emulator.operations.control.campaigns import list_newest_campaigns
from emulator.operations.control.recipients import describe_recipient
from emulator.world import World

PAGE = 50  # conversations, or items of one, unless the call says otherwise
SCANNED = 20_000  # recipients that are looked at for a page of a list ...
SEARCHED = 200_000  # ... and where a text is looked for
KEYS_PER_TURN = 4_000  # recipients that are looked at; then other requests run
LET_IN = Pause(seconds=0)
LEAST = 20  # recipients, as which a small campaign counts
DIGITS = 10  # of a cellphone


class MessageBatch(NamedTuple):
    """The messages of one campaign, or one incoming text."""

    at: datetime
    keys: RecipientKeys  # cellphones as numbers, or addresses
    campaign: AnyCampaign | None
    inbound: MoResponse | ReceivedText | None = None
    place: int = 0  # of what was said, or its id


class Contact(NamedTuple):
    """A handset or mailbox with its messages."""

    address: str  # a cellphone, or where e-mail goes
    burst: MessageBatch
    place: int  # among the recipients


def list_conversations(world: World, call: OperationCall) -> OperationSteps:
    """List the contacts, the latest first, each with its last message.

    Others are let in meanwhile; what they place is not found.
    """
    asked = call.params
    start, limit = asked.get("offset", 0), asked.get("limit", PAGE)
    wanted, text = start + limit + 1, asked.get("text", "").casefold()
    found, is_all = yield from _find_contacts(world, text, wanted)
    page = found[start : start + limit]
    rows = [_describe_conversation(each, world, call.now) for each in page]
    more = len(found) == wanted or not is_all
    return OperationResult({"more": more, "conversations": rows})


def _find_contacts(
    world: World, text: str, wanted: int
) -> Generator[Pause, Any, tuple[list[Contact], bool]]:
    """Return so many contacts whose address holds *text*, and whether all were seen."""
    found: dict[RecipientKey, Contact] = {}
    left = SEARCHED if text else SCANNED * (1 + wanted // PAGE)
    looked = count()
    for burst in _list_batches(world, is_in_steps=True):
        keys: Iterable[RecipientKey] = burst.keys
        for place, key in enumerate(keys):
            if not next(looked) % KEYS_PER_TURN:
                yield LET_IN
            if key in found:
                continue
            address = format_key(key)
            if text in address.casefold():
                found[key] = Contact(address, burst, place)
                if len(found) == wanted:
                    return [*found.values()], False
        left -= max(len(burst.keys), LEAST)
        if left < 0:
            return [*found.values()], False
    return [*found.values()], True


def get_conversation(world: World, call: OperationCall) -> OperationResult:
    """Return the messages to and from one address, the oldest first."""
    address = call.params["address"]
    limit = call.params.get("limit", PAGE)
    found = list(islice(_list_history(world, address), limit + 1))
    items = [_describe_item(each, world, call.now) for each in reversed(found[:limit])]
    named = (each["name"] for each in reversed(items) if each.get("name"))
    return OperationResult(
        {
            "address": address,
            "name": next(named, ""),
            "more": len(found) > limit,
            "items": items,
        }
    )


def _list_batches(
    world: World, key: RecipientKey | None = None, *, is_in_steps: bool = False
) -> Iterator[MessageBatch]:
    """Yield what was sent or said, the latest first; all of it, or what one gets."""
    is_wanted = None if key is None else partial(_is_sent_to, key)
    sent = (
        MessageBatch(each.created_at, get_channel(each).get_keys(each), each)
        for each in list_newest_campaigns(world, is_wanted, is_in_steps=is_in_steps)
    )
    return merge(sent, _list_inbound(world, key), key=attrgetter("at"), reverse=True)


def _is_sent_to(key: RecipientKey, campaign: AnyCampaign) -> bool:
    return get_channel(campaign).is_sent_to(campaign, key)


def _list_inbound(world: World, key: RecipientKey | None) -> Iterator[MessageBatch]:
    """Yield what handsets wrote, the latest first; a keyword's text may be a reply."""
    replies = (
        MessageBatch(each.received_at, (each.number,), None, each, each.id)
        for each in reversed(world.responses)
        if key in {None, each.number}
    )
    if not world.received:
        return replies
    answered = {(each.received_at, each.number) for each in world.responses}
    texts = (
        MessageBatch(each.at, (each.number,), None, each, place)
        for place, each in reversed([*enumerate(world.received)])
        if key in {None, each.number} and (each.at, each.number) not in answered
    )
    return merge(replies, texts, key=attrgetter("at"), reverse=True)


def _list_history(world: World, address: str) -> Iterator[Contact]:
    """Yield the messages of one address, the latest first."""
    is_number = address.isdecimal() and len(address) == DIGITS
    key = int(address) if is_number else address
    for burst in _list_batches(world, key):
        for place in _find_indexes(burst, key):
            yield Contact(address, burst, place)


def _find_indexes(burst: MessageBatch, key: RecipientKey) -> Iterable[int]:
    campaign = burst.campaign
    if campaign is not None:
        return get_channel(campaign).find_places(campaign, key)
    return (0,) if key in burst.keys else ()


def _describe_conversation(contact: Contact, world: World, now: datetime) -> Row:
    last = _describe_item(contact, world, now)
    return {
        "address": contact.address,
        "name": last.get("name", ""),
        "kind": last["kind"],
        "at": last["at"],
        "placed": last["placed"],
        "status": last["status"],
        "text": last.get("subject") or last["text"],
    }


def _describe_item(contact: Contact, world: World, now: datetime) -> dict[str, Any]:
    campaign, index = contact.burst.campaign, contact.place
    if campaign is None:
        return _describe_reply(contact.burst, world)
    channel = get_channel(campaign)
    return {
        "kind": channel.name,
        "campaign": campaign.id,
        **describe_recipient(campaign, index, world, now),
        "placed": dates.format_platform_time(campaign.created_at, world.account.zone),
        **channel.describe_message(campaign, index),
    }


def _describe_reply(burst: MessageBatch, world: World) -> dict[str, Any]:
    at, said = dates.format_platform_time(burst.at, world.account.zone), burst.inbound
    answer = said if isinstance(said, MoResponse) else None
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
