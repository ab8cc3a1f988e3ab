"""The courier: order, attempts, retries, targets, and what it leaves alone."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Barrier, Event, Thread
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme

from emulator.client import ClientError, Emulator
from emulator.courier import courier
from emulator.courier.http_caller import HttpCaller, NoResponseError
from emulator.domain.delivery import Verdict
from emulator.domain.targets import AllowedTargets
from emulator.world.outbox import PushRequest
from tests.support.emulator import PATIENCE, SOON, START
from tests.support.orders import NUMBER, SMS, make_order
from tests.support.processes import serve_emulator
from tests.support.servers import (
    GARBAGE,
    HANG_UP,
    SILENCE,
    ReceivedRequest,
    Receiver,
    ReceiverAnswer,
    check_push,
    deliver_sms,
    list_cellphones,
    list_times,
    list_verdicts,
    open_world,
    place_sms,
    poll_replies,
    run_emulator,
    run_receiver,
    write_reply,
)

BACKOFF = (5, 30, 120, 600, 3600)


def texts(receiver: Receiver) -> list[str]:
    return [each["response"] for each in receiver.parameters]


def chat(emulator: Emulator, *lines: str, number: str = NUMBER) -> None:
    """Let a handset write without waiting for what comes of it."""
    for line in lines:
        emulator.phone(number).reply(line)


@contextmanager
def deaf() -> Iterator[str]:
    """Return a URL where nobody listens, nor ever will while the block lasts."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}/mo"


# --- Order ------------------------------------------------------------------------


def test_pushes_to_one_url_come_in_order_and_one_at_a_time(
    told: Emulator, receiver: Receiver
) -> None:
    deliver_sms(told)
    lines = [f"line {each}" for each in range(40)]
    chat(told, *lines)
    told.settle()

    assert texts(receiver) == lines
    assert receiver.most_at_once == 1
    assert [each.parameters.response for each in told.deliveries] == lines


def test_pushes_to_several_urls_of_several_worlds_go_at_once(home: Emulator) -> None:
    together = Barrier(4)

    def all_here(_asked: ReceivedRequest) -> ReceiverAnswer:
        together.wait(SOON)  # breaks unless the four are here at once
        return ReceiverAnswer()

    with (
        run_receiver() as receiver,
        open_world(home) as first,
        open_world(home) as second,
    ):
        receiver.answer_with(all_here)
        for world in (first, second):
            world.change_account(push_url=receiver.url)
            world.add_item(
                "keywords", keyword="hi", push_url=f"{receiver.url}/{world.world}"
            )
            deliver_sms(world)
        chat(first, "hi")
        chat(second, "hi")
        for world in (first, second):
            world.settle()
            states = [each.state for each in world.deliveries]
            assert states == ["delivered"] * 2, world.deliveries


def test_the_lanes_of_two_worlds_to_one_url_are_apart(
    home: Emulator, told: Emulator, receiver: Receiver
) -> None:
    came = Event()

    def one_waits(asked: ReceivedRequest) -> ReceiverAnswer | str:
        if asked.parameters["response"] != "one that waits":
            return ReceiverAnswer()
        came.set()
        return SILENCE

    receiver.answer_with(one_waits)
    with open_world(home) as other:
        other.change_account(push_url=receiver.url)
        deliver_sms(told)
        deliver_sms(other)
        told.phone(NUMBER).reply("one that waits")
        assert came.wait(SOON)
        other.phone(NUMBER).reply("another")
        other.wait_for_delivery(state="delivered", timeout=SOON)

        assert told.deliveries[0].state == "due"


@pytest.mark.manual("MOP-07")
@pytest.mark.parametrize(
    ("manner", "verdict"),
    [
        pytest.param(SILENCE, "timed_out", marks=pytest.mark.impatient),
        (HANG_UP, "broken"),
        (GARBAGE, "broken"),
        (ReceiverAnswer(500), "bad_status"),
    ],
)
def test_a_bad_receiver_costs_its_own_lane_one_attempt_each(
    emulator: Emulator, receiver: Receiver, manner: Any, verdict: str
) -> None:
    with run_receiver() as good:
        receiver.answer_with(manner)
        emulator.change_account(push_url=receiver.url)
        emulator.add_item("keywords", keyword="hi", push_url=good.url)
        deliver_sms(emulator)
        chat(emulator, "hi")
        emulator.wait_for_delivery(state="delivered", timeout=SOON)
        emulator.settle()

        assert texts(good) == ["hi"]
        bad = emulator.find_deliveries(state="given_up")
        assert [list_verdicts(each) for each in bad] == [[verdict]]
        assert len(receiver.asked) == 1
        assert good.asked


