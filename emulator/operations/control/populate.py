"""A world that somebody seems to live in: weeks of campaigns, replies and clicks.

The same world with the same wishes gets the same life.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs

from emulator.domain.account import Account
from emulator.domain.chance import draw
from emulator.domain.handset import Outcome
from emulator.domain.recipients import cellphone
from emulator.domain.responses import Response
from emulator.domain.text import transliterate
from emulator.operations.platform import email
from emulator.operations.platform import sms
from emulator.operations.platform import smsclic
from emulator.operations.platform import voice
from emulator.operations.call import Call, Done, Operation, Pause, Reply, Row, Steps
from emulator.operations.control.sample_people import Person, crowd
from emulator.operations.control.sample_texts import STORIES, Story
from emulator.world import Click, World

CAMPAIGNS, RECIPIENTS = 50, 1_000
SPAN = timedelta(days=24)
OPENS, OPEN = 9, 11  # o'clock, and hours
CALLED = 5  # of so many recipients one is called, as calls are dear
SUBSIDY = 3  # routes to choose from, the cheapest
REPLYING, CLICKING = 0.03, 0.2  # of those that a message reached
LET_IN = Pause(seconds=0)
DONE = Done()
LIVELY = {  # how a crowd fares
    Outcome.SENT: 90.0,
    Outcome.FAILED: 3.0,
    Outcome.RETRIED: 2.0,
    Outcome.ABSENT: 2.0,
    Outcome.UNKNOWN: 1.0,
    Outcome.BUSY: 2.0,
}

Order = dict[str, Any]


def populate_world(world: World, call: Call) -> Steps:
    """Place campaigns of all channels over the last weeks, or one *part* of them.

    Others are let in between two campaigns, each of which is a transaction.  Refuses
    where credit or room runs out; what was placed stays.
    """
    count = call.body.get("campaigns", CAMPAIGNS)
    recipients = call.body.get("recipients", RECIPIENTS)
    parts = [call.body["part"]] if "part" in call.body else range(count)
    instants = _instants(world.account, count, call.now)
    people = crowd(world.account.seed, recipients * 2)
    done = {"campaigns": 0, "messages": 0, "replies": 0, "clicks": 0}
    for part in parts:
        at = instants[min(part, count - 1)]
        asked = _asked(part, people, recipients, world.account)
        number = _placed(world, structs.replace(call, now=at), asked)
        yield DONE
        done["campaigns"] += 1
        done["messages"] += len(asked[1]["recipients"])
        done["replies"] += _answered(world, number, asked[0], call.now)
        done["clicks"] += _clicked(world, number, call.now)
        world.then(world.ring)
        yield LET_IN
    return Reply(done)


def _instants(account: Account, count: int, now: datetime) -> Sequence[datetime]:
    """Return when the campaigns were placed, in opening hours; the last one is now."""
    found = []
    for index in range(count - 1):
        day = (now - SPAN * (1 - index / count)).astimezone(account.zone)
        hour = OPENS + OPEN * draw(account.seed, "hour", index)
        at = day.replace(hour=0, minute=0, second=0, microsecond=0)
        found.append(min(at.astimezone(now.tzinfo) + timedelta(hours=hour), now))
    return [*sorted(found), now]


def _asked(
    part: int, people: Sequence[Person], count: int, account: Account
) -> tuple[Story, Order]:
    """Return what campaign *part* tells, as an order."""
    story = STORIES[part % len(STORIES)]
    if not _can(story, account):
        story = STORIES[0]
    if story.channel == "voice":
        count = max(1, count // CALLED)
    start = int(draw(account.seed, "who", part) * len(people))
    chosen = [people[(start + index) % len(people)] for index in range(count)]
    return story, _ORDERS[story.channel](story, chosen, account, part)


def _can(story: Story, account: Account) -> bool:
    """Return whether the account may send such a story."""
    if story.channel == "smsclic":
        return bool(account.links)
    return account.services.get(story.channel, True)


def _sms(story: Story, people: Sequence[Person], account: Account, part: int) -> Order:
    named = "<+B+>" in story.text
    said = (lambda text: text) if story.encode else transliterate
    rows = [
        {"cellphone": each.cellphone, **({"name": said(each.name)} if named else {})}
        for each in people
    ]
    cheapest = sorted(account.routes.values(), key=lambda each: each.price)[:SUBSIDY]
    return {
        "text": story.text,
        "campaign_name": story.name,
        "recipients": rows,
        "route": cheapest[part % len(cheapest)].id,
        **({"encode_2": True} if story.encode else {}),
    }


def _clic(story: Story, people: Sequence[Person], account: Account, part: int) -> Order:
    link = list(account.links)[part % len(account.links)]
    return {**_sms(story, people, account, part), "url": link}


def _voice(
    story: Story, people: Sequence[Person], account: Account, _part: int
) -> Order:
    remittents = sorted(account.remittents)
    return {
        "campaign_name": story.name,
        "type": 2,
        "text": story.text,
        "recipients": [
            {"cellphone": each.cellphone, "name": each.name} for each in people
        ],
        **({"remittent": cellphone(remittents[0])} if remittents else {}),
    }


def _email(
    story: Story, people: Sequence[Person], _account: Account, _part: int
) -> Order:
    return {
        "subject": story.name,
        "header": story.name,
        "body": story.text,
        "sender": "avisos@example.org",
        "template": 2,
        "recipients": [{"email": each.email, "name": each.name} for each in people],
    }


_ORDERS: Mapping[str, Callable[[Story, Sequence[Person], Account, int], Order]] = {
    "sms": _sms,
    "smsclic": _clic,
    "voice": _voice,
    "email": _email,
}
_OPERATIONS: Mapping[str, Operation] = {
    "sms": sms.create_campaign,
    "smsclic": smsclic.create_sms_clic_campaign,
    "voice": voice.create_voice_campaign,
    "email": email.create_email_campaign,
}


def _placed(world: World, call: Call, asked: tuple[Story, Order]) -> int | None:
    """Place an order as a client does; return the id of an SMS campaign."""
    story, order = asked
    account = world.account
    if not account.population.weights:
        population = replace(account.population, weights=LIVELY)
        account = replace(account, population=population)
    order_of = structs.replace(call, body=order, account=account)
    body: Row = _OPERATIONS[story.channel](world, order_of).body
    number = body.get("campaign")
    return number if isinstance(number, int) else None


def _answered(world: World, number: int | None, story: Story, now: datetime) -> int:
    """Let some of those that an SMS reached answer it; return how many did."""
    if number is None or not story.replies:
        return 0
    campaign, seed = world.campaigns[number], world.account.seed
    first = world.upcoming("response")
    count = 0
    for index in range(campaign.line.reached(now)):
        message = campaign.first_message + index
        chance = draw(seed, "reply", message)
        if chance >= REPLYING or campaign.outcomes[index] != Outcome.SENT:
            continue
        sent_at = campaign.line.instant(index)
        received_at = sent_at + timedelta(hours=3) * draw(seed, "minutes", message)
        if received_at > now:
            continue
        words = story.replies[int(chance / REPLYING * len(story.replies))]
        world.keep(
            Response(
                id=first + count,
                number=campaign.recipients.numbers[index],
                campaign=campaign.id,
                campaign_name=campaign.name,
                message=message,
                text=campaign.text(index),
                response=words,
                sent_at=sent_at,
                received_at=received_at,
            )
        )
        count += 1
    return count


def _clicked(world: World, number: int | None, now: datetime) -> int:
    """Let some of those that a short link reached follow it; return how many did."""
    campaign = world.campaigns[number] if number is not None else None
    if campaign is None or campaign.link is None:
        return 0
    seed, count = world.account.seed, 0
    for index in range(campaign.line.reached(now)):
        message = campaign.first_message + index
        at = campaign.line.instant(index) + timedelta(hours=9) * draw(
            seed, "after", message
        )
        if draw(seed, "click", message) < CLICKING and at <= now:
            world.keep(Click(at, message))
            count += 1
    return count
