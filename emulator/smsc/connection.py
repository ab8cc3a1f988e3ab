"""One connection of a client: octets in and out, in turns that let others in.

At most ``TURN`` PDUs are worked off at a time, and what comes of them leaves in one
write.  Who does not read what is written to it is not read from either.
"""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable
from math import inf
from typing import cast

from emulator.smsc.session_handler import Desk
from emulator.smsc.server_state import Office
from emulator.network.eager import begin
from emulator.smpp.bodies import Command, Outbind
from emulator.smpp.session import Event, Kind, Session, Timers

TURN = 32  # PDUs
UNREAD = 64 * 1024  # octets of answers that a client leaves with the kernel
AT_ONCE = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)  # with a RST


class Line(asyncio.Protocol):
    """A connection, from its beginning to its end."""

    def __init__(
        self,
        office: Office,
        timers: Timers,
        *,
        tls: bool = False,
        outbind: Outbind | None = None,
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self.session = Session(self._loop.time(), timers)
        self.desk = Desk(office, self, tls=tls)
        self._office = office
        self._outbind = outbind  # said first, where we have called
        self._out: list[bytes] = []
        self._busy = False  # more PDUs are there than a turn takes
        self._full = False  # what was written is not being read
        self._waits = False  # until receipts have been taken
        self._next: Event | None = None  # what then comes first
        self._silent = self._dripping = False  # because of a fault
        self._timer: asyncio.TimerHandle | None = None
        self.ended = asyncio.Event()

    # --- What asyncio tells -------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        host, port, *_ = self._transport.get_extra_info("peername") or ("", 0)
        self.peer = f"{host}:{port}"
        line = self._transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, UNREAD)
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # some loops do
        self._office.lines.add(self)
        if self._outbind is not None:
            self.send(self.session.tell(Command.OUTBIND, self._outbind))
        self.arm()

    def data_received(self, data: bytes) -> None:
        self.session.hear(data, self._loop.time())
        if self._busy:  # a store takes its time
            self._read_or_rest()
        else:
            self._turn()

    def pause_writing(self) -> None:
        self._full = True
        self._read_or_rest()

    def resume_writing(self) -> None:
        self._full = False
        self._read_or_rest()
        self.desk.deliver()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's
        self._office.lines.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self.desk.leave()
        self.ended.set()

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
        return self._full

    @property
    def is_silent(self) -> bool:
        """Whether nothing more is written, because of a fault."""
        return self._silent

    def send(self, octets: bytes) -> None:
        """Write *octets*, behind what this turn has written."""
        if not self._out:
            self._loop.call_soon(self._flush_alone)
        self._out.append(octets)

    def then(self, action: Callable[[], None]) -> None:
        """Do *action* once what this turn has written is written."""
        self._loop.call_soon(action)

    def silence(self) -> None:
        """Write nothing more."""
        self._flush()
        self._silent = True

    def begin_drip(self) -> None:
        """Write nothing but single octets until the last of them."""
        self._flush()
        self._dripping = True

    def drip(self, octet: bytes, *, last: bool) -> None:
        """Write one octet."""
        if self.is_open:
            self._transport.write(octet)
        if last:
            self._dripping = False
            self._flush()

    def hang_up(self) -> None:
        """Close the connection once everything has been written."""
        self._flush()
        self._transport.close()

    def reset(self) -> None:
        """End the connection without a farewell, once everything has been written."""
        self._flush()
        line = self._transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
        self._transport.abort()

    def abort(self) -> None:
        """End the connection whatever has not been written."""
        self._transport.abort()

    def let_in(self) -> None:
        """Go on with a submit that has waited."""
        self._waits = False
        if not self._busy:
            self._busy = True
            self._loop.call_soon(self._turn)

    def arm(self) -> None:
        """See to it that what is due by itself is done in time."""
        due_at = self.session.due_at()
        if self._timer is not None:
            if self._timer.when() <= due_at:
                return
            self._timer.cancel()
            self._timer = None
        if due_at < inf:
            self._timer = self._loop.call_at(due_at, self._alarm)

    # --- How it is done -----------------------------------------------------------

    def _turn(self) -> None:
        """Work off what is there, in this very turn if nothing has to wait."""
        begin(self._worked_off())

    async def _worked_off(self) -> None:
        """Work off what is there, up to so many PDUs; then others are let in."""
        self._busy = True  # whoever comes meanwhile finds it so
        out, desk = self._out, self.desk
        for _ in range(TURN):
            event = None if self._transport.is_closing() else self._taken()
            if event is None:
                self._busy = False
                break
            if answer := await desk.answer(event):
                out.append(answer)
        else:
            self._loop.call_soon(self._turn)
        await desk.rest()
        self._flush()
        self._read_or_rest()
        desk.ring()

    def _taken(self) -> Event | None:
        """Return what is worked off next.

        While a submit waits, that is what need not wait behind it; where nothing more
        can be put off, it is that submit.
        """
        session, desk = self.session, self.desk
        if not self._waits:
            event, self._next = self._next or session.next(), None
            if event is None or event.kind is not Kind.REQUEST:
                return event
            if not desk.has_to_wait(event):
                return event
            self._waits, self._next = True, event
        event = session.next_beside()
        if event is None and session.is_full:
            desk.wait_no_longer()
            self._waits = False
            event, self._next = self._next, None
        return event

    def _flush(self) -> None:
        if self._out and not self._dripping:
            octets = b"".join(self._out)
            self._out.clear()
            if not (self._silent or self._transport.is_closing()):
                self._transport.write(octets)

    def _flush_alone(self) -> None:
        """Write what there is, unless a turn is to come that writes it anyway."""
        if not self._busy:
            self._flush()

    def _read_or_rest(self) -> None:
        transport = self._transport
        if transport.is_closing():
            return
        wanted = not (self._busy or self._full)
        if wanted and not transport.is_reading():
            transport.resume_reading()
        elif not wanted and transport.is_reading():
            transport.pause_reading()

    def _alarm(self) -> None:
        self._timer = None
        while self.is_open and (due := self.session.due(self.now)):
            self.desk.carry_out(*due)
        begin(self.desk.rest())
        if self.is_open:
            self.arm()
