"""Moments of an SMPP connection that are easily missed: closing, cut, full."""

from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from emulator.smsc.connection import PDUS_PER_TURN
from tests.smpp.test_receipts import deliveries, receipt, silent
from tests.support.emulator import run_control, send_control
from tests.support.smpp import (
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    SUBMIT_SM,
    UNBIND,
    MakeSmsc,
    Pdu,
    SmppClient,
    Smsc,
    get_response_id,
    pack_pdu,
    pack_submit,
    unpack_deliver,
)

SUBMITTED = get_response_id(SUBMIT_SM)
UNBIND_PDU = pack_pdu(UNBIND, 2)


def advance(smsc: Smsc, seconds: float = 60) -> None:
    run_control(smsc.api, "POST", "clock/advance", json={"seconds": seconds})


def fault(smsc: Smsc, effect: Any, operation: str = "submit_sm", **rule: Any) -> None:
    rule = {"operation": operation, "effect": effect, **(rule or {"first": 1})}
    run_control(smsc.api, "POST", "faults", json=rule)


def placed(smsc: Smsc) -> int:
    return len(smsc.api.world.campaigns)


def test_what_comes_behind_an_unbind_has_no_place(smsc: Smsc) -> None:
    caller = smsc.bind()

    caller.say(UNBIND_PDU, pack_submit(3), pack_pdu(ENQUIRE_LINK, 4))

    assert caller.hear() == Pdu(get_response_id(UNBIND), 0, 2, b"")
    assert caller.hear() == Pdu(SUBMITTED, CommandStatus.ESME_RINVBNDSTS, 3, b"")
    assert caller.hear() == Pdu(get_response_id(ENQUIRE_LINK), 0, 4, b"")
    assert placed(smsc) == 0


@pytest.mark.parametrize("wire", ["close", "reset"])
@pytest.mark.parametrize(("phase", "carried_out"), [("before", 0), ("after", 1)])
def test_what_comes_behind_a_line_that_is_cut_is_not_carried_out(
    smsc: Smsc, wire: str, phase: str, carried_out: int
) -> None:
    fault(smsc, {"wire": wire}, phase=phase)
    caller = smsc.bind()

    caller.say(*(pack_submit(each) for each in range(2, 6)))

    assert caller.is_cut()
    assert placed(smsc) == carried_out
    caller.turn()
    assert run_control(smsc.api, "GET", "smpp/sessions") == []


def test_what_comes_behind_octets_without_a_boundary_is_not_read(smsc: Smsc) -> None:
    caller = smsc.bind()

    caller.say(pack_submit(2), b"\0\0\0\1" + bytes(12), pack_submit(3))

    assert caller.hear().sequence == 2
    assert caller.hear().command == GENERIC_NACK
    assert caller.rest() == b""
    assert placed(smsc) == 1


def test_what_was_answered_before_the_line_is_cut_arrives(smsc: Smsc) -> None:
    fault(smsc, {"wire": "close"}, nth=3)
    caller = smsc.bind()

    caller.say(*(pack_submit(each) for each in range(2, 6)))

    assert [caller.hear().sequence for _ in range(2)] == [2, 3]
    assert caller.rest() == b""
    assert placed(smsc) == 2


def test_a_line_that_is_closing_is_sent_no_receipt(smsc: Smsc) -> None:
    leaving = smsc.bind()
    leaving.submit(2, registered=1)

    # the cut and the receipt fall into one turn of the loop
    smsc.api.send_together(
        ("POST", "/_emulator/clock/advance", {"seconds": 60}),
        ("DELETE", "/_emulator/smpp/sessions/1", None),
    )

    assert leaving.rest() == b""
    assert b"stat:DELIVRD" in receipt(smsc.bind()).short
    assert [each["state"] for each in deliveries(smsc)] == ["delivered"]
    assert [len(each["attempts"]) for each in deliveries(smsc)] == [1]


