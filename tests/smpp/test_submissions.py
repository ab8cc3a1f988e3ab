"""Messages submitted by SMPP: what is taken, what it costs, where it stands."""

import struct
from contextlib import closing
from datetime import timedelta
from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from emulator.world import World
from tests.support.emulator import make_limited_emulator
from tests.support.smpp import (
    CANCEL_SM,
    DATA_SM,
    DELIVER_SM,
    MESSAGE_PAYLOAD,
    QUERY_SM,
    REPLACE_SM,
    SAR_NUMBER,
    SAR_REFERENCE,
    SAR_TOTAL,
    SUBMIT_MULTI,
    SUBMIT_SM,
    MakeSmsc,
    Pdu,
    SmppClient,
    Smsc,
    get_response_id,
    open_smsc,
    pack_pdu,
    pack_submit,
    pack_text,
    pack_tlv,
)

ENROUTE, DELIVERED, EXPIRED, DELETED, UNDELIVERABLE = 1, 2, 3, 4, 5
ABSENT = "9990003000"
WHEN = "260302190000000+"  # an hour after the beginning


def status_of(caller: SmppClient, octets: bytes) -> int:
    return caller.ask(octets).status


def state_of(caller: SmppClient, message: int, **fields: Any) -> int:
    return query(caller, message, **fields)[1]


def query(
    caller: SmppClient, message: int | str, sequence: int = 90, source: str = ""
) -> tuple[str, int, int]:
    """Return final_date, message_state and error_code."""
    body = pack_text(str(message)) + b"\0\0" + pack_text(source)
    answer = caller.ask(pack_pdu(QUERY_SM, sequence, body))
    assert answer.status == 0, answer
    identity, date, rest = answer.body.split(b"\0", 2)
    assert identity == str(message).encode()
    return date.decode(), rest[0], rest[1]


def advance(smsc: Smsc, **duration: float) -> None:
    seconds = timedelta(**duration).total_seconds()
    smsc.api.post("/_emulator/clock/advance", json={"seconds": seconds})


def texts(smsc: Smsc) -> list[str]:
    listed = smsc.api.get("/_emulator/messages").body["messages"]
    return [each["text"] for each in listed]


@pytest.mark.behaviour(22)
@pytest.mark.manual("SMP-03")
def test_a_message_has_the_id_that_http_shows(smsc: Smsc) -> None:
    answer = smsc.bind().ask(pack_submit(2))

    (shown,) = smsc.api.get("/_emulator/messages").body["messages"]
    assert answer == Pdu(get_response_id(SUBMIT_SM), 0, 2, b"%d\0" % shown["id"])
    assert shown["cellphone"] == "4498987282"
    rows = smsc.api.get(f"/api/v3/campaign/{shown['campaign']}/messages").body
    assert rows["recipients_count"] == 1


@pytest.mark.behaviour(22)
@pytest.mark.manual("SMP-03")
def test_ids_are_unique_and_fit_into_eight_octets(smsc: Smsc) -> None:
    caller = smsc.bind()

    ids = [caller.submit(each) for each in range(2, 30)]

    assert ids == sorted(set(ids))
    assert all(len(str(each)) <= 8 for each in ids)


@pytest.mark.manual("SMP-01")
def test_a_message_costs_what_the_route_of_its_bind_costs(
    make_smsc: MakeSmsc,
) -> None:
    smsc = make_smsc(
        binds=[
            {"system_id": "dear", "password": "x"},
            {"system_id": "cheap", "password": "x", "route": 170},
        ]
    )
    before = smsc.api.balance()

    for system_id in ("dear", "cheap"):
        smsc.bind(system_id=system_id, password="x").submit()

    assert round(before - smsc.api.balance(), 3) == 1.1
    movements = smsc.api.get("/_emulator/movements").body["movements"]
    assert [each["reason"] for each in movements] == ["smpp", "smpp"]


