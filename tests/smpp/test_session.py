"""A session without a socket: what may be asked when, and what time brings."""

from collections.abc import Iterator
from itertools import islice
from math import inf

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
)

from emulator.domain.command_status import CommandStatus
from emulator.smpp.bodies import BindBody, CommandId, MessageBody
from emulator.smpp.session import (
    MAX_DEFERRED_OCTETS,
    DueAction,
    EventKind,
    SessionEvent,
    SessionState,
    SessionTimers,
    SmppSession,
)
from tests.support.emulator import set_examples
from tests.support.smpp import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    QUERY_SM,
    REPLACE_SM,
    SC_INTERFACE_VERSION,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    get_response_id,
    pack_bind,
    pack_message,
    pack_pdu,
    pack_submit,
    pack_tlv,
)

SENDING = (0x04, 0x21, 0x103, 0x03, 0x08, 0x07)
BODIES = {
    SUBMIT_SM: pack_message("4498987282", b"hola"),
    SUBMIT_MULTI: b"\0\0\0\0\0" + bytes(3) + b"\0\0" + bytes(5),
    DATA_SM: b"\0\0\0\0\0\0\0\0\0\0",
    QUERY_SM: b"1\0\0\0\0",
    CANCEL_SM: b"\0" + b"1\0" + b"\0\0\0" + b"\0\0\0",
    REPLACE_SM: b"1\0" + b"\0\0\0" + b"\0\0" + b"\0\0\0",
    UNBIND: b"",
    ENQUIRE_LINK: b"",
}


RECEIPT = MessageBody(
    b"", 1, 1, b"4498987282", 0, 0, b"74342", 4, 0, 0, b"", b"", 0, 0, 0, 0, b"id:1"
)


def heard(
    session: SmppSession, octets: bytes, now: float = 0
) -> Iterator[SessionEvent]:
    session.receive_octets(octets, now)
    while event := session.next_event():
        yield event


def bound(
    kind: int = BIND_TRANSCEIVER, timers: SessionTimers | None = None
) -> SmppSession:
    session = SmppSession(0, timers or SessionTimers(0, 0, 0, 0))
    bind(session, kind)
    return session


def bind(session: SmppSession, kind: int, version: int = 0x34) -> bytes:
    (event,) = heard(session, pack_bind(kind, version=version))
    assert event.kind is EventKind.REQUEST
    assert event.pdu is not None
    assert isinstance(event.pdu.body, BindBody)
    return session.accept_bind(event.pdu, b"demo", event.pdu.body.interface_version)


def status(octets: bytes) -> int:
    return int.from_bytes(octets[8:12], "big")


@pytest.mark.parametrize("command", SENDING)
@pytest.mark.parametrize("state", ["open", BIND_RECEIVER])
def test_who_is_no_transmitter_may_not_send(command: int, state: str | int) -> None:
    session = SmppSession(0) if isinstance(state, str) else bound(state)

    (event,) = heard(session, pack_pdu(command, 5, BODIES[command]))

    assert event.kind is EventKind.DECLINED
    assert event.response == pack_pdu(
        get_response_id(command), 5, status=CommandStatus.ESME_RINVBNDSTS
    )


@pytest.mark.parametrize("kind", [1, 2, 9])
def test_who_is_bound_is_not_bound_again(kind: int) -> None:
    session = bound()

    (event,) = heard(session, pack_bind(kind, sequence=2))

    assert event.response == pack_pdu(
        get_response_id(kind), 2, status=CommandStatus.ESME_RALYBND
    )
    assert session.state is SessionState.BOUND_TRX


@pytest.mark.parametrize("version", [0x00, 0x33])
def test_an_old_version_gets_no_parameters(version: int) -> None:
    answer = bind(SmppSession(0), BIND_TRANSMITTER, version)

    assert answer == pack_pdu(get_response_id(BIND_TRANSMITTER), 1, b"demo\0")


@pytest.mark.parametrize("version", [0x34, 0x50])
def test_a_later_version_is_taken_as_ours(version: int) -> None:
    session = SmppSession(0)

    answer = bind(session, BIND_TRANSMITTER, version)

    assert answer[16:] == b"demo\0" + pack_tlv(SC_INTERFACE_VERSION, b"\x34")
    assert session.version == 0x34


