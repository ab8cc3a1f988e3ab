"""Validity, schedules, receipts and late answers meet each other, and other worlds."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from tests.smpp.test_receipts import deliveries, receipt, silent, text
from tests.smpp.test_submissions import (
    ABSENT,
    DELETED,
    DELIVERED,
    ENROUTE,
    EXPIRED,
    WHEN,
    cancel,
    multi,
    number,
    query,
    replaced,
    state_of,
    status_of,
    texts,
)
from tests.support.emulator import Api, make_emulator, run_control, send_control
from tests.support.smpp import (
    BIND_RECEIVER,
    BIND_TRANSMITTER,
    DATA_SM,
    DELIVER_SM,
    MESSAGE_PAYLOAD,
    SUBMIT_MULTI,
    SUBMIT_SM,
    MakeSmsc,
    SmppClient,
    Smsc,
    get_response_id,
    open_smsc,
    pack_pdu,
    pack_submit,
    pack_text,
    pack_tlv,
    unpack_deliver,
)
from tests.support.worlds import keep_worlds

UNKNOWN = 7
HOUR = "000000010000000R"
HALF = "000000003000000R"  # half an hour
SMS = "campaigns/sms/8528238"
FIRST = 46608336


def advance(smsc: Smsc, seconds: float) -> Any:
    order = {"seconds": seconds}
    return run_control(smsc.api, "POST", "clock/advance", json=order)


def events(run: Any) -> list[tuple[str, str]]:
    """Return what happened to campaigns, and when: ``(18:00:01, inserted)``."""
    return [
        (each["at"][11:19], each["event"])
        for each in run["events"]
        if "channel" in each
    ]


def fate(caller: SmppClient, message: int = FIRST) -> tuple[str, int, int]:
    """Return how a message ended, whose receipt comes first."""
    receipt(caller)
    return query(caller, message)


def polled(smsc: Smsc, campaign: int = 8528238) -> Any:
    return smsc.api.get(f"/api/v3/campaign/{campaign}/messages").body


# --- Validity ----------------------------------------------------------------


@pytest.fixture
def expired(smsc: Smsc) -> SmppClient:
    """Return a client whose message was not delivered within its hour."""
    caller = smsc.bind()
    assert caller.submit(2, ABSENT, validity=HOUR, registered=1) == FIRST
    return caller


def test_a_message_that_expires_is_final_at_that_instant(
    smsc: Smsc, expired: SmppClient
) -> None:
    run = advance(smsc, 3599)
    before = polled(smsc)
    last = advance(smsc, 1)
    after = polled(smsc)

    assert (before["percentage"], after["percentage"]) == (0, 100)
    assert [each["data"][0]["status"] for each in (before, after)] == [
        "retried",
        "failed",
    ]
    sent = [each["data"][0]["sent_date"] for each in (before, after)]
    assert sent == ["2026-03-02 12:00:11"] * 2
    assert events(run) == [("18:00:01", "inserted"), ("18:00:11", "sent")]
    assert events(last) == [("19:00:00", "completed")]
    assert "done date:2603021300 stat:EXPIRED err:000" in text(expired)


def test_a_message_that_has_expired_leaves_nothing_to_happen(
    smsc: Smsc, expired: SmppClient
) -> None:
    advance(smsc, 3600)
    receipt(expired)

    assert run_control(smsc.api, "GET", "clock/pending")["pending"] == []
    assert events(advance(smsc, 10 * 86_400)) == []
    assert silent(expired)
    assert state_of(expired, FIRST) == EXPIRED


@pytest.mark.parametrize(
    ("ask", "status"),
    [
        (cancel(5, str(FIRST)), CommandStatus.ESME_RCANCELFAIL),
        (cancel(5, "", "74342", ABSENT), CommandStatus.ESME_RCANCELFAIL),
        (replaced(5, FIRST, b"otra"), CommandStatus.ESME_RREPLACEFAIL),
    ],
)
@pytest.mark.parametrize("schedule", ["", "000000003000000R"])
def test_a_message_that_has_expired_is_neither_given_up_nor_replaced(
    smsc: Smsc, ask: bytes, status: CommandStatus, schedule: str
) -> None:
    caller = smsc.bind()
    caller.submit(2, ABSENT, validity=HOUR, schedule=schedule)
    advance(smsc, 3600)

    assert status_of(caller, ask) == status
    assert state_of(caller, FIRST) == EXPIRED
    assert texts(smsc) == ["hola"]


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ("cancel", "The campaign can no longer be cancelled"),
        ("pause", "The campaign cannot be paused"),
    ],
)
def test_staff_can_do_nothing_about_a_message_that_has_expired(
    smsc: Smsc, expired: SmppClient, change: str, title: str
) -> None:
    advance(smsc, 3599)
    offered = run_control(smsc.api, "GET", SMS)["changes"]
    advance(smsc, 1)

    answer = send_control(smsc.api, "POST", f"{SMS}/{change}")

    assert (answer.status, answer.body["title"]) == (422, title)
    assert answer.body["detail"] == "campaign 8528238 is complete"
    assert fate(expired)[1] == EXPIRED
    assert offered == ["pause", "cancel", "mark_unknown"]
    assert run_control(smsc.api, "GET", SMS)["changes"] == []


def test_a_message_that_was_delivered_in_time_does_not_expire(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = caller.submit(2, validity=HOUR, registered=1)

    run = advance(smsc, 2 * 3600)

    assert events(run) == [("18:00:01", "inserted"), ("18:00:11", "completed")]
    assert "done date:2603021200 stat:DELIVRD" in text(caller)
    assert query(caller, message) == ("260302180011000+", DELIVERED, 0)
    assert polled(smsc)["data"][0]["status"] == "sent"


def test_of_many_those_expire_that_are_not_final(smsc: Smsc) -> None:
    caller = smsc.bind()
    octets = multi(2, number("4498987282"), number(ABSENT), number("9990001000"))
    validity = pack_text(HOUR)
    at = octets.index(bytes(3) + b"\0\0" + bytes(4) + b"\4hola") + 4
    octets = octets[:at] + validity + octets[at + 1 :]
    octets = pack_pdu(SUBMIT_MULTI, 2, octets[16:])
    assert caller.ask(octets).status == 0

    advance(smsc, 3599)
    before = polled(smsc)
    advance(smsc, 1)
    after = polled(smsc)

    assert [each["status"] for each in before["data"]] == ["sent", "retried", "failed"]
    assert [each["status"] for each in after["data"]] == ["sent", "failed", "failed"]
    assert (before["percentage"], after["percentage"]) == (66, 100)
    assert query(caller, FIRST) == ("260302190000000+", EXPIRED, 0)


def test_a_validity_that_ends_before_its_schedule_is_declined(smsc: Smsc) -> None:
    caller = smsc.bind()
    before = smsc.api.balance()

    answers = [
        caller.ask(pack_submit(each, schedule=HOUR, validity=validity))
        for each, validity in enumerate((HALF, HOUR, "000000010001000R"), start=2)
    ]

    wrong = CommandStatus.ESME_RINVEXPIRY
    assert [each.status for each in answers] == [wrong, wrong, 0]
    assert before - smsc.api.balance() == 1
    found = run_control(smsc.api, "GET", "journal?operation=submit_sm")["exchanges"]
    why = "the validity has passed by then"
    assert [each["why"] for each in found] == [why, why, ""]


def test_a_message_whose_validity_ends_before_it_is_sent_is_never_sent(
    smsc: Smsc,
) -> None:
    caller = smsc.bind()
    message = caller.submit(2, validity=HOUR, registered=1)
    later = caller.ask(replaced(3, message, b"tarde", "000000020000000R"))

    run = advance(smsc, 4 * 3600)

    assert later.status == 0
    assert "stat:EXPIRED" in text(caller)
    assert query(caller, message) == ("260302190000000+", EXPIRED, 0)
    (row,) = polled(smsc)["data"]
    assert (row["status"], row["sent_date"]) == ("failed", None)
    assert events(run) == [("18:00:01", "inserted"), ("19:00:00", "completed")]


def test_a_paused_message_expires_all_the_same(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = caller.submit(2, schedule=HALF, validity=HOUR, registered=1)
    run_control(smsc.api, "POST", f"{SMS}/pause")
    waiting = state_of(caller, message)
    run = advance(smsc, 3600)

    assert waiting == ENROUTE
    assert events(run)[-1] == ("19:00:00", "completed")
    assert "stat:EXPIRED" in text(caller)
    assert query(caller, message) == (WHEN, EXPIRED, 0)
    assert polled(smsc)["percentage"] == 100
    assert send_control(smsc.api, "POST", f"{SMS}/cancel").status == 422


def test_a_message_that_was_given_up_does_not_expire(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = caller.submit(2, schedule=HALF, validity=HOUR, registered=1)
    assert status_of(caller, cancel(3, str(message))) == 0

    run = advance(smsc, 2 * 3600)

    assert "stat:DELETED" in text(caller)
    assert query(caller, message) == ("260302180000000+", DELETED, 0)
    assert silent(caller)
    assert events(run) == [("18:00:01", "inserted"), ("18:00:01", "canceled")]


@pytest.mark.parametrize(
    ("to", "validity", "registered", "says"),
    [
        (ABSENT, HALF, 1, "EXPIRED"),
        (ABSENT, HALF, 2, "EXPIRED"),
        ("4498987282", HALF, 2, ""),
        ("9990001000", HALF, 2, "UNDELIV"),
        (ABSENT, HALF, 0, ""),
    ],
)
def test_who_asks_for_failures_is_told_of_what_expired(
    smsc: Smsc, to: str, validity: str, registered: int, says: str
) -> None:
    caller = smsc.bind()
    caller.submit(2, to, validity=validity, registered=registered)

    advance(smsc, 3600)

    if says:
        assert f"stat:{says}" in text(caller)
    assert silent(caller)


def test_a_lost_campaign_is_unknown_to_everybody(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = caller.submit(2, ABSENT, validity=HALF, registered=1)
    advance(smsc, 60)
    run_control(smsc.api, "POST", f"{SMS}/mark-unknown")
    at_once = state_of(caller, message)

    advance(smsc, 3600)

    assert "stat:UNKNOWN" in text(caller)
    assert (at_once, state_of(caller, message)) == (UNKNOWN, UNKNOWN)
    assert status_of(caller, cancel(3, str(message))) == CommandStatus.ESME_RCANCELFAIL


# --- Replacing, and another state of the world -------------------------------


def pending(caller: SmppClient, sequence: int, short: bytes, **fields: Any) -> int:
    return caller.submit(sequence, short=short, schedule=HOUR, **fields)


def to_checkpoint(smsc: Smsc) -> None:
    run_control(smsc.api, "POST", "world/checkpoints/one/restore")


def to_snapshot(smsc: Smsc) -> None:
    held = run_control(
        smsc.api, "POST", "world/checkpoints/one/open", json={"name": "o"}
    )
    document = run_control(smsc.api, "GET", f"world/snapshot?world={held['name']}")
    run_control(smsc.api, "POST", "world/restore", json=document)


@pytest.mark.parametrize("back", [to_checkpoint, to_snapshot])
def test_a_world_that_was_put_back_knows_what_may_be_replaced(
    smsc: Smsc, back: Callable[[Smsc], None]
) -> None:
    caller = smsc.bind()
    first = pending(caller, 2, b"uno")
    newest = pending(caller, 3, b"dos")
    run_control(smsc.api, "POST", "world/checkpoints", json={"name": "one"})
    later = pending(caller, 4, b"tres")

    back(smsc)
    replacing = pending(caller, 5, b"cuatro", replace=1)

    assert replacing == later
    assert [state_of(caller, each) for each in (first, newest, replacing)] == [
        ENROUTE,
        DELETED,
        ENROUTE,
    ]
    assert texts(smsc) == ["uno", "dos", "cuatro"]


def test_a_world_that_was_reset_has_nothing_to_replace(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = pending(caller, 2, b"uno")

    run_control(smsc.api, "POST", "world/reset")
    again = pending(caller, 3, b"dos", replace=1)

    assert again == message
    assert state_of(caller, again) == ENROUTE
    assert texts(smsc) == ["dos"]


def test_a_fork_replaces_its_own_message_and_not_the_original_s(smsc: Smsc) -> None:
    caller = smsc.bind()
    message = pending(caller, 2, b"uno")
    run_control(smsc.api, "POST", "world/fork", json={"name": "copy"})
    copy = smsc.bind(system_id="world-copy", password="x")

    # another system_id is another client, so that it replaces nothing
    pending(copy, 2, b"dos", replace=1)
    assert state_of(caller, message) == ENROUTE
    states = [
        each["status"]
        for each in run_control(smsc.api, "GET", "messages?world=copy")["messages"]
    ]

    assert states == ["in progress", "in progress"]


def test_a_process_that_starts_anew_knows_what_may_be_replaced(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        message = pending(smsc.bind(), 2, b"uno")

    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        caller = smsc.bind()
        pending(caller, 2, b"dos", replace=1)

        assert state_of(caller, message) == DELETED


@pytest.mark.parametrize(("registered", "says"), [(0, ""), (1, "DELETED")])
def test_a_message_that_is_replaced_is_told_of_as_deleted(
    smsc: Smsc, registered: int, says: str
) -> None:
    caller = smsc.bind()
    pending(caller, 2, b"uno", registered=registered)

    caller.say(pack_submit(3, short=b"dos", schedule=HOUR, replace=1))
    assert caller.hear().sequence == 3

    if says:
        assert f"stat:{says}" in text(caller)
    assert silent(caller)


def test_what_is_replaced_without_credit_stays_as_it_was(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(account={**emulated_account(), "credit": 1})
    caller = smsc.bind()
    message = pending(caller, 2, b"uno")

    octets = pack_submit(3, short=b"dos", schedule=HOUR, replace=1)

    assert status_of(caller, octets) == CommandStatus.ESME_RSUBMITFAIL
    assert state_of(caller, message) == ENROUTE
    assert texts(smsc) == ["uno"]


def emulated_account() -> dict[str, Any]:
    with closing(make_emulator()) as api:
        account: dict[str, Any] = run_control(api, "GET", "account")["account"]
        return account


# --- Receipts, and another state of the world --------------------------------


def test_a_world_that_was_put_back_owes_its_receipt_again(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    run_control(smsc.api, "POST", "world/checkpoints", json={"name": "one"})
    advance(smsc, 60)
    asked = caller.hear()

    to_checkpoint(smsc)
    caller.say(pack_pdu(get_response_id(DELIVER_SM), asked.sequence, b"\0"))
    between = deliveries(smsc)
    advance(smsc, 60)
    receipt(caller)

    assert between == []
    (done,) = deliveries(smsc)
    assert (done["state"], len(done["attempts"])) == ("delivered", 1)
    assert run_control(smsc.api, "GET", "smpp/sessions")[0]["delivered"] == 1


def test_a_receipt_that_waits_is_kept_by_a_checkpoint(smsc: Smsc) -> None:
    sender = smsc.bind(command=BIND_TRANSMITTER)
    sender.submit(2, registered=1)
    advance(smsc, 60)
    run_control(smsc.api, "POST", "world/checkpoints", json={"name": "one"})
    receipt(smsc.bind(command=BIND_RECEIVER))

    to_checkpoint(smsc)
    receiver = smsc.clients[1]

    assert "stat:DELIVRD" in text(receiver)
    assert [each["state"] for each in deliveries(smsc)] == ["delivered"]


def test_a_client_whose_token_is_gone_stays_bound(smsc: Smsc) -> None:
    caller = smsc.bind()
    run_control(smsc.api, "DELETE", "tokens/demo?world=demo")

    message = caller.submit(2, registered=1)
    run_control(smsc.api, "POST", "clock/advance?world=demo", json={"seconds": 60})

    assert f"id:{message} " in text(caller)


def test_a_session_that_is_cut_leaves_its_receipts_to_the_next(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc, 60)
    asked = caller.hear()

    run_control(smsc.api, "DELETE", "smpp/sessions/1")

    assert caller.is_cut()
    assert receipt(smsc.bind()).short == unpack_deliver(asked.body).short


def test_a_receipt_waits_for_no_clock_that_stands(smsc: Smsc) -> None:
    sender = smsc.bind(command=BIND_TRANSMITTER)
    sender.submit(2, registered=1)
    advance(smsc, 60)

    assert "stat:DELIVRD" in text(smsc.bind(command=BIND_RECEIVER))


def test_a_client_that_asks_for_later_waits_for_the_world_s_clock(smsc: Smsc) -> None:
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc, 60)
    receipt(caller, status=CommandStatus.ESME_RX_T_APPN)

    advance(smsc, 59)
    early = silent(caller)
    run_control(smsc.api, "POST", "world/checkpoints", json={"name": "one"})
    advance(smsc, 1)
    receipt(caller)
    to_checkpoint(smsc)
    again = silent(caller)
    advance(smsc, 1)

    assert (early, again) == (True, True)
    assert "stat:DELIVRD" in text(caller)


# --- Answers that are late ---------------------------------------------------


def late(smsc: Smsc, operation: str, **rule: Any) -> None:
    rule = {"operation": operation, "phase": "after", "effect": {"delay": 60}, **rule}
    run_control(smsc.api, "POST", "faults", json=rule)


def data(sequence: int) -> bytes:
    body = pack_text("") + b"\0\0" + pack_text("74342") + b"\1\1"
    body += pack_text("4498987282") + b"\0\1\0"
    return pack_pdu(DATA_SM, sequence, body + pack_tlv(MESSAGE_PAYLOAD, b"hola"))


def many(sequence: int) -> bytes:
    body = multi(sequence, number("4498987282"))[16:]
    registered = len(body) - len(bytes(4) + b"\4hola")
    body = body[:registered] + b"\1" + body[registered + 1 :]
    return pack_pdu(SUBMIT_MULTI, sequence, body)


@pytest.mark.parametrize(
    ("operation", "octets"),
    [
        ("submit_sm", pack_submit(3, registered=1)),
        ("data_sm", data(3)),
        ("submit_multi", many(3)),
    ],
    ids=["submit_sm", "data_sm", "submit_multi"],
)
def test_a_receipt_comes_behind_the_late_answer_it_is_about(
    smsc: Smsc, operation: str, octets: bytes
) -> None:
    late(smsc, operation)
    caller = smsc.bind()
    caller.say(octets)
    caller.turn()

    advance(smsc, 59)
    early = silent(caller)
    advance(smsc, 2)

    assert early
    assert [caller.hear().command for _ in range(2)] == [
        get_response_id(int.from_bytes(octets[4:8], "big")),
        DELIVER_SM,
    ]


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("query_sm", lambda each: pack_text(str(each)) + bytes(3)),
        ("enquire_link", lambda _: b""),
        ("cancel_sm", lambda each: b"\0" + pack_text(str(each)) + bytes(6)),
    ],
)
def test_a_late_answer_to_something_else_holds_no_receipt_back(
    smsc: Smsc, operation: str, ask: Callable[[int], bytes]
) -> None:
    late(smsc, operation)
    caller = smsc.bind()
    scheduled = caller.submit(2, schedule=HOUR)
    caller.submit(3, registered=1)
    command = {"query_sm": 3, "enquire_link": 0x15, "cancel_sm": 8}[operation]
    caller.say(pack_pdu(command, 4, ask(scheduled)))
    caller.turn()

    advance(smsc, 12)
    first = caller.hear()
    advance(smsc, 60)
    second = caller.hear()

    assert (first.command, second.command) == (DELIVER_SM, get_response_id(command))
    assert second.status == 0


def test_a_late_answer_to_one_client_holds_no_receipt_of_another_back(
    make_smsc: MakeSmsc,
) -> None:
    binds = [{"system_id": each, "password": "x"} for each in ("one", "other")]
    smsc = make_smsc(binds=binds)
    late(smsc, "submit_sm", token="one")
    one, other = (smsc.bind(system_id=each, password="x") for each in ("one", "other"))
    other.submit(2, registered=1)
    one.say(pack_submit(2, registered=1))
    one.turn()
    other.submit(3, registered=1)

    advance(smsc, 12)

    assert [receipt(other).short[:11] for _ in range(2)] == [
        b"id:46608336",
        b"id:46608338",
    ]


def test_what_a_cut_session_waits_for_holds_nobody_up(smsc: Smsc) -> None:
    late(smsc, "submit_sm")
    caller = smsc.bind()
    caller.say(pack_submit(2))
    caller.turn()
    waiting = run_control(smsc.api, "GET", "clock/pending")["pending"]

    run_control(smsc.api, "DELETE", "smpp/sessions/1")
    caller.turn()
    run = run_control(smsc.api, "POST", "clock/settle", json={})

    assert "delayed" in [each["event"] for each in waiting]
    assert "delayed" not in [each["event"] for each in run["events"]]


def test_a_late_answer_comes_though_the_world_was_reset(smsc: Smsc) -> None:
    late(smsc, "submit_sm")
    caller = smsc.bind()
    caller.say(pack_submit(2, registered=1))
    caller.turn()

    run_control(smsc.api, "POST", "world/reset")
    advance(smsc, 60)

    assert caller.hear() == (get_response_id(SUBMIT_SM), 0, 2, b"%d\0" % FIRST)
    assert silent(caller)
    assert texts(smsc) == []


def test_a_late_answer_before_the_work_is_done_in_the_world_as_it_is_then(
    smsc: Smsc,
) -> None:
    rule = {"operation": "submit_sm", "effect": {"delay": 60}}
    run_control(smsc.api, "POST", "faults", json=rule)
    caller = smsc.bind()
    caller.say(pack_submit(2, validity=HALF))
    caller.turn()

    before = texts(smsc)
    advance(smsc, 60)
    answer = caller.hear()
    (shown,) = run_control(smsc.api, "GET", "campaigns")

    assert before == []
    assert answer.status == 0
    assert shown["created"] == "2026-03-02 12:01:00"
    assert state_of(caller, FIRST) == ENROUTE


# --- Rates, limits and clocks ------------------------------------------------


def test_a_rate_is_of_the_world_s_seconds_however_they_pass(
    make_smsc: MakeSmsc,
) -> None:
    binds = [{"system_id": "demo", "password": "demo", "rate": 1}]
    smsc = make_smsc(binds=binds)
    caller = smsc.bind()

    def statuses() -> list[int]:
        return [status_of(caller, pack_submit(each)) for each in (2, 3)]

    throttled = [0, int(CommandStatus.ESME_RTHROTTLED)]
    assert statuses() == throttled
    run_control(smsc.api, "POST", "world/checkpoints", json={"name": "one"})
    advance(smsc, 1)
    assert statuses() == throttled
    to_checkpoint(smsc)
    assert statuses()[0] == 0  # a second that comes again is another


def test_what_is_declined_holds_no_credit_and_no_id(api: Api) -> None:
    with open_smsc(api) as smsc:
        caller = smsc.bind()
        before = api.balance()
        wrong = pack_submit(2, validity="260302170000000+")

        assert status_of(caller, wrong) == CommandStatus.ESME_RINVEXPIRY
        assert caller.submit(3) == FIRST
        assert before - api.balance() == 1


def test_a_receipt_that_a_fault_holds_back_is_nobody_s_yet(smsc: Smsc) -> None:
    late = {"operation": "deliver_sm", "effect": {"delay": 600}, "first": 1}
    run_control(smsc.api, "POST", "faults", json=late)
    caller = smsc.bind()
    caller.submit(2, registered=1)
    advance(smsc, 60)
    assert silent(caller)

    sent = send_control(smsc.api, "POST", "deliveries/1/send")

    assert sent.status == 200
    assert "stat:DELIVRD" in text(caller)
    assert [each["state"] for each in deliveries(smsc)] == ["delivered"]
    advance(smsc, 600)
    assert silent(caller)
