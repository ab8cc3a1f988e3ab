"""Admit or refuse a request by its host and its page, before anything else.

Every request passes here first, on each of the listeners.
"""

from collections.abc import Callable
from typing import NamedTuple

from starlette.types import Message, Scope, Send

from emulator.domain.emulator_refusals import FOREIGN_ORIGIN, MISDIRECTED
from emulator.domain.refusals import Refusal
from emulator.web import http_response, origins
from emulator.web.hosts import AllowedHosts
from emulator.web.http_response import HeaderPair, HttpResponse

MAX_SHOWN_HOST = 100  # characters of what was sent, in a sentence about it
HTML_PREFIX = b"text/html"
CSP_HEADER = b"content-security-policy"
# No page or answer of ours is shown or read inside a page of another origin.
EMBED_HEADERS: tuple[HeaderPair, ...] = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
)
SAME_ORIGIN_HEADER: HeaderPair = (b"cross-origin-resource-policy", b"same-origin")
HTML_HEADERS: tuple[HeaderPair, ...] = (
    (CSP_HEADER, b"frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

RenderRefusal = Callable[[Refusal, Scope], HttpResponse]


class RefusalRenderers(NamedTuple):
    """How each part of the application renders a refusal."""

    platform: RenderRefusal
    control: RenderRefusal
    pages: RenderRefusal


class Admission:
    """Refuses requests to an unknown host, or from a page of another origin."""

    def __init__(self, hosts: AllowedHosts, renderers: RefusalRenderers) -> None:
        self._hosts = hosts
        self._renderers = renderers

    def find_refusal(self, scope: Scope) -> HttpResponse | None:
        """Return the refusal of a request, or None if it is admitted.

        One without any ``Host`` is admitted: no browser sends that, HTTP/1.0 may.
        """
        headers = scope["headers"]
        fields = dict(headers)  # faster than a loop
        host = fields.get(b"host")
        is_alone = len(fields) == len(headers) or _count_hosts(headers) == 1
        if host is not None and not (is_alone and self._hosts.is_allowed(host)):
            return self._render_refusal(_make_host_refusal(headers), scope)
        path = scope["path"]
        if path.startswith(origins.PLATFORM_PREFIX):
            return None
        why = origins.find_objection(scope, origins.get_allowed_pages(path))
        return (
            self._render_refusal(Refusal(FOREIGN_ORIGIN, why), scope) if why else None
        )

    def _render_refusal(self, refusal: Refusal, scope: Scope) -> HttpResponse:
        path = scope["path"]
        if path.startswith(origins.CONTROL_PREFIX):
            return self._renderers.control(refusal, scope)
        if origins.is_page_path(path):
            return self._renderers.pages(refusal, scope)
        return self._renderers.platform(refusal, scope)


def add_security_headers(send: Send, path: str) -> Send:
    """Return *send* with headers that keep other origins from framing or reading."""
    is_shared = origins.get_allowed_pages(path) is origins.AllowedPages.ANY

    async def shutting(message: Message) -> None:
        if message["type"] == http_response.RESPONSE_START:
            headers = message["headers"]
            is_html = any(
                name == b"content-type" and value.startswith(HTML_PREFIX)
                for name, value in headers
            )
            more = (
                *EMBED_HEADERS,
                *(() if is_shared else (SAME_ORIGIN_HEADER,)),
                *(HTML_HEADERS if is_html else ()),
            )
            said = {name for name, _ in headers}
            message["headers"] = [
                *headers,
                *(each for each in more if each[0] not in said),
            ]
        await send(message)

    return shutting


def _count_hosts(headers: list[HeaderPair]) -> int:
    return sum(name == b"host" for name, _ in headers)


def _make_host_refusal(headers: list[HeaderPair]) -> Refusal:
    named = (value.decode("latin-1") for name, value in headers if name == b"host")
    host = _shorten_host(" and ".join(named))
    why = (
        f"the request is for the host {host!r}: where that is a name of this emulator, "
        "start it with --allowed-host and the name (or EMULATOR_ALLOWED_HOST); where "
        "it is none, ask for localhost or an IP address"
    )
    return Refusal(MISDIRECTED, why, host=host)


def _shorten_host(text: str) -> str:
    return text if len(text) <= MAX_SHOWN_HOST else f"{text[:MAX_SHOWN_HOST]}..."
