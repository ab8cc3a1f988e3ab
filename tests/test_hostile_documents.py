"""Snapshots and world files in which one value is what it should not be.

Each is refused with its place, or harmless: see ``hostile_leaves``.
"""

import json
import random
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
import yaml

from emulator import files
from tests.emulated import START, Answer, Api, emulated
from tests.hostile_leaves import Spoilt, list_spoilt, visit_everything
from tests.smpp.dialled import listening
from tests.smpp.test_submissions import multi, number
from tests.test_snapshots import lives, snapshot

SEED, SAMPLE = 20261130, 150
WORLD = "f"
FAULT = "x-emulator-fault"


def rich_snapshot() -> Any:
    """Return the snapshot of a world in which everything has happened."""
    with closing(emulated()) as api:
        lives(api)
        with listening(api) as phone:
            phone.bound().ask(multi(2, number("4498987282"), number("5512345678")))
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
        with closing(emulated()) as api:
            harm += find_harm(api, document, each, kind)

    assert harm == []


def test_the_documents_are_taken_as_they_are() -> None:
    for made, put in DOCUMENTS.values():
        with closing(emulated()) as api:
            assert put(api, made()).status == 200
