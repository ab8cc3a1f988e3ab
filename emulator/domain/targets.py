"""Where the emulator may call: decided by address, at the moment of connecting.

A name is judged by what it resolves to, so that no name leads where an address may not.
Whatever dials out asks here: pushes, questions about keywords, an outbind of SMPP.

Source: manual MOP-08 for a list of allowed servers; assumption MOP-08 for the default.
"""

import re
from collections.abc import Iterable, Iterator
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from unicodedata import normalize

IpAddress = IPv4Address | IPv6Address
IpNetwork = IPv4Network | IPv6Network

ANY_TARGET = "*"
# This machine and private networks. Python's own ``is_private`` has others with each
# version, and counts addresses that have no owner.
# Source: IANA's registries of special-purpose addresses, and the RFCs that they name.
PRIVATE_NETWORKS: tuple[IpNetwork, ...] = tuple(
    map(
        ip_network,
        (
            "127.0.0.0/8",  # loopback; RFC 1122
            "::1/128",  # RFC 4291
            "0.0.0.0/32",  # this host, where it is called; RFC 1122
            "::/128",  # RFC 4291
            "10.0.0.0/8",  # private use; RFC 1918
            "172.16.0.0/12",
            "192.168.0.0/16",
            "fc00::/7",  # unique local; RFC 4193
        ),
    )
)
HOST_PATTERN = re.compile(
    r"[a-z0-9_]([a-z0-9_-]{0,62})(\.[a-z0-9_][a-z0-9_-]{0,62})*\.?"
)
# Where clouds keep the secrets of their machines, and link-local neighbours.
FORBIDDEN_NETWORKS: tuple[IpNetwork, ...] = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",  # link-local: AWS, Google, Azure, OpenStack and others
            "fe80::/10",
            "fd00:ec2::/32",  # AWS
            "fd20:ce::/32",  # Google
            "fd00:c1::/32",  # Oracle
            "fd00:42::/32",  # Scaleway
            "100.100.100.200/32",  # Alibaba
            "168.63.129.16/32",  # Azure
            "192.0.0.192/32",  # Oracle
            "64:ff9b:1::/48",  # NAT64 of a network's own, in any layout (RFC 8215)
            "224.0.0.0/4",
            "ff00::/8",
            "255.255.255.255/32",
        ),
    )
)
FORBIDDEN_NAMES = frozenset(
    {
        *("metadata", "metadata.google.internal", "metadata.goog"),
        *("instance-data", "instance-data.ec2.internal"),
        *("metadata.tencentyun.com", "api.metadata.cloud.ibm.com"),
        *("metadata.packet.net", "metadata.platformequinix.com"),
        *("rancher-metadata", "metadata.azure.internal", "metadata.oraclecloud.com"),
    }
)
SECRETS_OBJECTION = "is never called: it may hold a cloud's secrets"
LOW_32_BITS = 0xFFFF_FFFF
# IPv6 that carries an IPv4 address in its last 32 bits.
# Source: RFC 4291 (mapped, compatible), 6052 and 8215 (NAT64), 2765 (translated).
IPV4_CARRIERS = tuple(
    map(
        IPv6Network,
        ("::/96", "::ffff:0:0/96", "::ffff:0:0:0/96", "64:ff9b::/96"),
    )
)
ISATAP = {0x0000_5EFE, 0x0200_5EFE}  # source: RFC 5214
MIN_CARRIER = 0x1_0000  # ::1 and its neighbours, which carry nothing


