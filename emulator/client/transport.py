"""How a client reaches an emulator: requests and live streams over a socket."""

import selectors
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from json import loads
from os import getpid
from socket import SHUT_RDWR
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol
from urllib.parse import urlsplit

from emulator.timekeeping.clock import stopwatch

if TYPE_CHECKING:
    from http.client import HTTPConnection

# Seconds that an idle connection is good for; the server keeps it for far longer
IDLE_CONNECTION_SECONDS = 2.0
# Windows has no poll
Selector: type[selectors.BaseSelector] = getattr(
    selectors, "PollSelector", selectors.SelectSelector
)


class ResponseHeaders(dict[str, str]):
    """Headers by name, whose case does not matter."""

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and super().__contains__(name.lower())

    def get(self, name: str, default: Any = None, /) -> Any:
        return super().get(name.lower(), default)


class ClientRequest(NamedTuple):
    method: str
    path: str  # with its query
    headers: Mapping[str, str]
    body: bytes
    timeout: float  # seconds of the wall; of silence, where the answer is a stream


class ClientResponse(NamedTuple):
    status: int
    headers: ResponseHeaders
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        return loads(self.body)


class ServerDisconnected(ConnectionError):  # noqa: N818 - what happened, in a word
    """The server disconnected before its answer was complete."""


class NotStreamed(Exception):  # noqa: N818 - what came instead is no error of ours
    """An answer that is not a stream."""

    def __init__(self, response: ClientResponse) -> None:
        super().__init__(response.status)
        self.response = response


class LiveStream:
    """The pieces of an answer as they come, until either side disconnects."""

    def __init__(self, chunks: Iterator[bytes], hang_up: Callable[[], object]) -> None:
        next(chunks)  # says that the answer has begun
        self._chunks = chunks
        self.hang_up = hang_up  # any thread may

    def __iter__(self) -> Iterator[bytes]:
        return self._chunks


class Transport(Protocol):
    """Sends requests to an emulator."""

    @property
    def url(self) -> str:
        """The URL of the emulator."""

    def send_request(self, request: ClientRequest) -> ClientResponse:
        """Return the answer, whole.

        Raises ``ConnectionError`` where the connection breaks, ``TimeoutError`` where
        nothing comes in time.
        """

    def open_smpp(self) -> None:
        """Let SMPP be served, where it is up to the client whether it is."""

    def open_stream(self, request: ClientRequest) -> LiveStream:
        """Return the pieces of a success as they come, once its headers have.

        Closing their iterator hangs up.  Raises ``NotStreamed`` for another answer, and
        what ``request`` raises.
        """

    def close(self) -> None:
        """Close the connections."""


class SocketTransport:
    """HTTP over TCP; connections are kept, and any thread may use one that is idle.

    A process that was forked has connections of its own.
    """

    def __init__(self, url: str) -> None:
        self.url = url.rstrip("/")
        self._idle: deque[tuple[HTTPConnection, float]] = deque()
        self._process = getpid()  # whose the idle connections are

    def open_smpp(self) -> None:
        """Leave it to the server, which has its own settings."""

    def send_request(self, request: ClientRequest) -> ClientResponse:
        from http.client import HTTPException  # noqa: PLC0415 - 25 ms

        self._drop_inherited()
        connection = self._take_idle() or self._open_connection(request.timeout)
        whole = False
        try:
            if connection.sock is not None:
                connection.sock.settimeout(request.timeout)
            self._send(connection, request)
            answer = connection.getresponse()
            headers = _to_headers(answer.getheaders())
            response = ClientResponse(answer.status, headers, answer.read())
            whole = True
        except (HTTPException, ConnectionResetError, BrokenPipeError) as error:
            raise ServerDisconnected(str(error) or type(error).__name__) from error
        finally:
            if not whole:
                connection.close()
        if connection.sock is not None:
            self._idle.append((connection, stopwatch()))
        return response

    def _drop_inherited(self) -> None:
        """Close what the process that forked this one goes on using.

        Its own ends of the connections stay open.
        """
        if self._process != getpid():
            idle, self._idle = self._idle, deque()
            self._process = getpid()
            for connection, _ in idle:
                connection.close()

    def open_stream(self, request: ClientRequest) -> LiveStream:
        connection = self._open_connection(request.timeout)
        line, process = connection.sock, getpid()

        def hang_up() -> None:
            if process != getpid():  # the process that was forked goes on reading
                line.close()
                return
            with suppress(OSError):  # the other side has
                line.shutdown(SHUT_RDWR)

        return LiveStream(self._iter_chunks(connection, request), hang_up)

    def close(self) -> None:
        with suppress(IndexError):
            while True:
                self._idle.pop()[0].close()

    def _send(self, connection: "HTTPConnection", request: ClientRequest) -> None:
        method, path = request[:2]
        headers = dict(request.headers)
        target = urlsplit(self.url)
        below = target.path if target.netloc else ""  # where a proxy has it
        connection.request(method, below + path, request.body or None, headers)

    def _iter_chunks(
        self, connection: "HTTPConnection", request: ClientRequest
    ) -> Iterator[bytes]:
        from http.client import HTTPException  # noqa: PLC0415

        try:
            self._send(connection, request)
            answer = connection.getresponse()
            if answer.status != HTTPStatus.OK:
                headers = _to_headers(answer.getheaders())
                raise NotStreamed(ClientResponse(answer.status, headers, answer.read()))
            yield b""
            while piece := answer.read1():
                yield piece
        except (HTTPException, ConnectionResetError) as error:
            raise ServerDisconnected(str(error) or type(error).__name__) from error
        finally:
            connection.close()

    def _take_idle(self) -> "HTTPConnection | None":
        """Return a kept connection that the server has not closed meanwhile."""
        with suppress(IndexError):
            while True:
                connection, since = self._idle.pop()
                if stopwatch() - since < IDLE_CONNECTION_SECONDS and not _is_readable(
                    connection
                ):
                    return connection
                connection.close()
        return None

    def _open_connection(self, timeout: float) -> "HTTPConnection":
        from http.client import (  # noqa: PLC0415
            HTTPConnection,
            HTTPException,
            HTTPSConnection,
        )

        target = urlsplit(self.url)
        kind = HTTPSConnection if target.scheme == "https" else HTTPConnection
        try:
            connection = kind(target.netloc or self.url, timeout=timeout)
        except HTTPException as error:
            raise ServerDisconnected(str(error)) from error
        connection.connect()
        return connection


def _is_readable(connection: "HTTPConnection") -> bool:
    """Return whether an idle connection can be read, which means that it was closed.

    A socket may have any number, which ``select`` alone could not ask for.
    """
    with Selector() as selector:
        selector.register(connection.sock, selectors.EVENT_READ)
        return bool(selector.select(0))


def _to_headers(pairs: list[tuple[str, str]]) -> ResponseHeaders:
    return ResponseHeaders((name.lower(), value) for name, value in reversed(pairs))
