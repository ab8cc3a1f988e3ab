"""One client's session: what may be asked when, and what is still unanswered.

Rule 1: what may be asked in a state is a row of ``ASKED``.
Rule 2: octets and instants are arguments; octets and events come back.

Instants are seconds of a clock that never goes back; a timer of 0 is off.

Source: SMPP 3.4, 2.2 to 2.8 and 7.2.
"""

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from math import inf
from typing import Any, NamedTuple

from emulator.domain.command_status import Status
from emulator.smpp import pdu as wire
from emulator.smpp.bodies import REPLY, Body, Command, Nothing, Tag
from emulator.smpp.frames import Frames
from emulator.smpp.pdu import Malformed, Pdu, Tlv

VERSION = 0x34
LAST_SEQUENCE = 0x7FFF_FFFF  # after which they begin again


class State(StrEnum):
    OPEN = "open"
    BOUND_TX = "transmitter"
    BOUND_RX = "receiver"
    BOUND_TRX = "transceiver"
    UNBOUND = "unbound"


BINDS: Mapping[int, State] = {
    Command.BIND_TRANSMITTER: State.BOUND_TX,
    Command.BIND_RECEIVER: State.BOUND_RX,
    Command.BIND_TRANSCEIVER: State.BOUND_TRX,
}
SENDING = frozenset(
    {
        Command.SUBMIT_SM,
        Command.SUBMIT_MULTI,
        Command.DATA_SM,
        Command.QUERY_SM,
        Command.CANCEL_SM,
        Command.REPLACE_SM,
    }
)
KEEPING = frozenset({Command.ENQUIRE_LINK, Command.UNBIND})
BOUND = frozenset(BINDS.values())
RECEIVING = frozenset({State.BOUND_RX, State.BOUND_TRX})
PUT_OFF = 256 * 1024  # octets of requests that wait behind another
FAREWELL = 1.0  # seconds in which who is unbound may close the connection

# What may be asked in each state.  Source: SMPP 3.4, table 2-1; that a replace_sm may
# be asked by a transceiver, and an enquire_link before a bind, is what servers do.
ASKED: Mapping[State, frozenset[int]] = {
    State.OPEN: frozenset({*BINDS, Command.ENQUIRE_LINK}),
    State.BOUND_TX: SENDING | KEEPING,
    State.BOUND_RX: KEEPING,
    State.BOUND_TRX: SENDING | KEEPING,
    State.UNBOUND: frozenset({Command.ENQUIRE_LINK}),
}
REQUESTS = frozenset({*BINDS, *SENDING, *KEEPING})  # that a client has


class Timers(NamedTuple):
    """Seconds.  Source: SMPP 3.4, 7.2."""

    session_init: float = 10
    enquire_link: float = 30
    response: float = 10
    inactivity: float = 300


TIMERS = Timers()
NOTHING = Nothing()


class Kind(StrEnum):
    REQUEST = "request"  # to be answered
    DECLINED = "declined"  # answered by what the event says
    ANSWER = "answer"  # to what we asked
    STRAY = "stray"  # an answer to nothing we asked; ignored
    BROKEN = "broken"  # the octets have no boundaries any more


class Asked(NamedTuple):
    """What we asked, and until when its answer is waited for."""

    sequence: int
    command: int
    octets: bytes
    at: float
    until: float
    ticket: Any  # whose it is


class Event(NamedTuple):
    """What came of one PDU."""

    kind: Kind
    octets: bytes
    pdu: Pdu | None = None
    answer: bytes = b""  # to be sent
    asked: Asked | None = None


class Due(StrEnum):
    """What is to be done because time has passed, and why."""

    CLOSE = "no bind came in time"
    FAREWELL = "it was unbound"
    SILENT = "an enquire_link or an unbind was not answered in time"
    ENQUIRE = "nothing was heard for a while"
    UNBIND = "nothing was heard for too long"
    OVERDUE = "a deliver_sm was not answered in time"


