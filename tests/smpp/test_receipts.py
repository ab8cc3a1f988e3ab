"""Receipts: what a client is told once the fate of its message is known."""

import re
import socket
from typing import Any

import pytest

from emulator.smpp.session import LAST_SEQUENCE
from tests.support.smpp import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    CANCEL_SM,
    DELIVER_SM,
    ENQUIRE_LINK,
    MESSAGE_STATE,
    NETWORK_ERROR_CODE,
    RECEIPTED_MESSAGE_ID,
    SUBMIT_MULTI,
    SUBMIT_SM,
    USER_MESSAGE_REFERENCE,
    DeliverBody,
    MakeSmsc,
    SmppClient,
    Smsc,
    get_response_id,
    pack_bind,
    pack_pdu,
    pack_submit,
    pack_text,
    pack_tlv,
    unpack_deliver,
)

FAILED, ABSENT = "9990001000", "9990003000"
DEMO = {"system_id": "demo", "password": "demo"}


def advance(smsc: Smsc, seconds: float = 60) -> None:
    smsc.api.post("/_emulator/clock/advance", json={"seconds": seconds})


def receipt(caller: SmppClient, status: int = 0, body: bytes = b"\0") -> DeliverBody:
    """Return the receipt that comes next, and acknowledge it."""
    asked = caller.hear()
    assert asked.command == DELIVER_SM, asked
    answer = pack_pdu(get_response_id(DELIVER_SM), asked.sequence, body, status=status)
    caller.say(answer)
    caller.turn()
    return unpack_deliver(asked.body)


def text(caller: SmppClient) -> str:
    return receipt(caller).short.decode("ascii")


def silent(caller: SmppClient) -> bool:
    """Whether nothing comes before the answer to what is asked now."""
    return caller.ask(pack_pdu(ENQUIRE_LINK, 777)).sequence == 777


def deliveries(smsc: Smsc) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = smsc.api.get("/_emulator/deliveries").body[
        "deliveries"
    ]
    return found


@pytest.mark.behaviour(34, 35, 36)
@pytest.mark.manual("SMP-06")
def test_a_receipt_is_what_clients_expect(smsc: Smsc) -> None:
    caller = smsc.bind()
    parameters = pack_tlv(USER_MESSAGE_REFERENCE, b"\x01\x02")
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

    advance(smsc)

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
    smsc: Smsc, to: str, fields: dict[str, str], words: str, state: int
) -> None:
    caller = smsc.bind()
    caller.submit(2, to, b"hola", registered=1, **fields)

    advance(smsc, 86_500)

    got = receipt(caller)
    assert re.search(words, got.short.decode("ascii"))
    assert got.tlvs[MESSAGE_STATE] == bytes((state,))
    assert (NETWORK_ERROR_CODE in got.tlvs) == (state == 5)


