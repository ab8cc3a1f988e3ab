"""Send one HTTP request to a customer's server, over a connection that may be reused.

Redirects are not followed, an answer is read up to a bound, and a request that has left
is never sent again by itself.
"""

import asyncio
import socket
import ssl
from functools import cache, partial
from itertools import chain
from typing import NamedTuple, cast
from urllib.parse import quote, urlsplit

import httptools

from emulator.contract.memo import cache_short_keys
from emulator.domain.delivery import Verdict
from emulator.domain.targets import AllowedTargets
from emulator.network.resolver import ForbiddenTargetError, dial_host
from emulator.world.outbox import PushRequest, PushResponse, append_query

IDLE_SECONDS = 1.0  # seconds that an idle connection is used again
MAX_HEAD_LENGTH = 64 * 1024  # octets that may come before a body
SCHEME_PORTS = {"http": 80, "https": 443}
URL_SAFE = "%/?:@!$&'()*+,;=~-._[]"  # of a path and a query, as they stand
LOCAL_HOSTS = frozenset({"localhost", "127.0.0.1", "::1"})
REQUEST_HEADERS = "User-Agent: smsclouds-emulator\r\nAccept: */*\r\n"
FORM_TYPE = "application/x-www-form-urlencoded"


class NoResponseError(Exception):
    """No answer came; the verdict says why, the message what to try."""

    def __init__(self, verdict: Verdict, message: str) -> None:
        super().__init__(message)
        self.verdict = verdict


class HttpTarget(NamedTuple):
    """The host, port and scheme of a URL."""

    scheme: str
    host: str
    port: int
    authority: str  # the value of the header Host


class HttpCaller:
    """Calls servers; idle connections are kept for a moment."""

    def __init__(
        self, targets: AllowedTargets, *, body_limit: int, in_container: bool = False
    ) -> None:
        self._targets = targets
        self._body_limit = body_limit  # octets of an answer that are read
        self._in_container = in_container
        self._idle: dict[HttpTarget, list[CallConnection]] = {}
        self._cleanup: asyncio.Task[None] | None = None

    async def send_push(self, push: PushRequest) -> PushResponse:
        """Return the answer to *push*.

        Raises ``NoResponseError`` where there is none.  The caller sets the time limit.
        """
        place, path = _parse_url(push.url)
        connection = self._take_idle(place) or await self._open_connection(place)
        try:
            answer = await connection.send_request(_encode_request(push, place, path))
        except BaseException:
            connection.close()
            raise
        if connection.is_reusable:
            self._keep_idle(place, connection)
        else:
            connection.close()
        return answer

    def _keep_idle(self, place: HttpTarget, connection: "CallConnection") -> None:
        """Keep an idle connection for a moment."""
        connection.mark_idle()
        self._idle.setdefault(place, []).append(connection)
        if self._cleanup is None or self._cleanup.done():
            self._cleanup = asyncio.create_task(self._close_stale())

    async def _close_stale(self) -> None:
        """Close what has been idle for too long, and all where the loop ends."""
        try:
            while self._idle:
                await asyncio.sleep(IDLE_SECONDS)
                for place, idle in tuple(self._idle.items()):
                    self._idle[place] = [each for each in idle if each.is_fresh]
                    for each in idle:
                        if not each.is_fresh:
                            each.close()
                    if not self._idle[place]:
                        del self._idle[place]
        finally:
            for each in chain.from_iterable(self._idle.values()):
                each.close()
            self._idle.clear()

    def _take_idle(self, place: HttpTarget) -> "CallConnection | None":
        idle = self._idle.get(place)
        while idle:
            connection = idle.pop()
            if connection.is_fresh:
                return connection
            connection.close()
        return None

    async def _open_connection(self, place: HttpTarget) -> "CallConnection":
        """Return a new connection to an allowed address of the target."""
        tls = {}
        if place.scheme == "https":
            tls = {"ssl": _make_client_context(), "server_hostname": place.host}
        new = partial(CallConnection, self._body_limit)
        try:
            return await dial_host(self._targets, new, place.host, place.port, **tls)
        except ForbiddenTargetError as error:
            raise NoResponseError(Verdict.FORBIDDEN, str(error)) from error
        except ConnectionRefusedError as error:
            raise NoResponseError(
                Verdict.REFUSED, self._explain_refusal(place)
            ) from error
        except (socket.gaierror, UnicodeError) as error:
            message = f"the name {place.host} leads nowhere: {error}"
            raise NoResponseError(Verdict.BROKEN, message) from error
        except (OSError, ssl.SSLError) as error:
            message = f"no connection to {place.authority}: {error}"
            raise NoResponseError(Verdict.BROKEN, message) from error

    def _explain_refusal(self, place: HttpTarget) -> str:
        """Return what to try where nothing listens."""
        message = f"nothing listens on {place.authority}"
        if place.host in LOCAL_HOSTS and self._in_container:
            return (
                f"{message}: in a container that is the container itself; use "
                "host.docker.internal, or run smsclouds-emulator listen beside the "
                "receiver"
            )
        return f"{message}; is the receiver running?"