def test_own_sequence_numbers_grow_from_one_and_begin_again() -> None:
    session = bound()
    first = session.make_request(CommandId.ENQUIRE_LINK, 0)
    session._sequence = 0x7FFFFFFE  # noqa: SLF001 - two thousand million before

    last, again = (session.make_request(CommandId.ENQUIRE_LINK, 0) for _ in range(2))

    numbers = [int.from_bytes(each[12:16], "big") for each in (first, last, again)]
    assert numbers == [1, 0x7FFFFFFF, 1]


def test_an_answer_to_nothing_is_stray() -> None:
    session = bound()
    session.make_request(CommandId.DELIVER_SM, 0, body=RECEIPT)

    kinds = [
        event.kind
        for octets in (
            pack_pdu(get_response_id(DELIVER_SM), 9),
            pack_pdu(get_response_id(ENQUIRE_LINK), 1),
            pack_pdu(GENERIC_NACK, 77),
            pack_pdu(get_response_id(DELIVER_SM), 1, b"\0"),
            pack_pdu(get_response_id(DELIVER_SM), 1, b"\0"),
        )
        for event in heard(session, octets)
    ]

    assert kinds == [EventKind.STRAY] * 3 + [EventKind.ANSWER, EventKind.STRAY]


TIMED = SessionTimers(session_init=10, enquire_link=30, response=5, inactivity=100)


def test_what_need_not_wait_overtakes_requests_that_do() -> None:
    session = bound()
    session.make_request(DELIVER_SM, 0, body=RECEIPT)
    answer = pack_pdu(get_response_id(DELIVER_SM), 1, b"\0")
    alive = pack_pdu(ENQUIRE_LINK, 6)
    one, other = pack_submit(5), pack_pdu(UNBIND, 7)
    session.receive_octets(one + answer + other[:9], 0)

    overtaking = [session.next_urgent_event(), session.next_urgent_event()]
    session.receive_octets(other[9:] + alive, 0)
    overtaking.append(session.next_urgent_event())

    assert [each and each.octets for each in overtaking] == [answer, None, alive]
    assert [each.octets for each in heard(session, alive)] == [one, other, alive]


def test_only_so_much_is_put_off() -> None:
    session = bound()
    one = pack_submit(5, short=bytes(200))
    many = MAX_DEFERRED_OCTETS // len(one) + 10
    session.receive_octets(one * many + pack_pdu(ENQUIRE_LINK, 6), 0)

    overtaking = session.next_urgent_event()

    assert overtaking is None
    assert session.is_full
    assert session.next_event()
    assert not session.is_full
    assert sum(1 for _ in heard(session, b"")) == many


def test_a_stream_without_boundaries_ends_behind_what_was_put_off() -> None:
    session = bound()
    session.receive_octets(pack_submit(5) + bytes(20), 0)

    assert session.next_urgent_event() is None
    assert [each.kind for each in islice(heard(session, b""), 2)] == [
        *(EventKind.REQUEST, EventKind.BROKEN)
    ]


def test_who_does_not_bind_in_time_is_let_go() -> None:
    session = SmppSession(0, TIMED)

    assert session.next_deadline() == 10
    assert session.take_due(9.9) is None
    assert session.take_due(10) == (DueAction.CLOSE, None)


def test_a_silent_client_is_asked_whether_it_lives() -> None:
    session = bound(timers=TIMED)

    assert session.take_due(30) == (DueAction.ENQUIRE, None)
    session.make_request(CommandId.ENQUIRE_LINK, 30)
    assert session.take_due(34.9) is None
    assert session.take_due(35) == (DueAction.SILENT, None)


def test_a_client_that_lives_is_asked_again_later() -> None:
    session = bound(timers=TIMED)
    session.make_request(CommandId.ENQUIRE_LINK, 30)

    (event,) = heard(session, pack_pdu(get_response_id(0x15), 1), 31)

    assert event.kind is EventKind.ANSWER

    assert session.next_deadline() == 61


def test_who_says_nothing_for_too_long_is_unbound() -> None:
    session = bound(timers=TIMED._replace(enquire_link=0))

    assert session.next_deadline() == 100
    assert session.take_due(100) == (DueAction.UNBIND, None)
    session.make_request(CommandId.UNBIND, 100)
    assert session.take_due(104) is None
    assert session.take_due(105) == (DueAction.SILENT, None)


def test_an_unanswered_receipt_is_overdue_once() -> None:
    session = bound(timers=TIMED)
    session.make_request(CommandId.DELIVER_SM, 1, body=RECEIPT, ticket=7)

    due = session.take_due(6)

    assert due is not None
    assert due[0] is DueAction.OVERDUE
    assert due[1] is not None
    assert due[1].ticket == 7
    assert session.take_due(6) is None


