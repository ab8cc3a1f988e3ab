"""The tables of SMPP, held row by row to what others have written down.

Two libraries know the specification's numbers; what they lack stands here once more.
"""

import re
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any, cast
from zoneinfo import ZoneInfo

import pytest
import smpplib.consts
from aiosmpplib import state

from emulator.domain import dlr, receipt, smpp, smpp_time
from emulator.domain.access import ReceiptFormat, SmscConfig
from emulator.domain.coding import DATA_CODINGS, Alphabet, decode_text, encode_text
from emulator.domain.command_status import CommandStatus, describe_command_status
from emulator.domain.smpp import MessageState, SmppAddress
from emulator.operations.background import receipts as operations
from emulator.smpp import pdu as wire
from emulator.smpp import session, shown
from emulator.smpp.bodies import RESPONSE_BIT, CommandId, TlvTag
from emulator.smsc import commands as requests
from emulator.smsc import smpp_journal
from tests.support.smpp import Smsc, pack_submit, pack_tlv

UTC_ZONE = ZoneInfo("UTC")


def constants(module: ModuleType, prefix: str = "") -> dict[str, int]:
    """Return the numbers of a module by their names, without *prefix*."""
    return {
        name.removeprefix(prefix): value
        for name, value in vars(module).items()
        if name.isupper() and name.startswith(prefix) and isinstance(value, int)
    }


def test_every_parameter_has_the_number_of_the_specification() -> None:
    known = constants(state)

    assert {each.name: int(each) for each in TlvTag} == {
        each.name: known[each.name] for each in TlvTag
    }
    assert len(TlvTag) == 44  # of chapter 5.3.2


def test_every_command_has_the_number_of_the_specification() -> None:
    theirs = {each.name: int(each) for each in state.SmppCommand}

    assert {each.name: int(each) for each in CommandId} == theirs


def test_every_status_has_the_number_of_the_specification() -> None:
    theirs = {each.name: int(each) for each in state.SmppCommandStatus}
    ours = {each.name: int(each) for each in CommandStatus}

    assert ours == {name: theirs[name] for name in ours}
    assert ours.keys() >= constants(smpplib.consts, "SMPP_").keys() & theirs.keys()


def test_every_state_of_a_message_has_the_number_of_the_specification() -> None:
    theirs = constants(smpplib.consts, "SMPP_MESSAGE_STATE_")

    assert {each.name: int(each) for each in MessageState} == theirs


def test_every_parameter_is_shown_by_its_name() -> None:
    octets = pack_submit(1, tlvs=b"".join(pack_tlv(each, b"\1") for each in TlvTag))

    found = shown.describe_pdu_octets(octets)["tlvs"]
    assert found == {each.name.lower(): "01" for each in TlvTag}


def test_what_no_table_knows_is_shown_by_its_number() -> None:
    octets = pack_submit(1, tlvs=pack_tlv(0x1500, b"\1"))

    assert shown.describe_pdu_octets(octets)["tlvs"] == {"0x1500": "01"}
    assert shown.describe_command(0xEE) == "0x000000EE"
    assert (describe_command_status(0x400), describe_command_status(0x58)) == (
        "0x400",
        "ESME_RTHROTTLED",
    )


def test_every_command_has_a_name_and_a_body() -> None:
    assert {int(each) for each in CommandId} == wire.BODY_LAYOUTS.keys()
    assert all(shown.describe_command(each) == each.name.lower() for each in CommandId)
    requests = {
        int(each): each.name.lower() for each in CommandId if not each & RESPONSE_BIT
    }
    assert requests == smpp_journal.COMMAND_NAMES


def test_who_may_ask_what_is_one_list_and_its_parts() -> None:
    asked = {
        *session.BIND_STATES,
        *session.SENDING_COMMANDS,
        *session.KEEPALIVE_COMMANDS,
    }
    outward = {
        CommandId.DELIVER_SM,
        CommandId.OUTBIND,
        CommandId.ALERT_NOTIFICATION,
        CommandId.GENERIC_NACK,
    }

    assert asked == session.CLIENT_COMMANDS
    assert asked | outward == {
        each for each in CommandId if not each & RESPONSE_BIT
    } | {CommandId.GENERIC_NACK}
    assert requests.COMMAND_FUNCTIONS.keys() == session.SENDING_COMMANDS
    assert {
        CommandId.SUBMIT_SM,
        CommandId.SUBMIT_MULTI,
        CommandId.DATA_SM,
    } == requests.SUBMIT_COMMANDS
    assert {CommandId.ENQUIRE_LINK, CommandId.UNBIND} == session.KEEPALIVE_COMMANDS


