"""One connection of a client: octets in and out, in short turns.

At most ``PDUS_PER_TURN`` PDUs are handled in one turn, and their answers leave in one
write.  A client that does not read its answers is not read from.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from math import inf
from typing import cast

from emulator.network.connections import Idleness
from emulator.network.eager import start_eagerly
from emulator.smpp.bodies import CommandId, OutbindBody
from emulator.smpp.session import (
    BOUND_STATES,
    EventKind,
    SessionEvent,
    SessionTimers,
    SmppSession,
)
from emulator.smsc.server_state import ServerState
from emulator.smsc.session_handler import SessionHandler

PDUS_PER_TURN = 32  # PDUs
SEND_BUFFER_SIZE = 64 * 1024  # octets of answers that a client leaves with the kernel
ZERO_LINGER = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # with a RST


class SmppConnection(asyncio.Protocol):
    """The SMPP connection of one client, as asyncio's protocol."""

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
        self._outbind = outbind  # sent first, where the emulator has dialled
        self._outgoing: list[bytes] = []
        self.idleness: Idleness | None = None
        self._is_in_turn = False  # a turn runs, or the next is scheduled
        self._is_full = False  # the client does not read what was written
        self._has_held_submit = False  # it waits until receipts are acknowledged
        # That submit, handled first afterwards
        self._held_event: SessionEvent | None = None
        self._is_silent = self._is_dripping = False  # because of a fault
        self._timer: asyncio.TimerHandle | None = None
        self.closed = asyncio.Event()

    # --- Callbacks of asyncio -----------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        host, port, *_ = self._transport.get_extra_info("peername") or ("", 0)
        self.peer = f"{host}:{port}"
        line = self._transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_SIZE)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # some loops do
        self._server_state.connections.add(self)
        if not self._server_state.table.admit(self):
            self._transport.abort()
            return
        if self._outbind is not None:
            self.send(self.session.make_pdu(CommandId.OUTBIND, self._outbind))
        self.schedule_timer()

    def data_received(self, data: bytes) -> None:
        self.session.receive_octets(data, self._loop.time())
        if self._is_in_turn:  # the turn awaits a slow store
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
        self._server_state.table.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self.handler.handle_disconnect()
        self.closed.set()

    # --- For the session handler --------------------------------------------------

    @property
    def now(self) -> float:
        """The loop's time in seconds, which the timers of a session use."""
        return self._loop.time()

    @property
    def is_open(self) -> bool:
        return not self._transport.is_closing()

    @property
    def is_full(self) -> bool:
        """Whether the write buffer is full, as the client does not read."""
        return self._is_full

    @property
    def is_silent(self) -> bool:
        """Whether a fault has stopped all writing."""
        return self._is_silent

    def send(self, octets: bytes) -> None:
        """Write *octets* at the end of this turn, after what was sent before."""
        if not self._outgoing:
            self._loop.call_soon(self._flush_outside_turn)
        self._outgoing.append(octets)

    def call_after_flush(self, action: Callable[[], None]) -> None:
        """Call *action* after the output of this turn is written."""
        self._loop.call_soon(action)

    def go_silent(self) -> None:
        """Flush, and write nothing afterwards."""
        self._flush()
        self._is_silent = True

    def begin_drip(self) -> None:
        """Flush, and write only ``drip_octet`` until its last octet."""
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
        """Reset the connection (RST) once everything has been written."""
        self._flush()
        line = self._transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ZERO_LINGER)
        self._transport.abort()

    def close_for_another(self) -> None:
        """Close the connection, whose client is not bound, as there are too many."""
        self._transport.abort()

    def abort(self) -> None:
        """Close the connection at once, without flushing."""
        self._transport.abort()

    def resume_submit(self) -> None:
        """Start a turn with the submit that has waited."""
        self._has_held_submit = False
        if not self._is_in_turn:
            self._is_in_turn = True
            self._loop.call_soon(self._start_turn)

    def schedule_timer(self) -> None:
        """Set the timer for the next deadline of the session."""
        due_at = self.session.next_deadline()
        if self._timer is not None:
            if self._timer.when() <= due_at:
                return
            self._timer.cancel()
            self._timer = None
        if due_at < inf:
            self._timer = self._loop.call_at(due_at, self._handle_timer)

    # --- Turns --------------------------------------------------------------------

    def _start_turn(self) -> None:
        """Start a turn; it ends before this returns if nothing has to wait."""
        start_eagerly(self._run_turn())

    async def _run_turn(self) -> None:
        """Handle up to ``PDUS_PER_TURN`` events; then let other connections run."""
        self._is_in_turn = True  # so that no other turn starts meanwhile
        out, handler = self._outgoing, self.handler
        for _ in range(PDUS_PER_TURN):
            event = None if self._transport.is_closing() else self._take_event()
            if event is None:
                self._is_in_turn = False
                break
            if answer := await handler.handle_event(event):
                out.append(answer)
        else:
            self._loop.call_soon(self._start_turn)
        self._update_idleness()
        await handler.flush_to_store()
        self._flush()
        self._update_reading()
        handler.notify_listeners()

    def _take_event(self) -> SessionEvent | None:
        """Return the next event to handle.

        While a submit waits, return only events that need not wait behind it.  Once
        the session's queue is full, return that submit.
        """
        session, handler = self.session, self.handler
        if not self._has_held_submit:
            event, self._held_event = self._held_event or session.next_event(), None
            if event is None or event.kind is not EventKind.REQUEST:
                return event
            if not handler.hold_submit(event):
                return event
            self._has_held_submit, self._held_event = True, event
        event = session.next_urgent_event()
        if event is None and session.is_full:
            handler.release_submit()
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
        """Write what was sent, unless a turn runs, which writes it at its end."""
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

    def _update_idleness(self) -> None:
        """Let the connection of a client that is not bound be closed for another."""
        is_bound = self.session.state in BOUND_STATES
        self._server_state.table.set_idleness(
            self, None if is_bound else Idleness.SILENT
        )

    def _handle_timer(self) -> None:
        self._timer = None
        while self.is_open and (due := self.session.take_due(self.now)):
            self.handler.perform_due(*due)
        start_eagerly(self.handler.flush_to_store())
        if self.is_open:
            self.schedule_timer()
