"""Receipts under load: none is lost while somebody takes them, and a loss is on record.

Where a client takes fewer than it asks for, its submits wait; only where it takes none
at all are they declined.
"""

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable, Sequence
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
from tests.smpp.test_receipts import advance, deliveries, receipt, silent
from tests.support.emulator import START, Api, make_emulator, set_examples
from tests.support.smpp import (
    BIND_RECEIVER,
    BIND_TRANSCEIVER,
    BIND_TRANSMITTER,
    DEADLINE,
    DELIVER_SM,
    ENQUIRE_LINK,
    GENERIC_NACK,
    QUERY_SM,
    RECEIPTED_MESSAGE_ID,
    SUBMIT_SM,
    UNBIND,
    MakeSmsc,
    Pdu,
    SmppClient,
    Smsc,
    get_response_id,
    open_smsc,
    pack_pdu,
    pack_submit,
    unpack_deliver,
)
from tests.support.worlds import keep_worlds

TX, RX, TRX = BIND_TRANSMITTER, BIND_RECEIVER, BIND_TRANSCEIVER
EVER = 1_000_000  # seconds of the wall that no test waits
THROTTLED, QUEUE_FULL = 0x58, 0x14
# One receipt is under way, one waits, and the next submit_sm waits until one is taken.
PATIENT = {"max_queued_receipts": 1, "receiver_window": 1, "throttle_after": EVER}
SUBMITTED, ALIVE = get_response_id(SUBMIT_SM), get_response_id(ENQUIRE_LINK)
DAY = 86_400


def acknowledge(caller: SmppClient, asked: Pdu, status: int = 0) -> None:
    answer = get_response_id(DELIVER_SM)
    caller.say(pack_pdu(answer, asked.sequence, b"\0", status=status))
    caller.turn()


def told(asked: Pdu) -> int:
    """Return the id of the message that a receipt is about."""
    assert asked.command == DELIVER_SM, asked
    return int(unpack_deliver(asked.body).tlvs[RECEIPTED_MESSAGE_ID][:-1])


def stuck(caller: SmppClient) -> Pdu:
    """Let a submit_sm, sequence number 4, wait; return the receipt on its way."""
    caller.submit(2, registered=1)
    first = caller.hear()
    caller.submit(3, registered=1)
    caller.say(pack_submit(4, registered=1))
    assert silent(caller)
    return first


def lost(smsc: Smsc) -> list[int]:
    """Return the ids of the messages whose receipts were dropped, as all records say.

    They are the deliveries, the events, the journal and the figures.
    """
    found = [each for each in deliveries(smsc) if each["state"] == "dropped"]
    events = [each for _, each in smsc.api.world.event_log.list_after(0)]
    rows = smsc.api.get("/_emulator/journal?operation=dropped").body["exchanges"]
    count = sum(smsc.api.world.shared.counters.dropped.values())
    ids = [each["id"] for each in found]
    assert sorted(each.delivery for each in events if each.name == "dropped") == ids
    assert [each["path"] for each in rows] == ["/demo"] * count
    assert len(ids) == count
    return [each["message"] for each in found]


@dataclass
class LoadClient:
    """Keeps a window of submit_sm open and answers receipts; and what came of it."""

    caller: SmppClient
    messages: int = 0
    window: int = 100
    answers_late: int = 0  # turns of the loop before it acknowledges
    statuses: list[int] = field(default_factory=list)  # of submit_sm_resp, in order
    ids: list[bytes] = field(default_factory=list)  # of what was accepted
    receipts: list[bytes] = field(default_factory=list)  # ids of those acknowledged
    _sent: int = 0

    async def run(self) -> None:
        """Submit and acknowledge until it is cancelled."""
        self._fill()
        while True:
            asked = await self.caller._packet()  # noqa: SLF001 - the same client
            if asked.command == get_response_id(SUBMIT_SM):
                self.statuses.append(asked.status)
                if not asked.status:
                    self.ids.append(asked.body)
            elif asked.command == DELIVER_SM:
                for _ in range(self.answers_late):
                    await asyncio.sleep(0)
                self.receipts.append(
                    unpack_deliver(asked.body).tlvs[RECEIPTED_MESSAGE_ID]
                )
                answer = get_response_id(DELIVER_SM)
                self.caller.writer.write(pack_pdu(answer, asked.sequence, b"\0"))
            self._fill()

    def _fill(self) -> None:
        room = self.window - (self._sent - len(self.statuses))
        more = range(self._sent, min(self.messages, self._sent + room))
        octets = [pack_submit(2 + each, registered=1) for each in more]
        self._sent += len(octets)
        self.caller.writer.write(b"".join(octets))

    @property
    def is_answered(self) -> bool:
        return len(self.statuses) == self.messages


