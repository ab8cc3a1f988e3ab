"""What a world will do by itself that leaves a trace in it, the next thing first.

Derived from campaigns and deliveries; whoever takes a state over makes it anew.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count, islice

from msgspec import Struct

from emulator.domain.delivery import Delivery
from emulator.domain.replies import Reply, replies
from emulator.domain.sms import Campaign

NEVER = datetime.max.replace(tzinfo=UTC)


Key = tuple[str, int | str]  # of a campaign, a delivery, a receipt or a client


class Writing(Struct, frozen=True, gc=False):
    """A handset will answer."""

    campaign: int
    reply: Reply

    @property
    def key(self) -> Key:
        return "campaign", self.campaign


class Leaving(Struct, frozen=True, gc=False):
    """A delivery will be due."""

    delivery: int

    @property
    def key(self) -> Key:
        return "delivery", self.delivery


class Telling(Struct, frozen=True, gc=False):
    """The fate of a message that came by SMPP will be known."""

    campaign: int

    @property
    def key(self) -> Key:
        return "receipt", self.campaign


class Expiring(Struct, frozen=True, gc=False):
    """Receipts that wait for a client will be too old."""

    system_id: str

    @property
    def key(self) -> Key:
        return "expiry", self.system_id


Work = Writing | Leaving | Telling | Expiring


class Schedule:
    """A heap of dated work: one entry a campaign, one a delivery that waits.

    And one for each client whose receipts wait for want of a receiver.
    """

    __slots__ = ("_counting", "_heap", "_numbers", "_replies", "next_at")

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, Key, Work]] = []
        self._numbers = count()  # work of one instant keeps its order
        self._counting: dict[Key, int] = {}  # the entry that holds
        self._replies: dict[int, Iterator[Reply]] = {}  # by campaign
        self.next_at = NEVER  # nothing is due before

    def expect(
        self, campaign: Campaign, *, seed: int, done: int, early: Iterable[int] = ()
    ) -> None:
        """Put down the replies to *campaign*.

        The first so many are *done*, and the first of each handset that was *early*.
        """
        coming = _but(replies(campaign, seed), set(early))
        self._replies[campaign.id] = islice(coming, done, None)
        self._put_reply(campaign.id)
        self._look()

    def wait(self, delivery: Delivery) -> None:
        """Put down when *delivery* is due, in the place of any earlier word."""
        self._move(Leaving(delivery.id), delivery.due_at)

    def tell(self, campaign: int, at: datetime | None) -> None:
        """Put down when a fate is known, in the place of any earlier word."""
        self._move(Telling(campaign), at)

    def expire(self, system_id: str, at: datetime | None) -> None:
        """Put down when receipts are too old, in the place of any earlier word."""
        self._move(Expiring(system_id), at)

    def next(self) -> tuple[datetime, Work]:
        """Return the next work, which stays where it is."""
        at, _, _, work = self._heap[0]
        return at, work

    def pop(self, now: datetime) -> tuple[datetime, Work] | None:
        """Return the next work that is due, if any is, and put down what follows it."""
        if now < self.next_at or not self._heap:
            return None
        at, _, key, work = heappop(self._heap)
        del self._counting[key]
        if isinstance(work, Writing):
            self._put_reply(work.campaign)
        self._look()
        return at, work

    def __len__(self) -> int:
        """Return how much work there is at most; some of it may have been moved."""
        return len(self._heap)

    @property
    def next_needed_at(self) -> datetime:
        """When the next work is due but for receipts that will be too old."""
        if not (self._heap and isinstance(self._heap[0][3], Expiring)):
            return self.next_at
        needed = (at for at, each in self.upcoming() if not isinstance(each, Expiring))
        return min(needed, default=NEVER)

    def upcoming(self) -> Iterator[tuple[datetime, Work]]:
        """Yield what is put down, in no order; of a campaign, its next reply only."""
        for at, number, key, work in self._heap:
            if self._counting.get(key) == number:
                yield at, work

    def _put_reply(self, campaign: int) -> None:
        self._counting.pop(("campaign", campaign), None)
        reply = next(self._replies[campaign], None)
        if reply is None:
            del self._replies[campaign]
        else:
            work = Writing(campaign, reply)
            self._put(reply.at, work.key, work)

    def _move(self, work: Work, at: datetime | None) -> None:
        """Put *work* down for an instant, or for none, instead of where it stands."""
        key = work.key
        before = self._counting.pop(key, None)
        if at is not None:
            self._put(at, key, work)
        elif before is None:
            return
        self._look()

    def _put(self, at: datetime, key: Key, work: Work) -> None:
        number = self._counting[key] = next(self._numbers)
        heappush(self._heap, (at, number, key, work))

    def _look(self) -> None:
        """Drop from the top of the heap what has been put elsewhere."""
        heap, counting = self._heap, self._counting
        while heap and counting.get(heap[0][2]) != heap[0][1]:
            heappop(heap)
        self.next_at = heap[0][0] if heap else NEVER


def _but(coming: Iterator[Reply], early: set[int]) -> Iterator[Reply]:
    """Yield *coming* without the first reply of each handset that was early."""
    for reply in coming:
        if reply.place in early:
            early.discard(reply.place)
        else:
            yield reply
