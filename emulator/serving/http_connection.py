"""One connection of HTTP: whose turn it is, how long anything may take, how it ends."""

from enum import Enum
from http import HTTPStatus
from typing import Any

from msgspec import Struct
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from emulator.network.connections import ConnectionTable, Idleness
from emulator.serving.deadline import Deadline
from emulator.serving.http_exchange import HttpExchange
from emulator.serving.http_refusals import HttpRefusal

KIBIBYTE = 1024
MEBIBYTE = 1024 * KIBIBYTE
LINGER_SECONDS = 1.0  # seconds that a client has to read why the connection ends
MAX_QUEUED = 64  # requests that wait for their turn while others are read
MAX_LINGERING = 32  # connections that were not admitted and are told so


class HttpLimits(Struct, frozen=True):
    """How large a request may be, and how long anything may take."""

    line: int = 16 * KIBIBYTE  # bytes of its first line
    headers: int = 64 * KIBIBYTE  # bytes of all header lines together
    count: int = 100  # header lines
    discard: int = 64 * MEBIBYTE  # bytes of a body that come after its answer
    idle: float = 75.0  # seconds that a connection may be idle
    header: float = 30.0  # seconds in which a head has to come
    transfer: float = 120.0  # seconds for a body, and without reading of an answer

    @property
    def keep_alive_lines(self) -> bytes:
        """The header lines of an answer after which the connection is kept.

        Clients are told a shorter time than it is, so that none of them asks while the
        connection is being closed.
        """
        told = int(self.idle - min(5.0, self.idle / 5))
        timeout = b"keep-alive: timeout=%d\r\n" % told if told else b""
        return b"connection: keep-alive\r\n" + timeout


class Phase(Enum):
    """What a connection is doing."""

    IDLE = "idle"
    IN_HEAD = "a head comes"
    IN_BODY = "a body comes"
    UNREAD = "the client does not read its answer"
    AT_WORK = "a request is being answered"
    FULL = "so many wait behind it that nothing more is read"


