"""What may leave a world, told once more as plain lists: order, groups, who waits."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import groupby

from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.delivery import (
    Attempt,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Verdict,
)
from emulator.world.outbox import (
    Outbox,
    PushRelay,
    PushRequest,
    PushResponse,
    append_query,
)
from tests.support.emulator import START, set_examples

MOST = 12  # deliveries
URLS = ("http://one.test/a", "http://two.test/?b=1", "")


def delivery(number: int, url: str = URLS[0], **changes: object) -> Delivery:
    made = Delivery(number, DeliveryKind.REPLY, url, {}, START, START)
    return made._replace(**changes)  # type: ignore[arg-type]


def left(number: int, url: str, verdict: Verdict = Verdict.GONE) -> Delivery:
    attempt = Attempt(START, "GET", url, verdict)
    return delivery(number, url, attempts=(attempt,))


def push(number: int) -> PushRequest:
    return PushRequest(number, "moPush", "GET", URLS[0], "a=1")


lanes = st.lists(st.tuples(st.sampled_from(URLS), st.integers(0, 3)), max_size=MOST)


def filled(rows: list[tuple[str, int]]) -> tuple[Outbox, list[Delivery]]:
    made = [
        delivery(number, url, group=group)
        for number, (url, group) in enumerate(rows, start=1)
    ]
    outbox = Outbox([PushRelay()])
    for each in made:
        outbox.add_delivery(each)
    return outbox, made


def emptied(outbox: Outbox, url: str) -> Iterator[list[Delivery]]:
    for _ in range(MOST + 1):
        if not (taken := outbox.take_next(url)):
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
@set_examples()
def test_a_lane_keeps_its_order_and_lets_go_groups_at_once(
    rows: list[tuple[str, int]],
) -> None:
    outbox, made = filled(rows)
    assert outbox.is_busy == bool(rows)
    assert [*outbox.open_lanes()] == list(dict.fromkeys(url for url, _ in rows))
    for url in URLS:
        lane = [each for each in made if each.url == url]
        assert [*emptied(outbox, url)] == [*grouped(lane)]
        assert url not in outbox.open_lanes()
    assert {*outbox.underway} == {each.id for each in made}
    assert outbox.is_busy == bool(rows)


@given(rows=lanes, chosen=st.integers(0, MOST))
@set_examples()
def test_what_is_withdrawn_leaves_no_more_and_nothing_else_stays(
    rows: list[tuple[str, int]], chosen: int
) -> None:
    outbox, made = filled(rows)
    gone = made[chosen : chosen + 1]
    for each in gone:
        outbox.withdraw_delivery(each)
        outbox.withdraw_delivery(each)  # it is not there any more
    for url in URLS:
        lane = [each for each in made if each.url == url and each not in gone]
        assert (url in outbox.open_lanes()) == bool(lane)
        assert [*emptied(outbox, url)] == [*grouped(lane)]


def test_what_has_no_address_leaves_only_where_somebody_listens() -> None:
    outbox = Outbox()
    there, here = delivery(1), delivery(2, "")
    outbox.add_delivery(there)
    outbox.add_delivery(here)

    assert [*outbox.open_lanes()] == [URLS[0]]
    assert [*outbox.list_without_target()] == [here]
    assert outbox.take_next("") == []
    assert outbox.take_next("http://nobody.test/") == []
    outbox.relays.append(PushRelay())
    assert [*outbox.open_lanes()] == [URLS[0], ""]
    assert [*outbox.list_without_target()] == []
    assert outbox.take_next("") == [here]
    outbox.underway.clear()
    outbox.relays.clear()
    outbox.add_delivery(here)
    assert outbox.take_next(URLS[0]) == [there]
    outbox.underway.clear()
    assert not outbox.is_busy
    outbox.underway[7] = None
    assert outbox.is_busy


def test_what_a_listener_has_left_behind_goes_first() -> None:
    outbox = Outbox([PushRelay()])
    for each in (delivery(1, ""), left(2, ""), left(3, "", Verdict.NOT_OK)):
        outbox.add_delivery(each)

    taken = [each.id for part in emptied(outbox, "") for each in part]

    assert taken == [2, 1, 3]


def test_who_lets_another_go_before_is_known_until_it_has_left() -> None:
    outbox = Outbox()
    first, second = delivery(1, behind=True), delivery(2, behind=True)
    elsewhere = delivery(3, URLS[1], behind=True)
    for each in (first, second, elsewhere, delivery(4)):
        outbox.note_deferral(each)
        outbox.note_deferral(each)  # as its state changes
    assert outbox.deferred_ids(URLS[0]) == [1, 2]
    assert outbox.deferred_ids(URLS[1]) == [3]
    assert outbox.deferred_ids("") == []

    outbox.deferred_ids(URLS[0]).clear()  # a copy
    outbox.add_delivery(first._replace(behind=False))
    outbox.note_deferral(second._replace(due_at=None, state=DeliveryState.DROPPED))
    outbox.note_deferral(elsewhere._replace(behind=False))

    assert [outbox.deferred_ids(each) for each in URLS] == [[], [], []]


@given(order=st.permutations(range(1, 7)))
@set_examples()
def test_receipts_wait_by_age_whenever_they_come(order: list[int]) -> None:
    outbox = Outbox()
    for number in order:
        waiting = outbox.queue_receipt(
            "acme", delivery(number, "", kind=DeliveryKind.RECEIPT)
        )
    outbox.queue_receipt("other", delivery(9, "", kind=DeliveryKind.RECEIPT))

    assert [each.id for each in waiting] == [1, 2, 3, 4, 5, 6]
    assert outbox.receipt_queues["acme"] is waiting
    outbox.withdraw_delivery(delivery(3, "", kind=DeliveryKind.RECEIPT))
    assert [each.id for each in waiting] == [1, 2, 4, 5, 6]
    assert [each.id for each in outbox.receipt_queues["other"]] == [9]
    outbox.withdraw_delivery(
        delivery(4, "", kind=DeliveryKind.REPLY)
    )  # of another kind
    assert [each.id for each in waiting] == [1, 2, 4, 5, 6]


def test_what_a_receipt_tells_is_kept_as_long_as_it_may_be_sent_again() -> None:
    outbox = Outbox()
    due = delivery(1, "", kind=DeliveryKind.RECEIPT)
    over = delivery(2, "", kind=DeliveryKind.RECEIPT, due_at=None)
    for each in (due, over):
        outbox.unacknowledged[each.id] = None
        outbox.receipt_contents[each.id] = None  # type: ignore[assignment] # anything
        outbox.stop_awaiting_response(each)
        outbox.stop_awaiting_response(each)

    assert outbox.unacknowledged == {}
    assert [*outbox.receipt_contents] == [1]
    outbox.withdraw_delivery(due)
    outbox.withdraw_delivery(due)
    assert outbox.receipt_contents == {}


# --- A listener --------------------------------------------------------------


def test_a_listener_is_told_once_and_answers_once() -> None:
    relay = PushRelay()
    first, second = relay.assign_push(push(7)), relay.assign_push(push(8))
    assert second == first + 1
    assert [*relay.pop_pushes()] == [(first, push(7)), (second, push(8))]
    assert [*relay.pop_pushes()] == []
    assert (relay.is_awaiting(first), relay.has_response(first)) == (True, False)

    assert relay.record_response(first, PushResponse(200)) == 7
    assert (relay.is_awaiting(first), relay.has_response(first)) == (False, True)
    assert relay.is_awaiting(second)
    assert relay.pop_response(first) == PushResponse(200)
    assert not relay.has_response(first)
    assert relay.pop_response(first) == PushResponse(
        verdict=Verdict.GONE, says="the listener went away"
    )
    relay.cancel_push(second)
    relay.cancel_push(second)
    assert not relay.is_awaiting(second)


def test_a_world_that_is_reset_has_its_listeners_forget() -> None:
    relay = PushRelay()
    first, second = relay.assign_push(push(7)), relay.assign_push(push(8))
    relay.record_response(first, PushResponse(200))

    outbox = Outbox([relay])

    assert outbox.relays == [relay]
    assert [*relay.pop_pushes()] == []
    assert not relay.is_awaiting(second)
    assert not relay.has_response(first)


def test_a_push_is_asked_with_its_parameters_behind_those_of_its_url() -> None:
    """Source: manual MOP-09."""
    asked = push(1)
    posted = asked._replace(method="POST", url=URLS[1])

    assert asked.request_url == "http://one.test/a?a=1"
    assert posted.request_url == URLS[1]
    assert append_query(URLS[1], "a=1") == "http://two.test/?b=1&a=1"
    assert PushResponse() == (0, (), "", None, "", 0.0)


def test_a_delivery_waits_as_long_as_its_retries_say() -> None:
    waits = (timedelta(seconds=5), timedelta(seconds=50))
    made = delivery(1, retries=waits)
    due = []
    for _ in range(3):
        attempt = Attempt(START, "GET", URLS[0], Verdict.NOT_OK)
        made = made.apply_attempt(attempt, START)
        due.append(made.due_at and made.due_at - START)

    assert due == [*waits, None]
    assert made.state is DeliveryState.GIVEN_UP
