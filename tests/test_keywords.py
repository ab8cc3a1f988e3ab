"""Keywords: a text that begins with one is answered by the customer's server."""

from datetime import timedelta
from typing import Any

import pytest

from emulator.client import ClientError, Emulator
from tests.support.emulator import SOON, START
from tests.support.orders import NUMBER
from tests.support.servers import (
    GARBAGE,
    HANG_UP,
    SILENCE,
    Receiver,
    ReceiverAnswer,
    check_push,
    deliver_sms,
    list_verdicts,
    open_world,
    place_sms,
    poll_replies,
    run_receiver,
    write_reply,
)

STRANGER, OTHER = "5512345678", "5587654321"  # nothing was ever sent there
ANSWER = "This is a simple text to keyword request"


@pytest.fixture
def asking(emulator: Emulator, receiver: Receiver) -> Emulator:
    """Return a world with the keyword ``mykeyword``, which the receiver answers."""
    receiver.answer_with(ReceiverAnswer(200, ANSWER))
    emulator.add_item("keywords", keyword="mykeyword", response_url=receiver.url)
    return emulator


def sent(emulator: Emulator, number: str = STRANGER) -> list[str]:
    """Return what was sent to a handset."""
    return [each.text for each in emulator.messages(to=number)]


def costs(emulator: Emulator) -> list[tuple[str, float]]:
    return [(each.reason, each.amount) for each in emulator.movements.movements]


# --- Which texts ------------------------------------------------------------------


@pytest.mark.manual("KEY-01", "KEY-02", "KEY-03", "KEY-04", "KEY-09", "KEY-19")
def test_a_text_with_a_keyword_asks_its_url(
    asking: Emulator, receiver: Receiver
) -> None:
    taken = write_reply(asking, "mykeyword this is a response text", STRANGER)

    (asked,) = receiver.asked
    assert check_push(asked, "keywordPush") == {
        "response": "mykeyword this is a response text",
        "cellphone": 5512345678,
        "keyword": "mykeyword",
        "date": "2026-03-02 12:00:00",
    }
    assert (taken.keyword, taken.received_id, taken.message) == (
        "mykeyword",
        None,
        None,
    )
    (delivery,) = asking.deliveries
    assert (delivery.kind, delivery.keyword) == ("keywordPush", "mykeyword")


@pytest.mark.manual("KEY-04", "KEY-18")
@pytest.mark.parametrize(
    "text",
    ["mykeyword", "MYKEYWORD", "MyKeyword hola", " mykeyword x", "mykeyword\nhola"],
)
def test_the_first_word_chooses_whatever_its_case(
    asking: Emulator, receiver: Receiver, text: str
) -> None:
    assert write_reply(asking, text, STRANGER).keyword == "mykeyword"

    assert [check_push(each, "keywordPush") for each in receiver.asked] == [
        {
            "response": text,
            "cellphone": 5512345678,
            "keyword": "mykeyword",
            "date": "2026-03-02 12:00:00",
        }
    ]


@pytest.mark.manual("KEY-04")
@pytest.mark.parametrize("text", ["hola mykeyword", "mykeywords", "my keyword", "key"])
def test_no_other_word_does(asking: Emulator, receiver: Receiver, text: str) -> None:
    with pytest.raises(ClientError, match="none of its keywords"):
        asking.phone(STRANGER).reply(text)

    deliver_sms(asking)
    assert write_reply(asking, text).keyword is None
    assert receiver.asked == []


def test_a_word_in_any_script_ignores_its_case(emulator: Emulator) -> None:
    emulator.add_item("keywords", keyword="Ñandú", response="Sí")

    assert write_reply(emulator, "ñANDÚ", STRANGER).keyword == "Ñandú"


@pytest.mark.manual("KEY-12")
def test_a_keyword_is_good_for_a_month(asking: Emulator, receiver: Receiver) -> None:
    asking.advance(days=31, seconds=-1)
    assert write_reply(asking, "mykeyword", STRANGER).keyword == "mykeyword"

    asking.advance(seconds=1)
    with pytest.raises(ClientError, match="none of its keywords"):
        asking.phone(OTHER).reply("mykeyword")
    assert len(receiver.asked) == 1


@pytest.mark.manual("KEY-10", "KEY-12")
def test_a_keyword_may_say_itself_when_it_ends(emulator: Emulator) -> None:
    until = START + timedelta(minutes=1)
    emulator.add_item(
        "keywords", keyword="hoy", response="Si", expires=until.isoformat()
    )

    assert write_reply(emulator, "hoy", STRANGER).keyword == "hoy"
    emulator.advance(minutes=1)
    with pytest.raises(ClientError, match="none of its keywords"):
        emulator.phone(OTHER).reply("hoy")


