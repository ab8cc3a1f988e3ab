"""What will happen in a world by itself, and when: read off its campaigns and tokens.

It is read off the state; the same question about the same state always has the same
answer.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from itertools import count, islice
from typing import Any

from emulator.domain import dlr, email, voice
from emulator.domain.email import EmailCampaign
from emulator.domain.sms import Campaign
from emulator.domain.timeline import END, Milestone
from emulator.domain.voice import VoiceCampaign
from emulator.timekeeping.event_log import Event
from emulator.timekeeping.work_queue import NEVER, Expiring, Telling, Writing
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


def unplanned(world: World, after: datetime, until: datetime) -> Iterator[Event]:
    """Yield what happens from *after* to *until* beside campaigns, in no order."""
    for each in (*_delayed(world), *_expiries(world)):
        if each.at is not None and after <= each.at <= until:
            yield each


def work(world: World, now: datetime) -> list[Event]:
    """Return all that is left to be done, in order; last what waits for somebody."""
    events = (*_campaigns(world, now), *_delayed(world), *_scheduled(world))
    return sorted(
        (each for each in events if each.at is None or now < each.at), key=_at
    )


class Ahead:
    """What is told of campaigns to somebody who reads along.

    It is read off those that are new since the last look, unless something comes about
    otherwise than planned: a world has many campaigns, and a reader looks often.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._heap: list[tuple[datetime, int, Event]] = []
        self._numbers = count()  # of one instant, the first found is the first told
        self._revision: int | None = None  # of the world, when it was last looked at
        self._known: tuple[int, int, int]  # how many campaigns of each channel

    def take(self, after: datetime, until: datetime) -> Iterator[Event]:
        """Yield what happens from *after* to *until*, in order, and forget it."""
        self._look(after)
        heap = self._heap
        while heap and heap[0][0] <= until:
            at, _, event = heappop(heap)
            if at >= after:
                yield event

    def next_at(self, after: datetime) -> datetime | None:
        """Return when the next thing happens or is done; None where nothing is."""
        world = self._world
        instants = [each.due for each in world.delayed.values()]
        instants += [at for at, _, _ in self._heap[:1]]
        instants += [world.schedule.next_at] * (world.schedule.next_at != NEVER)
        return min((each for each in instants if each > after), default=None)

    def _look(self, after: datetime) -> None:
        """Put down what campaigns have come to be, or all of them anew."""
        world = self._world
        if self._revision != world.revisions:
            self._revision, self._known = world.revisions, (0, 0, 0)
            self._heap.clear()
        sms, calls, letters = self._known
        found = (
            *_sms(_newest(world.campaigns, sms), after),
            *_voice(_newest(world.voice_campaigns, calls)),
            *_email(_newest(world.email_campaigns, letters)),
        )
        for each in found:
            if each.at is not None and each.at >= after:
                heappush(self._heap, (each.at, next(self._numbers), each))
        self._known = (
            len(world.campaigns),
            len(world.voice_campaigns),
            len(world.email_campaigns),
        )


def _newest(table: dict[int, Any], known: int) -> list[Any]:
    """Return all but the first so many campaigns of a channel, the oldest first."""
    return [*islice(reversed(table.values()), len(table) - known)][::-1]


def _campaigns(world: World, now: datetime) -> Iterator[Event]:
    yield from _sms(world.campaigns.values(), now)
    yield from _voice(world.voice_campaigns.values())
    yield from _email(world.email_campaigns.values())


def _sms(campaigns: Iterable[Campaign], now: datetime) -> Iterator[Event]:
    for each in campaigns:
        channel = "smsclic" if each.link else "sms"
        for milestone in dlr.milestones(each, now):
            yield _event(milestone, channel, each.id)


def _voice(campaigns: Iterable[VoiceCampaign]) -> Iterator[Event]:
    for each in campaigns:
        for milestone in voice.milestones(each):
            yield _event(milestone, "voice", each.id)


def _email(campaigns: Iterable[EmailCampaign]) -> Iterator[Event]:
    for each in campaigns:
        for milestone in email.milestones(each):
            yield _event(milestone, "email", each.id)


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
        elif not isinstance(work, Expiring):  # somebody may still bind
            yield Event(at, "pushed", delivery=work.delivery)
    for delivery in world.outbox.stranded():
        yield Event(None, "pushed", delivery=delivery.id, waits_for="a listener")


def _expiries(world: World) -> Iterator[Event]:
    for token in world.tokens.values():
        yield Event(token.expires_at, "expired", token=token.name)


def _at(event: Event) -> datetime:
    return event.at or END
