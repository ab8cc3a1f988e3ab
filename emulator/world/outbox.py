"""The deliveries that are ready to leave a world, in order for each URL.

It holds ids of deliveries whose instant has come, and never what might be sent.
"""

from collections import deque
from collections.abc import Iterator
from itertools import count
from typing import NamedTuple

from emulator.domain.delivery import Delivery, DeliveryKind, Verdict
from emulator.domain.receipt import Receipt

_NUMBERS = count(1)


class PushResponse(NamedTuple):
    """The answer of a customer's server to a push."""

    status: int = 0  # of HTTP; 0 where there was no answer
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    verdict: Verdict | None = None  # why there was none
    says: str = ""  # what to try then
    duration: float = 0.0  # seconds of the wall


class PushRequest(NamedTuple):
    """One request to a customer's server."""

    delivery: int
    operation: str  # of the contract's webhooks
    method: str
    url: str  # of the account; empty where a listener knows
    parameters: str  # encoded; they go into the query, or into the body of a POST

    @property
    def request_url(self) -> str:
        """The URL of the request."""
        return (
            append_query(self.url, self.parameters)
            if self.method == "GET"
            else self.url
        )


def append_query(url: str, parameters: str) -> str:
    """Return *url* with more parameters; its own query stays (MOP-09)."""
    return f"{url}{'&' if '?' in url else '?'}{parameters}"


class PushRelay:
    """A listener that performs a world's pushes on its own machine.

    Its pushes have numbers of their own, as a world that is reset reuses its ids.
    """

    __slots__ = ("_awaited", "_pushes", "_responses")

    def __init__(self) -> None:
        self._pushes: deque[tuple[int, PushRequest]] = deque()  # not yet streamed to it
        self._awaited: dict[int, int] = {}  # ids of deliveries, by number
        self._responses: dict[int, PushResponse] = {}  # by number

    def assign_push(self, push: PushRequest) -> int:
        """Give it a push to perform and return the number of that."""
        number = next(_NUMBERS)
        self._pushes.append((number, push))
        self._awaited[number] = push.delivery
        return number

    def pop_pushes(self) -> Iterator[tuple[int, PushRequest]]:
        """Yield the pushes that it does not know of, with their numbers."""
        while self._pushes:
            yield self._pushes.popleft()

    def is_awaiting(self, number: int) -> bool:
        return number in self._awaited

    def record_response(self, number: int, answer: PushResponse) -> int:
        """Record the answer to a push, and return the delivery's id."""
        self._responses[number] = answer
        return self._awaited.pop(number)

    def has_response(self, number: int) -> bool:
        return number in self._responses

    def pop_response(self, number: int) -> PushResponse:
        """Return the answer to a push, or that the listener went away."""
        gone = PushResponse(verdict=Verdict.GONE, says="the listener went away")
        return self._responses.pop(number, gone)

    def cancel_push(self, number: int) -> None:
        """Stop waiting for the answer to a push."""
        self._awaited.pop(number, None)

    def clear(self) -> None:
        """Drop all it was given: the world has been reset."""
        self._pushes.clear()
        self._awaited.clear()
        self._responses.clear()


