"""Texts of SMPP: codings, parts, long messages, times, receipts."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import gsm0338  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.domain import receipt as receipts
from emulator.domain import smpp_time
from emulator.domain.access import ReceiptFormat
from emulator.domain.coding import (
    DATA_CODINGS,
    Alphabet,
    count_parts,
    decode_text,
    encode_text,
    to_ascii,
)
from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.domain.receipt import Receipt
from emulator.domain.segments import (
    MessagePart,
    join_parts,
    parse_sar_part,
    parse_user_data,
)
from emulator.domain.smpp import MessageState, SmppAddress, parse_destination
from emulator.domain.text import GSM_CHARACTERS

CODEC = gsm0338.Codec()
NOW = datetime(2026, 3, 2, 18, 0, tzinfo=UTC)
GSM_TEXT = st.text(st.sampled_from(sorted(GSM_CHARACTERS)), max_size=200)


@given(GSM_TEXT)
def test_gsm_octets_are_those_of_another_codec(text: str) -> None:
    octets, _ = CODEC.encode(text)

    assert encode_text(text, Alphabet.GSM) == octets
    assert decode_text(octets, Alphabet.GSM) == text


@given(st.binary(max_size=300), st.sampled_from(Alphabet))
def test_any_octets_are_some_text_in_some_parts(
    octets: bytes, written_in: Alphabet
) -> None:
    assert isinstance(decode_text(octets, written_in), str)
    assert count_parts(octets, written_in) >= 1


@given(st.text(max_size=100).filter(str.isprintable))
def test_ucs_2_is_written_with_the_high_octet_first(text: str) -> None:
    assert decode_text(text.encode("utf-16-be"), Alphabet.UCS_2) == text
    assert encode_text(text, Alphabet.UCS_2) == text.encode("utf-16-be")


@pytest.mark.manual("SMP-02")
@pytest.mark.parametrize(
    ("data_coding", "octets", "text"),
    [
        (1, b"hola [x]", "hola [x]"),
        (1, b"\x00 \x02 \x11", "@ $ _"),  # GSM 03.38, as node-smpp writes it
        (3, b"ma\xf1ana", "mañana"),
        (8, "mañana".encode("utf-16-be"), "mañana"),
        (8, "ñ".encode("utf-16-be") + b"\x00", "ñ\ufffd"),
        (2, b"\x01\xff", "01ff"),
        (4, b"\x01\xff", "01ff"),
        (6, b"\xbf", "П"),
        (0x08 | 0x10, b"\x00n", "n"),
        (0xF0, b"\x00", "@"),
        (0xF4, b"\x00", "00"),
        (0xC8, b"\x1b\x65", "€"),
        (0xE0, b"\x00n", "n"),
        (0x7F, b"\x01", "01"),
    ],
)
def test_what_octets_mean_depends_on_the_data_coding(
    data_coding: int, octets: bytes, text: str
) -> None:
    assert decode_text(octets, DATA_CODINGS[data_coding]) == text


@pytest.mark.parametrize(
    ("size", "written_in", "expected"),
    [
        (160, Alphabet.GSM, 1),
        (161, Alphabet.GSM, 2),
        (306, Alphabet.GSM, 2),
        (307, Alphabet.GSM, 3),
        (140, Alphabet.UCS_2, 1),
        (142, Alphabet.UCS_2, 2),
        (268, Alphabet.UCS_2, 2),
        (270, Alphabet.UCS_2, 3),
        (140, Alphabet.BINARY, 1),
        (141, Alphabet.BINARY, 2),
        (269, Alphabet.BINARY, 3),
        (160, Alphabet.LATIN_1, 1),
        (161, Alphabet.LATIN_1, 2),
    ],
)
def test_parts_are_counted_as_they_travel(
    size: int, written_in: Alphabet, expected: int
) -> None:
    assert count_parts(b"a" * size, written_in) == expected


def test_latin_1_that_gsm_lacks_travels_as_ucs_2() -> None:
    assert count_parts(b"\xe1" * 70, Alphabet.LATIN_1) == 1
    assert count_parts(b"\xe1" * 71, Alphabet.LATIN_1) == 2


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("050003ab0201", MessagePart(0xAB, 2, 1)),
        ("06080412340302", MessagePart(0x1234, 3, 2)),
        ("0b0504158100000003110201", MessagePart(0x11, 2, 1)),  # behind ports
        ("0504158100000003", None),
    ],
)
def test_a_header_says_which_part_this_is(
    header: str, part: MessagePart | None
) -> None:
    octets = bytes.fromhex(header)

    assert parse_user_data(octets[: octets[0] + 1] + b"hola") == (part, b"hola")


@pytest.mark.parametrize("octets", [b"", b"\x05\x00", b"\xff" * 100])
def test_a_header_longer_than_the_text_is_declined(octets: bytes) -> None:
    with pytest.raises(SmppRefusal) as caught:
        parse_user_data(octets)

    assert caught.value.status is CommandStatus.ESME_RINVESMCLASS


@given(st.binary(min_size=1, max_size=140))
def test_any_header_is_taken_off_or_declined(octets: bytes) -> None:
    if octets[0] < len(octets):
        assert parse_user_data(octets).octets == octets[octets[0] + 1 :]


def test_three_parameters_say_the_same_and_two_say_nothing() -> None:
    assert parse_sar_part(b"\x12\x34", b"\x02", b"\x01") == MessagePart(0x1234, 2, 1)
    assert parse_sar_part(b"\x12\x34", None, b"\x01") is None


def test_parts_are_joined_in_whatever_order_they_came() -> None:
    parts = [
        (MessagePart(1, 3, 3), "c"),
        (MessagePart(1, 3, 1), "a"),
        (MessagePart(1, 3, 2), "b"),
    ]

    whole, lacking = join_parts(parts), join_parts(parts[:2])

    assert (whole.text, whole.is_complete) == ("abc", True)
    assert (lacking.text, lacking.numbers, lacking.is_complete) == ("ac", (1, 3), False)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        (b"", None),
        (b"260302180000000+", NOW),
        (b"260302120000024-", NOW),
        (b"260302233000522+", NOW + timedelta(microseconds=500_000)),
        (b"000002000000000R", NOW + timedelta(days=2)),
        (b"000000013000000R", NOW + timedelta(hours=1, minutes=30)),
    ],
)
def test_times_are_absolute_or_relative(text: bytes, instant: datetime | None) -> None:
    assert smpp_time.parse_smpp_time(text, NOW) == instant


@pytest.mark.parametrize(
    "text",
    [
        *(b"tomorrow", b"260302180000000", b"260302180000000Z"),
        *(b"261302180000000+", b"260302180000049+", b"26030218000000+"),
    ],
)
def test_what_is_no_time_is_said_to_be_none(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        smpp_time.parse_smpp_time(text, NOW)


@given(st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001
def test_a_time_that_was_written_is_read_again(naive: datetime) -> None:
    instant = naive.replace(tzinfo=UTC, microsecond=0)

    assert (
        smpp_time.parse_smpp_time(smpp_time.format_smpp_time(instant), NOW) == instant
    )


@pytest.mark.manual("SMP-01")
@pytest.mark.parametrize(
    "address",
    [
        *("4498987282", "524498987282", "5214498987282"),
        *("+4498987282", "+524498987282", "+5214498987282"),
    ],
)
def test_a_destination_is_ten_digits_with_the_country_or_without(address: str) -> None:
    assert parse_destination(address.encode()) == 4498987282


@pytest.mark.parametrize(
    "address",
    [
        *("", "449898728", "44989872822", "14498987282", "5204498987282", "44989872a2"),
        *("++4498987282", "4498987282\n", "\u0664498987282"),
    ],
)
def test_anything_else_is_no_destination(address: str) -> None:
    with pytest.raises(SmppRefusal) as caught:
        parse_destination(address.encode("utf-8"))

    assert caught.value.status is CommandStatus.ESME_RINVDSTADR


RECEIPT = Receipt(
    message=97569696,
    state=MessageState.DELIVERED,
    source=SmppAddress(1, 1, b"4498987282"),
    destination=SmppAddress(0, 0, b"74342"),
    service_type="",
    submitted_at=NOW,
    done_at=NOW + timedelta(seconds=71),
    text="Hola, ¿qué tal? Ω es omega",
)
MEXICO = ZoneInfo("America/Mexico_City")


@pytest.mark.parametrize(
    ("form", "text"),
    [
        (
            ReceiptFormat(),
            (
                "id:97569696 sub:001 dlvrd:001 submit date:2603021200 "
                "done date:2603021201 stat:DELIVRD err:000 text:Hola, ?que tal? ? es"
            ),
        ),
        (
            ReceiptFormat(ids="hex", dates="seconds", text="Text"),
            (
                "id:5D0CBA0 sub:001 dlvrd:001 submit date:260302120000 "
                "done date:260302120111 stat:DELIVRD err:000 Text:Hola, ?que tal? ? es"
            ),
        ),
        (
            ReceiptFormat(ids="padded", text="none"),
            (
                "id:0097569696 sub:001 dlvrd:001 submit date:2603021200 "
                "done date:2603021201 stat:DELIVRD err:000"
            ),
        ),
        (ReceiptFormat(tlvs="only"), ""),
    ],
)
def test_a_receipt_is_written_as_centres_write_it(
    form: ReceiptFormat, text: str
) -> None:
    assert receipts.render_receipt_text(RECEIPT, form, MEXICO) == text


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (MessageState.EXPIRED, "stat:EXPIRED err:000"),
        (MessageState.DELETED, "stat:DELETED err:000"),
        (MessageState.UNDELIVERABLE, "stat:UNDELIV err:001"),
    ],
)
def test_a_receipt_says_what_became_of_the_message(
    state: MessageState, words: str
) -> None:
    text = receipts.render_receipt_text(
        RECEIPT._replace(state=state), ReceiptFormat(), MEXICO
    )

    assert words in text
    assert "dlvrd:000" in text


def test_a_receipt_says_it_in_parameters_too() -> None:
    failed = RECEIPT._replace(state=MessageState.UNDELIVERABLE, reference=258)

    assert receipts.make_receipt_tlvs(failed, ReceiptFormat()) == {
        "RECEIPTED_MESSAGE_ID": b"97569696\0",
        "MESSAGE_STATE": b"\x05",
        "NETWORK_ERROR_CODE": b"\x03\x00\x01",
        "USER_MESSAGE_REFERENCE": b"\x01\x02",
    }
    assert receipts.make_receipt_tlvs(RECEIPT, ReceiptFormat(tlvs="without")) == {}


@given(st.text(max_size=30))
def test_a_text_without_accents_is_ascii_of_the_same_length(text: str) -> None:
    assert to_ascii(text).isascii()
    assert len(to_ascii(text)) == len(text)
