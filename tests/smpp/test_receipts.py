"""Receipts: what a client is told once the fate of its message is known."""

import re
import socket
from typing import Any

import pytest

from emulator.smpp.session import LAST_SEQUENCE
from tests.smpp import packed
from tests.smpp.conftest import MakePhone
from tests.smpp.dialled import Caller, Phone
from tests.smpp.packed import (
    MESSAGE_STATE,
    NETWORK_ERROR_CODE,
    RECEIPTED_MESSAGE_ID,
    USER_MESSAGE_REFERENCE,
    Delivered,
    delivered,
    resp,
    tlv,
)

FAILED, ABSENT = "9990001000", "9990003000"
DEMO = {"system_id": "demo", "password": "demo"}


def advance(phone: Phone, seconds: float = 60) -> None:
    phone.api.post("/_emulator/clock/advance", json={"seconds": seconds})


def receipt(caller: Caller, status: int = 0, body: bytes = b"\0") -> Delivered:
    """Return the receipt that comes next, and acknowledge it."""
    asked = caller.hear()
    assert asked.command == packed.DELIVER_SM, asked
    answer = packed.packet(resp(packed.DELIVER_SM), asked.sequence, body, status=status)
    caller.say(answer)
    caller.turn()
    return delivered(asked.body)


def text(caller: Caller) -> str:
    return receipt(caller).short.decode("ascii")


def silent(caller: Caller) -> bool:
    """Whether nothing comes before the answer to what is asked now."""
    return caller.ask(packed.packet(packed.ENQUIRE_LINK, 777)).sequence == 777


def deliveries(phone: Phone) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = phone.api.get("/_emulator/deliveries").body[
        "deliveries"
    ]
    return found


@pytest.mark.behaviour(34, 35, 36)
@pytest.mark.manual("SMP-06")
def test_a_receipt_is_what_clients_expect(phone: Phone) -> None:
    caller = phone.bound()
    parameters = tlv(USER_MESSAGE_REFERENCE, b"\x01\x02")
    message = caller.submit(
        2,
        "+524498987282",
        b"Su folio es 123456, gracias",
        registered=1,
        service_type="CMT",
        source="Acme",
        source_ton=5,
        source_npi=0,
        tlvs=parameters,
    )

    advance(phone)

    got = receipt(caller)
    assert got.esm_class == 0x04
    assert (got.coding, got.registered, got.service_type) == (0, 0, b"CMT")
    assert got.source == (1, 1, b"+524498987282")
    assert got.to == (5, 0, b"Acme")
    assert got.short.decode("ascii") == (
        f"id:{message} sub:001 dlvrd:001 submit date:2603021200 "
        "done date:2603021200 stat:DELIVRD err:000 text:Su folio es 123456, "
    )
    assert got.tlvs == {
        RECEIPTED_MESSAGE_ID: b"%d\0" % message,
        MESSAGE_STATE: b"\x02",
        USER_MESSAGE_REFERENCE: b"\x01\x02",
    }


@pytest.mark.behaviour(35, 36)
@pytest.mark.parametrize(
    ("to", "fields", "words", "state"),
    [
        (FAILED, {}, "dlvrd:000 .*stat:UNDELIV err:001", 5),
        (ABSENT, {"validity": "260302190000000+"}, "stat:EXPIRED err:000", 3),
        (ABSENT, {}, "done date:2603031200 stat:UNDELIV", 5),
    ],
)
def test_a_receipt_says_what_became_of_the_message(
    phone: Phone, to: str, fields: dict[str, str], words: str, state: int
) -> None:
    caller = phone.bound()
    caller.submit(2, to, b"hola", registered=1, **fields)

    advance(phone, 86_500)

    got = receipt(caller)
    assert re.search(words, got.short.decode("ascii"))
    assert got.tlvs[MESSAGE_STATE] == bytes((state,))
    assert (NETWORK_ERROR_CODE in got.tlvs) == (state == 5)


@pytest.mark.behaviour(35)
def test_a_message_that_was_given_up_is_deleted(phone: Phone) -> None:
    caller = phone.bound()
    message = caller.submit(2, registered=1)
    body = b"\0" + packed.text(str(message)) + bytes(6)

    assert caller.ask(packed.packet(packed.CANCEL_SM, 3, body)).status == 0

    assert "stat:DELETED" in text(caller)


