"""Receipts under load: none is lost while somebody takes them, and a loss is on record.

Where a client takes fewer than it asks for, its submits wait; only where it takes none
at all are they declined.
"""

import logging
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import monotonic
from typing import Any
from unittest.mock import Mock

import pytest
from hypothesis import Phase, given
from hypothesis import strategies as st

from emulator.smpp import session
from emulator.smsc.receipt_backlog import ReceiptBacklog
from emulator.world import World
from tests.emulated import START, Api, emulated
from tests.properties import examples
from tests.smpp import loaded, packed
from tests.smpp.conftest import MakePhone
from tests.smpp.dialled import DEADLINE, Caller, Phone, listening
from tests.smpp.loaded import Client
from tests.smpp.packed import RECEIPTED_MESSAGE_ID, Packet, delivered, resp
from tests.smpp.test_receipts import advance, deliveries, receipt, silent
from tests.stored import kept

TX, RX, TRX = packed.BIND_TRANSMITTER, packed.BIND_RECEIVER, packed.BIND_TRANSCEIVER
EVER = 1_000_000  # seconds of the wall that no test waits
THROTTLED, QUEUE_FULL = 0x58, 0x14
# One receipt is under way, one waits, and the next submit_sm waits until one is taken.
PATIENT = {"max_queued_receipts": 1, "receiver_window": 1, "throttle_after": EVER}
SUBMITTED, ALIVE = resp(packed.SUBMIT_SM), resp(packed.ENQUIRE_LINK)
DAY = 86_400


def acknowledge(caller: Caller, asked: Packet, status: int = 0) -> None:
    answer = resp(packed.DELIVER_SM)
    caller.say(packed.packet(answer, asked.sequence, b"\0", status=status))
    caller.turn()


def told(asked: Packet) -> int:
    """Return the id of the message that a receipt is about."""
    assert asked.command == packed.DELIVER_SM, asked
    return int(delivered(asked.body).tlvs[RECEIPTED_MESSAGE_ID][:-1])


def stuck(caller: Caller) -> Packet:
    """Let a submit_sm, sequence number 4, wait; return the receipt on its way."""
    caller.submit(2, registered=1)
    first = caller.hear()
    caller.submit(3, registered=1)
    caller.say(packed.submit(4, registered=1))
    assert silent(caller)
    return first


def lost(phone: Phone) -> list[int]:
    """Return the ids of the messages whose receipts were dropped, as all records say.

    They are the deliveries, the events, the journal and the figures.
    """
    found = [each for each in deliveries(phone) if each["state"] == "dropped"]
    events = [each for _, each in phone.api.world.event_log.list_after(0)]
    rows = phone.api.get("/_emulator/journal?operation=dropped").body["exchanges"]
    count = sum(phone.api.world.counters.dropped.values())
    ids = [each["id"] for each in found]
    assert sorted(each.delivery for each in events if each.name == "dropped") == ids
    assert [each["path"] for each in rows] == ["/demo"] * count
    assert len(ids) == count
    return [each["message"] for each in found]


# --- Somebody takes them -------------------------------------------------------------


@pytest.mark.behaviour(38)
def test_a_client_that_acknowledges_gets_every_receipt_and_is_never_declined(
    make_phone: MakePhone,
) -> None:
    """By default, with more receipts behind than a session may have unanswered."""
    phone = make_phone(pace="instant")
    client = Client(phone.bound(), messages=3_000, window=100)

    loaded.run(phone, [client])

    assert client.statuses == [0] * 3_000
    assert lost(phone) == []


@pytest.mark.behaviour(38)
@examples(15, phases=(Phase.generate,))
@given(
    held=st.sampled_from([0, 1, 5, 1_000]),
    receiver_window=st.sampled_from([1, 3, 10]),
    pace=st.sampled_from(["instant", "manual"]),
    kinds=st.lists(
        st.tuples(st.sampled_from([TX, RX, TRX]), st.sampled_from([1, 7, 200])),
        min_size=1,
        max_size=4,
    ).filter(lambda kinds: {RX, TRX} & {kind for kind, _ in kinds}),
    answers_late=st.sampled_from([0, 3]),
)
def test_nothing_is_lost_nor_declined_whoever_submits_and_whoever_receives(
    *,
    held: int,
    receiver_window: int,
    pace: str,
    kinds: list[tuple[int, int]],
    answers_late: int,
) -> None:
    smpp = {"max_queued_receipts": held, "receiver_window": receiver_window}
    smpp["throttle_after"] = EVER
    with closing(emulated(pace=pace, smpp=smpp)) as api, listening(api) as phone:
        clients = [
            Client(
                phone.bound(command=kind),
                messages=0 if kind == RX else 40,
                window=window,
                answers_late=answers_late,
            )
            for kind, window in kinds
        ]
        if pace == "manual":  # all of them fall due at once
            api.world.clock.set_rate(1_000)

        loaded.run(phone, clients)

        assert {status for each in clients for status in each.statuses} <= {0}
        assert lost(phone) == []


