"""Moments that are easily missed: a connection that is kept, closing, or nobody's."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest

from emulator.courier.courier import MAX_RETRY_DELAY, RELAY_GRACE, Courier
from emulator.courier.http_caller import IDLE_SECONDS, HttpCaller, NoResponseError
from emulator.domain.delivery import Verdict
from emulator.domain.targets import AllowedTargets
from emulator.faults import DelayedResponse
from emulator.operations.call import Debounce, Pause
from emulator.timekeeping import clock
from emulator.web import waiting
from emulator.web.http_response import HttpResponse
from emulator.web.waiting import ClientDisconnected, Waiter
from emulator.world.outbox import PushRelay, PushRequest, PushResponse
from emulator.world.transaction import run_transaction_now
from tests.support.emulator import (
    SOON,
    START,
    Api,
    make_emulator,
    run_control,
    send_control,
)
from tests.support.orders import NUMBER, make_recipients, make_sms, place_campaign
from tests.support.servers import ManualLoop
from tests.support.worlds import keep_worlds, refuse_writes

DEADLINE = 20  # seconds; only what hangs comes near
TURNS = 20  # of the loop, in which everything is done that can be done at once
Got = TypeVar("Got")

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"
LAST = OK.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n")
IN_CHUNKS = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n"
ANSWERS = "9990010001"
ENDLESS = b"HTTP/1.1 200 OK\r\n\r\nok"  # as long as its connection


@pytest.fixture
def loop() -> Iterator[ManualLoop]:
    with closing(ManualLoop()) as loop:
        yield loop
        for each in asyncio.all_tasks(loop):
            each.cancel()
        loop.turn()


class Server:
    """Answers on the loop of the test, whenever the test says so."""

    def __init__(self, loop: ManualLoop) -> None:
        self.loop = loop
        self.connections: list[asyncio.StreamWriter] = []
        self.asked = 0
        self._heard = asyncio.Event()
        self.answers: list[bytes] = []  # in turn; then nothing is said
        self._server = loop.run(asyncio.start_server(self._serve, "127.0.0.1", 0))
        port = self._server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}/mo"

    async def _serve(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        self.connections.append(writer)
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                await reader.readuntil(b"\r\n\r\n")
                self.asked += 1
                self._heard.set()
                if self.answers:
                    self.say(self.answers.pop(0), writer)
        writer.close()

    def wait_until_asked(self) -> None:
        """Return once something has been asked since the last time."""
        self.loop.run(asyncio.wait_for(self._heard.wait(), DEADLINE))
        self._heard.clear()

    def say(self, octets: bytes, writer: asyncio.StreamWriter | None = None) -> None:
        writer = writer or self.connections[-1]
        writer.write(octets)
        if octets in {LAST, ENDLESS}:
            writer.close()

    def close(self) -> None:
        self._server.close()
        for each in self.connections:
            each.close()
        self.loop.turn()


@pytest.fixture
def server(loop: ManualLoop) -> Iterator[Server]:
    with closing(Server(loop)) as server:
        yield server


@pytest.fixture
def caller() -> HttpCaller:
    return HttpCaller(AllowedTargets(), body_limit=1_000)


def called(server: Server, caller: HttpCaller, answer: bytes = OK) -> PushResponse:
    server.answers.append(answer)
    push = PushRequest(1, "moPush", "GET", server.url, "a=1")
    found = server.loop.run(caller.send_push(push))
    server.loop.turn()
    return found


# --- A connection that is kept for a moment ----------------------------------


def test_a_connection_is_used_again_within_a_moment(
    server: Server, caller: HttpCaller
) -> None:
    assert IDLE_SECONDS == 1.0
    for _ in range(3):
        assert called(server, caller).body == "ok"
        server.loop.put_forward(IDLE_SECONDS - 0.1)

    assert (len(server.connections), server.asked) == (1, 3)


def test_a_connection_that_was_idle_for_too_long_is_closed(
    server: Server, caller: HttpCaller
) -> None:
    called(server, caller)
    server.loop.put_forward(IDLE_SECONDS)
    called(server, caller)

    assert len(server.connections) == 2
    assert server.connections[0].is_closing()
    assert not server.connections[1].is_closing()


def test_what_is_idle_is_closed_though_nobody_calls(
    server: Server, caller: HttpCaller
) -> None:
    called(server, caller)
    server.loop.put_forward(IDLE_SECONDS + 0.1)
    server.loop.put_forward(IDLE_SECONDS + 0.1)

    assert caller._idle == {}  # noqa: SLF001 - what it keeps is seen nowhere else
    assert caller._cleanup is not None  # noqa: SLF001
    assert caller._cleanup.done()  # noqa: SLF001


def test_what_became_idle_meanwhile_is_kept_while_the_other_is_closed(
    server: Server, caller: HttpCaller
) -> None:
    push = PushRequest(1, "moPush", "GET", server.url, "a=1")

    async def two() -> None:
        await asyncio.gather(caller.send_push(push), caller.send_push(push))

    server.answers += [OK, OK]
    server.loop.run(two())
    server.loop.put_forward(IDLE_SECONDS - 0.1)
    called(server, caller)  # on one of the two
    server.loop.put_forward(0.2)

    (idle,) = caller._idle.values()  # noqa: SLF001
    assert (len(server.connections), len(idle)) == (2, 1)
    called(server, caller)
    assert len(server.connections) == 2


@pytest.mark.parametrize("answer", [LAST, ENDLESS])
def test_a_connection_that_the_server_ends_is_not_used_again(
    server: Server, caller: HttpCaller, answer: bytes
) -> None:
    assert called(server, caller, answer) == called(server, caller)._replace(
        headers=called(server, caller, answer).headers
    )

    assert len(server.connections) == 2


def test_a_connection_that_the_server_closed_while_it_was_idle_is_left(
    server: Server, caller: HttpCaller
) -> None:
    called(server, caller)
    server.connections[0].close()
    server.loop.turn()

    assert called(server, caller).status == 200
    assert len(server.connections) == 2


def test_a_call_that_is_given_up_takes_its_connection_with_it(
    server: Server, caller: HttpCaller
) -> None:
    push = PushRequest(1, "moPush", "GET", server.url, "a=1")
    task = server.loop.create_task(caller.send_push(push))
    server.wait_until_asked()

    task.cancel()
    server.loop.turn()
    server.say(OK)  # too late

    assert called(server, caller).body == "ok"
    assert len(server.connections) == 2


@pytest.mark.parametrize("begun", [OK[:-1], IN_CHUNKS], ids=["measured", "in chunks"])
def test_an_answer_that_ends_too_early_is_none(
    server: Server, caller: HttpCaller, begun: bytes
) -> None:
    server.answers.append(begun)
    push = PushRequest(1, "moPush", "GET", server.url, "a=1")
    task = server.loop.create_task(caller.send_push(push))
    server.wait_until_asked()
    server.connections[0].close()
    for _ in range(5):
        server.loop.turn()

    assert isinstance(task.exception(), NoResponseError)
    assert str(task.exception()) == (
        "the connection was closed before the end of the answer"
    )


def test_what_comes_behind_an_answer_disturbs_nobody(
    server: Server, caller: HttpCaller
) -> None:
    called(server, caller)
    server.say(OK)  # which nobody has asked for
    server.loop.turn()

    assert called(server, caller).body == "ok"


def test_the_end_of_the_loop_closes_what_is_kept(
    server: Server, caller: HttpCaller
) -> None:
    called(server, caller)
    tidying = caller._cleanup  # noqa: SLF001
    assert tidying is not None

    tidying.cancel()
    server.loop.turn()

    assert caller._idle == {}  # noqa: SLF001
    assert called(server, caller).body == "ok"
    assert len(server.connections) == 2


# --- A push that is answered when its world is another -----------------------


@pytest.fixture
def api(loop: ManualLoop) -> Api:
    """Return a demo world on the loop of the test."""
    return on(make_emulator(push_retries=[60]), loop)


def on(api: Api, loop: ManualLoop) -> Api:
    """Take *api* to another loop."""
    api._loop.close()  # noqa: SLF001
    api._loop = loop  # noqa: SLF001
    return api


def replied(api: Api, server: Server) -> None:
    """Let a handset answer, and the push of that be under way."""
    run_control(api, "PATCH", "account", json={"push_url": server.url})
    place_campaign(api)
    run_control(api, "POST", "clock/advance", json={"seconds": 11})
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    server.wait_until_asked()


def reset(api: Api) -> None:
    run_control(api, "POST", "world/reset")


def restored(api: Api) -> None:
    run_control(api, "POST", "world/checkpoints/one/restore")


@pytest.mark.parametrize("another", [reset, restored])
@pytest.mark.parametrize("again", [False, True], ids=["alone", "and again"])
def test_a_push_that_is_answered_after_a_reset_is_nobody_s(
    api: Api, server: Server, another: Callable[[Api], None], *, again: bool
) -> None:
    run_control(api, "POST", "world/checkpoints", json={"name": "one"})
    replied(api, server)
    old = server.connections[-1]

    another(api)
    if again:
        replied(api, server)  # the delivery has the same id
    with suppress(ConnectionError):
        old.write(OK)
    for _ in range(5):
        server.loop.turn()

    attempts = [len(each.attempts) for each in api.world.deliveries.values()]
    assert attempts == [0] * again
    assert [*api.world.outbox.underway] == [1] * again
    if again:
        server.say(OK)
        run_control(api, "POST", "clock/settle", json={})
        (done,) = api.world.deliveries.values()
        assert [str(each.verdict) for each in done.attempts] == ["accepted"]


def test_a_push_that_is_answered_in_the_very_tick_of_a_reset_is_nobody_s(
    api: Api, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    replied(api, server)
    (connection,) = server.loop.called

    def answered_and_reset() -> None:
        connection.data_received(OK)
        run_transaction_now(api.world.shared, lambda: api.worlds.reset(api.world))

    server.loop.call_soon(answered_and_reset)
    server.loop.turn()

    assert api.world.deliveries == {}
    assert caplog.messages == []


def test_a_listener_that_answers_in_the_very_tick_of_a_reset_answers_nobody(
    api: Api, loop: ManualLoop, caplog: pytest.LogCaptureFixture
) -> None:
    listening = api.start("GET", "/_emulator/pushes")
    loop.turn()
    place_campaign(api)
    run_control(api, "POST", "clock/advance", json={"seconds": 11})
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    loop.turn()
    ((number, _),) = api.world.outbox.relays[0]._awaited.items()  # noqa: SLF001

    answered, reset, _ = api.send_together(
        ("POST", f"/_emulator/pushes/{number}", {"status": 200, "body": "ok"}),
        ("POST", "/_emulator/world/reset", None),
        ("GET", "/_emulator/deliveries", None),
    )
    loop.turn()

    assert (answered.status, reset.status) == (200, 200)
    assert api.world.deliveries == {}
    assert caplog.messages == []
    listening.cancel()


def test_a_world_that_is_deleted_hears_no_answer(api: Api, server: Server) -> None:
    api.token = "world-other"
    replied(api, server)
    world = api.world

    run_control(api, "DELETE", "world")
    server.say(OK)
    for _ in range(5):
        server.loop.turn()

    assert [len(each.attempts) for each in world.deliveries.values()] == [0]


def test_a_push_takes_as_long_as_it_may_and_not_a_moment_longer(
    api: Api, server: Server
) -> None:
    replied(api, server)
    server.loop.put_forward(SOON - 0.1)
    before = api.world.deliveries[1].attempts
    server.loop.put_forward(0.2)

    (attempt,) = api.world.deliveries[1].attempts
    assert before == ()
    assert (str(attempt.verdict), attempt.explanation) == (
        "timed_out",
        "no answer came within 60 s (--push-timeout)",
    )
    assert api.world.deliveries[1].due_at == api.world.clock.now() + timedelta(
        minutes=1
    )


def test_a_listener_has_some_time_more(api: Api) -> None:
    listening = api.start("GET", "/_emulator/pushes")
    api._loop.turn()  # type: ignore[attr-defined] # noqa: SLF001
    loop: Any = api._loop  # noqa: SLF001
    place_campaign(api)
    run_control(api, "POST", "clock/advance", json={"seconds": 11})
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    loop.turn()

    loop.put_forward(SOON + RELAY_GRACE - 0.1)
    before = api.world.deliveries[1].attempts
    loop.put_forward(0.2)

    (attempt,) = api.world.deliveries[1].attempts
    assert before == ()
    assert attempt.explanation == "the listener said nothing within 65 s"
    late = send_control(api, "POST", "pushes/1", json={"status": 200, "body": "ok"})
    assert late.status == 404
    listening.cancel()


def test_a_listener_is_waited_for_until_it_answers_or_goes(
    api: Api, caller: HttpCaller
) -> None:
    loop: Any = api._loop  # noqa: SLF001
    courier: Any = Courier({}, caller, seconds=SOON)
    world, relay = api.world, PushRelay()
    world.outbox.relays.append(relay)
    push = PushRequest(1, "moPush", "GET", "", "a=1")

    def asked() -> asyncio.Task[PushResponse]:
        task = loop.create_task(courier._send_push(world, world.outbox, push))  # noqa: SLF001
        loop.turn()
        assert not task.done()
        return task  # type: ignore[no-any-return] # of any loop

    first = asked()
    ((number, told),) = relay.pop_pushes()
    relay.record_response(number, PushResponse(200))
    world.notify_listeners()
    loop.turn()
    second = asked()
    world.outbox.relays.clear()
    world.notify_listeners()
    loop.turn()

    assert told == push
    assert first.result() == PushResponse(200)
    assert second.result().verdict is Verdict.GONE


def as_the_loop(loop: ManualLoop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the machine's clock go as a test puts it forward."""
    began = datetime.now(UTC)
    monkeypatch.setattr(
        clock, "wall_now", lambda: began + timedelta(seconds=loop.ahead)
    )


