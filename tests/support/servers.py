"""Servers within a test: a customer's, which takes pushes, and ours without a process.

The server is real HTTP on a free port, in a thread of its own: it writes down what it
was asked and answers as the test says.  What it was told is held to the contract.
"""

import asyncio
import socket
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from itertools import count
from threading import Event, Thread
from typing import Any, NamedTuple, TypeVar
from urllib.parse import parse_qsl, urlsplit

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from emulator.client import Emulator
from emulator.client.shown import ClockAdvance, Fact
from emulator.network.connections import ConnectionTable
from emulator.serving.server import _make_config
from emulator.serving.settings import Settings
from tests.support.emulator import START, make_validator, read_contract
from tests.support.orders import NUMBER, SMS, Body, make_recipients, make_sms

TURNS = 20  # of a loop, in which everything is done that can be done at once
Got = TypeVar("Got")
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"


class ReceivedRequest(NamedTuple):
    """A request that came."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]  # in the order in which it came
    headers: dict[str, str]
    body: str

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.query)


class ReceiverAnswer(NamedTuple):
    """An answer to give."""

    status: int = 200
    body: str = "ok"
    headers: tuple[tuple[str, str], ...] = ()


BACKLOG = 1_024  # connections that wait; a storm brings many
SILENCE = "silence"  # never answer
HANG_UP = "hang up"  # without an answer
GARBAGE = "garbage"  # that is no HTTP
Manner = ReceiverAnswer | str | Callable[[ReceivedRequest], ReceiverAnswer | str]


class Receiver:
    """One server; ``answers`` are given in turn, the last one from then on."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[ReceivedRequest] = []
        self.answers: deque[Manner] = deque([ReceiverAnswer()])
        self.let_go = Event()  # ends the silence, at the end of the test
        self.most_at_once = 0
        self.at_once = 0

    def answer_with(self, *answers: Manner) -> None:
        self.answers = deque(answers)

    def answer(self, asked: ReceivedRequest) -> ReceiverAnswer | str:
        self.asked.append(asked)
        manner = self.answers[0]
        if len(self.answers) > 1:
            self.answers.popleft()
        return manner(asked) if callable(manner) else manner

    @property
    def parameters(self) -> list[dict[str, str]]:
        return [each.parameters for each in self.asked]


@contextmanager
def run_receiver(
    *, host: str = "127.0.0.1", threads: bool = True
) -> Iterator[Receiver]:
    """Serve on a free port; without *threads* one request after the other."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            receiver.at_once += 1
            receiver.most_at_once = max(receiver.most_at_once, receiver.at_once)
            answer = receiver.answer(self._read_request())
            receiver.at_once -= 1
            if answer == SILENCE:
                receiver.let_go.wait()
                self.close_connection = True
            elif answer == HANG_UP:
                self.close_connection = True
            elif answer == GARBAGE:
                self.wfile.write(b"what?\r\n\r\n")
                self.close_connection = True
            else:
                self._send_answer(ReceiverAnswer(*answer))

        do_GET = do_POST = handle_any  # noqa: N815 - as the library asks for it

        def _read_request(self) -> ReceivedRequest:
            target = urlsplit(self.path)
            octets = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            pairs = parse_qsl(target.query, keep_blank_values=True)
            return ReceivedRequest(
                self.command, target.path, tuple(pairs), headers, octets.decode()
            )

        def _send_answer(self, said: ReceiverAnswer) -> None:
            self.send_response(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            octets = said.body.encode()
            self.send_header("content-length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_anything: Any) -> None:
            """Say nothing."""

    kind: type[HTTPServer] = ThreadingHTTPServer if threads else HTTPServer
    roomy = type("Roomy", (kind,), {"request_queue_size": BACKLOG})
    with roomy((host, 0), Handler) as server:
        if isinstance(server, ThreadingHTTPServer):
            server.daemon_threads = True
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/mo")
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.let_go.set()
            server.shutdown()
            thread.join()


def list_cellphones(asked: Iterable[ReceivedRequest]) -> list[str]:
    """Return who wrote, in the order in which it was told."""
    return [each.parameters["cellphone"] for each in asked]


RESPONSES = "/api/v3/responses"
NAMES = count(1)
Pairs = tuple[tuple[str, str], ...]


@contextmanager
def run_emulator(**settings: Any) -> Iterator[Emulator]:
    """Run an emulator in this process."""
    with Emulator.in_process(**settings) as home:
        yield home


@contextmanager
def open_world(home: Emulator, **order: Any) -> Iterator[Emulator]:
    """Open a world whose clock stands at ``START``, until the block ends."""
    order = {"clock": START.isoformat(), "seed": 7, **order}
    world = home.create(f"pushing{next(NAMES)}", **order)
    try:
        yield world
    finally:
        if world.world in [each.name for each in home.worlds]:
            world.delete()


def place_sms(emulator: Emulator, *numbers: str, **changes: Any) -> Body:
    """Place a campaign, which must be taken, and return the answer's body."""
    order = make_sms(recipients=make_recipients(*(numbers or (NUMBER,))), **changes)
    answer = emulator.request("POST", SMS, json=order)
    assert answer.status == 200, answer.text
    body: Body = answer.json()
    return body


def deliver_sms(emulator: Emulator, *numbers: str, **changes: Any) -> Body:
    """Place a campaign and let it arrive."""
    body = place_sms(emulator, *numbers, **changes)
    emulator.advance(seconds=11 + (len(numbers) or 1) * 0.01 - 0.01)
    return body


