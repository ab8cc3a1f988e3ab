"""What will happen in a world by itself, and when: read off its campaigns and tokens.

It is read off the state; the same question about the same state always has the same
answer.
"""

from collections.abc import Iterator
from datetime import datetime

from emulator.domain import dlr, email, voice
from emulator.domain.timeline import END, Milestone
from emulator.event import Event
from emulator.schedule import Telling, Writing
from emulator.world import World


def due(
    world: World, after: datetime, until: datetime, *, inclusive: bool = False
) -> list[Event]:
    """Return what happens after *after* (unless *inclusive*) and until *until*.

    What leaves a trace when it is carried out is in the world's log instead.
    """
    events = (*_campaigns(world, after), *_delayed(world), *_expiries(world))
    found = (
        each
        for each in events
        if each.at is not None
        and each.at <= until
        and (after < each.at or (inclusive and after == each.at))
    )
    return sorted(found, key=_at)


def work(world: World, now: datetime) -> list[Event]:
    """Return all that is left to be done, in order; last what waits for somebody."""
    events = (*_campaigns(world, now), *_delayed(world), *_scheduled(world))
    return sorted(
        (each for each in events if each.at is None or now < each.at), key=_at
    )


def _campaigns(world: World, now: datetime) -> Iterator[Event]:
    for sms in world.campaigns.values():
        channel = "smsclic" if sms.link else "sms"
        for each in dlr.milestones(sms, now):
            yield _event(each, channel, sms.id)
    for call in world.voice_campaigns.values():
        for each in voice.milestones(call):
            yield _event(each, "voice", call.id)
    for letter in world.email_campaigns.values():
        for each in email.milestones(letter):
            yield _event(each, "email", letter.id)


def _event(milestone: Milestone, channel: str, campaign: int) -> Event:
    at, name, waits_for = milestone
    return Event(at, name, channel, campaign, waits_for=waits_for)


def _delayed(world: World) -> Iterator[Event]:
    for ticket, each in world.delayed.items():
        yield Event(each.due, "delayed", operation=each.operation, ticket=ticket)


def _scheduled(world: World) -> Iterator[Event]:
    """Yield the next reply to each campaign, and what is not delivered yet."""
    for at, work in world.schedule.upcoming():
        if isinstance(work, Writing):
            campaign = world.campaigns[work.campaign]
            message = campaign.first_message + work.reply.place
            yield Event(at, "replied", campaign=campaign.id, message=message)
        elif isinstance(work, Telling):
            yield Event(at, "receipt", campaign=work.campaign)
        else:
            yield Event(at, "pushed", delivery=work.delivery)
    for delivery in world.outbox.stranded():
        yield Event(None, "pushed", delivery=delivery.id, waits_for="a listener")


def _expiries(world: World) -> Iterator[Event]:
    for token in world.tokens.values():
        yield Event(token.expires_at, "expired", token=token.name)


def _at(event: Event) -> datetime:
    return event.at or END
