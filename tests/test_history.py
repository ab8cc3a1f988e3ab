"""How a balance went: the same whenever, and however often, it is looked at."""

from datetime import timedelta
from itertools import accumulate

from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.account import Movement
from emulator.world.balance_history import BalanceHistory
from tests.support.emulator import START

OPENING = 7

movements = st.builds(
    lambda seconds, amount, number: Movement(
        START + timedelta(seconds=seconds), amount, "sms", number
    ),
    st.integers(0, 9),
    st.integers(-5, 5),
    st.integers(),
)
arrivals = st.lists(st.lists(movements, max_size=6), max_size=5)


@given(arrivals)
def test_it_is_in_order_of_time_and_those_of_an_instant_as_they_came(
    portions: list[list[Movement]],
) -> None:
    kept: list[Movement] = []
    history = BalanceHistory(OPENING, kept)

    for portion in portions:
        kept += portion

        assert history.list_movements() == sorted(kept, key=lambda each: each.at)


@given(arrivals, st.integers(1, 12))
def test_its_curve_goes_through_the_balances_and_ends_at_the_last(
    portions: list[list[Movement]], points: int
) -> None:
    kept: list[Movement] = []
    history = BalanceHistory(OPENING, kept)

    for portion in portions:
        kept += portion
        curve = history.sample_balance(points)

        known = history.list_movements()
        balances = [*accumulate((each.amount for each in known), initial=OPENING)]
        assert bool(known) <= len(curve) <= points
        instants = [known[0].at, *(each.at for each in known)] if known else []
        every = [*zip(instants, balances, strict=False)]
        assert all(each in every for each in curve)
        assert curve[-1:] == every[-1:] * bool(known)
        assert [at for at, _ in curve] == sorted(at for at, _ in curve)