def late(api: Api, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a push be due in an hour of a world whose clock runs as the loop's does."""
    as_the_loop(server.loop, monkeypatch)
    effect = {"push": "late", "seconds": 3_600}
    run_control(api, "POST", "faults", json={"effect": effect})
    run_control(api, "PATCH", "account", json={"push_url": server.url})
    place_campaign(api)
    run_control(api, "POST", "clock/advance", json={"seconds": 11})
    run_control(api, "PUT", "clock", json={"rate": 2})
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    server.loop.turn()


def test_what_is_due_leaves_as_the_clock_runs_though_nobody_comes(
    api: Api, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    late(api, server, monkeypatch)

    server.loop.put_forward(1_799)
    assert server.asked == 0
    server.loop.put_forward(1.5)
    server.wait_until_asked()

    assert server.asked == 1


def test_nothing_leaves_as_long_as_the_clock_stands(
    api: Api, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    late(api, server, monkeypatch)
    run_control(api, "PUT", "clock", json={"rate": 0})

    server.loop.put_forward(7_200)
    assert server.asked == 0
    run_control(api, "PUT", "clock", json={"rate": 60})
    server.loop.put_forward(61)
    server.wait_until_asked()

    assert server.asked == 1


def tries(caplog: pytest.LogCaptureFixture) -> int:
    return sum(each.startswith("world demo: ") for each in caplog.messages)


def test_what_a_disk_has_refused_is_tried_again_later_and_later(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    loop = ManualLoop()  # which ends with the emulator
    with keep_worlds(tmp_path) as api:
        on(api, loop)
        as_the_loop(loop, monkeypatch)
        run_control(api, "PUT", "clock", json={"rate": 2})
        place_campaign(
            api, make_sms(recipients=make_recipients(ANSWERS))
        )  # in 22 seconds
        with refuse_writes(api):
            loop.put_forward(11.5)
            for wait in (2, 4, 8, 16, MAX_RETRY_DELAY, MAX_RETRY_DELAY):
                tried = tries(caplog)
                assert tried
                loop.put_forward(wait - 0.1)
                assert tries(caplog) == tried
                loop.put_forward(0.2)
                assert tries(caplog) == tried + 1
        loop.put_forward(MAX_RETRY_DELAY - 0.3)
        assert api.world.responses == []
        loop.put_forward(0.5)

        assert len(api.world.responses) == 1


# --- Waiting -----------------------------------------------------------------


class Visitor:
    """Somebody who waits in a world, and may hang up."""

    def __init__(self, api: Api) -> None:
        self.loop: ManualLoop = api._loop  # type: ignore[assignment] # noqa: SLF001
        self.world = api.world
        self.gone = asyncio.Event()

    async def receive(self) -> dict[str, str]:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    def start(self, waits: Callable[[Waiter], Any]) -> asyncio.Task[Any]:
        async def waiting() -> Any:
            with Waiter(self.world, self.receive) as waiter:
                return await waits(waiter)

        task = self.loop.create_task(waiting())
        self.loop.turn()
        return task

    def is_over(self, task: asyncio.Task[Any], after: float = 0) -> bool:
        self.loop.put_forward(after)
        return task.done()


@pytest.fixture
def visitor(api: Api) -> Visitor:
    return Visitor(api)


def test_who_waits_goes_on_when_something_changes(visitor: Visitor) -> None:
    task = visitor.start(lambda it: it.wait_for_change(Pause(seconds=9)))

    assert not visitor.is_over(task, 8)
    visitor.world.notify_listeners()
    assert visitor.is_over(task)
    assert task.result() is True  # there is time left


def test_who_waits_too_long_is_told_so(visitor: Visitor) -> None:
    task = visitor.start(lambda it: it.wait_for_change(Pause(seconds=9)))

    assert not visitor.is_over(task, 8.9)
    assert visitor.is_over(task, 0.2)
    assert task.result() is False


def test_who_has_no_time_lets_others_in(visitor: Visitor) -> None:
    task = visitor.start(lambda it: it.wait_for_change(Pause(seconds=0)))

    assert visitor.is_over(task)
    assert task.result() is False


def test_who_waits_for_an_instant_waits_as_the_clock_runs(visitor: Visitor) -> None:
    visitor.world.clock.set_rate(60)
    until = visitor.world.clock.now() + timedelta(minutes=5)  # 5 s of the wall
    task = visitor.start(lambda it: it.wait_for_change(Pause(until=until, seconds=60)))

    assert not visitor.is_over(task, 4.5)
    assert visitor.is_over(task, 0.6)
    assert task.result() is True


def test_an_instant_that_has_come_is_not_waited_for(visitor: Visitor) -> None:
    task = visitor.start(lambda it: it.wait_for_change(Pause(until=START)))

    assert visitor.is_over(task)


def test_a_clock_that_stands_is_waited_for_until_somebody_moves_it(
    visitor: Visitor,
) -> None:
    later = START + timedelta(seconds=1)
    task = visitor.loop.create_task(
        waiting.wait_until(later, visitor.world, visitor.receive)
    )

    assert not visitor.is_over(task, 3600)
    visitor.world.clock.advance(timedelta(microseconds=999_999))
    visitor.world.notify_listeners()
    assert not visitor.is_over(task)
    visitor.world.clock.advance(timedelta(microseconds=1))
    visitor.world.notify_listeners()
    assert visitor.is_over(task)


@pytest.mark.parametrize(
    "waits",
    [
        lambda it: it.wait_for_change(Pause(seconds=9)),
        lambda it: it.wait_for_change(Pause()),
        lambda it: it.debounce_changes(Debounce(5, 9)),
        lambda it: it.debounce_changes(Debounce(0, 9)),
    ],
)
def test_who_hangs_up_is_let_go_at_once(
    visitor: Visitor, waits: Callable[[Waiter], Any]
) -> None:
    task = visitor.start(waits)

    visitor.gone.set()

    assert visitor.is_over(task)
    assert isinstance(task.exception(), ClientDisconnected)
    assert visitor.world.listeners == frozenset()


def test_who_takes_breath_is_silent_for_so_long_whatever_happens(
    visitor: Visitor,
) -> None:
    task = visitor.start(lambda it: it.debounce_changes(Debounce(2, 9)))

    visitor.world.notify_listeners()
    assert not visitor.is_over(task, 1.9)
    assert visitor.is_over(task, 0.2)
    assert task.result() is True


def test_who_takes_breath_speaks_as_soon_as_something_happens_then(
    visitor: Visitor,
) -> None:
    task = visitor.start(lambda it: it.debounce_changes(Debounce(2, 9)))

    assert not visitor.is_over(task, 5)
    visitor.world.notify_listeners()
    assert visitor.is_over(task)
    assert task.result() is True


def test_who_takes_breath_speaks_at_last(visitor: Visitor) -> None:
    task = visitor.start(lambda it: it.debounce_changes(Debounce(2, 9)))

    assert not visitor.is_over(task, 2)
    assert not visitor.is_over(task, 6.9)
    assert visitor.is_over(task, 0.2)
    assert task.result() is False


def test_what_is_on_its_way_is_waited_for(visitor: Visitor) -> None:
    outbox = visitor.world.outbox
    outbox.underway[1] = None
    task = visitor.loop.create_task(
        waiting.wait_until_idle(visitor.world, visitor.receive)
    )

    assert not visitor.is_over(task, 60)
    outbox.underway.clear()
    visitor.world.notify_listeners()
    assert visitor.is_over(task)


# --- What is held back -------------------------------------------------------


def held(api: Api, *seconds: float) -> tuple[Any, list[float]]:
    """Hold things back for so long each; return who does, and what was let go."""
    from emulator.smsc.delayed_responses import DelayedResponses  # noqa: PLC0415 - with the first client

    late, done = DelayedResponses(api.world), []
    for each in seconds:
        delayed = DelayedResponse(START + timedelta(seconds=each), "submit_sm", "f1")
        late.defer(delayed, lambda each=each: done.append(each))  # type: ignore[misc]
    return late, done


def test_what_is_held_back_is_let_go_in_the_order_in_which_it_is_due(
    api: Api, loop: ManualLoop
) -> None:
    async def holding() -> tuple[Any, list[float]]:
        return held(api, 3, 1, 2)

    late, done = loop.run(holding())
    waiting = [len(late), len(api.world.delayed_answers)]
    for each in (1, 1, 1):
        api.world.clock.advance(timedelta(seconds=each))
        api.world.notify_listeners()

    assert waiting == [3, 3]
    assert done == [1, 2, 3]
    assert (len(late), api.world.delayed_answers) == (0, {})
    assert api.world.listeners == frozenset()


def test_what_is_held_back_is_let_go_as_the_clock_runs(
    api: Api, loop: ManualLoop
) -> None:
    api.world.clock.set_rate(60)

    async def holding() -> tuple[Any, list[float]]:
        return held(api, 600)

    late, done = loop.run(holding())
    timer = late._timer  # noqa: SLF001
    left = timer.when() - loop.time()
    api.world.clock.advance(timedelta(seconds=600))
    loop.put_forward(10)

    assert 9 < left <= 10  # seconds of the wall
    assert done == [600]


def test_what_is_dropped_is_never_let_go(api: Api, loop: ManualLoop) -> None:
    async def holding() -> tuple[Any, list[float]]:
        return held(api, 1, 2)

    late, done = loop.run(holding())
    late.drop_all()
    api.world.clock.advance(timedelta(seconds=5))
    api.world.notify_listeners()

    assert (done, api.world.delayed_answers) == ([], {})
    assert api.world.listeners == frozenset()


# --- Answers that have no body, and those that come in pieces ----------------


@pytest.mark.parametrize("bodiless", [True, False])
@pytest.mark.parametrize("pieces", [True, False])
def test_an_answer_to_head_has_all_but_its_body(
    loop: ManualLoop, *, pieces: bool, bodiless: bool
) -> None:
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    answer = HttpResponse(200, b"" if pieces else b"ab", slices=iter((b"a", b"b")))
    if not pieces:
        answer.slices = None
    loop.run(answer.send(send, bodiless=bodiless))

    body = b"".join(each.get("body", b"") for each in sent[1:])
    names = [name for name, _ in sent[0]["headers"]]
    assert body == (b"" if bodiless else b"ab")
    assert (b"content-length" in names) == (not pieces)
    assert not sent[-1].get("more_body", False)


@pytest.mark.parametrize(
    ("status", "has_body"),
    [(200, True), (204, False), (205, False), (206, True), (304, False), (305, True)],
)
def test_what_has_no_body_by_itself_gets_none(
    api: Api, status: int, *, has_body: bool
) -> None:
    answer = api.get("/api/v1/user", headers={"X-Emulator-Fault": f"status={status}"})

    assert answer.status == status
    assert bool(answer.octets) == has_body
