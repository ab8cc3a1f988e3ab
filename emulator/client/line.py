"""The line between a client and one world of an emulator.

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
    NoStream,
    Request,
    Response,
    Socket,
    Stream,
    Transport,
)

URL = "http://127.0.0.1:7672"
SECONDS = 2.0  # that an answer to one command of the command line may take
PLACE = "X-Emulator-World"  # by which a balancer finds the process of a world
TIMEOUT = 30.0  # seconds; only an emulator that hangs comes near


class ClientError(Exception):
    """No emulator answers, or it declines; the message says which and why."""

    def __init__(self, message: str, status: int = 0) -> None:
        super().__init__(message)
        self.status = status  # of HTTP, where it declines


def ask(  # noqa: PLR0913 - a command has these parts
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
    """Return what the emulator at *url* answers.  Raises ``ClientError``."""
    line = Line(url, world=world, token=token, secret=secret, timeout=SECONDS)
    with line:
        return line.control(method, path, body, wait=wait)


class Line:
    """Asks the platform's API and the control API for one world.

    Without *world* and *token* it is the default one.
    """

    def __init__(  # noqa: PLR0913 - all but the first by name
        self,
        url: str = URL,
        *,
        world: str | None = None,
        token: str | None = None,
        secret: str | None = None,
        timeout: float = TIMEOUT,
        transport: Transport | None = None,
    ) -> None:
        self._transport = transport or Socket(url)
        self._secret = secret
        self._timeout = timeout
        self._named = world
        self._token = token
        self.opened: list[Self] = []  # worlds that came of this one, by its commands
        self.clock = Clock(self)
        self.tokens = Tokens(self)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Hang up; an emulator in process ends with it."""
        self._transport.close()

    def __repr__(self) -> str:
        return f"<Emulator {self._named or 'default world'} at {self.url}>"

    @property
    def url(self) -> str:
        """The base of the platform's API."""
        return self._transport.url

    @property
    def world(self) -> str:
        """The name of the world."""
        if self._named is None:
            self._named = str(self.ask("GET", "readyz").world)
        return self._named

    @property
    def token(self) -> str:
        """The first token that opens the world."""
        if self._token is None:
            self._token = self.ask("GET", "world").token
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
    ) -> Response:
        """Ask the platform, with the world's token.

        Raises ``ConnectionError`` or ``TimeoutError``, as any client may meet them.
        """
        sent = {"Accept": "application/json", "Authorization": f"Bearer {self.token}"}
        body = b""
        if json is not None:
            sent["Content-Type"] = "application/json"
            body = dumps(json).encode()
        sent |= headers or {}
        asked = Request(method, path, sent, body, self._timeout)
        return self._transport.request(asked)

    def control(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        wait: float = 0,
        **query: Any,
    ) -> Any:
        """Ask the control API, which may *wait* so many seconds before it answers.

        Raises ``ClientError`` where it declines, or where no emulator answers.
        """
        __tracebackhide__ = True  # of pytest: what counts is who asked
        asked = self.command(method, path, body, query)
        return self._answered(asked._replace(timeout=self._timeout + wait))

    def opening(self, name: str, order: Mapping[str, Any]) -> Any:
        """Have a world opened, where requests for it will go.

        It is the header that tells a balancer so; no other world is named.
        """
        __tracebackhide__ = True
        apart = type(self)(secret=self._secret, transport=self._transport)
        asked = apart.command("POST", "/_emulator/worlds", {"name": name, **order}, {})
        headers = {**asked.headers, PLACE: name}
        return self._answered(asked._replace(headers=headers, timeout=self._timeout))

    def _answered(self, asked: Request) -> Any:
        __tracebackhide__ = True
        try:
            return _accepted(self._transport.request(asked))
        except (OSError, ValueError) as error:
            raise self._nobody(error) from error

    def stream(self, path: str, timeout: float | None) -> Iterator[Fact]:
        """Return server-sent events from now on: ``event``, ``id`` and ``data``.

        Raises ``TimeoutError`` after so many seconds of silence.
        """
        return events(self.pieces(path, timeout or self._timeout))

    def pieces(self, path: str, timeout: float) -> Stream:
        """Return a live stream of the control API.  Raises ``ClientError``."""
        asked = self.command("GET", path, None, {})
        asked = asked._replace(timeout=timeout)
        try:
            return self._transport.stream(asked)
        except NoStream as instead:
            _accepted(instead.response)
            raise
        except TimeoutError:
            raise
        except OSError as error:
            raise self._nobody(error) from error

    def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Fact:
        __tracebackhide__ = True
        answer: Fact = self.control(method, f"/_emulator/{path}", body, **options)
        return answer

    def listed(self, path: str) -> list[Fact]:
        __tracebackhide__ = True
        answer: list[Fact] = self.control("GET", f"/_emulator/{path}")
        return answer

    def _nobody(self, error: Exception) -> ClientError:
        return ClientError(
            f"no emulator answers at {self.url} ({error}); "
            "start one, or say with --url where it is"
        )

    def command(
        self, method: str, path: str, body: Any, query: Mapping[str, Any]
    ) -> Request:
        headers = {"Accept": "application/json"}
        if self._secret is not None:
            headers["X-Emulator-Control"] = self._secret
        if self._token is not None and self._named is None:
            headers["Authorization"] = f"Bearer {self._token}"
        named = {"world": self._named} if self._named is not None else {}
        if pairs := {**query, **named}:
            path = f"{path}?{urlencode(pairs)}"
        octets = b""
        if body is not None:
            headers["Content-Type"] = "application/json"
            octets = dumps(body).encode()
        return Request(method, path, headers, octets, self._timeout)