@pytest.mark.manual("KEY-10", "KEY-13", "WEB-06")
def test_keywords_are_added_and_removed(asking: Emulator) -> None:
    asking.remove_item("keywords", "mykeyword")

    with pytest.raises(ClientError, match="none of its keywords"):
        asking.phone(STRANGER).reply("mykeyword")


@pytest.mark.manual("KEY-15")
def test_what_was_received_is_listed_and_not_polled(asking: Emulator) -> None:
    write_reply(asking, "MyKeyword uno", STRANGER)
    asking.advance(minutes=1)
    write_reply(asking, "info", OTHER)

    assert [tuple(each.values()) for each in asking.keyword_texts] == [
        ("2026-03-02T18:00:00.000000Z", STRANGER, "mykeyword", "MyKeyword uno"),
        ("2026-03-02T18:01:00.000000Z", OTHER, "info", "info"),
    ]
    assert poll_replies(asking) == []


def test_a_reply_may_begin_with_a_keyword_and_is_both(
    asking: Emulator, receiver: Receiver
) -> None:
    with run_receiver() as account:
        asking.change_account(push_url=account.url)
        deliver_sms(asking)
        taken = write_reply(asking, "mykeyword si")

        assert [check_push(each)["response"] for each in account.asked] == [
            "mykeyword si"
        ]
    assert [check_push(each, "keywordPush")["response"] for each in receiver.asked] == [
        "mykeyword si"
    ]
    assert (taken.keyword, len(taken.deliveries)) == ("mykeyword", 2)
    assert [each["response"] for each in poll_replies(asking)] == ["mykeyword si"]
    assert [each.text for each in asking.keyword_texts] == ["mykeyword si"]


# --- The answer --------------------------------------------------------------------


@pytest.mark.manual("KEY-05", "KEY-17")
def test_the_body_becomes_a_charged_message_like_any_other(asking: Emulator) -> None:
    before = asking.balance
    write_reply(asking, "mykeyword", STRANGER)
    run = asking.settle()

    (message,) = asking.messages(to=STRANGER)
    assert (message.text, message.status) == (ANSWER, "sent")
    rows = asking.request("GET", f"/api/v3/campaign/{message.campaign}/messages").json()
    assert [(each["text"], each["status"]) for each in rows["data"]] == [
        (ANSWER, "sent")
    ]
    assert before - asking.balance == 1, "the price of the first route"
    assert costs(asking)[-1] == ("keyword", -1)
    assert [each.event for each in run.events] == ["inserted", "completed"]


@pytest.mark.manual("KEY-05")
@pytest.mark.parametrize("status", [200, 201, 299])
def test_any_success_is_an_answer(
    asking: Emulator, receiver: Receiver, status: int
) -> None:
    receiver.answer_with(ReceiverAnswer(status, f"  {ANSWER}\n"))
    write_reply(asking, "mykeyword", STRANGER)

    assert sent(asking) == [ANSWER]


def test_a_plain_ok_is_an_answer_as_well(asking: Emulator, receiver: Receiver) -> None:
    receiver.answer_with(ReceiverAnswer(200, "ok"))
    write_reply(asking, "mykeyword", STRANGER)

    assert sent(asking) == ["ok"]


@pytest.mark.manual("KEY-11")
def test_a_fixed_answer_asks_nobody(told: Emulator, receiver: Receiver) -> None:
    write_reply(told, "info", STRANGER)

    assert sent(told) == ["Gracias por escribir. Horario: lunes a viernes, 9 a 18 h."]
    assert receiver.asked == []
    assert len(told.deliveries) == 0
    assert costs(told)[-1] == ("keyword", -1)


@pytest.mark.manual("KEY-06")
@pytest.mark.parametrize(
    "code",
    [
        "<b>hola</b>",
        "hola <br/>",
        "<!-- nada -->",
        "<?php echo 'hola'; ?>",
        "<script>alert(1)</script>",
        "<!DOCTYPE html><html></html>",
        "</p>",
        '{"text": "hola"}',
        " [1, 2]\n",
        "[]",
    ],
)
def test_code_is_refused_and_recorded(
    asking: Emulator, receiver: Receiver, code: str
) -> None:
    receiver.answer_with(ReceiverAnswer(200, code))
    before = asking.balance
    write_reply(asking, "mykeyword", STRANGER)

    (delivery,) = asking.deliveries
    assert (delivery.state, list_verdicts(delivery)) == ("given_up", ["unusable"])
    assert delivery.attempts[0].body == code
    assert "code" in delivery.attempts[0].explanation
    assert sent(asking) == []
    assert asking.balance == before


