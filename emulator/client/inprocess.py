"""An emulator inside its client's process: a loop in a thread, no socket but SMPP's."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from os import getpid
from queue import Empty, SimpleQueue
from socket import create_server
from threading import Thread
from typing import Any
from urllib.parse import unquote

from starlette.types import ASGIApp, Message, Scope

from emulator.client.transport import (
    ClientRequest,
    ClientResponse,
    LiveStream,
    NotStreamed,
    ResponseHeaders,
    ServerDisconnected,
)
from emulator.smsc.smpp_server import SmppServer

ENDS = 20.0  # seconds; only a loop that something blocks comes near


class InProcessTransport:
    """The application on a loop that runs all the time, as on a server."""

    url = "http://in-process.invalid"  # a reserved name: no server can ever have it

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._process = getpid()
        self._smpp_server: SmppServer | None = getattr(
            getattr(app, "state", None), "smpp", None
        )
        started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()
        self._thread = Thread(
            target=lambda: asyncio.run(_run_until_close(started, self._smpp_server)),
            name="emulator",
            daemon=True,
        )
        self._thread.start()
        self._loop, self._closing = started.result()

    def send_request(self, request: ClientRequest) -> ClientResponse:
        parts: list[Message] = []
        visit = _AsgiCall(request, parts.append)
        ended = self._start_call(visit.run_app(self._app))
        try:
            ended.result(request.timeout)
        except TimeoutError:
            self._hang_up(visit)
            message = f"no answer within {request.timeout:g} s"
            raise TimeoutError(message) from None
        except CancelledError:
            message = "the emulator was closed"
            raise ServerDisconnected(message) from None
        except Exception as error:
            if not parts:
                raise ServerDisconnected(repr(error)) from error
        return _join_response(parts, bodiless=request.method == "HEAD")

    def open_stream(self, request: ClientRequest) -> LiveStream:
        queue: SimpleQueue[Message | None] = SimpleQueue()
        visit = _AsgiCall(request, queue.put)
        pieces = self._iter_chunks(visit, queue, request.timeout)
        return LiveStream(pieces, partial(self._hang_up, visit))

    def open_smpp(self) -> None:
        """Serve SMPP, which needs a socket, on a free port of loopback."""
        door = self._smpp_server
        if door and not door.addresses:
            opened = self._start_call(door.listen([create_server(("127.0.0.1", 0))]))
            opened.result()

    def close(self) -> None:
        """End it.  Raises ``TimeoutError`` where something in it does not end."""
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._closing.set)
            self._thread.join(ENDS)
            if self._thread.is_alive():
                message = f"the emulator in this process did not end in {ENDS:g} s"
                raise TimeoutError(message)
            state = getattr(self._app, "state", None)
            getattr(state, "close", lambda: None)()

    def _iter_chunks(
        self, call: "_AsgiCall", queue: SimpleQueue[Message | None], timeout: float
    ) -> Iterator[bytes]:
        ended = self._start_call(call.run_app(self._app))
        ended.add_done_callback(lambda _: queue.put(None))
        parts = _iter_messages(queue, timeout)
        try:
            start = next(parts, None)
            if start is not None and start["status"] != HTTPStatus.OK:
                raise NotStreamed(_join_response([start, *parts], bodiless=False))
            yield b""
            for part in parts:
                if octets := part.get("body", b""):
                    yield octets
        finally:
            self._hang_up(call)
        if ended.cancelled() or ended.exception() is not None:
            message = "the emulator was closed"
            raise ServerDisconnected(message)

    def _hang_up(self, call: "_AsgiCall") -> None:
        """Disconnect, unless the emulator was closed before."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(call.hung_up.set)

    def _start_call(self, coroutine: Coroutine[Any, Any, None]) -> Future[None]:
        if not self._thread.is_alive():
            coroutine.close()
            message = "this emulator was closed"
            if self._process != getpid():
                message = "this emulator is in the process from which this was forked"
            raise ConnectionRefusedError(message)
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop)


class _AsgiCall:
    """One request to the application."""

    def __init__(
        self, request: ClientRequest, on_message: Callable[[Message], object]
    ) -> None:
        self._request = request
        self._on_message = on_message
        self._body_read = False
        self.hung_up = asyncio.Event()  # set once either side has hung up
        self.transport = _LoopbackTransport(self.hung_up)

    async def run_app(self, app: ASGIApp) -> None:
        await app(_make_scope(self._request), self._receive_message, self._send_message)

    async def _receive_message(self) -> Message:
        if not self._body_read:
            self._body_read = True
            body = self._request.body
            return {"type": "http.request", "body": body, "more_body": False}
        await self.hung_up.wait()
        return {"type": "http.disconnect"}

    async def _send_message(self, message: Message) -> None:
        self._on_message(message)


class _LoopbackTransport:
    """Stands for the transport behind ``send``, so that a fault can break it."""

    def __init__(self, hung_up: asyncio.Event) -> None:
        self.close = self.abort = hung_up.set

    def get_extra_info(self, _name: str) -> "_LoopbackTransport":
        return self

    def setsockopt(self, *_option: object) -> None:
        """Ignore the option: there is no socket to reset."""


async def _run_until_close(
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]],
    smpp_server: SmppServer | None,
) -> None:
    """Keep the loop running; what is still under way at the end is cancelled."""
    told = asyncio.Event()
    started.set_result((asyncio.get_running_loop(), told))
    await told.wait()
    if smpp_server:
        await smpp_server.close()


def _iter_messages(
    queue: SimpleQueue[Message | None], timeout: float
) -> Iterator[Message]:
    """Yield messages until there is None.

    Raises ``TimeoutError`` where none comes for so many seconds.
    """
    try:
        while part := queue.get(timeout=timeout):
            yield part
    except Empty:
        message = f"nothing came within {timeout:g} s"
        raise TimeoutError(message) from None


def _make_scope(request: ClientRequest) -> Scope:
    path, _, query = request.path.partition("?")
    headers = {
        "host": "localhost",
        **{name.lower(): value for name, value in request.headers.items()},
        "content-length": str(len(request.body)),
    }
    return {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
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


def _join_response(parts: list[Message], *, bodiless: bool) -> ClientResponse:
    """Return the answer.  Raises ``ServerDisconnected`` where its end is missing."""
    if not parts:
        message = "Remote end closed connection without response"
        raise ServerDisconnected(message)
    start, *rest = parts
    headers = ResponseHeaders(
        (name.decode("latin-1").lower(), value.decode("latin-1"))
        for name, value in reversed(list(start["headers"]))
    )
    body = b"".join(part.get("body", b"") for part in rest)
    announced = 0 if bodiless else int(headers.get("content-length", 0))
    if not rest or rest[-1].get("more_body") or len(body) < announced:
        message = f"the answer ended after {len(body)} bytes"
        raise ServerDisconnected(message)
    return ClientResponse(start["status"], headers, body)