STATES = {
    "open": {0x01, 0x02, 0x09, 0x15},
    "transmitter": {0x04, 0x21, 0x103, 0x03, 0x08, 0x07, 0x15, 0x06},
    "receiver": {0x15, 0x06},
    "transceiver": {0x04, 0x21, 0x103, 0x03, 0x08, 0x07, 0x15, 0x06},
    "unbound": {0x15},
}


def test_in_each_state_that_may_be_asked_which_the_specification_says() -> None:
    found = {
        str(place): {*map(int, asked)}
        for place, asked in session.ALLOWED_COMMANDS.items()
    }

    assert found == STATES


# --- Receipts ----------------------------------------------------------------

MADE = datetime(2026, 3, 2, 18, 0, 0, tzinfo=UTC)
TOLD = {  # source: SMPP 3.4, appendix B
    "ENROUTE": ("ENROUTE", 0),
    "DELIVERED": ("DELIVRD", 0),
    "EXPIRED": ("EXPIRED", 0),
    "DELETED": ("DELETED", 0),
    "UNDELIVERABLE": ("UNDELIV", 1),
    "ACCEPTED": ("ACCEPTD", 0),
    "UNKNOWN": ("UNKNOWN", 0),
    "REJECTED": ("REJECTD", 0),
}


def a_receipt(stands: MessageState = MessageState.DELIVERED, **changes: Any) -> Any:
    to, sender = SmppAddress(1, 1, b"4498987282"), SmppAddress(0, 0, b"74342")
    made = receipt.Receipt(
        message=46608336,
        state=stands,
        source=to,
        destination=sender,
        service_type="",
        submitted_at=MADE,
        done_at=MADE + timedelta(seconds=71),
        text="Su folio es 123456, gracias",
    )
    return made._replace(**changes)


@pytest.mark.parametrize("stands", MessageState, ids=lambda each: each.name)
def test_every_state_has_its_words_and_its_parameters(stands: MessageState) -> None:
    word, error = TOLD[stands.name]
    delivered = int(stands is MessageState.DELIVERED)

    said = receipt.render_receipt_text(a_receipt(stands), ReceiptFormat(), UTC_ZONE)
    parameters = receipt.make_receipt_tlvs(
        a_receipt(stands, reference=258), ReceiptFormat()
    )

    assert said == (
        f"id:46608336 sub:001 dlvrd:00{delivered} submit date:2603021800 "
        f"done date:2603021801 stat:{word} err:00{error} text:Su folio es 123456, "
    )
    network = {"NETWORK_ERROR_CODE": b"\3\0\1"} if error else {}
    assert parameters == {
        "RECEIPTED_MESSAGE_ID": b"46608336\0",
        "MESSAGE_STATE": bytes((stands,)),
        "USER_MESSAGE_REFERENCE": b"\1\2",
        **network,
    }


FORMS = [
    (ReceiptFormat(ids="hex"), "id:2C72FD0 ", " text:Su folio", b"2C72FD0\0"),
    (ReceiptFormat(ids="padded"), "id:0046608336 ", " text:Su", b"0046608336\0"),
    (ReceiptFormat(dates="seconds"), "date:260302180111 ", " text:Su", b"46608336\0"),
    (
        ReceiptFormat(text="Text"),
        "id:46608336 ",
        "err:000 Text:Su folio",
        b"46608336\0",
    ),
]


@pytest.mark.parametrize(("form", "begins", "ends", "identity"), FORMS)
def test_a_receipt_is_written_in_the_form_that_a_bind_wants(
    form: ReceiptFormat, begins: str, ends: str, identity: bytes
) -> None:
    said = receipt.render_receipt_text(a_receipt(), form, UTC_ZONE)

    assert begins in said
    assert ends in said
    assert (
        receipt.make_receipt_tlvs(a_receipt(), form)["RECEIPTED_MESSAGE_ID"] == identity
    )