@pytest.mark.manual("KEY-06")
@pytest.mark.parametrize(
    "text", ["2 < 3", "<3", "a > b", "1 <2", "hola [1]", "{nombre}, hola", "x<=y"]
)
def test_what_only_looks_like_code_is_none(
    asking: Emulator, receiver: Receiver, text: str
) -> None:
    receiver.answer_with(ReceiverAnswer(200, text))
    write_reply(asking, "mykeyword", STRANGER)

    assert sent(asking) == [text]


@pytest.mark.manual("KEY-07")
def test_an_answer_that_is_too_long_is_cut_with_a_note(
    asking: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(200, "x" * 161))
    write_reply(asking, "mykeyword", STRANGER)

    (delivery,) = asking.deliveries
    assert sent(asking) == ["x" * 160]
    assert list_verdicts(delivery) == ["accepted"]
    assert "161 characters" in delivery.attempts[0].explanation
    assert "KEY-07" in delivery.attempts[0].explanation


def test_an_answer_of_160_characters_is_whole(
    asking: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(200, "é" * 160))
    write_reply(asking, "mykeyword", STRANGER)

    assert sent(asking) == ["é" * 160]
    assert asking.deliveries[0].attempts[0].explanation == ""


@pytest.mark.manual("KEY-07")
def test_a_strict_world_refuses_what_is_too_long(
    home: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(200, "x" * 161))
    with open_world(home, strict=True) as world:
        world.add_item("keywords", keyword="hi", response_url=receiver.url)
        write_reply(world, "hi", STRANGER)

        (delivery,) = world.deliveries
        assert list_verdicts(delivery) == ["unusable"]
        assert "160 are allowed" in delivery.attempts[0].explanation
        assert sent(world) == []


@pytest.mark.manual("KEY-16")
@pytest.mark.parametrize(
    ("manner", "verdict"),
    [
        (ReceiverAnswer(500, ANSWER), "bad_status"),
        (ReceiverAnswer(404, ANSWER), "bad_status"),
        (ReceiverAnswer(302, ANSWER), "bad_status"),
        (ReceiverAnswer(200, ""), "unusable"),
        (ReceiverAnswer(200, " \n"), "unusable"),
        pytest.param(SILENCE, "timed_out", marks=pytest.mark.impatient),
        (HANG_UP, "broken"),
        (GARBAGE, "broken"),
    ],
)
def test_where_there_is_no_answer_nothing_is_sent(
    asking: Emulator, receiver: Receiver, manner: Any, verdict: str
) -> None:
    receiver.answer_with(manner)
    before = asking.balance
    write_reply(asking, "mykeyword", STRANGER)

    (delivery,) = asking.deliveries
    assert (delivery.state, list_verdicts(delivery)) == ("given_up", [verdict])
    assert sent(asking) == []
    assert asking.balance == before
    assert [each.text for each in asking.keyword_texts] == ["mykeyword"]


def test_one_that_fails_at_first_is_asked_again_where_the_account_retries(
    asking: Emulator, receiver: Receiver
) -> None:
    asking.change_account(push_retries=[5])
    receiver.answer_with(ReceiverAnswer(500), ReceiverAnswer(200, ANSWER))
    write_reply(asking, "mykeyword", STRANGER)
    asking.settle()

    assert sent(asking) == [ANSWER]
    assert list_verdicts(asking.deliveries[0]) == ["bad_status", "accepted"]


def test_what_cannot_be_used_is_not_asked_for_again(
    asking: Emulator, receiver: Receiver
) -> None:
    asking.change_account(push_retries=[5])
    receiver.answer_with(ReceiverAnswer(200, "<b>"))
    write_reply(asking, "mykeyword", STRANGER)
    asking.settle()

    assert len(receiver.asked) == 1


@pytest.mark.manual("KEY-17")
def test_without_credit_nothing_is_sent(asking: Emulator) -> None:
    asking.top_up(-asking.balance)
    write_reply(asking, "mykeyword", STRANGER)
    write_reply(asking, "info", STRANGER)

    (delivery,) = asking.deliveries
    assert list_verdicts(delivery) == ["unusable"]
    assert "is needed" in delivery.attempts[0].explanation
    assert sent(asking) == []
    assert asking.balance == 0


