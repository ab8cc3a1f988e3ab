"""Who is let in: settled by host and page, before a request is looked at.

Every request comes by here, whichever way it came, and nothing has happened before.
"""

from collections.abc import Callable
from typing import NamedTuple

from starlette.types import Message, Scope, Send

from emulator.domain.refusals import FOREIGN_ORIGIN, MISDIRECTED, Refusal
from emulator.web import origins
from emulator.web import http_body
from emulator.web.hosts import Hosts
from emulator.web.http_body import Answer, Header

SHOWN = 100  # characters of what was sent, in a sentence about it
MARKUP = b"text/html"
CSP = b"content-security-policy"
# Nothing of ours is shown or read inside of what is somebody else's.
SHUT: tuple[Header, ...] = (
    (b"x-frame-options", b"DENY"),
    (b"x-content-type-options", b"nosniff"),
)
UNSHARED: Header = (b"cross-origin-resource-policy", b"same-origin")
OF_HTML: tuple[Header, ...] = (
    (CSP, b"frame-ancestors 'none'"),
    (b"cross-origin-opener-policy", b"same-origin"),
)

Decline = Callable[[Refusal, Scope], Answer]


class Manners(NamedTuple):
    """How each part of us says no."""

    platform: Decline
    control: Decline
    pages: Decline


class Admission:
    """Refuses what is for another host, or asked for by another's page."""

    def __init__(self, hosts: Hosts, manners: Manners) -> None:
        self._hosts = hosts
        self._manners = manners

    def refused(self, scope: Scope) -> Answer | None:
        """Return the answer to a request that is not let in; None to one that is.

        One without any ``Host`` is: no browser sends that, HTTP/1.0 may.
        """
        headers = scope["headers"]
        fields = dict(headers)  # quicker than to go through them one by one
        host = fields.get(b"host")
        is_alone = len(fields) == len(headers) or _count_hosts(headers) == 1
        if host is not None and not (is_alone and self._hosts.know(host)):
            return self._say(_misdirected(headers), scope)
        path = scope["path"]
        if path.startswith(origins.PLATFORM):
            return None
        why = origins.objection(scope, origins.pages_for(path))
        return self._say(Refusal(FOREIGN_ORIGIN, why), scope) if why else None

    def _say(self, refusal: Refusal, scope: Scope) -> Answer:
        path = scope["path"]
        if path.startswith(origins.STEERING):
            return self._manners.control(refusal, scope)
        if origins.is_page(path):
            return self._manners.pages(refusal, scope)
        return self._manners.platform(refusal, scope)


def shut(send: Send, path: str) -> Send:
    """Return *send* for what no page elsewhere may show in a frame, or read."""
    is_shared = origins.pages_for(path) is origins.Pages.ANY

    async def shutting(message: Message) -> None:
        if message["type"] == http_body.START:
            headers = message["headers"]
            is_html = any(
                name == b"content-type" and value.startswith(MARKUP)
                for name, value in headers
            )
            more = (
                *SHUT,
                *(() if is_shared else (UNSHARED,)),
                *(OF_HTML if is_html else ()),
            )
            said = {name for name, _ in headers}
            message["headers"] = [
                *headers,
                *(each for each in more if each[0] not in said),
            ]
        await send(message)

    return shutting


def _count_hosts(headers: list[Header]) -> int:
    return sum(name == b"host" for name, _ in headers)


def _misdirected(headers: list[Header]) -> Refusal:
    named = (value.decode("latin-1") for name, value in headers if name == b"host")
    host = _cut(" and ".join(named))
    why = (
        f"the request is for the host {host!r}: where that is a name of this emulator, "
        "start it with --allowed-host and the name (or EMULATOR_ALLOWED_HOST); where "
        "it is none, ask for localhost or an IP address"
    )
    return Refusal(MISDIRECTED, why, host=host)


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."
