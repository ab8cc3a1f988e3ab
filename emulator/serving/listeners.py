"""Listening sockets: on every address that a host has on this machine."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack

from emulator.network.connections import LISTEN_BACKLOG
from emulator.serving.settings import ServeError

FREE_PORT_ATTEMPTS = 20  # times that a port is tried which is free on every address
# Hosts with an address in each family, whatever a resolver says; source: RFC 6761, 6.3
ADDRESSES_BY_HOST = {
    "localhost": ("127.0.0.1", "::1"),
    "::": ("::", "0.0.0.0"),  # noqa: S104 - what :: is elsewhere
}
# What is said of a family or an address that the machine does not have
ABSENT = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


def open_listeners(host: str, port: int, flag: str = "--port") -> list[socket.socket]:
    """Return sockets that listen on one port of each address of *host*.

    An address that the machine does not have is left out, if another one is there.
    Raises ``ServeError`` where the port is taken.
    """
    try:
        addresses = [*_list_addresses(host, port)]
        for attempt in range(FREE_PORT_ATTEMPTS):
            try:
                return _listen_on_all(addresses, port)
            except OSError as error:
                is_last = attempt == FREE_PORT_ATTEMPTS - 1
                if port or error.errno != errno.EADDRINUSE or is_last:
                    raise
    except (OSError, OverflowError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or error
        message = (
            f"cannot listen on {host}:{port} ({reason}); "
            f"choose another --host or {flag}, where 0 takes a free one"
        )
        raise ServeError(message) from error
    raise AssertionError  # the last attempt returns or raises


def open_listener(host: str, port: int, flag: str = "--port") -> socket.socket:
    """Return a socket that listens on the first address of *host*.

    Raises ``ServeError`` where the port is taken.
    """
    first, *others = open_listeners(host, port, flag)
    for each in others:
        each.close()
    return first


def _list_addresses(host: str, port: int) -> Iterator[tuple[int, str]]:
    """Yield family and address of each address of *host*, once."""
    seen = set()
    for name in ADDRESSES_BY_HOST.get(host.lower(), (host,)):
        for found in socket.getaddrinfo(name, port, type=socket.SOCK_STREAM):
            address = found[0], str(found[4][0])
            if address not in seen:
                seen.add(address)
                yield address


def _listen_on_all(addresses: list[tuple[int, str]], port: int) -> list[socket.socket]:
    """Listen on each of *addresses* that there is.  Raises ``OSError``."""
    opened: list[socket.socket] = []
    absent: OSError | None = None
    with ExitStack() as failing:
        for family, address in addresses:
            try:
                one = _listen(family, address, port)
            except OSError as error:
                if error.errno not in ABSENT:
                    raise
                absent = error
                continue
            failing.callback(one.close)
            opened.append(one)
            port = one.getsockname()[1]
        if not opened and absent:
            raise absent
        failing.pop_all()
    return opened


def _listen(family: int, address: str, port: int) -> socket.socket:
    listener = socket.socket(family, socket.SOCK_STREAM)
    with ExitStack() as failing:
        failing.callback(listener.close)
        # On Windows, where SO_REUSEADDR lets another process take the port away;
        # elsewhere it makes a port free at once after its process
        exclusive = getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR)
        listener.setsockopt(socket.SOL_SOCKET, exclusive, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listener.bind((address, port))
        listener.listen(LISTEN_BACKLOG)
        failing.pop_all()
    return listener
