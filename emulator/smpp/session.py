"""One client's session: which requests are allowed when, and which are unanswered.

Rule 1: what may be asked in a state is a row of ``ALLOWED_COMMANDS``.
Rule 2: octets and instants are arguments; octets and events come back.

Instants are seconds of a clock that never goes back; a timer of 0 is off.

Source: SMPP 3.4, 2.2 to 2.8 and 7.2.
"""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from math import inf
from typing import Any, NamedTuple

from emulator.domain.command_status import CommandStatus
from emulator.smpp import pdu as wire
from emulator.smpp.bodies import RESPONSE_BIT, CommandId, EmptyBody, PduBody, TlvTag
from emulator.smpp.frames import PduFramer
from emulator.smpp.pdu import MalformedPduError, Pdu, Tlv

SMPP_VERSION = 0x34
LAST_SEQUENCE = 0x7FFF_FFFF  # after which they begin again


class SessionState(StrEnum):
    OPEN = "open"
    BOUND_TX = "transmitter"
    BOUND_RX = "receiver"
    BOUND_TRX = "transceiver"
    UNBOUND = "unbound"


BIND_STATES: Mapping[int, SessionState] = {
    CommandId.BIND_TRANSMITTER: SessionState.BOUND_TX,
    CommandId.BIND_RECEIVER: SessionState.BOUND_RX,
    CommandId.BIND_TRANSCEIVER: SessionState.BOUND_TRX,
}
SENDING_COMMANDS = frozenset(
    {
        CommandId.SUBMIT_SM,
        CommandId.SUBMIT_MULTI,
        CommandId.DATA_SM,
        CommandId.QUERY_SM,
        CommandId.CANCEL_SM,
        CommandId.REPLACE_SM,
    }
)
KEEPALIVE_COMMANDS = frozenset({CommandId.ENQUIRE_LINK, CommandId.UNBIND})
BOUND_STATES = frozenset(BIND_STATES.values())
RECEIVING_STATES = frozenset({SessionState.BOUND_RX, SessionState.BOUND_TRX})
MAX_DEFERRED_OCTETS = 256 * 1024  # octets of requests that wait behind another
UNBOUND_GRACE = 1.0  # seconds in which who is unbound may close the connection

# What may be asked in each state.  Source: SMPP 3.4, table 2-1; that a replace_sm may
# be asked by a transceiver, and an enquire_link before a bind, is what servers do.
ALLOWED_COMMANDS: Mapping[SessionState, frozenset[int]] = {
    SessionState.OPEN: frozenset({*BIND_STATES, CommandId.ENQUIRE_LINK}),
    SessionState.BOUND_TX: SENDING_COMMANDS | KEEPALIVE_COMMANDS,
    SessionState.BOUND_RX: KEEPALIVE_COMMANDS,
    SessionState.BOUND_TRX: SENDING_COMMANDS | KEEPALIVE_COMMANDS,
    SessionState.UNBOUND: frozenset({CommandId.ENQUIRE_LINK}),
}
# That a client has
CLIENT_COMMANDS = frozenset({*BIND_STATES, *SENDING_COMMANDS, *KEEPALIVE_COMMANDS})


class SessionTimers(NamedTuple):
    """Seconds.  Source: SMPP 3.4, 7.2."""

    session_init: float = 10
    enquire_link: float = 30
    response: float = 10
    inactivity: float = 300


DEFAULT_TIMERS = SessionTimers()
EMPTY_BODY = EmptyBody()


class EventKind(StrEnum):
    REQUEST = "request"  # to be answered
    DECLINED = "declined"  # answered by what the event says
    ANSWER = "answer"  # to what we asked
    STRAY = "stray"  # an answer to nothing we asked; ignored
    BROKEN = "broken"  # the octets have no boundaries any more


class PendingRequest(NamedTuple):
    """A request of the server, and until when its response is awaited."""

    sequence: int
    command: int
    octets: bytes
    sent_at: float
    deadline: float
    ticket: Any  # whose it is


class SessionEvent(NamedTuple):
    """The event that one PDU causes."""

    kind: EventKind
    octets: bytes
    pdu: Pdu | None = None
    response: bytes = b""  # to be sent
    pending: PendingRequest | None = None


class DueAction(StrEnum):
    """The action that a timer requires."""

    CLOSE = "no bind came in time"
    FAREWELL = "it was unbound"
    SILENT = "an enquire_link or an unbind was not answered in time"
    ENQUIRE = "nothing was heard for a while"
    UNBIND = "nothing was heard for too long"
    OVERDUE = "a deliver_sm was not answered in time"