class Session:
    """A session from its connection to its end."""

    __slots__ = (
        "_frames",
        "_put_off",
        "_put_off_octets",
        "_sequence",
        "_unbound_at",
        "asked",
        "heard_at",
        "opened_at",
        "state",
        "timers",
        "version",
    )

    def __init__(self, opened_at: float, timers: Timers = TIMERS) -> None:
        self.opened_at = self.heard_at = opened_at
        self.timers = timers
        self.state = State.OPEN
        self.version = VERSION
        self.asked: dict[int, Asked] = {}  # by sequence, the oldest first
        self._frames = Frames()
        self._put_off: deque[bytes] = deque()  # requests, the oldest first
        self._put_off_octets = 0
        self._sequence = 0  # that was used last
        self._unbound_at = inf

    # --- What the client sends ----------------------------------------------------

    def hear(self, octets: bytes, now: float) -> None:
        self.heard_at = now
        self._frames.add(octets)

    def next(self) -> Event | None:
        """Return what comes of the next PDU, or None until one is whole.

        Answer a request before taking the next: a bind and a submit_sm may come
        together, and the second depends on the answer to the first.
        """
        if self._put_off:
            oldest = self._put_off.popleft()
            self._put_off_octets -= len(oldest)
            return self._event(oldest)
        try:
            octets = self._frames.take()
        except Malformed as error:
            return Event(Kind.BROKEN, b"", answer=_nack(error))
        return None if octets is None else self._event(octets)

    def next_beside(self) -> Event | None:
        """Return what comes of the next PDU that need not wait behind a request.

        That is an answer to what we asked, or an enquire_link; what comes before it is
        put off, in its order.
        """
        while not self.is_full:
            try:
                octets = self._frames.take()
            except Malformed:  # its turn comes behind what was put off
                return None
            if octets is None:
                return None
            command = int.from_bytes(octets[4:8], "big")
            if command & REPLY or command == Command.ENQUIRE_LINK:
                return self._event(octets)
            self._put_off.append(octets)
            self._put_off_octets += len(octets)
        return None

    @property
    def is_full(self) -> bool:
        """Whether nothing more can be put off."""
        return self._put_off_octets >= PUT_OFF

    def _event(self, octets: bytes) -> Event:
        try:
            pdu = wire.decode(octets)
        except Malformed as error:
            return Event(Kind.DECLINED, octets, answer=self._declined(error))
        if pdu.command & REPLY:
            asked = self._answered(pdu)
            return Event(Kind.ANSWER if asked else Kind.STRAY, octets, pdu, b"", asked)
        if pdu.command in ASKED[self.state]:
            return Event(Kind.REQUEST, octets, pdu)
        return Event(Kind.DECLINED, octets, pdu, self._not_now(pdu))

    # --- What is answered ---------------------------------------------------------

    def bind(self, request: Pdu, system_id: bytes, version: int) -> bytes:
        """Return the answer to a bind that is granted.

        Source: SMPP 3.4, 4.1.2; a version above 3.4 is taken as 3.4.
        """
        self.state = BINDS[request.command]
        self.version = min(version, VERSION)
        body = system_id + wire.NUL
        if self.version >= VERSION:
            body += wire.TLV.pack(Tag.SC_INTERFACE_VERSION, 1) + bytes((VERSION,))
        return wire.answer(request.command, Status.ESME_ROK, request.sequence, body)

    def unbind(self, sequence: int, now: float) -> bytes:
        """Return the answer to an unbind; only a farewell is left after it."""
        self.state = State.UNBOUND
        self._unbound_at = now
        return wire.answer(Command.UNBIND, Status.ESME_ROK, sequence)

    @property
    def is_bound(self) -> bool:
        return self.state in BOUND

    @property
    def is_receiving(self) -> bool:
        return self.state in RECEIVING

    # --- What we ask --------------------------------------------------------------

    def ask(
        self,
        command: int,
        now: float,
        *,
        body: Body = NOTHING,
        tlvs: tuple[Tlv, ...] = (),
        ticket: Any = None,
    ) -> bytes:
        """Return the octets of a request; its answer is waited for from now on.

        Source: SMPP 3.4, 3.2 for the sequence numbers.
        """
        octets = self.tell(command, body, tlvs)
        patience = self.timers.response or inf
        self.asked[self._sequence] = Asked(
            self._sequence, command, octets, now, now + patience, ticket
        )
        return octets

    def tell(self, command: int, body: Body, tlvs: tuple[Tlv, ...] = ()) -> bytes:
        """Return the octets of a PDU that has no answer, an outbind."""
        self._sequence = self._sequence % LAST_SEQUENCE + 1
        return wire.encode(Pdu(command, 0, self._sequence, body, tlvs))

    # --- What time brings ---------------------------------------------------------

    def due_at(self) -> float:
        """Return when something is to be done by itself; infinity for never."""
        return min((at for at, _ in self._deadlines()), default=inf)

    def due(self, now: float) -> tuple[Due, Asked | None] | None:
        """Return what is to be done by now, one thing at a time; None for nothing.

        What is overdue is not waited for any longer.
        """
        passed = [each for each in self._deadlines() if each[0] <= now]
        if not passed:
            return None
        _, what = min(passed, key=lambda each: each[0])
        if what is not Due.OVERDUE:
            return what, None
        return what, self.asked.pop(next(iter(self.asked)))

    def _deadlines(self) -> list[tuple[float, Due]]:
        """Return the timers that run, and what each leads to."""
        timers, asked = self.timers, {each.command for each in self.asked.values()}
        found = []
        if self.asked:
            oldest = next(iter(self.asked.values()))
            ours = oldest.command in KEEPING
            found.append((oldest.until, Due.SILENT if ours else Due.OVERDUE))
        if self.state is State.OPEN and timers.session_init:
            found.append((self.opened_at + timers.session_init, Due.CLOSE))
        if self.state is State.UNBOUND:
            found.append((self._unbound_at + FAREWELL, Due.FAREWELL))
        if self.is_bound and Command.UNBIND not in asked:
            if timers.inactivity:
                found.append((self.heard_at + timers.inactivity, Due.UNBIND))
            if timers.enquire_link and Command.ENQUIRE_LINK not in asked:
                found.append((self.heard_at + timers.enquire_link, Due.ENQUIRE))
        return found

    def _answered(self, pdu: Pdu) -> Asked | None:
        """Return what *pdu* answers.  A generic_nack answers whatever was asked."""
        asked = self.asked.get(pdu.sequence)
        fits = asked and pdu.command in (asked.command | REPLY, Command.GENERIC_NACK)
        return self.asked.pop(pdu.sequence) if fits else None

    def _declined(self, error: Malformed) -> bytes:
        """Return the answer to octets that are no PDU.

        Its own answer where the command has one and a client may ask it, else a
        generic_nack; and nothing at all to a broken answer.
        """
        if error.command not in REQUESTS:
            known_answer = error.command in wire.BODIES and error.command & REPLY
            return b"" if known_answer else _nack(error)
        status = error.status
        if error.command not in ASKED[self.state]:
            status = self._status_of(error.command)
        return wire.answer(error.command, status, error.sequence)

    def _not_now(self, pdu: Pdu) -> bytes:
        """Return the answer to a request that may not be asked in this state."""
        if pdu.command not in REQUESTS:  # only a centre asks it
            return wire.nack(Status.ESME_RINVCMDID, pdu.sequence)
        return wire.answer(pdu.command, self._status_of(pdu.command), pdu.sequence)

    def _status_of(self, command: int) -> Status:
        rebound = command in BINDS and self.is_bound
        return Status.ESME_RALYBND if rebound else Status.ESME_RINVBNDSTS


def _nack(error: Malformed) -> bytes:
    return wire.nack(error.status, error.sequence)