@pytest.mark.behaviour(35)
def test_a_message_that_was_given_up_is_deleted(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = caller.submit(2, registered=1)
    body = b"\0" + pack_text(str(message)) + bytes(6)

    assert caller.ask(pack_pdu(CANCEL_SM, 3, body)).status == 0

    assert "stat:DELETED" in text(caller)


def test_a_campaign_that_staff_cancels_is_deleted_too(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    (campaign,) = smsc.api.world.campaigns

    smsc.api.post(f"/_emulator/campaigns/sms/{campaign}/cancel")

    assert "stat:DELETED" in text(caller)


@pytest.mark.behaviour(33)
@pytest.mark.parametrize(
    ("registered", "states"),
    [(0, []), (1, ["DELIVRD", "UNDELIV"]), (2, ["UNDELIV"]), (0x04, []), (0x10, [])],
)
def test_who_asks_for_receipts_gets_those(
    smsc: Smsc, registered: int, states: list[str]
) -> None:
    caller = smsc.bind()
    for sequence, to in ((2, "4498987282"), (3, FAILED)):
        caller.submit(sequence, to, registered=registered)

    advance(smsc)

    assert [text(caller).split("stat:")[1][:7] for _ in states] == states
    assert silent(caller)


@pytest.mark.behaviour(32)
def test_the_answer_comes_before_the_receipt(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(pace="instant")
    caller = smsc.bind()

    caller.say(*(pack_submit(each, registered=1) for each in range(2, 12)))

    commands = [caller.hear().command for _ in range(20)]
    assert commands == [get_response_id(SUBMIT_SM)] * 10 + [DELIVER_SM] * 10


@pytest.mark.behaviour(32)
def test_the_answer_comes_before_the_receipt_where_it_is_late(
    make_smsc: MakeSmsc,
) -> None:
    smsc = make_smsc(pace="instant")
    rule = {"operation": "submit_sm", "phase": "after", "effect": {"delay": 5}}
    smsc.api.post("/_emulator/faults", json=rule)
    caller = smsc.bind()
    caller.say(pack_submit(2, registered=1))

    assert silent(caller)
    advance(smsc, 10)

    assert [caller.hear().command for _ in range(2)] == [
        get_response_id(SUBMIT_SM),
        DELIVER_SM,
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
    make_smsc: MakeSmsc, form: dict[str, str], identity: str, words: str
) -> None:
    smsc = make_smsc(binds=[{**DEMO, "receipts": form}])
    caller = smsc.bind()
    caller.submit(2, registered=1)

    advance(smsc)

    got = receipt(caller)
    assert got.short.decode().startswith(f"id:{identity} ")
    assert words in got.short.decode()
    assert got.tlvs[RECEIPTED_MESSAGE_ID] == identity.encode() + b"\0"


@pytest.mark.behaviour(36)
@pytest.mark.parametrize(("tlvs", "words"), [("without", True), ("only", False)])
def test_a_receipt_is_in_words_or_in_parameters(
    make_smsc: MakeSmsc, tlvs: str, *, words: bool
) -> None:
    smsc = make_smsc(binds=[{**DEMO, "receipts": {"tlvs": tlvs}}])
    caller = smsc.bind()
    caller.submit(2, registered=1)

    advance(smsc)

    got = receipt(caller)
    assert bool(got.short) is words
    assert bool(got.tlvs) is not words


@pytest.mark.behaviour(7, 36)
def test_an_old_client_gets_no_parameters(smsc: Smsc) -> None:
    caller = smsc.bind(version=0x33)
    caller.submit(2, registered=1)

    advance(smsc)

    assert receipt(caller).tlvs == {}


@pytest.mark.behaviour(35)
def test_the_text_is_ascii_and_without_a_header(smsc: Smsc) -> None:
    caller = smsc.bind()
    header = bytes.fromhex("050003ab0201")
    caller.submit(2, short="mañana Ω".encode("utf-16-be"), coding=8, registered=1)
    caller.submit(3, short=header + b"uno", esm_class=0x40, registered=1)

    advance(smsc)

    assert text(caller).endswith(" text:manana ?")
    assert text(caller).endswith(" text:uno")


@pytest.mark.behaviour(37)
def test_receipts_go_to_receivers_in_turn_and_to_nobody_else(
    make_smsc: MakeSmsc,
) -> None:
    smsc = make_smsc(binds=[DEMO, {"system_id": "other", "password": "x"}])
    sender = smsc.bind(command=BIND_TRANSMITTER)
    receivers = [
        smsc.bind(command=BIND_RECEIVER),
        smsc.bind(command=BIND_TRANSCEIVER),
    ]
    stranger = smsc.bind(system_id="other", password="x")
    ids = [sender.submit(each, registered=1) for each in range(2, 8)]

    advance(smsc)

    got = [
        receipt(each).tlvs[RECEIPTED_MESSAGE_ID] for _ in range(3) for each in receivers
    ]
    assert sorted(got) == [b"%d\0" % each for each in ids]
    assert all(silent(each) for each in (sender, *receivers, stranger))


@pytest.mark.behaviour(38)
@pytest.mark.manual("SMP-06")
def test_receipts_wait_for_a_receiver_and_are_seen_meanwhile(smsc: Smsc) -> None:
    sender = smsc.bind(command=BIND_TRANSMITTER)
    sender.submit(2, registered=1)
    advance(smsc)

    (waiting,) = deliveries(smsc)
    receiver = smsc.bind(command=BIND_RECEIVER)
    got = receipt(receiver)

    assert (waiting["kind"], waiting["state"]) == ("receipt", "due")
    assert got.short.decode() == waiting["parameters"]["response"]
    (done,) = deliveries(smsc)
    assert done["state"] == "delivered"
    assert [each["verdict"] for each in done["attempts"]] == ["accepted"]


@pytest.mark.behaviour(38)
def test_only_so_many_wait_and_only_so_long(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"max_queued_receipts": 2, "receipt_lifetime": 3600})
    sender = smsc.bind(command=BIND_TRANSMITTER)
    for each in range(2, 6):
        sender.submit(each, registered=1)
    advance(smsc)
    states = [each["state"] for each in deliveries(smsc)]
    advance(smsc, 4000)

    receiver = smsc.bind(command=BIND_RECEIVER)

    assert states == ["dropped", "dropped", "due", "due"]
    assert silent(receiver)
    assert {each["state"] for each in deliveries(smsc)} == {"dropped"}


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("leave", ["hang_up", "reset"])
def test_a_receipt_that_is_not_acknowledged_is_sent_again(
    smsc: Smsc, leave: str
) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc)
    first = caller.hear()

    getattr(caller, leave)()
    caller.turn()
    other = smsc.bind(command=BIND_RECEIVER)
    again = receipt(other)

    assert again == unpack_deliver(first.body)
    (done,) = deliveries(smsc)
    assert [each["verdict"] for each in done["attempts"]] == ["timed_out", "accepted"]


@pytest.mark.behaviour(21, 38)
def test_a_receipt_is_sent_again_when_its_time_is_up(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"response_timer": 0.1, "enquire_link_timer": 0})
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc)

    first, again = caller.hear(), caller.hear()

    assert (first.sequence, again.sequence) == (1, 2)
    assert first.body == again.body


