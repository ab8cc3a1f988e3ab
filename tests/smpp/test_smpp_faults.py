"""What a test asks to go wrong over SMPP."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from emulator.domain.command_status import CommandStatus
from tests.properties import examples
from tests.smpp import packed
from tests.smpp.dialled import Caller, Phone
from tests.smpp.packed import GENERIC_NACK, Packet, resp

SUBMITTED = resp(packed.SUBMIT_SM)
ID = b"46608336\0"


def fault(phone: Phone, operation: str = "submit_sm", **rule: Any) -> Any:
    return add(phone, operation=operation, **{"first": 1, **rule})


def add(phone: Phone, **rule: Any) -> Any:
    answer = phone.api.post("/_emulator/faults", json=rule)
    assert answer.status == 200, answer.body
    return answer.body


def advance(phone: Phone, seconds: float) -> None:
    phone.api.post("/_emulator/clock/advance", json={"seconds": seconds})


def sent(phone: Phone) -> int:
    return len(phone.api.world.campaigns)


@pytest.mark.parametrize("status", [0x58, "ESME_RTHROTTLED"])
@pytest.mark.parametrize(("phase", "placed"), [("before", 1), ("after", 2)])
def test_any_status_can_be_answered(
    phone: Phone, status: int | str, phase: str, placed: int
) -> None:
    rule = fault(phone, phase=phase, effect={"command_status": status})
    caller = phone.bound()

    answers = [caller.ask(packed.submit(each)) for each in (2, 3)]

    assert answers[0] == Packet(SUBMITTED, 0x58, 2, b"")
    assert answers[1].status == 0
    assert sent(phone) == placed
    assert rule["effect"] == {"command_status": 0x58}
    (struck,) = phone.api.get("/_emulator/faults").body
    assert (struck["matched"], struck["applied"]) == (2, 1)


def test_a_status_that_there_is_not_is_refused(phone: Phone) -> None:
    answer = phone.api.post(
        "/_emulator/faults", json={"effect": {"command_status": "ESME_RWRONG"}}
    )

    assert answer.status == 422


def test_a_rule_may_look_at_recipient_fields_and_client(phone: Phone) -> None:
    effect = {"command_status": 0x14}
    add(phone, operation="submit_sm", number="7282", effect=effect)
    add(phone, operation="submit_sm", body={"source_addr": "Acme"}, effect=effect)
    add(phone, operation="submit_sm", token="world-acme", effect=effect)
    caller = phone.bound()

    orders = (
        packed.submit(2),
        packed.submit(3, "5512345678"),
        packed.submit(4, "5512345678", source="Acme"),
    )
    statuses = [caller.ask(each).status for each in orders]

    assert statuses == [0x14, 0, 0x14]


@pytest.mark.parametrize(("phase", "at_once"), [("before", 0), ("after", 1)])
def test_an_answer_can_be_late(phone: Phone, phase: str, at_once: int) -> None:
    fault(phone, phase=phase, effect={"delay": 5})
    caller = phone.bound()

    caller.say(packed.submit(2), packed.submit(3))
    prompt = caller.hear()
    early = sent(phone)
    advance(phone, 5)
    late = caller.hear()

    assert (prompt.sequence, late.sequence) == (3, 2)
    assert (early, sent(phone)) == (1 + at_once, 2)
    assert late.status == 0


def test_who_hangs_up_meanwhile_has_asked_for_nothing(phone: Phone) -> None:
    fault(phone, effect={"delay": 5})
    caller = phone.bound()
    caller.say(packed.submit(2))
    caller.turn()

    caller.hang_up()
    caller.turn()
    advance(phone, 5)

    assert sent(phone) == 0
    assert phone.api.world.delayed_answers == {}


def test_an_answer_can_be_missing(phone: Phone) -> None:
    fault(phone, effect={"wire": "hang"})
    caller = phone.bound()

    caller.say(packed.submit(2))

    assert caller.ask(packed.submit(3)).sequence == 3
    assert sent(phone) == 1


TWISTED = {
    "wrong_sequence": lambda octets: octets[2] == 2 ^ 0x55555555,
    "nack": lambda octets: (
        octets == Packet(GENERIC_NACK, CommandStatus.ESME_RSYSERR, 2, b"")
    ),
}


@pytest.mark.parametrize("pdu", TWISTED)
def test_an_answer_can_be_another(phone: Phone, pdu: str) -> None:
    fault(phone, effect={"pdu": pdu})
    caller = phone.bound()

    assert TWISTED[pdu](caller.ask(packed.submit(2)))
    assert caller.submit(3)


def test_an_answer_can_come_twice(phone: Phone) -> None:
    fault(phone, effect={"pdu": "duplicated"})
    caller = phone.bound()

    caller.say(packed.submit(2))

    assert [caller.hear() for _ in range(2)] == [Packet(SUBMITTED, 0, 2, ID)] * 2
    assert sent(phone) == 1


def test_an_answer_can_come_after_the_next(phone: Phone) -> None:
    fault(phone, effect={"pdu": "swapped"})
    caller = phone.bound()

    caller.say(packed.submit(2), packed.submit(3))

    assert [caller.hear().sequence for _ in range(2)] == [3, 2]


def test_answers_can_come_in_swapped_pairs(phone: Phone) -> None:
    add(phone, operation="submit_sm", effect={"pdu": "swapped"})
    caller = phone.bound()

    caller.say(*(packed.submit(each) for each in range(2, 6)))

    assert [caller.hear().sequence for _ in range(4)] == [3, 2, 5, 4]


def test_a_length_can_be_wrong(phone: Phone) -> None:
    fault(phone, effect={"pdu": "wrong_length"})
    caller = phone.bound()

    caller.say(packed.submit(2))

    head = caller.run(caller.reader.readexactly(25))
    assert int.from_bytes(head[:4], "big") == 25 + 16
    assert head[4:] == packed.packet(SUBMITTED, 2, ID)[4:]


def test_an_answer_can_be_garbage(phone: Phone) -> None:
    fault(phone, effect={"pdu": "garbage"})
    caller = phone.bound()

    caller.say(packed.submit(2))

    first = caller.run(caller.reader.readexactly(32))
    assert int.from_bytes(first[:4], "big") not in range(16, 100)


def test_half_an_answer_can_be_the_last_that_comes(phone: Phone) -> None:
    fault(phone, effect={"wire": "truncated"})
    caller = phone.bound()

    caller.say(packed.submit(2), packed.submit(3))
    advance(phone, 1)
    caller.writer.write_eof()

    assert caller.rest() == packed.packet(SUBMITTED, 2, ID)[:12]
    assert sent(phone) == 2


def test_an_answer_can_come_octet_by_octet(phone: Phone) -> None:
    fault(phone, effect={"wire": "drip", "seconds": 25})
    caller = phone.bound()
    caller.say(packed.submit(2), packed.submit(3))
    whole = packed.packet(SUBMITTED, 2, ID)
    seen = b""

    for _ in range(3):
        advance(phone, 1)
        seen += caller.run(caller.reader.readexactly(1))
    advance(phone, 22)

    assert seen == whole[:3]
    assert caller.run(caller.reader.readexactly(22)) == whole[3:]
    assert caller.hear().sequence == 3


@pytest.mark.parametrize(
    ("effect", "answered"),
    [
        ({"wire": "close"}, False),
        ({"wire": "reset"}, False),
        ({"pdu": "then_close"}, True),
        ({"pdu": "then_reset"}, True),
    ],
)
def test_the_line_can_break_before_the_answer_or_after_it(
    phone: Phone, effect: dict[str, str], *, answered: bool
) -> None:
    fault(phone, effect=effect)
    caller = phone.bound()

    caller.say(packed.submit(2))

    if answered and "reset" not in effect["pdu"]:
        assert caller.hear() == Packet(SUBMITTED, 0, 2, ID)
    assert ended(caller)
    assert sent(phone) == answered


def ended(caller: Caller) -> bool:
    """Whether the other side has ended the connection, whatever came before."""
    try:
        caller.rest()
    except ConnectionResetError:
        return True
    return caller.reader.at_eof()


def test_the_centre_can_unbind_after_an_answer(phone: Phone) -> None:
    fault(phone, effect={"pdu": "then_unbind"})
    caller = phone.bound()

    answer = caller.ask(packed.submit(2))
    unbind = caller.hear()
    caller.say(packed.packet(resp(packed.UNBIND), unbind.sequence))

    assert answer.status == 0
    assert unbind == Packet(packed.UNBIND, 0, 1, b"")
    assert caller.is_cut()


def test_a_bind_can_be_refused(phone: Phone) -> None:
    fault(phone, "bind_transceiver", effect={"command_status": "ESME_RBINDFAIL"})
    caller = phone.call()

    refused = caller.ask(packed.bind())

    assert refused.status == CommandStatus.ESME_RBINDFAIL
    assert caller.ask(packed.submit(2)).status == CommandStatus.ESME_RINVBNDSTS
    assert caller.ask(packed.bind(sequence=3)).status == 0


def test_a_bind_can_be_left_without_an_answer(phone: Phone) -> None:
    fault(phone, "bind_transceiver", effect={"wire": "hang"})
    caller = phone.call()

    caller.say(packed.bind())

    assert caller.ask(packed.packet(packed.ENQUIRE_LINK, 2)).sequence == 2
    assert phone.api.world.sessions == {}


def test_a_bind_can_be_late(phone: Phone) -> None:
    fault(phone, "bind_transceiver", effect={"delay": 3})
    caller = phone.call()
    caller.say(packed.bind())
    caller.turn()

    advance(phone, 3)

    assert caller.hear().status == 0
    assert caller.submit(2)


@pytest.mark.parametrize(
    "effect", [{"refusal": "SERVER_ERROR"}, {"status": 503}, {"wire": "not_json"}]
)
def test_what_only_http_can_feel_does_not_strike_here(
    phone: Phone, effect: dict[str, Any]
) -> None:
    add(phone, effect=effect)

    assert phone.bound().submit()
    assert phone.api.get("/_emulator/faults").body[0]["matched"] == 0


@pytest.mark.parametrize("effect", [{"command_status": 8}, {"pdu": "duplicated"}])
def test_what_only_smpp_can_feel_does_not_strike_there(
    phone: Phone, effect: dict[str, Any]
) -> None:
    add(phone, effect=effect)

    assert phone.api.get("/api/v1/user").status == 200
    assert phone.api.get("/_emulator/faults").body[0]["matched"] == 0


def test_a_twist_needs_a_right_answer(phone: Phone) -> None:
    rule = {"phase": "before", "effect": {"pdu": "duplicated"}}

    assert phone.api.post("/_emulator/faults", json=rule).status == 422


def test_the_fault_that_struck_is_in_the_journal(phone: Phone) -> None:
    rule = fault(phone, effect={"command_status": 0x58})
    phone.bound().ask(packed.submit(2))

    kept = phone.api.get("/_emulator/journal?operation=submit_sm").body["exchanges"]

    assert [each["fault"] for each in kept] == [rule["id"]]


TURNS = (
    *("wrong_sequence", "duplicated", "swapped", "nack", "wrong_length", "garbage"),
    *("then_close", "then_reset", "then_unbind", "early_receipt"),
)
WRONGS: list[dict[str, Any]] = [
    *({"wire": each} for each in ("hang", "close", "reset", "truncated")),
    *({"pdu": each} for each in TURNS),
    {"wire": "drip", "seconds": 3},
    {"command_status": 0x58},
    {"delay": 3},
]


@pytest.mark.behaviour(43)
@pytest.mark.parametrize("effect", WRONGS, ids=str)
@examples(10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_submit_is_charged_once_whatever_goes_wrong(
    phone: Phone, effect: dict[str, Any], data: st.DataObject
) -> None:
    every = data.draw(st.integers(1, 4))
    stream = b"".join(packed.submit(each, registered=1) for each in range(2, 12))
    cut = data.draw(st.integers(0, len(stream)))
    leave = data.draw(st.sampled_from(["hang_up", "reset"]))
    seconds = data.draw(st.sampled_from([0, 2, 20]))
    phone.api.send("DELETE", "/_emulator/faults")
    add(phone, operation="submit_sm", phase="after", every=every, effect=effect)
    caller = phone.bound()
    before = sent(phone)

    with suppress(OSError):  # the line may be gone already
        caller.say(stream[:cut])
        caller.turn()
        advance(phone, seconds)
        getattr(caller, leave)()
        caller.turn()

    told = phone.api.get("/_emulator/movements").body
    assert [each["reference"] for each in told["movements"]] == [
        *phone.api.world.campaigns
    ]
    assert {each["amount"] for each in told["movements"]} <= {-1}
    assert told["opening"] - sent(phone) == told["balance"] == phone.api.balance()
    assert 0 <= sent(phone) - before <= cut // len(packed.submit(2))