class Clock:
    """The time of a world."""

    def __init__(self, line: Line) -> None:
        self._line = line

    @property
    def now(self) -> datetime:
        return datetime.fromisoformat(self._facts().now)

    @property
    def rate(self) -> float:
        """Seconds of the world in one second of the wall; 0 is frozen."""
        rate: float = self._facts().rate
        return rate

    def freeze(self) -> None:
        """Let time stand still; ``advance`` and ``settle`` move it."""
        self.run(0)

    def run(self, rate: float = 1) -> None:
        """Let time run; 60 makes a minute of every second."""
        self._line.ask("PUT", "clock", {"rate": rate})

    def __repr__(self) -> str:
        facts = self._facts()
        return f"<Clock {facts.now} at rate {facts.rate:g}>"

    def _facts(self) -> Fact:
        return self._line.ask("GET", "clock")


class Tokens:
    """The tokens of a world's account, in the order in which they were created."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def __iter__(self) -> Iterator[Fact]:
        return iter(self.list())

    def list(self) -> "list[Fact]":
        return self._line.listed("tokens")

    def create(self, name: str) -> Fact:
        """Return a new token; its ``token`` is what a client sends."""
        return self._line.ask("POST", "tokens", {"name": name})

    def delete(self, token: str) -> None:
        self._line.ask("DELETE", f"tokens/{quoted(token)}")

    def expire(self, token: str) -> None:
        """Let a token expire at this instant of the world."""
        self._line.ask("POST", f"tokens/{quoted(token)}/expire")


def _accepted(answer: Response) -> Any:
    """Return what a command was answered.

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


def events(pieces: Iterable[bytes]) -> Iterator[Fact]:
    buffer = b""
    for piece in pieces:
        *whole, buffer = (buffer + piece).split(b"\n\n")
        for octets in whole:
            if fact := _event(octets.decode()):
                yield fact


def _event(text: str) -> Fact | None:
    """Return one server-sent event; None for a comment."""
    fields = [line.partition(":") for line in text.splitlines() if line[:1] != ":"]
    fact = Fact({name: value.removeprefix(" ") for name, _, value in fields})
    if "data" not in fact:
        return None
    fact["data"] = loads(fact.data, object_hook=Fact)
    return fact


def given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def written(value: Any) -> Any:
    """Return an instant as the control API writes it, anything else as it is."""
    return value.isoformat() if isinstance(value, datetime) else value


def quoted(value: str | int) -> str:
    return quote(str(value), safe="")
