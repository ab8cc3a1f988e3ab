"""Incoming texts (MO): replies, and texts that begin with a keyword.

A text is recorded, and with it the pushes to the customer's servers.
"""

from typing import NamedTuple

from emulator.domain import dates, dlr, keyword
from emulator.domain.account import Keyword
from emulator.domain.emulator_refusals import (
    NO_SUCH_MESSAGE,
    NOT_ARRIVED,
    NOTHING_TO_ANSWER,
    OTHER_NUMBER,
)
from emulator.domain.keyword import ReceivedText
from emulator.domain.platform_refusals import TOO_SHORT
from emulator.domain.recipients import format_cellphone
from emulator.domain.refusals import Refusal
from emulator.domain.responses import MoResponse
from emulator.domain.sms import SmsCampaign
from emulator.operations.background import keyword_answers
from emulator.operations.background.outgoing import InboundText, OutgoingPushes
from emulator.operations.call import OperationCall, OperationResult, Row
from emulator.timekeeping.event_log import WorldEvent
from emulator.world import World

ARRIVED_STATUS = "sent"


class InboundResult(NamedTuple):
    """The result of an incoming text."""

    response: int | None  # its id as a reply
    keyword: str | None
    deliveries: list[int]  # their ids


def receive_text(world: World, call: OperationCall) -> OperationResult:
    """Receive a text of a handset, as an answer to a message or to the newest.

    Refuses a message that there is not or that has not arrived, and a number without
    messages unless the text begins with a keyword.
    """
    words, number = call.body["text"], int(call.body["number"])
    if not words.strip():
        raise Refusal(TOO_SHORT, "the text is blank", field="text", limit=1)
    world.require_record_room()
    text = InboundText(number, words, call.now)
    if "message" in call.body:
        text = _attach_to_message(world, text, call.body["message"])
    else:
        text = _attach_to_newest(world, text)
    made = keep_inbound_text(world, text)
    return OperationResult(
        {
            "received_id": made.response,
            "message": text.message_id or None,
            "keyword": made.keyword,
            "deliveries": made.deliveries,
        }
    )


def list_received_texts(world: World, _call: OperationCall) -> OperationResult:
    """List the texts that began with a keyword.  Source: manual KEY-15."""
    rows: list[Row] = [
        {
            "at": dates.format_timestamp(each.at),
            "cellphone": format_cellphone(each.number),
            "keyword": each.keyword,
            "text": each.text,
        }
        for each in world.received
    ]
    return OperationResult(rows)


def has_push_target(world: World, text: InboundText) -> bool:
    """Return whether a reply would cause a push to a server of the customer."""
    if world.account.push_url or world.outbox.relays:
        return True
    word = keyword.find_keyword(text.words, world.account.keywords, text.now)
    return word is not None and bool(word.push_url or word.response_url)


def keep_inbound_text(world: World, text: InboundText) -> InboundResult:
    """Keep *text* and all that follows from it.

    Source: manual MOP-01, MOP-10, KEY-01, KEY-11; assumption KEY-14.
    """
    word = keyword.find_keyword(text.words, world.account.keywords, text.now)
    outgoing = OutgoingPushes(world, text)
    response = _make_response(world, text)
    if response is not None:
        world.keep_change(response)
        if world.account.push_url or world.outbox.relays:
            outgoing.add_push(world.account.push_url or "")
    campaign = text.campaign.id if text.campaign else 0
    world.keep_change(
        WorldEvent(text.now, "replied", campaign=campaign, message=text.message_id)
    )
    if word is not None:
        world.keep_change(ReceivedText(text.now, text.number, word.word, text.words))
        _carry_out_keyword(world, text, word, outgoing)
    for each in outgoing.deliveries:
        world.keep_change(each)
    return InboundResult(
        response.id if response else None,
        word.word if word else None,
        [each.id for each in outgoing.deliveries],
    )


def _carry_out_keyword(
    world: World, text: InboundText, word: Keyword, outgoing: OutgoingPushes
) -> None:
    """Do what the keyword asks for; a fixed answer calls no URL."""
    if word.response_url:
        outgoing.add_keyword_push(word)
    elif word.response:
        keyword_answers.send_keyword_answer(
            world, word.response, to=text.number, now=text.now
        )
    if word.push_url:
        outgoing.add_push(word.push_url)


def _make_response(world: World, text: InboundText) -> MoResponse | None:
    """Return the reply as it is found by poll.  Source: manual MO-09."""
    campaign, place = text.campaign, text.place
    if campaign is None:
        return None
    reached = place < campaign.line.count_due(text.now)
    return MoResponse(
        id=world.next_id("response"),
        number=text.number,
        campaign=campaign.id,
        campaign_name=campaign.name,
        message=text.message_id,
        text=campaign.render_text(place),
        response=text.words,
        sent_at=campaign.line.due_time(place) if reached else None,
        received_at=text.now,
    )


def _attach_to_message(world: World, text: InboundText, message: int) -> InboundText:
    """Return *text* as the answer to a message.  Refuses one not on the handset."""
    campaign = world.find_campaign_of(message)
    if campaign is None:
        why = f"world {world.name} has sent no message {message}"
        raise Refusal(NO_SUCH_MESSAGE, why)
    place = message - campaign.first_message
    whose = format_cellphone(campaign.recipients.numbers[place])
    if whose != format_cellphone(text.number):
        raise Refusal(OTHER_NUMBER, f"message {message} went to {whose}")
    if waiting := _describe_waiting(campaign, place, text):
        raise _make_refusal(waiting)
    return text._replace(campaign=campaign, place=place)


def _attach_to_newest(world: World, text: InboundText) -> InboundText:
    """Return *text* as the answer to the newest message on its handset.

    Refuses where there is none, unless the text begins with a keyword.
    """
    waiting = ""
    for campaign in reversed(world.campaigns.values()):
        for place in campaign.recipients.list_places(text.number):
            reason = _describe_waiting(campaign, place, text)
            if not reason:
                return text._replace(campaign=campaign, place=place)
            waiting = waiting or reason
    if keyword.find_keyword(text.words, world.account.keywords, text.now):
        return text
    if waiting:
        raise _make_refusal(waiting)
    why = (
        f"world {world.name} has sent nothing to {format_cellphone(text.number)}, "
        "and the text begins with none of its keywords"
    )
    raise Refusal(NOTHING_TO_ANSWER, why)


def _describe_waiting(campaign: SmsCampaign, place: int, text: InboundText) -> str:
    """Return why a message is not on its handset, or nothing where it is."""
    message = dlr.get_sms_message(campaign, place, text.now)
    if message.status == ARRIVED_STATUS:
        return ""
    return f"message {message.id} is {message.status}"


def _make_refusal(waiting: str) -> Refusal:
    why = f"{waiting}: advance the clock, or settle, and it may arrive"
    return Refusal(NOT_ARRIVED, why)
