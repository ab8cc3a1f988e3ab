"""Listeners: the pushes of a world are performed where the emulator has no way to."""

import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from threading import Barrier, Event
from typing import Any

import pytest

from emulator.client import ClientError, Emulator
from emulator.client.shown import Fact
from emulator.serving.standby import Standby
from tests.support.orders import NUMBER
from tests.support.processes import (
    COMMAND,
    DEADLINE,
    ROOT,
    make_environment,
    read_complaint,
    read_first_line,
    run_command,
)
from tests.support.servers import (
    GARBAGE,
    HANG_UP,
    SILENCE,
    ReceivedRequest,
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

OTHER = "5512345678"
SOON = 60.0  # seconds of the wall; only what hangs comes near


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    """Return an emulator that is reached over a socket."""
    with closing(Standby("demo")) as standby, Emulator(standby.url) as server:
        yield server


@pytest.fixture(params=["socket", "in process"])
def world(
    request: pytest.FixtureRequest, home: Emulator, server: Emulator
) -> Iterator[Emulator]:
    """Return a world, reached in one of the two ways."""
    with open_world(home if request.param == "in process" else server) as world:
        yield world


@pytest.fixture
def remote(server: Emulator) -> Iterator[Emulator]:
    with open_world(server) as world:
        yield world


class Notebook:
    """A handler that writes down what it is called with and answers in turn."""

    def __init__(self, *answers: Any) -> None:
        self.heard: list[Fact] = []
        self.answers = list(answers)

    def __call__(self, push: Fact) -> Any:
        self.heard.append(push)
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    @property
    def texts(self) -> list[str]:
        return [each.response for each in self.heard]


# --- In a test's own process ------------------------------------------------------


def test_a_handler_gets_the_pushes_and_no_url_is_needed(world: Emulator) -> None:
    notes = Notebook()
    deliver_sms(world)
    with world.receive(notes):
        taken = write_reply(world)

    (push,) = notes.heard
    assert {name: push[name] for name in ("response", "cellphone", "date")} == {
        "response": "Si",
        "cellphone": NUMBER,
        "date": "2026-03-02 12:00:11",
    }
    assert push.message_id == str(taken.message)
    assert (push.operation, push.method, push.url) == ("moPush", "GET", "")
    (delivery,) = world.deliveries
    assert (delivery.state, list_verdicts(delivery)) == ("delivered", ["accepted"])
    assert (delivery.attempts[0].status, delivery.attempts[0].body) == (200, "ok")


@pytest.mark.parametrize(
    ("answer", "status", "body", "verdict"),
    [
        (None, 200, "ok", "accepted"),
        ("ok", 200, "ok", "accepted"),
        ("no", 200, "no", "not_ok"),
        ("", 200, "", "not_ok"),
        (500, 500, "", "bad_status"),
        ((202, " OK "), 202, " OK ", "accepted"),
        ((404, "gone"), 404, "gone", "bad_status"),
    ],
)
def test_what_a_handler_returns_is_the_answer(
    world: Emulator, answer: Any, status: int, body: str, verdict: str
) -> None:
    deliver_sms(world)
    with world.receive(Notebook(answer)):
        write_reply(world)

    (attempt,) = world.deliveries[0].attempts
    assert (attempt.status, attempt.body, attempt.verdict) == (status, body, verdict)


def test_what_a_handler_raises_is_a_500_with_its_traceback(world: Emulator) -> None:
    deliver_sms(world)
    with world.receive(Notebook(KeyError("the customer's bug"))) as listener:
        write_reply(world, "one")
        write_reply(world, "two")

    first, second = world.deliveries
    assert (first.attempts[0].status, list_verdicts(first)) == (500, ["bad_status"])
    assert "the customer's bug" in first.attempts[0].body
    assert second.state == "delivered", "the listener has gone on"
    assert listener


@pytest.mark.parametrize("odd", [(1_000, "ok"), (42, ""), "x" * 70_000])
def test_an_answer_that_is_none_breaks_this_push_and_no_other(
    world: Emulator, odd: Any
) -> None:
    deliver_sms(world)
    with world.receive(Notebook(odd)):
        write_reply(world, "one")
        write_reply(world, "two")

    first, second = world.deliveries
    assert list_verdicts(first) == ["broken"]
    assert second.state == "delivered"


def test_retries_come_to_the_listener_on_the_worlds_clock(world: Emulator) -> None:
    notes = Notebook(500, 500)
    world.change_account(push_retries="backoff")
    deliver_sms(world)
    with world.receive(notes):
        world.phone(NUMBER).reply("Si")
        world.settle()

    assert notes.texts == ["Si"] * 3
    assert list_verdicts(world.deliveries[0]) == [
        "bad_status",
        "bad_status",
        "accepted",
    ]


def test_a_keyword_is_answered_by_the_handler(world: Emulator) -> None:
    notes = Notebook("vuelve pronto")
    url = "http://shop.example/keyword"  # where nobody may go
    world.add_item("keywords", keyword="hi", response_url=url)
    with world.receive(notes):
        write_reply(world, "hi there", OTHER)

    (push,) = notes.heard
    assert (push.operation, push.keyword, push.url) == ("keywordPush", "hi", url)
    assert [each.text for each in world.messages(to=OTHER)] == ["vuelve pronto"]


def test_a_listener_goes_before_the_url(world: Emulator, receiver: Receiver) -> None:
    notes = Notebook()
    world.change_account(push_url=receiver.url)
    deliver_sms(world)
    with world.receive(notes):
        write_reply(world, "to the listener")
    write_reply(world, "to the URL")

    assert notes.texts == ["to the listener"]
    assert [check_push(each)["response"] for each in receiver.asked] == ["to the URL"]
    assert {each.state for each in world.deliveries} == {"delivered"}


def test_of_two_listeners_the_longest_connected_gets_it_all(world: Emulator) -> None:
    first, second = Notebook(), Notebook()
    deliver_sms(world)
    with ExitStack() as stack:
        one = stack.enter_context(world.receive(first))
        stack.enter_context(world.receive(second))
        write_reply(world, "one")
        one.close()
        write_reply(world, "two")

    assert (first.texts, second.texts) == (["one"], ["two"])


def test_without_a_url_and_a_listener_nothing_is_pushed(world: Emulator) -> None:
    deliver_sms(world)
    taken = write_reply(world)

    assert taken.deliveries == []
    with world.receive(Notebook()) as listener:
        world.settle()
    assert len(world.deliveries) == 0
    assert len(poll_replies(world)) == 1
    assert listener


def test_a_listener_of_one_world_hears_nothing_of_another(
    world: Emulator, home: Emulator
) -> None:
    notes = Notebook()
    with open_world(home) as other, world.receive(notes):
        deliver_sms(other)
        assert write_reply(other).deliveries == []

    assert notes.heard == []


# --- When a listener goes ---------------------------------------------------------


@contextmanager
def leaving(world: Emulator, lines: tuple[str, ...]) -> Iterator[None]:
    """Let a listener go while it performs the first of some pushes."""
    here, go_on = Event(), Event()

    def held(_push: Fact) -> str:
        here.set()
        go_on.wait(SOON)
        return "ok"

    listener = world.receive(held)
    for line in lines:
        world.phone(NUMBER).reply(line)
    assert here.wait(SOON)
    listener._stream.hang_up()  # noqa: SLF001 - as a process that is killed does
    while not world.deliveries[0].attempts:
        assert not go_on.is_set(), "it was noticed that the listener has gone"
    go_on.set()
    listener.close()
    yield


def test_what_it_has_not_acknowledged_goes_to_the_url(
    world: Emulator, receiver: Receiver
) -> None:
    deliver_sms(world)
    world.change_account(push_url=receiver.url)
    with leaving(world, ("under way", "behind")):
        world.settle()

    assert [each["response"] for each in receiver.parameters] == ["under way", "behind"]
    first, second = world.deliveries
    assert list_verdicts(first) == ["gone", "accepted"]
    assert list_verdicts(second) == ["accepted"]


def test_without_a_url_it_waits_for_the_next_listener(world: Emulator) -> None:
    deliver_sms(world)
    with leaving(world, ("under way", "behind")):
        run = world.settle()

    waiting = [each for each in run.pending if each.event == "pushed"]
    assert [each.waits_for for each in waiting] == ["a listener"] * 2
    assert {each.state for each in world.deliveries} == {"due"}
    notes = Notebook()
    with world.receive(notes):
        world.settle()
    assert notes.texts == ["under way", "behind"]
    assert {each.state for each in world.deliveries} == {"delivered"}


def test_a_listener_that_went_costs_no_try(world: Emulator) -> None:
    deliver_sms(world)
    world.change_account(push_retries=[5])
    with leaving(world, ("Si",)):
        pass
    with world.receive(Notebook(500, "ok")):
        world.settle()

    assert list_verdicts(world.deliveries[0]) == ["gone", "bad_status", "accepted"]


def test_a_world_that_is_reset_meanwhile_leaves_its_listener_alone(
    world: Emulator,
) -> None:
    here, go_on = Event(), Event()
    heard: list[str] = []

    def held(push: Fact) -> str:
        heard.append(push.response)
        if push.response == "before":
            here.set()
            go_on.wait(SOON)
            return "too late"
        return "ok"

    with world.receive(held):
        deliver_sms(world)
        world.phone(NUMBER).reply("before")
        world.phone(NUMBER).reply("never")
        assert here.wait(SOON)
        world.reset()
        deliver_sms(world)
        world.phone(NUMBER).reply("after")
        go_on.set()
        world.wait_for_delivery(state="delivered")

    assert heard == ["before", "after"]
    (delivery,) = world.deliveries
    assert [each.body for each in delivery.attempts] == ["ok"]


def test_a_handler_may_ask_the_emulator(world: Emulator) -> None:
    found: list[Any] = []

    def look(push: Fact) -> None:
        found.append(poll_replies(world, {"type": 3, "cellphone": int(push.cellphone)}))
        if len(found) == 1:
            world.phone(NUMBER).reply("again")

    deliver_sms(world)
    with world.receive(look):
        world.phone(NUMBER).reply("Si")
        world.settle()

    assert [len(each) for each in found] == [1, 2]


def test_a_handler_is_called_for_one_push_at_a_time(world: Emulator) -> None:
    inside: list[int] = []
    most = []

    def count(_push: Fact) -> None:
        inside.append(1)
        most.append(len(inside))
        world.find_deliveries()  # takes its time
        inside.pop()

    deliver_sms(world)
    world.fault(push="storm", count=8)
    with world.receive(count):
        write_reply(world)

    assert most == [1] * 8
    assert {each.state for each in world.deliveries} == {"delivered"}


def test_a_world_that_is_deleted_ends_its_listener(world: Emulator) -> None:
    with world.receive(Notebook()) as listener:
        world.delete()
        listener.wait()


# --- The contract of the stream ---------------------------------------------------


def test_an_answer_that_nobody_waits_for_is_refused(emulator: Emulator) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.ask_fact("POST", "pushes/1", {"status": 200, "body": "ok"})

    assert refused.value.status == 404


@pytest.mark.parametrize(
    "body", [{}, {"status": 99}, {"verdict": "accepted"}, {"status": 200, "more": 1}]
)
def test_an_answer_that_is_none_is_refused(
    emulator: Emulator, body: dict[str, Any]
) -> None:
    with pytest.raises(ClientError) as refused:
        emulator.ask_fact("POST", "pushes/1", body)

    assert refused.value.status == 422


# --- The command ------------------------------------------------------------------


@contextmanager
def listening(
    world: Emulator, target: str, *more: str
) -> Iterator[subprocess.Popen[str]]:
    """Run ``listen`` until the block ends."""
    flags = ("--forward-to", target, "--url", world.url, "--world", world.world, *more)
    with subprocess.Popen(
        (*COMMAND, "listen", *flags),
        cwd=ROOT,
        env=make_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert target in read_first_line(process)
            yield process
        finally:
            process.kill()


def test_the_command_forwards_to_a_local_server(
    remote: Emulator, receiver: Receiver
) -> None:
    deliver_sms(remote)
    with listening(remote, f"{receiver.url}?key=1") as process:
        write_reply(remote, "ñ & más")
        line = read_first_line(process)

    (asked,) = receiver.asked
    assert check_push(asked, own=(("key", "1"),))["response"] == "ñ & más"
    (delivery,) = remote.deliveries
    assert (delivery.state, delivery.attempts[0].body) == ("delivered", "ok")
    assert "moPush" in line
    assert "200 ok" in line


def test_answers_travel_back_with_their_headers(
    remote: Emulator, receiver: Receiver
) -> None:
    receiver.answer_with(ReceiverAnswer(503, "later", (("x-mark", "1"),)))
    deliver_sms(remote)
    with listening(remote, receiver.url):
        write_reply(remote)

    (attempt,) = remote.deliveries[0].attempts
    assert (attempt.verdict, attempt.status) == ("bad_status", 503)
    assert (attempt.body, attempt.headers["x-mark"]) == ("later", "1")


def test_a_keyword_is_asked_for_at_its_own_url(
    remote: Emulator, receiver: Receiver
) -> None:
    with run_receiver() as shop:
        shop.answer_with(ReceiverAnswer(200, "vuelve pronto"))
        remote.add_item("keywords", keyword="hi", response_url=shop.url)
        with listening(remote, receiver.url):
            write_reply(remote, "hi", OTHER)

        assert [check_push(each, "keywordPush")["keyword"] for each in shop.asked] == [
            "hi"
        ]
    assert receiver.asked == []
    assert [each.text for each in remote.messages(to=OTHER)] == ["vuelve pronto"]


def test_a_local_server_that_is_slow_holds_no_other_up(
    remote: Emulator, receiver: Receiver
) -> None:
    came = Event()

    def silence(_asked: ReceivedRequest) -> str:
        came.set()
        return SILENCE

    receiver.answer_with(silence)
    with run_receiver() as shop:
        shop.answer_with(ReceiverAnswer(200, "pronto"))
        remote.add_item("keywords", keyword="hi", response_url=shop.url)
        deliver_sms(remote)
        with listening(remote, receiver.url):
            remote.phone(NUMBER).reply("hi")
            remote.wait_for_delivery(kind="keywordPush", state="delivered")

            assert came.wait(SOON)
            assert remote.find_deliveries(kind="moPush")[0].state == "due"


def test_what_comes_at_once_is_forwarded_at_once(
    remote: Emulator, receiver: Receiver
) -> None:
    together = Barrier(4)

    def wait_for_all(_asked: ReceivedRequest) -> ReceiverAnswer:
        together.wait(SOON)  # breaks unless all of them are here at once
        return ReceiverAnswer()

    receiver.answer_with(wait_for_all)
    remote.fault(push="storm", count=4)
    deliver_sms(remote)
    with listening(remote, receiver.url):
        write_reply(remote)

    assert {each.state for each in remote.deliveries} == {"delivered"}


@pytest.mark.parametrize("manner", [HANG_UP, GARBAGE])
def test_a_local_server_that_breaks_is_told_of(
    remote: Emulator, receiver: Receiver, manner: str
) -> None:
    receiver.answer_with(manner, ReceiverAnswer())
    deliver_sms(remote)
    with listening(remote, receiver.url):
        write_reply(remote, "one")
        write_reply(remote, "two")

    first, second = remote.deliveries
    assert list_verdicts(first) == ["broken"]
    assert second.state == "delivered"


def test_a_local_server_that_is_not_there_is_told_of(remote: Emulator) -> None:
    with run_receiver() as gone:
        url = gone.url
    deliver_sms(remote)
    with listening(remote, url):
        write_reply(remote)

    (attempt,) = remote.deliveries[0].attempts
    assert attempt.verdict == "refused"
    assert "is the receiver running?" in attempt.explanation


def test_a_token_opens_its_world_to_a_listener(
    remote: Emulator, receiver: Receiver
) -> None:
    deliver_sms(remote)
    flags = ("--forward-to", receiver.url, "--url", remote.url, "--token", remote.token)
    with subprocess.Popen(
        (*COMMAND, "listen", *flags),
        cwd=ROOT,
        env=make_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            read_first_line(process)
            write_reply(remote)
        finally:
            process.kill()

    assert len(receiver.asked) == 1


def test_a_listener_that_is_killed_leaves_the_way_to_the_url(
    remote: Emulator, receiver: Receiver
) -> None:
    deliver_sms(remote)
    remote.change_account(push_url=receiver.url)
    with run_receiver() as other:
        with listening(remote, other.url) as process:
            write_reply(remote, "one")
        assert process.poll() is not None
        write_reply(remote, "two")

        assert [each["response"] for each in other.parameters] == ["one"]
    assert [each["response"] for each in receiver.parameters] == ["two"]


def test_a_listener_says_when_the_emulator_has_gone(receiver: Receiver) -> None:
    standby = Standby("demo")
    with Emulator(standby.url) as home, listening(home, receiver.url) as process:
        standby.close()
        assert process.wait(DEADLINE) == 2
        assert process.stderr is not None
        assert "has gone" in process.stderr.read()


def test_where_no_emulator_is_it_says_so() -> None:
    flags = ("--forward-to", "http://127.0.0.1:1/mo", "--url", "http://127.0.0.1:1")

    assert "no emulator answers at http://127.0.0.1:1" in read_complaint(
        "listen", *flags
    )


@pytest.mark.parametrize("target", ["localhost:3000/mo", "ftp://here/mo", ""])
def test_it_forwards_to_addresses_only(target: str) -> None:
    done = run_command("listen", "--forward-to", target)

    assert done.returncode == 2
    assert "no address" in done.stderr


def test_a_handler_is_any_callable(emulator: Emulator) -> None:
    heard: list[Fact] = []
    handler: Callable[[Fact], Any] = heard.append
    place_sms(emulator, "9990010000")
    with emulator.receive(handler):
        emulator.settle()

    assert [each.response for each in heard] == ["Si"]
