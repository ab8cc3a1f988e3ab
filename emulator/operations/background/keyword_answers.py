"""Answers to keywords: texts that go back to the handset, charged like any other."""

from datetime import datetime

from msgspec import Struct

from emulator.domain import keyword, sms
from emulator.domain.assumptions import Doubt, accept_doubts
from emulator.domain.platform_refusals import NO_ROUTE_TO_COUNTRY, TOO_LONG
from emulator.domain.recipients import format_cellphone
from emulator.domain.refusals import Refusal
from emulator.domain.sms import CampaignSource, SmsCampaign, SmsIds
from emulator.timekeeping.event_log import WorldEvent
from emulator.world import World


class KeywordAnswer(Struct, frozen=True):
    """Whether an answer was sent, and what was wrong."""

    sent: bool
    says: str  # what was wrong with it


def send_keyword_answer(
    world: World, text: str, *, to: int, now: datetime
) -> KeywordAnswer:
    """Send *text* to the number *to*, unless something is wrong with it.

    Source: manual KEY-05, KEY-06; assumptions KEY-07, KEY-16 and KEY-17.
    """
    if flaw := keyword.find_answer_flaw(text):
        return _record_failure(world, flaw, now)
    try:
        says = _check_length(world, text)
        campaign = _place_answer(
            world, text.strip()[: keyword.MAX_KEYWORD_ANSWER], to, now
        )
    except Refusal as refusal:
        return _record_failure(world, refusal.why, now)
    world.keep_change(campaign)
    world.keep_change(WorldEvent(now, "answered", channel="sms", campaign=campaign.id))
    return KeywordAnswer(sent=True, says=says)


def _record_failure(world: World, why: str, now: datetime) -> KeywordAnswer:
    world.keep_change(WorldEvent(now, "unanswered", verdict=why))
    return KeywordAnswer(sent=False, says=why)


def _check_length(world: World, text: str) -> str:
    """Return a note that *text* is cut.  Refuses to where the world is strict."""
    count = len(text.strip())
    if count <= keyword.MAX_KEYWORD_ANSWER:
        return ""
    why = f"the answer has {count} characters, {keyword.MAX_KEYWORD_ANSWER} are allowed"
    doubt = Doubt(
        "KEY-07", TOO_LONG, why, {"field": "text", "limit": keyword.MAX_KEYWORD_ANSWER}
    )
    accept_doubts((doubt,), world.account.assumptions)
    return f"{why}: it was cut (KEY-07)"


def _place_answer(world: World, text: str, to: int, now: datetime) -> SmsCampaign:
    """Return the message, paid, on the account's first route to Mexico.

    Refuses where the account has none, no credit or no room.
    """
    account = world.account
    route = keyword.find_keyword_route(account)
    if route is None:
        why = f"the account has no route to {keyword.KEYWORD_COUNTRY}"
        raise Refusal(NO_ROUTE_TO_COUNTRY, why)
    world.require_capacity(1)
    order = {
        "text": text,
        "recipients": [{"cellphone": format_cellphone(to)}],
        "route": route.id,
    }
    ids = SmsIds(world.next["campaign"], world.next["message"])
    placed = sms.make_sms_campaign(order, account, ids=ids, now=now, world=world.name)
    world.charge_credit(placed.cost, reason="keyword", reference=placed.id, now=now)
    return placed._replace(source=CampaignSource.KEYWORD)
