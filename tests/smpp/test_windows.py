"""Moments of an SMPP connection that are easily missed: closing, cut, full."""

from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from emulator.smsc.connection import PDUS_PER_TURN
from tests.smpp import packed
from tests.smpp.conftest import MakePhone
from tests.smpp.dialled import Caller, Phone
from tests.smpp.packed import Packet, delivered, resp
from tests.smpp.test_receipts import deliveries, receipt, silent
from tests.steering import steer, steered

SUBMITTED = resp(packed.SUBMIT_SM)
UNBIND = packed.packet(packed.UNBIND, 2)


def advance(phone: Phone, seconds: float = 60) -> None:
    steered(phone.api, "POST", "clock/advance", json={"seconds": seconds})


def fault(phone: Phone, effect: Any, operation: str = "submit_sm", **rule: Any) -> None:
    rule = {"operation": operation, "effect": effect, **(rule or {"first": 1})}
    steered(phone.api, "POST", "faults", json=rule)


def placed(phone: Phone) -> int:
    return len(phone.api.world.campaigns)


def test_what_comes_behind_an_unbind_has_no_place(phone: Phone) -> None:
    caller = phone.bound()

    caller.say(UNBIND, packed.submit(3), packed.packet(packed.ENQUIRE_LINK, 4))

    assert caller.hear() == Packet(resp(packed.UNBIND), 0, 2, b"")
    assert caller.hear() == Packet(SUBMITTED, CommandStatus.ESME_RINVBNDSTS, 3, b"")
    assert caller.hear() == Packet(resp(packed.ENQUIRE_LINK), 0, 4, b"")
    assert placed(phone) == 0


@pytest.mark.parametrize("wire", ["close", "reset"])
@pytest.mark.parametrize(("phase", "carried_out"), [("before", 0), ("after", 1)])
def test_what_comes_behind_a_line_that_is_cut_is_not_carried_out(
    phone: Phone, wire: str, phase: str, carried_out: int
) -> None:
    fault(phone, {"wire": wire}, phase=phase)
    caller = phone.bound()

    caller.say(*(packed.submit(each) for each in range(2, 6)))

    assert caller.is_cut()
    assert placed(phone) == carried_out
    caller.turn()
    assert steered(phone.api, "GET", "smpp/sessions") == []


def test_what_comes_behind_octets_without_a_boundary_is_not_read(phone: Phone) -> None:
    caller = phone.bound()

    caller.say(packed.submit(2), b"\0\0\0\1" + bytes(12), packed.submit(3))

    assert caller.hear().sequence == 2
    assert caller.hear().command == packed.GENERIC_NACK
    assert caller.rest() == b""
    assert placed(phone) == 1


def test_what_was_answered_before_the_line_is_cut_arrives(phone: Phone) -> None:
    fault(phone, {"wire": "close"}, nth=3)
    caller = phone.bound()

    caller.say(*(packed.submit(each) for each in range(2, 6)))

    assert [caller.hear().sequence for _ in range(2)] == [2, 3]
    assert caller.rest() == b""
    assert placed(phone) == 2


def test_a_line_that_is_closing_is_sent_no_receipt(phone: Phone) -> None:
    leaving = phone.bound()
    leaving.submit(2, registered=1)

    # the cut and the receipt fall into one turn of the loop
    phone.api.together(
        ("POST", "/_emulator/clock/advance", {"seconds": 60}),
        ("DELETE", "/_emulator/smpp/sessions/1", None),
    )

    assert leaving.rest() == b""
    assert b"stat:DELIVRD" in receipt(phone.bound()).short
    assert [each["state"] for each in deliveries(phone)] == ["delivered"]
    assert [len(each["attempts"]) for each in deliveries(phone)] == [1]


def test_who_has_unbound_is_sent_no_receipt(phone: Phone) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    caller.ask(UNBIND)

    advance(phone)

    assert silent(caller)
    assert [each["state"] for each in deliveries(phone)] == ["due"]
    assert b"stat:DELIVRD" in receipt(phone.bound()).short


def test_an_acknowledgement_behind_an_unbind_counts(phone: Phone) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone)
    asked = caller.hear()

    answer = packed.packet(resp(packed.DELIVER_SM), asked.sequence, b"\0")
    caller.say(UNBIND, answer)
    caller.hear()
    caller.turn()

    (done,) = deliveries(phone)
    assert (done["state"], done["attempts"][0]["verdict"]) == ("delivered", "accepted")