@pytest.mark.behaviour(3, 23)
@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"to": ""}, CommandStatus.ESME_RINVDSTADR),
        ({"to": "449898728"}, CommandStatus.ESME_RINVDSTADR),
        ({"to": "14498987282"}, CommandStatus.ESME_RINVDSTADR),
        ({"source": "x" * 21}, CommandStatus.ESME_RINVSRCADR),
        (
            {"short": b"hola", "tlvs": pack_tlv(0x0424, b"x")},
            CommandStatus.ESME_RINVMSGLEN,
        ),
        ({"esm_class": 0x04}, CommandStatus.ESME_RINVESMCLASS),
        ({"esm_class": 0x3C}, CommandStatus.ESME_RINVESMCLASS),
        ({"esm_class": 0x40, "short": b"\x09\x00"}, CommandStatus.ESME_RINVESMCLASS),
        ({"validity": "tomorrow"}, CommandStatus.ESME_RINVEXPIRY),
        ({"validity": "260302170000000+"}, CommandStatus.ESME_RINVEXPIRY),
        ({"schedule": "x"}, CommandStatus.ESME_RINVSCHED),
        ({"schedule": "261302170000000+"}, CommandStatus.ESME_RINVSCHED),
        ({"registered": 3}, CommandStatus.ESME_RINVREGDLVFLG),
        ({"registered": 0x41}, CommandStatus.ESME_RINVREGDLVFLG),
        ({"priority": 4}, CommandStatus.ESME_RINVPRTFLG),
        ({"service_type": "abcdef"}, CommandStatus.ESME_RINVSERTYP),
        ({"default_id": 1}, CommandStatus.ESME_RINVDFTMSGID),
    ],
)
def test_what_is_wrong_is_declined_by_its_name_and_costs_nothing(
    smsc: Smsc, fields: dict[str, Any], status: CommandStatus
) -> None:
    caller = smsc.bind()
    before = smsc.api.balance()

    answer = caller.ask(pack_submit(2, **fields))

    assert answer == Pdu(get_response_id(SUBMIT_SM), status, 2, b"")
    assert smsc.api.balance() == before
    assert smsc.api.world.campaigns == {}


@pytest.mark.manual("SMP-01")
@pytest.mark.parametrize("prefix", ["", "52", "521", "+", "+52", "+521"])
def test_a_destination_may_have_its_country_before_it(smsc: Smsc, prefix: str) -> None:
    smsc.bind().submit(2, f"{prefix}4498987282")

    (shown,) = smsc.api.get("/_emulator/messages").body["messages"]
    assert shown["cellphone"] == "4498987282"


@pytest.mark.behaviour(23)
def test_a_bind_sends_as_who_it_may(make_smsc: MakeSmsc) -> None:
    bind = {"system_id": "demo", "password": "demo", "senders": ["Acme", "74342"]}
    caller = make_smsc(binds=[bind]).bind()

    answers = [
        status_of(caller, pack_submit(2, source=each))
        for each in ("Acme", "74342", "", "Other")
    ]

    assert answers == [0, 0, 0, CommandStatus.ESME_RINVSRCADR]


