"""An emulator inside its client's process: a loop in a thread, no socket but SMPP's."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from queue import Empty, SimpleQueue
from socket import create_server
from threading import Thread
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

from emulator.smsc.smpp_server import Door
from emulator.client.transport import (
    Cut,
    Headers,
    NoStream,
    Request,
    Response,
    Stream,
)

ENDS = 20.0  # seconds; only a loop that something blocks comes near


class InProcess:
    """The application on a loop that runs all the time, as on a server."""

    url = "http://in-process.invalid"  # nobody listens there, nor ever will

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._door: Door | None = getattr(getattr(app, "state", None), "smpp", None)
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = Thread(
            target=lambda: asyncio.run(_until_told(started, self._door)),
            name="emulator",
            daemon=True,
        )
        self._thread.start()
        self._loop, self._told = started.result()

    def request(self, asked: Request) -> Response:
        parts: list[Message] = []
        visit = _Visit(asked, parts.append)
        ended = self._running(visit.through(self._app))
        try:
            ended.result(asked.timeout)
        except TimeoutError:
            self._leave(visit)
            message = f"no answer within {asked.timeout:g} s"
            raise TimeoutError(message) from None
        except CancelledError:
            message = "the emulator was closed"
            raise Cut(message) from None
        except Exception as error:
            if not parts:
                raise Cut(repr(error)) from error
        return _whole(parts, bodiless=asked.method == "HEAD")

    def stream(self, asked: Request) -> Stream:
        queue: SimpleQueue[Message | None] = SimpleQueue()
        visit = _Visit(asked, queue.put)
        pieces = self._pieces(visit, queue, asked.timeout)
        return Stream(pieces, partial(self._leave, visit))

    def open_smpp(self) -> None:
        """Serve SMPP, which needs a socket, on a free port of loopback."""
        door = self._door
        if door and not door.addresses:
            opened = self._running(door.listen(create_server(("127.0.0.1", 0))))
            opened.result()

    def close(self) -> None:
        """End it.  Raises ``TimeoutError`` where something in it does not end."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._told.set)
            self._thread.join(ENDS)
            if self._thread.is_alive():
                message = f"the emulator in this process did not end in {ENDS:g} s"
                raise TimeoutError(message)
            state = getattr(self._app, "state", None)
            getattr(state, "close", lambda: None)()

    def _pieces(
        self, visit: "_Visit", queue: SimpleQueue[Message | None], timeout: float
    ) -> Iterator[bytes]:
        ended = self._running(visit.through(self._app))
        ended.add_done_callback(lambda _: queue.put(None))
        parts = _patiently(queue, timeout)
        try:
            start = next(parts, None)
            if start is not None and start["status"] != HTTPStatus.OK:
                raise NoStream(_whole([start, *parts], bodiless=False))
            yield b""
            for part in parts:
                if octets := part.get("body", b""):
                    yield octets
        finally:
            self._leave(visit)
        if ended.cancelled() or ended.exception() is not None:
            message = "the emulator was closed"
            raise Cut(message)

    def _leave(self, visit: "_Visit") -> None:
        """Hang up, unless the emulator was closed before."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(visit.gone.set)

    def _running(self, visit: Coroutine[Any, Any, None]) -> Future[None]:
        if not self._thread.is_alive():
            visit.close()
            message = "this emulator was closed"
            raise ConnectionRefusedError(message)
        return asyncio.run_coroutine_threadsafe(visit, self._loop)


class _Visit:
    """One request on its way through the application."""

    def __init__(self, asked: Request, hear: Callable[[Message], object]) -> None:
        self._asked = asked
        self._hear = hear
        self._body_read = False
        self.gone = asyncio.Event()  # set once either side has hung up
        self.transport = _Loopback(self.gone)

    async def through(self, app: ASGIApp) -> None:
        await app(_scope(self._asked), self._receive, self._send)

    async def _receive(self) -> Message:
        if not self._body_read:
            self._body_read = True
            body = self._asked.body
            return {"type": "http.request", "body": body, "more_body": False}
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        self._hear(message)


class _Loopback:
    """What a fault finds behind ``send`` in a connection's place, and breaks."""

    def __init__(self, gone: asyncio.Event) -> None:
        self.close = self.abort = gone.set

    def get_extra_info(self, _name: str) -> "_Loopback":
        return self

    def setsockopt(self, *_option: object) -> None:
        """Take it: there is nothing between the two that could be reset."""


async def _until_told(
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]], door: Door | None
) -> None:
    """Keep the loop running; what is still under way at the end is cancelled."""
    told = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), told))
    await told.wait()
    if door:
        await door.close()


def _patiently(queue: SimpleQueue[Message | None], timeout: float) -> Iterator[Message]:
    """Yield messages until there is None.

    Raises ``TimeoutError`` where none comes for so many seconds.
    """
    try:
        while part := queue.get(timeout=timeout):
            yield part
    except Empty:
        message = f"nothing came within {timeout:g} s"
        raise TimeoutError(message) from None


def _scope(asked: Request) -> Scope:
    path, _, query = asked.path.partition("?")
    headers = {
        "host": "localhost",
        **{name.lower(): value for name, value in asked.headers.items()},
        "content-length": str(len(asked.body)),
    }
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": asked.method,
        "scheme": "http",
        "path": unquote(path),
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [
            (name.encode(), value.encode("latin-1")) for name, value in headers.items()
        ],
        "client": ("127.0.0.1", 0),
        "server": ("127.0.0.1", 0),
    }


def _whole(parts: list[Message], *, bodiless: bool) -> Response:
    """Return the answer that was sent.  Raises ``Cut`` where its end is missing."""
    if not parts:
        message = "Remote end closed connection without response"
        raise Cut(message)
    start, *rest = parts
    headers = Headers(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in reversed(list(start["headers"]))
    )
    body = b"".join(part.get("body", b"") for part in rest)
    announced = 0 if bodiless else int(headers.get("content-length", 0))
    if not rest or rest[-1].get("more_body") or len(body) < announced:
        message = f"the answer ended after {len(body)} octets"
        raise Cut(message)
    return Response(start["status"], headers, body)
