"""The work that a world will do by itself, the next first.

Derived from campaigns and deliveries; a world that takes over a state makes it anew.
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from heapq import heappop, heappush
from itertools import count, islice

from msgspec import Struct

from emulator.domain.delivery import Delivery
from emulator.domain.replies import HandsetReply, draw_replies
from emulator.domain.sms import SmsCampaign

NEVER = datetime.max.replace(tzinfo=UTC)


WorkKey = tuple[str, int | str]  # of a campaign, a delivery, a receipt or a client


class ReplyWork(Struct, frozen=True, gc=False):
    """A handset will answer."""

    campaign: int
    reply: HandsetReply

    @property
    def key(self) -> WorkKey:
        return "campaign", self.campaign


class DeliveryWork(Struct, frozen=True, gc=False):
    """A delivery will be due."""

    delivery: int

    @property
    def key(self) -> WorkKey:
        return "delivery", self.delivery


class ReceiptWork(Struct, frozen=True, gc=False):
    """The final state of a message that came by SMPP will be known."""

    campaign: int

    @property
    def key(self) -> WorkKey:
        return "receipt", self.campaign


class ExpiryWork(Struct, frozen=True, gc=False):
    """Receipts that wait for a client will be too old."""

    system_id: str

    @property
    def key(self) -> WorkKey:
        return "expiry", self.system_id


Work = ReplyWork | DeliveryWork | ReceiptWork | ExpiryWork


class WorkQueue:
    """A heap of dated work: one entry a campaign, one a delivery that waits.

    And one for each client whose receipts wait for want of a receiver.
    """

    __slots__ = ("_current", "_heap", "_numbers", "_replies", "next_at")

    def __init__(self) -> None:
        self._heap: list[tuple[datetime, int, WorkKey, Work]] = []
        self._numbers = count()  # work of one instant keeps its order
        self._current: dict[WorkKey, int] = {}  # the entry that holds
        self._replies: dict[int, Iterator[HandsetReply]] = {}  # by campaign
        self.next_at = NEVER  # nothing is due before

    def schedule_replies(
        self, campaign: SmsCampaign, *, seed: int, done: int, early: Iterable[int] = ()
    ) -> None:
        """Schedule the replies to *campaign*.

        The first so many are *done*, and the first of each handset that was *early*.
        """
        coming = _skip_early_replies(draw_replies(campaign, seed), set(early))
        self._replies[campaign.id] = islice(coming, done, None)
        self._push_next_reply(campaign.id)
        self._drop_stale_entries()

    def schedule_delivery(self, delivery: Delivery) -> None:
        """Schedule *delivery*, instead of any earlier instant."""
        self._reschedule_work(DeliveryWork(delivery.id), delivery.due_at)

    def schedule_receipt(self, campaign: int, at: datetime | None) -> None:
        """Schedule a receipt, instead of any earlier instant."""
        self._reschedule_work(ReceiptWork(campaign), at)

    def schedule_expiry(self, system_id: str, at: datetime | None) -> None:
        """Schedule the expiry of receipts, instead of any earlier instant."""
        self._reschedule_work(ExpiryWork(system_id), at)

    def peek(self) -> tuple[datetime, Work]:
        """Return the next work, which stays where it is."""
        at, _, _, work = self._heap[0]
        return at, work

    def pop(self, now: datetime) -> tuple[datetime, Work] | None:
        """Return the next work that is due, if any, and schedule what follows it."""
        if now < self.next_at or not self._heap:
            return None
        at, _, key, work = heappop(self._heap)
        del self._current[key]
        if isinstance(work, ReplyWork):
            self._push_next_reply(work.campaign)
        self._drop_stale_entries()
        return at, work

    def __len__(self) -> int:
        """Return how much work there is at most; some of it may have been moved."""
        return len(self._heap)

    @property
    def next_needed_at(self) -> datetime:
        """When the next work is due but for receipts that will be too old."""
        if not (self._heap and isinstance(self._heap[0][3], ExpiryWork)):
            return self.next_at
        needed = (
            at for at, each in self.list_work() if not isinstance(each, ExpiryWork)
        )
        return min(needed, default=NEVER)

    def list_work(self) -> Iterator[tuple[datetime, Work]]:
        """Yield the scheduled work, in no order; of a campaign, its next reply only."""
        for at, number, key, work in self._heap:
            if self._current.get(key) == number:
                yield at, work

    def _push_next_reply(self, campaign: int) -> None:
        self._current.pop(("campaign", campaign), None)
        reply = next(self._replies[campaign], None)
        if reply is None:
            del self._replies[campaign]
        else:
            work = ReplyWork(campaign, reply)
            self._push_entry(reply.at, work.key, work)

    def _reschedule_work(self, work: Work, at: datetime | None) -> None:
        """Schedule *work* for an instant, or for none, instead of the earlier one."""
        key = work.key
        before = self._current.pop(key, None)
        if at is not None:
            self._push_entry(at, key, work)
        elif before is None:
            return
        self._drop_stale_entries()

    def _push_entry(self, at: datetime, key: WorkKey, work: Work) -> None:
        number = self._current[key] = next(self._numbers)
        heappush(self._heap, (at, number, key, work))

    def _drop_stale_entries(self) -> None:
        """Drop entries from the top of the heap that were scheduled anew."""
        heap, counting = self._heap, self._current
        while heap and counting.get(heap[0][2]) != heap[0][1]:
            heappop(heap)
        self.next_at = heap[0][0] if heap else NEVER


def _skip_early_replies(
    coming: Iterator[HandsetReply], early: set[int]
) -> Iterator[HandsetReply]:
    """Yield *coming* without the first reply of each handset that was early."""
    for reply in coming:
        if reply.place in early:
            early.discard(reply.place)
        else:
            yield reply