@pytest.mark.behaviour(19)
def test_our_sequence_numbers_begin_again_after_the_last(smsc: Smsc) -> None:
    caller = smsc.bind()
    (line,) = smsc.api.app.state.smpp._server_state.connections  # noqa: SLF001
    for each in (2, 3, 4):
        caller.submit(each, registered=1)
    line.session._sequence = LAST_SEQUENCE - 2  # noqa: SLF001 - after two thousand million

    advance(smsc)

    assert [caller.hear().sequence for _ in range(3)] == [
        *(LAST_SEQUENCE - 1, LAST_SEQUENCE, 1)
    ]


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("status", [0x64, 0x14])
def test_a_client_may_ask_for_a_receipt_later(smsc: Smsc, status: int) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc)

    first = receipt(caller, status)
    at_once = silent(caller)
    advance(smsc, 61)

    assert at_once
    assert receipt(caller) == first
    assert deliveries(smsc)[0]["state"] == "delivered"


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("status", [0x65, 0x66, 0x08])
def test_a_client_may_decline_a_receipt_for_good(smsc: Smsc, status: int) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc)

    receipt(caller, status)
    advance(smsc, 3600)

    assert silent(caller)
    (given_up,) = deliveries(smsc)
    assert given_up["state"] == "given_up"
    assert given_up["attempts"][0]["status"] == status