def write_reply(emulator: Emulator, text: str = "Si", number: str = NUMBER) -> Fact:
    """Let a handset answer the newest message, and all be told that is told now."""
    taken = emulator.phone(number).reply(text)
    emulator.advance(seconds=0)
    return taken


def poll_replies(emulator: Emulator, query: Any | None = None) -> list[Any]:
    """Return the replies that a poll finds, by date unless told otherwise."""
    answer = emulator.request("POST", RESPONSES, json=query or {"type": 1})
    assert answer.status == 200, answer.text
    pointer = "/paths/~1api~1v3~1responses/post/responses/200/content"
    make_validator(f"{pointer}/application~1json/schema").validate(answer.json())
    found: list[Any] = answer.json()["results"]
    return found


def check_push(
    asked: ReceivedRequest, webhook: str = "moPush", own: Pairs = ()
) -> dict[str, Any]:
    """Return the parameters of a push, typed as the contract has them.

    Fails unless they are exactly those of *webhook*, in its order and behind the URL's
    *own*.
    """
    where = f"/webhooks/{webhook}/get"
    described = read_contract().document.resolve_pointer(where)[1]["parameters"]
    assert (asked.method, asked.body) == ("GET", "")
    assert "authorization" not in asked.headers
    assert asked.query[: len(own)] == own
    sent = asked.query[len(own) :]
    assert [name for name, _ in sent] == [each["name"] for each in described]
    typed: dict[str, Any] = {}
    for index, (name, text) in enumerate(sent):
        schema = described[index]["schema"]
        value: Any = int(text) if schema.get("type") == "integer" else text
        assert str(value) == text, "written as the contract's type is"
        make_validator(f"{where}/parameters/{index}/schema").validate(value)
        typed[name] = value
    return typed


def list_verdicts(delivery: Fact) -> list[str]:
    """Return how each attempt ended."""
    return [each.verdict for each in delivery.attempts]


def list_times(run: ClockAdvance, name: str) -> list[str]:
    """Return when something called *name* happened: ``18:00:22``."""
    return [each.at[11:19] for each in run.events if each.event == name]


# --- HTTP on a loop whose time the test moves -----------------------------------------


class ManualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock the test puts forward: what waits an hour waits no time."""

    ahead = 0.0  # seconds

    def __init__(self) -> None:
        super().__init__()
        self.called: list[Any] = []  # the protocols of connections that were opened

    def time(self) -> float:
        return super().time() + self.ahead

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        transport, protocol = await super().create_connection(*args, **kwargs)
        self.called.append(protocol)
        return transport, protocol

    def run(self, waiting: Coroutine[Any, Any, Got]) -> Got:
        """Return what comes of *waiting*."""
        return self.run_until_complete(waiting)

    def turn(self) -> None:
        """Do all that can be done at once."""
        self.run_until_complete(_take_turns())

    def put_forward(self, seconds: float) -> None:
        """Let so many seconds pass, and do what is due then."""
        self.ahead += seconds
        self.turn()


async def _take_turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


class ManualConnection:
    """A client's end of a connection."""

    def __init__(self, loop: ManualLoop, connection: socket.socket) -> None:
        connection.settimeout(0)
        self._loop = loop
        self._connection = connection
        self.heard = b""
        self.is_closed = False

    def send(self, octets: bytes) -> int:
        """Send what can be, read nothing, and return how much that is."""
        sent = self._connection.send(octets)
        self._loop.turn()
        return sent

    def say(self, *pieces: bytes) -> bytes:
        """Send the pieces as segments of their own; return what is heard afterwards."""
        for each in pieces:
            self.send(each)
        return self.hear()

    def hear(self) -> bytes:
        """Return what has come since the last time."""
        self._loop.turn()
        new = b""
        while not self.is_closed:
            try:
                octets = self._connection.recv(65_536)
            except BlockingIOError:
                break
            except ConnectionError:
                octets = b""
            self.is_closed = not octets
            new += octets
        self.heard += new
        return new

    def hang_up(self) -> None:
        self._connection.close()
        self._loop.turn()


class ManualServer:
    """Serves an application; ``table`` has the connections."""

    def __init__(self, app: ASGIApp, loop: ManualLoop, **settings: Any) -> None:
        self.loop = loop
        config = _make_config(app, Settings(**settings), None)
        protocol: Any = config.http_protocol_class
        self.table: ConnectionTable = protocol.table
        self.state = ServerState()
        made = partial(
            protocol, config=config, server_state=self.state, app_state={}, _loop=loop
        )
        self._server = loop.run(loop.create_server(made, "127.0.0.1", 0))
        self.stack = ExitStack()

    def connect(self) -> ManualConnection:
        address = self._server.sockets[0].getsockname()
        connection = socket.create_connection(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stack.callback(connection.close)
        self.loop.turn()
        return ManualConnection(self.loop, connection)

    def close(self) -> None:
        self._server.close()
        self.stack.close()
        self.loop.turn()
        for each in self.state.tasks:
            each.cancel()
        self.loop.turn()


@contextmanager
def open_server(app: ASGIApp, **settings: Any) -> Iterator[ManualServer]:
    """Serve *app* until the block ends."""
    loop = ManualLoop()
    door = ManualServer(app, loop, **settings)
    try:
        yield door
    finally:
        door.close()
        loop.close()


async def read_and_answer(_scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, and answer ``ok``."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        if not message.get("more_body"):
            break
    await send_ok(send)


async def answer_at_once(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer ``ok`` at once."""
    await send_ok(send)


async def wait_for_end(_scope: Scope, receive: Receive, _send: Send) -> None:
    """Answer nothing, until the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def send_ok(send: Send) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})
