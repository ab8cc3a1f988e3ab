"""What leaves because a handset wrote: deliveries, as far as no fault spoils them."""

from datetime import datetime
from typing import NamedTuple

from emulator.domain import dates, push
from emulator.domain.account import Keyword
from emulator.domain.delivery import Delivery, Kind
from emulator.domain.recipients import cellphone
from emulator.domain.sms import Campaign, Source
from emulator.faults import Facts, Phase, Place, Rule
from emulator.faults.calls import PushCall
from emulator.world import World


class Text(NamedTuple):
    """What a handset writes, and to which message."""

    number: int
    words: str
    now: datetime
    campaign: Campaign | None = None
    place: int = 0  # of the message in it
    fault: str = ""  # the id of the rule that has it written early

    @property
    def message(self) -> int:
        """The id of the message, 0 without."""
        return self.campaign.first_message + self.place if self.campaign else 0


class Outgoing:
    """The deliveries of one text, in the order in which they leave."""

    def __init__(self, world: World, text: Text) -> None:
        self._world = world
        self._text = text
        self.made: list[Delivery] = []

    def push(self, url: str) -> None:
        """Tell the customer's server at *url*; with none, a listener will.

        Source: manual MOP-04; SMP-06 for what was sent by SMPP.
        """
        text, world = self._text, self._world
        message = text.message or world.upcoming("response")
        self._add(self._of(reply_kind(world, text), url, message_id=message))

    def ask(self, keyword: Keyword) -> None:
        """Ask the server of *keyword* for an answer.  Source: manual KEY-03."""
        url = keyword.response_url or ""
        made = self._of(Kind.KEYWORD, url, keyword=keyword.word)
        self._add(made._replace(keyword=keyword.word))

    def _of(self, kind: Kind, url: str, **facts: str | int) -> Delivery:
        text, account = self._text, self._world.account
        return Delivery(
            id=self._world.upcoming("delivery") + len(self.made),
            kind=kind,
            url=url,
            facts={
                "response": text.words,
                "cellphone": text.number,
                **facts,
                "date": dates.shown(text.now, account.zone),
            },
            made_at=text.now,
            due_at=text.now,
            retries=account.push_retries,
            number=text.number,
            message=text.message,
            fault=text.fault,
        )

    def _add(self, delivery: Delivery) -> None:
        """Add *delivery*, or what a fault makes of it."""
        rule = self._strike(delivery) if self._world.faults else None
        if rule is None:
            self.made.append(delivery)
            return
        self.made += [
            each._replace(id=delivery.id + index, fault=rule.id)
            for index, each in enumerate(rule.effect.make_deliveries(delivery))
        ]

    def _strike(self, delivery: Delivery) -> Rule | None:
        world, kind = self._world, delivery.kind
        choice = world.account.assumptions["mo_cellphone_name"]
        call = PushCall(delivery, push.parameters(kind, delivery.facts, choice))
        facts = facts_of(self._text, kind, Phase.PUSH)
        facts = facts._replace(is_felt=lambda effect: effect.changes_push(call))
        return world.strike(facts, Place.PUSH)


def reply_kind(world: World, text: Text) -> Kind:
    """Return what the push of a reply is called.  Source: assumption SMP-07."""
    by_smpp = text.campaign is not None and text.campaign.source is Source.SMPP
    capitals = world.account.assumptions["smpp_mo_case"] == "capitalised"
    return Kind.SMPP_REPLY if by_smpp and capitals else Kind.REPLY


def facts_of(text: Text, kind: Kind, phase: Phase) -> Facts:
    """Return what a fault rule can look at, of what *text* sets going."""
    return Facts(
        operation=str(kind),
        phase=phase,
        token="",
        numbers=(cellphone(text.number),),
        body={"response": text.words, "message_id": text.message},
        headers={},
        now=text.now,
    )
