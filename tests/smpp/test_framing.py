"""Frames, sequence numbers and answers: what comes back for which octets."""

import struct
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from emulator.domain.command_status import CommandStatus
from tests.support.emulator import set_examples
from tests.support.smpp import (
    ALERT_NOTIFICATION,
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    MESSAGE_PAYLOAD,
    OUTBIND,
    QUERY_SM,
    REPLACE_SM,
    SUBMIT_MULTI,
    SUBMIT_SM,
    UNBIND,
    MakeSmsc,
    Pdu,
    Smsc,
    get_response_id,
    pack_bind,
    pack_message,
    pack_pdu,
    pack_submit,
    pack_tlv,
)

NACK = GENERIC_NACK


@pytest.mark.behaviour(12)
def test_a_bind_and_a_message_may_come_in_one_segment(smsc: Smsc) -> None:
    caller = smsc.connect()

    caller.say(pack_bind(), pack_submit(2), pack_pdu(UNBIND, 3))

    answers = [caller.hear() for _ in range(3)]
    assert [(each.sequence, each.status) for each in answers] == [
        (1, 0),
        (2, 0),
        (3, 0),
    ]


@pytest.mark.behaviour(12)
@set_examples(15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_octets_may_be_cut_anywhere(smsc: Smsc, data: st.DataObject) -> None:
    stream = pack_bind() + b"".join(pack_submit(each) for each in range(2, 8))
    stream += pack_pdu(UNBIND, 8)
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=6).map(sorted))
    caller = smsc.connect()

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
        (struct.pack(">IIII", 15, SUBMIT_SM, 0, 77), 77),
        (struct.pack(">IIII", 70_001, SUBMIT_SM, 0, 78), 78),
        (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", int.from_bytes(b".1\r\n", "big")),
    ],
)
def test_a_length_that_no_pdu_has_ends_the_session_at_once(
    smsc: Smsc, octets: bytes, sequence: int
) -> None:
    caller = smsc.bind()

    caller.say(octets)

    assert caller.hear() == Pdu(NACK, CommandStatus.ESME_RINVCMDLEN, sequence, b"")
    assert caller.is_cut()
    assert smsc.bind().submit()


@pytest.mark.behaviour(13, 27)
def test_the_longest_message_there_is_is_taken(smsc: Smsc) -> None:
    payload = pack_tlv(MESSAGE_PAYLOAD, b"x" * 65_535)

    assert smsc.bind().submit(2, short=b"", tlvs=payload)


@pytest.mark.behaviour(14)
@pytest.mark.parametrize("command", [0x22, 0xDEADBEEF, 0x80000022])
def test_an_unknown_command_is_nacked_and_the_session_lives(
    smsc: Smsc, command: int
) -> None:
    caller = smsc.bind()

    answer = caller.ask(pack_pdu(command, 5, b"whatever"))

    assert answer == Pdu(NACK, CommandStatus.ESME_RINVCMDID, 5, b"")
    assert caller.submit(6)


@pytest.mark.behaviour(14, 31)
@pytest.mark.parametrize(
    "octets",
    [
        pack_pdu(DELIVER_SM, 5, pack_message("1", b"")),
        pack_pdu(OUTBIND, 5, b"a\0b\0"),
        pack_pdu(ALERT_NOTIFICATION, 5, bytes(6)),
    ],
)
def test_what_only_a_centre_asks_is_nacked(smsc: Smsc, octets: bytes) -> None:
    caller = smsc.bind()

    assert caller.ask(octets) == Pdu(NACK, CommandStatus.ESME_RINVCMDID, 5, b"")
    assert caller.submit(6)


@pytest.mark.behaviour(15)
@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (pack_pdu(SUBMIT_SM, 5, b"\0\0"), CommandStatus.ESME_RINVCMDLEN),
        (pack_pdu(SUBMIT_SM, 5, b""), CommandStatus.ESME_RINVCMDLEN),
        (pack_submit(5, short=b"hola", length=99), CommandStatus.ESME_RINVMSGLEN),
        (pack_submit(5, short=b"x" * 255), CommandStatus.ESME_RINVMSGLEN),
        (pack_submit(5, tlvs=b"\x04"), CommandStatus.ESME_RINVOPTPARSTREAM),
        (pack_submit(5, tlvs=b"\x04\x24\0\x09abc"), CommandStatus.ESME_RINVPARLEN),
    ],
)
def test_a_broken_body_is_declined_and_the_session_lives(
    smsc: Smsc, octets: bytes, status: CommandStatus
) -> None:
    caller = smsc.bind()

    answer = caller.ask(octets)

    assert answer == Pdu(get_response_id(SUBMIT_SM), status, 5, b"")
    assert caller.submit(6)
    assert len(smsc.api.world.campaigns) == 1


