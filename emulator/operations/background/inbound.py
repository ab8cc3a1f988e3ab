"""Incoming texts (MO): replies, and texts that begin with a keyword.

A text is recorded, and with it the pushes to the customer's servers, as faults change
them.
"""

from datetime import datetime
from typing import NamedTuple

from emulator.domain import dates, dlr, keyword, push
from emulator.domain.account import Keyword
from emulator.domain.delivery import Delivery, DeliveryKind
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
from emulator.domain.sms import CampaignSource, SmsCampaign
from emulator.faults import CallFacts, FaultPhase, FaultPlace, FaultRule
from emulator.faults.calls import PushCall
from emulator.operations.background import keyword_answers
from emulator.operations.call import OperationCall, OperationResult, Row
from emulator.timekeeping.event_log import WorldEvent
from emulator.world import World

ARRIVED_STATUS = "sent"


class InboundText(NamedTuple):
    """A text from a handset, and the message that it answers."""

    number: int
    words: str
    now: datetime
    campaign: SmsCampaign | None = None
    place: int = 0  # of the message in it
    fault: str = ""  # the id of the rule that makes it come early

    @property
    def message_id(self) -> int:
        """The id of the message, 0 without."""
        return self.campaign.first_message + self.place if self.campaign else 0


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
    if response is not None and (world.account.push_url or world.outbox.relays):
        outgoing.add_push(world.account.push_url or "")
    campaign, message = text.campaign.id if text.campaign else 0, text.message_id
    if response is not None:
        world.keep_change(response)
    world.keep_change(
        WorldEvent(text.now, "replied", campaign=campaign, message=message)
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
    world: World, text: InboundText, word: Keyword, outgoing: "OutgoingPushes"
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
    sent_at = campaign.line.due_time(place) if reached else None
    return MoResponse(
        id=world.next["response"],
        number=text.number,
        campaign=campaign.id,
        campaign_name=campaign.name,
        message=campaign.first_message + place,
        text=campaign.render_text(place),
        response=text.words,
        sent_at=sent_at,
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
    status = dlr.compute_message_status(campaign, place, text.now)
    if status == ARRIVED_STATUS:
        return ""
    return f"message {campaign.first_message + place} is {status}"


def _make_refusal(waiting: str) -> Refusal:
    why = f"{waiting}: advance the clock, or settle, and it may arrive"
    return Refusal(NOT_ARRIVED, why)


class OutgoingPushes:
    """The deliveries of one text, in the order in which they leave."""

    def __init__(self, world: World, text: InboundText) -> None:
        self._world = world
        self._text = text
        self.deliveries: list[Delivery] = []

    def add_push(self, url: str) -> None:
        """Add a push to the customer's server at *url*; without one, to a listener.

        Source: manual MOP-04; SMP-06 for what was sent by SMPP.
        """
        text, world = self._text, self._world
        message = text.message_id or world.next["response"]
        self._add_delivery(
            self._make_delivery(choose_reply_kind(world, text), url, message_id=message)
        )

    def add_keyword_push(self, keyword: Keyword) -> None:
        """Add a push that asks the server of *keyword* for an answer.

        Source: manual KEY-03.
        """
        url = keyword.response_url or ""
        made = self._make_delivery(DeliveryKind.KEYWORD, url, keyword=keyword.word)
        self._add_delivery(made._replace(keyword=keyword.word))

    def _make_delivery(
        self, kind: DeliveryKind, url: str, **facts: str | int
    ) -> Delivery:
        text, account = self._text, self._world.account
        return Delivery(
            id=self._world.next["delivery"] + len(self.deliveries),
            kind=kind,
            url=url,
            parameters={
                "response": text.words,
                "cellphone": text.number,
                **facts,
                "date": dates.format_platform_time(text.now, account.zone),
            },
            created_at=text.now,
            due_at=text.now,
            retries=account.push_retries,
            number=text.number,
            message=text.message_id,
            fault=text.fault,
        )

    def _add_delivery(self, delivery: Delivery) -> None:
        """Add *delivery*, or what a fault makes of it."""
        rule = self._find_fault(delivery) if self._world.faults else None
        if rule is None:
            self.deliveries.append(delivery)
            return
        self.deliveries += [
            each._replace(id=delivery.id + index, fault=rule.id)
            for index, each in enumerate(rule.effect.make_deliveries(delivery))
        ]

    def _find_fault(self, delivery: Delivery) -> FaultRule | None:
        world, kind = self._world, delivery.kind
        choice = world.account.assumptions.chosen["mo_cellphone_name"]
        call = PushCall(
            delivery, push.make_push_parameters(kind, delivery.parameters, choice)
        )
        facts = make_call_facts(self._text, kind, FaultPhase.PUSH)
        facts = facts._replace(is_affected_by=lambda effect: effect.changes_push(call))
        return world.match_fault_rule(facts, FaultPlace.PUSH)


def choose_reply_kind(world: World, text: InboundText) -> DeliveryKind:
    """Return the kind of the push for a reply.  Source: assumption SMP-07."""
    by_smpp = text.campaign is not None and text.campaign.source is CampaignSource.SMPP
    if by_smpp and world.account.assumptions.chosen["smpp_mo_case"] == "capitalized":
        return DeliveryKind.SMPP_REPLY
    return DeliveryKind.REPLY


def make_call_facts(
    text: InboundText, kind: DeliveryKind, phase: FaultPhase
) -> CallFacts:
    """Return the facts of a push of *text* for the fault rules."""
    return CallFacts(
        operation=str(kind),
        phase=phase,
        token="",
        numbers=(format_cellphone(text.number),),
        body={"response": text.words, "message_id": text.message_id},
        headers={},
        now=text.now,
    )
