"""The connection between a client and one world of an emulator.

Nothing but the standard library, and little of that: a command line pays for it.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from http import HTTPStatus
from json import dumps, loads
from typing import Any, Self
from urllib.parse import quote, urlencode

from emulator.client.shown import Fact
from emulator.client.transport import (
    ClientRequest,
    ClientResponse,
    LiveStream,
    NotStreamed,
    SocketTransport,
    Transport,
)

DEFAULT_URL = "http://127.0.0.1:7672"
COMMAND_TIMEOUT = 2.0  # that an answer to one command of the command line may take
WORLD_HEADER = "X-Emulator-World"  # by which a balancer finds the process of a world
REQUEST_TIMEOUT = 30.0  # seconds; only an emulator that hangs comes near


class ClientError(Exception):
    """No emulator answers, or it refuses; the message says which and why."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status  # of HTTP, where it refuses


def ask_emulator(  # noqa: PLR0913 - a command has these parts
    method: str,
    url: str,
    path: str,
    *,
    world: str | None = None,
    body: Mapping[str, Any] | None = None,
    secret: str | None = None,
    token: str | None = None,
    wait: float = 0,
) -> Any:
    """Return the answer of the emulator at *url*.  Raises ``ClientError``."""
    line = WorldConnection(
        url, world=world, token=token, secret=secret, timeout=COMMAND_TIMEOUT
    )
    with line:
        return line.send_command(method, path, body, wait=wait)


class WorldConnection:
    """Sends requests to the platform's API and the control API for one world.

    Without *world* and *token* it is the default one.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        url: str = DEFAULT_URL,
        *,
        world: str | None = None,
        token: str | None = None,
        secret: str | None = None,
        timeout: float = REQUEST_TIMEOUT,
        transport: Transport | None = None,
    ) -> None:
        self._transport = transport or SocketTransport(url)
        self._secret = secret
        self._timeout = timeout
        self._world_name = world
        self._token = token
        self.opened: list[Self] = []  # worlds that were created or forked from this one
        self.clock = WorldClock(self)
        self.tokens = WorldTokens(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; an emulator in process ends with it."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"<Emulator {self._world_name or 'default world'} at {self.url}>"

    @property
    def url(self) -> str:
        """The base of the platform's API."""
        return self._transport.url

    @property
    def world(self) -> str:
        """The name of the world."""
        if self._world_name is None:
            self._world_name = str(self.ask_fact("GET", "readyz").world)
        return self._world_name

    @property
    def token(self) -> str:
        """The first token that opens the world."""
        if self._token is None:
            self._token = self.ask_fact("GET", "world").token
        if self._token is None:
            message = f"world {self.world} has no token; create one with .tokens.create"
            raise ClientError(message)
        return self._token

    def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> ClientResponse:
        """Send a request to the platform, with the world's token.

        Raises ``ConnectionError`` or ``TimeoutError``, as any client may meet them.
        """
        sent = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        body = b""
        if json is not None:
            sent["Content-Type"] = "application/json"
            body = dumps(json).encode()
        sent |= headers or {}
        asked = ClientRequest(method, path, sent, body, self._timeout)
        return self._transport.send_request(asked)

    def send_command(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        wait: float = 0,
        **query: Any,
    ) -> Any:
        """Send a request to the control API, which may *wait* some seconds to answer.

        Raises ``ClientError`` where it refuses, or where no emulator answers.
        """
        __tracebackhide__ = True  # of pytest: what counts is who asked
        asked = self.make_command(method, path, body, query)
        return self._send_request(asked._replace(timeout=self._timeout + wait))

    def open_world(self, name: str, order: Mapping[str, Any]) -> Any:
        """Have a world opened, where requests for it will go.

        It is the header that tells a balancer so; no other world is named.
        """
        __tracebackhide__ = True
        apart = type(self)(secret=self._secret, transport=self._transport)
        asked = apart.make_command(
            "POST", "/_emulator/worlds", {"name": name, **order}, {}
        )
        headers = {**asked.headers, WORLD_HEADER: name}
        return self._send_request(
            asked._replace(headers=headers, timeout=self._timeout)
        )

    def _send_request(self, request: ClientRequest) -> Any:
        __tracebackhide__ = True
        try:
            return _parse_answer(self._transport.send_request(request))
        except (OSError, ValueError) as error:
            raise self._make_connect_error(error) from error

    def stream_events(self, path: str, timeout: float | None) -> Iterator[Fact]:
        """Return server-sent events from now on: ``event``, ``id`` and ``data``.

        Raises ``TimeoutError`` after so many seconds of silence.
        """
        return parse_events(self.open_stream(path, timeout or self._timeout))

    def open_stream(self, path: str, timeout: float) -> LiveStream:
        """Return a live stream of the control API.  Raises ``ClientError``."""
        asked = self.make_command("GET", path, None, {})
        asked = asked._replace(timeout=timeout)
        try:
            return self._transport.open_stream(asked)
        except NotStreamed as instead:
            _parse_answer(instead.response)
            raise
        except TimeoutError:
            raise
        except OSError as error:
            raise self._make_connect_error(error) from error

    def ask_fact(
        self, method: str, path: str, body: Any = None, **options: Any
    ) -> Fact:
        __tracebackhide__ = True
        answer: Fact = self.send_command(method, f"/_emulator/{path}", body, **options)
        return answer

    def ask_facts(self, path: str) -> list[Fact]:
        __tracebackhide__ = True
        answer: list[Fact] = self.send_command("GET", f"/_emulator/{path}")
        return answer

    def _make_connect_error(self, error: Exception) -> ClientError:
        return ClientError(
            f"no emulator answers at {self.url} ({error}); "
            "start one, or say with --url where it is"
        )

    def make_command(
        self, method: str, path: str, body: Any, query: Mapping[str, Any]
    ) -> ClientRequest:
        headers = {"Accept": "application/json"}
        if self._secret is not None:
            headers["X-Emulator-Control"] = self._secret
        if self._token is not None and self._world_name is None:
            headers["Authorization"] = f"Bearer {self._token}"
        named = {"world": self._world_name} if self._world_name is not None else {}
        if pairs := {**query, **named}:
            path = f"{path}?{urlencode(pairs)}"
        octets = b""
        if body is not None:
            headers["Content-Type"] = "application/json"
            octets = dumps(body).encode()
        return ClientRequest(method, path, headers, octets, self._timeout)