def test_a_campaign_that_staff_cancels_is_deleted_too(phone: Phone) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    (campaign,) = phone.api.world.campaigns

    phone.api.post(f"/_emulator/campaigns/sms/{campaign}/cancel")

    assert "stat:DELETED" in text(caller)


@pytest.mark.behaviour(33)
@pytest.mark.parametrize(
    ("registered", "states"),
    [(0, []), (1, ["DELIVRD", "UNDELIV"]), (2, ["UNDELIV"]), (0x04, []), (0x10, [])],
)
def test_who_asks_for_receipts_gets_those(
    phone: Phone, registered: int, states: list[str]
) -> None:
    caller = phone.bound()
    for sequence, to in ((2, "4498987282"), (3, FAILED)):
        caller.submit(sequence, to, registered=registered)

    advance(phone)

    assert [text(caller).split("stat:")[1][:7] for _ in states] == states
    assert silent(caller)


@pytest.mark.behaviour(32)
def test_the_answer_comes_before_the_receipt(make_phone: MakePhone) -> None:
    phone = make_phone(pace="instant")
    caller = phone.bound()

    caller.say(*(packed.submit(each, registered=1) for each in range(2, 12)))

    commands = [caller.hear().command for _ in range(20)]
    assert commands == [resp(packed.SUBMIT_SM)] * 10 + [packed.DELIVER_SM] * 10


@pytest.mark.behaviour(32)
def test_the_answer_comes_before_the_receipt_where_it_is_late(
    make_phone: MakePhone,
) -> None:
    phone = make_phone(pace="instant")
    rule = {"operation": "submit_sm", "phase": "after", "effect": {"delay": 5}}
    phone.api.post("/_emulator/faults", json=rule)
    caller = phone.bound()
    caller.say(packed.submit(2, registered=1))

    assert silent(caller)
    advance(phone, 10)

    assert [caller.hear().command for _ in range(2)] == [
        resp(packed.SUBMIT_SM),
        packed.DELIVER_SM,
    ]


@pytest.mark.behaviour(35)
@pytest.mark.parametrize(
    ("form", "identity", "words"),
    [
        ({"ids": "hex"}, "2C72FD0", "submit date:2603021200 "),
        ({"ids": "padded"}, "0046608336", "submit date:2603021200 "),
        ({"dates": "seconds"}, "46608336", "submit date:260302120000 "),
        ({"text": "Text"}, "46608336", " Text:hola"),
        ({"text": "none"}, "46608336", "err:000"),
    ],
)
def test_a_receipt_is_written_as_the_bind_says(
    make_phone: MakePhone, form: dict[str, str], identity: str, words: str
) -> None:
    phone = make_phone(binds=[{**DEMO, "receipts": form}])
    caller = phone.bound()
    caller.submit(2, registered=1)

    advance(phone)

    got = receipt(caller)
    assert got.short.decode().startswith(f"id:{identity} ")
    assert words in got.short.decode()
    assert got.tlvs[RECEIPTED_MESSAGE_ID] == identity.encode() + b"\0"


@pytest.mark.behaviour(36)
@pytest.mark.parametrize(("tlvs", "words"), [("without", True), ("only", False)])
def test_a_receipt_is_in_words_or_in_parameters(
    make_phone: MakePhone, tlvs: str, *, words: bool
) -> None:
    phone = make_phone(binds=[{**DEMO, "receipts": {"tlvs": tlvs}}])
    caller = phone.bound()
    caller.submit(2, registered=1)

    advance(phone)

    got = receipt(caller)
    assert bool(got.short) is words
    assert bool(got.tlvs) is not words


@pytest.mark.behaviour(7, 36)
def test_an_old_client_gets_no_parameters(phone: Phone) -> None:
    caller = phone.bound(version=0x33)
    caller.submit(2, registered=1)

    advance(phone)

    assert receipt(caller).tlvs == {}


@pytest.mark.behaviour(35)
def test_the_text_is_ascii_and_without_a_header(phone: Phone) -> None:
    caller = phone.bound()
    header = bytes.fromhex("050003ab0201")
    caller.submit(2, short="mañana Ω".encode("utf-16-be"), coding=8, registered=1)
    caller.submit(3, short=header + b"uno", esm_class=0x40, registered=1)

    advance(phone)

    assert text(caller).endswith(" text:manana ?")
    assert text(caller).endswith(" text:uno")


