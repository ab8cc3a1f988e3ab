"""Frames, sequence numbers and answers: what comes back for which octets."""

import struct
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from emulator.domain.command_status import CommandStatus
from tests.properties import examples
from tests.smpp import packed
from tests.smpp.conftest import MakePhone
from tests.smpp.dialled import Phone
from tests.smpp.packed import Packet, resp

NACK = packed.GENERIC_NACK


@pytest.mark.behaviour(12)
def test_a_bind_and_a_message_may_come_in_one_segment(phone: Phone) -> None:
    caller = phone.call()

    caller.say(packed.bind(), packed.submit(2), packed.packet(packed.UNBIND, 3))

    answers = [caller.hear() for _ in range(3)]
    assert [(each.sequence, each.status) for each in answers] == [
        (1, 0),
        (2, 0),
        (3, 0),
    ]


@pytest.mark.behaviour(12)
@examples(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_octets_may_be_cut_anywhere(phone: Phone, data: st.DataObject) -> None:
    stream = packed.bind() + b"".join(packed.submit(each) for each in range(2, 8))
    stream += packed.packet(packed.UNBIND, 8)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6).map(sorted))
    caller = phone.call()

    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        caller.say(stream[start:stop])
        caller.turn()

    assert [caller.hear()[1:3] for _ in range(8)] == [(0, each) for each in range(1, 9)]


@pytest.mark.behaviour(13)
@pytest.mark.parametrize(
    ("octets", "sequence"),
    [
        (struct.pack(">I", 15), 0),
        (struct.pack(">I", 0xFFFFFFFF), 0),
        (struct.pack(">IIII", 15, packed.SUBMIT_SM, 0, 77), 77),
        (struct.pack(">IIII", 70_001, packed.SUBMIT_SM, 0, 78), 78),
        (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", int.from_bytes(b".1\r\n", "big")),
    ],
)
def test_a_length_that_no_pdu_has_ends_the_session_at_once(
    phone: Phone, octets: bytes, sequence: int
) -> None:
    caller = phone.bound()

    caller.say(octets)

    assert caller.hear() == Packet(NACK, CommandStatus.ESME_RINVCMDLEN, sequence, b"")
    assert caller.is_cut()
    assert phone.bound().submit()


@pytest.mark.behaviour(13, 27)
def test_the_longest_message_there_is_is_taken(phone: Phone) -> None:
    payload = packed.tlv(packed.MESSAGE_PAYLOAD, b"x" * 65_535)

    assert phone.bound().submit(2, short=b"", tlvs=payload)


@pytest.mark.behaviour(14)
@pytest.mark.parametrize("command", [0x22, 0xDEADBEEF, 0x80000022])
def test_an_unknown_command_is_nacked_and_the_session_lives(
    phone: Phone, command: int
) -> None:
    caller = phone.bound()

    answer = caller.ask(packed.packet(command, 5, b"whatever"))

    assert answer == Packet(NACK, CommandStatus.ESME_RINVCMDID, 5, b"")
    assert caller.submit(6)


@pytest.mark.behaviour(14, 31)
@pytest.mark.parametrize(
    "octets",
    [
        packed.packet(packed.DELIVER_SM, 5, packed.message("1", b"")),
        packed.packet(packed.OUTBIND, 5, b"a\0b\0"),
        packed.packet(packed.ALERT_NOTIFICATION, 5, bytes(6)),
    ],
)
def test_what_only_a_centre_asks_is_nacked(phone: Phone, octets: bytes) -> None:
    caller = phone.bound()

    assert caller.ask(octets) == Packet(NACK, CommandStatus.ESME_RINVCMDID, 5, b"")
    assert caller.submit(6)


@pytest.mark.behaviour(15)
@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (packed.packet(packed.SUBMIT_SM, 5, b"\0\0"), CommandStatus.ESME_RINVCMDLEN),
        (packed.packet(packed.SUBMIT_SM, 5, b""), CommandStatus.ESME_RINVCMDLEN),
        (packed.submit(5, short=b"hola", length=99), CommandStatus.ESME_RINVMSGLEN),
        (packed.submit(5, short=b"x" * 255), CommandStatus.ESME_RINVMSGLEN),
        (packed.submit(5, tlvs=b"\x04"), CommandStatus.ESME_RINVOPTPARSTREAM),
        (packed.submit(5, tlvs=b"\x04\x24\0\x09abc"), CommandStatus.ESME_RINVPARLEN),
    ],
)
def test_a_broken_body_is_declined_and_the_session_lives(
    phone: Phone, octets: bytes, status: CommandStatus
) -> None:
    caller = phone.bound()

    answer = caller.ask(octets)

    assert answer == Packet(resp(packed.SUBMIT_SM), status, 5, b"")
    assert caller.submit(6)
    assert len(phone.api.world.campaigns) == 1


