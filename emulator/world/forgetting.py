"""Which deliveries a world forgets: the oldest that are over, but for so many."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from emulator.domain.delivery import Delivery
from emulator.world.changes import Counted, Forgotten, Mailed

DROPPED = Counted("deliveries_dropped")


def oldest(world: Any, changes: list[Any]) -> Iterator[Forgotten | Counted]:
    """Yield what *changes*, by which something is over, make one too many."""
    newest: dict[int, Delivery] = {}
    over: list[int] = []
    for each in changes:
        kind = type(each)
        if kind is Delivery:
            newest[each.id] = each
            if each.due_at is None:
                over.append(each.id)
        elif kind is Mailed:
            newest[each.delivery.id] = each.delivery
    if not over:
        return
    fresh = sum(each not in world.deliveries for each in newest)
    excess = len(world.deliveries) + fresh - world.commons.deliveries
    gone: set[int] = set()
    for number in chain(world.outbox.over, over):  # the first of them, mostly
        if excess <= 0:
            return
        known = newest.get(number) or world.deliveries.get(number)
        if known is not None and known.due_at is None and number not in gone:
            gone.add(number)
            excess -= 1
            yield Forgotten(number)
            yield DROPPED
