"""Nothing that a client sends is kept beyond a bound: what stays is measured here."""

import gc
import pkgutil
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import lru_cache, partial
from importlib import import_module
from itertools import count, islice
from typing import Any

import pytest

import emulator
from emulator import files
from emulator.contract.memo import ShortKeyCache
from emulator.domain.account import Token
from emulator.world import World
from tests.support.emulator import Api, make_limited_emulator
from tests.support.smpp import (
    Smsc,
    open_smsc,
    pack_bind,
    pack_pdu,
    pack_submit,
    pack_tlv,
)

MEBIBYTE = 1024 * 1024
LONG = 256 * 1024  # bytes of one value
TIMES = 10
ROUNDS = 4
MOST = 150  # bytes that one of them may leave, less than an entry of any table
MANY = 40  # values that are distinct, ...
SHORT = 300  # ... and characters of each

CACHE = type(lru_cache(len))
Asking = Callable[[Api, str], Any]
DOORS: dict[str, Asking] = {
    "a token": lambda api, x: api.get("/api/v1/user", token=x),
    "a token of a world": lambda api, x: api.get("/api/v1/user", token=f"world-{x}"),
    "a path": lambda api, x: api.get(f"/{x}"),
    "a number in a path": lambda api, x: api.get(
        f"/api/v3/campaign/{x}/messages", token=""
    ),
    "a number to look up": lambda api, x: api.get(f"/api/v3/hlr/{x}", token=""),
    "a query": lambda api, x: api.get(f"/_emulator/messages?number={x}"),
    "a world": lambda api, x: api.get(f"/_emulator/world?world={x}"),
    "a short link": lambda api, x: api.get(f"/s/{x}"),
    "a host": lambda api, x: api.get("/nowhere", headers={"host": x}),
    "an origin": lambda api, x: api.get("/_emulator/clock", headers={"origin": x}),
    "a cookie": lambda api, x: api.get("/", headers={"cookie": x}),
    "a language": lambda api, x: api.get("/", headers={"accept-language": x}),
    "a content type": lambda api, x: api.post(
        "/nowhere", content=b"{}", headers={"content-type": x}
    ),
    "a fault": lambda api, x: api.get(
        "/nowhere", headers={"x-emulator-fault": x, "prefer": x}
    ),
    "a page": lambda api, x: api.get(f"/panel/{x}"),
    "an asset": lambda api, x: api.get(f"/panel/asset/{x}"),
    "an event": lambda api, x: api.get("/nowhere", headers={"last-event-id": x}),
}


def retained(work: Callable[[], None]) -> int:
    """Return how many bytes are there after *work* that were not there before."""
    tracemalloc.start()
    try:
        before = kept()
        work()
        return kept() - before
    finally:
        tracemalloc.stop()


def kept() -> int:
    """Return how many bytes are there, beside garbage and caches.

    The bounds of those are held below.
    """
    gc.unfreeze()
    for each in gc.get_objects():
        if isinstance(each, CACHE) and each.cache_parameters()["maxsize"] is not None:
            each.cache_clear()
        if isinstance(each, ShortKeyCache):
            each.clear()
    gc.collect()
    return tracemalloc.get_traced_memory()[0]


@pytest.fixture
def api() -> Iterator[Api]:
    """Return a process whose journals and worlds are soon full."""
    with closing(make_limited_emulator(1, journal=SHORT, journals=SHORT)) as api:
        yield api


@pytest.mark.parametrize("door", DOORS)
def test_nothing_large_is_kept_of_who_shows_no_credentials(api: Api, door: str) -> None:
    ask = DOORS[door]
    ask(api, "first")  # and has imported what it needs

    def work() -> None:
        for number in range(TIMES):
            ask(api, f"{number}" + "x" * LONG)

    assert retained(work) < 2 * LONG, f"of {TIMES * LONG} bytes"


@pytest.mark.parametrize("door", DOORS)
def test_nothing_is_kept_of_many_who_show_no_credentials(api: Api, door: str) -> None:
    assert grown(partial(DOORS[door], api), longest=SHORT) <= MOST


