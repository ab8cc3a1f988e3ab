"""Names resolved to addresses that may be called, for whatever dials out."""

import asyncio
import socket

from emulator.domain.targets import Targets


class ForbiddenTargetError(Exception):
    """A name leads only where nothing is called; the message says why."""


async def resolve(targets: Targets, host: str, port: int) -> str:
    """Return an address of *host* that *targets* has no objection to.

    The connection has to be made to that address, not to the name, which may lead
    elsewhere a moment later.  Raises ``OSError`` or ``UnicodeError`` for a name that
    leads nowhere, and ``ForbiddenTargetError``.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    objection = ""
    for *_, target in found:
        address = str(target[0])
        objection = targets.objection(host, address)
        if not objection:
            return address
    raise ForbiddenTargetError(objection)
