"""A store that answers later, over a network say: the worlds are as with any other.

Who comes to a world while something of it is being written waits, in order; nothing is
seen before it is written, and other worlds are not held up.
"""

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, nullcontext
from typing import Any

import pytest

from emulator.domain.command_status import CommandStatus
from emulator.world import ChangeSet, Store, StoreWriteError, World
from tests.smpp.test_receipts import receipt
from tests.support.emulator import (
    Api,
    MakeApi,
    make_emulator,
    run_control,
    send_control,
)
from tests.support.orders import NUMBER, SMS, make_recipients, make_sms, place_campaign
from tests.support.servers import run_receiver
from tests.support.smpp import (
    DELIVER_SM,
    ENQUIRE_LINK,
    SUBMIT_SM,
    get_response_id,
    open_smsc,
    pack_pdu,
    pack_submit,
)
from tests.support.worlds import COMMANDS, attend_command, fork_world, prepare_world
from tests.test_disk_refuses import told
from tests.test_one_way import REPLYING, everything

TURNS = 5  # of the loop, that a write takes


class Late(Store):
    """A store that takes its time."""

    def __init__(self) -> None:
        self._locks: dict[World, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.writing: dict[World, int] = {}
        self.refused = False
        self.held: set[str] = set()  # names of worlds that are not written ...
        self.let_go = asyncio.Event()  # ... until then

    @asynccontextmanager
    async def lock_world(self, world: World) -> AsyncIterator[None]:
        async with self._locks[world]:
            yield

    async def write_async(self, changes: ChangeSet) -> None:
        names = {world.name for world in changes.by_world}
        for world in changes.by_world:
            assert world not in self.writing, "two at once"
            self.writing[world] = 1
        for _ in range(TURNS):
            await asyncio.sleep(0)
        if names & self.held:
            await self.let_go.wait()
        for world in changes.by_world:
            del self.writing[world]
        if self.refused and not changes.has_happened:
            message = "the store refuses"
            raise StoreWriteError(message)

    def write(self, changes: ChangeSet) -> None:
        raise AssertionError(changes)

    def mark_journal_dirty(self, world: World) -> None:
        pass

    def retry_writes(self) -> None:
        pass


@contextmanager
def late(api: Api) -> Iterator[Late]:
    """Have the worlds kept by a store that takes its time."""
    before, store = api.worlds.store, Late()
    api.worlds.use_store(store)
    try:
        yield store
    finally:
        api.worlds.use_store(before)


@pytest.fixture(scope="module")
def ready() -> Iterator[Api]:
    """Return a prepared world; each test takes a fork of it."""
    with closing(make_emulator()) as api:
        prepare_world(api)
        yield api


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_does_what_it_does_with_a_quick_one(
    ready: Api, name: str
) -> None:
    api = ready
    left = []
    for kept in (nullcontext, late):
        fork_world(api)
        with attend_command(api, name):
            method, path, body = COMMANDS[name].make_request(api)
            with kept(api):
                answer = api.send(method, path, json=body)
                if "Delivery" in name:  # until it has been tried
                    send_control(api, "POST", "clock/settle", json={"seconds": 1})
            assert answer.status == 200, answer.octets
            document = run_control(api, "GET", "world/snapshot")
        del document["name"], document["tokens"]
        if name == "setClock":  # which runs by the wall's
            document["clock"]["now"] = ""
        left.append(document)
    assert left[0] == left[1]


def test_requests_of_a_world_keep_their_order(api: Api) -> None:
    texts = [f"number {number}" for number in range(20)]
    orders = [("POST", SMS, make_sms(text=each)) for each in texts]

    with late(api):
        answers = api.send_together(*orders, ("GET", "/api/v1/user", None))

    assert [each.status for each in answers] == [200] * 21
    ids = [each.body["campaign"] for each in answers[:-1]]
    assert ids == [*range(ids[0], ids[0] + 20)]
    balances = [each.body["balance"] for each in answers[:-1]]
    assert balances == sorted(balances, reverse=True)
    kept = [each.template.text for each in api.world.campaigns.values()]
    assert kept == texts
    assert f"{balances[-1]}" in answers[-1].octets.decode()


def test_nothing_is_seen_before_it_is_written_and_others_are_not_held_up(
    api: Api,
) -> None:
    other = Api(api.app, "world-other", api._loop)  # noqa: SLF001 - the same program
    place_campaign(other)
    with late(api) as store:
        store.held.add(api.world.name)
        placing = api.start("POST", SMS, json=make_sms())
        reading = api.start("GET", "/api/v1/user")
        assert place_campaign(other)["campaign"]
        assert api.world.campaigns == {}
        assert not placing.done()
        assert not reading.done()
        store.let_go.set()
        assert place_campaign(api)["campaign"] == 8528239
    assert len(api.world.campaigns) == 2


@pytest.mark.parametrize("name", COMMANDS)
def test_what_it_refuses_has_changed_nothing(ready: Api, name: str) -> None:
    api = ready
    fork_world(api)
    with attend_command(api, name):
        method, path, body = COMMANDS[name].make_request(api)
        before = everything(api)
        with late(api) as store:
            store.refused = True
            answer = api.send(method, path, json=body)
        if answer.status == 500:
            assert "the store refuses, so nothing was changed" in told(answer)
            assert everything(api) == before
            assert api.send(method, path, json=body).status == 200
        else:
            assert answer.status == 200


def test_a_client_of_smpp_is_answered_in_order(api: Api) -> None:
    with late(api) as store, open_smsc(api) as smsc:
        caller = smsc.bind()
        caller.say(*(pack_submit(number, registered=1) for number in range(2, 52)))
        answers = [caller.hear() for _ in range(50)]
        assert [each.sequence for each in answers] == [*range(2, 52)]
        ids = [int(each.body[:-1]) for each in answers]
        assert ids == [*range(ids[0], ids[0] + 50)]

        store.refused = True
        caller.say(pack_submit(60), pack_pdu(ENQUIRE_LINK, 61))
        refused, alive = caller.hear(), caller.hear()
        assert (refused.sequence, refused.status) == (60, CommandStatus.ESME_RSYSERR)
        assert alive.command == get_response_id(ENQUIRE_LINK)
        store.refused = False

        run_control(api, "POST", "clock/advance", json={"seconds": 60})
        told_of = [receipt(caller) for _ in range(50)]
        assert len({each.short for each in told_of}) == 50
        caller.turn()
    states = [each.state for each in api.world.deliveries.values()]
    assert states == ["delivered"] * 50


@pytest.mark.parametrize("effect", [{"pdu": "early_receipt"}, {"delay": 5}])
def test_a_fault_of_smpp_is_felt_as_ever(api: Api, effect: Any) -> None:
    rule = {"operation": "submit_sm", "phase": "after", "effect": effect, "first": 1}
    with late(api), open_smsc(api) as smsc:
        run_control(api, "POST", "faults", json=rule)
        caller = smsc.bind()
        caller.say(pack_submit(2, registered=1))
        if "pdu" in effect:
            assert caller.hear().command == DELIVER_SM
        else:
            caller.turn()
            run_control(api, "POST", "clock/advance", json={"seconds": 5})
        answer = caller.hear()
        assert (answer.command, answer.status) == (get_response_id(SUBMIT_SM), 0)


def test_what_happens_by_itself_happens_as_ever(make_api: MakeApi) -> None:
    quick, slow = make_api(), make_api()
    left = []
    for api in (quick, slow):
        with run_receiver() as receiver:
            run_control(api, "PATCH", "account", json={"push_url": receiver.url})
            place_campaign(api, make_sms(recipients=make_recipients(*[REPLYING] * 3)))
            wrote = {"number": NUMBER, "text": "info"}
            if api is quick:
                run_control(api, "POST", "clock/settle", json={})
                run_control(api, "POST", "inbound", json={**wrote, "number": REPLYING})
                run_control(api, "POST", "clock/settle", json={})
            else:
                with late(api):
                    run_control(api, "POST", "clock/settle", json={})
                    run_control(
                        api, "POST", "inbound", json={**wrote, "number": REPLYING}
                    )
                    run_control(api, "POST", "clock/settle", json={})
            left.append(sorted(each["response"] for each in receiver.parameters))
            states = {str(each.state) for each in api.world.deliveries.values()}
            assert states == {"delivered"}
    assert left[0] == left[1]
    assert [each.response for each in quick.world.responses] == [
        each.response for each in slow.world.responses
    ]
    assert send_control(slow, "GET", "readyz").status == 200