def test_a_fixed_answer_that_cannot_be_sent_is_told_as_an_event(
    emulator: Emulator,
) -> None:
    emulator.top_up(-emulator.balance)
    emulator.phone(STRANGER).reply("info")
    run = emulator.advance(seconds=0)
    told = emulator.events(timeout=5)
    emulator.phone(STRANGER).reply("info")
    names = []
    while "unanswered" not in names:
        each = next(told)
        if each.event == "event":
            names.append(each.data.event)
            assert "verdict" in each.data or each.data.event != "unanswered"

    assert run.now == START


def test_an_account_without_routes_answers_nobody(asking: Emulator) -> None:
    asking.change_account(routes=[])
    write_reply(asking, "mykeyword", STRANGER)

    (delivery,) = asking.deliveries
    assert list_verdicts(delivery) == ["unusable"]
    assert "no route" in delivery.attempts[0].explanation


AMERICAN = {"route": 7, "name": "US", "country": 2, "price": 5, "description": "us"}
MEXICAN = {"route": 8, "name": "MX", "country": 1, "price": 2, "description": "mx"}


@pytest.mark.manual("KEY-09", "KEY-17")
def test_an_answer_goes_by_the_first_route_to_mexico(asking: Emulator) -> None:
    asking.change_account(routes=[AMERICAN, MEXICAN])
    before = asking.balance
    write_reply(asking, "mykeyword", STRANGER)

    assert asking.balance == before - 2
    assert asking.messages(to=STRANGER).count == 1


@pytest.mark.manual("KEY-09")
def test_an_answer_goes_by_no_route_to_elsewhere(asking: Emulator) -> None:
    asking.change_account(routes=[AMERICAN])
    write_reply(asking, "mykeyword", STRANGER)

    (delivery,) = asking.deliveries
    assert "no route to Mexico" in delivery.attempts[0].explanation
    assert asking.messages(to=STRANGER).count == 0


# --- The second URL ------------------------------------------------------------------


@pytest.mark.manual("KEY-13", "KEY-14")
def test_a_push_url_of_the_keyword_gets_the_plain_push_as_well(
    asking: Emulator, receiver: Receiver
) -> None:
    with run_receiver() as account, run_receiver() as second:
        asking.change_account(push_url=account.url)
        asking.add_item(
            "keywords",
            keyword="mykeyword",
            response_url=receiver.url,
            push_url=f"{second.url}?of=keyword",
        )
        deliver_sms(asking)
        taken = write_reply(asking, "mykeyword si")

        plain = [check_push(each) for each in account.asked]
        also = [check_push(each, own=(("of", "keyword"),)) for each in second.asked]
    assert plain == also
    assert plain[0]["message_id"] == taken.message
    assert len(receiver.asked) == 1
    assert len(taken.deliveries) == 3


def test_from_a_number_without_messages_the_keyword_alone_is_told(
    told: Emulator, receiver: Receiver
) -> None:
    with run_receiver() as second:
        told.add_item("keywords", keyword="hi", response="Si", push_url=second.url)
        write_reply(told, "hi", STRANGER)

        assert [check_push(each)["cellphone"] for each in second.asked] == [5512345678]
    assert receiver.asked == []


# --- No end of it ---------------------------------------------------------------------


@pytest.mark.parametrize("word", ["si", "gracias", "baja"])
@pytest.mark.parametrize("fixed", [True, False])
def test_handsets_that_answer_do_not_answer_an_answer(
    emulator: Emulator, receiver: Receiver, word: str, *, fixed: bool
) -> None:
    receiver.answer_with(ReceiverAnswer(200, "otra vez?"))
    answer = {"response": "otra vez?"} if fixed else {"response_url": receiver.url}
    emulator.add_item("keywords", keyword=word, **answer)
    numbers = ("9990010000", "9990011000", "9990012000")
    emulator.change_account(profiles=[{"share": 1, "after": 1, "texts": [word]}])
    place_sms(emulator, *numbers, NUMBER)
    emulator.settle(events=1_000)

    replies = [each["response"] for each in poll_replies(emulator)]
    expected = sum(each.casefold() == word for each in replies)
    assert len(replies) == 5
    answers = [each for each in emulator.messages() if each.text == "otra vez?"]
    assert len(answers) == expected == len(emulator.keyword_texts)
    assert [each.event for each in emulator.settle().events] == []


def test_a_receiver_that_hangs_holds_no_other_keyword_up(
    asking: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(SILENCE)
    with run_receiver() as quick:
        quick.answer_with(ReceiverAnswer(200, "pronto"))
        asking.add_item("keywords", keyword="quick", response_url=quick.url)
        asking.phone(STRANGER).reply("mykeyword")
        asking.phone(STRANGER).reply("quick")
        asking.wait_for_delivery(state="delivered", timeout=SOON)

        assert sent(asking) == ["pronto"]