class WorldClock:
    """The time of a world."""

    def __init__(self, connection: WorldConnection) -> None:
        self._connection = connection

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._get_clock().now)

    @property
    def rate(self) -> float:
        """Seconds of the world in one second of the wall; 0 is frozen."""
        rate: float = self._get_clock().rate
        return rate

    def freeze(self) -> None:
        """Let time stand still; ``advance`` and ``settle`` move it."""
        self.run(0)

    def run(self, rate: float = 1) -> None:
        """Let time run; 60 makes a minute of every second."""
        self._connection.ask_fact("PUT", "clock", {"rate": rate})

    def __repr__(self) -> str:
        facts = self._get_clock()
        return f"<Clock {facts.now} at rate {facts.rate:g}>"

    def _get_clock(self) -> Fact:
        return self._connection.ask_fact("GET", "clock")


class WorldTokens:
    """The tokens of a world's account, in the order in which they were created."""

    def __init__(self, connection: WorldConnection) -> None:
        self._connection = connection

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.list())

    def list(self) -> "list[Fact]":
        return self._connection.ask_facts("tokens")

    def create(self, name: str) -> Fact:
        """Return a new token; its ``token`` is what a client sends."""
        return self._connection.ask_fact("POST", "tokens", {"name": name})

    def delete(self, token: str) -> None:
        self._connection.ask_fact("DELETE", f"tokens/{quote_segment(token)}")

    def expire(self, token: str) -> None:
        """Let a token expire at this instant of the world."""
        self._connection.ask_fact("POST", f"tokens/{quote_segment(token)}/expire")


def _parse_answer(answer: ClientResponse) -> Any:
    """Return the answer to a command.

    Raises ``ClientError`` for a problem document, ``ValueError`` for what no emulator
    would say.
    """
    __tracebackhide__ = True
    if answer.headers.get("content-type", "").startswith("application/problem+json"):
        problem = loads(answer.body)
        message = f"{problem['title']}: {problem['detail']}"
        raise ClientError(message, answer.status)
    if answer.status != HTTPStatus.OK:
        phrase = HTTPStatus(answer.status).phrase
        message = f"something else does, with {answer.status} {phrase}"
        raise ValueError(message)
    return loads(answer.body, object_hook=Fact)


def parse_events(chunks: Iterable[bytes]) -> Iterator[Fact]:
    buffer = b""
    for piece in chunks:
        *whole, buffer = (buffer + piece).split(b"\n\n")
        for octets in whole:
            if fact := _parse_event(octets.decode()):
                yield fact


def _parse_event(text: str) -> Fact | None:
    """Return one server-sent event; None for a comment."""
    fields = [line.partition(":") for line in text.splitlines() if line[:1] != ":"]
    fact = Fact({name: value.removeprefix(" ") for name, _, value in fields})
    if "data" not in fact:
        return None
    fact["data"] = loads(fact.data, object_hook=Fact)
    return fact


def drop_none(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def to_api_value(value: Any) -> Any:
    """Return an instant as the control API writes it, anything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value


def quote_segment(value: str | int) -> str:
    return quote(str(value), safe="")
