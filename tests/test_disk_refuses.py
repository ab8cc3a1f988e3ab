"""A disk that refuses: who asks is told, and what has happened all the same is kept."""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.domain.command_status import Status
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
# What is changed before the disk is asked, a world that is opened included.
CHANGED_ALREADY = {
    "receiveText",
    "setClock",
    "advanceClock",
    "settleWorld",
    "resetWorld",
    "addFault",
    "clearFaults",
    "changeFault",
    "removeFault",
    "createWorld",
    "forkWorld",
    "openCheckpoint",
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
        if name not in CHANGED_ALREADY:
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

    assert answer.status == 200
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

        assert answer.status == Status.ESME_RSYSERR
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


def test_what_falls_due_meanwhile_is_not_lost(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
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
        with refusing(api):
            refused = steer(api, "POST", "clock/advance", json={"seconds": 86_400})
            reading = steer(api, "GET", "deliveries")
        assert (refused.status, reading.status) == (500, 500)
        assert any(WRITES_NOT.fullmatch(each) for each in caplog.messages)

        assert replies(api) == wanted
        assert steer(api, "GET", "deliveries").status == 200
        assert len(api.world.deliveries) == delivered
        left = snapshot(api)

    assert again(folder) == left


def test_a_push_that_has_arrived_is_not_sent_again(tmp_path: Path) -> None:
    with hearing() as receiver:
        with kept(tmp_path, push_url=receiver.url) as api:
            place(api)
            steered(api, "POST", "clock/advance", json={"seconds": 11})
            late = {"effect": {"push": "late", "seconds": 5}}
            steered(api, "POST", "faults", json=late)
            steered(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
            with refusing(api):
                steer(api, "POST", "clock/settle", json={})
                assert len(receiver.asked) == 1

        with kept(tmp_path, push_url=receiver.url) as api:
            steered(api, "POST", "clock/settle", json={})
            (done,) = steered(api, "GET", "deliveries")["deliveries"]
            assert len(receiver.asked) == 1
            assert [each["verdict"] for each in done["attempts"]] == ["accepted"]


def test_a_receipt_that_was_made_and_acknowledged_is_not_sent_again(
    tmp_path: Path,
) -> None:
    with kept(tmp_path) as api, listening(api) as phone:
        caller = phone.bound()
        caller.submit(2, registered=1)
        with refusing(api):
            steer(api, "POST", "clock/advance", json={"seconds": 60})
            assert b"stat:DELIVRD" in receipt(caller).short
        left = snapshot(api)
        assert [each["state"] for each in left["deliveries"]] == ["delivered"]

    with kept(tmp_path) as api, listening(api) as phone:
        assert snapshot(api) == left
        caller = phone.bound()
        steered(api, "POST", "clock/advance", json={"seconds": 60})
        alive = packed.packet(packed.ENQUIRE_LINK, 7)
        assert caller.ask(alive).command == resp(packed.ENQUIRE_LINK)


def test_receipts_that_a_fault_or_age_ends_stay_ended(tmp_path: Path) -> None:
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
            phone.bound(command=packed.BIND_RECEIVER)
            sender.turn()
        left = snapshot(api)
        states = [each["state"] for each in left["deliveries"]]
        assert states == ["dropped", "lost"]

    assert again(tmp_path, **slow) == left


# --- What follows a request that was kept ------------------------------------


def test_a_reply_that_comes_early_is_kept_though_the_disk_is_full_by_then(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    nowhere: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo"}
    early = {"effect": {"push": "early"}, "first": 1}
    with kept(tmp_path, **nowhere) as api:
        steered(api, "POST", "faults", json=early)
        with refusing(api, after=1):
            placed = api.post(SMS, json=an_sms(recipients=to(REPLYING)))
        assert placed.status == 200
        assert len(api.world.responses) == 1
        left = snapshot(api)

    assert any("the disk is full" in each for each in caplog.messages)
    assert again(tmp_path, **nowhere) == left


@pytest.mark.parametrize(
    ("effect", "first"),
    [({"pdu": "early_receipt"}, packed.DELIVER_SM), ({"delay": 5}, 0)],
)
def test_what_a_fault_makes_of_a_submit_is_kept_though_the_disk_is_full_by_then(
    tmp_path: Path, effect: Any, first: int
) -> None:
    rule = {"operation": "submit_sm", "phase": "after", "effect": effect, "first": 1}
    with kept(tmp_path) as api, listening(api) as phone:
        caller = phone.bound()
        steered(api, "POST", "faults", json=rule)
        with refusing(api, after=1):
            caller.say(packed.submit(2, registered=1))
            caller.turn()
        if first:
            told = caller.hear()
            assert told.command == first
            octets = packed.packet(resp(first), told.sequence, b"\0")
            caller.say(octets)
        else:
            steered(api, "POST", "clock/advance", json={"seconds": 5})
        answer = caller.hear()
        assert (answer.command, answer.status) == (resp(packed.SUBMIT_SM), 0)
        caller.turn()
        left = snapshot(api)
        assert len(left["campaigns"]) == 1

    assert again(tmp_path) == left


def test_a_delivery_that_is_forgotten_meanwhile_leaves_the_file_later(
    tmp_path: Path,
) -> None:
    nowhere: dict[str, Any] = {"push_url": "http://127.0.0.1:9/mo"}
    with kept(tmp_path, **nowhere) as api:
        api.world._commons.deliveries = 2  # noqa: SLF001 - the bound, made small
        place(api, an_sms(recipients=to(*[REPLYING] * 4)))
        with refusing(api):
            steer(api, "POST", "clock/settle", json={})
        assert steered(api, "GET", "deliveries")["dropped"] > 0
        left = snapshot(api)

    assert again(tmp_path, **nowhere) == left


def test_what_happened_in_every_world_is_written_with_the_first_request_in_any(
    tmp_path: Path,
) -> None:
    folder, copy = tmp_path / "data", tmp_path / "copy"
    answers = an_sms(recipients=to(REPLYING))
    left = {}
    with kept(folder) as api:
        for name in ("one", "two", "third"):
            api.token = f"world-{name}"
            place(api, answers)
        with refusing(api):
            for name in ("one", "two"):
                api.token = f"world-{name}"
                api.clock.advance(days=1)
                assert api.get("/api/v1/user").status == 500
                assert replies(api)
        api.token = "world-third"
        place(api)
        copy.mkdir()
        for each in folder.glob("worlds.sqlite*"):
            (copy / each.name).write_bytes(each.read_bytes())  # as a kill leaves it
        for name in ("one", "two", "third"):
            api.token = f"world-{name}"
            left[name] = snapshot(api)

    for name, wanted in left.items():
        assert again(copy, token=f"world-{name}") == wanted


def test_the_journal_that_was_refused_is_written_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with kept(tmp_path) as api:
        keeper: Any = api.worlds._commons.keeper  # noqa: SLF001
        api.get("/api/v1/user")
        with refusing(api):
            keeper._catch_up()  # noqa: SLF001 - whose moment comes by the wall
        assert any(WRITES_NOT.fullmatch(each) for each in caplog.messages)
        left = steered(api, "GET", "journal")
        assert len(left["exchanges"]) == 1

    with kept(tmp_path) as api:
        assert steered(api, "GET", "journal") == left


def test_a_process_ends_in_peace_whatever_the_disk_says(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with kept(tmp_path) as api:
        place(api)
        keeper: Any = api.worlds._commons.keeper  # noqa: SLF001
        keeper._file._base.execute("PRAGMA query_only = ON")  # noqa: SLF001

    assert any(WRITES_NOT.fullmatch(each) for each in caplog.messages)
    assert len(again(tmp_path)["campaigns"]) == 1
