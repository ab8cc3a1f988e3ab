"""What leaves because a handset wrote: deliveries, as far as no fault spoils them."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from emulator.domain import dates
from emulator.domain.account import Keyword
from emulator.domain.delivery import Delivery, Kind, State, Trick
from emulator.domain.recipients import cellphone
from emulator.domain.sms import Campaign, Source
from emulator.effects import Push
from emulator.faults import Facts, Phase, Rule, tried
from emulator.world import World


class Text(NamedTuple):
    """What a handset writes, and to which message."""

    number: int
    words: str
    now: datetime
    campaign: Campaign | None = None
    place: int = 0  # of the message in it

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
        )

    def _add(self, delivery: Delivery) -> None:
        """Add *delivery*, or what a fault makes of it."""
        rule = struck(self._world, self._text, delivery.kind, Phase.PUSH)
        if rule is None or not isinstance(rule.effect, Push):
            self.made.append(delivery)
            return
        made = _MAKERS.get(rule.effect.trick, _as_it_goes)(delivery, rule.effect)
        self.made += [
            each._replace(id=delivery.id + index, fault=rule.id)
            for index, each in enumerate(made)
        ]


def reply_kind(world: World, text: Text) -> Kind:
    """Return what the push of a reply is called.  Source: assumption SMP-07."""
    by_smpp = text.campaign is not None and text.campaign.source is Source.SMPP
    capitals = world.account.assumptions["smpp_mo_case"] == "capitalised"
    return Kind.SMPP_REPLY if by_smpp and capitals else Kind.REPLY


def struck(world: World, text: Text, kind: Kind, phase: Phase) -> Rule | None:
    """Return the fault rule that strikes what *text* sets going, if one does."""
    if not world.faults:
        return None
    facts = Facts(
        operation=str(kind),
        phase=phase,
        token="",
        numbers=(cellphone(text.number),),
        body={"response": text.words, "message_id": text.message},
        headers={},
        now=text.now,
    )
    rule, world.faults = tried(world.faults, facts, seed=world.account.seed)
    if rule is not None:
        world.tally.faults[str(kind)] += 1
    return rule


def _lost(delivery: Delivery, _effect: Push) -> list[Delivery]:
    return [delivery._replace(state=State.LOST, due_at=None)]


def _late(delivery: Delivery, effect: Push) -> list[Delivery]:
    due_at = delivery.made_at + timedelta(seconds=effect.seconds)
    return [delivery._replace(due_at=due_at)]


def _behind(delivery: Delivery, effect: Push) -> list[Delivery]:
    return [each._replace(behind=True) for each in _late(delivery, effect)]


def _twice(delivery: Delivery, _effect: Push) -> list[Delivery]:
    return [delivery, delivery]


def _at_once(delivery: Delivery, effect: Push) -> list[Delivery]:
    return [delivery._replace(group=delivery.id)] * effect.count


def _as_it_goes(delivery: Delivery, effect: Push) -> list[Delivery]:
    """Return what is felt on its way only."""
    return [delivery._replace(trick=effect.trick)]


_MAKERS: Mapping[Trick, Callable[[Delivery, Push], list[Delivery]]] = {
    Trick.LOST: _lost,
    Trick.LATE: _late,
    Trick.REORDERED: _behind,
    Trick.TWICE: _twice,
    Trick.TWICE_AT_ONCE: _at_once,
    Trick.STORM: _at_once,
}