@pytest.mark.behaviour(37)
def test_receipts_go_to_receivers_in_turn_and_to_nobody_else(
    make_phone: MakePhone,
) -> None:
    phone = make_phone(binds=[DEMO, {"system_id": "other", "password": "x"}])
    sender = phone.bound(command=packed.BIND_TRANSMITTER)
    receivers = [
        phone.bound(command=packed.BIND_RECEIVER),
        phone.bound(command=packed.BIND_TRANSCEIVER),
    ]
    stranger = phone.bound(system_id="other", password="x")
    ids = [sender.submit(each, registered=1) for each in range(2, 8)]

    advance(phone)

    got = [
        receipt(each).tlvs[RECEIPTED_MESSAGE_ID] for _ in range(3) for each in receivers
    ]
    assert sorted(got) == [b"%d\0" % each for each in ids]
    assert all(silent(each) for each in (sender, *receivers, stranger))


@pytest.mark.behaviour(38)
@pytest.mark.manual("SMP-06")
def test_receipts_wait_for_a_receiver_and_are_seen_meanwhile(phone: Phone) -> None:
    sender = phone.bound(command=packed.BIND_TRANSMITTER)
    sender.submit(2, registered=1)
    advance(phone)

    (waiting,) = deliveries(phone)
    receiver = phone.bound(command=packed.BIND_RECEIVER)
    got = receipt(receiver)

    assert (waiting["kind"], waiting["state"]) == ("receipt", "due")
    assert got.short.decode() == waiting["parameters"]["response"]
    (done,) = deliveries(phone)
    assert done["state"] == "delivered"
    assert [each["verdict"] for each in done["attempts"]] == ["accepted"]


@pytest.mark.behaviour(38)
def test_only_so_many_wait_and_only_so_long(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={"max_queued_receipts": 2, "receipt_lifetime": 3600})
    sender = phone.bound(command=packed.BIND_TRANSMITTER)
    for each in range(2, 6):
        sender.submit(each, registered=1)
    advance(phone)
    states = [each["state"] for each in deliveries(phone)]
    advance(phone, 4000)

    receiver = phone.bound(command=packed.BIND_RECEIVER)

    assert states == ["dropped", "dropped", "due", "due"]
    assert silent(receiver)
    assert {each["state"] for each in deliveries(phone)} == {"dropped"}


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("leave", ["hang_up", "reset"])
def test_a_receipt_that_is_not_acknowledged_is_sent_again(
    phone: Phone, leave: str
) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone)
    first = caller.hear()

    getattr(caller, leave)()
    caller.turn()
    other = phone.bound(command=packed.BIND_RECEIVER)
    again = receipt(other)

    assert again == delivered(first.body)
    (done,) = deliveries(phone)
    assert [each["verdict"] for each in done["attempts"]] == ["timed_out", "accepted"]


@pytest.mark.behaviour(21, 38)
def test_a_receipt_is_sent_again_when_its_time_is_up(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={"response_timer": 0.1, "enquire_link_timer": 0})
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone)

    first, again = caller.hear(), caller.hear()

    assert (first.sequence, again.sequence) == (1, 2)
    assert first.body == again.body


@pytest.mark.behaviour(19)
def test_our_sequence_numbers_begin_again_after_the_last(phone: Phone) -> None:
    caller = phone.bound()
    (line,) = phone.api.app.state.smpp._server_state.connections  # noqa: SLF001
    for each in (2, 3, 4):
        caller.submit(each, registered=1)
    line.session._sequence = LAST_SEQUENCE - 2  # noqa: SLF001 - after two thousand million

    advance(phone)

    assert [caller.hear().sequence for _ in range(3)] == [
        *(LAST_SEQUENCE - 1, LAST_SEQUENCE, 1)
    ]


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("status", [0x64, 0x14])
def test_a_client_may_ask_for_a_receipt_later(phone: Phone, status: int) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone)

    first = receipt(caller, status)
    at_once = silent(caller)
    advance(phone, 61)

    assert at_once
    assert receipt(caller) == first
    assert deliveries(phone)[0]["state"] == "delivered"


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("status", [0x65, 0x66, 0x08])
def test_a_client_may_decline_a_receipt_for_good(phone: Phone, status: int) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone)

    receipt(caller, status)
    advance(phone, 3600)

    assert silent(caller)
    (given_up,) = deliveries(phone)
    assert given_up["state"] == "given_up"
    assert given_up["attempts"][0]["status"] == status


