"""Why SMPP says no, and what the journal keeps of that: the whole sentence."""

from collections.abc import Callable, Mapping
from contextlib import closing
from typing import Any, NamedTuple

import pytest

from emulator.domain.command_status import CommandStatus
from emulator.world.journal import EXCHANGE_OVERHEAD
from tests.smpp.test_submissions import cancel, multi, number, replaced
from tests.support.emulator import make_limited_emulator, run_control
from tests.support.smpp import (
    DELIVER_SM,
    MESSAGE_PAYLOAD,
    QUERY_SM,
    SUBMIT_SM,
    MakeSmsc,
    SmppClient,
    Smsc,
    get_response_id,
    open_smsc,
    pack_bind,
    pack_message,
    pack_pdu,
    pack_submit,
    pack_text,
    pack_tlv,
)

FIRST = 46608336
TIME = "is not YYMMDDhhmmsstnnp"


class Why(NamedTuple):
    octets: bytes
    status: CommandStatus
    says: str
    world: Mapping[str, Any] = {}


def sent(
    status: CommandStatus, says: str, /, world: Mapping[str, Any] = {}, **fields: Any
) -> Why:
    return Why(pack_submit(2, **fields), status, says, world)


def asked(command: int, body: bytes, status: CommandStatus, says: str) -> Why:
    return Why(pack_pdu(command, 2, body), status, says)


def a_bind(**fields: Any) -> Mapping[str, Any]:
    return {"binds": [{"system_id": "demo", "password": "demo", **fields}]}


LONG_HEADER = bytes((9,)) + b"hola"
WHYS = [
    sent(CommandStatus.ESME_RINVSERTYP, "service_type: over 5", service_type="x" * 6),
    sent(CommandStatus.ESME_RINVSRCADR, "source_addr: over 20 octets", source="1" * 21),
    sent(
        CommandStatus.ESME_RINVSRCADR,
        "demo sends as Acme, Other",
        world=a_bind(senders=["Acme", "Other"]),
        source="Nobody",
    ),
    sent(
        CommandStatus.ESME_RINVDSTADR,
        "'123' is not ten digits, or 52 or 521 and ten",
        to="123",
    ),
    sent(
        CommandStatus.ESME_RINVESMCLASS,
        "esm_class 0x04 is of no type that a client sends",
        esm_class=4,
    ),
    sent(
        CommandStatus.ESME_RINVESMCLASS,
        "the user data header is longer than the message",
        esm_class=0x40,
        short=LONG_HEADER,
    ),
    sent(CommandStatus.ESME_RINVPRTFLG, "priority_flag 4", priority=4),
    sent(
        CommandStatus.ESME_RINVDFTMSGID,
        "there is no predefined message 7",
        default_id=7,
    ),
    sent(
        CommandStatus.ESME_RINVREGDLVFLG,
        "registered_delivery 0x43 has reserved bits",
        registered=0x43,
    ),
    sent(
        CommandStatus.ESME_RINVMSGLEN,
        "short_message and message_payload are both given",
        tlvs=pack_tlv(MESSAGE_PAYLOAD, b"hola"),
    ),
    sent(CommandStatus.ESME_RINVSCHED, f"schedule: 'soon' {TIME}", schedule="soon"),
    sent(
        CommandStatus.ESME_RINVSCHED,
        "schedule: 49 quarters of an hour are more than 48",
        schedule="260302190000049+",
    ),
    sent(
        CommandStatus.ESME_RINVSCHED,
        "schedule: month must be in 1..12",
        schedule="261302190000000+",
    ),
    sent(
        CommandStatus.ESME_RINVSCHED,
        "the scheduled date has passed",
        world={"strict": True},
        schedule="260302170000000+",
    ),
    sent(CommandStatus.ESME_RINVEXPIRY, f"validity: 'soon' {TIME}", validity="soon"),
    sent(
        CommandStatus.ESME_RINVEXPIRY,
        "the validity has passed by then",
        validity="260302180000000+",
    ),
    sent(
        CommandStatus.ESME_RSUBMITFAIL,
        "1 is needed and 0.99 is left",
        world={
            "account": {
                "user": "a@example.org",
                "name": "Ana",
                "surname": "Ruiz",
                "time_zone": "America/Mexico_City",
                "credit": 0.99,
            }
        },
    ),
    Why(multi(2), CommandStatus.ESME_RINVNUMDESTS, "submit_multi names no destination"),
    Why(
        multi(2, number("1"), b"\2friends\0"),
        CommandStatus.ESME_RINVDSTADR,
        "none of the destinations is one",
    ),
    asked(
        QUERY_SM,
        pack_text("7") + bytes(3),
        CommandStatus.ESME_RQUERYFAIL,
        "demo has no message '7'",
    ),
    Why(cancel(2, "x"), CommandStatus.ESME_RCANCELFAIL, "demo has no message 'x'"),
    Why(
        cancel(2, "", "74342", "5512345678"),
        CommandStatus.ESME_RCANCELFAIL,
        "no such message is pending",
    ),
    Why(
        replaced(2, 7, b"x"), CommandStatus.ESME_RREPLACEFAIL, "demo has no message '7'"
    ),
]


