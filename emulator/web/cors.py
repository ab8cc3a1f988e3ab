"""Pages of other origins that may use the platform's API (CORS), where any are set.

Neither the control API nor the panel is ever opened by it, and no answer is given with
a visitor's own credentials: a page needs a token of its own.

Source: assumption GEN-23.
"""

import re
from collections.abc import Iterable, Iterator

from starlette.types import Message, Scope, Send

from emulator.web import http_response
from emulator.web.addresses import split_origin
from emulator.web.http_response import HeaderPair

ANY_ORIGIN = "*"
PREFLIGHT_METHOD = "OPTIONS"
PREFLIGHT_SECONDS = 600  # that a browser remembers the answer for
ALLOWED_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
# What a page may read of an answer beside its body.
EXPOSED_HEADERS = (
    b"Allow, Date, Location, Retry-After, WWW-Authenticate, X-Emulator-Fault, "
    b"X-Emulator-Notes, X-Emulator-Why"
)
HEADER_LIST_PATTERN = re.compile(rb"[\w.-]{1,64}(?:[ \t]*,[ \t]*[\w.-]{1,64})*")
MAX_HEADER_LIST = 1_024  # bytes of the names that a page asks to send
SECRET_HEADER_NAME = b"x-emulator-control"  # never to be sent by such a page
ORIGIN_PATTERN = re.compile(r"[a-z][a-z0-9+.-]*://[^/?#@*\s]+")


class CorsPolicy:
    """The origins whose pages may use the platform's API."""

    def __init__(self, origins: Iterable[str]) -> None:
        listed = [*origins]
        self._is_any = ANY_ORIGIN in listed
        self._origins = {split_origin(each) for each in listed if each != ANY_ORIGIN}

    def find_headers(self, scope: Scope) -> list[HeaderPair]:
        """Return the headers by which the page that asks may read the answer."""
        if self._is_any:
            return [_allow(b"origin", b"*"), _EXPOSING]
        vary = (b"vary", b"Origin")
        fields = dict(scope["headers"])
        origin = fields.get(b"origin", b"")
        parts = split_origin(origin.decode("latin-1"))
        if parts is None or parts not in self._origins:
            return [vary]
        return [_allow(b"origin", origin), _EXPOSING, vary]

    def find_preflight_headers(self, scope: Scope) -> list[HeaderPair] | None:
        """Return the answer to a browser that asks before it asks; None for others."""
        if scope["method"] != PREFLIGHT_METHOD:
            return None
        fields = dict(scope["headers"])
        if not {b"origin", b"access-control-request-method"} <= fields.keys():
            return None
        headers = self.find_headers(scope)
        if len(headers) == 1:  # of a page that may not
            return None
        named = fields.get(b"access-control-request-headers", b"")
        answer = [
            *(each for each in headers if each is not _EXPOSING),
            _allow(b"methods", ALLOWED_METHODS),
            (b"access-control-max-age", b"%d" % PREFLIGHT_SECONDS),
        ]
        if names := _select_header_names(named):
            answer.append(_allow(b"headers", names))
        return answer


def _select_header_names(named: bytes) -> bytes:
    """Return the names of headers that a page may send, of those that it asks for."""
    if len(named) > MAX_HEADER_LIST or not HEADER_LIST_PATTERN.fullmatch(named):
        return b""
    names = (each.strip() for each in named.split(b","))
    return b", ".join(each for each in names if each.lower() != SECRET_HEADER_NAME)


def _allow(what: bytes, value: bytes) -> HeaderPair:
    return b"access-control-allow-" + what, value


_EXPOSING: HeaderPair = (b"access-control-expose-headers", EXPOSED_HEADERS)


def add_response_headers(send: Send, headers: list[HeaderPair]) -> Send:
    """Return *send* with *headers* on each answer."""

    async def opening(message: Message) -> None:
        if message["type"] == http_response.RESPONSE_START:
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return opening


async def send_preflight_answer(send: Send, headers: list[HeaderPair]) -> None:
    """Send an answer without a body."""
    await send(
        {"type": http_response.RESPONSE_START, "status": 204, "headers": headers}
    )
    await send({"type": http_response.RESPONSE_BODY, "body": b""})


def parse_cors_origins(text: str) -> Iterator[str]:
    """Yield the origins of a list: ``http://localhost:5173, https://app.example.com``.

    Raises ``ValueError`` with a sentence for what is none.
    """
    for each in filter(None, map(str.strip, text.split(","))):
        origin = each.lower()
        if origin != ANY_ORIGIN and not (
            ORIGIN_PATTERN.fullmatch(origin) and split_origin(origin)
        ):
            message = (
                f"{each!r} is no origin: write http://localhost:5173, with scheme and "
                "port and without a path, or * for the pages of every website."
            )
            raise ValueError(message)
        yield origin
