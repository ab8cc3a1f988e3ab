"""A disk that refuses: who asks is told, and what has happened all the same is kept."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from tests.smpp.test_receipts import receipt
from tests.smpp.test_submissions import cancel, multi, number, query, replaced
from tests.support.emulator import Answer, Api, run_control, send_control
from tests.support.orders import (
    CLIC,
    NUMBER,
    SMS,
    make_recipients,
    make_sms,
    place_campaign,
)
from tests.support.servers import Receiver, ReceiverAnswer, run_receiver
from tests.support.smpp import (
    BIND_RECEIVER,
    BIND_TRANSMITTER,
    DATA_SM,
    ENQUIRE_LINK,
    MESSAGE_PAYLOAD,
    SUBMIT_SM,
    get_response_id,
    open_smsc,
    pack_pdu,
    pack_submit,
    pack_text,
    pack_tlv,
)
from tests.support.worlds import (
    COMMANDS,
    attend_command,
    fork_world,
    keep_worlds,
    prepare_world,
    refuse_writes,
    take_snapshot,
)

WRITES_NOT = re.compile(
    r".*worlds\.sqlite cannot be written \(.+\), so nothing was changed; "
    r"give it room or rights, and ask again"
)
LATER = re.compile(
    r".*worlds\.sqlite cannot be written \(.+\); (it|the journal) is written .+"
)
# What keeps nothing that a disk would have to take.
KEPT_NOWHERE = {
    "sendOutbind",
    "disconnectSession",
    "waitForDeliveries",
    "answerPush",
    "createCheckpoint",
    "dropCheckpoint",
    "clearJournal",
    "waitForExchanges",
    "verifyExchanges",
    "headUser",
    "queryResponses",
}
REPLYING = "9990011000"  # a handset that answers by itself


def told(answer: Answer) -> str:
    """Return why the emulator says no, whichever API was asked."""
    why = answer.headers.get("x-emulator-why")
    detail: str = answer.body["detail"] if why is None else why
    return detail


def again(folder: Path, **changes: Any) -> Any:
    """Return the snapshot of the world as another process finds it."""
    with keep_worlds(folder, **changes) as api:
        return take_snapshot(api)


# --- Who asks ----------------------------------------------------------------


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Return a prepared world that is kept; each test takes a fork of it."""
    with keep_worlds(tmp_path_factory.mktemp("data")) as api:
        prepare_world(api)
        yield api


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_refused_with_a_sentence_and_goes_through_later(
    api: Api, name: str
) -> None:
    fork_world(api)
    if name in KEPT_NOWHERE:
        run_control(api, "DELETE", "faults")  # which would count what they meet
    with attend_command(api, name):
        method, path, body = COMMANDS[name].make_request(api)
        before = take_snapshot(api)
        with refuse_writes(api):
            answer = api.send(method, path, json=body)

        if name in KEPT_NOWHERE:
            assert answer.status == 200, answer.octets
            return
        assert answer.status == 500
        assert WRITES_NOT.fullmatch(told(answer))
        assert take_snapshot(api) == before
        assert api.send(method, path, json=body).status == 200


def test_a_short_link_says_so_too_and_counts_nobody(api: Api) -> None:
    fork_world(api)
    placed = place_campaign(api, path=CLIC)
    run_control(api, "POST", "clock/advance", json={"seconds": 20})
    link = api.get(f"{SMS}/{placed['campaign']}/messages").body["data"][0]["text"]
    path = f"/s/{link.rpartition('/')[2]}"

    with refuse_writes(api):
        refused = api.get(path, token="")
        previewed = api.send("HEAD", path, token="")

    assert refused.status == 500
    assert refused.body["error"]["information"].startswith("Error del servidor")
    assert WRITES_NOT.fullmatch(refused.headers["x-emulator-why"])
    assert previewed.status == 302
    assert api.world.clicks == []
    assert api.get(path, token="").status == 302
    assert len(api.world.clicks) == 1


