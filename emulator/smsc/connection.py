"""One connection of a client: octets in and out, in turns that let others in.

At most ``PDUS_PER_TURN`` PDUs are handled in one turn, and their answers leave in one
write.  Who does not read what is written to it is not read from either.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from math import inf
from typing import cast

from emulator.network.eager import start_eagerly
from emulator.smpp.bodies import CommandId, OutbindBody
from emulator.smpp.session import EventKind, SessionEvent, SessionTimers, SmppSession
from emulator.smsc.server_state import ServerState
from emulator.smsc.session_handler import SessionHandler

PDUS_PER_TURN = 32  # PDUs
SEND_BUFFER_SIZE = 64 * 1024  # octets of answers that a client leaves with the kernel
ZERO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # with a RST


class SmppConnection(asyncio.Protocol):
    """A connection, from its beginning to its end."""

    def __init__(
        self,
        server_state: ServerState,
        timers: SessionTimers,
        *,
        tls: bool = False,
        outbind: OutbindBody | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.session = SmppSession(self._loop.time(), timers)
        self.handler = SessionHandler(server_state, self, tls=tls)
        self._server_state = server_state
        self._outbind = outbind  # said first, where we have called
        self._outgoing: list[bytes] = []
        self._is_in_turn = False  # more PDUs are there than a turn takes
        self._is_full = False  # what was written is not being read
        self._has_held_submit = False  # until receipts have been taken
        self._held_event: SessionEvent | None = None  # what then comes first
        self._is_silent = self._is_dripping = False  # because of a fault
        self._timer: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()

    # --- What asyncio tells -------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        host, port, *_ = self._transport.get_extra_info("peername") or ("", 0)
        self.peer = f"{host}:{port}"
        line = self._transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_SIZE)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # some loops do
        self._server_state.connections.add(self)
        if self._outbind is not None:
            self.send(self.session.make_pdu(CommandId.OUTBIND, self._outbind))
        self.schedule_timer()

    def data_received(self, data: bytes) -> None:
        self.session.receive_octets(data, self._loop.time())
        if self._is_in_turn:  # a store takes its time
            self._update_reading()
        else:
            self._start_turn()

    def pause_writing(self) -> None:
        self._is_full = True
        self._update_reading()

    def resume_writing(self) -> None:
        self._is_full = False
        self._update_reading()
        self.handler.schedule_flush()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._server_state.connections.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self.handler.handle_disconnect()
        self.closed.set()

    # --- What the desk asks for ---------------------------------------------------

    @property
    def now(self) -> float:
        """Seconds of the clock that the timers of a session go by."""
        return self._loop.time()

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    @property
    def is_full(self) -> bool:
        """Whether what was written is not being read."""
        return self._is_full

    @property
    def is_silent(self) -> bool:
        """Whether nothing more is written, because of a fault."""
        return self._is_silent

    def send(self, octets: bytes) -> None:
        """Write *octets*, behind what this turn has written."""
        if not self._outgoing:
            self._loop.call_soon(self._flush_outside_turn)
        self._outgoing.append(octets)

    def call_after_flush(self, action: Callable[[], None]) -> None:
        """Do *action* once what this turn has written is written."""
        self._loop.call_soon(action)

    def go_silent(self) -> None:
        """Write nothing more."""
        self._flush()
        self._is_silent = True

    def begin_drip(self) -> None:
        """Write nothing but single octets until the last of them."""
        self._flush()
        self._is_dripping = True

    def drip_octet(self, octet: bytes, *, last: bool) -> None:
        """Write one octet."""
        if self.is_open:
            self._transport.write(octet)
        if last:
            self._is_dripping = False
            self._flush()

    def flush_and_close(self) -> None:
        """Close the connection once everything has been written."""
        self._flush()
        self._transport.close()

    def flush_and_reset(self) -> None:
        """End the connection without a farewell, once everything has been written."""
        self._flush()
        line = self._transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ZERO_LINGER)
        self._transport.abort()

    def abort(self) -> None:
        """End the connection whatever has not been written."""
        self._transport.abort()

    def resume_submit(self) -> None:
        """Go on with a submit that has waited."""
        self._has_held_submit = False
        if not self._is_in_turn:
            self._is_in_turn = True
            self._loop.call_soon(self._start_turn)

    def schedule_timer(self) -> None:
        """See to it that what is due by itself is done in time."""
        due_at = self.session.next_deadline()
        if self._timer is not None:
            if self._timer.when() <= due_at:
                return
            self._timer.cancel()
            self._timer = None
        if due_at < inf:
            self._timer = self._loop.call_at(due_at, self._handle_timer)

    # --- How it is done -----------------------------------------------------------

    def _start_turn(self) -> None:
        """Work off what is there, in this very turn if nothing has to wait."""
        start_eagerly(self._run_turn())

    async def _run_turn(self) -> None:
        """Work off what is there, up to so many PDUs; then others are let in."""
        self._is_in_turn = True  # a turn that starts meanwhile sees it
        out, desk = self._outgoing, self.handler
        for _ in range(PDUS_PER_TURN):
            event = None if self._transport.is_closing() else self._take_event()
            if event is None:
                self._is_in_turn = False
                break
            if answer := await desk.handle_event(event):
                out.append(answer)
        else:
            self._loop.call_soon(self._start_turn)
        await desk.flush_to_store()
        self._flush()
        self._update_reading()
        desk.notify_listeners()

    def _take_event(self) -> SessionEvent | None:
        """Return what is worked off next.

        While a submit waits, that is what need not wait behind it; where nothing more
        can be put off, it is that submit.
        """
        session, desk = self.session, self.handler
        if not self._has_held_submit:
            event, self._held_event = self._held_event or session.next_event(), None
            if event is None or event.kind is not EventKind.REQUEST:
                return event
            if not desk.hold_submit(event):
                return event
            self._has_held_submit, self._held_event = True, event
        event = session.next_urgent_event()
        if event is None and session.is_full:
            desk.release_submit()
            self._has_held_submit = False
            event, self._held_event = self._held_event, None
        return event

    def _flush(self) -> None:
        if self._outgoing and not self._is_dripping:
            octets = b"".join(self._outgoing)
            self._outgoing.clear()
            if not (self._is_silent or self._transport.is_closing()):
                self._transport.write(octets)

    def _flush_outside_turn(self) -> None:
        """Write what there is, unless a turn is to come that writes it anyway."""
        if not self._is_in_turn:
            self._flush()

    def _update_reading(self) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        wanted = not (self._is_in_turn or self._is_full)
        if wanted and not transport.is_reading():
            transport.resume_reading()
        elif not wanted and transport.is_reading():
            transport.pause_reading()

    def _handle_timer(self) -> None:
        self._timer = None
        while self.is_open and (due := self.session.take_due(self.now)):
            self.handler.perform_due(*due)
        start_eagerly(self.handler.flush_to_store())
        if self.is_open:
            self.schedule_timer()