@pytest.mark.impatient
def test_one_that_never_answers_costs_one_time_out_an_attempt(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(SILENCE)
    told.change_account(push_retries=[5, 5])
    deliver_sms(told)
    chat(told, "Si")
    began = monotonic()
    told.settle()
    took = monotonic() - began

    (delivery,) = told.deliveries
    assert list_verdicts(delivery) == ["timed_out"] * 3
    assert took >= 3 * PATIENCE
    assert all(each.duration >= PATIENCE * 0.9 for each in delivery.attempts)
    assert "--push-timeout" in delivery.attempts[0].explanation


@pytest.mark.impatient
def test_one_that_answers_by_drops_does_not_outlast_the_time_out(
    emulator: Emulator,
) -> None:
    """The bound is on the whole answer and not on its pieces."""
    over = Event()

    def drip(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        while not over.wait(PATIENCE / 10):
            line.sendall(b"o")

    with raw(drip) as url:
        emulator.change_account(push_url=url)
        deliver_sms(emulator)
        write_reply(emulator)
        over.set()

    assert list_verdicts(emulator.deliveries[0]) == ["timed_out"]


def test_headers_without_end_are_no_answer(emulator: Emulator) -> None:
    def talk(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(b"HTTP/1.1 200 OK\r\n")
        for _ in range(10_000):
            line.sendall(b"X-Again: %s\r\n" % (b"x" * 1000))

    with raw(talk) as url:
        emulator.change_account(push_url=url)
        deliver_sms(emulator)
        write_reply(emulator)

    (attempt,) = emulator.deliveries[0].attempts
    assert attempt.verdict == "broken"
    assert "headers" in attempt.explanation


@contextmanager
def raw(talk: Any) -> Iterator[str]:
    """Serve one connection after the other with *talk*, which has the socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve_them() -> None:
            while True:
                try:
                    line, _ = listener.accept()
                except OSError:
                    return
                with line:
                    try:
                        talk(line)
                    except OSError:
                        continue

        thread = Thread(target=serve_them, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}/mo"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join(SOON)


# --- Connections ------------------------------------------------------------------


def connections(*bodies: bytes) -> tuple[list[int], Any]:
    """Return how many requests came on each connection, and what serves them."""
    counts: list[int] = []

    def talk(line: socket.socket) -> None:
        counts.append(0)
        while line.recv(65536):
            body = bodies[min(sum(counts), len(bodies) - 1)]
            counts[-1] += 1
            line.sendall(body)
            if b"close" in body:
                return

    return counts, talk


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"


@pytest.mark.parametrize(
    ("answer", "counts"),
    [
        (OK, [5]),
        (CHUNKED, [5]),
        (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, [5]),
        (b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nok", [1] * 5),
        (
            b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok",
            [1] * 5,
        ),
    ],
)
def test_a_connection_is_used_again_where_the_answer_lets_it(
    emulator: Emulator, answer: bytes, counts: list[int]
) -> None:
    seen, talk = connections(answer)
    with raw(talk) as url:
        emulator.change_account(push_url=url)
        deliver_sms(emulator)
        chat(emulator, *"abcde")
        emulator.settle()

        assert [each.state for each in emulator.deliveries] == ["delivered"] * 5
        assert seen == counts


def test_an_idle_connection_is_let_go(emulator: Emulator) -> None:
    """A server that has one thread serves nobody else as long as it stays."""
    gone = Event()

    def talk(line: socket.socket) -> None:
        line.recv(65536)
        line.sendall(OK)
        line.settimeout(SOON)
        if not line.recv(65536):
            gone.set()

    with raw(talk) as url:
        emulator.change_account(push_url=url)
        deliver_sms(emulator)
        write_reply(emulator)

        assert gone.wait(SOON)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(
    told: Emulator, receiver: Receiver, status: int
) -> None:
    receiver.answer_with(
        ReceiverAnswer(status, "ok", (("location", receiver.url + "/there"),))
    )
    deliver_sms(told)
    write_reply(told)

    (delivery,) = told.deliveries
    assert list_verdicts(delivery) == ["bad_status"]
    assert delivery.attempts[0].headers["location"].endswith("/there")
    assert len(receiver.asked) == 1


def test_an_answer_is_read_up_to_a_bound(receiver: Receiver) -> None:
    receiver.answer_with(ReceiverAnswer(200, "x" * 1_000_000))
    with run_emulator(
        push_response_limit=1_000, mo_url=receiver.url, clock="frozen"
    ) as home:
        deliver_sms(home)
        write_reply(home)
        (attempt,) = home.deliveries[0].attempts

    assert attempt.body == "x" * 1_000
    assert attempt.verdict == "not_ok"


def test_the_bound_is_64_kib_unless_told_otherwise(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(200, "x" * 100_000))
    deliver_sms(told)
    write_reply(told)

    assert len(told.deliveries[0].attempts[0].body) == 64 * 1024


# --- Retries ----------------------------------------------------------------------


@pytest.mark.manual("MOP-07")
def test_by_default_nothing_is_tried_again(told: Emulator, receiver: Receiver) -> None:
    receiver.answer_with(ReceiverAnswer(500))
    deliver_sms(told)
    write_reply(told)
    run = told.settle(days=7)

    assert told.account.get("push_retries", []) == []
    assert len(receiver.asked) == 1
    assert told.deliveries[0].state == "given_up"
    assert list_times(run, "pushed") == []


def test_twice_500_and_then_ok_is_exactly_three_attempts(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(
        ReceiverAnswer(500), ReceiverAnswer(500), ReceiverAnswer(200, "ok")
    )
    told.change_account(push_retries="backoff")
    deliver_sms(told)
    chat(told, "Si")
    run = told.settle(days=1)

    (delivery,) = told.deliveries
    assert list_verdicts(delivery) == ["bad_status", "bad_status", "accepted"]
    assert delivery.state == "delivered"
    assert len(receiver.asked) == 3
    assert {check_push(each)["date"] for each in receiver.asked} == {
        "2026-03-02 12:00:11"
    }
    assert list_times(run, "pushed") == ["18:00:11", "18:00:16", "18:00:46"]


def test_the_preset_goes_on_for_an_hour_and_gives_up(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(500))
    told.change_account(push_retries="backoff")
    deliver_sms(told)
    chat(told, "Si")
    told.settle(days=1)

    (delivery,) = told.deliveries
    instants = [datetime.fromisoformat(each.at) for each in delivery.attempts]
    gaps = [(b - a).total_seconds() for a, b in pairwise(instants)]
    assert gaps == [*BACKOFF]
    assert (delivery.state, delivery.next_at) == ("given_up", None)
    assert len(receiver.asked) == 6


def test_retries_are_walked_through_by_advancing(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(500))
    told.change_account(push_retries=[60, 0, 3600])
    deliver_sms(told)
    write_reply(told)
    assert len(receiver.asked) == 1

    told.advance(seconds=59.999)
    assert len(receiver.asked) == 1
    told.advance(seconds=0.001)
    assert len(receiver.asked) == 3, "a wait of nothing is none"
    run = told.advance(days=1)
    assert list_times(run, "pushed") == ["19:01:11"]


def test_what_is_next_is_the_next_try(told: Emulator, receiver: Receiver) -> None:
    receiver.answer_with(ReceiverAnswer(500))
    told.change_account(push_retries=[60])
    deliver_sms(told)
    write_reply(told)

    (pending,) = told.advance(seconds=1).pending
    assert (pending.event, pending.at) == ("pushed", "2026-03-02T18:01:11.000000Z")
    assert told.deliveries[0].next_at == pending.at
    assert list_times(told.advance(next=True), "pushed") == ["18:01:11"]


def test_a_retry_lets_the_next_push_go_before(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(500), ReceiverAnswer(200, "ok"))
    told.change_account(push_retries=[60])
    deliver_sms(told)
    chat(told, "first", "second")
    told.settle()

    assert texts(receiver) == ["first", "second", "first"]


def test_retries_as_they_were_when_the_handset_wrote(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(500))
    told.change_account(push_retries=[60])
    deliver_sms(told)
    write_reply(told)
    told.change_account(push_retries="none")
    told.settle()

    assert len(receiver.asked) == 2


@pytest.mark.parametrize("wrong", ["sometimes", [-1], ["5"], [5] * 101, 5])
def test_retries_that_mean_nothing_are_refused(emulator: Emulator, wrong: Any) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.change_account(push_retries=wrong)

    assert refused.value.status == 422


# --- On record --------------------------------------------------------------------


def test_an_attempt_is_recorded_whole(told: Emulator, receiver: Receiver) -> None:
    receiver.answer_with(
        ReceiverAnswer(503, "later", (("x-mark", "1"), ("retry-after", "5")))
    )
    told.change_account(push_url=f"{receiver.url}?key=1", push_retries=[60])
    deliver_sms(told)
    taken = write_reply(told)

    (delivery,) = told.deliveries
    (attempt,) = delivery.attempts
    assert taken.deliveries == [delivery.id]
    assert (delivery.kind, delivery.cellphone) == ("moPush", NUMBER)
    assert delivery.message == taken.message
    assert delivery.keyword is None
    assert (delivery.state, delivery.fault) == ("due", "")
    assert delivery.created_at == "2026-03-02T18:00:11.000000Z"
    assert delivery.next_at == "2026-03-02T18:01:11.000000Z"
    assert attempt.at == "2026-03-02T18:00:11.000000Z"
    assert (attempt.method, attempt.url) == ("GET", receiver.url)
    assert attempt.query == (
        f"key=1&response=Si&cellphone={NUMBER}&message_id={taken.message}"
        "&date=2026-03-02+12%3A00%3A11"
    )
    assert (attempt.status, attempt.body) == (503, "later")
    assert attempt.headers["x-mark"] == "1"
    assert attempt.headers["retry-after"] == "5"
    assert attempt.verdict == "bad_status"
    assert "503" in attempt.explanation
    assert attempt.duration > 0


def test_deliveries_are_found_by_what_they_are(
    told: Emulator, receiver: Receiver
) -> None:
    other = "5512345678"
    receiver.answer_with(ReceiverAnswer(), ReceiverAnswer(500), ReceiverAnswer())
    told.add_item("keywords", keyword="hi", response_url=receiver.url)
    deliver_sms(told, NUMBER, other)
    write_reply(told, "uno")
    write_reply(told, "dos", other)
    write_reply(told, "hi tres")

    def found(**match: Any) -> list[int]:
        return [each.id for each in told.find_deliveries(**match)]

    assert found() == [1, 2, 3, 4]
    assert found(state="given_up") == [2]
    assert found(kind="keywordPush") == [4]
    assert found(number=other) == found(number="5678") == [2]
    assert found(text="tres") == [3, 4]
    assert found(after=2) == [3, 4]
    assert found(last=1) == [4]
    assert found(kind="moPush", state="delivered") == [1, 3]
    assert found(text="nobody wrote that") == []


@pytest.mark.parametrize("wrong", [{"state": "gone"}, {"kind": "x"}, {"last": 0}])
def test_a_question_that_means_nothing_is_refused(
    emulator: Emulator, wrong: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.find_deliveries(**wrong)

    assert refused.value.status == 422


def test_waiting_for_a_delivery_ends_as_soon_as_it_is_there(
    told: Emulator, receiver: Receiver
) -> None:
    deliver_sms(told)
    chat(told, "uno", "dos")

    second = told.wait_for_delivery(state="delivered", count=2)

    assert second.parameters.response == "dos"
    assert len(receiver.asked) == 2


def test_waiting_in_vain_tells_what_there_was_instead(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(500))
    with pytest.raises(AssertionError, match="push URL"):
        told.wait_for_delivery(timeout=0)
    deliver_sms(told)
    write_reply(told)

    with pytest.raises(AssertionError) as seen:
        told.wait_for_delivery(state="delivered", timeout=0)
    assert "0 of 1" in str(seen.value)
    assert "given_up" in str(seen.value)
    assert "bad_status" in str(seen.value)


def test_a_delivery_can_be_repeated_whatever_came_of_it(
    told: Emulator, receiver: Receiver
) -> None:
    deliver_sms(told)
    write_reply(told)
    receiver.answer_with(ReceiverAnswer(500), ReceiverAnswer())

    for state in ("given_up", "delivered"):
        assert told.replay(1).state == "due"
        told.settle()
        assert told.deliveries[0].state == state

    assert list_verdicts(told.deliveries[0]) == ["accepted", "bad_status", "accepted"]
    assert len({each.query for each in receiver.asked}) == 1


def test_a_retry_can_be_sent_at_once(told: Emulator, receiver: Receiver) -> None:
    receiver.answer_with(ReceiverAnswer(500), ReceiverAnswer(500), ReceiverAnswer())
    told.change_account(push_retries=[3600, 60])
    deliver_sms(told)
    write_reply(told)

    told.send_now(1)
    told.advance(seconds=0)
    assert list_verdicts(told.deliveries[0]) == ["bad_status"] * 2
    run = told.settle()

    assert list_times(run, "pushed") == ["18:01:11"]
    assert told.deliveries[0].state == "delivered"


def test_a_dropped_delivery_leaves_no_more(told: Emulator, receiver: Receiver) -> None:
    receiver.answer_with(ReceiverAnswer(500))
    told.change_account(push_retries="backoff")
    deliver_sms(told)
    write_reply(told)

    assert told.drop(1).state == "dropped"
    run = told.settle(days=1)

    assert len(receiver.asked) == 1
    assert list_verdicts(told.deliveries[0]) == ["bad_status"]
    assert list_times(run, "pushed") == []


@pytest.mark.impatient
def test_what_waits_behind_a_slow_one_can_be_dropped(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(SILENCE, ReceiverAnswer())
    deliver_sms(told)
    chat(told, "slow", "unwanted", "wanted")
    told.drop(2)
    told.settle()

    assert texts(receiver) == ["slow", "wanted"]


def test_commands_that_come_too_late_say_what_to_do(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(), SILENCE)
    deliver_sms(told)
    write_reply(told)
    with pytest.raises(ClientError, match="replay it") as refused:
        told.send_now(1)
    assert refused.value.status == 422
    with pytest.raises(ClientError, match="delivered already"):
        told.drop(1)
    for command in (told.replay, told.send_now, told.drop):
        with pytest.raises(ClientError, match="no delivery 99") as refused:
            command(99)
        assert refused.value.status == 404

    told.phone(NUMBER).reply("under way")
    told.wait_for_delivery(count=2)
    while len(receiver.asked) < 2:
        told.find_deliveries()
    for command in (told.replay, told.send_now, told.drop):
        with pytest.raises(ClientError, match="being tried"):
            command(2)


def test_of_what_is_over_only_so_many_are_remembered(receiver: Receiver) -> None:
    with run_emulator(max_deliveries=3, mo_url=receiver.url, clock="frozen") as home:
        deliver_sms(home)
        for line in "abcde":
            write_reply(home, line)
        answer = home.ask_fact("GET", "deliveries")

    assert [each.parameters.response for each in answer.deliveries] == ["c", "d", "e"]
    assert answer.dropped == 2


# --- Advice -----------------------------------------------------------------------


def test_where_nothing_listens_the_record_says_so(emulator: Emulator) -> None:
    with deaf() as url:
        emulator.change_account(push_url=url)
        deliver_sms(emulator)
        write_reply(emulator)

    (attempt,) = emulator.deliveries[0].attempts
    assert (attempt.verdict, attempt.status) == ("refused", 0)
    assert "nothing listens on 127.0.0.1:" in attempt.explanation


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
@pytest.mark.parametrize(
    ("in_container", "advice"),
    [
        (True, "host.docker.internal, or run smsclouds-emulator listen"),
        (False, "is the"),
    ],
)
def test_the_advice_knows_whether_this_is_a_container(
    host: str, advice: str, *, in_container: bool
) -> None:
    caller = HttpCaller(AllowedTargets(), body_limit=1, in_container=in_container)
    with deaf() as url:
        there = url.replace("127.0.0.1", host)
        push = PushRequest(1, "moPush", "GET", there, "response=Si")
        with pytest.raises(NoResponseError, match=advice) as unreached:
            asyncio.run(caller.send_push(push))

    assert unreached.value.verdict is Verdict.REFUSED


def test_a_mistake_of_ours_is_an_attempt_that_says_so(
    emulator: Emulator,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def mistaken(*_anything: object) -> PushRequest:
        message = "a mistake"
        raise RuntimeError(message)

    monkeypatch.setattr(courier, "make_push", mistaken)
    emulator.change_account(push_url="http://127.0.0.1:9/mo")
    deliver_sms(emulator)
    write_reply(emulator)

    (delivery,) = emulator.deliveries
    assert (delivery.state, list_verdicts(delivery)) == ("given_up", ["failed"])
    assert "its log has the traceback" in delivery.attempts[0].explanation
    assert "RuntimeError: a mistake" in caplog.text


def test_a_name_that_leads_nowhere_is_said(emulator: Emulator) -> None:
    emulator.change_account(push_url="http://nowhere.invalid/mo")
    deliver_sms(emulator)
    write_reply(emulator)

    (attempt,) = emulator.deliveries[0].attempts
    assert attempt.verdict in {"broken", "timed_out"}
    assert attempt.explanation


@pytest.mark.parametrize(
    "url", ["http://[::1/mo", "http://127.0.0.1:70000/mo", "http://127.0.0.1:x/mo"]
)
def test_a_url_that_is_none_is_an_attempt_that_says_so(
    emulator: Emulator, url: str
) -> None:
    emulator.change_account(push_url=url)
    deliver_sms(emulator)
    write_reply(emulator)

    (delivery,) = emulator.deliveries
    assert (delivery.state, list_verdicts(delivery)) == ("given_up", ["forbidden"])
    assert "no address" in delivery.attempts[0].explanation


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/mo", "file:///etc/passwd", "mo", ""])
def test_only_http_and_https_are_urls(emulator: Emulator, url: str) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.change_account(push_url=url)

    assert refused.value.status == 422


def test_a_name_in_any_script_is_asked_for_as_the_web_writes_it(
    emulator: Emulator,
) -> None:
    emulator.change_account(push_url="http://mañana.invalid/ñ")
    deliver_sms(emulator)
    write_reply(emulator)

    (delivery,) = emulator.deliveries
    assert delivery.state == "given_up"
    assert len(delivery.attempts) == 1


# --- Time -------------------------------------------------------------------------


@pytest.mark.parametrize("move", ["settle", "advance"])
def test_time_stands_until_what_fell_due_was_tried(
    told: Emulator, receiver: Receiver, move: str
) -> None:
    hours = []

    def look(_asked: ReceivedRequest) -> ReceiverAnswer:
        hours.append(told.clock.now)
        return ReceiverAnswer()

    receiver.answer_with(look)
    place_sms(told, "9990011000")

    run = told.settle() if move == "settle" else told.advance(hours=1)

    assert [each - START for each in hours] == [
        timedelta(seconds=22),
        timedelta(seconds=33),
    ]
    assert list_times(run, "pushed") == ["18:00:22", "18:00:33"]
    assert [each.verdict for each in run.events if each.event == "pushed"] == [
        "accepted"
    ] * 2


@pytest.mark.parametrize("over", ["a socket", "in process"])
def test_a_receiver_with_one_thread_may_ask_back_meanwhile(over: str) -> None:
    with run_receiver(threads=False) as receiver:
        if over == "a socket":
            flags = ("--clock", "frozen", "--mo-url", receiver.url)
            with serve_emulator(*flags) as served, Emulator(served.url) as home:
                asks_back(home, receiver)
        else:
            with run_emulator(clock="frozen", mo_url=receiver.url) as home:
                asks_back(home, receiver)


def asks_back(home: Emulator, receiver: Receiver) -> None:
    found: list[Any] = []

    def look(asked: ReceivedRequest) -> ReceiverAnswer:
        query = {"type": 2, "messages": [int(asked.parameters["message_id"])]}
        found.append(poll_replies(home, query))
        assert home.request("POST", SMS, json=make_order(SMS)).status == 200
        home.phone(NUMBER).reply("also")
        receiver.answer_with(ReceiverAnswer())
        return ReceiverAnswer()

    receiver.answer_with(look)
    deliver_sms(home)
    place_sms(home, "9990010000")
    home.advance(minutes=1)

    assert [each["response"] for each in found[0]] == ["Si"]
    assert texts(receiver) == ["Si", "also"]


def test_a_clock_that_runs_needs_nobody_to_ask(receiver: Receiver) -> None:
    came = Event()

    def notice(_asked: ReceivedRequest) -> ReceiverAnswer:
        came.set()
        return ReceiverAnswer()

    receiver.answer_with(notice)
    with run_emulator(mo_url=receiver.url, clock="x100") as home:
        place_sms(home, "9990010000")

        assert came.wait(SOON), "22 seconds of the world are a fifth of one"


@pytest.mark.parametrize("turn", ["run", "scale", "advance"])
def test_a_clock_that_is_turned_is_looked_at_again(
    told: Emulator, receiver: Receiver, turn: str
) -> None:
    came = Event()

    def notice(_asked: ReceivedRequest) -> ReceiverAnswer:
        came.set()
        return ReceiverAnswer()

    receiver.answer_with(notice)
    place_sms(told, "9990010000")
    if turn == "advance":
        told.clock.run(1)
        told.advance(seconds=21.9)
    else:
        told.clock.run(1 if turn == "run" else 0.001)
        told.clock.run(200)

    assert came.wait(SOON)


def test_a_clock_that_is_stopped_lets_nothing_leave(
    told: Emulator, receiver: Receiver
) -> None:
    with run_receiver() as other:
        place_sms(told, "9990010000")
        told.clock.run(100)
        told.clock.freeze()
        assert told.clock.now < START + timedelta(seconds=22)
        # A second world tells when a fifth of a second has passed.
        with opened_with(told, other) as marker:
            marker.clock.run(100)
            place_sms(marker, "9990010000")
            marker.wait_for_delivery(state="delivered")

    assert receiver.asked == []
    told.settle()
    assert len(receiver.asked) == 1


@contextmanager
def opened_with(emulator: Emulator, receiver: Receiver) -> Iterator[Emulator]:
    with open_world(emulator) as world:
        world.change_account(push_url=receiver.url)
        yield world


# --- Reset, restored, deleted -----------------------------------------------------


def pending(world: Emulator) -> None:
    """Leave one push under way, two behind it, a retry and an answer to come."""
    world.change_account(push_retries=[60])
    deliver_sms(world)
    place_sms(world, "9990011000")
    chat(world, "under way", "behind", "further behind")


@pytest.mark.parametrize("end", ["reset", "back", "restore", "delete"])
def test_nothing_of_a_world_that_is_gone_is_sent_afterwards(
    home: Emulator, receiver: Receiver, end: str
) -> None:
    here, go_on = Event(), Event()

    def held(_asked: ReceivedRequest) -> ReceiverAnswer:
        here.set()
        go_on.wait(SOON)
        return ReceiverAnswer(500)

    receiver.answer_with(held)
    with open_world(home) as world, run_receiver() as other:
        world.change_account(push_url=receiver.url)
        world.checkpoint("clean")
        snapshot = world.snapshot()
        pending(world)
        assert here.wait(SOON)

        if end == "reset":
            world.reset()
        elif end == "back":
            world.restore_checkpoint("clean")
        elif end == "restore":
            world.restore(snapshot)
        else:
            world.delete()
        go_on.set()

        if end != "delete":
            world.change_account(push_url=receiver.url)
            world.settle(days=1)
            assert len(world.deliveries) == 0
        with opened_with(home, other) as marker:  # as much has passed as this takes
            deliver_sms(marker)
            write_reply(marker)
    assert texts(receiver) == ["under way"]


def test_while_it_leaves_a_world_can_be_reset_at_any_moment(
    home: Emulator, receiver: Receiver
) -> None:
    for count in range(1, 6):
        enough = Event()
        receiver.asked.clear()

        def notice(
            _asked: ReceivedRequest, enough: Event = enough, count: int = count
        ) -> ReceiverAnswer:
            if len(receiver.asked) >= count:
                enough.set()
            return ReceiverAnswer()

        receiver.answer_with(notice)
        with open_world(home) as world:
            world.change_account(push_url=receiver.url)
            deliver_sms(world)
            chat(world, *"abcdefghij")
            assert enough.wait(SOON)
            world.reset()
            seen = len(receiver.asked)
            world.change_account(push_url=f"{receiver.url}/after")
            deliver_sms(world)
            write_reply(world, "after")

        late = [each for each in receiver.asked[seen:] if each.path == "/mo"]
        assert len(late) <= 1, "at most what was under way"
        assert receiver.parameters[-1]["response"] == "after"


def test_a_world_that_is_restored_carries_on_what_was_due_then(
    told: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(500))
    told.change_account(push_retries=[60])
    deliver_sms(told)
    write_reply(told)
    told.checkpoint("tried")
    told.settle()
    assert len(receiver.asked) == 2

    told.restore_checkpoint("tried")
    assert told.deliveries[0].next_at == "2026-03-02T18:01:11.000000Z"
    told.settle()

    assert len(receiver.asked) == 3
    assert len(told.deliveries[0].attempts) == 2


def test_a_copy_of_a_world_pushes_for_itself(
    told: Emulator, receiver: Receiver
) -> None:
    place_sms(told, "9990010000")
    copy = told.fork()
    told.settle()
    copy.settle()
    copy.delete()

    assert list_cellphones(receiver.asked) == ["9990010000"] * 2


def test_nothing_is_sent_twice(home: Emulator, receiver: Receiver) -> None:
    """However often and by whom the world is looked at meanwhile."""
    with open_world(home) as world:
        world.change_account(push_url=receiver.url)
        deliver_sms(world)
        lookers = [
            Thread(target=lambda: [world.find_deliveries() for _ in range(20)])
            for _ in range(3)
        ]
        for each in lookers:
            each.start()
        chat(world, *(f"{each}" for each in range(50)))
        world.settle()
        for each in lookers:
            each.join()

    assert texts(receiver) == [f"{each}" for each in range(50)]


def test_a_process_that_is_told_to_stop_does_not_wait_for_receivers(
    receiver: Receiver,
) -> None:
    receiver.answer_with(SILENCE)
    with serve_emulator("--clock", "frozen", "--mo-url", receiver.url) as served:
        with Emulator(served.url) as home:
            home.change_account(push_retries="backoff")
            deliver_sms(home)
            chat(home, "under way", "behind")
            while not receiver.asked:
                home.find_deliveries()
        served.process.terminate()
        assert served.process.wait(SOON) == 0
        assert served.log.read_text() == ""


# --- Targets ----------------------------------------------------------------------


@pytest.mark.manual("MOP-08")
@pytest.mark.parametrize(
    "host",
    [
        *("93.184.216.34", "169.254.169.254", "[::ffff:169.254.169.254]"),
        *("[fd00:ec2::254]", "2852039166", "0xa9fea9fe", "169.254.43518"),
        "0251.0376.0251.0376",
    ],
)
def test_a_forbidden_target_is_an_attempt_on_record(
    emulator: Emulator, host: str
) -> None:
    emulator.change_account(
        push_url=f"http://{host}/latest/meta-data", push_retries=[60]
    )
    deliver_sms(emulator)
    write_reply(emulator)

    (delivery,) = emulator.deliveries
    assert list_verdicts(delivery) == ["forbidden"]
    assert delivery.state == "given_up", "what is forbidden once stays so"
    assert delivery.attempts[0].explanation


def resolving(monkeypatch: pytest.MonkeyPatch, *answers: list[str]) -> list[str]:
    """Let every name lead to the *answers* in turn; return what was asked."""
    asked: list[str] = []

    def getaddrinfo(host: Any, port: Any, *_rest: Any, **_more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        asked.append(name)
        found = answers[min(len(asked), len(answers)) - 1]
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


@pytest.mark.manual("MOP-08")
def test_a_name_is_judged_by_where_it_leads_each_time(
    monkeypatch: pytest.MonkeyPatch, emulator: Emulator, receiver: Receiver
) -> None:
    """A name that led here a moment ago and leads to the metadata now goes nowhere."""
    port = urlsplit(receiver.url).port
    emulator.change_account(push_url=f"http://rebound.example:{port}/mo")
    receiver.answer_with(ReceiverAnswer(200, "ok", (("connection", "close"),)))
    deliver_sms(emulator)
    asked = resolving(monkeypatch, ["127.0.0.1"], ["169.254.169.254"])
    write_reply(emulator, "first")
    write_reply(emulator, "second")

    states = [(each.state, *list_verdicts(each)) for each in emulator.deliveries]
    assert states == [("delivered", "accepted"), ("given_up", "forbidden")]
    assert asked == ["rebound.example"] * 2, "asked once for each, and used as answered"
    assert receiver.asked[0].headers["host"] == f"rebound.example:{port}"


@pytest.mark.manual("MOP-08")
def test_the_command_line_allows_what_is_not_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    said = {}
    for allow in ("", "10.0.0.0/8, shop.example"):
        url = "http://hooks.shop.example:1/mo"
        with run_emulator(mo_url=url, push_allow=allow, clock="frozen") as home:
            deliver_sms(home)
            with monkeypatch.context() as patch:
                resolving(patch, ["203.0.114.1"])
                write_reply(home)
            said[allow] = list_verdicts(home.deliveries[0])

    assert said[""] == ["forbidden"]
    assert said["10.0.0.0/8, shop.example"] != ["forbidden"]


def test_a_receiver_may_ask_for_tls(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    authority, stranger = trustme.CA(), trustme.CA()
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(str(bundle))
    monkeypatch.setenv("SSL_CERT_FILE", str(bundle))
    with (
        secured(authority) as good,
        secured(stranger) as bad,
        serve_emulator("--clock", "frozen", "--push-timeout", "5") as served,
        Emulator(served.url) as home,
    ):
        deliver_sms(home)
        for url in (good, bad):
            home.change_account(push_url=url)
            write_reply(home)
        first, second = home.deliveries

    assert (first.state, list_verdicts(first)) == ("delivered", ["accepted"])
    assert list_verdicts(second) == ["broken"]
    assert "certificate" in second.attempts[0].explanation


@contextmanager
def secured(authority: trustme.CA) -> Iterator[str]:
    """Serve over TLS with a certificate of *authority*."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"ok")

        def log_message(self, *_anything: Any) -> None:
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        server.handle_error = lambda *_: None  # type: ignore[method-assign]
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield f"https://localhost:{server.server_port}/mo"
        finally:
            server.shutdown()
            thread.join()