def grown(ask: Callable[[str], Any], *, longest: int = 0) -> int:
    """Return how many bytes each of MANY values leaves behind.

    What is made once may be made late: a round is enough that leaves no more than
    MOST, and where something grows there is none.
    """
    numbers = count()

    def work() -> None:
        for number in islice(numbers, MANY):
            ask(f"{number}".ljust(longest, "x"))

    tracemalloc.start()
    try:
        work()
        before = kept()
        for _ in range(ROUNDS):
            work()
            after = kept()
            left, before = (after - before) // MANY, after
            if left <= MOST:
                break
    finally:
        tracemalloc.stop()
    return left


# --- What came and went ----------------------------------------------------------

CONTROL = "/_emulator"


def a_world(smsc: Smsc, name: str) -> None:
    api = smsc.api
    assert api.get("/api/v1/user", token=f"world-{name}").status == 200
    api.get(f"/panel/?world={name}")
    caller = smsc.connect()
    caller.bind(system_id=f"world-{name}")
    caller.submit(2)
    caller.hang_up()
    smsc.wait_for_farewells()
    smsc.clients.clear()
    assert api.send("DELETE", f"{CONTROL}/world?world={name}").status == 200


def a_checkpoint(smsc: Smsc, name: str) -> None:
    smsc.api.post(f"{CONTROL}/world/checkpoints", json={"name": name})
    assert smsc.api.send("DELETE", f"{CONTROL}/world/checkpoints/{name}").status == 200


def a_token(smsc: Smsc, name: str) -> None:
    made = smsc.api.post(f"{CONTROL}/tokens", json={"name": name}).body["token"]
    assert smsc.api.get("/api/v1/user", token=made).status == 200
    assert smsc.api.send("DELETE", f"{CONTROL}/tokens/{made}").status == 200
    assert smsc.api.get("/api/v1/user", token=made).status == 401


def a_fault(smsc: Smsc, name: str) -> None:
    rule = {"operation": "getUser", "effect": {"status": 500, "body": name}}
    made = smsc.api.post(f"{CONTROL}/faults", json=rule).body["id"]
    smsc.api.get("/api/v1/user")
    assert smsc.api.send("DELETE", f"{CONTROL}/faults/{made}").status == 200


def a_keyword(smsc: Smsc, name: str) -> None:
    keyword = {"keyword": name, "response_url": f"http://127.0.0.1:1/{name}"}
    assert smsc.api.post(f"{CONTROL}/account/keywords", json=keyword).status == 200
    path = f"{CONTROL}/account/keywords/{name}"
    assert smsc.api.send("DELETE", path).status == 200


def a_url(smsc: Smsc, name: str) -> None:
    url = {"push_url": f"http://127.0.0.1:1/{name}"}
    assert smsc.api.send("PATCH", f"{CONTROL}/account", json=url).status == 200


def a_reset(smsc: Smsc, name: str) -> None:
    order = {"text": name, "recipients": [{"cellphone": "4498987282"}], "country": 1}
    assert smsc.api.post("/api/v3/campaign", json=order).status == 200
    assert smsc.api.post(f"{CONTROL}/world/reset").status == 200


TRANSIENT: dict[str, Callable[[Smsc, str], None]] = {
    "a world": a_world,
    "a checkpoint": a_checkpoint,
    "a token": a_token,
    "a fault": a_fault,
    "a keyword": a_keyword,
    "a URL": a_url,
    "a reset": a_reset,
}


def quick(world: World, number: int, _unsigned: Token) -> str:
    """Return a token as long as a signed one, which takes a while to make."""
    return f"{world.name}-{number}-".ljust(700, "x")


