"""Where pushes may go: decided by address, at the moment of connecting.

A name is judged by what it resolves to, so that no name leads where an address may not.

Source: manual MOP-08 for a list of allowed servers; assumption MOP-08 for the default.
"""

from collections.abc import Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

ANYWHERE = "*"
TRANSLATED = IPv6Network("64:ff9b::/96")  # source: RFC 6052
# Where clouds keep the secrets of their machines, and neighbours that nobody means.
NEVER: tuple[Network, ...] = tuple(
    map(
        ip_network,
        (
            "169.254.0.0/16",
            "fe80::/10",
            "fd00:ec2::254/128",
            "100.100.100.200/32",
            "168.63.129.16/32",
            "192.0.0.192/32",
            "224.0.0.0/4",
            "ff00::/8",
            "255.255.255.255/32",
        ),
    )
)


class Targets:
    """Loopback and private networks, and what somebody allows beside them."""

    def __init__(self, allowed: Iterable[str] = ()) -> None:
        self._networks: list[Network] = []
        self._names: set[str] = set()
        for each in allowed:
            try:
                self._networks.append(ip_network(each, strict=False))
            except ValueError:
                self._names.add(each.casefold())

    def objection(self, host: str, address: str) -> str:
        """Return why *address*, which *host* resolves to, is none to go to."""
        found = _plain(ip_address(address))
        if any(found in each for each in NEVER):
            return f"{address} is never called: it may hold a cloud's secrets"
        if found.is_loopback or found.is_private or found.is_unspecified:
            return ""
        if self._names_it(host) or any(found in each for each in self._networks):
            return ""
        return (
            f"{host} ({address}) is neither this machine nor in a private network; "
            f"allow it with --push-allow {host}"
        )

    def _names_it(self, host: str) -> bool:
        """Whether *host*, or a domain that it is in, is allowed."""
        labels = host.casefold().rstrip(".").split(".")
        domains = (".".join(labels[index:]) for index in range(len(labels)))
        return ANYWHERE in self._names or not self._names.isdisjoint(domains)


def _plain(address: Address) -> Address:
    """Return the IPv4 address that an IPv6 one stands for, or leads to, if it does."""
    if isinstance(address, IPv4Address):
        return address
    if address in TRANSLATED:
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address
