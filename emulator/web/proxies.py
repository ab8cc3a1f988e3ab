"""What proxies say of a request that they pass on, and which of them are believed.

A proxy ends TLS, changes ``Host``, or serves the emulator below a path of its own. What
it says of that is believed of the addresses in ``--trusted-proxy`` only; where it says
nothing, ``--public-url`` is where browsers find the emulator.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from ipaddress import (
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import NamedTuple

from starlette.types import Scope

from emulator.web.addresses import (
    INSIDE,
    OUTSIDE_KEY,
    OutsideAddress,
    get_client_address,
    split_origin,
)
from emulator.web.http_response import HeaderPair

IpNetwork = IPv4Network | IPv6Network

SCHEMES = frozenset({"http", "https"})
SEGMENT_PATTERN = "[A-Za-z0-9_~-][A-Za-z0-9._~-]{0,63}"
PREFIX_PATTERN = re.compile(rf"(?:/{SEGMENT_PATTERN}){{1,8}}")
PUBLIC_URL_PATTERN = re.compile(r"(?i)(https?://[^/?#@\s]+)(/[^?#\s]*)?")
# The first segments of paths of our own: below them nothing is taken for a prefix.
OWN_SEGMENTS = frozenset({"api", "_emulator", "docs", "openapi.json", "panel", "s"})
FORWARDED_PARTS = re.compile(
    r'(?P<name>[A-Za-z]+)=(?:"(?P<quoted>[^"\\]*)"|(?P<plain>[^",;\s]*))|(?P<comma>,)'
)  # source: RFC 7239


class ProxyRules:
    """Which proxies are believed, and where the emulator is for browsers."""

    def __init__(
        self, networks: Iterable[IpNetwork] = (), public: OutsideAddress | None = None
    ) -> None:
        self._networks = tuple(networks)
        self._public = public

    def rewrite_scope(self, scope: Scope) -> None:
        """Have *scope* say what the client asked for: address, scheme, host, path."""
        outside = self._public or INSIDE
        peer = get_client_address(scope)
        if self._is_trusted(peer):
            said = _read_claims(scope["headers"])
            client, hops = self._find_client(peer, said.clients)
            _set_client(scope, client)
            _set_scheme_and_host(scope, said, hops)
            prefix = _pick_value(said.prefixes, hops).rstrip("/")
            if self._public is None and PREFIX_PATTERN.fullmatch(prefix):
                outside = OutsideAddress(prefix=prefix)
        if outside is not INSIDE:
            scope[OUTSIDE_KEY] = outside
            scope["path"] = _remove_prefix(scope["path"], outside.prefix)

    def _is_trusted(self, address: str) -> bool:
        try:
            parsed = ip_address(address)
        except ValueError:
            return False
        if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
            parsed = parsed.ipv4_mapped
        return any(parsed in network for network in self._networks)

    def _find_client(self, peer: str, clients: Sequence[str]) -> tuple[str, int]:
        """Return the client's address, and through how many trusted proxies it came.

        Each proxy adds the address that asked it: what stands before the first one
        that is not trusted may be invented.
        """
        client, hops = peer, 1
        for named in map(_remove_port, reversed(clients)):
            if not _is_address(named):
                break
            client = named
            if not self._is_trusted(named):
                break
            hops += 1
        return client, hops


class _Claims(NamedTuple):
    """What proxies say, each value in the order of the proxies."""

    clients: Sequence[str]
    schemes: Sequence[str]
    hosts: Sequence[str]
    prefixes: Sequence[str]


def _read_claims(headers: Iterable[HeaderPair]) -> _Claims:
    """Return what ``X-Forwarded-*`` says; without any of it, ``Forwarded``."""
    lists: dict[str, list[str]] = {}
    for name, value in headers:
        if name == b"forwarded" or name.startswith(b"x-forwarded-"):
            found = lists.setdefault(name.decode("latin-1"), [])
            found.append(value.decode("latin-1"))
    own = ("for", "proto", "host", "prefix")
    if any(f"x-forwarded-{each}" in lists for each in own):
        values = (_split_values(lists.get(f"x-forwarded-{each}", ())) for each in own)
        return _Claims(*values)
    elements = [*_iter_forwarded(", ".join(lists.get("forwarded", ())))]
    clients, schemes, hosts = (
        [each.get(name, "") for each in elements] for name in own[:3]
    )
    return _Claims(clients, schemes, hosts, prefixes=())


def _split_values(values: Iterable[str]) -> list[str]:
    return [each.strip() for each in ",".join(values).split(",") if each.strip()]


def _iter_forwarded(text: str) -> Iterator[dict[str, str]]:
    """Yield the elements of a header ``Forwarded``."""
    element: dict[str, str] = {}
    for part in FORWARDED_PARTS.finditer(text):
        if part["comma"]:
            yield element
            element = {}
        else:
            element[part["name"].lower()] = part["quoted"] or part["plain"] or ""
    if element:
        yield element


def _pick_value(values: Sequence[str], hops: int) -> str:
    """Return what the outermost trusted proxy said; the last ones said the last."""
    if not values:
        return ""
    return values[-hops] if hops <= len(values) else values[0]


def _set_client(scope: Scope, address: str) -> None:
    if address != get_client_address(scope):
        scope["client"] = (address, 0)


def _set_scheme_and_host(scope: Scope, said: _Claims, hops: int) -> None:
    scheme = _pick_value(said.schemes, hops).lower()
    if scheme in SCHEMES:
        scope["scheme"] = scheme
    if host := _pick_value(said.hosts, hops):
        others = (each for each in scope["headers"] if each[0] != b"host")
        scope["headers"] = [(b"host", host.encode("latin-1")), *others]


def _remove_prefix(path: str, prefix: str) -> str:
    """Return *path* without *prefix*, where the proxy has left it there."""
    if not prefix or prefix.split("/")[1] in OWN_SEGMENTS:
        return path
    if path == prefix:
        return "/"
    return path.removeprefix(prefix) if path.startswith(f"{prefix}/") else path


def _remove_port(text: str) -> str:
    """Return the address of ``203.0.113.9:4711`` and ``[2001:db8::1]:4711``."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


# --- Settings ------------------------------------------------------------------------


def parse_proxy_networks(text: str) -> Iterator[IpNetwork]:
    """Yield the networks of a list: ``127.0.0.1, 172.16.0.0/12, ::1``.

    Raises ``ValueError`` with a sentence for what is none.
    """
    for each in filter(None, map(str.strip, text.split(","))):
        try:
            yield ip_network(each, strict=False)
        except ValueError:
            message = (
                f"{each!r} is no address and no network: write 10.0.0.7, or "
                "172.16.0.0/12 for all of it."
            )
            raise ValueError(message) from None


def parse_public_url(text: str) -> OutsideAddress:
    """Return an address such as ``https://sms.example.com/sms``.

    Raises ``ValueError`` with a sentence for what is none.
    """
    found = PUBLIC_URL_PATTERN.fullmatch(text)
    prefix = (found[2] or "").rstrip("/") if found else ""
    if found and split_origin(found[1]) and PREFIX_PATTERN.fullmatch(prefix or "/x"):
        return OutsideAddress(found[1].lower(), prefix)
    message = (
        f"{text!r} is no address of the emulator: write https://sms.example.com, and "
        "its path where it has one, as in https://example.com/sms."
    )
    raise ValueError(message)