def test_receipts_have_left_when_advancing_has_been_answered(phone: Phone) -> None:
    """A client of one thread hears nothing while it moves the clock."""
    loop = phone.api._loop  # noqa: SLF001 - which the door is on
    with socket.create_connection(("127.0.0.1", phone.port)) as line:
        line.settimeout(0)
        line.sendall(packed.bind())
        loop.run_until_complete(loop.sock_recv(line, 1024))
        for sequence in range(2, 42):
            line.sendall(packed.submit(sequence, registered=1))
            loop.run_until_complete(loop.sock_recv(line, 1024))

        advance(phone)

        receipts = line.recv(65_536).count(b"stat:DELIVRD")
        most = phone.api.world.account.access.centre.receiver_window
        assert receipts == min(most, 40) > 1


@pytest.mark.behaviour(39)
def test_only_so_many_receipts_are_without_an_answer(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={"receiver_window": 3})
    caller = phone.bound()
    for each in range(2, 7):
        caller.submit(each, registered=1)
    advance(phone)

    first = [caller.hear() for _ in range(3)]
    full = silent(caller)
    caller.say(packed.packet(resp(packed.DELIVER_SM), first[1].sequence, b"\0"))

    assert full
    assert caller.hear().sequence == 4


@pytest.mark.behaviour(40)
@pytest.mark.parametrize("body", [b"\0", b"", b"some-id\0"])
def test_a_receipt_is_acknowledged_in_many_ways(phone: Phone, body: bytes) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone)

    receipt(caller, body=body)

    assert deliveries(phone)[0]["state"] == "delivered"
    assert phone.api.get("/_emulator/smpp/sessions").body[0]["delivered"] == 1


@pytest.mark.behaviour(41)
@pytest.mark.manual("SMP-06")
def test_a_reply_never_comes_by_smpp(make_phone: MakePhone) -> None:
    phone = make_phone(push_url="http://127.0.0.1:9/mo")
    caller = phone.bound()
    message = caller.submit(2)
    advance(phone)

    reply = {"number": "4498987282", "text": "si", "message": message}
    assert phone.api.post("/_emulator/inbound", json=reply).status == 200

    assert silent(caller)
    assert [each["kind"] for each in deliveries(phone)] == ["moPush"]


def test_a_world_carried_elsewhere_still_owes_its_receipts(
    phone: Phone, make_phone: MakePhone
) -> None:
    caller = phone.bound()
    told = caller.submit(2, registered=1)
    advance(phone)
    receipt(caller)
    owed = caller.submit(3, registered=1)
    snapshot = phone.api.get("/_emulator/world/snapshot").body
    elsewhere = make_phone()
    elsewhere.api.post("/_emulator/world/restore", json=snapshot)
    there = elsewhere.bound()

    advance(elsewhere)

    assert told != owed
    assert receipt(there).tlvs[RECEIPTED_MESSAGE_ID] == b"%d\0" % owed
    assert silent(there)


def test_a_world_that_is_reset_owes_nothing(phone: Phone) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone)
    asked = caller.hear()

    phone.api.post("/_emulator/world/reset")
    caller.say(packed.packet(resp(packed.DELIVER_SM), asked.sequence, b"\0"))
    advance(phone)

    assert silent(caller)
    assert deliveries(phone) == []


@pytest.mark.behaviour(31)
def test_each_recipient_of_many_has_a_receipt(phone: Phone) -> None:
    caller = phone.bound()
    addresses = [b"\1\1\1" + packed.text(each) for each in ("4498987282", FAILED)]
    body = (
        packed.text("") + b"\0\0" + packed.text("74342") + b"\2" + b"".join(addresses)
    )
    body += bytes(3) + b"\0\0" + b"\1\0\0\0" + b"\4hola"
    caller.ask(packed.packet(packed.SUBMIT_MULTI, 2, body))

    advance(phone)

    got = [receipt(caller) for _ in range(2)]
    assert [each.source[2].decode() for each in got] == ["4498987282", FAILED]
    assert [each.tlvs[MESSAGE_STATE] for each in got] == [b"\x02", b"\x05"]


# --- Faults --------------------------------------------------------------------------