def submit_and_acknowledge(smsc: Smsc, clients: Sequence[LoadClient]) -> None:
    """Let *clients* submit until all is answered and every receipt has come.

    Fails where one is dropped, does not come, comes twice or is about something else.
    """
    clients[0].caller.loop.run_until_complete(_submit(smsc, clients))
    told = Counter(each for client in clients for each in client.receipts)
    placed = Counter(each for client in clients for each in client.ids)
    assert told == placed


async def _submit(smsc: Smsc, clients: Sequence[LoadClient]) -> None:
    dropped = smsc.api.world.shared.counters.dropped
    tasks = [asyncio.ensure_future(each.run()) for each in clients]
    try:
        async with asyncio.timeout(DEADLINE):
            while not _is_done(clients):
                await asyncio.sleep(0)
                assert not dropped
                for each in tasks:
                    if each.done():
                        each.result()
    except TimeoutError:
        seen = [(len(each.statuses), len(each.receipts)) for each in clients]
        message = f"answers and receipts when the time was up: {seen}"
        raise AssertionError(message) from None
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_done(clients: Sequence[LoadClient]) -> bool:
    placed = sum(len(each.ids) for each in clients)
    told = sum(len(each.receipts) for each in clients)
    return all(each.is_answered for each in clients) and told >= placed


# --- Somebody takes them -------------------------------------------------------------


@pytest.mark.behaviour(38)
def test_a_client_that_acknowledges_gets_every_receipt_and_is_never_declined(
    make_smsc: MakeSmsc,
) -> None:
    """By default, with more receipts behind than a session may have unanswered."""
    smsc = make_smsc(pace="instant")
    client = LoadClient(smsc.bind(), messages=3_000, window=100)

    submit_and_acknowledge(smsc, [client])

    assert client.statuses == [0] * 3_000
    assert lost(smsc) == []


@pytest.mark.behaviour(38)
@set_examples(15, phases=(Phase.generate,))
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
    with closing(make_emulator(pace=pace, smpp=smpp)) as api, open_smsc(api) as smsc:
        clients = [
            LoadClient(
                smsc.bind(command=kind),
                messages=0 if kind == RX else 40,
                window=window,
                answers_late=answers_late,
            )
            for kind, window in kinds
        ]
        if pace == "manual":  # all of them fall due at once
            api.world.clock.set_rate(1_000)

        submit_and_acknowledge(smsc, clients)

        assert {status for each in clients for status in each.statuses} <= {0}
        assert lost(smsc) == []


def test_clients_of_two_worlds_do_not_wait_for_each_other(
    make_smsc: MakeSmsc,
) -> None:
    smsc = make_smsc(pace="instant", smpp=PATIENT)
    stuck(smsc.bind())
    other = smsc.bind(system_id="world-acme")
    client = LoadClient(other, messages=50, window=10)

    submit_and_acknowledge(smsc, [client])

    assert client.statuses == [0] * 50


def test_another_client_of_the_world_does_not_wait(make_smsc: MakeSmsc) -> None:
    binds = [{"system_id": "demo"}, {"system_id": "other"}]
    smsc = make_smsc(pace="instant", smpp=PATIENT, binds=binds)
    stuck(smsc.bind())
    client = LoadClient(smsc.bind(system_id="other"), messages=50, window=10)

    submit_and_acknowledge(smsc, [client])

    assert client.statuses == [0] * 50