@pytest.mark.behaviour(23)
def test_a_bind_has_a_rate_in_seconds_of_the_world(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(binds=[{"system_id": "demo", "password": "demo", "rate": 3}])
    one, other = smsc.bind(), smsc.bind()

    answers = [status_of(each, pack_submit(2)) for each in (one, other, one, other)]
    advance(smsc, seconds=1)

    assert answers == [0, 0, 0, CommandStatus.ESME_RTHROTTLED]
    assert one.submit(3)
    assert len(smsc.api.world.campaigns) == 4


@pytest.mark.behaviour(24)
@pytest.mark.parametrize(
    ("chosen", "status"), [({}, 0x45), ({"no_credit_status": 0x400}, 0x400)]
)
def test_too_little_credit_is_a_status_of_its_own(
    make_smsc: MakeSmsc, chosen: dict[str, int], status: int
) -> None:
    smsc = make_smsc(smpp=chosen)
    smsc.api.post("/_emulator/movements", json={"amount": -468061.61})
    caller = smsc.bind()

    answer = caller.ask(pack_submit(2))

    assert answer == Pdu(get_response_id(SUBMIT_SM), status, 2, b"")
    assert smsc.api.balance() == 0.5
    assert smsc.api.world.campaigns == {}


@pytest.mark.behaviour(23)
def test_a_full_world_is_a_full_queue() -> None:
    with closing(make_limited_emulator(messages=2)) as api, open_smsc(api) as smsc:
        caller = smsc.bind()

        answers = [status_of(caller, pack_submit(each)) for each in (2, 3, 4)]

        assert answers == [0, 0, CommandStatus.ESME_RMSGQFUL]
        assert len(api.world.movements) == 2


@pytest.mark.behaviour(23)
def test_a_mistake_of_ours_is_a_system_error(
    smsc: Smsc, monkeypatch: pytest.MonkeyPatch
) -> None:
    caller = smsc.bind()
    monkeypatch.setattr(World, "charge_credit", None)

    assert status_of(caller, pack_submit(2)) == CommandStatus.ESME_RSYSERR
    assert smsc.api.world.campaigns == {}


@pytest.mark.behaviour(25)
@pytest.mark.parametrize("esm_class", [0, 1, 2, 3, 0x08, 0x10, 0x80])
def test_every_mode_of_a_message_is_taken(smsc: Smsc, esm_class: int) -> None:
    assert smsc.bind().submit(2, esm_class=esm_class)


@pytest.mark.behaviour(26)
@pytest.mark.manual("SMP-02")
@pytest.mark.parametrize(
    ("bind", "coding", "octets", "text"),
    [
        ("gsm", 0, b"10 \x1b\x65 \x00", "10 € @"),
        ("iso8859", 0, b"ma\xf1ana", "mañana"),
        ("gsm", 1, b"hola", "hola"),
        ("gsm", 1, b"a \x00 \x02 \x11 b", "a @ $ _ b"),
        ("gsm", 3, b"ma\xf1ana", "mañana"),
        ("gsm", 8, "mañana €".encode("utf-16-be"), "mañana €"),
        ("gsm", 8, "😀".encode("utf-16-be"), "😀"),
        ("gsm", 8, b"\0h\0", "h\ufffd"),
        ("gsm", 2, b"\x01\xff", "01ff"),
        ("gsm", 4, b"\x01\xff", "01ff"),
        ("gsm", 0xF1, b"hola", "hola"),
        ("gsm", 0xF5, b"hola", "686f6c61"),
        ("gsm", 0xC8, b"hola", "hola"),
        ("gsm", 0, b"", ""),
        ("gsm", 0, b"x" * 254, "x" * 254),
    ],
)
def test_a_text_is_read_by_its_data_coding(
    make_smsc: MakeSmsc, bind: str, coding: int, octets: bytes, text: str
) -> None:
    smsc = make_smsc(binds=[{"system_id": "demo", "password": "demo", "coding": bind}])

    smsc.bind().submit(2, short=octets, coding=coding)

    assert texts(smsc) == [text]


@pytest.mark.behaviour(27, 28)
def test_a_payload_is_one_message_charged_by_its_parts(smsc: Smsc) -> None:
    before = smsc.api.balance()

    smsc.bind().submit(2, short=b"", tlvs=pack_tlv(MESSAGE_PAYLOAD, b"x" * 307))

    assert texts(smsc) == ["x" * 307]
    assert before - smsc.api.balance() == 3


@pytest.mark.behaviour(28)
@pytest.mark.parametrize(
    "header",
    [
        lambda number: bytes((5, 0, 3, 0xAB, 3, number)),
        lambda number: bytes((6, 8, 4, 0x12, 0xAB, 3, number)),
    ],
)
def test_a_message_comes_in_parts_in_any_order(smsc: Smsc, header: Any) -> None:
    caller = smsc.bind()
    before = smsc.api.balance()
    pieces = {1: b"uno ", 2: b"dos ", 3: b"tres"}

    for sequence, number in ((2, 3), (3, 1)):
        octets = header(number) + pieces[number]
        caller.submit(sequence, short=octets, esm_class=0x40)
    (lacking,) = smsc.api.get("/_emulator/smpp/long-messages").body
    caller.submit(4, short=header(2) + pieces[2], esm_class=0x40)

    (whole,) = smsc.api.get("/_emulator/smpp/long-messages").body
    assert (lacking["text"], lacking["complete"]) == ("uno tres", False)
    assert (whole["text"], whole["complete"]) == ("uno dos tres", True)
    assert len(whole["messages"]) == 3
    assert before - smsc.api.balance() == 3


@pytest.mark.behaviour(28)
def test_parts_may_be_announced_by_parameters(smsc: Smsc) -> None:
    caller = smsc.bind()
    for number, text in ((1, b"uno "), (2, b"dos")):
        parameters = (
            pack_tlv(SAR_REFERENCE, b"\x12\x34")
            + pack_tlv(SAR_TOTAL, b"\x02")
            + pack_tlv(SAR_NUMBER, bytes((number,)))
        )
        caller.submit(number + 1, short=text, tlvs=parameters)

    (whole,) = smsc.api.get("/_emulator/smpp/long-messages").body

    assert (whole["reference"], whole["text"]) == (0x1234, "uno dos")


@pytest.mark.behaviour(25)
def test_a_header_goes_before_parameters(smsc: Smsc) -> None:
    parameters = (
        pack_tlv(SAR_REFERENCE, b"\0\1")
        + pack_tlv(SAR_TOTAL, b"\2")
        + pack_tlv(SAR_NUMBER, b"\1")
    )

    smsc.bind().submit(
        2, short=bytes.fromhex("050003090302") + b"x", esm_class=0x40, tlvs=parameters
    )

    (whole,) = smsc.api.get("/_emulator/smpp/long-messages").body
    assert (whole["reference"], whole["total"], whole["parts"]) == (9, 3, [2])


@pytest.mark.behaviour(29)
@pytest.mark.parametrize("schedule", [WHEN, "000000010000000R", "260302130000024-"])
def test_a_message_waits_for_its_date(smsc: Smsc, schedule: str) -> None:
    caller = smsc.bind()
    message = caller.submit(2, schedule=schedule)

    advance(smsc, minutes=59)
    before = state_of(caller, message)
    advance(smsc, minutes=2)

    assert before == ENROUTE
    assert state_of(caller, message) == DELIVERED


@pytest.mark.behaviour(29)
def test_a_message_that_is_not_delivered_in_time_expires(smsc: Smsc) -> None:
    caller = smsc.bind()
    timely = caller.submit(2, ABSENT, validity="000003000000000R")
    late = caller.submit(3, ABSENT, validity=WHEN)

    advance(smsc, hours=1)

    date, state, error = query(caller, late)
    assert (date, state, error) == (WHEN, EXPIRED, 0)
    assert state_of(caller, timely) == ENROUTE
    states = [
        each["status"] for each in smsc.api.get("/_emulator/messages").body["messages"]
    ]
    assert states == ["retried", "failed"]


@pytest.mark.behaviour(29)
def test_a_past_schedule_is_at_once_and_strict_worlds_decline_it(
    smsc: Smsc, make_smsc: MakeSmsc
) -> None:
    past = pack_submit(2, schedule="260302170000000+")

    assert status_of(smsc.bind(), past) == 0
    assert (
        status_of(make_smsc(strict=True).bind(), past) == CommandStatus.ESME_RINVSCHED
    )


@pytest.mark.behaviour(30)
@pytest.mark.parametrize(
    ("fields", "gone"),
    [
        ({}, True),
        ({"source": "Other"}, False),
        ({"to": "5512345678"}, False),
        ({"service_type": "CMT"}, False),
    ],
)
def test_a_message_may_replace_a_pending_one_like_it(
    smsc: Smsc, fields: dict[str, str], *, gone: bool
) -> None:
    caller = smsc.bind()
    before = smsc.api.balance()
    first = caller.submit(2, short=b"uno")

    caller.submit(3, short=b"dos", replace=1, **fields)
    advance(smsc, minutes=1)

    assert state_of(caller, first) == (DELETED if gone else DELIVERED)
    assert before - smsc.api.balance() == 2


@pytest.mark.behaviour(30)
def test_a_message_that_was_sent_is_not_replaced(smsc: Smsc) -> None:
    caller = smsc.bind()
    first = caller.submit(2)
    advance(smsc, minutes=1)

    caller.submit(3, replace=1)

    assert state_of(caller, first) == DELIVERED


def multi(sequence: int, *addresses: bytes) -> bytes:
    body = pack_text("") + b"\0\0" + pack_text("74342") + bytes((len(addresses),))
    body += b"".join(addresses) + bytes(3) + b"\0\0" + bytes(4) + b"\4hola"
    return pack_pdu(SUBMIT_MULTI, sequence, body)


def number(address: str) -> bytes:
    return b"\1\1\1" + pack_text(address)


@pytest.mark.behaviour(31)
def test_many_are_sent_to_at_once_and_who_is_not_is_named(smsc: Smsc) -> None:
    before = smsc.api.balance()

    answer = smsc.bind().ask(
        multi(
            2, number("4498987282"), number("123"), b"\2friends\0", number("5512345678")
        )
    )

    identity, rest = answer.body.split(b"\0", 1)
    assert answer.status == 0
    assert rest == (
        b"\2"
        b"\1\1"
        b"123\0"
        + struct.pack(">I", CommandStatus.ESME_RINVDSTADR)
        + b"\0\0friends\0"
        + struct.pack(">I", CommandStatus.ESME_RINVDLNAME)
    )
    listed = smsc.api.get("/_emulator/messages").body["messages"]
    assert [each["cellphone"] for each in listed] == ["4498987282", "5512345678"]
    assert listed[0]["id"] == int(identity)
    assert before - smsc.api.balance() == 2


@pytest.mark.parametrize(
    ("addresses", "status"),
    [
        ((), CommandStatus.ESME_RINVNUMDESTS),
        ((number("1"),), CommandStatus.ESME_RINVDSTADR),
    ],
)
def test_nobody_to_send_to_is_declined(
    smsc: Smsc, addresses: tuple[bytes, ...], status: CommandStatus
) -> None:
    answer = smsc.bind().ask(multi(2, *addresses))

    assert answer == Pdu(get_response_id(SUBMIT_MULTI), status, 2, b"")


@pytest.mark.behaviour(27, 31)
def test_data_sm_carries_a_payload(smsc: Smsc) -> None:
    body = pack_text("") + b"\0\0" + pack_text("74342") + b"\1\1"
    body += pack_text("4498987282") + bytes(3) + pack_tlv(MESSAGE_PAYLOAD, b"hola")

    answer = smsc.bind().ask(pack_pdu(DATA_SM, 2, body))

    (shown,) = smsc.api.get("/_emulator/messages").body["messages"]
    assert answer == Pdu(get_response_id(DATA_SM), 0, 2, b"%d\0" % shown["id"])
    assert shown["text"] == "hola"


@pytest.mark.behaviour(31)
@pytest.mark.parametrize(
    ("to", "state", "error"),
    [("4498987282", DELIVERED, 0), ("9990001000", UNDELIVERABLE, 1)],
)
def test_a_message_is_asked_after(smsc: Smsc, to: str, state: int, error: int) -> None:
    caller = smsc.bind()
    message = caller.submit(2, to)

    before = query(caller, message)
    advance(smsc, minutes=1)

    assert before == ("", ENROUTE, 0)
    assert query(caller, message) == ("260302180011000+", state, error)


@pytest.mark.behaviour(31)
@pytest.mark.parametrize(
    ("others", "standing"),
    [
        (["5512345678"], ("260302180011000+", DELIVERED, 0)),
        ([ABSENT, "5512345678"], ("260303180011000+", UNDELIVERABLE, 1)),
    ],
)
def test_a_message_to_many_is_final_once_all_of_it_is(
    smsc: Smsc, others: list[str], standing: tuple[str, int, int]
) -> None:
    caller = smsc.bind()
    answer = caller.ask(multi(2, *map(number, ["4498987282", *others])))
    message = answer.body.partition(b"\0")[0].decode()

    advance(smsc, seconds=11)
    partly = query(caller, message)
    advance(smsc, hours=25)

    assert partly == ("", ENROUTE, 0)
    assert query(caller, message) == standing


@pytest.mark.behaviour(31)
@pytest.mark.parametrize("identity", ["", "0", "1", "x", "9" * 40, "-5", "46608336 "])
@pytest.mark.parametrize(
    ("command", "tail", "status"),
    [
        (QUERY_SM, bytes(3), CommandStatus.ESME_RQUERYFAIL),
        (CANCEL_SM, bytes(6), CommandStatus.ESME_RCANCELFAIL),
        (REPLACE_SM, bytes(3) + bytes(5), CommandStatus.ESME_RREPLACEFAIL),
    ],
)
def test_nobody_s_message_is_neither_shown_nor_touched(
    smsc: Smsc, identity: str, command: int, tail: bytes, status: CommandStatus
) -> None:
    service = b"\0" if command == CANCEL_SM else b""
    octets = pack_pdu(command, 5, service + pack_text(identity) + tail)

    assert smsc.bind().ask(octets) == Pdu(get_response_id(command), status, 5, b"")


@pytest.mark.behaviour(31)
def test_another_s_message_is_not_shown(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(
        binds=[{"system_id": each, "password": "x"} for each in ("one", "other")]
    )
    one, other = (smsc.bind(system_id=each, password="x") for each in ("one", "other"))
    message = one.submit()
    by_http = smsc.api.post(
        "/api/v3/campaign",
        json={
            "text": "hola",
            "recipients": [{"cellphone": "4498987282"}],
            "country": 1,
        },
    )
    assert by_http.status == 200

    for caller, identity in ((other, message), (one, message + 1)):
        body = pack_text(str(identity)) + bytes(3)
        answer = caller.ask(pack_pdu(QUERY_SM, 9, body))
        assert answer.status == CommandStatus.ESME_RQUERYFAIL


def test_another_sender_s_message_is_not_shown(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = caller.submit(2, source="Acme")
    body = pack_text(str(message)) + b"\0\0" + pack_text("Other")

    answer = caller.ask(pack_pdu(QUERY_SM, 9, body))

    assert answer.status == CommandStatus.ESME_RQUERYFAIL
    assert state_of(caller, message, source="Acme") == ENROUTE


def cancel(sequence: int, message: str, source: str = "", to: str = "") -> bytes:
    body = pack_text("") + pack_text(message) + b"\0\0" + pack_text(source)
    body += (b"\1\1" if to else b"\0\0") + pack_text(to)
    return pack_pdu(CANCEL_SM, sequence, body)


@pytest.mark.behaviour(31)
def test_a_pending_message_is_given_up_and_no_other(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = str(caller.submit(2))

    first, again = (caller.ask(cancel(each, message)) for each in (3, 4))
    sent = str(caller.submit(5))
    advance(smsc, minutes=1)

    assert (first.status, again.status) == (0, CommandStatus.ESME_RCANCELFAIL)
    assert state_of(caller, int(message)) == DELETED
    assert status_of(caller, cancel(6, sent)) == CommandStatus.ESME_RCANCELFAIL


@pytest.mark.behaviour(31)
def test_all_pending_messages_to_somebody_are_given_up(smsc: Smsc) -> None:
    caller = smsc.bind()
    messages = [caller.submit(each) for each in (2, 3)]
    spared = caller.submit(4, "5512345678")

    answer = caller.ask(cancel(5, "", "74342", "4498987282"))
    nothing = caller.ask(cancel(6, "", "74342", "4498987282"))

    assert (answer.status, nothing.status) == (0, CommandStatus.ESME_RCANCELFAIL)
    assert [state_of(caller, each) for each in messages] == [DELETED, DELETED]
    assert state_of(caller, spared) == ENROUTE


def replaced(sequence: int, message: int, short: bytes, schedule: str = "") -> bytes:
    body = pack_text(str(message)) + b"\0\0" + pack_text("")
    body += pack_text(schedule) + pack_text("")
    body += struct.pack(">BBB", 1, 0, len(short)) + short
    return pack_pdu(REPLACE_SM, sequence, body)


@pytest.mark.behaviour(31)
def test_a_pending_message_says_something_else(smsc: Smsc) -> None:
    caller = smsc.bind()
    before = smsc.api.balance()
    message = caller.submit(2, short=b"uno")

    answer = caller.ask(replaced(3, message, b"dos", WHEN))
    advance(smsc, minutes=59)
    waiting = state_of(caller, message)
    advance(smsc, minutes=2)
    receipt = caller.hear()
    late = caller.ask(replaced(4, message, b"tres"))

    assert answer == Pdu(get_response_id(REPLACE_SM), 0, 3, b"")
    assert receipt.command == DELIVER_SM
    assert texts(smsc) == ["dos"]
    assert (waiting, state_of(caller, message)) == (ENROUTE, DELIVERED)
    assert late.status == CommandStatus.ESME_RREPLACEFAIL
    assert before - smsc.api.balance() == 1
