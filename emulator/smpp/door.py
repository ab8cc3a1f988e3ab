"""The SMPP door: where the process listens for clients, and how it lets them go."""

import asyncio
import socket
import ssl
from contextlib import suppress

from emulator.smpp.desk import Office, timers
from emulator.smpp.line import Line
from emulator.worlds import Worlds

GRACE = 0.3  # seconds that clients get to take their leave


class Door:
    """Listens for the clients of all worlds of this process."""

    def __init__(self, worlds: Worlds) -> None:
        self._worlds = worlds
        self._office = Office(worlds)
        self._servers: list[asyncio.Server] = []

    async def listen(
        self, listener: socket.socket, context: ssl.SSLContext | None = None
    ) -> None:
        """Answer whoever connects to *listener*, over TLS where there is a context."""
        loop = asyncio.get_running_loop()

        def line() -> Line:
            centre = self._worlds.default.account.access.centre
            return Line(self._office, timers(centre), tls=context is not None)

        server = await loop.create_server(line, sock=listener, ssl=context)
        self._servers.append(server)
        host, port, *_ = listener.getsockname()
        self._worlds.addresses["smpps" if context else "smpp"] = f"{host}:{port}"

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
        lines = list(self._office.lines)
        for each in lines:
            each.desk.dismiss()
        if lines:
            gone = asyncio.gather(*(each.ended.wait() for each in lines))
            with suppress(TimeoutError):
                await asyncio.wait_for(gone, GRACE)
        for each in lines:
            each.abort()
        self._worlds.addresses.clear()