def test_receipts_have_left_when_advancing_has_been_answered(smsc: Smsc) -> None:
    """A client of one thread hears nothing while it moves the clock."""
    loop = smsc.api._loop  # noqa: SLF001 - which the door is on
    with socket.create_connection(("127.0.0.1", smsc.port)) as line:
        line.settimeout(0)
        line.sendall(pack_bind())
        loop.run_until_complete(loop.sock_recv(line, 1024))
        for sequence in range(2, 42):
            line.sendall(pack_submit(sequence, registered=1))
            loop.run_until_complete(loop.sock_recv(line, 1024))

        advance(smsc)

        receipts = line.recv(65_536).count(b"stat:DELIVRD")
        most = smsc.api.world.account.access.centre.receiver_window
        assert receipts == min(most, 40) > 1


@pytest.mark.behaviour(39)
def test_only_so_many_receipts_are_without_an_answer(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"receiver_window": 3})
    caller = smsc.bind()
    for each in range(2, 7):
        caller.submit(each, registered=1)
    advance(smsc)

    first = [caller.hear() for _ in range(3)]
    full = silent(caller)
    caller.say(pack_pdu(get_response_id(DELIVER_SM), first[1].sequence, b"\0"))

    assert full
    assert caller.hear().sequence == 4


@pytest.mark.behaviour(40)
@pytest.mark.parametrize("body", [b"\0", b"", b"some-id\0"])
def test_a_receipt_is_acknowledged_in_many_ways(smsc: Smsc, body: bytes) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc)

    receipt(caller, body=body)

    assert deliveries(smsc)[0]["state"] == "delivered"
    assert smsc.api.get("/_emulator/smpp/sessions").body[0]["delivered"] == 1


@pytest.mark.behaviour(41)
@pytest.mark.manual("SMP-06")
def test_a_reply_never_comes_by_smpp(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(push_url="http://127.0.0.1:9/mo")
    caller = smsc.bind()
    message = caller.submit(2)
    advance(smsc)

    reply = {"number": "4498987282", "text": "si", "message": message}
    assert smsc.api.post("/_emulator/inbound", json=reply).status == 200

    assert silent(caller)
    assert [each["kind"] for each in deliveries(smsc)] == ["moPush"]


def test_a_world_carried_elsewhere_still_owes_its_receipts(
    smsc: Smsc, make_smsc: MakeSmsc
) -> None:
    caller = smsc.bind()
    told = caller.submit(2, registered=1)
    advance(smsc)
    receipt(caller)
    owed = caller.submit(3, registered=1)
    snapshot = smsc.api.get("/_emulator/world/snapshot").body
    elsewhere = make_smsc()
    elsewhere.api.post("/_emulator/world/restore", json=snapshot)
    there = elsewhere.bind()

    advance(elsewhere)

    assert told != owed
    assert receipt(there).tlvs[RECEIPTED_MESSAGE_ID] == b"%d\0" % owed
    assert silent(there)


def test_a_world_that_is_reset_owes_nothing(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc)
    asked = caller.hear()

    smsc.api.post("/_emulator/world/reset")
    caller.say(pack_pdu(get_response_id(DELIVER_SM), asked.sequence, b"\0"))
    advance(smsc)

    assert silent(caller)
    assert deliveries(smsc) == []


@pytest.mark.behaviour(31)
def test_each_recipient_of_many_has_a_receipt(smsc: Smsc) -> None:
    caller = smsc.bind()
    addresses = [b"\1\1\1" + pack_text(each) for each in ("4498987282", FAILED)]
    body = pack_text("") + b"\0\0" + pack_text("74342") + b"\2" + b"".join(addresses)
    body += bytes(3) + b"\0\0" + b"\1\0\0\0" + b"\4hola"
    caller.ask(pack_pdu(SUBMIT_MULTI, 2, body))

    advance(smsc)

    got = [receipt(caller) for _ in range(2)]
    assert [each.source[2].decode() for each in got] == ["4498987282", FAILED]
    assert [each.tlvs[MESSAGE_STATE] for each in got] == [b"\x02", b"\x05"]


# --- Faults --------------------------------------------------------------------------


def fault(smsc: Smsc, operation: str = "deliver_sm", **effect: Any) -> None:
    rule = {"operation": operation, "first": 1, "effect": effect}
    answer = smsc.api.post("/_emulator/faults", json=rule)
    assert answer.status == 200, answer.body


def two(smsc: Smsc) -> tuple[SmppClient, list[bytes]]:
    """Send two messages, let them arrive, and return who waits and their ids."""
    caller = smsc.bind()
    ids = [b"%d\0" % caller.submit(each, registered=1) for each in (2, 3)]
    advance(smsc)
    return caller, ids


def test_a_receipt_can_be_lost(smsc: Smsc) -> None:
    fault(smsc, wire="hang")
    caller, ids = two(smsc)

    assert receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] == ids[1]
    assert [each["state"] for each in deliveries(smsc)] == ["lost", "delivered"]


