"""Which deliveries a world forgets: the oldest that are over, but for so many."""

from collections.abc import Iterator
from itertools import chain
from typing import Any

from emulator.domain.delivery import Delivery
from emulator.world.changes import Counted, Forgotten, Mailed


def oldest(world: Any, changes: list[Any]) -> Iterator[Forgotten | Counted]:
    """Yield what *changes*, by which something is over, make one too many."""
    made = [each for each in changes if isinstance(each, Delivery | Mailed)]
    things = [each.delivery if isinstance(each, Mailed) else each for each in made]
    newest = {each.id: each for each in things}
    over = [each.id for each in newest.values() if each.is_over]
    fresh = sum(each not in world.deliveries for each in newest)
    excess = len(world.deliveries) + fresh - world.commons.deliveries
    if not over or excess <= 0:
        return
    gone: set[int] = set()
    for number in chain(world.outbox.over, over):  # the first of them, mostly
        known = newest.get(number) or world.deliveries.get(number)
        if known is not None and known.is_over and number not in gone:
            gone.add(number)
            yield Forgotten(number)
            yield Counted("deliveries_dropped")
            excess -= 1
            if not excess:
                return