def told(smsc: Smsc, last: int = 1) -> Any:
    """Return the newest exchanges of the journal, or the only one."""
    found = run_control(smsc.api, "GET", f"journal?last={last}")["exchanges"]
    return found if last > 1 else found[0]


@pytest.mark.parametrize("why", WHYS, ids=lambda why: why.says)
def test_what_is_declined_says_why_in_the_journal(
    make_smsc: MakeSmsc, why: Why
) -> None:
    smsc = make_smsc(**why.world)

    answer = smsc.bind().ask(why.octets)

    assert (answer.status, answer.body) == (why.status, b"")
    row = told(smsc)
    assert (row["status"], row["why"]) == (why.status, why.says)
    assert row["response"]["pdu"]["command_status"] == why.status.name


@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (cancel(5, str(FIRST)), CommandStatus.ESME_RCANCELFAIL),
        (replaced(5, FIRST, b"x"), CommandStatus.ESME_RREPLACEFAIL),
    ],
)
def test_a_message_that_was_sent_is_not_pending(
    smsc: Smsc, octets: bytes, status: CommandStatus
) -> None:
    caller = smsc.bind()
    caller.submit(2)
    run_control(smsc.api, "POST", "clock/advance", json={"seconds": 60})

    assert caller.ask(octets).status == status
    assert told(smsc)["why"] == f"message {FIRST} is not pending any more"


def test_a_message_of_another_sender_says_so(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, source="Acme")

    answer = caller.ask(cancel(3, str(FIRST), source="Other"))

    assert answer.status == CommandStatus.ESME_RCANCELFAIL
    assert told(smsc)["why"] == f"message {FIRST} has another sender"


def test_a_list_of_recipients_and_what_is_none_are_named_in_the_answer(
    smsc: Smsc,
) -> None:
    answer = smsc.bind().ask(multi(2, number("4498987282"), b"\2friends\0"))

    assert answer.body.endswith(b"\1\0\0friends\0\0\0\0\x34")
    assert told(smsc)["why"] == ""  # the message was taken


BINDS = [
    (
        {"password": "wrong"},
        {},
        CommandStatus.ESME_RINVPASWD,
        "the password is another",
    ),
    (
        {},
        {"services": {"smpp": False}},
        CommandStatus.ESME_RBINDFAIL,
        "the world file switches services.smpp off",
    ),
]


@pytest.mark.parametrize(("fields", "world", "status", "says"), BINDS)
def test_a_bind_that_is_declined_says_why(
    make_smsc: MakeSmsc,
    fields: Mapping[str, Any],
    world: Mapping[str, Any],
    status: CommandStatus,
    says: str,
) -> None:
    smsc = make_smsc(**world)

    answer = smsc.connect().ask(pack_bind(**fields))

    assert answer.status == status
    assert (told(smsc)["operation"], told(smsc)["why"]) == ("bind_transceiver", says)