@pytest.mark.behaviour(15)
def test_an_unknown_parameter_is_ignored(smsc: Smsc) -> None:
    assert smsc.bind().submit(2, tlvs=pack_tlv(0x1400, b"\xff" * 9))


@pytest.mark.behaviour(16)
def test_every_request_is_answered_once_and_in_order(smsc: Smsc) -> None:
    caller = smsc.bind()
    sequences = [5, 5, 0x7FFFFFFF, *range(100, 297), 1]

    caller.say(*(pack_submit(each) for each in sequences))

    answers = [caller.hear() for _ in sequences]
    assert [each.sequence for each in answers] == sequences
    assert {each.status for each in answers} == {0}
    assert len({each.body for each in answers}) == len(sequences)


def test_one_busy_client_keeps_nobody_waiting(smsc: Smsc) -> None:
    busy, other = smsc.bind(), smsc.bind()
    busy.say(*(pack_submit(each) for each in range(2, 1_002)))

    other.say(pack_pdu(ENQUIRE_LINK, 2))

    assert other.hear().command == get_response_id(ENQUIRE_LINK)
    assert len(smsc.api.world.campaigns) < 1_000
    for _ in range(1_000):
        busy.hear()


@pytest.mark.behaviour(17)
@pytest.mark.parametrize(
    ("chosen", "status"), [({}, 0x14), ({"window_full_status": 0x58}, 0x58)]
)
def test_a_window_is_kept_while_answers_are_late(
    make_smsc: MakeSmsc, chosen: dict[str, int], status: int
) -> None:
    smsc = make_smsc(
        binds=[{"system_id": "demo", "password": "demo", "window": 3}], smpp=chosen
    )
    late = {"operation": "submit_sm", "effect": {"delay": 5}, "first": 3}
    smsc.api.post("/_emulator/faults", json=late)
    caller = smsc.bind()

    caller.say(*(pack_submit(each) for each in range(2, 6)))

    assert caller.hear()[1:3] == (status, 5)
    smsc.api.post("/_emulator/clock/advance", json={"seconds": 5})
    assert [caller.hear()[1:3] for _ in range(3)] == [(0, 2), (0, 3), (0, 4)]
    assert caller.submit(6)


@pytest.mark.behaviour(18)
def test_an_answer_to_nothing_is_ignored_and_kept(smsc: Smsc) -> None:
    caller = smsc.bind()

    caller.say(
        pack_pdu(get_response_id(DELIVER_SM), 99, b"\0"),
        pack_pdu(get_response_id(ENQUIRE_LINK), 98),
        pack_pdu(NACK, 97, status=3),
    )

    assert caller.submit(2)
    whys = [each.why for each in smsc.api.world.journal]
    assert whys.count("it answers nothing that was asked") == 3


@pytest.mark.behaviour(20)
@pytest.mark.parametrize(
    ("command", "body"),
    [
        (ENQUIRE_LINK, b""),
        (QUERY_SM, b"1\0\0\0\0"),
        (CANCEL_SM, b"\0" + b"1\0" + bytes(6)),
        (REPLACE_SM, b"1\0" + bytes(3) + bytes(5)),
        (DATA_SM, bytes(4) + b"\1\1" + b"4498987282\0" + bytes(3)),
        (SUBMIT_MULTI, bytes(4) + b"\0" + bytes(11)),
        (UNBIND, b""),
    ],
)
def test_nothing_that_is_asked_is_left_silent(
    smsc: Smsc, command: int, body: bytes
) -> None:
    answer = smsc.bind().ask(pack_pdu(command, 5, body))

    assert (answer.command, answer.sequence) == (get_response_id(command), 5)


@set_examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.binary(max_size=300), max_size=8))
def test_garbage_disturbs_nobody(smsc: Smsc, pieces: list[bytes]) -> None:
    other, wild = smsc.bind(), smsc.connect()

    with suppress(ConnectionResetError):  # it may be let go in the middle of it
        wild.say(*pieces)
        wild.turn()

    assert other.submit()