def test_two_connections_that_wait_are_let_in_in_turn(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(
        pace="instant", smpp={"max_queued_receipts": 3, "throttle_after": EVER}
    )
    receiver = LoadClient(smsc.bind(command=RX))
    one, other = (
        LoadClient(smsc.bind(command=TX), messages=400, window=400) for _ in range(2)
    )

    submit_and_acknowledge(smsc, [receiver, one, other])

    first = int(min(one.ids + other.ids)[:-1])
    places = [int(each[:-1]) - first for each in one.ids]
    ahead = max(abs(2 * index - place) for index, place in enumerate(places))
    assert ahead < 100, "one is served before the other"


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("kinds", [(TRX,), (TX, RX)])
def test_a_submit_waits_until_a_receipt_is_acknowledged(
    make_smsc: MakeSmsc, kinds: tuple[int, ...]
) -> None:
    smsc = make_smsc(pace="instant", smpp=PATIENT)
    callers = [smsc.bind(command=kind) for kind in kinds]
    sender, receiver = callers[0], callers[-1]
    sender.submit(2, registered=1)
    first = receiver.hear()
    sender.submit(3, registered=1)
    sender.say(pack_submit(4, registered=1), pack_pdu(QUERY_SM, 5, b""))
    assert silent(sender)  # an enquire_link does not wait

    acknowledge(receiver, first)

    if receiver is sender:
        assert receiver.hear().command == DELIVER_SM
    assert [sender.hear().sequence for _ in range(2)] == [4, 5]  # nothing overtakes


def test_who_wants_no_receipt_does_not_wait(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(pace="instant", smpp=PATIENT)
    receiver = smsc.bind(command=RX)
    for sequence in (2, 3):
        smsc.bind(command=TX).submit(sequence, registered=1)

    assert smsc.bind(command=TX).submit(4)
    assert receiver.hear().command == DELIVER_SM


@pytest.mark.parametrize(
    "end",
    [
        lambda smsc: smsc.api.post("/_emulator/world/reset"),
        lambda smsc: smsc.api.send(
            "PATCH", "/_emulator/account", json={"smpp": {"max_queued_receipts": 2}}
        ),
        lambda smsc: smsc.api.post(
            f"/_emulator/deliveries/{deliveries(smsc)[-1]['id']}/drop"
        ),
        lambda smsc: smsc.clients[0].ask(pack_pdu(UNBIND, 9)),
    ],
    ids=["reset", "max_queued_receipts", "drop", "unbind"],
)
def test_a_submit_waits_no_longer_than_there_is_something_to_wait_for(
    make_smsc: MakeSmsc, end: Any
) -> None:
    smsc = make_smsc(pace="instant", smpp=PATIENT)
    receiver, sender = smsc.bind(command=RX), smsc.bind(command=TX)
    for sequence in (2, 3):
        sender.submit(sequence, registered=1)
    receiver.hear()
    sender.say(pack_submit(4, registered=1))
    assert silent(sender)

    end(smsc)

    answer = sender.hear()
    assert (answer.sequence, answer.status) == (4, 0)


def test_a_client_that_leaves_while_it_waits_has_not_submitted(
    make_smsc: MakeSmsc,
) -> None:
    smsc = make_smsc(pace="instant", smpp=PATIENT)
    receiver, sender = smsc.bind(command=RX), smsc.bind(command=TX)
    other = smsc.bind(command=TX)
    for sequence in (2, 3):
        sender.submit(sequence, registered=1)
    sender.say(pack_submit(4, registered=1))
    assert silent(sender)
    other.say(pack_submit(2, registered=1))
    assert silent(other)

    sender.hang_up()
    acknowledge(receiver, receiver.hear())

    assert other.hear().status == 0
    assert len(smsc.api.world.campaigns) == 3


def test_what_is_no_pdu_comes_behind_what_waits(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(pace="instant", smpp=PATIENT)
    caller = smsc.bind()
    first = stuck(caller)
    answer = pack_pdu(get_response_id(DELIVER_SM), first.sequence, b"\0")

    caller.say(answer, b"\0\0\0\1garbage and more of it")

    heard = [caller.hear() for _ in range(3)]
    assert [each.command for each in heard] == [*(DELIVER_SM, SUBMITTED, GENERIC_NACK)]
    assert caller.is_cut()


def test_who_sends_more_than_can_be_put_off_is_served_all_the_same(
    make_smsc: MakeSmsc, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "MAX_DEFERRED_OCTETS", 500)
    smsc = make_smsc(
        pace="instant", smpp={"max_queued_receipts": 0, "throttle_after": EVER}
    )
    client = LoadClient(smsc.bind(), messages=400, window=400)

    submit_and_acknowledge(smsc, [client])

    assert client.statuses == [0] * 400
    assert lost(smsc) == []


# --- Nobody acknowledges any ---------------------------------------------------------


@pytest.mark.behaviour(38)
@pytest.mark.manual("SMP-11")
@pytest.mark.parametrize(
    ("chosen", "status"),
    [({}, THROTTLED), ({"queue_full_status": QUEUE_FULL}, QUEUE_FULL)],
)
def test_who_acknowledges_nothing_is_slowed_down_and_nothing_has_happened(
    make_smsc: MakeSmsc, chosen: dict[str, int], status: int
) -> None:
    smpp = {
        "max_queued_receipts": 5,
        "receiver_window": 2,
        "throttle_after": 0,
        **chosen,
    }
    smsc = make_smsc(pace="instant", smpp=smpp)
    caller = smsc.bind()
    before = smsc.api.balance()

    caller.say(*(pack_submit(each, registered=1) for each in range(2, 32)))

    heard = [caller.hear() for _ in range(32)]
    answers = [each for each in heard if each.command == SUBMITTED]
    receipts = [each for each in heard if each.command == DELIVER_SM]
    assert [each.status for each in answers] == [0] * 7 + [status] * 23
    assert {each.body for each in answers[7:]} == {b""}
    assert before - smsc.api.balance() == len(smsc.api.world.campaigns) == 7
    path = f"/_emulator/journal?operation=submit_sm&status={status}"
    declined = smsc.api.get(path).body["exchanges"]
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
    assert lost(smsc) == []


def test_a_client_that_has_stopped_acknowledging_is_declined_after_a_while(
    make_smsc: MakeSmsc,
) -> None:
    smsc = make_smsc(pace="instant", smpp={**PATIENT, "throttle_after": 0.02})
    caller = smsc.bind()
    caller.submit(2, registered=1)
    first = caller.hear()
    caller.submit(3, registered=1)

    later = caller.ask(pack_submit(4, registered=1))
    at_once = caller.ask(pack_submit(5, registered=1))
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


def test_only_time_without_an_acknowledgement_counts(smsc: Smsc) -> None:
    wall = Wall()
    behind, line, gone = full(smsc.api.world, wall), Mock(), Mock()
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


def absent(smsc: Smsc, messages: int) -> list[int]:
    """Submit without a receiver, and return the ids."""
    sender = smsc.bind(command=TX)
    return [sender.submit(2 + each, registered=1) for each in range(messages)]


@pytest.mark.behaviour(38)
def test_the_oldest_are_dropped_on_record_where_too_many_wait_for_nobody(
    make_smsc: MakeSmsc, caplog: pytest.LogCaptureFixture
) -> None:
    smsc = make_smsc(smpp={"max_queued_receipts": 3})
    ids = absent(smsc, 10)
    with caplog.at_level(logging.WARNING, "emulator"):
        happened = smsc.api.post("/_emulator/clock/advance", json={"seconds": 60}).body
    receiver = smsc.bind(command=RX)

    got = [told_and_acknowledged(receiver) for _ in range(3)]

    assert got == ids[7:]
    assert silent(receiver)
    assert lost(smsc) == ids[:7]
    told_of = [each for each in happened["events"] if each["event"] == "dropped"]
    assert {each["verdict"] for each in told_of} == {"too_many"}
    (row, *_) = smsc.api.get("/_emulator/journal?operation=dropped").body["exchanges"]
    assert row["method"] == "SMSC"
    assert f"the receipt of message {ids[0]}" in row["why"]
    assert "smpp.max_queued_receipts" in row["why"]
    counted = smsc.api.get("/_emulator/metrics").octets.decode()
    assert 'smsclouds_receipts_dropped_total{reason="too_many"} 7\n' in counted
    assert "dropped 7 receipts for demo" in caplog.text
    assert len(caplog.records) == 1


def told_and_acknowledged(caller: SmppClient) -> int:
    return int(receipt(caller).tlvs[RECEIPTED_MESSAGE_ID][:-1])


@pytest.mark.behaviour(38)
@pytest.mark.parametrize("leave", ["hang_up", "reset", "unbind"])
def test_a_receiver_that_leaves_its_backlog_behind_leaves_the_newest(
    make_smsc: MakeSmsc, leave: str
) -> None:
    smsc = make_smsc(smpp={"max_queued_receipts": 4, "receiver_window": 3})
    receiver = smsc.bind(command=RX)
    ids = absent(smsc, 12)
    advance(smsc)
    sent = [told(receiver.hear()) for _ in range(3)]
    before = lost(smsc)

    if leave == "unbind":
        receiver.ask(pack_pdu(UNBIND, 9))
        receiver.hang_up()
    else:
        getattr(receiver, leave)()
    receiver.turn()
    advance(smsc)

    assert (sent, before) == (ids[:3], [])
    assert lost(smsc) == ids[:8]
    again = smsc.bind(command=RX)
    assert [told_and_acknowledged(again) for _ in range(4)] == ids[8:]


def test_a_receiver_that_unbinds_takes_no_more(
    make_smsc: MakeSmsc, caplog: pytest.LogCaptureFixture
) -> None:
    """What it has been sent already, it may still acknowledge."""
    smsc = make_smsc(smpp={"max_queued_receipts": 4, "receiver_window": 3})
    receiver = smsc.bind(command=RX)
    ids = absent(smsc, 12)
    advance(smsc)
    sent = [receiver.hear() for _ in range(3)]

    receiver.ask(pack_pdu(UNBIND, 9))
    left = lost(smsc)
    assert "dropped 5 receipts for demo" in caplog.text
    acknowledge(receiver, sent[0])
    receiver.hang_up()
    receiver.turn()

    assert left == ids[3:8]
    assert lost(smsc) == ids[1:8]


def test_a_receiver_that_leaves_another_behind_leaves_everything(
    make_smsc: MakeSmsc,
) -> None:
    smsc = make_smsc(smpp={"max_queued_receipts": 0, "receiver_window": 2})
    one, other = smsc.bind(command=RX), smsc.bind(command=RX)
    ids = absent(smsc, 9)
    advance(smsc)
    one.hang_up()
    one.turn()

    got = [told_and_acknowledged(other) for _ in range(9)]

    assert sorted(got) == ids
    assert lost(smsc) == []


def test_what_comes_back_goes_before_what_has_waited(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"receiver_window": 2})
    receiver = smsc.bind(command=RX)
    ids = absent(smsc, 5)
    advance(smsc)

    receiver.hang_up()
    receiver.turn()
    again = smsc.bind(command=RX)

    assert [told_and_acknowledged(again) for _ in range(5)] == ids


@pytest.mark.behaviour(38)
def test_what_waits_too_long_for_nobody_is_dropped_at_its_instant(
    make_smsc: MakeSmsc, caplog: pytest.LogCaptureFixture
) -> None:
    smsc = make_smsc(smpp={"receipt_lifetime": DAY})
    ids = absent(smsc, 2)
    smsc.api.post("/_emulator/clock/settle", json={})
    settled = lost(smsc)

    with caplog.at_level(logging.WARNING, "emulator"):
        moved = smsc.api.post("/_emulator/clock/advance", json={"seconds": 2 * DAY})

    assert settled == []  # nothing has to happen that somebody may prevent
    assert lost(smsc) == ids
    assert [(each["event"], each["at"]) for each in moved.body["events"]] == [
        ("dropped", "2026-03-03T18:00:11.000000Z")
    ] * 2
    assert "dropped 2 receipts for demo: no receiver" in caplog.text
    assert silent(smsc.bind(command=RX))


def test_nothing_is_too_old_for_who_is_bound(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"receipt_lifetime": DAY, "receiver_window": 1})
    receiver = smsc.bind(command=RX)
    ids = absent(smsc, 3)
    advance(smsc)

    advance(smsc, 2 * DAY)

    assert [told_and_acknowledged(receiver) for _ in range(3)] == ids
    assert lost(smsc) == []


def test_what_is_too_old_is_dropped_when_the_receiver_leaves(
    make_smsc: MakeSmsc,
) -> None:
    smsc = make_smsc(smpp={"receipt_lifetime": DAY, "receiver_window": 1})
    receiver = smsc.bind(command=RX)
    ids = absent(smsc, 3)
    advance(smsc, 2 * DAY)

    receiver.hang_up()
    receiver.turn()

    assert lost(smsc) == ids


@pytest.mark.parametrize("command", ["replay", "send"])
def test_a_receipt_that_waits_and_is_sent_now_comes_once(
    smsc: Smsc, command: str
) -> None:
    (message,) = absent(smsc, 1)
    advance(smsc)
    smsc.api.post(f"/_emulator/deliveries/{deliveries(smsc)[0]['id']}/{command}")

    receiver = smsc.bind(command=RX)

    assert told(receiver.hear()) == message
    assert silent(receiver)


def test_what_is_too_old_is_dropped_though_nobody_looks(make_smsc: MakeSmsc) -> None:
    smsc = make_smsc(smpp={"receipt_lifetime": DAY, "receiver_window": 1})
    receiver = smsc.bind(command=RX)
    absent(smsc, 2)
    advance(smsc)
    smsc.api.send("PUT", "/_emulator/clock", json={"rate": 10 * DAY})
    receiver.turn()

    receiver.ask(pack_pdu(UNBIND, 9))

    deadline = monotonic() + DEADLINE
    while not smsc.api.world.shared.counters.dropped:
        assert monotonic() < deadline, "it still waits"
        receiver.turn()
    (_, first), *_ = smsc.api.world.event_log.list_after(0)
    made_at = smsc.api.world.deliveries[first.delivery].created_at
    assert (first.name, first.at) == ("dropped", made_at + timedelta(days=1))


# --- The state is taken over ---------------------------------------------------------


def test_an_answer_to_a_receipt_of_another_state_counts_for_none_of_this(
    make_smsc: MakeSmsc,
) -> None:
    """After a reset the ids of deliveries begin anew."""
    smsc = make_smsc(smpp={"receiver_window": 3})
    receiver = smsc.bind(command=RX)
    absent(smsc, 3)
    advance(smsc)
    before = [receiver.hear() for _ in range(3)]
    smsc.api.post("/_emulator/world/reset")
    ids = absent(smsc, 3)
    advance(smsc)

    for each in before:
        acknowledge(receiver, each)

    assert [told_and_acknowledged(receiver) for _ in range(3)] == ids
    assert [each["state"] for each in deliveries(smsc)] == ["delivered"] * 3


@pytest.mark.parametrize("bound", [True, False])
def test_receipts_that_wait_are_there_after_a_restore(
    make_smsc: MakeSmsc, *, bound: bool
) -> None:
    smsc = make_smsc(smpp={"max_queued_receipts": 2, "receiver_window": 1})
    receiver = smsc.bind(command=RX)
    ids = absent(smsc, 5)
    advance(smsc)
    snapshot = smsc.api.get("/_emulator/world/snapshot").body
    for _ in ids:
        receipt(receiver)
    if not bound:
        receiver.hang_up()
        receiver.turn()

    smsc.api.post("/_emulator/world/restore", json=snapshot)
    receiver.turn()

    if not bound:
        assert lost(smsc) == ids[:3]
        receiver = smsc.bind(command=RX)
    owed = ids if bound else ids[3:]
    assert [told_and_acknowledged(receiver) for _ in owed] == owed
    assert silent(receiver)


def test_what_waits_and_what_was_dropped_outlive_the_process(tmp_path: Path) -> None:
    changes = {"smpp": {"max_queued_receipts": 2}}
    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        api.post("/_emulator/clock/freeze")
        api.send("PATCH", "/_emulator/account", json=changes)
        ids = absent(smsc, 3)
        advance(smsc)
        assert lost(smsc) == ids[:1]
        for each in smsc.clients:
            each.hang_up()

    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        states = [each["state"] for each in deliveries(smsc)]
        rows = api.get("/_emulator/journal?operation=dropped").body["exchanges"]
        receiver = smsc.bind(command=RX)
        got = [told_and_acknowledged(receiver) for _ in range(2)]

    assert states == ["dropped", "due", "due"]
    assert len(rows) == 1
    assert got == ids[1:]