def test_timers_of_zero_are_off() -> None:
    open_, closed = SmppSession(0, SessionTimers(0, 0, 0, 0)), bound()
    closed.make_request(CommandId.DELIVER_SM, 0, body=RECEIPT)

    assert open_.next_deadline() == closed.next_deadline() == inf


class Client(RuleBasedStateMachine):
    """A client that asks anything at any time, and what it must be told."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.session = SmppSession(self.now, TIMED)
        self.sequence = 0
        self.bound: int | None = None  # by which bind
        self.unbound = False
        self.open_questions: list[tuple[int, int]] = []  # of ours

    def tell(self, octets: bytes) -> SessionEvent:
        (event,) = heard(self.session, octets, self.now)
        return event

    def numbered(self) -> int:
        self.sequence += 1
        return self.sequence

    @rule(kind=st.sampled_from([1, 2, 9]), granted=st.booleans())
    def bind(self, kind: int, *, granted: bool) -> None:
        event = self.tell(pack_bind(kind, sequence=self.numbered()))
        if self.bound is not None:
            assert status(event.response) == CommandStatus.ESME_RALYBND
        elif self.unbound:
            assert status(event.response) == CommandStatus.ESME_RINVBNDSTS
        elif granted:
            assert event.pdu is not None
            self.session.accept_bind(event.pdu, b"demo", 0x34)
            self.bound = kind
        else:
            assert event.kind is EventKind.REQUEST

    @rule(command=st.sampled_from(SENDING))
    def send(self, command: int) -> None:
        sequence = self.numbered()
        event = self.tell(pack_pdu(command, sequence, BODIES[command]))
        if self.bound in {BIND_TRANSMITTER, BIND_TRANSCEIVER}:
            assert event.kind is EventKind.REQUEST
        else:
            assert event.response == pack_pdu(
                get_response_id(command), sequence, status=CommandStatus.ESME_RINVBNDSTS
            )

    @rule()
    def enquire(self) -> None:
        event = self.tell(pack_pdu(ENQUIRE_LINK, self.numbered()))
        assert event.kind is EventKind.REQUEST

    @rule()
    def unbind(self) -> None:
        event = self.tell(pack_pdu(UNBIND, self.numbered()))
        if self.bound is None:
            assert status(event.response) == CommandStatus.ESME_RINVBNDSTS
            return
        assert event.pdu is not None
        self.session.accept_unbind(event.pdu.sequence, self.now)
        self.bound, self.unbound = None, True

    @rule(command=st.sampled_from([0x05, 0x0B, 0x102]))
    def ask_what_a_centre_asks(self, command: int) -> None:
        body = {
            0x05: BODIES[SUBMIT_SM],
            0x0B: bytes(2),
            0x102: bytes(6),
        }[command]
        sequence = self.numbered()
        event = self.tell(pack_pdu(command, sequence, body))
        assert event.response == pack_pdu(
            GENERIC_NACK, sequence, status=CommandStatus.ESME_RINVCMDID
        )

    @precondition(lambda self: self.bound in {1, 9})
    @rule()
    def be_asked(self) -> None:
        octets = self.session.make_request(CommandId.DELIVER_SM, self.now, body=RECEIPT)
        self.open_questions.append((0x05, int.from_bytes(octets[12:16], "big")))

    @precondition(lambda self: self.open_questions)
    @rule(data=st.data(), nack=st.booleans())
    def answer(self, data: st.DataObject, *, nack: bool) -> None:
        question = data.draw(st.sampled_from(self.open_questions))
        self.open_questions.remove(question)
        command = GENERIC_NACK if nack else get_response_id(question[0])
        event = self.tell(pack_pdu(command, question[1]))
        assert event.kind is EventKind.ANSWER
        assert event.pending is not None
        assert event.pending.sequence == question[1]

    @rule(seconds=st.floats(0, 4))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        while due := self.session.take_due(self.now):
            if due[0] is not DueAction.OVERDUE:
                break
            assert due[1] is not None
            self.open_questions.remove((0x05, due[1].sequence))

    @invariant()
    def all_that_is_unanswered_is_known(self) -> None:
        known = [
            (each.command, each.sequence) for each in self.session.pending.values()
        ]
        assert known == self.open_questions

    @invariant()
    def the_state_is_what_was_granted(self) -> None:
        assert self.session.is_bound == (self.bound is not None)
        assert self.session.is_receiving == (self.bound in {1, 9})


TestClient = Client.TestCase
TestClient.settings = set_examples(60, steps=30)
