"""Which deliveries a world forgets: the oldest that are over, but for so many."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from emulator.domain.delivery import Delivery
from emulator.world.changes import DeliveriesForgotten, ReceiptQueued

# One more of so many is forgotten than has to be: looking takes the time
EXTRA_SHARE = 100


def pick_oldest_deliveries(
    world: Any, changes: list[Any], most: int
) -> list[DeliveriesForgotten]:
    """Return what *changes*, by which something is over, add to *most* deliveries."""
    newest = {each.id: each for each in _deliveries_in(changes)}
    over = [each.id for each in newest.values() if each.is_over]
    fresh = sum(each not in world.deliveries for each in newest)
    excess = len(world.deliveries) + fresh - most
    if excess <= 0 or not over:
        return []
    enough = excess + most // EXTRA_SHARE
    gone: dict[int, None] = {}
    for number in chain(world.outbox.finished, over):  # the first of them, mostly
        if len(gone) == enough:
            break
        known = newest.get(number) or world.deliveries.get(number)
        if known is not None and known.is_over:
            gone[number] = None
    return [DeliveriesForgotten(tuple(gone))] if gone else []


def _deliveries_in(changes: list[Any]) -> Iterator[Delivery]:
    for each in changes:
        if type(each) is Delivery:
            yield each
        elif type(each) is ReceiptQueued:
            yield each.delivery
