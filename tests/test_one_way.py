"""One way to change a world: where a store refuses, nothing has changed.

Every command of both APIs, every PDU and everything that happens by itself, with a
store that refuses the first of its writes, or the second, and so on.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from emulator.domain.refusals import Refusal
from emulator.operations.background import receipts
from emulator.operations.background.catch_up import catch_up
from emulator.store.world_rows import decode_world_rows
from emulator.world import (
    ChangeSet,
    DeliveryStarted,
    SnapshotError,
    Store,
    StoreWriteError,
    World,
    WorldState,
)
from emulator.world.consequences import STEPS
from emulator.world.state import FIELDS_BY_CHANGE, STATE_FIELDS, state_json_from_rows
from tests.support.emulator import (
    Api,
    MakeApi,
    keep_changes,
    make_emulator,
    run_at_once,
    run_control,
    send_control,
)
from tests.support.orders import NUMBER, make_recipients, make_sms, place_campaign
from tests.support.smpp import ENQUIRE_LINK, get_response_id, open_smsc, pack_pdu
from tests.support.worlds import (
    COMMANDS,
    attend_command,
    fill_world,
    fork_world,
    prepare_world,
)
from tests.test_disk_refuses import SAID, told

MOST = 200  # writes of one command, and more than there are
REPLYING = "9990011000"  # a handset that answers by itself


class Refusing(Store):
    """A store that refuses one write, but for what has happened."""

    def __init__(self, place: int) -> None:
        self._place = place
        self.writes = 0

    def write(self, changes: ChangeSet) -> None:
        self.writes += 1
        if self.writes == self._place and not changes.has_happened:
            message = "the store refuses"
            raise StoreWriteError(message)

    def mark_journal_dirty(self, world: Any) -> None:
        pass

    def retry_writes(self) -> None:
        pass


@contextmanager
def refusing(api: Api, place: int) -> Iterator[Refusing]:
    """Have the store refuse its write number *place*."""
    before, store = api.worlds.store, Refusing(place)
    api.worlds.use_store(store)
    try:
        yield store
    finally:
        api.worlds.use_store(before)


def everything(api: Api) -> Any:
    """Return what is kept of a world and of the default one, and which there are."""
    names = ("demo", api.token.removeprefix("world-"))
    kept = [run_control(api, "GET", f"world/snapshot?world={each}") for each in names]
    words = ("name", "checkpoints", "set_aside")
    listed = [
        [each[word] for word in words] for each in run_control(api, "GET", "worlds")
    ]
    return kept, listed


@pytest.fixture(scope="module")
def ready() -> Iterator[Api]:
    """Return a prepared world; each test takes a fork of it."""
    with closing(make_emulator()) as api:
        prepare_world(api)
        yield api


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_refused_has_changed_nothing(ready: Api, name: str) -> None:
    api = ready
    for refused in count(1):
        assert refused < MOST
        fork_world(api)
        run_control(api, "POST", "movements", json={"amount": 1})  # since its beginning
        with attend_command(api, name):
            method, path, body = COMMANDS[name].make_request(api)
            before = everything(api)
            with refusing(api, refused) as store:
                answer = api.send(method, path, json=body)
            if store.writes < refused:
                assert answer.status == 200, answer.octets
                break
            if (
                answer.status == 200
            ):  # what was refused was no more than a fault's count
                continue
            assert answer.status == 500
            if "it stopped there" in told(answer):
                assert refused > 1
            else:
                assert "so nothing was changed" in told(answer)
                assert everything(api) == before
        assert send_control(api, "GET", "readyz").status == 200


@pytest.mark.parametrize("command", SAID)
@pytest.mark.parametrize("faulty", [False, True])
def test_a_pdu_that_is_refused_has_changed_nothing(
    make_api: MakeApi, command: str, *, faulty: bool
) -> None:
    api = make_api()
    for refused in count(1):
        assert refused < MOST
        api.token = f"world-w{refused}"
        api.get("/api/v1/user")
        with open_smsc(api) as smsc:
            caller = smsc.bind(system_id=api.token, password="x")
            message = caller.submit(2, schedule="260305100000024-")
            if faulty:
                rule = {"effect": {"pdu": "swapped"}, "operation": "*", "nth": 50}
                run_control(api, "POST", "faults", json=rule)
            before = everything(api)
            with refusing(api, refused) as store:
                answer = caller.ask(SAID[command](3, message))
            if store.writes < refused:
                assert answer.status == 0
                break
            if answer.status == 0:
                continue
            assert answer.status == CommandStatus.ESME_RSYSERR
            assert everything(api) == before
            assert caller.ask(pack_pdu(ENQUIRE_LINK, 9)).command == get_response_id(
                ENQUIRE_LINK
            )


def busy(api: Api) -> None:
    """Let a world have everything ahead that happens by itself."""
    nowhere = {
        "push_url": "http://127.0.0.1:9/mo",
        "smpp": {"max_queued_receipts": 2, "receipt_lifetime": 90},
    }
    run_control(api, "PATCH", "account", json=nowhere)
    swapped = {"effect": {"push": "reordered"}, "nth": 1}
    run_control(api, "POST", "faults", json=swapped)
    place_campaign(api, make_sms(recipients=make_recipients(*[REPLYING] * 3)))
    with open_smsc(api) as smsc:
        caller = smsc.bind()
        for sequence in range(2, 6):
            caller.submit(sequence, registered=1)
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "info"})


def test_what_happens_by_itself_and_is_refused_has_not(make_api: MakeApi) -> None:
    straight, stumbling = make_api(), make_api()
    kinds: set[str] = set()
    for each in (straight, stumbling):
        each.post("/_emulator/clock/freeze")
        busy(each)
        each.clock.advance(hours=1)
    ours, theirs = straight.world, stumbling.world
    now = ours.clock.now()
    steps = 0
    while ours.work_queue.next_at <= now:
        kinds.add(type(ours.work_queue.peek()[1]).__name__)
        before = taken(stumbling)
        with refusing(stumbling, 1), pytest.raises(Refusal, match="nothing was chang"):
            run_at_once(catch_up(theirs, now, 1))
        assert taken(stumbling) == before
        run_at_once(catch_up(ours, now, 1))
        run_at_once(catch_up(theirs, now, 1))
        assert taken(stumbling) == taken(straight)
        steps += 1
        assert steps < MOST
    assert kinds == {"ReplyWork", "DeliveryWork", "ReceiptWork", "ExpiryWork"}
    assert ours.shared.counters.dropped == theirs.shared.counters.dropped
    assert set(ours.shared.counters.dropped) == {
        receipts.DROP_TOO_MANY,
        receipts.DROP_TOO_OLD,
    }


def taken(api: Api) -> Any:
    """Return what a world keeps, and has ahead, without bringing it up to the time."""
    world, outbox = api.world, api.world.outbox
    return (
        world.copy().to_json(),
        sorted(map(repr, world.work_queue.list_work())),
        {
            name: [each.id for each in mail]
            for name, mail in outbox.receipt_queues.items()
        },
        dict(outbox.unlogged_drops),
        [*outbox.finished],
        world.event_log.last,
        world.journal.last,
    )


# --- The one list of what is kept ------------------------------------------------


class Following(Store):
    """A store of one world, which follows it change by change."""

    def __init__(self, world: World) -> None:
        self.rows = {(kind, key): octets for kind, key, octets in world.list_rows()}

    def write(self, changes: ChangeSet) -> None:
        for world, its_own in changes.by_world.items():
            for kind, key, octets in world.list_changed_rows(its_own):
                if octets is None:
                    self.rows.pop((kind, key), None)
                else:
                    self.rows[kind, key] = octets

    def mark_journal_dirty(self, world: Any) -> None:
        pass

    def retry_writes(self) -> None:
        pass


def said(rows: Iterable[Any]) -> Any:
    """Return the document that rows say; the clock is another row."""
    return state_json_from_rows(decode_world_rows(rows))


def lived(api: Api) -> None:
    """Let everything happen that a world keeps something of."""
    fill_world(api)
    busy(api)
    run_control(api, "POST", "tokens", json={"name": "two"})
    for verb, path in (("POST", "tokens/{}/expire"), ("DELETE", "tokens/{}")):
        token = run_control(api, "POST", "tokens", json={"name": "three"})["token"]
        run_control(api, verb, path.format(token))
    run_control(api, "PUT", "clock", json={"rate": 0})
    api.world.shared.delivery_limit = 5
    run_control(api, "POST", "clock/settle", json={})


def test_what_changes_write_is_what_they_change(api: Api) -> None:
    store = Following(api.world)
    api.worlds.use_store(store)

    lived(api)

    rows = ((kind, key, octets) for (kind, key), octets in store.rows.items())
    assert said(rows) == said(api.world.list_rows())


DERIVED = (
    *("balance", "volume", "first_messages"),
    *("first_message_campaigns", "latest_by_likeness"),
)


def test_whatever_is_on_the_list_is_kept_and_comes_back(api: Api) -> None:
    early = {"effect": {"push": "early"}, "first": 1}
    run_control(api, "PATCH", "account", json={"push_url": "http://127.0.0.1:9/mo"})
    run_control(api, "POST", "faults", json=early)
    place_campaign(api, make_sms(recipients=make_recipients(REPLYING)))
    lived(api)
    keep_changes(api.world, DeliveryStarted(next(iter(api.world.deliveries))))
    world, now = api.world, api.world.clock.now()

    as_rows = WorldState.from_json(said(world.list_rows()), now, is_snapshot=False)
    as_json = WorldState.from_json(world.copy().to_json(), now)

    as_rows.check_consistency(now)
    as_json.check_consistency(now)
    for name, kind in STATE_FIELDS.items():
        value = getattr(world, name)
        assert value != kind.make_empty(), name
        assert kind.to_json(getattr(as_rows, name)) == kind.to_json(value), name
        if kind.is_in_snapshot:
            assert kind.to_json(getattr(as_json, name)) == kind.to_json(value), name
    for name in DERIVED:
        assert getattr(as_rows, name) == getattr(world, name), name
        assert getattr(as_json, name) == getattr(world, name), name


def test_every_change_is_known(api: Api) -> None:
    """What a kind takes is carried out, and nothing else is kept by the way."""
    assert set(FIELDS_BY_CHANGE) <= set(STEPS)
    with pytest.raises(AttributeError, match="carry_out"):
        keep_changes(api.world, object())


def test_a_kind_that_came_later_is_empty_in_what_was_before(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(api)
    rows = [each for each in api.world.list_rows() if each[0] != "clicks"]
    document = api.world.copy().to_json()
    del document["clicks"], document["opening"]
    now = api.world.clock.now()
    with pytest.raises(SnapshotError, match="at opening"):
        WorldState.from_json(document, now)
    for name in ("clicks", "opening"):
        monkeypatch.setattr(STATE_FIELDS[name], "is_optional", True)

    for state in (
        WorldState.from_json(document, now),
        WorldState.from_json({**said(rows), "opening": None}, now, is_snapshot=False),
    ):
        assert (state.clicks, state.opening) == ([], 0)
        assert state.campaigns.keys() == api.world.campaigns.keys()
