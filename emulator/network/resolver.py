"""Open outgoing connections: resolve a name, check its addresses, try each in turn."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any, TypeVar

from emulator.domain.targets import AllowedTargets, find_host_objection

Protocol = TypeVar("Protocol", bound=asyncio.BaseProtocol)


class ForbiddenTargetError(Exception):
    """A name has only forbidden addresses; the message says why."""


async def dial_host(
    targets: AllowedTargets,
    protocol: Callable[[], Protocol],
    host: str,
    port: int,
    **tls: Any,
) -> Protocol:
    """Return a connection to the first address of *host* that answers.

    It is made to an address that was judged, never to the name, which may lead
    elsewhere a moment later.  *tls* is what ``create_connection`` takes for it.  Raises
    what ``resolve_host`` raises, and ``OSError`` where no address answers.
    """
    loop = asyncio.get_running_loop()
    errors: list[OSError] = []
    for address in await resolve_host(targets, host, port):
        try:
            _, made = await loop.create_connection(protocol, address, port, **tls)
        except OSError as error:
            errors.append(error)
        else:
            return made
    raise _choose_error(errors)


async def resolve_host(targets: AllowedTargets, host: str, port: int) -> list[str]:
    """Return the addresses of *host* that *targets* has no objection to.

    Raises ``OSError`` or ``UnicodeError`` for a name that leads nowhere, and
    ``ForbiddenTargetError``.
    """
    if forbidden := find_host_objection(host):
        raise ForbiddenTargetError(forbidden)  # before any name server is asked
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    judged = {
        address: targets.find_objection(host, address)
        for address in (str(target[0]) for *_, target in found)
    }
    allowed = [address for address, objection in judged.items() if not objection]
    if not allowed:
        raise ForbiddenTargetError(
            next(iter(judged.values()), f"{host} has no address")
        )
    return allowed


def _choose_error(errors: list[OSError]) -> OSError:
    """Return the error that tells most: a machine that refused the connection."""
    refused = (each for each in errors if isinstance(each, ConnectionRefusedError))
    return next(refused, errors[-1])