def test_every_form_is_one_that_the_world_file_knows() -> None:
    assert {*receipt.ID_FORMATS} == {"decimal", "hex", "padded"}
    assert {*receipt.DATE_FORMATS} == {"minutes", "seconds"}
    assert {*receipt.TEXT_FORMATS} == {"text", "Text", "none"}
    assert receipt.render_receipt_text(
        a_receipt(), ReceiptFormat(text="none"), UTC_ZONE
    ).endswith("err:000")
    assert (
        receipt.render_receipt_text(a_receipt(), ReceiptFormat(tlvs="only"), UTC_ZONE)
        == ""
    )
    without = receipt.make_receipt_tlvs(
        a_receipt(reference=1), ReceiptFormat(tlvs="without")
    )
    assert without == {"USER_MESSAGE_REFERENCE": b"\0\1"}
    only = receipt.make_receipt_tlvs(a_receipt(), ReceiptFormat(tlvs="only"))
    assert {*only} == {"RECEIPTED_MESSAGE_ID", "MESSAGE_STATE"}


def test_what_a_client_may_take_later_is_temporary() -> None:
    temporary = {CommandStatus.ESME_RX_T_APPN, CommandStatus.ESME_RMSGQFUL}

    assert temporary == operations.RETRY_STATUSES


@pytest.mark.parametrize(
    ("status", "wanted"),
    [("sent", 2), ("failed", 5), ("cancelled", 4), ("in progress", 1), ("retried", 1)],
)
def test_every_word_of_the_poll_has_its_state(status: str, wanted: int) -> None:
    assert smpp.STATE_BY_STATUS.get(status, MessageState.ENROUTE) == wanted
    assert (status in dlr.FINAL_STATUSES) == (wanted != MessageState.ENROUTE)


def test_who_asks_for_receipts_is_read_off_two_bits() -> None:
    failures = {each for each in MessageState if each is not MessageState.DELIVERED}
    wanted = {0: set(), 1: {*MessageState}, 2: failures, 3: set()}

    for registered in range(256):
        told = {each for each in MessageState if smpp.wants_receipt(registered, each)}
        assert told == wanted[registered & 3], registered


# --- What a message may say --------------------------------------------------


def test_every_data_coding_is_an_alphabet() -> None:
    groups = {
        Alphabet.GSM: [*range(0x10, 0x14), *range(0x20, 0x24), *range(0x30, 0x34)],
        Alphabet.IA5: [1],
        Alphabet.LATIN_1: [3],
        Alphabet.CYRILLIC: [6],
        Alphabet.HEBREW: [7],
        Alphabet.UCS_2: [8, *range(0xE0, 0xF0)],
    }
    for group in (0x10, 0x20, 0x30):
        groups[Alphabet.UCS_2] += range(group + 8, group + 16)
    groups[Alphabet.GSM] += range(0xC0, 0xE0)
    groups[Alphabet.GSM] += [each for each in range(0xF0, 0x100) if not each & 4]
    wanted = dict.fromkeys(range(1, 256), Alphabet.BINARY)
    for alphabet, codings in groups.items():
        wanted |= dict.fromkeys(codings, alphabet)

    assert wanted == DATA_CODINGS


def test_what_no_message_may_say_is_declined_to_the_last_bit(smsc: Smsc) -> None:
    caller = smsc.bind()

    def taken(name: str, values: range) -> set[int]:
        found = set()
        for each in values:
            fields: Any = {name: each}
            if caller.ask(pack_submit(2, short=b"\0hola", **fields)).status == 0:
                found.add(each)
        return found

    modes = {each for each in range(256) if each & 0x3C in {0x00, 0x08, 0x10}}
    receipts = {each for each in range(256) if not each & 0xC0 and each & 3 != 3}
    assert taken("esm_class", range(256)) == modes
    assert taken("registered", range(256)) == receipts
    assert taken("priority", range(6)) == {0, 1, 2, 3}
    assert taken("default_id", range(3)) == {0}


def test_fields_are_as_long_as_they_may_be(smsc: Smsc) -> None:
    caller = smsc.bind()

    def declined(**fields: Any) -> int:
        return caller.ask(pack_submit(2, **fields)).status

    assert declined(service_type="x" * 5) == 0
    assert declined(service_type="x" * 6) == CommandStatus.ESME_RINVSERTYP
    assert declined(source="1" * 20) == 0
    assert declined(source="1" * 21) == CommandStatus.ESME_RINVSRCADR


