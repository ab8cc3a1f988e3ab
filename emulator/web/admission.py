"""Admit or refuse a request by its host and its page, before anything else.

Every request passes here first, on each of the listeners.

A website can let its own name lead to this machine (DNS rebinding). For a browser its
pages then come from us and may do all that ours may; their ``Host`` gives them away.
So the hosts that are answered are those that no website has, and those that are set.
"""

import re
import socket
from collections.abc import Callable, Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import NamedTuple

from starlette.types import Message, Scope, Send

from emulator.domain.emulator_refusals import FOREIGN_ORIGIN, MISDIRECTED
from emulator.domain.refusals import Refusal
from emulator.web import http_response, origins
from emulator.web.addresses import split_authority
from emulator.web.http_response import HeaderPair, HttpResponse

LABEL_PATTERN = "[a-z0-9_-]{1,63}"
NAME_PATTERN = re.compile(rf"{LABEL_PATTERN}(?:\.{LABEL_PATTERN})*")
MAX_NAME_LENGTH = 253  # characters of a name; source: RFC 1035
MAX_AUTHORITY_LENGTH = MAX_NAME_LENGTH + len(".:65535")
# Public DNS holds nothing below them; source: RFC 6761, 6762, 8375, ICANN 2024-07-29.
PRIVATE_DOMAINS = (".localhost", ".test", ".local", ".internal", ".home.arpa")
PLATFORM_HOST = "smsclouds.cloud"  # the platform's own, with /etc/hosts or --connect-to
ANY_NAME = "*"
MAX_CACHED = 64  # values of Host whose verdict is cached
NAMES_FILE = Path("/etc/hosts")

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


class AllowedHosts:
    """Loopback, IP addresses, names that are private by definition, and *names*.

    A name that begins with a dot is a domain with all below it; ``*`` is every name.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        known = {PLATFORM_HOST, *(each.lower().removesuffix(".") for each in names)}
        self._is_any = ANY_NAME in known
        self._names = frozenset(known)
        domains = (each for each in known if each.startswith("."))
        self._domains = (*PRIVATE_DOMAINS, *domains)
        self._cache: set[bytes] = set()

    def is_allowed(self, authority: bytes) -> bool:
        """Return whether the value of a ``Host``, port included, is allowed.

        What was known is remembered, within bounds; nothing else is.
        """
        if authority in self._cache:
            return True
        if len(authority) > MAX_AUTHORITY_LENGTH:
            return False
        split = split_authority(authority.decode("latin-1"))
        if split is None or not self._is_allowed_name(split[0]):
            return False
        if len(self._cache) == MAX_CACHED:
            self._cache.clear()
        self._cache.add(authority)
        return True

    def _is_allowed_name(self, host: str) -> bool:
        if is_address(host):
            return True
        if len(host) > MAX_NAME_LENGTH or not NAME_PATTERN.fullmatch(host):
            return False
        return (
            self._is_any
            or "." not in host
            or host in self._names
            or f".{host}".endswith(self._domains)
        )


def is_address(host: str) -> bool:
    """Return whether *host* is an IP address, as a URL writes it.

    ``127.1`` and ``2130706433`` are none: browsers send what they mean.
    """
    is_v6 = host.startswith("[") and host.endswith("]")
    try:
        _ = IPv6Address(host[1:-1]) if is_v6 else IPv4Address(host)
    except ValueError:
        return False
    return True


def parse_host_names(text: str) -> Iterator[str]:
    """Yield the names of a list: ``sms.example.com, .ci.example.com``.

    Raises ``ValueError`` with a sentence for what can be no host.
    """
    for each in filter(None, map(str.strip, text.split(","))):
        yield each if each == ANY_NAME else _parse_host_name(each)


def _parse_host_name(text: str) -> str:
    name = text.lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            name = ""  # and so refused
    name = name.removesuffix(".")
    bare = name.removeprefix(".")
    if (NAME_PATTERN.fullmatch(bare) and len(bare) <= MAX_NAME_LENGTH) or is_address(
        _add_brackets(name)
    ):
        return name
    message = (
        f"{text!r} is no host name: write sms.example.com without scheme, port and "
        "path, .example.com for a domain and all below it, or * for every name."
    )
    raise ValueError(message)


def _add_brackets(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def read_machine_names(path: Path = NAMES_FILE) -> frozenset[str]:
    """Return the names of this machine, as it knows them without a name server."""
    own = socket.gethostname().lower()
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    entries = (line.partition("#")[0].lower().split()[1:] for line in lines)
    return frozenset({own}.union(*(names for names in entries if own in names)))


# --- Requests -------------------------------------------------------------------

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
    host = origins.shorten_shown(" and ".join(named))
    why = (
        f"the request is for the host {host!r}: where that is a name of this emulator, "
        "start it with --allowed-host and the name (or EMULATOR_ALLOWED_HOST); where "
        "it is none, ask for localhost or an IP address"
    )
    return Refusal(MISDIRECTED, why, host=host)
