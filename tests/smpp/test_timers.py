"""What a centre does because time passes; its timers are made short."""

import pytest

from emulator.domain.command_status import CommandStatus
from tests.smpp import packed
from tests.smpp.conftest import MakePhone
from tests.smpp.packed import Packet, resp

SOON = 0.05  # seconds of the wall
OFF = {
    "session_init_timer": 0,
    "enquire_link_timer": 0,
    "response_timer": 0,
    "inactivity_timer": 0,
}


@pytest.mark.behaviour(4, 21)
def test_who_does_not_bind_is_let_go(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={**OFF, "session_init_timer": SOON})
    bound = phone.bound()

    assert phone.call().is_cut()
    assert bound.submit()


@pytest.mark.behaviour(4, 21)
def test_who_is_refused_may_try_again_until_the_timer_is_up(
    make_phone: MakePhone,
) -> None:
    caller = make_phone(smpp={**OFF, "session_init_timer": SOON}).call()

    refused = caller.ask(packed.bind(password="wrong"))

    assert refused.status == CommandStatus.ESME_RINVPASWD
    assert caller.is_cut()


@pytest.mark.behaviour(19, 21)
def test_a_silent_client_is_asked_and_let_go(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={**OFF, "enquire_link_timer": SOON, "response_timer": SOON})
    caller = phone.bound()

    asked = [caller.hear()]
    caller.say(packed.packet(resp(packed.ENQUIRE_LINK), 1))
    asked.append(caller.hear())

    assert asked == [Packet(packed.ENQUIRE_LINK, 0, each, b"") for each in (1, 2)]
    assert caller.is_cut()


@pytest.mark.behaviour(21)
def test_who_says_nothing_for_too_long_is_unbound(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={**OFF, "inactivity_timer": SOON, "response_timer": SOON})
    caller = phone.bound()

    assert caller.hear() == Packet(packed.UNBIND, 0, 1, b"")
    assert caller.is_cut()


@pytest.mark.behaviour(21)
@pytest.mark.parametrize("operation", ["*", "submit_sm"])
def test_enquire_link_is_answered_while_traffic_is_late(
    make_phone: MakePhone, operation: str
) -> None:
    phone = make_phone()
    rule = {"operation": operation, "effect": {"delay": 60}}
    caller = phone.bound()
    phone.api.post("/_emulator/faults", json=rule)

    caller.say(packed.submit(2), packed.packet(packed.ENQUIRE_LINK, 3))

    assert caller.hear() == Packet(resp(packed.ENQUIRE_LINK), 0, 3, b"")
    phone.api.post("/_emulator/clock/advance", json={"seconds": 60})
    assert caller.hear()[1:3] == (0, 2)


@pytest.mark.behaviour(21)
def test_enquire_link_is_ignored_where_a_fault_says_so(make_phone: MakePhone) -> None:
    phone = make_phone()
    rule = {"operation": "enquire_link", "effect": {"wire": "hang"}, "first": 1}
    caller = phone.bound()
    phone.api.post("/_emulator/faults", json=rule)

    caller.say(*(packed.packet(packed.ENQUIRE_LINK, each) for each in (2, 3)))

    assert caller.hear().sequence == 3


@pytest.mark.behaviour(21)
def test_timers_of_a_bind_are_those_of_its_world(make_phone: MakePhone) -> None:
    phone = make_phone(smpp=OFF)
    phone.api.send(
        "PATCH", "/_emulator/account", json={"smpp": {"enquire_link_timer": SOON}}
    )

    assert phone.bound().hear().command == packed.ENQUIRE_LINK