def test_clients_of_two_worlds_do_not_wait_for_each_other(
    make_phone: MakePhone,
) -> None:
    phone = make_phone(pace="instant", smpp=PATIENT)
    stuck(phone.bound())
    other = phone.bound(system_id="world-acme")
    client = Client(other, messages=50, window=10)

    loaded.run(phone, [client])

    assert client.statuses == [0] * 50


def test_another_client_of_the_world_does_not_wait(make_phone: MakePhone) -> None:
    binds = [{"system_id": "demo"}, {"system_id": "other"}]
    phone = make_phone(pace="instant", smpp=PATIENT, binds=binds)
    stuck(phone.bound())
    client = Client(phone.bound(system_id="other"), messages=50, window=10)

    loaded.run(phone, [client])

    assert client.statuses == [0] * 50


def test_two_connections_that_wait_are_let_in_in_turn(make_phone: MakePhone) -> None:
    phone = make_phone(
        pace="instant", smpp={"max_queued_receipts": 3, "throttle_after": EVER}
    )
    receiver = Client(phone.bound(command=RX))
    one, other = (
        Client(phone.bound(command=TX), messages=400, window=400) for _ in range(2)
    )

    loaded.run(phone, [receiver, one, other])

    first = int(min(one.ids + other.ids)[:-1])
    places = [int(each[:-1]) - first for each in one.ids]
    ahead = max(abs(2 * index - place) for index, place in enumerate(places))
    assert ahead < 100, "one is served before the other"


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("kinds", [(TRX,), (TX, RX)])
def test_a_submit_waits_until_a_receipt_is_acknowledged(
    make_phone: MakePhone, kinds: tuple[int, ...]
) -> None:
    phone = make_phone(pace="instant", smpp=PATIENT)
    callers = [phone.bound(command=kind) for kind in kinds]
    sender, receiver = callers[0], callers[-1]
    sender.submit(2, registered=1)
    first = receiver.hear()
    sender.submit(3, registered=1)
    sender.say(packed.submit(4, registered=1), packed.packet(packed.QUERY_SM, 5, b""))
    assert silent(sender)  # an enquire_link does not wait

    acknowledge(receiver, first)

    if receiver is sender:
        assert receiver.hear().command == packed.DELIVER_SM
    assert [sender.hear().sequence for _ in range(2)] == [4, 5]  # nothing overtakes


def test_who_wants_no_receipt_does_not_wait(make_phone: MakePhone) -> None:
    phone = make_phone(pace="instant", smpp=PATIENT)
    receiver = phone.bound(command=RX)
    for sequence in (2, 3):
        phone.bound(command=TX).submit(sequence, registered=1)

    assert phone.bound(command=TX).submit(4)
    assert receiver.hear().command == packed.DELIVER_SM


@pytest.mark.parametrize(
    "end",
    [
        lambda phone: phone.api.post("/_emulator/world/reset"),
        lambda phone: phone.api.send(
            "PATCH", "/_emulator/account", json={"smpp": {"max_queued_receipts": 2}}
        ),
        lambda phone: phone.api.post(
            f"/_emulator/deliveries/{deliveries(phone)[-1]['id']}/drop"
        ),
        lambda phone: phone.callers[0].ask(packed.packet(packed.UNBIND, 9)),
    ],
    ids=["reset", "max_queued_receipts", "drop", "unbind"],
)
def test_a_submit_waits_no_longer_than_there_is_something_to_wait_for(
    make_phone: MakePhone, end: Any
) -> None:
    phone = make_phone(pace="instant", smpp=PATIENT)
    receiver, sender = phone.bound(command=RX), phone.bound(command=TX)
    for sequence in (2, 3):
        sender.submit(sequence, registered=1)
    receiver.hear()
    sender.say(packed.submit(4, registered=1))
    assert silent(sender)

    end(phone)

    answer = sender.hear()
    assert (answer.sequence, answer.status) == (4, 0)


