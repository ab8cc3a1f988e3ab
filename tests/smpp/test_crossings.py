"""Validity, schedules, receipts and late answers meet each other, and other worlds."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from tests.emulated import Api, emulated
from tests.smpp import packed
from tests.smpp.conftest import MakePhone
from tests.smpp.dialled import Caller, Phone, listening
from tests.smpp.packed import resp
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
from tests.steering import steer, steered
from tests.stored import kept

UNKNOWN = 7
HOUR = "000000010000000R"
HALF = "000000003000000R"  # half an hour
SMS = "campaigns/sms/8528238"
FIRST = 46608336


def advance(phone: Phone, seconds: float) -> Any:
    order = {"seconds": seconds}
    return steered(phone.api, "POST", "clock/advance", json=order)


def events(run: Any) -> list[tuple[str, str]]:
    """Return what happened to campaigns, and when: ``(18:00:01, inserted)``."""
    return [
        (each["at"][11:19], each["event"])
        for each in run["events"]
        if "channel" in each
    ]


def fate(caller: Caller, message: int = FIRST) -> tuple[str, int, int]:
    """Return how a message ended, whose receipt comes first."""
    receipt(caller)
    return query(caller, message)


def polled(phone: Phone, campaign: int = 8528238) -> Any:
    return phone.api.get(f"/api/v3/campaign/{campaign}/messages").body


# --- Validity ----------------------------------------------------------------


@pytest.fixture
def expired(phone: Phone) -> Caller:
    """Return a client whose message was not delivered within its hour."""
    caller = phone.bound()
    assert caller.submit(2, ABSENT, validity=HOUR, registered=1) == FIRST
    return caller


def test_a_message_that_expires_is_final_at_that_instant(
    phone: Phone, expired: Caller
) -> None:
    run = advance(phone, 3599)
    before = polled(phone)
    last = advance(phone, 1)
    after = polled(phone)

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
    phone: Phone, expired: Caller
) -> None:
    advance(phone, 3600)
    receipt(expired)

    assert steered(phone.api, "GET", "clock/pending")["pending"] == []
    assert events(advance(phone, 10 * 86_400)) == []
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
    phone: Phone, ask: bytes, status: CommandStatus, schedule: str
) -> None:
    caller = phone.bound()
    caller.submit(2, ABSENT, validity=HOUR, schedule=schedule)
    advance(phone, 3600)

    assert status_of(caller, ask) == status
    assert state_of(caller, FIRST) == EXPIRED
    assert texts(phone) == ["hola"]


@pytest.mark.parametrize(
    ("change", "title"),
    [
        ("cancel", "The campaign can no longer be cancelled"),
        ("pause", "The campaign cannot be paused"),
    ],
)
def test_staff_can_do_nothing_about_a_message_that_has_expired(
    phone: Phone, expired: Caller, change: str, title: str
) -> None:
    advance(phone, 3599)
    offered = steered(phone.api, "GET", SMS)["changes"]
    advance(phone, 1)

    answer = steer(phone.api, "POST", f"{SMS}/{change}")

    assert (answer.status, answer.body["title"]) == (422, title)
    assert answer.body["detail"] == "campaign 8528238 is complete"
    assert fate(expired)[1] == EXPIRED
    assert offered == ["pause", "cancel", "mark_unknown"]
    assert steered(phone.api, "GET", SMS)["changes"] == []


def test_a_message_that_was_delivered_in_time_does_not_expire(phone: Phone) -> None:
    caller = phone.bound()
    message = caller.submit(2, validity=HOUR, registered=1)

    run = advance(phone, 2 * 3600)

    assert events(run) == [("18:00:01", "inserted"), ("18:00:11", "completed")]
    assert "done date:2603021200 stat:DELIVRD" in text(caller)
    assert query(caller, message) == ("260302180011000+", DELIVERED, 0)
    assert polled(phone)["data"][0]["status"] == "sent"


def test_of_many_those_expire_that_are_not_final(phone: Phone) -> None:
    caller = phone.bound()
    octets = multi(2, number("4498987282"), number(ABSENT), number("9990001000"))
    validity = packed.text(HOUR)
    at = octets.index(bytes(3) + b"\0\0" + bytes(4) + b"\4hola") + 4
    octets = octets[:at] + validity + octets[at + 1 :]
    octets = packed.packet(packed.SUBMIT_MULTI, 2, octets[16:])
    assert caller.ask(octets).status == 0

    advance(phone, 3599)
    before = polled(phone)
    advance(phone, 1)
    after = polled(phone)

    assert [each["status"] for each in before["data"]] == ["sent", "retried", "failed"]
    assert [each["status"] for each in after["data"]] == ["sent", "failed", "failed"]
    assert (before["percentage"], after["percentage"]) == (66, 100)
    assert query(caller, FIRST) == ("260302190000000+", EXPIRED, 0)


def test_a_validity_that_ends_before_its_schedule_is_declined(phone: Phone) -> None:
    caller = phone.bound()
    before = phone.api.balance()

    answers = [
        caller.ask(packed.submit(each, schedule=HOUR, validity=validity))
        for each, validity in enumerate((HALF, HOUR, "000000010001000R"), start=2)
    ]

    wrong = CommandStatus.ESME_RINVEXPIRY
    assert [each.status for each in answers] == [wrong, wrong, 0]
    assert before - phone.api.balance() == 1
    found = steered(phone.api, "GET", "journal?operation=submit_sm")["exchanges"]
    why = "the validity has passed by then"
    assert [each["why"] for each in found] == [why, why, ""]


def test_a_message_whose_validity_ends_before_it_is_sent_is_never_sent(
    phone: Phone,
) -> None:
    caller = phone.bound()
    message = caller.submit(2, validity=HOUR, registered=1)
    later = caller.ask(replaced(3, message, b"tarde", "000000020000000R"))

    run = advance(phone, 4 * 3600)

    assert later.status == 0
    assert "stat:EXPIRED" in text(caller)
    assert query(caller, message) == ("260302190000000+", EXPIRED, 0)
    (row,) = polled(phone)["data"]
    assert (row["status"], row["sent_date"]) == ("failed", None)
    assert events(run) == [("18:00:01", "inserted"), ("19:00:00", "completed")]


def test_a_paused_message_expires_all_the_same(phone: Phone) -> None:
    caller = phone.bound()
    message = caller.submit(2, schedule=HALF, validity=HOUR, registered=1)
    steered(phone.api, "POST", f"{SMS}/pause")
    waiting = state_of(caller, message)
    run = advance(phone, 3600)

    assert waiting == ENROUTE
    assert events(run)[-1] == ("19:00:00", "completed")
    assert "stat:EXPIRED" in text(caller)
    assert query(caller, message) == (WHEN, EXPIRED, 0)
    assert polled(phone)["percentage"] == 100
    assert steer(phone.api, "POST", f"{SMS}/cancel").status == 422


def test_a_message_that_was_given_up_does_not_expire(phone: Phone) -> None:
    caller = phone.bound()
    message = caller.submit(2, schedule=HALF, validity=HOUR, registered=1)
    assert status_of(caller, cancel(3, str(message))) == 0

    run = advance(phone, 2 * 3600)

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
    phone: Phone, to: str, validity: str, registered: int, says: str
) -> None:
    caller = phone.bound()
    caller.submit(2, to, validity=validity, registered=registered)

    advance(phone, 3600)

    if says:
        assert f"stat:{says}" in text(caller)
    assert silent(caller)


def test_a_lost_campaign_is_unknown_to_everybody(phone: Phone) -> None:
    caller = phone.bound()
    message = caller.submit(2, ABSENT, validity=HALF, registered=1)
    advance(phone, 60)
    steered(phone.api, "POST", f"{SMS}/mark-unknown")
    at_once = state_of(caller, message)

    advance(phone, 3600)

    assert "stat:UNKNOWN" in text(caller)
    assert (at_once, state_of(caller, message)) == (UNKNOWN, UNKNOWN)
    assert status_of(caller, cancel(3, str(message))) == CommandStatus.ESME_RCANCELFAIL


# --- Replacing, and another state of the world -------------------------------


def pending(caller: Caller, sequence: int, short: bytes, **fields: Any) -> int:
    return caller.submit(sequence, short=short, schedule=HOUR, **fields)


def to_checkpoint(phone: Phone) -> None:
    steered(phone.api, "POST", "world/checkpoints/one/restore")


def to_snapshot(phone: Phone) -> None:
    held = steered(phone.api, "POST", "world/checkpoints/one/open", json={"name": "o"})
    document = steered(phone.api, "GET", f"world/snapshot?world={held['name']}")
    steered(phone.api, "POST", "world/restore", json=document)


@pytest.mark.parametrize("back", [to_checkpoint, to_snapshot])
def test_a_world_that_was_put_back_knows_what_may_be_replaced(
    phone: Phone, back: Callable[[Phone], None]
) -> None:
    caller = phone.bound()
    first = pending(caller, 2, b"uno")
    newest = pending(caller, 3, b"dos")
    steered(phone.api, "POST", "world/checkpoints", json={"name": "one"})
    later = pending(caller, 4, b"tres")

    back(phone)
    replacing = pending(caller, 5, b"cuatro", replace=1)

    assert replacing == later
    assert [state_of(caller, each) for each in (first, newest, replacing)] == [
        ENROUTE,
        DELETED,
        ENROUTE,
    ]
    assert texts(phone) == ["uno", "dos", "cuatro"]


def test_a_world_that_was_reset_has_nothing_to_replace(phone: Phone) -> None:
    caller = phone.bound()
    message = pending(caller, 2, b"uno")

    steered(phone.api, "POST", "world/reset")
    again = pending(caller, 3, b"dos", replace=1)

    assert again == message
    assert state_of(caller, again) == ENROUTE
    assert texts(phone) == ["dos"]


def test_a_fork_replaces_its_own_message_and_not_the_original_s(phone: Phone) -> None:
    caller = phone.bound()
    message = pending(caller, 2, b"uno")
    steered(phone.api, "POST", "world/fork", json={"name": "copy"})
    copy = phone.bound(system_id="world-copy", password="x")

    # another system_id is another client, so that it replaces nothing
    pending(copy, 2, b"dos", replace=1)
    assert state_of(caller, message) == ENROUTE
    states = [
        each["status"]
        for each in steered(phone.api, "GET", "messages?world=copy")["messages"]
    ]

    assert states == ["in progress", "in progress"]


def test_a_process_that_starts_anew_knows_what_may_be_replaced(tmp_path: Path) -> None:
    with kept(tmp_path) as api, listening(api) as phone:
        message = pending(phone.bound(), 2, b"uno")

    with kept(tmp_path) as api, listening(api) as phone:
        caller = phone.bound()
        pending(caller, 2, b"dos", replace=1)

        assert state_of(caller, message) == DELETED


@pytest.mark.parametrize(("registered", "says"), [(0, ""), (1, "DELETED")])
def test_a_message_that_is_replaced_is_told_of_as_deleted(
    phone: Phone, registered: int, says: str
) -> None:
    caller = phone.bound()
    pending(caller, 2, b"uno", registered=registered)

    caller.say(packed.submit(3, short=b"dos", schedule=HOUR, replace=1))
    assert caller.hear().sequence == 3

    if says:
        assert f"stat:{says}" in text(caller)
    assert silent(caller)


def test_what_is_replaced_without_credit_stays_as_it_was(make_phone: MakePhone) -> None:
    phone = make_phone(account={**emulated_account(), "credit": 1})
    caller = phone.bound()
    message = pending(caller, 2, b"uno")

    octets = packed.submit(3, short=b"dos", schedule=HOUR, replace=1)

    assert status_of(caller, octets) == CommandStatus.ESME_RSUBMITFAIL
    assert state_of(caller, message) == ENROUTE
    assert texts(phone) == ["uno"]


def emulated_account() -> dict[str, Any]:
    with closing(emulated()) as api:
        account: dict[str, Any] = steered(api, "GET", "account")["account"]
        return account


# --- Receipts, and another state of the world --------------------------------


def test_a_world_that_was_put_back_owes_its_receipt_again(phone: Phone) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    steered(phone.api, "POST", "world/checkpoints", json={"name": "one"})
    advance(phone, 60)
    asked = caller.hear()

    to_checkpoint(phone)
    caller.say(packed.packet(resp(packed.DELIVER_SM), asked.sequence, b"\0"))
    between = deliveries(phone)
    advance(phone, 60)
    receipt(caller)

    assert between == []
    (done,) = deliveries(phone)
    assert (done["state"], len(done["attempts"])) == ("delivered", 1)
    assert steered(phone.api, "GET", "smpp/sessions")[0]["delivered"] == 1


def test_a_receipt_that_waits_is_kept_by_a_checkpoint(phone: Phone) -> None:
    sender = phone.bound(command=packed.BIND_TRANSMITTER)
    sender.submit(2, registered=1)
    advance(phone, 60)
    steered(phone.api, "POST", "world/checkpoints", json={"name": "one"})
    receipt(phone.bound(command=packed.BIND_RECEIVER))

    to_checkpoint(phone)
    receiver = phone.callers[1]

    assert "stat:DELIVRD" in text(receiver)
    assert [each["state"] for each in deliveries(phone)] == ["delivered"]


def test_a_client_whose_token_is_gone_stays_bound(phone: Phone) -> None:
    caller = phone.bound()
    steered(phone.api, "DELETE", "tokens/demo?world=demo")

    message = caller.submit(2, registered=1)
    steered(phone.api, "POST", "clock/advance?world=demo", json={"seconds": 60})

    assert f"id:{message} " in text(caller)


def test_a_session_that_is_cut_leaves_its_receipts_to_the_next(phone: Phone) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone, 60)
    asked = caller.hear()

    steered(phone.api, "DELETE", "smpp/sessions/1")

    assert caller.is_cut()
    assert receipt(phone.bound()).short == packed.delivered(asked.body).short


def test_a_receipt_waits_for_no_clock_that_stands(phone: Phone) -> None:
    sender = phone.bound(command=packed.BIND_TRANSMITTER)
    sender.submit(2, registered=1)
    advance(phone, 60)

    assert "stat:DELIVRD" in text(phone.bound(command=packed.BIND_RECEIVER))


def test_a_client_that_asks_for_later_waits_for_the_world_s_clock(phone: Phone) -> None:
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone, 60)
    receipt(caller, status=CommandStatus.ESME_RX_T_APPN)

    advance(phone, 59)
    early = silent(caller)
    steered(phone.api, "POST", "world/checkpoints", json={"name": "one"})
    advance(phone, 1)
    receipt(caller)
    to_checkpoint(phone)
    again = silent(caller)
    advance(phone, 1)

    assert (early, again) == (True, True)
    assert "stat:DELIVRD" in text(caller)


# --- Answers that are late ---------------------------------------------------


def late(phone: Phone, operation: str, **rule: Any) -> None:
    rule = {"operation": operation, "phase": "after", "effect": {"delay": 60}, **rule}
    steered(phone.api, "POST", "faults", json=rule)


def data(sequence: int) -> bytes:
    body = packed.text("") + b"\0\0" + packed.text("74342") + b"\1\1"
    body += packed.text("4498987282") + b"\0\1\0"
    return packed.packet(
        packed.DATA_SM, sequence, body + packed.tlv(packed.MESSAGE_PAYLOAD, b"hola")
    )


def many(sequence: int) -> bytes:
    body = multi(sequence, number("4498987282"))[16:]
    registered = len(body) - len(bytes(4) + b"\4hola")
    body = body[:registered] + b"\1" + body[registered + 1 :]
    return packed.packet(packed.SUBMIT_MULTI, sequence, body)


@pytest.mark.parametrize(
    ("operation", "octets"),
    [
        ("submit_sm", packed.submit(3, registered=1)),
        ("data_sm", data(3)),
        ("submit_multi", many(3)),
    ],
    ids=["submit_sm", "data_sm", "submit_multi"],
)
def test_a_receipt_comes_behind_the_late_answer_it_is_about(
    phone: Phone, operation: str, octets: bytes
) -> None:
    late(phone, operation)
    caller = phone.bound()
    caller.say(octets)
    caller.turn()

    advance(phone, 59)
    early = silent(caller)
    advance(phone, 2)

    assert early
    assert [caller.hear().command for _ in range(2)] == [
        resp(int.from_bytes(octets[4:8], "big")),
        packed.DELIVER_SM,
    ]


@pytest.mark.parametrize(
    ("operation", "ask"),
    [
        ("query_sm", lambda each: packed.text(str(each)) + bytes(3)),
        ("enquire_link", lambda _: b""),
        ("cancel_sm", lambda each: b"\0" + packed.text(str(each)) + bytes(6)),
    ],
)
def test_a_late_answer_to_something_else_holds_no_receipt_back(
    phone: Phone, operation: str, ask: Callable[[int], bytes]
) -> None:
    late(phone, operation)
    caller = phone.bound()
    scheduled = caller.submit(2, schedule=HOUR)
    caller.submit(3, registered=1)
    command = {"query_sm": 3, "enquire_link": 0x15, "cancel_sm": 8}[operation]
    caller.say(packed.packet(command, 4, ask(scheduled)))
    caller.turn()

    advance(phone, 12)
    first = caller.hear()
    advance(phone, 60)
    second = caller.hear()

    assert (first.command, second.command) == (packed.DELIVER_SM, resp(command))
    assert second.status == 0


def test_a_late_answer_to_one_client_holds_no_receipt_of_another_back(
    make_phone: MakePhone,
) -> None:
    binds = [{"system_id": each, "password": "x"} for each in ("one", "other")]
    phone = make_phone(binds=binds)
    late(phone, "submit_sm", token="one")
    one, other = (
        phone.bound(system_id=each, password="x") for each in ("one", "other")
    )
    other.submit(2, registered=1)
    one.say(packed.submit(2, registered=1))
    one.turn()
    other.submit(3, registered=1)

    advance(phone, 12)

    assert [receipt(other).short[:11] for _ in range(2)] == [
        b"id:46608336",
        b"id:46608338",
    ]


def test_what_a_cut_session_waits_for_holds_nobody_up(phone: Phone) -> None:
    late(phone, "submit_sm")
    caller = phone.bound()
    caller.say(packed.submit(2))
    caller.turn()
    waiting = steered(phone.api, "GET", "clock/pending")["pending"]

    steered(phone.api, "DELETE", "smpp/sessions/1")
    caller.turn()
    run = steered(phone.api, "POST", "clock/settle", json={})

    assert "delayed" in [each["event"] for each in waiting]
    assert "delayed" not in [each["event"] for each in run["events"]]


def test_a_late_answer_comes_though_the_world_was_reset(phone: Phone) -> None:
    late(phone, "submit_sm")
    caller = phone.bound()
    caller.say(packed.submit(2, registered=1))
    caller.turn()

    steered(phone.api, "POST", "world/reset")
    advance(phone, 60)

    assert caller.hear() == (resp(packed.SUBMIT_SM), 0, 2, b"%d\0" % FIRST)
    assert silent(caller)
    assert texts(phone) == []


def test_a_late_answer_before_the_work_is_done_in_the_world_as_it_is_then(
    phone: Phone,
) -> None:
    rule = {"operation": "submit_sm", "effect": {"delay": 60}}
    steered(phone.api, "POST", "faults", json=rule)
    caller = phone.bound()
    caller.say(packed.submit(2, validity=HALF))
    caller.turn()

    before = texts(phone)
    advance(phone, 60)
    answer = caller.hear()
    (shown,) = steered(phone.api, "GET", "campaigns")

    assert before == []
    assert answer.status == 0
    assert shown["created"] == "2026-03-02 12:01:00"
    assert state_of(caller, FIRST) == ENROUTE


# --- Rates, limits and clocks ------------------------------------------------


def test_a_rate_is_of_the_world_s_seconds_however_they_pass(
    make_phone: MakePhone,
) -> None:
    binds = [{"system_id": "demo", "password": "demo", "rate": 1}]
    phone = make_phone(binds=binds)
    caller = phone.bound()

    def statuses() -> list[int]:
        return [status_of(caller, packed.submit(each)) for each in (2, 3)]

    throttled = [0, int(CommandStatus.ESME_RTHROTTLED)]
    assert statuses() == throttled
    steered(phone.api, "POST", "world/checkpoints", json={"name": "one"})
    advance(phone, 1)
    assert statuses() == throttled
    to_checkpoint(phone)
    assert statuses()[0] == 0  # a second that comes again is another


def test_what_is_declined_holds_no_credit_and_no_id(api: Api) -> None:
    with listening(api) as phone:
        caller = phone.bound()
        before = api.balance()
        wrong = packed.submit(2, validity="260302170000000+")

        assert status_of(caller, wrong) == CommandStatus.ESME_RINVEXPIRY
        assert caller.submit(3) == FIRST
        assert before - api.balance() == 1


def test_a_receipt_that_a_fault_holds_back_is_nobody_s_yet(phone: Phone) -> None:
    late = {"operation": "deliver_sm", "effect": {"delay": 600}, "first": 1}
    steered(phone.api, "POST", "faults", json=late)
    caller = phone.bound()
    caller.submit(2, registered=1)
    advance(phone, 60)
    assert silent(caller)

    sent = steer(phone.api, "POST", "deliveries/1/send")

    assert sent.status == 200
    assert "stat:DELIVRD" in text(caller)
    assert [each["state"] for each in deliveries(phone)] == ["delivered"]
    advance(phone, 600)
    assert silent(caller)
