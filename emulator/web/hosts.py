"""Which hosts we answer to: names that no website has, and names that were set.

A website can let its own name lead to this machine (DNS rebinding). For a browser its
pages then come from us and may do all that ours may; their ``Host`` gives them away.
"""

import re
import socket
from collections.abc import Iterable, Iterator
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path

LABEL = "[a-z0-9_-]{1,63}"
NAME = re.compile(rf"{LABEL}(?:\.{LABEL})*")
AUTHORITY = re.compile(r"(\[[^\[\]@/]*\]|[^\[\]@/:]*)(?::([0-9]{0,5}))?")
LONGEST = 253  # characters of a name; source: RFC 1035
LONGEST_AUTHORITY = LONGEST + len(".:65535")
# Public DNS holds nothing below them; source: RFC 6761, 6762, 8375, ICANN 2024-07-29.
PRIVATE = (".localhost", ".test", ".local", ".internal", ".home.arpa")
PLATFORM = (
    "smsclouds.cloud"  # which clients know it by, with /etc/hosts or --connect-to
)
ANY = "*"
KEPT = 64  # values of Host that need not be judged again
NAMES_FILE = Path("/etc/hosts")


class Hosts:
    """Loopback, addresses, names that are private by themselves, and *names*.

    A name that begins with a dot is a domain with all below it; ``*`` is every name.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        known = {PLATFORM, *(each.lower().removesuffix(".") for each in names)}
        self._is_any = ANY in known
        self._names = frozenset(known)
        domains = (each for each in known if each.startswith("."))
        self._domains = (*PRIVATE, *domains)
        self._met: set[bytes] = set()

    def know(self, authority: bytes) -> bool:
        """Return whether the value of a ``Host``, port included, is one of ours.

        What was known is remembered, within bounds; nothing else is.
        """
        if authority in self._met:
            return True
        if len(authority) > LONGEST_AUTHORITY:
            return False
        split = split_authority(authority.decode("latin-1"))
        if split is None or not self._know_name(split[0]):
            return False
        if len(self._met) == KEPT:
            self._met.clear()
        self._met.add(authority)
        return True

    def _know_name(self, host: str) -> bool:
        if is_address(host):
            return True
        if len(host) > LONGEST or not NAME.fullmatch(host):
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
    match = AUTHORITY.fullmatch(authority)
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


def read_names(text: str) -> Iterator[str]:
    """Yield the names of a list: ``sms.example.com, .ci.example.com``.

    Raises ``ValueError`` with a sentence for what can be no host.
    """
    for each in filter(None, map(str.strip, text.split(","))):
        yield each if each == ANY else _read_name(each)


def _read_name(text: str) -> str:
    name = text.lower()
    if not name.isascii():
        try:
            name = name.encode("idna").decode()
        except UnicodeError:
            name = ""  # and so refused
    name = name.removesuffix(".")
    bare = name.removeprefix(".")
    if (NAME.fullmatch(bare) and len(bare) <= LONGEST) or is_address(_bracketed(name)):
        return name
    message = (
        f"{text!r} is no host name: write sms.example.com without scheme, port and "
        "path, .example.com for a domain and all below it, or * for every name."
    )
    raise ValueError(message)


def _bracketed(name: str) -> str:
    return f"[{name}]" if ":" in name and not name.startswith("[") else name


def own_names(path: Path = NAMES_FILE) -> frozenset[str]:
    """Return the names of this machine, as it knows them without asking anybody."""
    own = socket.gethostname().lower()
    try:
        lines = path.read_text("utf-8", "replace").splitlines()
    except OSError:
        lines = []
    entries = (line.partition("#")[0].lower().split()[1:] for line in lines)
    return frozenset({own}.union(*(names for names in entries if own in names)))
