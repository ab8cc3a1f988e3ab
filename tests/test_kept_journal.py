"""The journal in a data directory: without secrets, and one bad row is one bad row."""

from pathlib import Path
from typing import Any

import pytest

from emulator.store import journal_rows
from emulator.store.exchange_table import EXCHANGES_PER_WORLD
from emulator.world.secret_headers import mask_joined_headers, mask_secret
from tests.campaigns import place
from tests.emulated import Api
from tests.steering import steer, steered
from tests.stored import changed, file, kept, snapshot

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
    found = steered(api, "GET", f"journal?{query}")["exchanges"]
    return [each["number"] for each in found]


def test_no_secret_of_a_header_lies_on_the_disk(tmp_path: Path) -> None:
    with kept(tmp_path) as api:
        literal = steered(api, "POST", "tokens", json={"name": "a"})["token"]
        headers = {**SECRETS, "authorization": f"Bearer {literal}"}
        assert api.get(USER, headers=headers).status == 200
        left = steered(api, "GET", "journal")
        rows = [each[1] for each in _stored(api)]
        assert rows

        for octets in rows:
            for name, value in headers.items():
                assert value.encode() not in octets, name
            assert b"x-api-key" in octets

    everything = file(tmp_path).read_bytes()
    for name in SECRETS.keys() - {"authorization"}:
        assert SECRETS[name].encode() not in everything, name
    with kept(tmp_path) as api:
        assert steered(api, "GET", "journal") == left
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
    with kept(tmp_path) as api:
        place(api)
        for _ in range(3):
            api.get(USER)
    assert EXCHANGES_PER_WORLD == 1 << 40
    spoil = "UPDATE exchange SET octets = x'c1' || octets WHERE id % (1 << 40) = 2"
    changed(tmp_path, spoil)  # which is no blob any more
    return tmp_path


def test_one_bad_exchange_is_set_aside_and_its_world_serves(
    spoilt: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for _ in range(2):  # it is listed after every start
        with kept(spoilt) as api:
            assert len(api.world.campaigns) == 1
            assert numbers(api, "dropped=ignored")[:3] == [1, 3, 4]
            assert steer(api, "GET", "journal").status == 409  # one is missing
            assert numbers(api, "after=2")[:2] == [3, 4]
            (row,) = steered(api, "GET", "set-aside")
            assert row["name"] == "demo (exchange 2)"
            assert steered(api, "GET", "readyz")["set_aside"] == [row]
            assert api.get(USER).status == 200
    (said,) = caplog.messages
    assert "exchange 2 of the world demo cannot be read" in said
    assert "it is set aside; the world serves" in said


def test_it_is_tried_again_and_put_back(spoilt: Path) -> None:
    with kept(spoilt) as api:
        assert api.get(USER).status == 200
        answer = steer(api, "POST", "set-aside/demo (exchange 2)/retry")
        assert answer.status == 500
        assert "demo (exchange 2) still cannot be loaded" in answer.body["detail"]
    changed(spoilt, "UPDATE exchange_aside SET octets = substr(octets, 2)")

    with kept(spoilt) as api:
        row = steered(api, "POST", "set-aside/demo (exchange 2)/retry")
        assert row["name"] == "demo"
        assert numbers(api)[:4] == [1, 2, 3, 4]
        assert steered(api, "GET", "set-aside") == []
        left = steered(api, "GET", "journal")

    with kept(spoilt) as api:
        assert steered(api, "GET", "journal") == left


def test_it_is_dropped_for_good(spoilt: Path) -> None:
    with kept(spoilt) as api:
        api.get(USER)
        steered(api, "DELETE", "set-aside/demo (exchange 2)")
        assert steered(api, "GET", "set-aside") == []

    with kept(spoilt) as api:
        left = snapshot(api)
        assert steered(api, "GET", "set-aside") == []
        assert numbers(api, "after=2&dropped=ignored")[:2] == [3, 4]
        assert snapshot(api) == left


@pytest.mark.parametrize("field", range(19))
def test_a_row_with_a_value_of_another_type_is_a_bad_row(
    tmp_path: Path, field: int
) -> None:
    import msgspec  # noqa: PLC0415

    with kept(tmp_path) as api:
        place(api)
        ((_, octets),) = _stored(api)
        row = msgspec.msgpack.decode(octets)
        row[field] = {"odd": 1}
        with pytest.raises(msgspec.ValidationError):
            journal_rows.decode_exchange(msgspec.msgpack.encode(row))


def test_a_journal_that_was_cleared_stays_so(tmp_path: Path) -> None:
    with kept(tmp_path) as api:
        place(api)
        _stored(api)
        steered(api, "DELETE", "journal")

    with kept(tmp_path) as api:
        assert numbers(api) == []
