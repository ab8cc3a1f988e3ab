"""A world with sample data: weeks of campaigns, replies and clicks.

The same world with the same options gets the same data.
"""

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec import structs

from emulator.domain.account import Account
from emulator.domain.chance import draw_fraction
from emulator.domain.handset import Outcome
from emulator.domain.recipients import format_cellphone
from emulator.domain.responses import MoResponse
from emulator.domain.text import transliterate_to_gsm
from emulator.operations.call import (
    Beside,
    Commit,
    OperationCall,
    OperationFunction,
    OperationResult,
    OperationSteps,
    Pause,
    Row,
    WaitStep,
)
from emulator.operations.control.sample_people import SampleCrowd, SamplePerson
from emulator.operations.control.sample_texts import SAMPLE_CAMPAIGNS, SampleCampaign
from emulator.operations.platform import email, sms, smsclic, voice
from emulator.world import Click, World

CAMPAIGNS, RECIPIENTS = 50, 1_000
SPAN = timedelta(days=24)
OPENING_HOUR, OPEN_HOURS = 9, 11  # o'clock, and hours
RECIPIENTS_PER_CALL = 5  # of so many recipients one is called, as calls are dear
CHEAPEST_ROUTES = 3  # routes to choose from, the cheapest
REPLY_RATE, CLICK_RATE = 0.03, 0.2  # of those that a message reached
MESSAGES_PER_TURN = 2_000  # messages that are answered; then other requests run
LET_IN = Pause(seconds=0)
COMMIT = Commit()
SAMPLE_WEIGHTS = {  # how a crowd fares
    Outcome.SENT: 90.0,
    Outcome.FAILED: 3.0,
    Outcome.RETRIED: 2.0,
    Outcome.ABSENT: 2.0,
    Outcome.UNKNOWN: 1.0,
    Outcome.BUSY: 2.0,
}

OrderBody = dict[str, Any]


def populate_world(world: World, call: OperationCall) -> OperationSteps:
    """Place campaigns of all channels over the last weeks, or one *part* of them.

    Others are let in between two campaigns, each of which is a transaction, and while
    its recipients answer.  Refuses where credit or room runs out; what is done stays.
    """
    count = call.body.get("campaigns", CAMPAIGNS)
    recipients = call.body.get("recipients", RECIPIENTS)
    parts = [call.body["part"]] if "part" in call.body else range(count)
    instants = _draw_instants(world.account, count, call.now)
    people = yield Beside(partial(SampleCrowd, world.account.seed, recipients * 2))
    done = {"campaigns": 0, "messages": 0, "replies": 0, "clicks": 0}
    for part in parts:
        at = instants[min(part, count - 1)]
        asked = yield from _choose_order(part, people, recipients, world.account)
        yield LET_IN
        number = _place_order(world, structs.replace(call, now=at), asked)
        yield COMMIT
        done["campaigns"] += 1
        done["messages"] += len(asked[1]["recipients"])
        yield LET_IN
        for piece in _list_pieces(world, number, call.now):
            done["replies"] += _add_replies(world, number, asked[0], piece, call.now)
            done["clicks"] += _add_clicks(world, number, piece, call.now)
            yield LET_IN
        world.run_on_commit(world.notify_listeners)
        yield LET_IN
    return OperationResult(done)


def _draw_instants(account: Account, count: int, now: datetime) -> Sequence[datetime]:
    """Return when the campaigns were placed, in opening hours; the last one is now."""
    found = []
    for index in range(count - 1):
        day = (now - SPAN * (1 - index / count)).astimezone(account.zone)
        hour = OPENING_HOUR + OPEN_HOURS * draw_fraction(account.seed, "hour", index)
        at = day.replace(hour=0, minute=0, second=0, microsecond=0)
        found.append(min(at.astimezone(now.tzinfo) + timedelta(hours=hour), now))
    return [*sorted(found), now]


