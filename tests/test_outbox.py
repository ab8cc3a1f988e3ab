"""What may leave a world, told once more as plain lists: order, groups, who waits."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.delivery import Attempt, Delivery, Kind, State, Verdict
from emulator.world.outbox import Answered, Outbox, Push, Relay, joined
from tests.emulated import START
from tests.properties import examples

MOST = 12  # deliveries
URLS = ("http://one.test/a", "http://two.test/?b=1", "")


def delivery(number: int, url: str = URLS[0], **changes: object) -> Delivery:
    made = Delivery(number, Kind.REPLY, url, {}, START, START)
    return made._replace(**changes)  # type: ignore[arg-type]


def left(number: int, url: str, verdict: Verdict = Verdict.GONE) -> Delivery:
    attempt = Attempt(START, "GET", url, verdict)
    return delivery(number, url, attempts=(attempt,))


def push(number: int) -> Push:
    return Push(number, "moPush", "GET", URLS[0], "a=1")


lanes = st.lists(st.tuples(st.sampled_from(URLS), st.integers(0, 3)), max_size=MOST)


def filled(rows: list[tuple[str, int]]) -> tuple[Outbox, list[Delivery]]:
    made = [
        delivery(number, url, group=group)
        for number, (url, group) in enumerate(rows, start=1)
    ]
    outbox = Outbox([Relay()])
    for each in made:
        outbox.put(each)
    return outbox, made


def emptied(outbox: Outbox, url: str) -> Iterator[list[Delivery]]:
    for _ in range(MOST + 1):
        if not (taken := outbox.take(url)):
            return
        yield taken
    raise AssertionError(url)


def grouped(lane: list[Delivery]) -> Iterator[list[Delivery]]:
    """Yield what leaves together: neighbours of one group; 0 is no group."""
    for group, members in groupby(lane, key=lambda each: each.group):
        if group:
            yield [*members]
        else:
            yield from ([each] for each in members)


@given(rows=lanes)
@examples()
def test_a_lane_keeps_its_order_and_lets_go_groups_at_once(
    rows: list[tuple[str, int]],
) -> None:
    outbox, made = filled(rows)
    assert outbox.is_busy == bool(rows)
    assert [*outbox.lanes()] == list(dict.fromkeys(url for url, _ in rows))
    for url in URLS:
        lane = [each for each in made if each.url == url]
        assert [*emptied(outbox, url)] == [*grouped(lane)]
        assert url not in outbox.lanes()
    assert {*outbox.underway} == {each.id for each in made}
    assert outbox.is_busy == bool(rows)


@given(rows=lanes, chosen=st.integers(0, MOST))
@examples()
def test_what_is_withdrawn_leaves_no_more_and_nothing_else_stays(
    rows: list[tuple[str, int]], chosen: int
) -> None:
    outbox, made = filled(rows)
    gone = made[chosen : chosen + 1]
    for each in gone:
        outbox.withdraw(each)
        outbox.withdraw(each)  # it is not there any more
    for url in URLS:
        lane = [each for each in made if each.url == url and each not in gone]
        assert (url in outbox.lanes()) == bool(lane)
        assert [*emptied(outbox, url)] == [*grouped(lane)]


def test_what_has_no_address_leaves_only_where_somebody_listens() -> None:
    outbox = Outbox()
    there, here = delivery(1), delivery(2, "")
    outbox.put(there)
    outbox.put(here)

    assert [*outbox.lanes()] == [URLS[0]]
    assert [*outbox.stranded()] == [here]
    assert outbox.take("") == []
    assert outbox.take("http://nobody.test/") == []
    outbox.relays.append(Relay())
    assert [*outbox.lanes()] == [URLS[0], ""]
    assert [*outbox.stranded()] == []
    assert outbox.take("") == [here]
    outbox.underway.clear()
    outbox.relays.clear()
    outbox.put(here)
    assert outbox.take(URLS[0]) == [there]
    outbox.underway.clear()
    assert not outbox.is_busy
    outbox.underway[7] = None
    assert outbox.is_busy


def test_what_a_listener_has_left_behind_goes_first() -> None:
    outbox = Outbox([Relay()])
    for each in (delivery(1, ""), left(2, ""), left(3, "", Verdict.NOT_OK)):
        outbox.put(each)

    taken = [each.id for part in emptied(outbox, "") for each in part]

    assert taken == [2, 1, 3]


def test_who_lets_another_go_before_is_known_until_it_has_left() -> None:
    outbox = Outbox()
    first, second = delivery(1, behind=True), delivery(2, behind=True)
    elsewhere = delivery(3, URLS[1], behind=True)
    for each in (first, second, elsewhere, delivery(4)):
        outbox.hold(each)
        outbox.hold(each)  # as its state changes
    assert outbox.behind(URLS[0]) == [1, 2]
    assert outbox.behind(URLS[1]) == [3]
    assert outbox.behind("") == []

    outbox.behind(URLS[0]).clear()  # a copy
    outbox.put(first._replace(behind=False))
    outbox.hold(second._replace(due_at=None, state=State.DROPPED))
    outbox.hold(elsewhere._replace(behind=False))

    assert [outbox.behind(each) for each in URLS] == [[], [], []]


@given(order=st.permutations(range(1, 7)))
@examples()
def test_receipts_wait_by_age_whenever_they_come(order: list[int]) -> None:
    outbox = Outbox()
    for number in order:
        waiting = outbox.post("acme", delivery(number, "", kind=Kind.RECEIPT))
    outbox.post("other", delivery(9, "", kind=Kind.RECEIPT))

    assert [each.id for each in waiting] == [1, 2, 3, 4, 5, 6]
    assert outbox.mail["acme"] is waiting
    outbox.withdraw(delivery(3, "", kind=Kind.RECEIPT))
    assert [each.id for each in waiting] == [1, 2, 4, 5, 6]
    assert [each.id for each in outbox.mail["other"]] == [9]
    outbox.withdraw(delivery(4, "", kind=Kind.REPLY))  # of another kind
    assert [each.id for each in waiting] == [1, 2, 4, 5, 6]


def test_what_a_receipt_tells_is_kept_as_long_as_it_may_be_sent_again() -> None:
    outbox = Outbox()
    due = delivery(1, "", kind=Kind.RECEIPT)
    over = delivery(2, "", kind=Kind.RECEIPT, due_at=None)
    for each in (due, over):
        outbox.posted[each.id] = None
        outbox.receipts[each.id] = None  # type: ignore[assignment] # anything
        outbox.take_back(each)
        outbox.take_back(each)

    assert outbox.posted == {}
    assert [*outbox.receipts] == [1]
    outbox.withdraw(due)
    outbox.withdraw(due)
    assert outbox.receipts == {}


# --- A listener --------------------------------------------------------------


def test_a_listener_is_told_once_and_answers_once() -> None:
    relay = Relay()
    first, second = relay.hand(push(7)), relay.hand(push(8))
    assert second == first + 1
    assert [*relay.told()] == [(first, push(7)), (second, push(8))]
    assert [*relay.told()] == []
    assert (relay.awaits(first), relay.has_answered(first)) == (True, False)

    assert relay.answer(first, Answered(200)) == 7
    assert (relay.awaits(first), relay.has_answered(first)) == (False, True)
    assert relay.awaits(second)
    assert relay.answered(first) == Answered(200)
    assert not relay.has_answered(first)
    assert relay.answered(first) == Answered(
        verdict=Verdict.GONE, says="the listener went away"
    )
    relay.take_back(second)
    relay.take_back(second)
    assert not relay.awaits(second)


def test_a_world_that_is_reset_has_its_listeners_forget() -> None:
    relay = Relay()
    first, second = relay.hand(push(7)), relay.hand(push(8))
    relay.answer(first, Answered(200))

    outbox = Outbox([relay])

    assert outbox.relays == [relay]
    assert [*relay.told()] == []
    assert not relay.awaits(second)
    assert not relay.has_answered(first)


def test_a_push_is_asked_with_its_parameters_behind_those_of_its_url() -> None:
    """Source: manual MOP-09."""
    asked = push(1)
    posted = asked._replace(method="POST", url=URLS[1])

    assert asked.address == "http://one.test/a?a=1"
    assert posted.address == URLS[1]
    assert joined(URLS[1], "a=1") == "http://two.test/?b=1&a=1"
    assert Answered() == (0, (), "", None, "", 0.0)


def test_a_delivery_waits_as_long_as_its_retries_say() -> None:
    waits = (timedelta(seconds=5), timedelta(seconds=50))
    made = delivery(1, retries=waits)
    due = []
    for _ in range(3):
        attempt = Attempt(START, "GET", URLS[0], Verdict.NOT_OK)
        made = made.tried(attempt, START)
        due.append(made.due_at and made.due_at - START)

    assert due == [*waits, None]
    assert made.state is State.GIVEN_UP