def test_limits_of_a_bind_say_which(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(**a_bind(binds=1, rate=1, window=1))
    caller = smsc.bind()
    second = smsc.connect().ask(pack_bind())
    assert second.status == CommandStatus.ESME_RBINDFAIL
    assert told(smsc)["why"] == "demo may be bound 1 times"

    caller.submit(2)
    assert caller.ask(pack_submit(3)).status == CommandStatus.ESME_RTHROTTLED
    assert told(smsc)["why"] == "demo may send 1 messages a second"

    run_control(smsc.api, "POST", "clock/advance", json={"seconds": 1})
    late = {"operation": "submit_sm", "effect": {"delay": 60}, "first": 1}
    run_control(smsc.api, "POST", "faults", json=late)
    caller.say(pack_submit(4))
    assert caller.ask(pack_submit(5)).status == CommandStatus.ESME_RMSGQFUL
    assert told(smsc)["why"] == "demo may have 1 requests unanswered"


def test_a_bind_to_a_route_that_is_gone_says_so(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(**a_bind(route=170))
    caller = smsc.bind()
    run_control(smsc.api, "DELETE", "account/routes/170")

    assert caller.ask(pack_submit(2)).status == CommandStatus.ESME_RSUBMITFAIL
    assert told(smsc)["why"] == "the bind's route does not exist"


def test_a_full_world_says_so() -> None:
    with closing(make_limited_emulator(messages=0)) as api, open_smsc(api) as smsc:
        assert smsc.bind().ask(pack_submit(2)).status == CommandStatus.ESME_RMSGQFUL
        assert told(smsc)["why"] == (
            "the world holds 0 of 0 messages (--max-messages); reset it, or use another"
        )


def test_a_mistake_of_ours_says_where_to_look(
    smsc: Smsc, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(
        "emulator.operations.platform.smpp.smpp.make_submission", broken
    )

    assert smsc.bind().ask(pack_submit(2)).status == CommandStatus.ESME_RSYSERR
    assert told(smsc)["why"] == (
        "the emulator made a mistake; its log has the traceback"
    )
    assert caplog.messages == ["command 0x4 failed"]


# --- What is no request, or no PDU -------------------------------------------

NO_PLACE = "the session has no place for it, or it is malformed"


def unknown(caller: SmppClient) -> None:
    caller.ask(pack_pdu(0xEE, 2))


def too_short(caller: SmppClient) -> None:
    caller.ask(pack_pdu(SUBMIT_SM, 2, b"x"))


def broken_parameter(caller: SmppClient) -> None:
    caller.ask(pack_submit(2, tlvs=b"\1"))


def bound_again(caller: SmppClient) -> None:
    caller.ask(pack_bind(sequence=2))


def centre_s(caller: SmppClient) -> None:
    caller.ask(pack_pdu(DELIVER_SM, 2, pack_message("1", b"x")))


class Strange(NamedTuple):
    """What a client says, what that is called, and how it is answered."""

    say: Callable[[SmppClient], None]
    operation: str
    answer: str
    malformed: bool
    status: str


STRANGE = [
    Strange(
        unknown, "unknown", "generic_nack", malformed=True, status="ESME_RINVCMDID"
    ),
    Strange(
        too_short,
        "submit_sm",
        "submit_sm_resp",
        malformed=True,
        status="ESME_RINVCMDLEN",
    ),
    Strange(
        broken_parameter,
        "submit_sm",
        "submit_sm_resp",
        malformed=True,
        status="ESME_RINVOPTPARSTREAM",
    ),
    Strange(
        bound_again,
        "bind_transceiver",
        "bind_transceiver_resp",
        malformed=False,
        status="ESME_RALYBND",
    ),
    Strange(
        centre_s, "deliver_sm", "generic_nack", malformed=False, status="ESME_RINVCMDID"
    ),
]


@pytest.mark.parametrize("strange", STRANGE, ids=lambda each: each.status)
def test_what_has_no_place_in_a_session_is_kept_as_it_came(
    smsc: Smsc, strange: Strange
) -> None:
    strange.say(smsc.bind())

    row = told(smsc)
    assert (row["operation"], row["method"], row["path"]) == (
        strange.operation,
        "ESME",
        "/demo/1",
    )
    assert row["why"] == NO_PLACE
    assert row["request"]["pdu"].get("malformed", False) is strange.malformed
    assert "malformed" not in row["response"]["pdu"]
    assert row["response"]["pdu"]["command"] == strange.answer
    assert row["response"]["pdu"]["command_status"] == strange.status
    assert row["response"]["pdu"]["sequence_number"] == 2


def test_octets_without_an_end_are_kept_before_the_line_is_cut(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.say(b"\0\0\0\1" + bytes(12))
    caller.rest()
    caller.turn()

    broken, closed = told(smsc, 2)
    assert (broken["operation"], broken["why"]) == ("unknown", NO_PLACE)
    assert broken["response"]["pdu"]["command_status"] == "ESME_RINVCMDLEN"
    assert broken["request"]["pdu"] == {}
    assert (closed["operation"], closed["why"]) == ("closed", "")


def test_an_answer_to_nothing_is_kept(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.say(pack_pdu(get_response_id(DELIVER_SM), 9, b"\0"))
    caller.say(pack_pdu(get_response_id(SUBMIT_SM), 9))
    caller.turn()

    rows = told(smsc, 2)
    assert [each["why"] for each in rows] == ["it answers nothing that was asked"] * 2
    assert [each["request"]["pdu"]["command"] for each in rows] == [
        "deliver_sm_resp",
        "submit_sm_resp",
    ]
    assert {(each["status"], each["response"]["octets"]) for each in rows} == {(0, 0)}


def test_a_receipt_without_an_answer_says_why(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"response_timer": 0.05, "enquire_link_timer": 0})
    caller = smsc.bind()
    caller.submit(2, registered=1)
    run_control(smsc.api, "POST", "clock/advance", json={"seconds": 60})
    caller.hear()
    caller.hear()  # once more, as its time was up
    row = told(smsc)
    caller.hang_up()
    caller.turn()
    rows = told(smsc, 3)

    assert (row["operation"], row["method"]) == ("deliver_sm", "SMSC")
    assert row["why"] == "a deliver_sm was not answered in time"
    assert [(each["operation"], each["why"]) for each in rows][-2:] == [
        ("closed", ""),
        ("deliver_sm", "the session ended"),
    ]


def test_what_comes_of_a_receipt_is_advised_about(smsc: Smsc) -> None:
    caller = smsc.bind()
    for sequence in (2, 3, 4):
        caller.submit(sequence, registered=1)
    run_control(smsc.api, "POST", "clock/advance", json={"seconds": 60})
    for status in (0, CommandStatus.ESME_RX_P_APPN, 0x400):
        packet = caller.hear()
        octets = pack_pdu(get_response_id(DELIVER_SM), packet.sequence, b"\0")
        caller.say(octets[:8] + int(status).to_bytes(4, "big") + octets[12:])
        caller.turn()

    found = run_control(smsc.api, "GET", "deliveries")["deliveries"]
    attempts = [each["attempts"][0] for each in found]
    assert [
        (each["verdict"], each["status"], each["explanation"]) for each in attempts
    ] == [
        ("accepted", 0, ""),
        (
            "bad_status",
            0x65,
            "answer deliver_sm with ESME_ROK, not with ESME_RX_P_APPN",
        ),
        ("bad_status", 0x400, "answer deliver_sm with ESME_ROK, not with 0x400"),
    ]
    assert {(each["method"], each["url"]) for each in attempts} == {
        ("deliver_sm", "smpp:demo/1")
    }
    assert [each["state"] for each in found] == ["delivered", "given_up", "given_up"]


def test_a_receipt_that_was_cut_off_is_advised_about(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    run_control(smsc.api, "POST", "clock/advance", json={"seconds": 60})
    caller.hear()
    caller.hang_up()
    caller.turn()

    (done,) = run_control(smsc.api, "GET", "deliveries")["deliveries"]
    (attempt,) = done["attempts"]
    assert (attempt["verdict"], attempt["status"]) == ("timed_out", 0)
    assert attempt["explanation"] == (
        "no deliver_sm_resp came before the session ended or its timer did"
    )
    assert done["parameters"] == {
        "response": done["parameters"]["response"],
        "cellphone": 4498987282,
        "message_id": FIRST,
        "state": "DELIVRD",
        "date": "2026-03-02 12:00:11",
    }


def test_pdus_in_a_text_are_named_by_their_status(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2)
    caller.ask(pack_submit(3, priority=4))
    hang = {"operation": "submit_sm", "effect": {"wire": "hang"}}
    run_control(smsc.api, "POST", "faults", json=hang)
    caller.say(pack_submit(4))
    caller.turn()

    order = {"operation": "submit_sm", "exactly": 0}
    seen = run_control(smsc.api, "POST", "journal/verify", json=order)["explanation"]

    at, flag = "2026-03-02T18:00:00.000000Z", "priority_flag 4"
    assert seen.splitlines() == [
        "expected exactly 0, seen 3: operation=submit_sm",
        "what matches:",
        f"#2 {at} submit_sm ESME_ROK to 4498987282: hola",
        f"#3 {at} submit_sm ESME_RINVPRTFLG to 4498987282: hola (refused: {flag})",
        f"#4 {at} submit_sm unanswered to 4498987282 by fault f1: hola",
        "what else came:",
        f"#1 {at} bind_transceiver ESME_ROK: /demo/1 (not submit_sm)",
    ]


def test_an_exchange_takes_what_is_kept_of_it(smsc: Smsc) -> None:
    caller = smsc.bind()
    journal = smsc.api.world.journal
    before, octets = journal.octets, pack_submit(2, priority=4)

    caller.ask(octets)

    why, path, answer = "priority_flag 4", "/demo/1", 16
    kept = len(octets) + answer + len(path) + 2 * len(why)
    assert journal.octets - before == kept + EXCHANGE_OVERHEAD