def _choose_order(
    part: int, people: SampleCrowd, count: int, account: Account
) -> Generator[WaitStep, Any, tuple[SampleCampaign, OrderBody]]:
    """Return the sample campaign *part* and its order."""
    story = SAMPLE_CAMPAIGNS[part % len(SAMPLE_CAMPAIGNS)]
    if not _can_send(story, account):
        story = SAMPLE_CAMPAIGNS[0]
    if story.channel == "voice":
        count = max(1, count // RECIPIENTS_PER_CALL)
    start = int(draw_fraction(account.seed, "who", part) * len(people))
    chosen: list[SamplePerson] = []
    for index in range(count):
        chosen.append(people[(start + index) % len(people)])
        if len(chosen) % MESSAGES_PER_TURN == 0:
            yield LET_IN
    return story, _ORDER_MAKERS[story.channel](story, chosen, account, part)


def _can_send(story: SampleCampaign, account: Account) -> bool:
    """Return whether the account may send such a campaign."""
    if story.channel == "smsclic":
        return bool(account.links)
    return account.services.get(story.channel, True)


def _make_sms_order(
    story: SampleCampaign, people: Sequence[SamplePerson], account: Account, part: int
) -> OrderBody:
    named = "<+B+>" in story.text
    names = {each.name for each in people} if named else ()
    plain = {
        name: name if story.encode else transliterate_to_gsm(name) for name in names
    }
    rows = [
        {"cellphone": each.cellphone, **({"name": plain[each.name]} if named else {})}
        for each in people
    ]
    cheapest = sorted(account.routes.values(), key=lambda each: each.price)[
        :CHEAPEST_ROUTES
    ]
    return {
        "text": story.text,
        "campaign_name": story.name,
        "recipients": rows,
        "route": cheapest[part % len(cheapest)].id,
        **({"encode_2": True} if story.encode else {}),
    }


def _make_sms_clic_order(
    story: SampleCampaign, people: Sequence[SamplePerson], account: Account, part: int
) -> OrderBody:
    link = list(account.links)[part % len(account.links)]
    return {**_make_sms_order(story, people, account, part), "url": link}


def _make_voice_order(
    story: SampleCampaign, people: Sequence[SamplePerson], account: Account, _part: int
) -> OrderBody:
    remittents = sorted(account.remittents)
    return {
        "campaign_name": story.name,
        "type": 2,
        "text": story.text,
        "recipients": [
            {"cellphone": each.cellphone, "name": each.name} for each in people
        ],
        **({"remittent": format_cellphone(remittents[0])} if remittents else {}),
    }


def _make_email_order(
    story: SampleCampaign, people: Sequence[SamplePerson], _account: Account, _part: int
) -> OrderBody:
    return {
        "subject": story.name,
        "header": story.name,
        "body": story.text,
        "sender": "avisos@example.org",
        "template": 2,
        "recipients": [{"email": each.email, "name": each.name} for each in people],
    }


_ORDER_MAKERS: Mapping[
    str, Callable[[SampleCampaign, Sequence[SamplePerson], Account, int], OrderBody]
] = {
    "sms": _make_sms_order,
    "smsclic": _make_sms_clic_order,
    "voice": _make_voice_order,
    "email": _make_email_order,
}
_OPERATIONS: Mapping[str, OperationFunction] = {
    "sms": sms.create_campaign,
    "smsclic": smsclic.create_sms_clic_campaign,
    "voice": voice.create_voice_campaign,
    "email": email.create_email_campaign,
}


def _place_order(
    world: World, call: OperationCall, asked: tuple[SampleCampaign, OrderBody]
) -> int | None:
    """Place an order as a client does; return the id of an SMS campaign."""
    story, order = asked
    account = world.account
    if not account.population.weights:
        population = replace(account.population, weights=SAMPLE_WEIGHTS)
        account = replace(account, population=population)
    order_of = structs.replace(call, body=order, account=account)
    body: Row = _OPERATIONS[story.channel](world, order_of).body
    number = body.get("campaign")
    return number if isinstance(number, int) else None


def _list_pieces(world: World, number: int | None, now: datetime) -> Iterator[range]:
    """Yield the places of the messages that have left, a few at a time."""
    campaign = world.campaigns.get(number) if number is not None else None
    count = campaign.line.count_due(now) if campaign else 0
    for start in range(0, count, MESSAGES_PER_TURN):
        yield range(start, min(start + MESSAGES_PER_TURN, count))


def _add_replies(
    world: World,
    number: int | None,
    story: SampleCampaign,
    piece: range,
    now: datetime,
) -> int:
    """Let some recipients of an SMS answer it; return how many did."""
    campaign, seed = world.campaigns.get(number or 0), world.account.seed
    if campaign is None or not story.replies:
        return 0
    first = world.next["response"]
    count = 0
    for index in piece:
        message = campaign.first_message + index
        chance = draw_fraction(seed, "reply", message)
        if chance >= REPLY_RATE or campaign.outcomes[index] != Outcome.SENT:
            continue
        sent_at = campaign.line.due_time(index)
        received_at = sent_at + timedelta(hours=3) * draw_fraction(
            seed, "minutes", message
        )
        if received_at > now:
            continue
        words = story.replies[int(chance / REPLY_RATE * len(story.replies))]
        world.keep_change(
            MoResponse(
                id=first + count,
                number=campaign.recipients.numbers[index],
                campaign=campaign.id,
                campaign_name=campaign.name,
                message=message,
                text=campaign.render_text(index),
                response=words,
                sent_at=sent_at,
                received_at=received_at,
            )
        )
        count += 1
    return count


def _add_clicks(world: World, number: int | None, piece: range, now: datetime) -> int:
    """Let some recipients of a short link click it; return how many did."""
    campaign = world.campaigns.get(number or 0)
    if campaign is None or campaign.link is None:
        return 0
    seed, count = world.account.seed, 0
    for index in piece:
        message = campaign.first_message + index
        at = campaign.line.due_time(index) + timedelta(hours=9) * draw_fraction(
            seed, "after", message
        )
        if draw_fraction(seed, "click", message) < CLICK_RATE and at <= now:
            world.keep_change(Click(at, message))
            count += 1
    return count
