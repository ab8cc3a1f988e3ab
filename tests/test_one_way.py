"""One way to change a world: where a store refuses, nothing has changed.

Every command of both APIs, every PDU and everything that happens by itself, with a
store that refuses the first of its writes, or the second, and so on.
"""

from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from typing import Any

import pytest

from emulator.domain.command_status import Status
from emulator.domain.refusals import Refusal
from emulator.operations.background.catch_up import catch_up
from emulator.operations.background import receipts
from emulator.store.world_rows import parts
from emulator.world import (
    Changes,
    Leaving,
    SnapshotError,
    State,
    Store,
    Unwritten,
    World,
)
from emulator.world.consequences import STEPS
from emulator.world.state import KINDS, KINDS_OF, gathered
from tests.campaigns import NUMBER, an_sms, place, to
from tests.commanded import COMMANDS, attended, forked, prepared
from tests.conftest import MakeApi
from tests.emulated import Api, at_once, emulated, keep
from tests.smpp import packed
from tests.smpp.dialled import listening
from tests.smpp.packed import resp
from tests.steering import steer, steered
from tests.test_disk_refuses import SAID, told
from tests.test_snapshots import lives

MOST = 200  # writes of one command, and more than there are
REPLYING = "9990011000"  # a handset that answers by itself


class Refusing(Store):
    """A store that refuses one write, but for what has happened."""

    def __init__(self, place: int) -> None:
        self._place = place
        self.writes = 0

    def write(self, changes: Changes) -> None:
        self.writes += 1
        if self.writes == self._place and not changes.happened:
            message = "the store refuses"
            raise Unwritten(message)

    def note(self, world: Any) -> None:
        pass

    def settle(self) -> None:
        pass


@contextmanager
def refusing(api: Api, place: int) -> Iterator[Refusing]:
    """Have the store refuse its write number *place*."""
    before, store = api.worlds.store, Refusing(place)
    api.worlds.keep_in(store)
    try:
        yield store
    finally:
        api.worlds.keep_in(before)


def everything(api: Api) -> Any:
    """Return what is kept of a world and of the default one, and which there are."""
    names = ("demo", api.token.removeprefix("world-"))
    kept = [steered(api, "GET", f"world/snapshot?world={each}") for each in names]
    words = ("name", "checkpoints", "set_aside")
    listed = [[each[word] for word in words] for each in steered(api, "GET", "worlds")]
    return kept, listed


@pytest.fixture(scope="module")
def ready() -> Iterator[Api]:
    """Return a prepared world; each test takes a fork of it."""
    with closing(emulated()) as api:
        prepared(api)
        yield api


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_refused_has_changed_nothing(ready: Api, name: str) -> None:
    api = ready
    for refused in count(1):
        assert refused < MOST
        forked(api)
        steered(api, "POST", "movements", json={"amount": 1})  # since its beginning
        with attended(api, name):
            method, path, body = COMMANDS[name].sent(api)
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
        assert steer(api, "GET", "readyz").status == 200


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
        with listening(api) as phone:
            caller = phone.bound(system_id=api.token, password="x")
            message = caller.submit(2, schedule="260305100000024-")
            if faulty:
                rule = {"effect": {"pdu": "swapped"}, "operation": "*", "nth": 50}
                steered(api, "POST", "faults", json=rule)
            before = everything(api)
            with refusing(api, refused) as store:
                answer = caller.ask(SAID[command](3, message))
            if store.writes < refused:
                assert answer.status == 0
                break
            if answer.status == 0:
                continue
            assert answer.status == Status.ESME_RSYSERR
            assert everything(api) == before
            assert caller.ask(packed.packet(packed.ENQUIRE_LINK, 9)).command == resp(
                packed.ENQUIRE_LINK
            )


def busy(api: Api) -> None:
    """Let a world have everything ahead that happens by itself."""
    nowhere = {"push_url": "http://127.0.0.1:9/mo", "smpp": {"held": 2, "held_for": 90}}
    steered(api, "PATCH", "account", json=nowhere)
    swapped = {"effect": {"push": "reordered"}, "nth": 1}
    steered(api, "POST", "faults", json=swapped)
    place(api, an_sms(recipients=to(*[REPLYING] * 3)))
    with listening(api) as phone:
        caller = phone.bound()
        for sequence in range(2, 6):
            caller.submit(sequence, registered=1)
    steered(api, "POST", "inbound", json={"number": NUMBER, "text": "info"})


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
    while ours.schedule.next_at <= now:
        kinds.add(type(ours.schedule.next()[1]).__name__)
        before = taken(stumbling)
        with refusing(stumbling, 1), pytest.raises(Refusal, match="nothing was chang"):
            at_once(catch_up(theirs, now, 1))
        assert taken(stumbling) == before
        at_once(catch_up(ours, now, 1))
        at_once(catch_up(theirs, now, 1))
        assert taken(stumbling) == taken(straight)
        steps += 1
        assert steps < MOST
    assert kinds == {"Writing", "Leaving", "Telling", "Expiring"}
    assert ours.tally.dropped == theirs.tally.dropped
    assert set(ours.tally.dropped) == {receipts.TOO_MANY, receipts.TOO_OLD}


