"""The movements of a balance in order of time, brought up to date when read."""

from bisect import bisect_right
from collections.abc import Sequence
from datetime import datetime
from math import ceil
from operator import attrgetter

from emulator.domain.account import Movement

BY_INSTANT = attrgetter("at")


class BalanceHistory:
    """The movements of a world, whose own list is in the order of keeping.

    That list only grows, so that a reading costs what has come since the last one.
    """

    def __init__(self, opening: int, kept: Sequence[Movement]) -> None:
        self.source = kept
        self._movements: list[Movement] = []  # by time, those of one instant as kept
        self._balances = [opening]  # before the first movement, and after each

    def list_movements(self) -> Sequence[Movement]:
        """Return all of them, the oldest first."""
        self._catch_up()
        return self._movements

    def sample_balance(self, points: int) -> list[tuple[datetime, int]]:
        """Return the balance after every so many movements, the last of them included.

        At most *points* of them, with their instants, in millionths.
        """
        self._catch_up()
        if not self._movements:
            return []
        every = ceil(len(self._balances) / points)
        places = range(len(self._movements), -1, -every)
        return [
            (self._movements[max(place - 1, 0)].at, self._balances[place])
            for place in reversed(places)
        ]

    def _catch_up(self) -> None:
        fresh = sorted(self.source[len(self._movements) :], key=BY_INSTANT)
        if not fresh:
            return
        place = bisect_right(self._movements, fresh[0].at, key=BY_INSTANT)
        if place < len(self._movements):
            fresh = sorted([*self._movements[place:], *fresh], key=BY_INSTANT)
            del self._movements[place:], self._balances[place + 1 :]
        self._movements += fresh
        balance = self._balances[-1]
        for each in fresh:
            balance += each.amount
            self._balances.append(balance)
