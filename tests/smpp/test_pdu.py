"""SMPP on the wire: octets to values and back, and no octets that do harm."""

from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain.command_status import CommandStatus
from emulator.smpp import bodies, pdu
from emulator.smpp.bodies import CommandId, DestAddress, MessageBody, UnsuccessSme
from emulator.smpp.frames import PduFramer
from emulator.smpp.pdu import (
    MalformedPduError,
    Pdu,
    decode_by_layout,
    decode_pdu,
    encode_pdu,
)
from tests.support.smpp import SUBMIT_SM, pack_pdu, pack_submit, pack_tlv

WRITTEN_OUT = (CommandId.SUBMIT_SM, CommandId.DELIVER_SM, CommandId.DELIVER_SM_RESP)
OCTET = st.integers(0, 255)
TEXT = st.binary(max_size=70).map(lambda octets: octets.replace(b"\0", b"a"))
SEQUENCE = st.integers(0, 0xFFFFFFFF)
VALUES: dict[int, st.SearchStrategy[Any]] = {
    id(pdu.C_STRING): TEXT,
    id(pdu.OCTET): OCTET,
    id(pdu.SHORT_MESSAGE_FIELD): st.binary(max_size=pdu.MAX_SHORT_MESSAGE),
    id(pdu.ADDRESSES): st.lists(
        st.one_of(
            st.builds(DestAddress, OCTET, OCTET, TEXT, st.just(value=False)),
            st.builds(DestAddress, st.just(0), st.just(0), TEXT, st.just(value=True)),
        ),
        max_size=5,
    ).map(tuple),
    id(pdu.UNSUCCESS_SMES): st.lists(
        st.builds(UnsuccessSme, OCTET, OCTET, TEXT, SEQUENCE), max_size=5
    ).map(tuple),
}
TLVS = st.lists(
    st.tuples(st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=3
).map(tuple)


@st.composite
def pdus(draw: st.DrawFn, commands: Iterable[int] = pdu.BODY_LAYOUTS) -> Pdu:
    command = draw(st.sampled_from(sorted(commands)))
    layout = pdu.BODY_LAYOUTS[command]
    fields = [draw(VALUES[id(kind)]) for kind in layout.fields]
    tlvs = draw(TLVS)
    body = layout.body_class(*fields)
    if command & bodies.RESPONSE_BIT and not fields and not tlvs:
        return Pdu(command, draw(SEQUENCE), draw(SEQUENCE))
    return Pdu(command, draw(SEQUENCE), draw(SEQUENCE), body, tlvs)


@given(pdus())
def test_what_was_written_is_read_again(written: Pdu) -> None:
    assert decode_pdu(encode_pdu(written)) == written


@given(pdus(commands=(CommandId.SUBMIT_SM, CommandId.DELIVER_SM)))
def test_what_is_written_out_says_what_the_table_says(written: Pdu) -> None:
    """It is not left to the table, which would take twice as long."""
    read = pdu._decode_message(encode_pdu(written))  # noqa: SLF001

    assert read == (written.body, written.tlvs)


@given(st.binary(max_size=300), st.sampled_from([*pdu.BODY_LAYOUTS, 0x22, 0xDEADBEEF]))
def test_any_octets_are_a_pdu_or_malformed(body: bytes, command: int) -> None:
    octets = pack_pdu(command, 7, body)

    with suppress(MalformedPduError):
        decode_pdu(octets)


@given(pdus(), st.data())
def test_a_pdu_with_one_octet_changed_is_a_pdu_or_malformed(
    written: Pdu, data: st.DataObject
) -> None:
    octets = bytearray(encode_pdu(written))
    place = data.draw(st.integers(4, len(octets) - 1))
    octets[place] = data.draw(OCTET)

    with suppress(MalformedPduError):
        decode_pdu(bytes(octets))


@given(st.lists(pdus(), min_size=1, max_size=6), st.data())
def test_framing_does_not_depend_on_how_the_stream_is_cut(
    written: list[Pdu], data: st.DataObject
) -> None:
    stream = b"".join(map(encode_pdu, written))
    cuts = data.draw(st.lists(st.integers(0, len(stream)), max_size=10).map(sorted))
    frames, found = PduFramer(), []

    for start, stop in zip([0, *cuts], [*cuts, len(stream)], strict=True):
        frames.feed(stream[start:stop])
        while (octets := frames.take_frame()) is not None:
            found.append(decode_pdu(octets))

    assert found == written


def test_a_submit_sm_is_read_as_the_specification_lays_it_out() -> None:
    octets = pack_submit(
        9,
        "+525512345678",
        b"hola",
        service_type="CMT",
        source="Acme",
        source_ton=5,
        source_npi=0,
        esm_class=0x43,
        protocol_id=1,
        priority=2,
        schedule="260302180000000+",
        validity="000000010000000R",
        registered=1,
        replace=1,
        coding=8,
        default_id=3,
    )

    assert decode_pdu(octets) == Pdu(
        0x04,
        0,
        9,
        MessageBody(
            service_type=b"CMT",
            source_addr_ton=5,
            source_addr_npi=0,
            source_addr=b"Acme",
            dest_addr_ton=1,
            dest_addr_npi=1,
            destination_addr=b"+525512345678",
            esm_class=0x43,
            protocol_id=1,
            priority_flag=2,
            schedule_delivery_time=b"260302180000000+",
            validity_period=b"000000010000000R",
            registered_delivery=1,
            replace_if_present_flag=1,
            data_coding=8,
            sm_default_msg_id=3,
            short_message=b"hola",
        ),
    )


@given(pdus(WRITTEN_OUT), st.data())
def test_the_written_out_reading_and_the_table_agree(
    written: Pdu, data: st.DataObject
) -> None:
    whole = encode_pdu(written)
    kept = data.draw(st.just(len(whole)) | st.integers(pdu.MIN_PDU_LENGTH, len(whole)))
    octets = whole[:kept] + data.draw(st.just(b"") | st.binary(max_size=6))

    assert read(decode_pdu, octets) == read(decode_by_layout, octets)


def read(
    reading: Callable[[bytes], Pdu], octets: bytes
) -> Pdu | tuple[CommandStatus, int, int]:
    try:
        return reading(octets)
    except MalformedPduError as error:
        return error.status, error.command, error.sequence


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"\0\0\0\x10", CommandStatus.ESME_RINVCMDLEN),
        (pack_pdu(0xEE, 1), CommandStatus.ESME_RINVCMDID),
        (pack_pdu(SUBMIT_SM, 1, b"\0\0"), CommandStatus.ESME_RINVCMDLEN),
        (pack_submit(1, short=b"hola", length=200), CommandStatus.ESME_RINVMSGLEN),
        (pack_submit(1, short=b"x" * 255), CommandStatus.ESME_RINVMSGLEN),
        (pack_submit(1, tlvs=b"\x04\x24"), CommandStatus.ESME_RINVOPTPARSTREAM),
        (pack_submit(1, tlvs=b"\x04\x24\0\x09a"), CommandStatus.ESME_RINVPARLEN),
    ],
)
def test_what_is_broken_says_how_to_decline_it(
    octets: bytes, status: CommandStatus
) -> None:
    with pytest.raises(MalformedPduError) as caught:
        decode_pdu(octets)

    assert caught.value.status is status


@pytest.mark.parametrize("length", [0, 15, 70_001, 0xFFFFFFFF])
def test_a_length_that_no_pdu_has_is_not_waited_for(length: int) -> None:
    frames = PduFramer()
    frames.feed(length.to_bytes(4, "big"))

    with pytest.raises(MalformedPduError) as caught:
        frames.take_frame()

    assert caught.value.status is CommandStatus.ESME_RINVCMDLEN
    assert caught.value.sequence == 0


def test_an_unknown_parameter_is_kept_and_the_last_of_two_counts() -> None:
    octets = pack_submit(1, tlvs=pack_tlv(0x1400, b"?") + pack_tlv(0x1400, b"!"))

    assert decode_pdu(octets).find_tlv(0x1400) == b"!"
    assert decode_pdu(octets).find_tlv(0x1401) is None
