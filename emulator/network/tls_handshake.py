"""Connections that agree on TLS first: bounded and counted like all others.

A loop that is asked for TLS itself tells of a connection only once it has agreed, so
those that never do would be in no table.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from emulator.network.connections import ConnectionTable, Idleness
from emulator.network.eager import start_eagerly


class TlsDoor:
    """Makes, as a factory of protocols, connections with what *make_protocol* makes."""

    def __init__(
        self,
        make_protocol: Callable[[], asyncio.Protocol],
        context: ssl.SSLContext,
        table: ConnectionTable,
        timeout: float | None,
    ) -> None:
        self.make_protocol = make_protocol
        self.context = context
        self.table = table
        self.timeout = timeout  # seconds
        self.handshakes: set[TlsHandshake] = set()

    def __call__(self) -> "TlsHandshake":
        return TlsHandshake(self)

    def close(self) -> None:
        """End the handshakes under way."""
        for each in tuple(self.handshakes):
            each.close_for_another()


class TlsHandshake(asyncio.Protocol):
    """A connection until it has agreed, or never does."""

    idleness: Idleness | None = None

    def __init__(self, door: TlsDoor) -> None:
        self._door = door

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._door.table.admit(self):
            self._transport.abort()
            return
        self._door.handshakes.add(self)
        # Before this returns TLS reads, so nothing that comes is lost
        start_eagerly(self._shake_hands())

    def close_for_another(self) -> None:
        """End the handshake."""
        self._transport.abort()

    async def _shake_hands(self) -> None:
        door, early = self._door, _EarlyProtocol()
        try:
            agreed = await asyncio.get_running_loop().start_tls(
                self._transport,
                early,
                door.context,
                server_side=True,
                ssl_handshake_timeout=door.timeout,
            )
        except OSError:  # what SSL says is one, too
            agreed = None
        finally:
            door.handshakes.discard(self)
            door.table.discard(self)
        if agreed is None or self._transport.is_closing():
            self._transport.abort()
            return
        protocol = door.make_protocol()
        agreed.set_protocol(protocol)
        protocol.connection_made(agreed)
        early.hand_over(protocol)


class _EarlyProtocol(asyncio.Protocol):
    """Keeps what comes with the end of the handshake."""

    def __init__(self) -> None:
        self._received: list[bytes] = []
        self._is_lost = False

    def data_received(self, data: bytes) -> None:
        self._received.append(data)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._is_lost = True

    def hand_over(self, protocol: asyncio.Protocol) -> None:
        """Tell *protocol* what has happened."""
        for each in self._received:
            protocol.data_received(each)
        if self._is_lost:
            protocol.connection_lost(None)
