"""A disk that refuses: who asks is told, and what has happened all the same is kept."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from tests.campaigns import CLIC, NUMBER, SMS, an_sms, place, to
from tests.commanded import COMMANDS, attended, forked, prepared
from tests.emulated import Answer, Api
from tests.receiver import Receiver, Said, receiving
from tests.smpp import packed
from tests.smpp.dialled import listening
from tests.smpp.packed import resp
from tests.smpp.test_receipts import receipt
from tests.smpp.test_submissions import cancel, multi, number, query, replaced
from tests.steering import steer, steered
from tests.stored import kept, refusing, snapshot

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
    "cutSession",
    "waitForDeliveries",
    "answerPush",
    "keepCheckpoint",
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
    with kept(folder, **changes) as api:
        return snapshot(api)


# --- Who asks ----------------------------------------------------------------


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """Return a prepared world that is kept; each test takes a fork of it."""
    with kept(tmp_path_factory.mktemp("data")) as api:
        prepared(api)
        yield api


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_refused_with_a_sentence_and_goes_through_later(
    api: Api, name: str
) -> None:
    forked(api)
    if name in KEPT_NOWHERE:
        steered(api, "DELETE", "faults")  # which would count what they meet
    with attended(api, name):
        method, path, body = COMMANDS[name].sent(api)
        before = snapshot(api)
        with refusing(api):
            answer = api.send(method, path, json=body)

        if name in KEPT_NOWHERE:
            assert answer.status == 200, answer.octets
            return
        assert answer.status == 500
        assert WRITES_NOT.fullmatch(told(answer))
        assert snapshot(api) == before
        assert api.send(method, path, json=body).status == 200


def test_a_short_link_says_so_too_and_counts_nobody(api: Api) -> None:
    forked(api)
    placed = place(api, path=CLIC)
    steered(api, "POST", "clock/advance", json={"seconds": 20})
    link = api.get(f"{SMS}/{placed['campaign']}/messages").body["data"][0]["text"]
    path = f"/s/{link.rpartition('/')[2]}"

    with refusing(api):
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
    forked(api)
    balance = api.world.balance
    ask = {"content-type": "application/x-www-form-urlencoded"}
    path = f"/panel/do/top-up?world={api.world.name}"

    with refusing(api):
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
    body = packed.text("") + b"\0\0" + packed.text("74342") + b"\1\1"
    body += packed.text(NUMBER) + bytes(3)
    return packed.packet(
        packed.DATA_SM, sequence, body + packed.tlv(packed.MESSAGE_PAYLOAD, b"hola")
    )


SAID: dict[str, Callable[[int, int], bytes]] = {
    "submit_sm": lambda sequence, _: packed.submit(sequence),
    "submit_multi": lambda sequence, _: multi(sequence, number(NUMBER)),
    "data_sm": lambda sequence, _: data(sequence),
    "cancel_sm": lambda sequence, message: cancel(sequence, str(message)),
    "replace_sm": lambda sequence, message: replaced(sequence, message, b"adios"),
}


@pytest.mark.parametrize("command", SAID)
def test_every_pdu_is_declined_and_goes_through_later(api: Api, command: str) -> None:
    forked(api)
    steered(api, "DELETE", "faults")  # which would count what they meet
    with listening(api) as phone:
        caller = phone.bound(system_id=api.token, password="x")
        message = caller.submit(2, schedule="260305100000024-")
        before = snapshot(api)

        with refusing(api):
            answer = caller.ask(SAID[command](3, message))
            asked = query(caller, message)

        assert answer.status == CommandStatus.ESME_RSYSERR
        assert answer.body == b""
        assert asked[1] == 1  # which needs no disk
        assert snapshot(api) == before
        (session,) = steered(api, "GET", "smpp/sessions")
        assert session["submitted"] == 1
        found = steered(api, "GET", f"journal?operation={command}&last=1")
        assert WRITES_NOT.fullmatch(found["exchanges"][0]["why"])
        assert caller.ask(SAID[command](4, message)).status == 0


# --- What happens by itself --------------------------------------------------


@contextmanager
def hearing() -> Iterator[Receiver]:
    """Receive pushes on connections that are not kept."""
    with receiving() as receiver:
        receiver.says(Said(headers=(("connection", "close"),)))
        yield receiver


def replies(api: Api) -> Any:
    found = api.world.responses
    return [(each.number, each.response, each.received_at) for each in found]


def test_what_falls_due_meanwhile_is_not_lost(tmp_path: Path) -> None:
    answers = an_sms(recipients=to(REPLYING))
    pushed: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo", "push_retries": [60]}
    with kept(tmp_path / "good", **pushed) as api:
        place(api, answers)
        steered(api, "POST", "clock/advance", json={"seconds": 86_400})
        wanted, delivered = replies(api), len(api.world.deliveries)
        assert wanted

    folder = tmp_path / "bad"
    with kept(folder, **pushed) as api:
        place(api, answers)
        api.clock.advance(days=1)
        with refusing(api):
            for name in ("deliveries", "world/snapshot"):
                reading = steer(api, "GET", name)
                assert reading.status == 500
                assert WRITES_NOT.fullmatch(told(reading))
            assert replies(api) == []

        assert steer(api, "GET", "deliveries").status == 200
        assert replies(api) == wanted
        steered(api, "POST", "clock/settle", json={})
        assert len(api.world.deliveries) == delivered
        left = snapshot(api)

    assert again(folder) == left


def test_a_clock_that_is_moved_stops_where_the_disk_refuses(tmp_path: Path) -> None:
    with kept(tmp_path) as api:
        place(api)
        began = api.clock.now
        with refusing(api, after=2):
            answer = steer(api, "POST", "clock/advance", json={"seconds": 86_400})
        assert answer.status == 500
        assert "so it stopped there, and what was done before stays" in told(answer)
        assert began < api.clock.now < began + timedelta(days=1)
        assert not api.world.is_clock_moving
        left = snapshot(api)

    assert again(tmp_path) == left


def test_a_push_that_has_arrived_is_not_sent_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with hearing() as receiver:
        with kept(tmp_path, push_url=receiver.url) as api:
            place(api)
            steered(api, "POST", "clock/advance", json={"seconds": 11})
            late = {"effect": {"push": "late", "seconds": 5}}
            steered(api, "POST", "faults", json=late)
            steered(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
            api.clock.advance(seconds=5)
            with refusing(api):
                steer(api, "POST", "clock/settle", json={})
                assert len(receiver.asked) == 1
                ready = steer(api, "GET", "readyz")
                assert ready.status == 500
                later = "; what has happened is written as soon as it can be"
                assert ready.body["detail"].endswith(later)
            assert any(LATER.fullmatch(each) for each in caplog.messages)
            assert steer(api, "GET", "readyz").status == 200
            left = snapshot(api)
        assert again(tmp_path, push_url=receiver.url) == left

        with kept(tmp_path, push_url=receiver.url) as api:
            steered(api, "POST", "clock/settle", json={})
            (done,) = steered(api, "GET", "deliveries")["deliveries"]
            assert len(receiver.asked) == 1
            assert [each["verdict"] for each in done["attempts"]] == ["accepted"]


def test_a_receipt_that_was_acknowledged_is_not_sent_again(tmp_path: Path) -> None:
    with kept(tmp_path) as api, listening(api) as phone:
        caller = phone.bound()
        caller.submit(2, registered=1)
        steered(api, "POST", "clock/advance", json={"seconds": 60})
        with refusing(api):
            assert b"stat:DELIVRD" in receipt(caller).short
            caller.turn()
            (delivery,) = api.world.deliveries.values()
            assert delivery.state == "delivered"
        left = snapshot(api)

    with kept(tmp_path) as api, listening(api) as phone:
        assert snapshot(api) == left
        caller = phone.bound()
        steered(api, "POST", "clock/advance", json={"seconds": 60})
        alive = packed.packet(packed.ENQUIRE_LINK, 7)
        assert caller.ask(alive).command == resp(packed.ENQUIRE_LINK)


def test_a_fault_that_cannot_be_counted_does_not_strike_a_receipt(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    slow: dict[str, Any] = {"smpp": {"held_for": 600}}
    with kept(tmp_path, **slow) as api, listening(api) as phone:
        sender = phone.bound(command=packed.BIND_TRANSMITTER)
        sender.submit(2, registered=1)
        steered(api, "POST", "clock/advance", json={"seconds": 60})
        rule = {"operation": "deliver_sm", "effect": {"wire": "hang"}, "first": 1}
        steered(api, "POST", "faults", json=rule)
        sender.submit(3, registered=1)
        steered(api, "POST", "clock/advance", json={"seconds": 590})
        with refusing(api):
            taker = phone.bound(command=packed.BIND_RECEIVER)
            assert b"stat:DELIVRD" in receipt(taker).short
            taker.turn()
        left = snapshot(api)
        assert [each["state"] for each in left["deliveries"]] == [
            "dropped",  # before, as it was too old
            "delivered",
        ]
        assert [each["struck"] for each in left["faults"]] == [0]
        assert any("no fault struck" in each for each in caplog.messages)

    assert again(tmp_path, **slow) == left


# --- What follows a request that was kept ------------------------------------


def test_a_reply_that_the_disk_cannot_take_early_comes_in_time(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo"}
    early = {"effect": {"push": "early"}, "first": 1}
    with kept(tmp_path, **nowhere) as api:
        steered(api, "POST", "faults", json=early)
        with refusing(api, after=1):
            placed = api.post(SMS, json=an_sms(recipients=to(REPLYING)))
        assert placed.status == 200
        assert api.world.responses == []
        assert any("no reply came early" in each for each in caplog.messages)

        steered(api, "POST", "clock/settle", json={})
        assert api.world.responses
        left = snapshot(api)

    assert again(tmp_path, **nowhere) == left


@pytest.mark.parametrize("effect", [{"pdu": "early_receipt"}, {"delay": 5}])
def test_a_fault_that_cannot_be_counted_does_not_strike_a_submit(
    tmp_path: Path, effect: Any
) -> None:
    rule = {"operation": "submit_sm", "phase": "after", "effect": effect, "first": 1}
    with kept(tmp_path) as api, listening(api) as phone:
        caller = phone.bound()
        steered(api, "POST", "faults", json=rule)
        with refusing(api, after=1):
            answer = caller.ask(packed.submit(2, registered=1))
        assert (answer.command, answer.status) == (resp(packed.SUBMIT_SM), 0)
        left = snapshot(api)
        assert len(left["campaigns"]) == 1
        assert [each["struck"] for each in left["faults"]] == [0]

    assert again(tmp_path) == left


def test_where_a_fault_cannot_be_counted_a_request_is_refused(tmp_path: Path) -> None:
    rule = {"operation": "submit_sm", "effect": {"delay": 5}, "first": 1}
    with kept(tmp_path) as api, listening(api) as phone:
        caller = phone.bound()
        steered(api, "POST", "faults", json=rule)
        before = snapshot(api)
        with refusing(api):
            answer = caller.ask(packed.submit(2))
        assert answer.status == CommandStatus.ESME_RSYSERR
        assert snapshot(api) == before


def test_a_delivery_that_is_forgotten_meanwhile_leaves_the_file_later(
    tmp_path: Path,
) -> None:
    nowhere: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo"}
    with kept(tmp_path, **nowhere) as api:
        api.world.shared.delivery_limit = 2  # the bound, made small
        place(api, an_sms(recipients=to(*[REPLYING] * 4)))
        api.clock.advance(days=1)
        with refusing(api, after=8):  # replies; what follows has happened
            steer(api, "POST", "clock/settle", json={})
        assert len(api.world.responses) == 8
        assert steered(api, "GET", "deliveries")["dropped"] == 6
        left = snapshot(api)

    assert again(tmp_path, **nowhere) == left


def test_what_happened_in_every_world_is_written_with_the_first_request_in_any(
    tmp_path: Path,
) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    nowhere: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo"}
    answers = an_sms(recipients=to(REPLYING))
    late = {"effect": {"push": "late", "seconds": 86_400 * 2}}
    left = {}
    with kept(folder, **nowhere) as api:
        for name in ("one", "two", "third"):
            api.token = f"world-{name}"
            place(api, answers)
            steered(api, "POST", "faults", json=late)
            api.clock.advance(days=1)
            steered(api, "GET", "deliveries")
            api.clock.advance(days=3)
        with refusing(api):
            for name in ("one", "two"):
                api.token = f"world-{name}"
                steer(api, "POST", "clock/settle", json={})
                deliveries = api.world.deliveries.values()
                assert [len(each.attempts) for each in deliveries] == [1, 1]
        api.token = "world-third"
        place(api)
        copy.mkdir()
        for each in folder.glob("worlds.sqlite*"):
            (copy / each.name).write_bytes(each.read_bytes())  # as a kill leaves it
        for name in ("one", "two", "third"):
            api.token = f"world-{name}"
            left[name] = snapshot(api)

    for name in ("one", "two"):
        wanted = left[name]
        assert again(copy, token=f"world-{name}", **nowhere) == wanted


def test_the_journal_that_was_refused_is_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with kept(tmp_path) as api:
        keeper: Any = api.worlds.store
        api.get("/api/v1/user")
        with refusing(api):
            keeper._write_journals()  # noqa: SLF001 - whose moment comes by the wall
        assert any(LATER.fullmatch(each) for each in caplog.messages)
        left = steered(api, "GET", "journal")
        assert len(left["exchanges"]) == 1

    with kept(tmp_path) as api:
        assert steered(api, "GET", "journal") == left


def test_a_process_ends_in_peace_whatever_the_disk_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with kept(tmp_path) as api:
        place(api)
        keeper: Any = api.worlds.store
        keeper._file._connection.execute("PRAGMA query_only = ON")  # noqa: SLF001

    assert any(LATER.fullmatch(each) for each in caplog.messages)
    assert len(again(tmp_path)["campaigns"]) == 1