def test_who_has_unbound_is_sent_no_receipt(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    caller.ask(UNBIND_PDU)

    advance(smsc)

    assert silent(caller)
    assert [each["state"] for each in deliveries(smsc)] == ["due"]
    assert b"stat:DELIVRD" in receipt(smsc.bind()).short


def test_an_acknowledgement_behind_an_unbind_counts(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc)
    asked = caller.hear()

    answer = pack_pdu(get_response_id(DELIVER_SM), asked.sequence, b"\0")
    caller.say(UNBIND_PDU, answer)
    caller.hear()
    caller.turn()

    (done,) = deliveries(smsc)
    assert (done["state"], done["attempts"][0]["verdict"]) == ("delivered", "accepted")


def test_a_session_can_be_cut_once(smsc: Smsc) -> None:
    caller = smsc.bind()
    first = send_control(smsc.api, "DELETE", "smpp/sessions/1")
    assert caller.is_cut()
    caller.turn()

    second = send_control(smsc.api, "DELETE", "smpp/sessions/1")

    assert (first.status, second.status) == (200, 404)


def test_a_reset_world_keeps_its_sessions(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)

    run_control(smsc.api, "POST", "world/reset")

    assert caller.submit(3, registered=1) == 46608336
    advance(smsc)
    assert b"stat:DELIVRD" in receipt(caller).short
    assert run_control(smsc.api, "GET", "smpp/sessions")[0]["submitted"] == 2


def test_more_than_a_turn_of_requests_is_answered_in_order(smsc: Smsc) -> None:
    caller = smsc.bind()
    count = 2 * PDUS_PER_TURN + 1

    caller.say(*(pack_submit(each) for each in range(2, 2 + count)))

    answers = [caller.hear() for _ in range(count)]
    assert [each.sequence for each in answers] == [*range(2, 2 + count)]
    assert {each.status for each in answers} == {0}
    assert PDUS_PER_TURN == 32


def test_who_leaves_within_a_turn_has_asked_for_what_was_carried_out(
    smsc: Smsc,
) -> None:
    caller = smsc.bind()
    caller.say(*(pack_submit(each) for each in range(2, 2 + 3 * PDUS_PER_TURN)))
    caller.reset()
    for _ in range(10):
        caller.turn()

    assert placed(smsc) % PDUS_PER_TURN == 0  # whole turns, and nothing after the end
    assert run_control(smsc.api, "GET", "smpp/sessions") == []
    charged = {each.amount for each in smsc.api.world.movements}
    assert charged <= {-1_000_000}
    assert len(smsc.api.world.movements) == placed(smsc)


def test_a_drip_holds_back_what_comes_behind_it(smsc: Smsc) -> None:
    fault(smsc, {"wire": "drip", "seconds": 17}, phase="after")
    caller = smsc.bind()
    caller.say(pack_submit(2), pack_pdu(ENQUIRE_LINK, 3))
    caller.turn()

    advance(smsc, 16)
    waiting = len(smsc.api.world.delayed_answers)
    advance(smsc, 1)

    answer, alive = caller.hear(), caller.hear()
    assert waiting > 0
    assert (answer.command, answer.sequence) == (SUBMITTED, 2)
    assert (alive.command, alive.sequence) == (get_response_id(ENQUIRE_LINK), 3)


def test_a_drip_on_a_line_that_has_gone_ends_without_a_word(smsc: Smsc) -> None:
    fault(smsc, {"wire": "drip", "seconds": 17}, phase="after")
    caller = smsc.bind()
    caller.say(pack_submit(2))
    caller.turn()
    waiting = len(smsc.api.world.delayed_answers)

    caller.reset()
    caller.turn()
    advance(smsc, 60)

    assert waiting > 0
    assert smsc.api.world.delayed_answers == {}


def test_half_an_answer_is_the_last_word(smsc: Smsc) -> None:
    fault(smsc, {"wire": "truncated"}, phase="after")
    caller = smsc.bind()
    caller.say(pack_submit(2, registered=1), pack_submit(3))
    caller.turn()
    advance(smsc)

    half = caller.run(caller.reader.read(1_000))
    caller.hang_up()

    assert len(half) == (16 + len(b"46608336\0")) // 2
    assert placed(smsc) == 2


def test_receipts_wait_while_a_receiver_has_no_room(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"receiver_window": 2})
    caller = smsc.bind()
    for each in range(2, 7):
        caller.submit(each, registered=1)
    advance(smsc)

    first = [caller.hear() for _ in range(2)]
    assert silent(caller)
    answer = pack_pdu(get_response_id(DELIVER_SM), first[0].sequence, b"\0")
    caller.say(answer)
    third = caller.hear()

    assert silent(caller)
    ids = [unpack_deliver(each.body).short[:11] for each in (*first, third)]
    assert len({*ids}) == 3


def stranger(caller: SmppClient) -> Pdu:
    return caller.ask(pack_pdu(ENQUIRE_LINK, 9))


def test_a_world_that_is_gone_takes_its_clients_with_it_and_no_others(
    smsc: Smsc,
) -> None:
    gone = smsc.bind(system_id="world-other", password="x")
    stays = smsc.bind()
    open_one = smsc.connect()

    run_control(smsc.api, "DELETE", "world?world=other")

    assert gone.is_cut()
    assert stranger(stays).sequence == 9
    assert stranger(open_one).sequence == 9  # who is not bound yet
