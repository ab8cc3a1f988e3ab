"""Snapshots and world files in which one value is what it should not be.

A document is refused with the place of what is wrong, or harmless: every page and every
operation answers, and the other worlds serve on.
"""

import json
import random
from collections.abc import Iterator, Sequence
from contextlib import closing
from copy import deepcopy
from typing import Any, NamedTuple

import pytest
import yaml

from emulator import files
from emulator.domain.channel import CHANNELS
from emulator.web.panel.views import PAGES
from tests.smpp.test_submissions import multi, number
from tests.support.emulator import START, Answer, Api, make_emulator, read_control
from tests.support.orders import EMAIL, SMS, VOICE, make_order
from tests.support.smpp import open_smsc
from tests.support.worlds import fill_world
from tests.test_snapshots import snapshot

Place = tuple[str | int, ...]
PER_LIST = 2  # items of a list that are spoilt; the others are alike
HOSTILE: Sequence[Any] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    2**53,
    2**53 + 1,
    2**63,
    2**64 - 1,
    10**400,
    1e308,
    -1e308,
    "",
    "1",
    "\x00",
    "<\u2028>\u202e" * 40,
    "\ud800",
    "x" * 100_000,
    "nan",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",
    "8999-12-31T23:59:59.999999Z",
    "2026-03-02T17:59:00Z",
    "2026-03-02T18:00:00",
    "1999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "PT0S",
    "-PT1S",
    "P999999999D",
    "P10000D",
    [],
    [None],
    ["x"] * 3,
    {},
    {"": ""},
    {"\x00": None},
    {"x": {"x": [0]}},
)


class Spoilt(NamedTuple):
    """A place in a document, and what stands there instead."""

    place: Place
    value: Any

    @property
    def name(self) -> str:
        where = ".".join(map(str, self.place))
        return f"{where}={self.value!r}"[:120]

    def put_into(self, document: Any) -> Any:
        """Return a copy of *document* with the value in its place."""
        copy = deepcopy(document)
        node = copy
        for step in self.place[:-1]:
            node = node[step]
        node[self.place[-1]] = self.value
        return copy