class SmppSession:
    """A session from its connection to its end."""

    __slots__ = (
        "_deferred",
        "_deferred_octets",
        "_framer",
        "_sequence",
        "_unbound_at",
        "last_heard_at",
        "opened_at",
        "pending",
        "state",
        "timers",
        "version",
    )

    def __init__(
        self, opened_at: float, timers: SessionTimers = DEFAULT_TIMERS
    ) -> None:
        self.opened_at = self.last_heard_at = opened_at
        self.timers = timers
        self.state = SessionState.OPEN
        self.version = SMPP_VERSION
        self.pending: dict[int, PendingRequest] = {}  # by sequence, the oldest first
        self._framer = PduFramer()
        self._deferred: deque[bytes] = deque()  # requests, the oldest first
        self._deferred_octets = 0
        self._sequence = 0  # that was used last
        self._unbound_at = inf

    # --- What the client sends ----------------------------------------------------

    def receive_octets(self, octets: bytes, now: float) -> None:
        self.last_heard_at = now
        self._framer.feed(octets)

    def next_event(self) -> SessionEvent | None:
        """Return the event of the next PDU, or None until one is complete.

        Answer a request before taking the next: a bind and a submit_sm may come
        together, and the second depends on the answer to the first.
        """
        if self._deferred:
            oldest = self._deferred.popleft()
            self._deferred_octets -= len(oldest)
            return self._make_event(oldest)
        try:
            octets = self._framer.take_frame()
        except MalformedPduError as error:
            return SessionEvent(
                EventKind.BROKEN, b"", response=_encode_error_nack(error)
            )
        return None if octets is None else self._make_event(octets)

    def next_urgent_event(self) -> SessionEvent | None:
        """Return the event of the next PDU that need not wait behind a request.

        That is an answer to what we asked, or an enquire_link; what comes before it is
        put off, in its order.
        """
        while not self.is_full:
            try:
                octets = self._framer.take_frame()
            except MalformedPduError:  # its turn comes behind what was put off
                return None
            if octets is None:
                return None
            command = int.from_bytes(octets[4:8], "big")
            if command & RESPONSE_BIT or command == CommandId.ENQUIRE_LINK:
                return self._make_event(octets)
            self._deferred.append(octets)
            self._deferred_octets += len(octets)
        return None

    @property
    def is_full(self) -> bool:
        """Whether no more PDUs can be queued."""
        return self._deferred_octets >= MAX_DEFERRED_OCTETS

    def _make_event(self, octets: bytes) -> SessionEvent:
        try:
            pdu = wire.decode_pdu(octets)
        except MalformedPduError as error:
            return SessionEvent(
                EventKind.DECLINED, octets, response=self._decline_octets(error)
            )
        if pdu.command & RESPONSE_BIT:
            asked = self._match_response(pdu)
            return SessionEvent(
                EventKind.ANSWER if asked else EventKind.STRAY, octets, pdu, b"", asked
            )
        if pdu.command in ALLOWED_COMMANDS[self.state]:
            return SessionEvent(EventKind.REQUEST, octets, pdu)
        return SessionEvent(EventKind.DECLINED, octets, pdu, self._decline_request(pdu))

    # --- What is answered ---------------------------------------------------------

    def accept_bind(self, request: Pdu, system_id: bytes, version: int) -> bytes:
        """Return the answer to a bind that is granted.

        Source: SMPP 3.4, 4.1.2; a version above 3.4 is taken as 3.4.
        """
        self.state = BIND_STATES[request.command]
        self.version = min(version, SMPP_VERSION)
        body = system_id + wire.NUL
        if self.version >= SMPP_VERSION:
            body += wire.TLV_HEADER.pack(TlvTag.SC_INTERFACE_VERSION, 1) + bytes(
                (SMPP_VERSION,)
            )
        return wire.encode_response(
            request.command, CommandStatus.ESME_ROK, request.sequence, body
        )

    def accept_unbind(self, sequence: int, now: float) -> bytes:
        """Return the response to an unbind; the session ends after it."""
        self.state = SessionState.UNBOUND
        self._unbound_at = now
        return wire.encode_response(CommandId.UNBIND, CommandStatus.ESME_ROK, sequence)

    @property
    def is_bound(self) -> bool:
        return self.state in BOUND_STATES

    @property
    def is_receiving(self) -> bool:
        return self.state in RECEIVING_STATES

    # --- What we ask --------------------------------------------------------------

    def make_request(
        self,
        command: int,
        now: float,
        *,
        body: PduBody = EMPTY_BODY,
        tlvs: tuple[Tlv, ...] = (),
        ticket: Any = None,
    ) -> bytes:
        """Return the octets of a request; its response is awaited from now on.

        Source: SMPP 3.4, 3.2 for the sequence numbers.
        """
        octets = self.make_pdu(command, body, tlvs)
        patience = self.timers.response or inf
        self.pending[self._sequence] = PendingRequest(
            self._sequence, command, octets, now, now + patience, ticket
        )
        return octets

    def make_pdu(
        self, command: int, body: PduBody, tlvs: tuple[Tlv, ...] = ()
    ) -> bytes:
        """Return the octets of a PDU that has no answer, an outbind."""
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        return wire.encode_pdu(Pdu(command, 0, self._sequence, body, tlvs))

    # --- What time brings ---------------------------------------------------------

    def next_deadline(self) -> float:
        """Return the next deadline; infinity for none."""
        return min((at for at, _ in self._list_deadlines()), default=inf)

    def take_due(self, now: float) -> tuple[DueAction, PendingRequest | None] | None:
        """Return one action that is due by now; None for none.

        What is overdue is not waited for any longer.
        """
        passed = [each for each in self._list_deadlines() if each[0] <= now]
        if not passed:
            return None
        _, what = min(passed, key=lambda each: each[0])
        if what is not DueAction.OVERDUE:
            return what, None
        return what, self.pending.pop(next(iter(self.pending)))

    def _list_deadlines(self) -> list[tuple[float, DueAction]]:
        """Return the timers that run, and what each leads to."""
        timers, asked = self.timers, {each.command for each in self.pending.values()}
        found = []
        if self.pending:
            oldest = next(iter(self.pending.values()))
            ours = oldest.command in KEEPALIVE_COMMANDS
            found.append(
                (oldest.deadline, DueAction.SILENT if ours else DueAction.OVERDUE)
            )
        if self.state is SessionState.OPEN and timers.session_init:
            found.append((self.opened_at + timers.session_init, DueAction.CLOSE))
        if self.state is SessionState.UNBOUND:
            found.append((self._unbound_at + UNBOUND_GRACE, DueAction.FAREWELL))
        if self.is_bound and CommandId.UNBIND not in asked:
            if timers.inactivity:
                found.append((self.last_heard_at + timers.inactivity, DueAction.UNBIND))
            if timers.enquire_link and CommandId.ENQUIRE_LINK not in asked:
                found.append(
                    (self.last_heard_at + timers.enquire_link, DueAction.ENQUIRE)
                )
        return found

    def _match_response(self, pdu: Pdu) -> PendingRequest | None:
        """Return the request that *pdu* answers; a generic_nack answers any."""
        asked = self.pending.get(pdu.sequence)
        fits = asked and pdu.command in (
            asked.command | RESPONSE_BIT,
            CommandId.GENERIC_NACK,
        )
        return self.pending.pop(pdu.sequence) if fits else None

    def _decline_octets(self, error: MalformedPduError) -> bytes:
        """Return the answer to octets that are no PDU.

        Its own answer where the command has one and a client may ask it, else a
        generic_nack; and nothing at all to a broken answer.
        """
        if error.command not in CLIENT_COMMANDS:
            known_answer = (
                error.command in wire.BODY_LAYOUTS and error.command & RESPONSE_BIT
            )
            return b"" if known_answer else _encode_error_nack(error)
        status = error.status
        if error.command not in ALLOWED_COMMANDS[self.state]:
            status = self._choose_status(error.command)
        return wire.encode_response(error.command, status, error.sequence)

    def _decline_request(self, pdu: Pdu) -> bytes:
        """Return the response to a request that is not allowed in this state."""
        if pdu.command not in CLIENT_COMMANDS:  # only a centre asks it
            return wire.encode_nack(CommandStatus.ESME_RINVCMDID, pdu.sequence)
        return wire.encode_response(
            pdu.command, self._choose_status(pdu.command), pdu.sequence
        )

    def _choose_status(self, command: int) -> CommandStatus:
        rebound = command in BIND_STATES and self.is_bound
        return CommandStatus.ESME_RALYBND if rebound else CommandStatus.ESME_RINVBNDSTS


def _encode_error_nack(error: MalformedPduError) -> bytes:
    return wire.encode_nack(error.status, error.sequence)
