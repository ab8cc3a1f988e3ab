"""What a test asks to go wrong over SMPP."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from emulator.domain.command_status import CommandStatus
from tests.support.emulator import set_examples
from tests.support.smpp import (
    ENQUIRE_LINK,
    GENERIC_NACK,
    SUBMIT_SM,
    UNBIND,
    Pdu,
    SmppClient,
    Smsc,
    get_response_id,
    pack_bind,
    pack_pdu,
    pack_submit,
)

SUBMITTED = get_response_id(SUBMIT_SM)
ID = b"46608336\0"


def fault(smsc: Smsc, operation: str = "submit_sm", **rule: Any) -> Any:
    return add(smsc, operation=operation, **{"first": 1, **rule})


def add(smsc: Smsc, **rule: Any) -> Any:
    answer = smsc.api.post("/_emulator/faults", json=rule)
    assert answer.status == 200, answer.body
    return answer.body


def advance(smsc: Smsc, seconds: float) -> None:
    smsc.api.post("/_emulator/clock/advance", json={"seconds": seconds})


def sent(smsc: Smsc) -> int:
    return len(smsc.api.world.campaigns)


@pytest.mark.parametrize("status", [0x58, "ESME_RTHROTTLED"])
@pytest.mark.parametrize(("phase", "placed"), [("before", 1), ("after", 2)])
def test_any_status_can_be_answered(
    smsc: Smsc, status: int | str, phase: str, placed: int
) -> None:
    rule = fault(smsc, phase=phase, effect={"command_status": status})
    caller = smsc.bind()

    answers = [caller.ask(pack_submit(each)) for each in (2, 3)]

    assert answers[0] == Pdu(SUBMITTED, 0x58, 2, b"")
    assert answers[1].status == 0
    assert sent(smsc) == placed
    assert rule["effect"] == {"command_status": 0x58}
    (struck,) = smsc.api.get("/_emulator/faults").body
    assert (struck["matched"], struck["applied"]) == (2, 1)


def test_a_status_that_there_is_not_is_refused(smsc: Smsc) -> None:
    answer = smsc.api.post(
        "/_emulator/faults", json={"effect": {"command_status": "ESME_RWRONG"}}
    )

    assert answer.status == 422


def test_a_rule_may_look_at_recipient_fields_and_client(smsc: Smsc) -> None:
    effect = {"command_status": 0x14}
    add(smsc, operation="submit_sm", number="7282", effect=effect)
    add(smsc, operation="submit_sm", body={"source_addr": "Acme"}, effect=effect)
    add(smsc, operation="submit_sm", token="world-acme", effect=effect)
    caller = smsc.bind()

    orders = (
        pack_submit(2),
        pack_submit(3, "5512345678"),
        pack_submit(4, "5512345678", source="Acme"),
    )
    statuses = [caller.ask(each).status for each in orders]

    assert statuses == [0x14, 0, 0x14]


@pytest.mark.parametrize(("phase", "at_once"), [("before", 0), ("after", 1)])
def test_an_answer_can_be_late(smsc: Smsc, phase: str, at_once: int) -> None:
    fault(smsc, phase=phase, effect={"delay": 5})
    caller = smsc.bind()

    caller.say(pack_submit(2), pack_submit(3))
    prompt = caller.hear()
    early = sent(smsc)
    advance(smsc, 5)
    late = caller.hear()

    assert (prompt.sequence, late.sequence) == (3, 2)
    assert (early, sent(smsc)) == (1 + at_once, 2)
    assert late.status == 0


def test_who_hangs_up_meanwhile_has_asked_for_nothing(smsc: Smsc) -> None:
    fault(smsc, effect={"delay": 5})
    caller = smsc.bind()
    caller.say(pack_submit(2))
    caller.turn()

    caller.hang_up()
    caller.turn()
    advance(smsc, 5)

    assert sent(smsc) == 0
    assert smsc.api.world.delayed_answers == {}


def test_an_answer_can_be_missing(smsc: Smsc) -> None:
    fault(smsc, effect={"wire": "hang"})
    caller = smsc.bind()

    caller.say(pack_submit(2))

    assert caller.ask(pack_submit(3)).sequence == 3
    assert sent(smsc) == 1


TWISTED = {
    "wrong_sequence": lambda octets: octets[2] == 2 ^ 0x55555555,
    "nack": lambda octets: (
        octets == Pdu(GENERIC_NACK, CommandStatus.ESME_RSYSERR, 2, b"")
    ),
}


@pytest.mark.parametrize("pdu", TWISTED)
def test_an_answer_can_be_another(smsc: Smsc, pdu: str) -> None:
    fault(smsc, effect={"pdu": pdu})
    caller = smsc.bind()

    assert TWISTED[pdu](caller.ask(pack_submit(2)))
    assert caller.submit(3)


def test_an_answer_can_come_twice(smsc: Smsc) -> None:
    fault(smsc, effect={"pdu": "duplicated"})
    caller = smsc.bind()

    caller.say(pack_submit(2))

    assert [caller.hear() for _ in range(2)] == [Pdu(SUBMITTED, 0, 2, ID)] * 2
    assert sent(smsc) == 1


def test_an_answer_can_come_after_the_next(smsc: Smsc) -> None:
    fault(smsc, effect={"pdu": "swapped"})
    caller = smsc.bind()

    caller.say(pack_submit(2), pack_submit(3))

    assert [caller.hear().sequence for _ in range(2)] == [3, 2]


def test_answers_can_come_in_swapped_pairs(smsc: Smsc) -> None:
    add(smsc, operation="submit_sm", effect={"pdu": "swapped"})
    caller = smsc.bind()

    caller.say(*(pack_submit(each) for each in range(2, 6)))

    assert [caller.hear().sequence for _ in range(4)] == [3, 2, 5, 4]


def test_a_length_can_be_wrong(smsc: Smsc) -> None:
    fault(smsc, effect={"pdu": "wrong_length"})
    caller = smsc.bind()

    caller.say(pack_submit(2))

    head = caller.run(caller.reader.readexactly(25))
    assert int.from_bytes(head[:4], "big") == 25 + 16
    assert head[4:] == pack_pdu(SUBMITTED, 2, ID)[4:]


def test_an_answer_can_be_garbage(smsc: Smsc) -> None:
    fault(smsc, effect={"pdu": "garbage"})
    caller = smsc.bind()

    caller.say(pack_submit(2))

    first = caller.run(caller.reader.readexactly(32))
    assert int.from_bytes(first[:4], "big") not in range(16, 100)


def test_half_an_answer_can_be_the_last_that_comes(smsc: Smsc) -> None:
    fault(smsc, effect={"wire": "truncated"})
    caller = smsc.bind()

    caller.say(pack_submit(2), pack_submit(3))
    advance(smsc, 1)
    caller.writer.write_eof()

    assert caller.rest() == pack_pdu(SUBMITTED, 2, ID)[:12]
    assert sent(smsc) == 2


def test_an_answer_can_come_octet_by_octet(smsc: Smsc) -> None:
    fault(smsc, effect={"wire": "drip", "seconds": 25})
    caller = smsc.bind()
    caller.say(pack_submit(2), pack_submit(3))
    whole = pack_pdu(SUBMITTED, 2, ID)
    seen = b""

    for _ in range(3):
        advance(smsc, 1)
        seen += caller.run(caller.reader.readexactly(1))
    advance(smsc, 22)

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
    smsc: Smsc, effect: dict[str, str], *, answered: bool
) -> None:
    fault(smsc, effect=effect)
    caller = smsc.bind()

    caller.say(pack_submit(2))

    if answered and "reset" not in effect["pdu"]:
        assert caller.hear() == Pdu(SUBMITTED, 0, 2, ID)
    assert ended(caller)
    assert sent(smsc) == answered


def ended(caller: SmppClient) -> bool:
    """Whether the other side has ended the connection, whatever came before."""
    try:
        caller.rest()
    except ConnectionResetError:
        return True
    return caller.reader.at_eof()


def test_the_centre_can_unbind_after_an_answer(smsc: Smsc) -> None:
    fault(smsc, effect={"pdu": "then_unbind"})
    caller = smsc.bind()

    answer = caller.ask(pack_submit(2))
    unbind = caller.hear()
    caller.say(pack_pdu(get_response_id(UNBIND), unbind.sequence))

    assert answer.status == 0
    assert unbind == Pdu(UNBIND, 0, 1, b"")
    assert caller.is_cut()


def test_a_bind_can_be_refused(smsc: Smsc) -> None:
    fault(smsc, "bind_transceiver", effect={"command_status": "ESME_RBINDFAIL"})
    caller = smsc.connect()

    refused = caller.ask(pack_bind())

    assert refused.status == CommandStatus.ESME_RBINDFAIL
    assert caller.ask(pack_submit(2)).status == CommandStatus.ESME_RINVBNDSTS
    assert caller.ask(pack_bind(sequence=3)).status == 0


def test_a_bind_can_be_left_without_an_answer(smsc: Smsc) -> None:
    fault(smsc, "bind_transceiver", effect={"wire": "hang"})
    caller = smsc.connect()

    caller.say(pack_bind())

    assert caller.ask(pack_pdu(ENQUIRE_LINK, 2)).sequence == 2
    assert smsc.api.world.sessions == {}


def test_a_bind_can_be_late(smsc: Smsc) -> None:
    fault(smsc, "bind_transceiver", effect={"delay": 3})
    caller = smsc.connect()
    caller.say(pack_bind())
    caller.turn()

    advance(smsc, 3)

    assert caller.hear().status == 0
    assert caller.submit(2)


@pytest.mark.parametrize(
    "effect", [{"refusal": "SERVER_ERROR"}, {"status": 503}, {"wire": "not_json"}]
)
def test_what_only_http_can_feel_does_not_strike_here(
    smsc: Smsc, effect: dict[str, Any]
) -> None:
    add(smsc, effect=effect)

    assert smsc.bind().submit()
    assert smsc.api.get("/_emulator/faults").body[0]["matched"] == 0


@pytest.mark.parametrize("effect", [{"command_status": 8}, {"pdu": "duplicated"}])
def test_what_only_smpp_can_feel_does_not_strike_there(
    smsc: Smsc, effect: dict[str, Any]
) -> None:
    add(smsc, effect=effect)

    assert smsc.api.get("/api/v1/user").status == 200
    assert smsc.api.get("/_emulator/faults").body[0]["matched"] == 0


def test_a_twist_needs_a_right_answer(smsc: Smsc) -> None:
    rule = {"phase": "before", "effect": {"pdu": "duplicated"}}

    assert smsc.api.post("/_emulator/faults", json=rule).status == 422


def test_the_fault_that_struck_is_in_the_journal(smsc: Smsc) -> None:
    rule = fault(smsc, effect={"command_status": 0x58})
    smsc.bind().ask(pack_submit(2))

    kept = smsc.api.get("/_emulator/journal?operation=submit_sm").body["exchanges"]

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
@set_examples(10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_every_submit_is_charged_once_whatever_goes_wrong(
    smsc: Smsc, effect: dict[str, Any], data: st.DataObject
) -> None:
    every = data.draw(st.integers(1, 4))
    stream = b"".join(pack_submit(each, registered=1) for each in range(2, 12))
    cut = data.draw(st.integers(0, len(stream)))
    leave = data.draw(st.sampled_from(["hang_up", "reset"]))
    seconds = data.draw(st.sampled_from([0, 2, 20]))
    smsc.api.send("DELETE", "/_emulator/faults")
    add(smsc, operation="submit_sm", phase="after", every=every, effect=effect)
    caller = smsc.bind()
    before = sent(smsc)

    with suppress(OSError):  # the line may be gone already
        caller.say(stream[:cut])
        caller.turn()
        advance(smsc, seconds)
        getattr(caller, leave)()
        caller.turn()

    told = smsc.api.get("/_emulator/movements").body
    assert [each["reference"] for each in told["movements"]] == [
        *smsc.api.world.campaigns
    ]
    assert {each["amount"] for each in told["movements"]} <= {-1}
    assert told["opening"] - sent(smsc) == told["balance"] == smsc.api.balance()
    assert 0 <= sent(smsc) - before <= cut // len(pack_submit(2))
