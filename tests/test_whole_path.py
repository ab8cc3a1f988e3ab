"""The whole path of a message, and that nothing which leaves is unaccounted for."""

from collections import Counter
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.client import ClientError, Emulator
from emulator.client.shown import Fact
from tests.support.emulator import set_examples
from tests.support.orders import NUMBER
from tests.support.servers import (
    HANG_UP,
    Receiver,
    ReceiverAnswer,
    check_push,
    deliver_sms,
    list_times,
    list_verdicts,
    open_world,
    place_sms,
    poll_replies,
    run_receiver,
)

FIXED = set_examples(25)
TRICKS: tuple[dict[str, Any], ...] = (
    *(
        {"push": each}
        for each in ("lost", "duplicated", "duplicated_at_once", "reordered")
    ),
    *({"push": each} for each in ("early", "misspelled", "unknown_id", "post")),
    {"push": "late", "seconds": 45},
    {"push": "storm", "count": 3},
    {"push": "reordered", "seconds": 5},
)
WHENS: tuple[dict[str, Any], ...] = (
    *({}, {"first": 1}, {"nth": 2}, {"every": 2}, {"probability": 0.5}),
)


@pytest.mark.manual("MOP-01", "KEY-01", "KEY-05")
def test_a_message_is_answered_polled_pushed_and_answered_again(
    emulator: Emulator, receiver: Receiver
) -> None:
    with run_receiver() as shop:
        shop.answer_with(ReceiverAnswer(200, "Vuelve pronto"))
        emulator.change_account(push_url=receiver.url)
        emulator.add_item("keywords", keyword="si", response_url=shop.url)
        campaign = place_sms(emulator, "9990010000")["campaign"]

        run = emulator.settle()

        assert [check_push(each)["response"] for each in receiver.asked] == ["Si"]
        assert [check_push(each, "keywordPush")["keyword"] for each in shop.asked] == [
            "si"
        ]
    assert [each["response"] for each in poll_replies(emulator)] == ["Si"]
    assert [each["campaign_id"] for each in poll_replies(emulator)] == [campaign]
    assert [(each.text, each.status) for each in emulator.messages()] == [
        ("hola", "sent"),
        ("Vuelve pronto", "sent"),
    ]
    assert list_times(run, "answered") == ["18:00:22"]
    assert [each.state for each in emulator.deliveries] == ["delivered"] * 2


# --- Every reply is accounted for ---------------------------------------------------


class Story(NamedTuple):
    """What a test does to one world."""

    rules: list[dict[str, Any]]
    retries: list[int]
    answers: list[ReceiverAnswer | str]  # of the receiver, in turn
    moves: list[tuple[str, int]]  # a move, and its second, or its delivery


rules = st.builds(dict.__or__, *map(st.sampled_from, (TRICKS, WHENS)))
moves = st.tuples(
    st.sampled_from(["write", "write", "place", "advance", "send", "drop", "replay"]),
    st.sampled_from([0, 1, 2, 3, 11, 60]),
)
stories = st.builds(
    Story,
    rules=st.lists(rules, max_size=3),
    retries=st.lists(st.sampled_from([0, 5, 30]), max_size=3),
    answers=st.lists(
        st.sampled_from(
            [
                ReceiverAnswer(),
                ReceiverAnswer(),
                ReceiverAnswer(500),
                ReceiverAnswer(200, "no"),
                HANG_UP,
            ]
        ),
        max_size=6,
    ),
    moves=st.lists(moves, min_size=1, max_size=10),
)


@FIXED
@given(story=stories)
def test_every_reply_ends_and_its_attempts_say_why(
    patient: Emulator, story: Story
) -> None:
    with run_receiver() as receiver, open_world(patient) as world:
        receiver.answer_with(*story.answers, ReceiverAnswer())
        world.change_account(push_url=receiver.url, push_retries=story.retries)
        for rule in story.rules:
            world.fault("moPush", **rule)
        deliver_sms(world)
        again = {number for move in story.moves for number in moved(world, *move)}
        world.advance(seconds=0)

        for each in world.deliveries:
            assert_explained(each, len(story.retries), repeated=each.id in again)
        world.settle()
        over = {each.state for each in world.deliveries}
        assert over <= {"delivered", "given_up", "lost", "dropped"}
        assert replies(world) == {
            (each.parameters.message_id, each.parameters.response)
            for each in world.deliveries
        }
        assert attempted(world) == Counter(
            (each.method, each.query) for each in receiver.asked
        )


def moved(world: Emulator, move: str, number: int) -> set[int]:
    """Make a move and return which delivery is repeated by it, if one is."""
    if move == "advance":
        world.advance(seconds=number)
    elif move == "place":
        place_sms(world, "9990011000")
    elif move == "write":
        count = len(poll_replies(world))
        world.phone(NUMBER).reply(f"text {count}")
        if number:  # without, it may still be under way
            world.advance(seconds=0)
    else:
        command = {"send": world.send_now, "drop": world.drop, "replay": world.replay}
        try:
            command[move](number)
        except ClientError:  # over, under way, or not there
            return set()
    return {number} if move == "replay" else set()


def assert_explained(delivery: Fact, retries: int, *, repeated: bool) -> None:
    """Fail unless the attempts on record say why a delivery is where it is."""
    came, state = list_verdicts(delivery), delivery.state
    assert (delivery.next_at is not None) == (state == "due")
    if state == "delivered":
        assert came[-1] == "accepted"
    if state == "given_up":
        assert came[-1] != "accepted"
        assert len(came) > retries
    if state == "lost":
        assert delivery.fault
    if repeated:
        return
    assert "accepted" not in came[:-1]
    assert len(came) <= retries + 1
    if state == "lost":
        assert came == []
    if state in {"due", "dropped"}:
        assert "accepted" not in came
        assert len(came) <= retries


def replies(world: Emulator) -> set[tuple[int, str]]:
    return {(each["message_id"], each["response"]) for each in poll_replies(world)}


def attempted(world: Emulator) -> Counter[tuple[str, Any]]:
    """Return what was asked, by the record."""
    return Counter(
        (it.method, tuple(parse_qsl(it.query)))
        for each in world.deliveries
        for it in each.attempts
    )