@pytest.mark.behaviour(15)
def test_an_unknown_parameter_is_ignored(phone: Phone) -> None:
    assert phone.bound().submit(2, tlvs=packed.tlv(0x1400, b"\xff" * 9))


@pytest.mark.behaviour(16)
def test_every_request_is_answered_once_and_in_order(phone: Phone) -> None:
    caller = phone.bound()
    sequences = [5, 5, 0x7FFFFFFF, *range(100, 297), 1]

    caller.say(*(packed.submit(each) for each in sequences))

    answers = [caller.hear() for _ in sequences]
    assert [each.sequence for each in answers] == sequences
    assert {each.status for each in answers} == {0}
    assert len({each.body for each in answers}) == len(sequences)


def test_one_busy_client_keeps_nobody_waiting(phone: Phone) -> None:
    busy, other = phone.bound(), phone.bound()
    busy.say(*(packed.submit(each) for each in range(2, 1_002)))

    other.say(packed.packet(packed.ENQUIRE_LINK, 2))

    assert other.hear().command == resp(packed.ENQUIRE_LINK)
    assert len(phone.api.world.campaigns) < 1_000
    for _ in range(1_000):
        busy.hear()


@pytest.mark.behaviour(17)
@pytest.mark.parametrize(
    ("chosen", "status"), [({}, 0x14), ({"window_full_status": 0x58}, 0x58)]
)
def test_a_window_is_kept_while_answers_are_late(
    make_phone: MakePhone, chosen: dict[str, int], status: int
) -> None:
    phone = make_phone(
        binds=[{"system_id": "demo", "password": "demo", "window": 3}], smpp=chosen
    )
    late = {"operation": "submit_sm", "effect": {"delay": 5}, "first": 3}
    phone.api.post("/_emulator/faults", json=late)
    caller = phone.bound()

    caller.say(*(packed.submit(each) for each in range(2, 6)))

    assert caller.hear()[1:3] == (status, 5)
    phone.api.post("/_emulator/clock/advance", json={"seconds": 5})
    assert [caller.hear()[1:3] for _ in range(3)] == [(0, 2), (0, 3), (0, 4)]
    assert caller.submit(6)


@pytest.mark.behaviour(18)
def test_an_answer_to_nothing_is_ignored_and_kept(phone: Phone) -> None:
    caller = phone.bound()

    caller.say(
        packed.packet(resp(packed.DELIVER_SM), 99, b"\0"),
        packed.packet(resp(packed.ENQUIRE_LINK), 98),
        packed.packet(NACK, 97, status=3),
    )

    assert caller.submit(2)
    whys = [each.why for each in phone.api.world.journal]
    assert whys.count("it answers nothing that was asked") == 3


@pytest.mark.behaviour(20)
@pytest.mark.parametrize(
    ("command", "body"),
    [
        (packed.ENQUIRE_LINK, b""),
        (packed.QUERY_SM, b"1\0\0\0\0"),
        (packed.CANCEL_SM, b"\0" + b"1\0" + bytes(6)),
        (packed.REPLACE_SM, b"1\0" + bytes(3) + bytes(5)),
        (packed.DATA_SM, bytes(4) + b"\1\1" + b"4498987282\0" + bytes(3)),
        (packed.SUBMIT_MULTI, bytes(4) + b"\0" + bytes(11)),
        (packed.UNBIND, b""),
    ],
)
def test_nothing_that_is_asked_is_left_silent(
    phone: Phone, command: int, body: bytes
) -> None:
    answer = phone.bound().ask(packed.packet(command, 5, body))

    assert (answer.command, answer.sequence) == (resp(command), 5)


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_garbage_disturbs_nobody(phone: Phone, pieces: list[bytes]) -> None:
    other, wild = phone.bound(), phone.call()

    with suppress(ConnectionResetError):  # it may be let go in the middle of it
        wild.say(*pieces)
        wild.turn()

    assert other.submit()
