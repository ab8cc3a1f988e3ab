"""The SMPP door: where the process listens for clients, and how it lets them go.

What speaks SMPP is imported with the first client, so that a start does without it.
"""

import asyncio
import logging
import socket
import ssl
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING

from emulator.network.resolver import ForbiddenTargetError, dial
from emulator.worlds import Outbound, Worlds

if TYPE_CHECKING:
    from emulator.smsc.connection import Line
    from emulator.smsc.server_state import Office
    from emulator.smpp.bodies import Outbind

PATIENCE = 10  # seconds that a client which is called may take to answer
GRACE = 0.3  # seconds that clients get to take their leave

log = logging.getLogger("emulator")


class Door:
    """Listens for the clients of all worlds of this process."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._servers: list[asyncio.Server] = []
        self._calls: set[asyncio.Task[None]] = set()
        worlds.dial = self._dial

    async def listen(
        self, listener: socket.socket, context: ssl.SSLContext | None = None
    ) -> None:
        """Answer whoever connects to *listener*, over TLS where there is a context."""
        loop = asyncio.get_running_loop()
        line = partial(self._line, tls=context is not None)
        server = await loop.create_server(line, sock=listener, ssl=context)
        self._servers.append(server)
        host, port, *_ = listener.getsockname()
        self._worlds.addresses["smpps" if context else "smpp"] = f"{host}:{port}"

    @cached_property
    def _office(self) -> "Office":
        from emulator.smsc.server_state import Office  # noqa: PLC0415 - 15 ms

        return Office(self._worlds)

    def _line(self, *, tls: bool = False, outbind: "Outbind | None" = None) -> "Line":
        from emulator.smsc.connection import Line  # noqa: PLC0415
        from emulator.smsc.server_state import timers  # noqa: PLC0415

        centre = self._worlds.default.account.access.centre
        return Line(self._office, timers(centre), tls=tls, outbind=outbind)

    def _dial(self, to: Outbound) -> None:
        """Call a client that listens, in its own time."""
        task = asyncio.get_running_loop().create_task(self._call(to))
        self._calls.add(task)
        task.add_done_callback(self._calls.discard)

    async def _call(self, to: Outbound) -> None:
        from emulator.smpp.bodies import Outbind  # noqa: PLC0415

        outbind = Outbind(to.system_id.encode("latin-1"), to.password.encode("latin-1"))
        line = partial(self._line, outbind=outbind)
        try:
            async with asyncio.timeout(PATIENCE):
                await dial(self._worlds.targets, line, to.host, to.port)
        except ForbiddenTargetError as error:
            log.warning("no outbind goes to %s:%s: %s", to.host, to.port, error)
        except (OSError, UnicodeError, TimeoutError) as error:
            log.warning("nobody listens for an outbind on %s: %s", to[:2], error)

    @property
    def connections(self) -> "list[Line]":
        """The connections of clients that have not ended."""
        return list(self._office.lines) if "_office" in self.__dict__ else []

    @property
    def addresses(self) -> dict[str, str]:
        """Where it listens: host:port, by smpp and smpps."""
        return self._worlds.addresses

    async def close(self) -> None:
        """Ask every client to go, wait shortly, and hang up.

        Source: SMPP 3.4, 4.2.
        """
        for server in self._servers:
            server.close()
        for call in tuple(self._calls):
            call.cancel()
        lines = self.connections
        for each in lines:
            each.desk.dismiss()
        if lines:
            gone = asyncio.gather(*(each.ended.wait() for each in lines))
            with suppress(TimeoutError):
                await asyncio.wait_for(gone, GRACE)
        for each in lines:
            each.abort()
        self._worlds.addresses.clear()