class CallConnection(asyncio.Protocol):
    """One connection, which sends one request at a time."""

    def __init__(self, body_limit: int) -> None:
        self._body_limit = body_limit
        self._loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[PushResponse] | None = None
        self._idle_since = 0.0
        self._reset_answer()

    @property
    def is_reusable(self) -> bool:
        """Whether it can send another request."""
        return self._whole and not self._transport.is_closing()

    @property
    def is_fresh(self) -> bool:
        """Whether it was used so recently that the server still keeps it open."""
        return self.is_reusable and self._loop.time() - self._idle_since < IDLE_SECONDS

    def mark_idle(self) -> None:
        self._idle_since = self._loop.time()

    async def send_request(self, request: bytes) -> PushResponse:
        """Send *request* and return the answer.  Raises ``NoResponseError``."""
        self._reset_answer()
        self._answer = self._loop.create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        self._transport.abort()

    def _reset_answer(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._body = b""
        self._head = 0  # octets of it so far
        self._has_begun = self._whole = False

    # --- What the transport tells ---------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, octets: bytes) -> None:
        try:
            self._parser.feed_data(octets)
        except httptools.HttpParserError as error:
            self._fail_answer(f"the answer is no HTTP: {error}")
        if not self._has_begun:
            self._head += len(octets)
            if self._head > MAX_HEAD_LENGTH:
                self._fail_answer("the headers of the answer do not end")

    def connection_lost(self, error: Exception | None) -> None:
        if self._has_begun and error is None and not self._has_length():
            self._finish_answer()  # an answer that ends with its connection
        else:
            self._fail_answer("the connection was closed before the end of the answer")

    # --- What the parser tells --------------------------------------------------------

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        self._has_begun = self._parser.get_status_code() >= 200  # noqa: PLR2004

    def on_body(self, octets: bytes) -> None:
        self._body += octets
        if len(self._body) >= self._body_limit:
            self._body = self._body[: self._body_limit]
            self._finish_answer()

    def on_message_complete(self) -> None:
        if self._has_begun:
            self._whole = self._parser.should_keep_alive()
            self._finish_answer()
        else:  # 100 Continue and its like
            self._headers = []

    def _has_length(self) -> bool:
        """Whether the answer states where it ends."""
        names = {name for name, _ in self._headers}
        return not names.isdisjoint({"content-length", "transfer-encoding"})

    def _finish_answer(self) -> None:
        if self._answer and not self._answer.done():
            status = self._parser.get_status_code()
            text = self._body.decode("utf-8", "replace")
            self._answer.set_result(PushResponse(status, tuple(self._headers), text))

    def _fail_answer(self, message: str) -> None:
        if self._answer and not self._answer.done():
            self._answer.set_exception(NoResponseError(Verdict.BROKEN, message))
        self._transport.abort()


@cache_short_keys(4_096)
def _parse_url(url: str) -> tuple[HttpTarget, str]:
    """Return where *url* leads, and its path and query in ASCII, without fragment."""
    try:
        parts = urlsplit(url)
        scheme = parts.scheme
        name = (parts.hostname or "").encode("idna").decode("ascii")
        port = parts.port or SCHEME_PORTS[scheme]
    except (ValueError, KeyError) as error:
        message = f"{url} is no address of http or https"
        raise NoResponseError(Verdict.FORBIDDEN, message) from error
    host = f"[{name}]" if ":" in name else name
    authority = host if port == SCHEME_PORTS[scheme] else f"{host}:{port}"
    query = f"?{parts.query}" if parts.query else ""
    path = quote((parts.path or "/") + query, safe=URL_SAFE)
    return HttpTarget(scheme, name, port, authority), path


def _encode_request(push: PushRequest, place: HttpTarget, path: str) -> bytes:
    """Return the bytes of the request; the URL's own query stays (MOP-09)."""
    target, body = path, ""
    head = f"Host: {place.authority}\r\n{REQUEST_HEADERS}"
    if push.method == "POST":
        body = push.parameters
        head += f"Content-Type: {FORM_TYPE}\r\nContent-Length: {len(body)}\r\n"
    else:
        target = append_query(target, push.parameters)
    return f"{push.method} {target} HTTP/1.1\r\n{head}\r\n{body}".encode("ascii")


@cache
def _make_client_context() -> ssl.SSLContext:
    return ssl.create_default_context()