class Outbox:
    """The deliveries of a world that may leave now, lane by lane.

    A world that is reset has another one: what is under way here no longer counts.
    """

    __slots__ = (
        "_deferred",
        "_lanes",
        "finished",
        "receipt_contents",
        "receipt_queues",
        "relays",
        "unacknowledged",
        "underway",
        "unlogged_drops",
    )

    def __init__(self, relays: "list[PushRelay] | None" = None) -> None:
        self._lanes: dict[str, deque[Delivery]] = {}
        # Ids of deliveries that wait for another
        self._deferred: dict[str, list[int]] = {}
        self.underway: dict[int, None] = {}  # ids of what is being tried
        self.finished: list[int] = []  # ids of what is over, the oldest first
        # Receipts by system_id and age
        self.receipt_queues: dict[str, deque[Delivery]] = {}
        # How many of those were dropped, by system_id and why, and not logged yet
        self.unlogged_drops: dict[tuple[str, str], int] = {}
        # Ids of those that wait for their answer
        self.unacknowledged: dict[int, None] = {}
        # What they tell, as far as it is known
        self.receipt_contents: dict[int, Receipt] = {}
        self.relays = [] if relays is None else relays  # the longest connected first
        for each in self.relays:
            each.clear()

    def add_delivery(self, delivery: Delivery) -> None:
        """Add *delivery* at the end of the lane of its URL.

        One that a listener has abandoned goes to the front, where it was.
        """
        self._end_deferral(delivery)
        lane = self._lanes.setdefault(delivery.url, deque())
        if delivery.was_abandoned:
            lane.appendleft(delivery)
        else:
            lane.append(delivery)

    def note_deferral(self, delivery: Delivery) -> None:
        """Note whether *delivery* waits for another to the same URL."""
        self._end_deferral(delivery)
        if delivery.behind and not delivery.is_over:
            self._deferred.setdefault(delivery.url, []).append(delivery.id)

    def deferred_ids(self, url: str) -> list[int]:
        """Return the ids of the deliveries to *url* that wait for another."""
        return [*self._deferred.get(url, ())]

    def open_lanes(self) -> Iterator[str]:
        """Yield the URLs that a delivery can leave for now."""
        return (url for url in tuple(self._lanes) if url or self.relays)

    def list_without_target(self) -> Iterator[Delivery]:
        """Yield the deliveries without a URL, while no listener is connected."""
        return iter(() if self.relays else self._lanes.get("", ()))

    def take_next(self, url: str) -> list[Delivery]:
        """Return the next delivery of a lane, or the next group that leaves at once."""
        lane = self._lanes.get(url)
        if not lane or not (url or self.relays):
            return []
        taken = [lane.popleft()]
        while taken[0].group and lane and lane[0].group == taken[0].group:
            taken.append(lane.popleft())
        if not lane:
            del self._lanes[url]
        self.underway.update(dict.fromkeys(each.id for each in taken))
        return taken

    def queue_receipt(self, system_id: str, delivery: Delivery) -> deque[Delivery]:
        """Queue a receipt in the order of ids, and return the queue of its client.

        Ids grow, so the oldest is the first; one that is tried again goes to the front.
        """
        waiting = self.receipt_queues.setdefault(system_id, deque())
        if not waiting or waiting[-1].id < delivery.id:
            waiting.append(delivery)
        else:
            younger = (i for i, each in enumerate(waiting) if each.id > delivery.id)
            waiting.insert(next(younger, len(waiting)), delivery)
        return waiting

    def stop_awaiting_response(self, receipt: Delivery) -> None:
        """Stop waiting for the answer to a receipt."""
        self.unacknowledged.pop(receipt.id, None)
        if receipt.is_over:
            self.receipt_contents.pop(receipt.id, None)

    def withdraw_delivery(self, delivery: Delivery) -> None:
        """Remove a delivery that has not left yet."""
        if delivery.kind is DeliveryKind.RECEIPT:
            self.receipt_contents.pop(delivery.id, None)
            for waiting in self.receipt_queues.values():
                for each in [each for each in waiting if each.id == delivery.id]:
                    waiting.remove(each)
        lane = self._lanes.get(delivery.url, deque())
        kept = deque(each for each in lane if each.id != delivery.id)
        if kept:
            self._lanes[delivery.url] = kept
        else:
            self._lanes.pop(delivery.url, None)

    def _end_deferral(self, delivery: Delivery) -> None:
        held = self._deferred.get(delivery.url, [])
        if delivery.id in held:
            held.remove(delivery.id)

    @property
    def is_in_use(self) -> bool:
        """Whether anything is known here; most worlds have nothing to send."""
        return any(getattr(self, name) for name in self.__slots__)

    @property
    def is_busy(self) -> bool:
        """Whether something is under way, or can go at once."""
        return bool(self.underway) or next(self.open_lanes(), None) is not None