def fault(phone: Phone, operation: str = "deliver_sm", **effect: Any) -> None:
    rule = {"operation": operation, "first": 1, "effect": effect}
    answer = phone.api.post("/_emulator/faults", json=rule)
    assert answer.status == 200, answer.body


def two(phone: Phone) -> tuple[Caller, list[bytes]]:
    """Send two messages, let them arrive, and return who waits and their ids."""
    caller = phone.bound()
    ids = [b"%d\0" % caller.submit(each, registered=1) for each in (2, 3)]
    advance(phone)
    return caller, ids


def test_a_receipt_can_be_lost(phone: Phone) -> None:
    fault(phone, wire="hang")
    caller, ids = two(phone)

    assert receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] == ids[1]
    assert [each["state"] for each in deliveries(phone)] == ["lost", "delivered"]


def test_a_receipt_can_come_twice(phone: Phone) -> None:
    fault(phone, pdu="duplicated")
    caller, ids = two(phone)

    got = [receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] for _ in range(3)]

    assert got == [ids[0], ids[0], ids[1]]


def test_receipts_can_come_out_of_order(phone: Phone) -> None:
    fault(phone, pdu="swapped")
    caller, ids = two(phone)

    got = [receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] for _ in range(2)]

    assert got == ids[::-1]


def test_receipts_can_come_in_swapped_pairs(phone: Phone) -> None:
    rule = {"operation": "deliver_sm", "effect": {"pdu": "swapped"}}
    phone.api.post("/_emulator/faults", json=rule)
    caller = phone.bound()
    ids = [b"%d\0" % caller.submit(each, registered=1) for each in range(2, 6)]

    advance(phone)

    got = [receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] for _ in ids]
    assert got == [ids[each] for each in (1, 0, 3, 2)]


def test_a_receipt_that_lets_another_go_first_does_not_leave_with_its_client(
    phone: Phone,
) -> None:
    fault(phone, pdu="swapped")
    caller = phone.bound()
    message = caller.submit(2, registered=1)
    advance(phone)
    waits = silent(caller)

    caller.hang_up()
    caller.turn()

    assert waits
    assert receipt(phone.bound()).tlvs[RECEIPTED_MESSAGE_ID] == b"%d\0" % message


def test_a_receipt_that_lets_another_go_first_does_not_outlive_its_world(
    phone: Phone,
) -> None:
    fault(phone, pdu="swapped")
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone)

    phone.api.post("/_emulator/world/reset")
    message = caller.submit(3, registered=1)
    advance(phone)

    assert receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] == b"%d\0" % message
    assert silent(caller)


def test_a_receipt_can_be_late(phone: Phone) -> None:
    fault(phone, delay=600)
    caller, ids = two(phone)

    first = receipt(caller).tlvs[RECEIPTED_MESSAGE_ID]
    assert silent(caller)
    advance(phone, 601)

    assert [first, receipt(caller).tlvs[RECEIPTED_MESSAGE_ID]] == ids[::-1]


def test_a_receipt_can_come_before_the_answer(phone: Phone) -> None:
    fault(phone, "submit_sm", pdu="early_receipt")
    caller = phone.bound()

    caller.say(packed.submit(2, registered=1))
    early = receipt(caller)
    answer = caller.hear()
    advance(phone)

    assert early.tlvs[RECEIPTED_MESSAGE_ID] == answer.body
    assert early.tlvs[MESSAGE_STATE] == b"\x02"
    assert silent(caller)


@pytest.mark.parametrize(
    ("pdu", "words"),
    [
        ("wrong_id", r"^id:47608336 .*stat:DELIVRD"),
        ("unknown_state", r"^id:46608336 .*stat:UNKNOWN"),
        ("no_tlvs", r"^id:46608336 .*stat:DELIVRD"),
    ],
)
def test_a_receipt_can_say_something_wrong(phone: Phone, pdu: str, words: str) -> None:
    fault(phone, pdu=pdu)
    caller, _ = two(phone)

    got = receipt(caller)

    assert re.search(words, got.short.decode())
    assert bool(got.tlvs) is (pdu != "no_tlvs")


def test_a_receipt_can_end_the_line(phone: Phone) -> None:
    fault(phone, wire="close")
    _, ids = two(phone)

    again = phone.bound(command=packed.BIND_RECEIVER)
    got = {receipt(again).tlvs[RECEIPTED_MESSAGE_ID] for _ in range(2)}
    assert got == set(ids)
