"""The SMPP server: where the process listens, and how it ends the sessions.

The modules of SMPP are imported with the first client, so that the start is faster.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from emulator.network.connections import LISTEN_BACKLOG, ConnectionTable
from emulator.network.resolver import ForbiddenTargetError, dial_host
from emulator.network.tls_handshake import TlsDoor
from emulator.worlds import OutboundBind, WorldDirectory

if TYPE_CHECKING:
    from emulator.smpp.bodies import OutbindBody
    from emulator.smsc.connection import SmppConnection
    from emulator.smsc.server_state import ServerState

OUTBIND_TIMEOUT = 10  # seconds to connect to a client
UNBIND_GRACE = 0.3  # seconds that clients get to answer the unbind

log = logging.getLogger("emulator")


class SmppServer:
    """Listens for the clients of all worlds of this process."""

    def __init__(
        self, worlds: WorldDirectory, table: ConnectionTable | None = None
    ) -> None:
        self._worlds = worlds
        self._table = table or ConnectionTable(worlds.counters.connections)
        self._servers: list[asyncio.Server] = []
        self._tls_doors: list[TlsDoor] = []
        self._outbinds: set[asyncio.Task[None]] = set()
        worlds.bind_outbound = self._start_outbind

    async def listen(
        self,
        listeners: list[socket.socket],
        context: ssl.SSLContext | None = None,
        *,
        handshake_timeout: float | None = None,
    ) -> None:
        """Serve the connections to *listeners*, over TLS where there is a context.

        The address that is told is that of the first.
        """
        loop = asyncio.get_running_loop()
        line: Callable[[], Any] = partial(self._make_connection, tls=bool(context))
        if context is not None:
            line = TlsDoor(line, context, self._table, handshake_timeout)
            self._tls_doors.append(line)
        for each in listeners:
            server = await loop.create_server(line, sock=each, backlog=LISTEN_BACKLOG)
            self._servers.append(server)
        host, port, *_ = listeners[0].getsockname()
        self._worlds.smpp_addresses["smpps" if context else "smpp"] = f"{host}:{port}"

    @cached_property
    def _server_state(self) -> "ServerState":
        from emulator.smsc.server_state import ServerState  # noqa: PLC0415 - 15 ms

        return ServerState(self._worlds, self._table)

    def _make_connection(
        self, *, tls: bool = False, outbind: "OutbindBody | None" = None
    ) -> "SmppConnection":
        from emulator.smsc.connection import SmppConnection  # noqa: PLC0415
        from emulator.smsc.server_state import make_session_timers  # noqa: PLC0415

        centre = self._worlds.default.account.access.centre
        return SmppConnection(
            self._server_state, make_session_timers(centre), tls=tls, outbind=outbind
        )

    def _start_outbind(self, to: OutboundBind) -> None:
        """Connect to a client that listens, in a task."""
        task = asyncio.get_running_loop().create_task(self._send_outbind(to))
        self._outbinds.add(task)
        task.add_done_callback(self._outbinds.discard)

    async def _send_outbind(self, to: OutboundBind) -> None:
        from emulator.smpp.bodies import OutbindBody  # noqa: PLC0415

        outbind = OutbindBody(
            to.system_id.encode("latin-1"), to.password.encode("latin-1")
        )
        line = partial(self._make_connection, outbind=outbind)
        try:
            async with asyncio.timeout(OUTBIND_TIMEOUT):
                await dial_host(self._worlds.targets, line, to.host, to.port)
        except ForbiddenTargetError as error:
            log.warning("no outbind goes to %s:%s: %s", to.host, to.port, error)
        except (OSError, UnicodeError, TimeoutError) as error:
            log.warning("no connection for an outbind to %s: %s", to[:2], error)

    @property
    def connections(self) -> "list[SmppConnection]":
        """The open connections."""
        return (
            list(self._server_state.connections)
            if "_server_state" in self.__dict__
            else []
        )

    @property
    def addresses(self) -> dict[str, str]:
        """The addresses it listens on: host:port, by smpp and smpps."""
        return self._worlds.smpp_addresses

    async def close(self) -> None:
        """Unbind every client, wait a moment, and close the connections.

        Source: SMPP 3.4, 4.2.
        """
        for server in self._servers:
            server.close()
        for door in self._tls_doors:
            door.close()
        for call in tuple(self._outbinds):
            call.cancel()
        lines = self.connections
        for each in lines:
            each.handler.end_session()
        if lines:
            gone = asyncio.gather(*(each.closed.wait() for each in lines))
            with suppress(TimeoutError):
                await asyncio.wait_for(gone, UNBIND_GRACE)
        for each in lines:
            each.abort()
        self._worlds.smpp_addresses.clear()
