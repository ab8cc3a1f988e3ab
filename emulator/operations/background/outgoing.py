"""The deliveries that an incoming text causes, with the faults that change them."""

from datetime import datetime
from typing import NamedTuple

from emulator.domain import dates, push
from emulator.domain.account import Keyword
from emulator.domain.delivery import Delivery, DeliveryKind
from emulator.domain.recipients import format_cellphone
from emulator.domain.sms import CampaignSource, SmsCampaign
from emulator.faults import CallFacts, FaultPhase, FaultPlace, FaultRule
from emulator.faults.calls import PushCall
from emulator.world import World


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
        message = text.message_id or world.next_id("response")
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
            id=self._world.next_id("delivery") + len(self.deliveries),
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
        choice = world.account.assumptions["mo_cellphone_name"]
        call = PushCall(
            delivery, push.make_push_parameters(kind, delivery.parameters, choice)
        )
        facts = make_call_facts(self._text, kind, FaultPhase.PUSH)
        facts = facts._replace(is_affected_by=lambda effect: effect.changes_push(call))
        return world.match_fault_rule(facts, FaultPlace.PUSH)


def choose_reply_kind(world: World, text: InboundText) -> DeliveryKind:
    """Return the kind of the push for a reply.  Source: assumption SMP-07."""
    by_smpp = text.campaign is not None and text.campaign.source is CampaignSource.SMPP
    capitals = world.account.assumptions["smpp_mo_case"] == "capitalized"
    return DeliveryKind.SMPP_REPLY if by_smpp and capitals else DeliveryKind.REPLY


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
