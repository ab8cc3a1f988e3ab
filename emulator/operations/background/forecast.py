"""What will happen in a world by itself, and when: computed from campaigns and tokens.

It is read off the state; the same question about the same state always has the same
answer.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime
from heapq import heappop, heappush
from itertools import count, islice

from emulator.domain.bounds import WORLD_END
from emulator.domain.channel import CAMPAIGN_TABLES, AnyCampaign, get_channel
from emulator.timekeeping.event_log import WorldEvent
from emulator.timekeeping.work_queue import NEVER, ExpiryWork, ReceiptWork, ReplyWork
from emulator.world import World


def list_due_events(
    world: World, after: datetime, until: datetime, *, inclusive: bool = False
) -> list[WorldEvent]:
    """Return the events after *after* (at it too if *inclusive*) and until *until*.

    Events that change something when carried out are in the world's log instead.
    """
    events = (
        *_list_campaign_events(world, after),
        *_list_delayed_events(world),
        *_list_expiry_events(world),
    )
    found = (
        each
        for each in events
        if each.at is not None
        and each.at <= until
        and (after < each.at or (inclusive and after == each.at))
    )
    return sorted(found, key=_instant_of)


def list_other_events(
    world: World, after: datetime, until: datetime
) -> Iterator[WorldEvent]:
    """Yield the events from *after* to *until* beside campaigns, in no order."""
    for each in (*_list_delayed_events(world), *_list_expiry_events(world)):
        if each.at is not None and after <= each.at <= until:
            yield each


def list_pending_events(world: World, now: datetime) -> list[WorldEvent]:
    """Return all that is left to be done, in order; last what waits for a client."""
    events = (
        *_list_campaign_events(world, now),
        *_list_delayed_events(world),
        *_list_work_events(world),
    )
    return sorted(
        (each for each in events if each.at is None or now < each.at), key=_instant_of
    )


class UpcomingEvents:
    """The next events of the campaigns, for one reader of the stream.

    Only campaigns that are new since the last call are read, unless a plan has changed:
    a world has many campaigns, and a reader calls often.
    """

    def __init__(self, world: World) -> None:
        self._world = world
        self._heap: list[tuple[datetime, int, WorldEvent]] = []
        self._numbers = count()  # of one instant, the first found is the first told
        self._revision: int | None = None  # of the world, when it was last looked at
        self._campaign_counts: list[int] = []  # of each table, when last looked at

    def take_events(self, after: datetime, until: datetime) -> Iterator[WorldEvent]:
        """Yield the events from *after* to *until*, in order, and forget them."""
        self._read_campaigns(after)
        heap = self._heap
        while heap and heap[0][0] <= until:
            at, _, event = heappop(heap)
            if at >= after:
                yield event

    def next_at(self, after: datetime) -> datetime | None:
        """Return the instant of the next event or work; None where there is none."""
        world = self._world
        instants = [each.due for each in world.delayed_answers.values()]
        instants += [at for at, _, _ in self._heap[:1]]
        instants += [world.work_queue.next_at] * (world.work_queue.next_at != NEVER)
        return min((each for each in instants if each > after), default=None)

    def _read_campaigns(self, after: datetime) -> None:
        """Read the events of the new campaigns, or of all after a change of plan."""
        world = self._world
        if self._revision != world.replan_version:
            self._revision = world.replan_version
            self._campaign_counts = [0] * len(CAMPAIGN_TABLES)
            self._heap.clear()
        tables = world.list_campaign_tables()
        for table, known in zip(tables, self._campaign_counts, strict=True):
            for each in _list_milestone_events(_list_newest(table, known), after):
                if each.at is not None and each.at >= after:
                    heappush(self._heap, (each.at, next(self._numbers), each))
        self._campaign_counts = [*map(len, tables)]


def _list_newest(table: dict[int, AnyCampaign], known: int) -> list[AnyCampaign]:
    """Return all but the first so many campaigns of a table, the oldest first."""
    return [*islice(reversed(table.values()), len(table) - known)][::-1]


def _list_campaign_events(world: World, now: datetime) -> Iterator[WorldEvent]:
    for table in world.list_campaign_tables():
        yield from _list_milestone_events(table.values(), now)


def _list_milestone_events(
    campaigns: Iterable[AnyCampaign], after: datetime
) -> Iterator[WorldEvent]:
    for each in campaigns:
        channel = get_channel(each)
        for at, name, waits_for in channel.list_milestones(each, after):
            yield WorldEvent(at, name, channel.name, each.id, waits_for=waits_for)


def _list_delayed_events(world: World) -> Iterator[WorldEvent]:
    for ticket, each in world.delayed_answers.items():
        yield WorldEvent(each.due, "delayed", operation=each.operation, ticket=ticket)


def _list_work_events(world: World) -> Iterator[WorldEvent]:
    """Yield the next reply to each campaign, and the deliveries that wait."""
    for at, work in world.work_queue.list_work():
        if isinstance(work, ReplyWork):
            campaign = world.campaigns[work.campaign]
            message = campaign.first_message + work.reply.place
            yield WorldEvent(at, "replied", campaign=campaign.id, message=message)
        elif isinstance(work, ReceiptWork):
            yield WorldEvent(at, "receipt", campaign=work.campaign)
        elif not isinstance(work, ExpiryWork):  # a client may still bind
            yield WorldEvent(at, "pushed", delivery=work.delivery)
    for delivery in world.outbox.list_without_target():
        yield WorldEvent(None, "pushed", delivery=delivery.id, waits_for="a listener")


def _list_expiry_events(world: World) -> Iterator[WorldEvent]:
    for token in world.tokens.values():
        yield WorldEvent(token.expires_at, "expired", token=token.name)


def _instant_of(event: WorldEvent) -> datetime:
    return event.at or WORLD_END