def test_the_panel_says_so_too_and_carries_nothing_out(api: Api) -> None:
    fork_world(api)
    balance = api.world.balance
    ask = {"content-type": "application/x-www-form-urlencoded"}
    path = f"/panel/do/top-up?world={api.world.name}"

    with refuse_writes(api):
        answer = api.post(path, content=b"amount=5", headers=ask)

    assert answer.status == 500
    page = answer.octets.decode()
    assert "Server error, try again later" in page
    assert "worlds.sqlite cannot be written" in page
    assert api.world.balance == balance
    assert api.post(path, content=b"amount=5", headers=ask).status == 200
    assert api.world.balance == balance + 5_000_000


# --- Who asks by SMPP --------------------------------------------------------


def data(sequence: int) -> bytes:
    body = pack_text("") + b"\0\0" + pack_text("74342") + b"\1\1"
    body += pack_text(NUMBER) + bytes(3)
    return pack_pdu(DATA_SM, sequence, body + pack_tlv(MESSAGE_PAYLOAD, b"hola"))


SAID: dict[str, Callable[[int, int], bytes]] = {
    "submit_sm": lambda sequence, _: pack_submit(sequence),
    "submit_multi": lambda sequence, _: multi(sequence, number(NUMBER)),
    "data_sm": lambda sequence, _: data(sequence),
    "cancel_sm": lambda sequence, message: cancel(sequence, str(message)),
    "replace_sm": lambda sequence, message: replaced(sequence, message, b"adios"),
}


@pytest.mark.parametrize("command", SAID)
def test_every_pdu_is_declined_and_goes_through_later(api: Api, command: str) -> None:
    fork_world(api)
    run_control(api, "DELETE", "faults")  # which would count what they meet
    with open_smsc(api) as smsc:
        caller = smsc.bind(system_id=api.token, password="x")
        message = caller.submit(2, schedule="260305100000024-")
        before = take_snapshot(api)

        with refuse_writes(api):
            answer = caller.ask(SAID[command](3, message))
            asked = query(caller, message)

        assert answer.status == CommandStatus.ESME_RSYSERR
        assert answer.body == b""
        assert asked[1] == 1  # which needs no disk
        assert take_snapshot(api) == before
        (session,) = run_control(api, "GET", "smpp/sessions")
        assert session["submitted"] == 1
        found = run_control(api, "GET", f"journal?operation={command}&last=1")
        assert WRITES_NOT.fullmatch(found["exchanges"][0]["why"])
        assert caller.ask(SAID[command](4, message)).status == 0


# --- What happens by itself --------------------------------------------------


@contextmanager
def hearing() -> Iterator[Receiver]:
    """Receive pushes on connections that are not kept."""
    with run_receiver() as receiver:
        receiver.answer_with(ReceiverAnswer(headers=(("connection", "close"),)))
        yield receiver


def replies(api: Api) -> Any:
    found = api.world.responses
    return [(each.number, each.response, each.received_at) for each in found]


def test_what_falls_due_meanwhile_is_not_lost(tmp_path: Path) -> None:
    answers = make_sms(recipients=make_recipients(REPLYING))
    pushed: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo", "push_retries": [60]}
    with keep_worlds(tmp_path / "good", **pushed) as api:
        place_campaign(api, answers)
        run_control(api, "POST", "clock/advance", json={"seconds": 86_400})
        wanted, delivered = replies(api), len(api.world.deliveries)
        assert wanted

    folder = tmp_path / "bad"
    with keep_worlds(folder, **pushed) as api:
        place_campaign(api, answers)
        api.clock.advance(days=1)
        with refuse_writes(api):
            for name in ("deliveries", "world/snapshot"):
                reading = send_control(api, "GET", name)
                assert reading.status == 500
                assert WRITES_NOT.fullmatch(told(reading))
            assert replies(api) == []

        assert send_control(api, "GET", "deliveries").status == 200
        assert replies(api) == wanted
        run_control(api, "POST", "clock/settle", json={})
        assert len(api.world.deliveries) == delivered
        left = take_snapshot(api)

    assert again(folder) == left