def test_a_session_can_be_cut_once(phone: Phone) -> None:
    caller = phone.bound()
    first = steer(phone.api, "DELETE", "smpp/sessions/1")
    assert caller.is_cut()
    caller.turn()

    second = steer(phone.api, "DELETE", "smpp/sessions/1")

    assert (first.status, second.status) == (200, 404)


def test_a_reset_world_keeps_its_sessions(phone: Phone) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)

    steered(phone.api, "POST", "world/reset")

    assert caller.submit(3, registered=1) == 46608336
    advance(phone)
    assert b"stat:DELIVRD" in receipt(caller).short
    assert steered(phone.api, "GET", "smpp/sessions")[0]["submitted"] == 2


def test_more_than_a_turn_of_requests_is_answered_in_order(phone: Phone) -> None:
    caller = phone.bound()
    count = 2 * PDUS_PER_TURN + 1

    caller.say(*(packed.submit(each) for each in range(2, 2 + count)))

    answers = [caller.hear() for _ in range(count)]
    assert [each.sequence for each in answers] == [*range(2, 2 + count)]
    assert {each.status for each in answers} == {0}
    assert PDUS_PER_TURN == 32


def test_who_leaves_within_a_turn_has_asked_for_what_was_carried_out(
    phone: Phone,
) -> None:
    caller = phone.bound()
    caller.say(*(packed.submit(each) for each in range(2, 2 + 3 * PDUS_PER_TURN)))
    caller.reset()
    for _ in range(10):
        caller.turn()

    assert placed(phone) % PDUS_PER_TURN == 0  # whole turns, and nothing after the end
    assert steered(phone.api, "GET", "smpp/sessions") == []
    charged = {each.amount for each in phone.api.world.movements}
    assert charged <= {-1_000_000}
    assert len(phone.api.world.movements) == placed(phone)


def test_a_drip_holds_back_what_comes_behind_it(phone: Phone) -> None:
    fault(phone, {"wire": "drip", "seconds": 17}, phase="after")
    caller = phone.bound()
    caller.say(packed.submit(2), packed.packet(packed.ENQUIRE_LINK, 3))
    caller.turn()

    advance(phone, 16)
    waiting = len(phone.api.world.delayed_answers)
    advance(phone, 1)

    answer, alive = caller.hear(), caller.hear()
    assert waiting > 0
    assert (answer.command, answer.sequence) == (SUBMITTED, 2)
    assert (alive.command, alive.sequence) == (resp(packed.ENQUIRE_LINK), 3)


def test_a_drip_on_a_line_that_has_gone_ends_without_a_word(phone: Phone) -> None:
    fault(phone, {"wire": "drip", "seconds": 17}, phase="after")
    caller = phone.bound()
    caller.say(packed.submit(2))
    caller.turn()
    waiting = len(phone.api.world.delayed_answers)

    caller.reset()
    caller.turn()
    advance(phone, 60)

    assert waiting > 0
    assert phone.api.world.delayed_answers == {}


def test_half_an_answer_is_the_last_word(phone: Phone) -> None:
    fault(phone, {"wire": "truncated"}, phase="after")
    caller = phone.bound()
    caller.say(packed.submit(2, registered=1), packed.submit(3))
    caller.turn()
    advance(phone)

    half = caller.run(caller.reader.read(1_000))
    caller.hang_up()

    assert len(half) == (16 + len(b"46608336\0")) // 2
    assert placed(phone) == 2


def test_receipts_wait_while_a_receiver_has_no_room(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={"receiver_window": 2})
    caller = phone.bound()
    for each in range(2, 7):
        caller.submit(each, registered=1)
    advance(phone)

    first = [caller.hear() for _ in range(2)]
    assert silent(caller)
    answer = packed.packet(resp(packed.DELIVER_SM), first[0].sequence, b"\0")
    caller.say(answer)
    third = caller.hear()

    assert silent(caller)
    ids = [delivered(each.body).short[:11] for each in (*first, third)]
    assert len({*ids}) == 3


def stranger(caller: Caller) -> Packet:
    return caller.ask(packed.packet(packed.ENQUIRE_LINK, 9))


def test_a_world_that_is_gone_takes_its_clients_with_it_and_no_others(
    phone: Phone,
) -> None:
    gone = phone.bound(system_id="world-other", password="x")
    stays = phone.bound()
    open_one = phone.call()

    steered(phone.api, "DELETE", "world?world=other")

    assert gone.is_cut()
    assert stranger(stays).sequence == 9
    assert stranger(open_one).sequence == 9  # who is not bound yet
