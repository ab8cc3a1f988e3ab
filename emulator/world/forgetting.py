"""Which deliveries a world forgets: the oldest that are over, but for so many."""

from collections.abc import Iterator
from typing import Any

from emulator.domain.delivery import Delivery
from emulator.world.changes import Counted, Forgotten, Mailed


def oldest(world: Any, changes: list[Any]) -> Iterator[Forgotten | Counted]:
    """Yield what *changes*, by which something is over, make one too many."""
    made = [each for each in changes if isinstance(each, Delivery | Mailed)]
    things = [each.delivery if isinstance(each, Mailed) else each for each in made]
    newest = {each.id: each for each in things}
    over = [each.id for each in newest.values() if each.is_over]
    fresh = newest.keys() - world.deliveries.keys()
    excess = len(world.deliveries) + len(fresh) - world.commons.deliveries
    if not over or excess <= 0:
        return
    for number in dict.fromkeys((*world.outbox.over, *over)):
        known = newest.get(number) or world.deliveries.get(number)
        if known is not None and known.is_over:
            yield Forgotten(number)
            yield Counted("deliveries_dropped")
            excess -= 1
            if not excess:
                return
