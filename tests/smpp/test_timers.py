"""What a centre does because time passes; its timers are made short."""

import pytest

from emulator.domain.command_status import CommandStatus
from tests.support.smpp import (
    ENQUIRE_LINK,
    UNBIND,
    MakeSmsc,
    Pdu,
    get_response_id,
    pack_bind,
    pack_pdu,
    pack_submit,
)

SOON = 0.05  # seconds of the wall
OFF = {
    "session_init_timer": 0,
    "enquire_link_timer": 0,
    "response_timer": 0,
    "inactivity_timer": 0,
}


@pytest.mark.behaviour(4, 21)
def test_who_does_not_bind_is_let_go(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={**OFF, "session_init_timer": SOON})
    bound = smsc.bind()

    assert smsc.connect().is_cut()
    assert bound.submit()


@pytest.mark.behaviour(4, 21)
def test_who_is_refused_may_try_again_until_the_timer_is_up(
    make_smsc: MakeSmsc,
) -> None:
    caller = make_smsc(smpp={**OFF, "session_init_timer": SOON}).connect()

    refused = caller.ask(pack_bind(password="wrong"))

    assert refused.status == CommandStatus.ESME_RINVPASWD
    assert caller.is_cut()


@pytest.mark.behaviour(19, 21)
def test_a_silent_client_is_asked_and_let_go(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={**OFF, "enquire_link_timer": SOON, "response_timer": SOON})
    caller = smsc.bind()

    asked = [caller.hear()]
    caller.say(pack_pdu(get_response_id(ENQUIRE_LINK), 1))
    asked.append(caller.hear())

    assert asked == [Pdu(ENQUIRE_LINK, 0, each, b"") for each in (1, 2)]
    assert caller.is_cut()


@pytest.mark.behaviour(21)
def test_who_says_nothing_for_too_long_is_unbound(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={**OFF, "inactivity_timer": SOON, "response_timer": SOON})
    caller = smsc.bind()

    assert caller.hear() == Pdu(UNBIND, 0, 1, b"")
    assert caller.is_cut()


@pytest.mark.behaviour(21)
@pytest.mark.parametrize("operation", ["*", "submit_sm"])
def test_enquire_link_is_answered_while_traffic_is_late(
    make_smsc: MakeSmsc, operation: str
) -> None:
    smsc = make_smsc()
    rule = {"operation": operation, "effect": {"delay": 60}}
    caller = smsc.bind()
    smsc.api.post("/_emulator/faults", json=rule)

    caller.say(pack_submit(2), pack_pdu(ENQUIRE_LINK, 3))

    assert caller.hear() == Pdu(get_response_id(ENQUIRE_LINK), 0, 3, b"")
    smsc.api.post("/_emulator/clock/advance", json={"seconds": 60})
    assert caller.hear()[1:3] == (0, 2)


@pytest.mark.behaviour(21)
def test_enquire_link_is_ignored_where_a_fault_says_so(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc()
    rule = {"operation": "enquire_link", "effect": {"wire": "hang"}, "first": 1}
    caller = smsc.bind()
    smsc.api.post("/_emulator/faults", json=rule)

    caller.say(*(pack_pdu(ENQUIRE_LINK, each) for each in (2, 3)))

    assert caller.hear().sequence == 3


@pytest.mark.behaviour(21)
def test_timers_of_a_bind_are_those_of_its_world(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp=OFF)
    smsc.api.send(
        "PATCH", "/_emulator/account", json={"smpp": {"enquire_link_timer": SOON}}
    )

    assert smsc.bind().hear().command == ENQUIRE_LINK