def test_a_client_that_leaves_while_it_waits_has_not_submitted(
    make_phone: MakePhone,
) -> None:
    phone = make_phone(pace="instant", smpp=PATIENT)
    receiver, sender = phone.bound(command=RX), phone.bound(command=TX)
    other = phone.bound(command=TX)
    for sequence in (2, 3):
        sender.submit(sequence, registered=1)
    sender.say(packed.submit(4, registered=1))
    assert silent(sender)
    other.say(packed.submit(2, registered=1))
    assert silent(other)

    sender.hang_up()
    acknowledge(receiver, receiver.hear())

    assert other.hear().status == 0
    assert len(phone.api.world.campaigns) == 3


def test_what_is_no_pdu_comes_behind_what_waits(make_phone: MakePhone) -> None:
    phone = make_phone(pace="instant", smpp=PATIENT)
    caller = phone.bound()
    first = stuck(caller)
    answer = packed.packet(resp(packed.DELIVER_SM), first.sequence, b"\0")

    caller.say(answer, b"\0\0\0\1garbage and more of it")

    heard = [caller.hear() for _ in range(3)]
    assert [each.command for each in heard] == [
        *(packed.DELIVER_SM, SUBMITTED, packed.GENERIC_NACK)
    ]
    assert caller.is_cut()