@pytest.mark.parametrize("what", TRANSIENT)
def test_nothing_is_kept_of_what_is_gone(
    what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # So that they are soon full.
    monkeypatch.setattr("emulator.world.world.MOST_REVOKED_TOKENS", 3)
    monkeypatch.setattr("emulator.world.shared_state.MOST_REVOKED_OVERALL", 3)
    monkeypatch.setattr("emulator.timekeeping.event_log.MOST_EVENTS", 3)
    monkeypatch.setattr("emulator.worlds.signed_tokens._sign_token", quick)
    rated = [{"system_id": "demo", "rate": 1_000_000}]
    full = make_limited_emulator(2, journal=SHORT, journals=SHORT, binds=rated)
    with closing(full) as api, open_smsc(api) as smsc:
        assert grown(partial(TRANSIENT[what], smsc)) <= MOST


STRANGERS: dict[str, Callable[[str], bytes]] = {
    "a system_id": lambda x: pack_bind(system_id=x[:15]),
    "a world of nobody": lambda x: pack_bind(system_id=f"world-{x}"[:15]),
    "a password": lambda x: pack_bind(password=x[:8]),
    "a message": lambda x: pack_submit(int(x), short=x.encode().ljust(250)),
    "a parameter": lambda x: pack_submit(2) + pack_tlv(0x1400, x.encode() * 20),
    "no command": lambda x: pack_pdu(0x99, int(x) + 1, x.encode() * 100),
    "what is no PDU": lambda x: x.encode().ljust(400, b"\xff"),
}


@pytest.mark.parametrize("what", STRANGERS)
def test_nothing_is_kept_of_clients_of_smpp_without_a_bind(what: str, api: Api) -> None:
    with open_smsc(api) as smsc:

        def ask(number: str) -> None:
            caller = smsc.connect()
            caller.say(STRANGERS[what](number))
            caller.writer.write_eof()
            caller.rest()
            caller.hang_up()
            smsc.wait_for_farewells()
            smsc.clients.clear()

        assert grown(ask) <= MOST


# --- What an account may hold ----------------------------------------------------


def unbounded(schema: Any, path: str = "") -> Iterator[str]:
    """Yield where a schema takes a string, or an array, of any size."""
    if isinstance(schema, list):
        schema = dict(enumerate(schema))
    if not isinstance(schema, dict):
        return
    kinds = schema.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else {*kinds}
    bounds = {"string": ("maxLength", "enum", "const"), "array": ("maxItems",)}
    for kind in kinds & bounds.keys():
        pattern = str(schema.get("pattern", "*"))
        has_end = pattern.endswith("$") and not set("*+") & set(pattern)
        if not any(each in schema for each in bounds[kind]) and not has_end:
            yield f"{path}: {kind}"
    for name, each in schema.items():
        yield from unbounded(each, f"{path}/{name}")


def test_everything_in_a_world_file_has_a_bound() -> None:
    assert [*unbounded(files.read_cached_yaml(files.WORLD_SCHEMA))] == []


@pytest.mark.parametrize("name", ["push_url", "short_link_base"])
def test_a_url_of_an_account_has_a_bound(api: Api, name: str) -> None:
    longest = "http://127.0.0.1/".ljust(2_048, "x")
    path = f"{CONTROL}/account"

    assert api.send("PATCH", path, json={name: longest}).status == 200
    assert api.send("PATCH", path, json={name: f"{longest}x"}).status == 422
    assert api.get(path).body[name] == longest


# --- Caches ----------------------------------------------------------------------

# Why each of these cannot be filled by a client: what its questions are.
BOUNDED = {
    "emulator.domain.dates._format_second": "instants and zones of accounts",
    "emulator.domain.dates.format_timestamp": "instants",
    "emulator.domain.receipt._format_receipt_date": "seconds, zones, forms of binds",
    "emulator.smpp.shown.decode_cached": "four PDUs, each bounded by the session",
    "emulator.operations.control.sample_people.draw_names": "four, by seed",
    "emulator.web.panel.assets._read_asset": "files of our own, by path",
    "emulator.web.panel.assets.make_asset_path": "names that our own pages give",
    "emulator.world.codec._fields_of": "types",
    "emulator.world.codec._hints_of": "types",
    "emulator.world.codec._make_reader": "types",
    "emulator.world.codec._readers_of": "types",
}


def caches() -> Iterator[str]:
    """Yield every cache of functools in the program that has questions."""
    for each in pkgutil.walk_packages(emulator.__path__, "emulator."):
        if each.name in {"emulator.__main__", "emulator.pytest_plugin"}:
            continue
        module = import_module(each.name)
        for name, thing in vars(module).items():
            parameters = getattr(thing, "cache_parameters", None)
            if parameters is None:
                continue
            is_ours = getattr(thing, "__module__", "") == each.name or (
                name == "decode_cached" and each.name == "emulator.smpp.shown"
            )
            code = getattr(thing, "__wrapped__", thing).__code__
            if is_ours and code.co_argcount:
                yield f"{each.name}.{name}"


def test_every_cache_says_why_no_client_fills_it() -> None:
    assert set(caches()) == BOUNDED.keys()
