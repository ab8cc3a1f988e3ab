"""The host names that are answered: those that no website has, and those that are set.

A website can let its own name lead to this machine (DNS rebinding). For a browser its
pages then come from us and may do all that ours may; their ``Host`` gives them away.
"""

import re
import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

LABEL_PATTERN = "[a-z0-9_-]{1,63}"
NAME_PATTERN = re.compile(rf"{LABEL_PATTERN}(?:\.{LABEL_PATTERN})*")
AUTHORITY_PATTERN = re.compile(r"(\[[^\[\]@/]*\]|[^\[\]@/:]*)(?::([0-9]{0,5}))?")
MAX_NAME_LENGTH = 253  # characters of a name; source: RFC 1035
MAX_AUTHORITY_LENGTH = MAX_NAME_LENGTH + len(".:65535")
# Public DNS holds nothing below them; source: RFC 6761, 6762, 8375, ICANN 2024-07-29.
PRIVATE_DOMAINS = (".localhost", ".test", ".local", ".internal", ".home.arpa")
PLATFORM_HOST = "smsclouds.cloud"  # the platform's own, with /etc/hosts or --connect-to
ANY_NAME = "*"
MAX_CACHED = 64  # values of Host whose verdict is cached
NAMES_FILE = Path("/etc/hosts")


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


def split_authority(authority: str) -> tuple[str, str] | None:
    """Return host and port as they are compared; None for what is no authority.

    >>> split_authority("LOCALHOST.:7672")
    ('localhost', '7672')
    """
    match = AUTHORITY_PATTERN.fullmatch(authority)
    return match and (match[1].lower().removesuffix("."), match[2] or "")


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