def list_places(node: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the places of all values in a document, the nested ones as well."""
    if place:
        yield place
    if isinstance(node, dict):
        for name, each in node.items():
            yield from list_places(each, (*place, name))
    elif isinstance(node, list):
        for index in sorted({*range(len(node))[:PER_LIST], *range(len(node))[-1:]}):
            yield from list_places(node[index], (*place, index))


def list_spoilt(document: Any) -> list[Spoilt]:
    """Return every way in which one value of *document* is replaced."""
    return [
        Spoilt(place, value) for place in list_places(document) for value in HOSTILE
    ]


def visit_everything(api: Api, world: str) -> Iterator[tuple[str, Answer]]:
    """Ask for every page and every reading operation of a world, and let time pass."""
    yield from _visit(api, world)
    steps = [
        ("POST", "clock/advance", {"next": True}),
        ("POST", "clock/advance", {"seconds": 60}),
        ("POST", "inbound", {"number": "4498987282", "text": "info"}),
        ("POST", "clock/settle", {"events": 300}),
        ("POST", "tokens", {"name": "third"}),
        ("POST", "world/checkpoints", {"name": "one"}),
    ]
    for method, path, body in steps:
        yield path, api.send(method, f"/_emulator/{path}?world={world}", json=body)
    for path in (SMS, VOICE, EMAIL):
        yield path, api.post(path, json=make_order(path))
    yield from _visit(api, world)
    yield "fork", api.post(f"/_emulator/world/fork?world={world}", json={"name": "of"})
    yield "reset", api.post(f"/_emulator/world/reset?world={world}")
    yield (
        "checkpoint",
        api.post(f"/_emulator/world/checkpoints/one/restore?world={world}"),
    )


def _visit(api: Api, world: str) -> Iterator[tuple[str, Answer]]:
    asked = f"world={world}"
    for path in list_paths(api):
        mark = "&" if "?" in path else "?"
        url = f"{path}{mark}{asked}" if path.startswith(("/_", "/panel")) else path
        yield path, api.get(url)


def list_paths(api: Api) -> Iterator[str]:
    """Yield what can be read of a world, with the ids that there are."""
    world = api.world
    yield from ("/api/v1/user", "/api/v3/user/routes", "/api/v3/user/countries")
    for channel in CHANNELS.values():
        ids = list(getattr(world, channel.table))
        for each in ids[:3]:
            where = f"/_emulator/campaigns/{channel.name}/{each}"
            if channel.name == "sms":
                yield f"{SMS}/{each}/messages"
            if channel.name == "voice":
                yield f"{VOICE}/{each}"
            if channel.name == "email":
                yield f"{where}/letters"
            yield where
            yield f"{where}/recipients"
            yield f"/panel/campaign?channel={channel.name}&campaign={each}"
    for operation in read_control().operations.values():
        streams = operation.content_type.startswith(b"text/")
        if operation.method == "GET" and "{" not in operation.path and not streams:
            yield operation.path
    yield "/_emulator/movements?points=20"
    yield "/_emulator/conversations/4498987282"
    yield "/_emulator/handsets/4498987282"
    yield "/_emulator/messages?text=a&status=sent"
    yield "/_emulator/deliveries?text=a&number=4498987282"
    yield from (f"/panel/{each}" for each in PAGES)
    yield "/panel/phones?shown=4498987282"
    yield "/panel/snapshot"


SEED, SAMPLE = 20261130, 150
WORLD = "f"
FAULT = "x-emulator-fault"


def rich_snapshot() -> Any:
    """Return the snapshot of a world in which everything has happened."""
    with closing(make_emulator()) as api:
        fill_world(api)
        with open_smsc(api) as smsc:
            smsc.bind().ask(multi(2, number("4498987282"), number("5512345678")))
        return snapshot(api)


def rich_world_file() -> Any:
    """Return a world file that says something of everything."""
    document = yaml.safe_load((files.WORLDS / "demo.yaml").read_text("utf-8"))
    return {
        **document,
        "clock": START.isoformat(),
        "pace": {"inserting": 1, "sms_every": 0.01, "patience": 1},
        "push_retries": [5, 30],
        "push_url": "http://127.0.0.1:9/mo",
        "prices": {"voice": 1, "email": 0.5, "hlr": 1},
        "services": {"voice": True},
        "token_lifetime_days": 30,
        "merged_limit": 5000,
        "population": [{"outcome": "sent", "weight": 3}],
        "profiles": [{"share": 0.5, "after": 5, "texts": ["si"]}],
        "refusals": {"SERVER_ERROR": {"status": 500, "es": "x"}},
        "binds": [{"system_id": "one", "rate": 5, "receipts": {"ids": "hex"}}],
        "smpp": {"held_for": 60, "receiver_window": 5},
    }


def put_snapshot(api: Api, spoilt: Any) -> Answer:
    made = {"name": WORLD}
    assert api.post("/_emulator/worlds", json=made).status == 200
    path = f"/_emulator/world/restore?world={WORLD}"
    return api.send("POST", path, content=json.dumps(spoilt).encode())


def put_world_file(api: Api, spoilt: Any) -> Answer:
    made = {"name": WORLD, "fixture": spoilt}
    return api.send("POST", "/_emulator/worlds", content=json.dumps(made).encode())


DOCUMENTS = {
    "snapshot": (rich_snapshot, put_snapshot),
    "world file": (rich_world_file, put_world_file),
}


def find_harm(api: Api, document: Any, spoilt: Spoilt, kind: str) -> Iterator[str]:
    """Yield what a spoilt document does that it should not."""
    answer = DOCUMENTS[kind][1](api, spoilt.put_into(document))
    if answer.status in {400, 422}:
        if not answer.body["detail"]:
            yield f"{spoilt.name}: refused without its place"
        return
    if answer.status != 200:
        yield f"{spoilt.name}: {answer.status}"
        return
    api.token = next(iter(answer.body["tokens"]), "")
    for path, each in visit_everything(api, WORLD):
        if each.status >= 500 and FAULT not in each.headers:
            yield f"{spoilt.name}: {path} is {each.status}"
    api.token = "demo"
    for path in ("/api/v1/user", "/_emulator/worlds", "/panel/worlds"):
        if api.get(path).status != 200:
            yield f"{spoilt.name}: another world has trouble with {path}"


@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize(
    "share", ["sample", pytest.param("all", marks=pytest.mark.soak)]
)
def test_a_hostile_value_is_refused_or_harmless(kind: str, share: str) -> None:
    document = DOCUMENTS[kind][0]()
    spoilt = list_spoilt(document)
    assert len(spoilt) > 2_000
    if share == "sample":
        spoilt = random.Random(SEED).sample(spoilt, SAMPLE)

    harm: list[str] = []
    for each in spoilt:
        with closing(make_emulator()) as api:
            harm += find_harm(api, document, each, kind)

    assert harm == []


def test_the_documents_are_taken_as_they_are() -> None:
    for made, put in DOCUMENTS.values():
        with closing(make_emulator()) as api:
            assert put(api, made()).status == 200