class AllowedTargets:
    """Loopback and private networks, and the targets that are allowed beside them."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._networks: list[IpNetwork] = []
        self._names: set[str] = set()
        for each in allowed:
            try:
                self._networks.append(ip_network(each.strip("[]"), strict=False))
            except ValueError:
                self._names.add(_normalize_name(each))

    def find_objection(self, host: str, address: str) -> str:
        """Return why *address*, which *host* resolves to, is none to go to."""
        if forbidden := find_host_objection(host):
            return forbidden
        found = ip_address(address)
        meant = [found, *extract_ipv4(found)]
        if any(each in network for each in meant for network in FORBIDDEN_NETWORKS):
            return f"{address} {SECRETS_OBJECTION}"
        if all(map(_is_private, meant[1:] or meant)):
            return ""
        if self._is_allowed_name(host) or all(
            any(each in network for network in self._networks)
            for each in meant[1:] or meant
        ):
            return ""
        return (
            f"{host} ({address}) is neither this machine nor in a private network; "
            f"allow it with --push-allow {host}"
        )

    def _is_allowed_name(self, host: str) -> bool:
        """Whether *host*, or a domain that it is in, is allowed."""
        labels = _normalize_name(host).split(".")
        domains = (".".join(labels[index:]) for index in range(len(labels)))
        return ANY_TARGET in self._names or not self._names.isdisjoint(domains)


def find_host_objection(host: str) -> str:
    """Return why *host* is never called, as far as its name or number tells."""
    if _normalize_name(host) in FORBIDDEN_NAMES:
        return f"{host} {SECRETS_OBJECTION}"
    try:
        found = ip_address(host.strip("[]"))
    except ValueError:
        return ""
    meant = (found, *extract_ipv4(found))
    is_forbidden = any(
        each in network for each in meant for network in FORBIDDEN_NETWORKS
    )
    return f"{host} {SECRETS_OBJECTION}" if is_forbidden else ""


def extract_ipv4(address: IpAddress) -> Iterator[IPv4Address]:
    """Yield the IPv4 addresses that an IPv6 one stands for, leads to, or may.

    >>> [*carried(IPv6Address("64:ff9b::a9fe:a9fe"))]
    [IPv4Address('169.254.169.254')]
    """
    if isinstance(address, IPv4Address):
        return
    number = int(address) & (2**128 - 1)
    if any(address in each for each in IPV4_CARRIERS) and number >= MIN_CARRIER:
        yield IPv4Address(number & LOW_32_BITS)
    if address.sixtofour is not None:
        yield address.sixtofour
    if address.teredo is not None:
        yield from address.teredo
    if number >> 32 & LOW_32_BITS in ISATAP:
        yield IPv4Address(number & LOW_32_BITS)
    if number >> 32 & LOW_32_BITS == 0 and number & LOW_32_BITS in LINK_LOCAL_IPV4:
        yield IPv4Address(number & LOW_32_BITS)  # as OpenStack and Oracle have it


LINK_LOCAL_IPV4 = range(
    int(IPv4Address("169.254.0.0")), int(IPv4Address("169.255.0.0"))
)


def find_target_mistake(text: str) -> str | None:
    """Return what is wrong with something that is to be allowed, or None.

    >>> wrong_target("*.example.com")
    '*.example.com is no host: write example.com, which all names below it are in'
    """
    name = _normalize_name(text)
    is_number = name.rpartition(".")[2].isdigit() or name.startswith("0x")
    if text == ANY_TARGET or (HOST_PATTERN.fullmatch(name) and not is_number):
        return f"{text} {SECRETS_OBJECTION}" if name in FORBIDDEN_NAMES else None
    try:
        ip_network(text.strip("[]"), strict=False)
    except ValueError:
        if text.startswith("*."):
            name = text.removeprefix("*.")
            return f"{text} is no host: write {name}, which all names below it are in"
        if "/" in text and "://" not in text:
            return f"{text} is no network: write one such as 203.0.113.0/24"
        return (
            f"{text} is no host and no network: write example.com without scheme, port "
            "and path, 203.0.113.0/24, or * for any"
        )
    return find_host_objection(text) or None


def _is_private(address: IpAddress) -> bool:
    return any(address in network for network in PRIVATE_NETWORKS)


def _normalize_name(name: str) -> str:
    """Return a name as resolvers take it: its wide letters and dots are plain."""
    return normalize("NFKC", name).replace("\u3002", ".").casefold().rstrip(".")