def test_a_receipt_can_come_twice(smsc: Smsc) -> None:
    fault(smsc, pdu="duplicated")
    caller, ids = two(smsc)

    got = [receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] for _ in range(3)]

    assert got == [ids[0], ids[0], ids[1]]


def test_receipts_can_come_out_of_order(smsc: Smsc) -> None:
    fault(smsc, pdu="swapped")
    caller, ids = two(smsc)

    got = [receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] for _ in range(2)]

    assert got == ids[::-1]


def test_receipts_can_come_in_swapped_pairs(smsc: Smsc) -> None:
    rule = {"operation": "deliver_sm", "effect": {"pdu": "swapped"}}
    smsc.api.post("/_emulator/faults", json=rule)
    caller = smsc.bind()
    ids = [b"%d\0" % caller.submit(each, registered=1) for each in range(2, 6)]

    advance(smsc)

    got = [receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] for _ in ids]
    assert got == [ids[each] for each in (1, 0, 3, 2)]


def test_a_receipt_that_lets_another_go_first_does_not_leave_with_its_client(
    smsc: Smsc,
) -> None:
    fault(smsc, pdu="swapped")
    caller = smsc.bind()
    message = caller.submit(2, registered=1)
    advance(smsc)
    waits = silent(caller)

    caller.hang_up()
    caller.turn()

    assert waits
    assert receipt(smsc.bind()).tlvs[RECEIPTED_MESSAGE_ID] == b"%d\0" % message


def test_a_receipt_that_lets_another_go_first_does_not_outlive_its_world(
    smsc: Smsc,
) -> None:
    fault(smsc, pdu="swapped")
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc)

    smsc.api.post("/_emulator/world/reset")
    message = caller.submit(3, registered=1)
    advance(smsc)

    assert receipt(caller).tlvs[RECEIPTED_MESSAGE_ID] == b"%d\0" % message
    assert silent(caller)


def test_a_receipt_can_be_late(smsc: Smsc) -> None:
    fault(smsc, delay=600)
    caller, ids = two(smsc)

    first = receipt(caller).tlvs[RECEIPTED_MESSAGE_ID]
    assert silent(caller)
    advance(smsc, 601)

    assert [first, receipt(caller).tlvs[RECEIPTED_MESSAGE_ID]] == ids[::-1]


def test_a_receipt_can_come_before_the_answer(smsc: Smsc) -> None:
    fault(smsc, "submit_sm", pdu="early_receipt")
    caller = smsc.bind()

    caller.say(pack_submit(2, registered=1))
    early = receipt(caller)
    answer = caller.hear()
    advance(smsc)

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
def test_a_receipt_can_say_something_wrong(smsc: Smsc, pdu: str, words: str) -> None:
    fault(smsc, pdu=pdu)
    caller, _ = two(smsc)

    got = receipt(caller)

    assert re.search(words, got.short.decode())
    assert bool(got.tlvs) is (pdu != "no_tlvs")


def test_a_receipt_can_end_the_line(smsc: Smsc) -> None:
    fault(smsc, wire="close")
    _, ids = two(smsc)

    again = smsc.bind(command=BIND_RECEIVER)
    got = {receipt(again).tlvs[RECEIPTED_MESSAGE_ID] for _ in range(2)}
    assert got == set(ids)
