"""What handsets write: replies, and texts that begin with a keyword.

A text is recorded, and with it whatever has to be told to the customer's servers.
"""

from typing import NamedTuple

from emulator.domain import dates, dlr, keyword
from emulator.domain.account import Keyword
from emulator.domain.keyword import Received
from emulator.domain.recipients import cellphone
from emulator.domain.refusals import (
    NO_SUCH_MESSAGE,
    NOT_ARRIVED,
    NOTHING_TO_ANSWER,
    OTHER_NUMBER,
    TOO_SHORT,
    Refusal,
)
from emulator.domain.responses import Response
from emulator.domain.sms import Campaign
from emulator.timekeeping.event_log import Event
from emulator.operations.background import keyword_answers
from emulator.operations.call import Call, Reply, Row
from emulator.operations.background.outgoing import Outgoing, Text
from emulator.world import World

ARRIVED = "sent"


class Made(NamedTuple):
    """What came of a text."""

    response: int | None  # its id as a reply
    keyword: str | None
    deliveries: list[int]  # their ids


def receive_text(world: World, call: Call) -> Reply:
    """Let a handset write, to one of its messages or to the newest.

    Refuses a message that there is not or that has not arrived, and a number without
    messages unless the text begins with a keyword.
    """
    words, number = call.body["text"], int(call.body["number"])
    if not words.strip():
        raise Refusal(TOO_SHORT, "the text is blank", field="text", limit=1)
    text = Text(number, words, call.now)
    if "message" in call.body:
        text = _to_message(world, text, call.body["message"])
    else:
        text = _to_newest(world, text)
    made = received(world, text)
    return Reply(
        {
            "received_id": made.response,
            "message": text.message or None,
            "keyword": made.keyword,
            "deliveries": made.deliveries,
        }
    )


def list_received(world: World, _call: Call) -> Reply:
    """List the texts that began with a keyword.  Source: manual KEY-15."""
    rows: list[Row] = [
        {
            "at": dates.stamp(each.at),
            "cellphone": cellphone(each.number),
            "keyword": each.keyword,
            "text": each.text,
        }
        for each in world.received
    ]
    return Reply(rows)


def is_told_of(world: World, text: Text) -> bool:
    """Return whether a server of the customer would be told of a reply."""
    if world.account.push_url or world.outbox.relays:
        return True
    word = keyword.called(text.words, world.account.keywords, text.now)
    return word is not None and bool(word.push_url or word.response_url)


def received(world: World, text: Text) -> Made:
    """Keep *text* and all that it sets going.

    Source: manual MOP-01, MOP-10, KEY-01, KEY-11; assumption KEY-14.
    """
    word = keyword.called(text.words, world.account.keywords, text.now)
    outgoing = Outgoing(world, text)
    response = _response(world, text)
    if response is not None:
        world.keep(response)
        if world.account.push_url or world.outbox.relays:
            outgoing.push(world.account.push_url or "")
    campaign = text.campaign.id if text.campaign else 0
    world.keep(Event(text.now, "replied", campaign=campaign, message=text.message))
    if word is not None:
        world.keep(Received(text.now, text.number, word.word, text.words))
        _set_going(world, text, word, outgoing)
    for each in outgoing.made:
        world.keep(each)
    return Made(
        response.id if response else None,
        word.word if word else None,
        [each.id for each in outgoing.made],
    )


def _set_going(world: World, text: Text, word: Keyword, outgoing: Outgoing) -> None:
    """Do what a keyword is for; a fixed answer asks nobody."""
    if word.response_url:
        outgoing.ask(word)
    elif word.response:
        keyword_answers.send(world, word.response, to=text.number, now=text.now)
    if word.push_url:
        outgoing.push(word.push_url)


def _response(world: World, text: Text) -> Response | None:
    """Return the reply as it is found by poll.  Source: manual MO-09."""
    campaign, place = text.campaign, text.place
    if campaign is None:
        return None
    reached = place < campaign.line.reached(text.now)
    return Response(
        id=world.upcoming("response"),
        number=text.number,
        campaign=campaign.id,
        campaign_name=campaign.name,
        message=text.message,
        text=campaign.text(place),
        response=text.words,
        sent_at=campaign.line.instant(place) if reached else None,
        received_at=text.now,
    )


def _to_message(world: World, text: Text, message: int) -> Text:
    """Return *text* as the answer to a message.  Refuses what its handset has not."""
    campaign = world.campaign_of(message)
    if campaign is None:
        why = f"world {world.name} has sent no message {message}"
        raise Refusal(NO_SUCH_MESSAGE, why)
    place = message - campaign.first_message
    whose = cellphone(campaign.recipients.numbers[place])
    if whose != cellphone(text.number):
        raise Refusal(OTHER_NUMBER, f"message {message} went to {whose}")
    if waiting := _waiting(campaign, place, text):
        raise _not_arrived(waiting)
    return text._replace(campaign=campaign, place=place)


def _to_newest(world: World, text: Text) -> Text:
    """Return *text* as the answer to the newest message on its handset.

    Refuses where there is none, unless the text begins with a keyword.
    """
    waiting = ""
    for campaign in reversed(world.campaigns.values()):
        for place in campaign.recipients.places(text.number):
            reason = _waiting(campaign, place, text)
            if not reason:
                return text._replace(campaign=campaign, place=place)
            waiting = waiting or reason
    if keyword.called(text.words, world.account.keywords, text.now):
        return text
    if waiting:
        raise _not_arrived(waiting)
    why = (
        f"world {world.name} has sent nothing to {cellphone(text.number)}, "
        "and the text begins with none of its keywords"
    )
    raise Refusal(NOTHING_TO_ANSWER, why)


def _waiting(campaign: Campaign, place: int, text: Text) -> str:
    """Return why a message is not on its handset, or nothing where it is."""
    message = dlr.message(campaign, place, text.now)
    if message.status == ARRIVED:
        return ""
    return f"message {message.id} is {message.status}"


def _not_arrived(waiting: str) -> Refusal:
    why = f"{waiting}: advance the clock, or settle, and it may arrive"
    return Refusal(NOT_ARRIVED, why)
