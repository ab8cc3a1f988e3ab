"""What a world will do by itself, told once more as a plain list."""

from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.delivery import Delivery, DeliveryKind
from emulator.timekeeping.work_queue import (
    NEVER,
    DeliveryWork,
    ExpiryWork,
    ReceiptWork,
    WorkQueue,
)
from tests.support.emulator import START, set_examples

NAMES = (1, 2, 3)
INSTANTS = st.one_of(st.none(), st.integers(0, 6))
MOVES = st.tuples(
    st.sampled_from(["wait", "tell", "expire"]), st.sampled_from(NAMES), INSTANTS
)
POPS = st.tuples(st.just("pop"), st.just(0), st.integers(0, 6))


class Listed:
    """The same, slowly: work by what it is about, and when it was put down."""

    def __init__(self) -> None:
        self._numbers = count()
        self._work: dict[tuple[str, int], tuple[datetime, int, Any]] = {}

    def move(self, kind: str, name: int, at: datetime | None, work: Any) -> None:
        self._work.pop((kind, name), None)
        if at is not None:
            self._work[kind, name] = (at, next(self._numbers), work)

    def ordered(self) -> list[tuple[datetime, Any]]:
        rows = sorted(self._work.values(), key=lambda row: row[:2])
        return [(at, work) for at, _, work in rows]

    def pop(self, now: datetime) -> tuple[datetime, Any] | None:
        if not (rows := self.ordered()) or rows[0][0] > now:
            return None
        first = min(self._work, key=lambda key: self._work[key][:2])
        del self._work[first]
        return rows[0]


def seconds(after: int | None) -> datetime | None:
    return None if after is None else START + timedelta(seconds=after)


@given(steps=st.lists(st.one_of(MOVES, POPS), max_size=30))
@set_examples(200)
def test_work_is_done_in_order_wherever_it_was_put_before(
    steps: list[tuple[str, int, int | None]],
) -> None:
    schedule, listed = WorkQueue(), Listed()
    for kind, name, after in steps:
        at = seconds(after)
        if kind == "wait":
            made = Delivery(name, DeliveryKind.REPLY, "", {}, START, at)
            schedule.schedule_delivery(made)
            listed.move(kind, name, at, DeliveryWork(name))
        elif kind == "tell":
            schedule.schedule_receipt(name, at)
            listed.move(kind, name, at, ReceiptWork(name))
        elif kind == "expire":
            schedule.schedule_expiry(f"client{name}", at)
            listed.move(kind, name, at, ExpiryWork(f"client{name}"))
        else:
            now = at or START
            assert schedule.pop(now) == listed.pop(now)
        rows = listed.ordered()
        assert sorted(schedule.list_work(), key=str) == sorted(rows, key=str)
        assert schedule.next_at == (rows[0][0] if rows else NEVER)
        needed = [at for at, work in rows if not isinstance(work, ExpiryWork)]
        assert schedule.next_needed_at == min(needed, default=NEVER)
        assert len(schedule) >= len(rows)
        if rows:
            assert schedule.peek() == rows[0]


def test_each_kind_of_work_has_a_place_of_its_own() -> None:
    work = (
        DeliveryWork(1),
        ReceiptWork(1),
        ExpiryWork("1"),
        DeliveryWork(2),
        ExpiryWork("2"),
    )

    assert len({each.key for each in work}) == len(work)