def test_a_session_and_its_centre_agree_about_their_timers() -> None:
    centre, timers = SmscConfig(), session.SessionTimers()

    assert timers == (
        centre.session_init_timer,
        centre.enquire_link_timer,
        centre.response_timer,
        centre.inactivity_timer,
    )
    assert timers == (10, 30, 10, 300)
    assert centre == SmscConfig(
        no_credit_status=0x45,
        window_full_status=0x14,
        receiver_window=10,
        max_queued_receipts=10_000,
        receipt_lifetime=timedelta(days=3),
        receipt_retry_delay=timedelta(minutes=1),
    )


def test_a_text_of_zeros_is_a_text_and_no_parameters() -> None:
    """What is read in haste is what the table reads, whatever octets a text has."""
    for count in range(40):
        for octet in (0, 1, 4, 254):
            octets = pack_submit(1, short=bytes((octet,)) * count)
            assert wire.decode_pdu(octets) == wire.decode_by_layout(octets)
            assert cast("Any", wire.decode_pdu(octets).body).short_message == (
                bytes((octet,)) * count
            )


TEXTS = {
    Alphabet.GSM: ("@ñÑ ¿10 €?", b"\x00}] `10 \x1be?"),
    Alphabet.IA5: ("hola?", b"hola?"),
    Alphabet.LATIN_1: ("años €", b"a\xf1os ?"),
    Alphabet.CYRILLIC: ("Анна ñ", b"\xb0\xdd\xdd\xd0 ?"),
    Alphabet.HEBREW: ("שלום ñ", b"\xf9\xec\xe5\xed ?"),
    Alphabet.UCS_2: ("né", b"\0n\0\xe9"),
    Alphabet.BINARY: ("00ff", b"\0\xff"),
}


def test_a_text_is_written_and_read_in_every_alphabet() -> None:
    assert TEXTS.keys() == {*Alphabet}
    for alphabet, (text, octets) in TEXTS.items():
        assert encode_text(text, alphabet) == octets, alphabet
        lacking = {Alphabet.LATIN_1: "€", Alphabet.GSM: ""}.get(alphabet, "ñ")
        assert decode_text(octets, alphabet) == text.replace(lacking or "\1", "?"), (
            alphabet
        )


# --- Times -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("000000000001000R", timedelta(seconds=1)),
        ("000000000100000R", timedelta(minutes=1)),
        ("000000010000000R", timedelta(hours=1)),
        ("000001000000000R", timedelta(days=1)),
        ("000100000000000R", timedelta(days=30)),
        ("010000000000000R", timedelta(days=365)),
        ("010203040506000R", timedelta(days=428, hours=4, minutes=5, seconds=6)),
        ("990000000000000R", timedelta(days=99 * 365)),
        ("999999999999000R", timedelta(days=36_500)),  # which is the longest
        ("260302180000000+", timedelta()),
        ("260302180000900+", timedelta(milliseconds=900)),
        ("260302180000001+", -timedelta(minutes=15)),
        ("260302180000001-", timedelta(minutes=15)),
        ("260302180000048+", -timedelta(hours=12)),
        ("260302180000048-", timedelta(hours=12)),
        ("270302180000000+", timedelta(days=365)),
    ],
)
def test_a_time_is_read_as_the_specification_writes_it(
    text: str, after: timedelta
) -> None:
    assert smpp_time.parse_smpp_time(text.encode(), MADE) == MADE + after


def test_a_time_is_written_in_utc() -> None:
    assert smpp_time.format_smpp_time(MADE) == b"260302180000000+"
    assert smpp_time.format_smpp_time(MADE.astimezone(ZoneInfo("Asia/Kolkata"))) == (
        b"260302180000000+"
    )
    assert smpp_time.parse_smpp_time(b"", MADE) is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("soon", "'soon' is not YYMMDDhhmmsstnnp"),
        ("260302180000000x", "'260302180000000x' is not YYMMDDhhmmsstnnp"),
        ("260302180000049-", "49 quarters of an hour are more than 48"),
        ("260230180000000+", "day is out of range for month"),
        ("260302240000000+", "hour must be in 0..23"),
    ],
)
def test_what_is_no_time_is_none(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=re.escape(says)):
        smpp_time.parse_smpp_time(text.encode(), MADE)