def taken(api: Api) -> Any:
    """Return what a world keeps, and has ahead, without bringing it up to the time."""
    world, outbox = api.world, api.world.outbox
    return (
        world.copy().written(),
        sorted(map(repr, world.schedule.upcoming())),
        {name: [each.id for each in mail] for name, mail in outbox.mail.items()},
        dict(outbox.dropped),
        [*outbox.over],
        world.happened.last,
        world.journal.last,
    )


# --- The one list of what is kept ------------------------------------------------


class Following(Store):
    """A store of one world, which follows it change by change."""

    def __init__(self, world: World) -> None:
        self.rows = {(kind, key): octets for kind, key, octets in world.rows()}

    def write(self, changes: Changes) -> None:
        for world, its_own in changes.of.items():
            for kind, key, octets in world.rows_of(its_own):
                if octets is None:
                    self.rows.pop((kind, key), None)
                else:
                    self.rows[kind, key] = octets

    def note(self, world: Any) -> None:
        pass

    def settle(self) -> None:
        pass


def said(rows: Iterable[Any]) -> Any:
    """Return the document that rows say; the clock is another row."""
    return gathered(parts(rows))


def lived(api: Api) -> None:
    """Let everything happen that a world keeps something of."""
    lives(api)
    busy(api)
    steered(api, "POST", "tokens", json={"name": "two"})
    for verb, path in (("POST", "tokens/{}/expire"), ("DELETE", "tokens/{}")):
        token = steered(api, "POST", "tokens", json={"name": "three"})["token"]
        steered(api, verb, path.format(token))
    steered(api, "PUT", "clock", json={"rate": 0})
    api.world.commons.deliveries = 5
    steered(api, "POST", "clock/settle", json={})


def test_what_changes_write_is_what_they_change(api: Api) -> None:
    store = Following(api.world)
    api.worlds.keep_in(store)

    lived(api)

    rows = ((kind, key, octets) for (kind, key), octets in store.rows.items())
    assert said(rows) == said(api.world.rows())


def test_whatever_is_on_the_list_is_kept_and_comes_back(api: Api) -> None:
    early = {"effect": {"push": "early"}, "first": 1}
    steered(api, "PATCH", "account", json={"push_url": "http://127.0.0.1:9/mo"})
    steered(api, "POST", "faults", json=early)
    place(api, an_sms(recipients=to(REPLYING)))
    lived(api)
    keep(api.world, Leaving(next(iter(api.world.deliveries))))
    world, now = api.world, api.world.clock.now()

    as_rows = State.read(said(world.rows()), now, is_snapshot=False)
    as_json = State.read(world.copy().written(), now)

    as_rows.check(now)
    as_json.check(now)
    for name, kind in KINDS.items():
        value = getattr(world, name)
        assert value != kind.empty(), name
        assert kind.written(getattr(as_rows, name)) == kind.written(value), name
        if kind.is_in_snapshot:
            assert kind.written(getattr(as_json, name)) == kind.written(value), name
    for name in ("balance", "volume", "first_messages", "their_campaigns", "alike"):
        assert getattr(as_rows, name) == getattr(world, name), name
        assert getattr(as_json, name) == getattr(world, name), name


def test_every_change_is_known(api: Api) -> None:
    """What a kind takes is carried out, and nothing else is kept by the way."""
    assert set(KINDS_OF) <= set(STEPS)
    with pytest.raises(AttributeError, match="carry_out"):
        keep(api.world, object())


def test_a_kind_that_came_later_is_empty_in_what_was_before(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    lived(api)
    rows = [each for each in api.world.rows() if each[0] != "clicks"]
    document = api.world.copy().written()
    del document["clicks"], document["opening"]
    now = api.world.clock.now()
    with pytest.raises(SnapshotError, match="at opening"):
        State.read(document, now)
    for name in ("clicks", "opening"):
        monkeypatch.setattr(KINDS[name], "is_later", True)

    for state in (
        State.read(document, now),
        State.read({**said(rows), "opening": None}, now, is_snapshot=False),
    ):
        assert (state.clicks, state.opening) == ([], 0)
        assert state.campaigns.keys() == api.world.campaigns.keys()
