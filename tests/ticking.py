"""A loop whose clock a test puts forward: what waits for an hour waits no time.

And HTTP on it, over real sockets.
"""

import asyncio
import socket
from collections.abc import Coroutine, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any, TypeVar

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.server import ServerState

from emulator.network.connections import ConnectionTable
from emulator.serving.server import _make_config
from emulator.serving.settings import Settings

DEADLINE = 20  # seconds; only what hangs comes near
TURNS = 20  # of the loop, in which everything is done that can be done at once
Got = TypeVar("Got")
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\n"


class Ticking(asyncio.SelectorEventLoop):
    """Runs as any loop does, and has its time from the machine and the test."""

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
        self.run_until_complete(_turns())

    def put_forward(self, seconds: float) -> None:
        """Let so many seconds pass, and do what is due then."""
        self.ahead += seconds
        self.turn()


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)


# --- HTTP on such a loop --------------------------------------------------------------


class Line:
    """A client's end of a connection."""

    def __init__(self, loop: Ticking, connection: socket.socket) -> None:
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


class Door:
    """Serves an application; ``table`` has the connections."""

    def __init__(self, app: ASGIApp, loop: Ticking, **settings: Any) -> None:
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

    def connect(self) -> Line:
        address = self._server.sockets[0].getsockname()
        connection = socket.create_connection(address)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.stack.callback(connection.close)
        self.loop.turn()
        return Line(self.loop, connection)

    def close(self) -> None:
        self._server.close()
        self.stack.close()
        self.loop.turn()
        for each in self.state.tasks:
            each.cancel()
        self.loop.turn()


@contextmanager
def opened(app: ASGIApp, **settings: Any) -> Iterator[Door]:
    """Serve *app* until the block ends."""
    loop = Ticking()
    door = Door(app, loop, **settings)
    try:
        yield door
    finally:
        door.close()
        loop.close()


async def greet(_scope: Scope, receive: Receive, send: Send) -> None:
    """Read the body, and answer ``ok``."""
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return
        if not message.get("more_body"):
            break
    await answer(send)


async def ignore_body(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer ``ok`` at once."""
    await answer(send)


async def wait_for_end(_scope: Scope, receive: Receive, _send: Send) -> None:
    """Answer nothing, until the client hangs up."""
    while (await receive())["type"] != "http.disconnect":
        pass


async def answer(send: Send) -> None:
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})