def test_who_sends_more_than_can_be_put_off_is_served_all_the_same(
    make_phone: MakePhone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_DEFERRED_OCTETS", 500)
    phone = make_phone(
        pace="instant", smpp={"max_queued_receipts": 0, "throttle_after": EVER}
    )
    client = Client(phone.bound(), messages=400, window=400)

    loaded.run(phone, [client])

    assert client.statuses == [0] * 400
    assert lost(phone) == []


# --- Nobody acknowledges any ---------------------------------------------------------


@pytest.mark.behaviour(38)
@pytest.mark.manual("SMP-11")
@pytest.mark.parametrize(
    ("chosen", "status"),
    [({}, THROTTLED), ({"queue_full_status": QUEUE_FULL}, QUEUE_FULL)],
)
def test_who_acknowledges_nothing_is_slowed_down_and_nothing_has_happened(
    make_phone: MakePhone, chosen: dict[str, int], status: int
) -> None:
    smpp = {
        "max_queued_receipts": 5,
        "receiver_window": 2,
        "throttle_after": 0,
        **chosen,
    }
    phone = make_phone(pace="instant", smpp=smpp)
    caller = phone.bound()
    before = phone.api.balance()

    caller.say(*(packed.submit(each, registered=1) for each in range(2, 32)))

    heard = [caller.hear() for _ in range(32)]
    answers = [each for each in heard if each.command == SUBMITTED]
    receipts = [each for each in heard if each.command == packed.DELIVER_SM]
    assert [each.status for each in answers] == [0] * 7 + [status] * 23
    assert {each.body for each in answers[7:]} == {b""}
    assert before - phone.api.balance() == len(phone.api.world.campaigns) == 7
    path = f"/_emulator/journal?operation=submit_sm&status={status}"
    declined = phone.api.get(path).body["exchanges"]
    assert len(declined) == 23
    assert declined[0]["why"] == (
        "5 receipts wait (smpp.max_queued_receipts), and none was "
        "acknowledged for 0 s: answer each deliver_sm"
    )

    assert caller.submit(39) == int(answers[6].body[:-1]) + 1  # it wants no receipt

    acknowledge(caller, receipts[0])
    acknowledge(caller, receipts[1])

    assert [told(caller.hear()) for _ in range(2)] == [
        int(each.body[:-1]) for each in answers[2:4]
    ]
    assert caller.submit(40, registered=1) == int(answers[6].body[:-1]) + 2
    assert lost(phone) == []


def test_a_client_that_has_stopped_acknowledging_is_declined_after_a_while(
    make_phone: MakePhone,
) -> None:
    phone = make_phone(pace="instant", smpp={**PATIENT, "throttle_after": 0.02})
    caller = phone.bound()
    caller.submit(2, registered=1)
    first = caller.hear()
    caller.submit(3, registered=1)

    later = caller.ask(packed.submit(4, registered=1))
    at_once = caller.ask(packed.submit(5, registered=1))
    acknowledge(caller, first)
    second = caller.hear()

    assert [later.status, at_once.status] == [THROTTLED] * 2
    assert caller.submit(6, registered=1)
    assert told(second) != told(first)


@dataclass
class Wall:
    """The loop of a test that turns the clock."""

    now: float = 0
    alarms: list[tuple[float, Callable[[], None]]] = field(default_factory=list)

    def time(self) -> float:
        return self.now

    def call_at(self, when: float, then: Callable[[], None]) -> Mock:
        self.alarms.append((when, then))
        return Mock()

    def turn(self, seconds: float) -> None:
        self.now += seconds
        due = [each for each in self.alarms if each[0] <= self.now]
        self.alarms = [each for each in self.alarms if each not in due]
        for _, then in due:
            then()


def full(world: World, wall: Wall) -> ReceiptBacklog:
    """Return the backlog of a client for whom as many receipts wait as may."""
    world.outbox.receipt_queues["demo"] = deque([Mock()] * 10_000)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("asyncio.get_running_loop", lambda: wall)
        return ReceiptBacklog(world, "demo")


def test_only_time_without_an_acknowledgement_counts(phone: Phone) -> None:
    wall = Wall()
    behind, line, gone = full(phone.api.world, wall), Mock(), Mock()
    behind.hold_connection(line)
    behind.hold_connection(gone)
    behind.release_connection(gone)

    for _ in range(10):
        wall.turn(1.5)
        behind.note_progress()
    in_time = line.resume_submit.called, behind.is_stalled
    wall.turn(1.9)
    not_yet = line.resume_submit.called, behind.is_stalled
    wall.turn(0.2)
    at_last = line.resume_submit.called, behind.is_stalled

    assert in_time == not_yet == (False, False)
    assert at_last == (True, True)
    assert not gone.resume_submit.called


def test_the_alarm_lets_in_whoever_waits_though_there_is_room(api: Api) -> None:
    """Nobody rang when the last receipt that was too many went: a reset, for one."""
    wall, world = Wall(), api.world
    behind = full(world, wall)
    lines = [Mock(), Mock()]
    for line in lines:
        behind.hold_connection(line)
    world.outbox.receipt_queues.clear()

    wall.turn(2)
    first = [line.resume_submit.called for line in lines]
    wall.turn(2)

    assert first == [True, False]
    assert [line.resume_submit.call_count for line in lines] == [1, 1]
    assert not behind.is_stalled


@pytest.mark.parametrize("then", ["acknowledged", "reset"])
def test_a_client_is_not_held_to_what_it_left_unanswered_before(
    api: Api, then: str
) -> None:
    wall, world = Wall(), api.world
    behind = full(world, wall)
    behind.hold_connection(Mock())
    wall.turn(2)
    stalled = behind.is_stalled

    if then == "acknowledged":
        behind.note_progress()
    else:
        world.put_state(world.copy(), at=START, rate=0)
        world.resume_activity()
        world.outbox.receipt_queues["demo"] = deque([Mock()] * 10_000)

    assert stalled
    assert behind.is_over
    assert not behind.is_stalled


# --- There is no receiver ------------------------------------------------------------


def absent(phone: Phone, messages: int) -> list[int]:
    """Submit without a receiver, and return the ids."""
    sender = phone.bound(command=TX)
    return [sender.submit(2 + each, registered=1) for each in range(messages)]


@pytest.mark.behaviour(38)
def test_the_oldest_are_dropped_on_record_where_too_many_wait_for_nobody(
    make_phone: MakePhone, caplog: pytest.LogCaptureFixture
) -> None:
    phone = make_phone(smpp={"max_queued_receipts": 3})
    ids = absent(phone, 10)
    with caplog.at_level(logging.WARNING, "emulator"):
        happened = phone.api.post("/_emulator/clock/advance", json={"seconds": 60}).body
    receiver = phone.bound(command=RX)

    got = [told_and_acknowledged(receiver) for _ in range(3)]

    assert got == ids[7:]
    assert silent(receiver)
    assert lost(phone) == ids[:7]
    told_of = [each for each in happened["events"] if each["event"] == "dropped"]
    assert {each["verdict"] for each in told_of} == {"too_many"}
    (row, *_) = phone.api.get("/_emulator/journal?operation=dropped").body["exchanges"]
    assert row["method"] == "SMSC"
    assert f"the receipt of message {ids[0]}" in row["why"]
    assert "smpp.max_queued_receipts" in row["why"]
    counted = phone.api.get("/_emulator/metrics").octets.decode()
    assert 'smsclouds_receipts_dropped_total{reason="too_many"} 7\n' in counted
    assert "dropped 7 receipts for demo" in caplog.text
    assert len(caplog.records) == 1


def told_and_acknowledged(caller: Caller) -> int:
    return int(receipt(caller).tlvs[RECEIPTED_MESSAGE_ID][:-1])


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("leave", ["hang_up", "reset", "unbind"])
def test_a_receiver_that_leaves_its_backlog_behind_leaves_the_newest(
    make_phone: MakePhone, leave: str
) -> None:
    phone = make_phone(smpp={"max_queued_receipts": 4, "receiver_window": 3})
    receiver = phone.bound(command=RX)
    ids = absent(phone, 12)
    advance(phone)
    sent = [told(receiver.hear()) for _ in range(3)]
    before = lost(phone)

    if leave == "unbind":
        receiver.ask(packed.packet(packed.UNBIND, 9))
        receiver.hang_up()
    else:
        getattr(receiver, leave)()
    receiver.turn()
    advance(phone)

    assert (sent, before) == (ids[:3], [])
    assert lost(phone) == ids[:8]
    again = phone.bound(command=RX)
    assert [told_and_acknowledged(again) for _ in range(4)] == ids[8:]


def test_a_receiver_that_unbinds_takes_no_more(
    make_phone: MakePhone, caplog: pytest.LogCaptureFixture
) -> None:
    """What it has been sent already, it may still acknowledge."""
    phone = make_phone(smpp={"max_queued_receipts": 4, "receiver_window": 3})
    receiver = phone.bound(command=RX)
    ids = absent(phone, 12)
    advance(phone)
    sent = [receiver.hear() for _ in range(3)]

    receiver.ask(packed.packet(packed.UNBIND, 9))
    left = lost(phone)
    assert "dropped 5 receipts for demo" in caplog.text
    acknowledge(receiver, sent[0])
    receiver.hang_up()
    receiver.turn()

    assert left == ids[3:8]
    assert lost(phone) == ids[1:8]


def test_a_receiver_that_leaves_another_behind_leaves_everything(
    make_phone: MakePhone,
) -> None:
    phone = make_phone(smpp={"max_queued_receipts": 0, "receiver_window": 2})
    one, other = phone.bound(command=RX), phone.bound(command=RX)
    ids = absent(phone, 9)
    advance(phone)
    one.hang_up()
    one.turn()

    got = [told_and_acknowledged(other) for _ in range(9)]

    assert sorted(got) == ids
    assert lost(phone) == []


def test_what_comes_back_goes_before_what_has_waited(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={"receiver_window": 2})
    receiver = phone.bound(command=RX)
    ids = absent(phone, 5)
    advance(phone)

    receiver.hang_up()
    receiver.turn()
    again = phone.bound(command=RX)

    assert [told_and_acknowledged(again) for _ in range(5)] == ids


@pytest.mark.behaviour(38)
def test_what_waits_too_long_for_nobody_is_dropped_at_its_instant(
    make_phone: MakePhone, caplog: pytest.LogCaptureFixture
) -> None:
    phone = make_phone(smpp={"receipt_lifetime": DAY})
    ids = absent(phone, 2)
    phone.api.post("/_emulator/clock/settle", json={})
    settled = lost(phone)

    with caplog.at_level(logging.WARNING, "emulator"):
        moved = phone.api.post("/_emulator/clock/advance", json={"seconds": 2 * DAY})

    assert settled == []  # nothing has to happen that somebody may prevent
    assert lost(phone) == ids
    assert [(each["event"], each["at"]) for each in moved.body["events"]] == [
        ("dropped", "2026-03-03T18:00:11.000000Z")
    ] * 2
    assert "dropped 2 receipts for demo: no receiver" in caplog.text
    assert silent(phone.bound(command=RX))


def test_nothing_is_too_old_for_who_is_bound(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={"receipt_lifetime": DAY, "receiver_window": 1})
    receiver = phone.bound(command=RX)
    ids = absent(phone, 3)
    advance(phone)

    advance(phone, 2 * DAY)

    assert [told_and_acknowledged(receiver) for _ in range(3)] == ids
    assert lost(phone) == []


def test_what_is_too_old_is_dropped_when_the_receiver_leaves(
    make_phone: MakePhone,
) -> None:
    phone = make_phone(smpp={"receipt_lifetime": DAY, "receiver_window": 1})
    receiver = phone.bound(command=RX)
    ids = absent(phone, 3)
    advance(phone, 2 * DAY)

    receiver.hang_up()
    receiver.turn()

    assert lost(phone) == ids


@pytest.mark.parametrize("command", ["replay", "send"])
def test_a_receipt_that_waits_and_is_sent_now_comes_once(
    phone: Phone, command: str
) -> None:
    (message,) = absent(phone, 1)
    advance(phone)
    phone.api.post(f"/_emulator/deliveries/{deliveries(phone)[0]['id']}/{command}")

    receiver = phone.bound(command=RX)

    assert told(receiver.hear()) == message
    assert silent(receiver)


def test_what_is_too_old_is_dropped_though_nobody_looks(make_phone: MakePhone) -> None:
    phone = make_phone(smpp={"receipt_lifetime": DAY, "receiver_window": 1})
    receiver = phone.bound(command=RX)
    absent(phone, 2)
    advance(phone)
    phone.api.send("PUT", "/_emulator/clock", json={"rate": 10 * DAY})
    receiver.turn()

    receiver.ask(packed.packet(packed.UNBIND, 9))

    deadline = monotonic() + DEADLINE
    while not phone.api.world.counters.dropped:
        assert monotonic() < deadline, "it still waits"
        receiver.turn()
    (_, first), *_ = phone.api.world.event_log.list_after(0)
    made_at = phone.api.world.deliveries[first.delivery].created_at
    assert (first.name, first.at) == ("dropped", made_at + timedelta(days=1))


# --- The state is taken over ---------------------------------------------------------


def test_an_answer_to_a_receipt_of_another_state_counts_for_none_of_this(
    make_phone: MakePhone,
) -> None:
    """After a reset the ids of deliveries begin anew."""
    phone = make_phone(smpp={"receiver_window": 3})
    receiver = phone.bound(command=RX)
    absent(phone, 3)
    advance(phone)
    before = [receiver.hear() for _ in range(3)]
    phone.api.post("/_emulator/world/reset")
    ids = absent(phone, 3)
    advance(phone)

    for each in before:
        acknowledge(receiver, each)

    assert [told_and_acknowledged(receiver) for _ in range(3)] == ids
    assert [each["state"] for each in deliveries(phone)] == ["delivered"] * 3


@pytest.mark.parametrize("bound", [True, False])
def test_receipts_that_wait_are_there_after_a_restore(
    make_phone: MakePhone, *, bound: bool
) -> None:
    phone = make_phone(smpp={"max_queued_receipts": 2, "receiver_window": 1})
    receiver = phone.bound(command=RX)
    ids = absent(phone, 5)
    advance(phone)
    snapshot = phone.api.get("/_emulator/world/snapshot").body
    for _ in ids:
        receipt(receiver)
    if not bound:
        receiver.hang_up()
        receiver.turn()

    phone.api.post("/_emulator/world/restore", json=snapshot)
    receiver.turn()

    if not bound:
        assert lost(phone) == ids[:3]
        receiver = phone.bound(command=RX)
    owed = ids if bound else ids[3:]
    assert [told_and_acknowledged(receiver) for _ in owed] == owed
    assert silent(receiver)


def test_what_waits_and_what_was_dropped_outlive_the_process(tmp_path: Path) -> None:
    changes = {"smpp": {"max_queued_receipts": 2}}
    with kept(tmp_path) as api, listening(api) as phone:
        api.post("/_emulator/clock/freeze")
        api.send("PATCH", "/_emulator/account", json=changes)
        ids = absent(phone, 3)
        advance(phone)
        assert lost(phone) == ids[:1]
        for each in phone.callers:
            each.hang_up()

    with kept(tmp_path) as api, listening(api) as phone:
        states = [each["state"] for each in deliveries(phone)]
        rows = api.get("/_emulator/journal?operation=dropped").body["exchanges"]
        receiver = phone.bound(command=RX)
        got = [told_and_acknowledged(receiver) for _ in range(2)]

    assert states == ["dropped", "due", "due"]
    assert len(rows) == 1
    assert got == ids[1:]