class HttpConnection(HttpToolsProtocol):
    """uvicorn's connection, one of those in a table, with a deadline for what it does.

    What is no request is refused after the answers under way; then the connection
    ends.
    """

    limits = HttpLimits()
    keep_alive_lines = limits.keep_alive_lines
    table = ConnectionTable()
    lingering: frozenset[Any] | set[Any] = frozenset()  # those not admitted
    idleness: Idleness | None = None

    cycle: HttpExchange
    is_in_head = False  # a part of one has come
    is_whole = True  # the last request has come to its end
    is_ended = False  # nothing is parsed any more
    refusal: HttpRefusal | None = None  # after the answers under way
    phase: Phase | None = None
    _answering: HttpExchange | None = None  # whose turn it is, or was

    # --- Callbacks of asyncio ---------------------------------------------------------

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self._deadline = Deadline(self.loop, self._handle_timeout)
        if self.table.admit(self):
            self.watch_time()
        elif isinstance(self.lingering, set) and len(self.lingering) < MAX_LINGERING:
            self.lingering.add(self)
            limit = self.table.counts.limit
            why = f"{limit} connections are open and at work (--max-connections)"
            self.refuse_rest(HttpRefusal(HTTPStatus.SERVICE_UNAVAILABLE, why))
        else:
            transport.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self.table.discard(self)
        if isinstance(self.lingering, set):
            self.lingering.discard(self)
        self._deadline.cancel()
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        super().pause_writing()
        self.watch_time()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.watch_time()

    # --- Turns ------------------------------------------------------------------------

    def queue_exchange(self, exchange: HttpExchange) -> None:
        """Let the application answer a request, once those before it are answered."""
        if self._answering is None or self._answering.response_complete:
            self._start_exchange(exchange)
        else:
            self.pipeline.appendleft((exchange, self.app))
            if len(self.pipeline) >= MAX_QUEUED:
                self.flow.pause_reading()

    def _start_exchange(self, exchange: HttpExchange) -> None:
        self._answering = exchange
        self._start_asgi_task(exchange, self.app)

    def on_response_complete(self) -> None:
        self.server_state.total_requests += 1
        if not (self.is_ended or self.transport.is_closing()):
            if self.pipeline:
                exchange, _ = self.pipeline.pop()
                self._start_exchange(exchange)  # type: ignore[arg-type] # each is one
            elif self.refusal:
                self._send_refusal(self.refusal)
            if len(self.pipeline) < MAX_QUEUED:
                self.flow.resume_reading()
        self.watch_time()

    def can_be_kept(self, exchange: HttpExchange) -> bool:
        """Return whether the connection can be in step where a body is still to come.

        It cannot where that may never come, or has no end within the bounds.
        """
        announced = dict(exchange.scope["headers"]).get(b"content-length", b"0")
        return (
            not exchange.waiting_for_100_continue
            and int(announced) <= self.limits.discard
        )

    def close_after_answer(self) -> None:
        """Close the connection; a client that still sends has time to read first."""
        if self.is_whole:
            self.transport.close()
        else:
            self._linger()

    # --- Bounds -----------------------------------------------------------------------

    def close_for_another(self) -> None:
        """Close the connection, as there are too many."""
        self.is_ended = True
        self.transport.abort()

    def refuse_rest(self, refusal: HttpRefusal) -> None:
        """Refuse what comes now, after the answers under way, and whatever follows."""
        if self.refusal or self.is_ended:
            return
        self.refusal = refusal
        exchange = self._answering
        if not self.is_whole:  # so the last request can never be whole
            if self.pipeline:
                self.pipeline.popleft()
            elif self.cycle.response_started:
                self.transport.close()
                return
            else:
                self.cycle.disconnected = True
                self.cycle.message_event.set()
                exchange = None
        if exchange is None or exchange.response_complete:
            self._send_refusal(refusal)

    def _send_refusal(self, refusal: HttpRefusal) -> None:
        self.transport.write(refusal.to_octets())
        self._linger()

    def _linger(self) -> None:
        """Disconnect, once the client has had time to read what was written."""
        self.is_ended = True
        self._deadline.cancel()
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.loop.call_later(LINGER_SECONDS, self.transport.abort)
        else:
            self.transport.close()

    def watch_time(self) -> None:
        """Let the time run that the connection has for what it does now."""
        phase = self._find_phase()
        if phase is self.phase or self.is_ended:
            return
        self.phase = phase
        limits, idleness = self.limits, None
        if phase is Phase.AT_WORK:
            self._deadline.set(None)
        elif phase is Phase.IDLE or phase is Phase.IN_HEAD:
            self._deadline.set(limits.idle if phase is Phase.IDLE else limits.header)
            idleness = Idleness.SILENT if self._answering is None else Idleness.KEPT
        elif phase is Phase.FULL:
            self._deadline.set(limits.transfer)
        else:
            self._deadline.set(limits.transfer)
            idleness = Idleness.TRANSFERRING
        self.table.set_idleness(self, idleness)

    def _find_phase(self) -> Phase:
        if self.flow.write_paused:
            return Phase.UNREAD
        if not self.is_whole:
            return Phase.IN_BODY
        if self._answering is not None and not self._answering.response_complete:
            is_full = len(self.pipeline) >= MAX_QUEUED
            return Phase.FULL if is_full else Phase.AT_WORK
        return Phase.IN_HEAD if self.is_in_head else Phase.IDLE

    def _handle_timeout(self) -> None:
        """End what has taken too long."""
        limits, phase = self.limits, self.phase
        if phase is Phase.IN_HEAD:
            why = f"a head may take {limits.header:g} s (--header-timeout)"
            self.refuse_rest(HttpRefusal(HTTPStatus.REQUEST_TIMEOUT, why))
        elif phase is Phase.FULL:  # whether the client has gone is seen by reading
            self.phase = None
            self.flow.resume_reading()
            self._deadline.set(limits.transfer)
        elif phase is Phase.IN_BODY and self.flow.read_paused:  # it is not the client
            self._deadline.set(limits.transfer)
        elif phase is Phase.IN_BODY and not self.cycle.response_complete:
            why = f"a body may take {limits.transfer:g} s (--transfer-timeout)"
            self.refuse_rest(HttpRefusal(HTTPStatus.REQUEST_TIMEOUT, why))
        elif self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self.transport.close()
