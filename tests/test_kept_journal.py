"""The journal in a data directory: without secrets, and one bad row is one bad row."""

from pathlib import Path
from typing import Any

import pytest

from emulator.store import journal_rows
from emulator.store.exchange_table import EXCHANGES_PER_WORLD
from emulator.world.secret_headers import mask_joined_headers, mask_secret
from tests.support.emulator import Api, run_control, send_control
from tests.support.orders import place_campaign
from tests.support.worlds import (
    change_database,
    get_database_path,
    keep_worlds,
    take_snapshot,
)

SECRETS = {
    "authorization": "Bearer an-account-token-of-theirs",
    "cookie": "session=a-cookie-of-theirs",
    "proxy-authorization": "Basic cHJveHk6c2VjcmV0",
    "x-emulator-control": "the-control-secret",
    "x-api-key": "an-api-key-of-theirs",
    "x-csrf-token": "a-csrf-token-of-theirs",
}
USER = "/api/v1/user"


def numbers(api: Api, query: str = "") -> list[int]:
    found = run_control(api, "GET", f"journal?{query}")["exchanges"]
    return [each["number"] for each in found]


def test_no_secret_of_a_header_lies_on_the_disk(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        literal = run_control(api, "POST", "tokens", json={"name": "a"})["token"]
        headers = {**SECRETS, "authorization": f"Bearer {literal}"}
        assert api.get(USER, headers=headers).status == 200
        left = run_control(api, "GET", "journal")
        rows = [each[1] for each in _stored(api)]
        assert rows

        for octets in rows:
            for name, value in headers.items():
                assert value.encode() not in octets, name
            assert b"x-api-key" in octets

    everything = get_database_path(tmp_path).read_bytes()
    for name in SECRETS.keys() - {"authorization"}:
        assert SECRETS[name].encode() not in everything, name
    with keep_worlds(tmp_path) as api:
        assert run_control(api, "GET", "journal") == left
        assert api.get(USER, token=literal).status == 200  # the token is recognised


def _stored(api: Api) -> Any:
    store: Any = api.worlds.store
    store._write_journals()  # noqa: SLF001 - whose moment comes by the wall
    number = store._stored[api.world].number  # noqa: SLF001
    return store._file.exchanges.list_readable(number)  # noqa: SLF001


@pytest.mark.parametrize("value", [*SECRETS.values(), "short", "Bearer x", ""])
def test_what_is_masked_once_stays_as_it_is(value: str) -> None:
    once = mask_secret(value)
    assert mask_secret(once) == once
    assert value not in once or value == ""


def test_a_header_that_is_no_secret_stays() -> None:
    joined = b"host\nexample\nuser-agent\nmine\nauthorization\nBearer abcdefghijklmnop"
    assert mask_joined_headers(joined) == (
        b"host\nexample\nuser-agent\nmine\nauthorization\nBearer ****mnop"
    )


# --- One that cannot be read -------------------------------------------------


@pytest.fixture
def spoilt(tmp_path: Path) -> Path:
    """Return a directory of which one exchange of four cannot be read."""
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        for _ in range(3):
            api.get(USER)
    assert EXCHANGES_PER_WORLD == 1 << 40
    spoil = "UPDATE exchange SET octets = x'c1' || octets WHERE id % (1 << 40) = 2"
    change_database(tmp_path, spoil)  # which is no blob any more
    return tmp_path


def test_one_bad_exchange_is_set_aside_and_its_world_serves(
    spoilt: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):  # it is listed after every start
        with keep_worlds(spoilt) as api:
            assert len(api.world.campaigns) == 1
            assert numbers(api, "dropped=ignored")[:3] == [1, 3, 4]
            assert send_control(api, "GET", "journal").status == 409  # one is missing
            assert numbers(api, "after=2")[:2] == [3, 4]
            (row,) = run_control(api, "GET", "set-aside")
            assert row["name"] == "demo (exchange 2)"
            assert run_control(api, "GET", "readyz")["set_aside"] == [row]
            assert api.get(USER).status == 200
    (said,) = caplog.messages
    assert "exchange 2 of the world demo cannot be read" in said
    assert "it is set aside; the world serves" in said


def test_it_is_tried_again_and_put_back(spoilt: Path) -> None:
    with keep_worlds(spoilt) as api:
        assert api.get(USER).status == 200
        answer = send_control(api, "POST", "set-aside/demo (exchange 2)/retry")
        assert answer.status == 500
        assert "demo (exchange 2) still cannot be loaded" in answer.body["detail"]
    change_database(spoilt, "UPDATE exchange_aside SET octets = substr(octets, 2)")

    with keep_worlds(spoilt) as api:
        row = run_control(api, "POST", "set-aside/demo (exchange 2)/retry")
        assert row["name"] == "demo"
        assert numbers(api)[:4] == [1, 2, 3, 4]
        assert run_control(api, "GET", "set-aside") == []
        left = run_control(api, "GET", "journal")

    with keep_worlds(spoilt) as api:
        assert run_control(api, "GET", "journal") == left


def test_it_is_dropped_for_good(spoilt: Path) -> None:
    with keep_worlds(spoilt) as api:
        api.get(USER)
        run_control(api, "DELETE", "set-aside/demo (exchange 2)")
        assert run_control(api, "GET", "set-aside") == []

    with keep_worlds(spoilt) as api:
        left = take_snapshot(api)
        assert run_control(api, "GET", "set-aside") == []
        assert numbers(api, "after=2&dropped=ignored")[:2] == [3, 4]
        assert take_snapshot(api) == left


@pytest.mark.parametrize("field", range(19))
def test_a_row_with_a_value_of_another_type_is_a_bad_row(
    tmp_path: Path, field: int
) -> None:
    import msgspec  # noqa: PLC0415

    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        ((_, octets),) = _stored(api)
        row = msgspec.msgpack.decode(octets)
        row[field] = {"odd": 1}
        with pytest.raises(msgspec.ValidationError):
            journal_rows.decode_exchange(msgspec.msgpack.encode(row))


def test_a_journal_that_was_cleared_stays_so(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        _stored(api)
        run_control(api, "DELETE", "journal")

    with keep_worlds(tmp_path) as api:
        assert numbers(api) == []
