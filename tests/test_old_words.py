"""What was spelled otherwise before: it is read, and written in new words."""

import json
from collections.abc import Iterable
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from emulator.worldfile.account_codec import account_to_json
from emulator.worldfile.fixture import FixtureError, parse_account, parse_fixture
from emulator.worldfile.old_words import (
    STATE_WORDS,
    WORLD_FILE_WORDS,
    OldKey,
    OldValue,
    OldWord,
    translate_old_words,
)
from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    read_demo_world,
    run_control,
    send_control,
)
from tests.support.orders import NUMBER, place_campaign

# A world file in the words of before.
OLD_FILE: dict[str, Any] = {
    **read_demo_world(),
    "pace": {"sms_after": 1, "patience": 3},
    "binds": [{"system_id": "a", "binds": 2}, {"system_id": "b", "binds": 3}],
    "smpp": {
        "no_credit": 8,
        "over_window": 88,
        "over_held": 20,
        "held": 7,
        "held_for": 90,
        "throttled_after": 5,
        "retry_after": 30,
    },
    "assumptions": {"smpp_mo_case": "capitalised"},
}
NEW_FILE: dict[str, Any] = {
    **read_demo_world(),
    "pace": {"sms_after": 1, "retry_scale": 3},
    "binds": [{"system_id": "a", "max_binds": 2}, {"system_id": "b", "max_binds": 3}],
    "smpp": {
        "no_credit_status": 8,
        "window_full_status": 88,
        "queue_full_status": 20,
        "max_queued_receipts": 7,
        "receipt_lifetime": 90,
        "throttle_after": 5,
        "receipt_retry_delay": 30,
    },
    "assumptions": {"smpp_mo_case": "capitalized"},
}
ATTEMPT: dict[str, Any] = {
    "at": "2026-03-02T18:00:00Z",
    "method": "GET",
    "url": "http://127.0.0.1:9/mo",
    "verdict": "refused",
    "status": 0,
    "headers": [],
    "body": "",
    "explanation": "nothing listens",
    "duration": 0.0,
}
KEPT = Path(__file__).with_name("kept")
EVERY_WORD = pytest.mark.parametrize(
    "word",
    [*WORLD_FILE_WORDS, *STATE_WORDS],
    ids=lambda word: f"{word.path} {word.old}",
)


def put_at(path: Iterable[str], value: Any) -> Any:
    """Return a document that has *value* at *path* and nothing else."""
    for step in reversed([*path]):
        value = [value] if step == "*" else {step: value}
    return value


def find_words(document: Any, word: OldWord) -> list[Any]:
    """Return what the parts of *document* at the word's path have."""
    found = [document]
    for step in word.path.split("."):
        inner: list[Any] = []
        for each in found:
            if step == "*":
                inner += each if isinstance(each, list) else ()
            elif isinstance(each, dict) and step in each:
                inner.append(each[step])
        found = inner
    return found


def says_old(document: Any, word: OldWord) -> bool:
    """Return whether *document* has the old word."""
    found = find_words(document, word)
    if isinstance(word, OldKey):
        return any(isinstance(each, dict) and word.old in each for each in found)
    return word.old in found


@EVERY_WORD
def test_each_old_word_is_read_as_the_new_one(word: OldWord) -> None:
    old, new = ({name: 1} if isinstance(word, OldKey) else name for name in word[1:])
    document = put_at(word.path.split("."), old)
    before = deepcopy(document)

    read = translate_old_words(document, [word])

    assert read == put_at(word.path.split("."), new)
    assert document == before
    assert translate_old_words(read, [word]) == read


def test_a_file_with_every_old_word_is_the_world_of_the_new_ones() -> None:
    assert all(says_old(OLD_FILE, word) for word in WORLD_FILE_WORDS)

    account = parse_account(OLD_FILE, START)

    assert account == parse_account(NEW_FILE, START)
    assert account.pace.retry_scale == 3
    written = account_to_json(account)
    assert not any(says_old(written, word) for word in WORLD_FILE_WORDS)
    fixture = parse_fixture(OLD_FILE, "old", now=START)
    assert not any(says_old(fixture.document, word) for word in WORLD_FILE_WORDS)


def test_a_mistake_in_an_old_word_is_told_by_the_new_one() -> None:
    with pytest.raises(FixtureError, match=r"^at pace\.retry_scale: -1 is less"):
        parse_account({**read_demo_world(), "pace": {"patience": -1}}, START)
    with pytest.raises(FixtureError, match=r"^at pace: .*'patience' was unexpected"):
        parse_account(
            {**read_demo_world(), "pace": {"patience": 1, "retry_scale": 1}}, START
        )


def test_a_snapshot_with_every_old_word_is_the_world_of_the_new_ones(
    make_api: MakeApi,
) -> None:
    api = make_api(push_url="http://127.0.0.1:9/mo", push_retries="backoff")
    run_control(api, "POST", "world/populate", json={"campaigns": 8, "recipients": 4})
    tricks = [w for w in STATE_WORDS if isinstance(w, OldValue) and "faults" in w.path]
    for number, it in enumerate(tricks):
        kind = it.path.rpartition(".")[2]
        fault = {"effect": {kind: it.new}, "number": f"{number:010}"}
        run_control(api, "POST", "faults", json=fault)
    run_control(api, "PATCH", "faults/f1", json={"disabled": True})
    place_campaign(api)
    api.clock.advance(minutes=1)
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    first = run_control(api, "GET", "world/snapshot")
    first["deliveries"][-1] |= {"attempts": [ATTEMPT], "trick": "duplicated"}
    run_control(api, "POST", "world/restore", json=first)
    new = run_control(api, "GET", "world/snapshot")
    assert not any(says_old(new, word) for word in STATE_WORDS)

    old = json.loads(json.dumps(new))
    for word in STATE_WORDS:
        spell_as_before(old, word)
    spelled = [word for word in STATE_WORDS if says_old(old, word)]
    run_control(api, "POST", "world/restore", json=old)

    assert run_control(api, "GET", "world/snapshot") == new
    assert {word.path for word in STATE_WORDS} == {word.path for word in spelled}


@pytest.mark.parametrize(
    "path", sorted(KEPT.glob("*.json")), ids=lambda path: path.stem
)
def test_a_snapshot_of_each_released_version_is_taken(api: Api, path: Path) -> None:
    old = json.loads(path.read_text("utf-8"))
    assert any(says_old(old, word) for word in STATE_WORDS)
    assert any(says_old(old["account"], word) for word in WORLD_FILE_WORDS)

    run_control(api, "POST", "world/restore", json=old)

    new = run_control(api, "GET", "world/snapshot")
    assert not any(says_old(new, word) for word in STATE_WORDS)
    assert not any(says_old(new["account"], word) for word in WORLD_FILE_WORDS)
    assert [each["id"] for each in new["deliveries"]] == [
        each["id"] for each in old["deliveries"]
    ]


def spell_as_before(document: Any, word: OldWord) -> None:
    """Write *word* in its old spelling wherever *document* has the new one."""
    *parents, last = word.path.split(".")
    parent = word._replace(path=".".join(parents))
    if isinstance(word, OldKey):
        for part in find_words(document, word):
            if word.new in part:
                part[word.old] = part.pop(word.new)
        return
    for part in find_words(document, parent):
        if part.get(last) == word.new:
            part[last] = word.old


def test_the_control_api_knows_new_words_only(make_api: MakeApi) -> None:
    answer = send_control(
        make_api(), "PATCH", "account", json={"pace": {"patience": 2}}
    )

    assert answer.status == 422
    assert "'patience' was unexpected" in answer.body["detail"]