def test_a_clock_that_is_moved_stops_where_the_disk_refuses(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        began = api.clock.now
        with refuse_writes(api, after=2):
            answer = send_control(
                api, "POST", "clock/advance", json={"seconds": 86_400}
            )
        assert answer.status == 500
        assert "so it stopped there, and what was done before stays" in told(answer)
        assert began < api.clock.now < began + timedelta(days=1)
        assert not api.world.is_clock_moving
        left = take_snapshot(api)

    assert again(tmp_path) == left


def test_a_push_that_has_arrived_is_not_sent_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with hearing() as receiver:
        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            place_campaign(api)
            run_control(api, "POST", "clock/advance", json={"seconds": 11})
            late = {"effect": {"push": "late", "seconds": 5}}
            run_control(api, "POST", "faults", json=late)
            run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
            api.clock.advance(seconds=5)
            with refuse_writes(api):
                send_control(api, "POST", "clock/settle", json={})
                assert len(receiver.asked) == 1
                ready = send_control(api, "GET", "readyz")
                assert ready.status == 500
                later = "; what has happened is written as soon as it can be"
                assert ready.body["detail"].endswith(later)
            assert any(LATER.fullmatch(each) for each in caplog.messages)
            assert send_control(api, "GET", "readyz").status == 200
            left = take_snapshot(api)
        assert again(tmp_path, push_url=receiver.url) == left

        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            run_control(api, "POST", "clock/settle", json={})
            (done,) = run_control(api, "GET", "deliveries")["deliveries"]
            assert len(receiver.asked) == 1
            assert [each["verdict"] for each in done["attempts"]] == ["accepted"]


def test_a_receipt_that_was_acknowledged_is_not_sent_again(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        caller = smsc.bind()
        caller.submit(2, registered=1)
        run_control(api, "POST", "clock/advance", json={"seconds": 60})
        with refuse_writes(api):
            assert b"stat:DELIVRD" in receipt(caller).short
            caller.turn()
            (delivery,) = api.world.deliveries.values()
            assert delivery.state == "delivered"
        left = take_snapshot(api)

    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        assert take_snapshot(api) == left
        caller = smsc.bind()
        run_control(api, "POST", "clock/advance", json={"seconds": 60})
        alive = pack_pdu(ENQUIRE_LINK, 7)
        assert caller.ask(alive).command == get_response_id(ENQUIRE_LINK)


def test_a_fault_that_cannot_be_counted_does_not_strike_a_receipt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slow: dict[str, Any] = {"smpp": {"receipt_lifetime": 600}}
    with keep_worlds(tmp_path, **slow) as api, open_smsc(api) as smsc:
        sender = smsc.bind(command=BIND_TRANSMITTER)
        sender.submit(2, registered=1)
        run_control(api, "POST", "clock/advance", json={"seconds": 60})
        rule = {"operation": "deliver_sm", "effect": {"wire": "hang"}, "first": 1}
        run_control(api, "POST", "faults", json=rule)
        sender.submit(3, registered=1)
        run_control(api, "POST", "clock/advance", json={"seconds": 590})
        with refuse_writes(api):
            taker = smsc.bind(command=BIND_RECEIVER)
            assert b"stat:DELIVRD" in receipt(taker).short
            taker.turn()
        left = take_snapshot(api)
        assert [each["state"] for each in left["deliveries"]] == [
            "dropped",  # before, as it was too old
            "delivered",
        ]
        assert [each["applied"] for each in left["faults"]] == [0]
        assert any("no fault struck" in each for each in caplog.messages)

    assert again(tmp_path, **slow) == left


# --- What follows a request that was kept ------------------------------------


def test_a_reply_that_the_disk_cannot_take_early_comes_in_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo"}
    early = {"effect": {"push": "early"}, "first": 1}
    with keep_worlds(tmp_path, **nowhere) as api:
        run_control(api, "POST", "faults", json=early)
        with refuse_writes(api, after=1):
            placed = api.post(SMS, json=make_sms(recipients=make_recipients(REPLYING)))
        assert placed.status == 200
        assert api.world.responses == []
        assert any("no reply came early" in each for each in caplog.messages)

        run_control(api, "POST", "clock/settle", json={})
        assert api.world.responses
        left = take_snapshot(api)

    assert again(tmp_path, **nowhere) == left


@pytest.mark.parametrize("effect", [{"pdu": "early_receipt"}, {"delay": 5}])
def test_a_fault_that_cannot_be_counted_does_not_strike_a_submit(
    tmp_path: Path, effect: Any
) -> None:
    rule = {"operation": "submit_sm", "phase": "after", "effect": effect, "first": 1}
    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        caller = smsc.bind()
        run_control(api, "POST", "faults", json=rule)
        with refuse_writes(api, after=1):
            answer = caller.ask(pack_submit(2, registered=1))
        assert (answer.command, answer.status) == (get_response_id(SUBMIT_SM), 0)
        left = take_snapshot(api)
        assert len(left["campaigns"]) == 1
        assert [each["applied"] for each in left["faults"]] == [0]

    assert again(tmp_path) == left


def test_where_a_fault_cannot_be_counted_a_request_is_refused(tmp_path: Path) -> None:
    rule = {"operation": "submit_sm", "effect": {"delay": 5}, "first": 1}
    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        caller = smsc.bind()
        run_control(api, "POST", "faults", json=rule)
        before = take_snapshot(api)
        with refuse_writes(api):
            answer = caller.ask(pack_submit(2))
        assert answer.status == CommandStatus.ESME_RSYSERR
        assert take_snapshot(api) == before


def test_a_delivery_that_is_forgotten_meanwhile_leaves_the_file_later(
    tmp_path: Path,
) -> None:
    nowhere: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo"}
    with keep_worlds(tmp_path, **nowhere) as api:
        api.world.shared.delivery_limit = 2  # the bound, made small
        place_campaign(api, make_sms(recipients=make_recipients(*[REPLYING] * 4)))
        api.clock.advance(days=1)
        with refuse_writes(api, after=8):  # replies; what follows has happened
            send_control(api, "POST", "clock/settle", json={})
        assert len(api.world.responses) == 8
        assert run_control(api, "GET", "deliveries")["dropped"] == 6
        left = take_snapshot(api)

    assert again(tmp_path, **nowhere) == left


def test_what_happened_in_every_world_is_written_with_the_first_request_in_any(
    tmp_path: Path,
) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    nowhere: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo"}
    answers = make_sms(recipients=make_recipients(REPLYING))
    late = {"effect": {"push": "late", "seconds": 86_400 * 2}}
    left = {}
    with keep_worlds(folder, **nowhere) as api:
        for name in ("one", "two", "third"):
            api.token = f"world-{name}"
            place_campaign(api, answers)
            run_control(api, "POST", "faults", json=late)
            api.clock.advance(days=1)
            run_control(api, "GET", "deliveries")
            api.clock.advance(days=3)
        with refuse_writes(api):
            for name in ("one", "two"):
                api.token = f"world-{name}"
                send_control(api, "POST", "clock/settle", json={})
                deliveries = api.world.deliveries.values()
                assert [len(each.attempts) for each in deliveries] == [1, 1]
        api.token = "world-third"
        place_campaign(api)
        copy.mkdir()
        for each in folder.glob("worlds.sqlite*"):
            (copy / each.name).write_bytes(each.read_bytes())  # as a kill leaves it
        for name in ("one", "two", "third"):
            api.token = f"world-{name}"
            left[name] = take_snapshot(api)

    for name in ("one", "two"):
        wanted = left[name]
        assert again(copy, token=f"world-{name}", **nowhere) == wanted


def test_the_journal_that_was_refused_is_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with keep_worlds(tmp_path) as api:
        keeper: Any = api.worlds.store
        api.get("/api/v1/user")
        with refuse_writes(api):
            keeper._write_journals()  # noqa: SLF001 - whose moment comes by the wall
        assert any(LATER.fullmatch(each) for each in caplog.messages)
        left = run_control(api, "GET", "journal")
        assert len(left["exchanges"]) == 1

    with keep_worlds(tmp_path) as api:
        assert run_control(api, "GET", "journal") == left


def test_a_process_ends_in_peace_whatever_the_disk_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        keeper: Any = api.worlds.store
        keeper._file._connection.execute("PRAGMA query_only = ON")  # noqa: SLF001

    assert any(LATER.fullmatch(each) for each in caplog.messages)
    assert len(again(tmp_path)["campaigns"]) == 1
