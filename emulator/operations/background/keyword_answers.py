"""Answers to keywords: texts that go back to the handset, charged like any other."""

from datetime import datetime

from msgspec import Struct

from emulator.domain import keyword, sms
from emulator.domain.assumptions import Doubt, weigh
from emulator.domain.recipients import cellphone
from emulator.domain.refusals import NO_ROUTE_TO_COUNTRY, TOO_LONG, Refusal
from emulator.domain.sms import Campaign, Ids, Source
from emulator.timekeeping.event_log import Event
from emulator.world import World


class Answer(Struct, frozen=True):
    """What has become of an answer."""

    sent: bool
    says: str  # what was wrong with it


def send(world: World, text: str, *, to: int, now: datetime) -> Answer:
    """Send *text* to the number *to*, unless something is wrong with it.

    Source: manual KEY-05, KEY-06; assumptions KEY-07, KEY-16 and KEY-17.
    """
    if flaw := keyword.flaw(text):
        return _unsent(world, flaw, now)
    try:
        says = _shortened(world, text)
        campaign = _placed(world, text.strip()[: keyword.LIMIT], to, now)
    except Refusal as refusal:
        return _unsent(world, refusal.why, now)
    world.keep(campaign)
    world.keep(Event(now, "answered", channel="sms", campaign=campaign.id))
    return Answer(sent=True, says=says)


def _unsent(world: World, why: str, now: datetime) -> Answer:
    world.keep(Event(now, "unanswered", verdict=why))
    return Answer(sent=False, says=why)


def _shortened(world: World, text: str) -> str:
    """Return a note that *text* is cut.  Refuses to where the world is strict."""
    count = len(text.strip())
    if count <= keyword.LIMIT:
        return ""
    why = f"the answer has {count} characters, {keyword.LIMIT} are allowed"
    doubt = Doubt("KEY-07", TOO_LONG, why, {"field": "text", "limit": keyword.LIMIT})
    weigh((doubt,), world.account.assumptions)
    return f"{why}: it was cut (KEY-07)"


def _placed(world: World, text: str, to: int, now: datetime) -> Campaign:
    """Return the message, paid, on the account's first route to Mexico.

    Refuses where the account has none, no credit or no room.
    """
    account = world.account
    route = keyword.route(account)
    if route is None:
        why = f"the account has no route to {keyword.COUNTRY}"
        raise Refusal(NO_ROUTE_TO_COUNTRY, why)
    world.admit(1)
    order = {
        "text": text,
        "recipients": [{"cellphone": cellphone(to)}],
        "route": route.id,
    }
    ids = Ids(world.upcoming("campaign"), world.upcoming("message"))
    placed = sms.place(order, account, ids=ids, now=now, world=world.name)
    world.charge(placed.cost, reason="keyword", reference=placed.id, now=now)
    return placed._replace(source=Source.KEYWORD)
