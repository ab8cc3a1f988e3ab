"""Worlds in a directory are loaded when they are asked for, and found before that."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from emulator.domain import shortlink
from emulator.store import StoreError, sqlite_store
from emulator.worlds.dormant_worlds import DormantWorld
from tests.support.emulator import START, Api, run_control, send_control
from tests.support.orders import (
    CLIC,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
    place_campaign,
)
from tests.support.smpp import open_smsc
from tests.support.worlds import (
    change_database,
    get_database_path,
    keep_worlds,
    take_snapshot,
)

REPLYING = "9990011000"  # a handset that answers by itself
NAMES = ("one", "two")


def loaded(api: Api) -> set[str]:
    """Return the names of the worlds that are loaded."""
    entries = api.worlds.list_entries()
    return {each.name for each in entries if not isinstance(each, DormantWorld)}


@pytest.fixture
def filled(tmp_path: Path) -> Path:
    """Return a directory with three worlds, in which nothing is left to happen."""
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        for name in NAMES:
            api.token = f"world-{name}"
            place_campaign(api, make_sms(recipients=make_crowd(3)))
    return tmp_path


ASKING: dict[str, Callable[[Api], Any]] = {
    "token": lambda api: api.get("/api/v1/user", token="world-one"),
    "name": lambda api: send_control(api, "GET", "world?world=one", token=""),
    "panel": lambda api: api.get("/panel/campaigns?world=one", token=""),
    "created token": lambda api: api.get("/api/v1/user", token=api.token),
}


@pytest.mark.parametrize("asking", ASKING)
def test_one_world_is_loaded_for_who_asks_for_it(filled: Path, asking: str) -> None:
    with keep_worlds(filled, token="world-one") as api:
        literal = run_control(api, "POST", "tokens", json={"name": "made"})["token"]

    with keep_worlds(filled) as api:
        assert loaded(api) == set()
        api.token = literal
        assert ASKING[asking](api).status == 200
        assert loaded(api) == {"one"}


@pytest.mark.parametrize(
    "path", ["worlds", "readyz", "healthz", "metrics", "set-aside"]
)
def test_what_is_asked_of_no_world_loads_none(filled: Path, path: str) -> None:
    with keep_worlds(filled) as api:
        assert api.get(f"/_emulator/{path}", token="").status == 200
        assert loaded(api) == set()


def test_a_list_says_the_same_of_worlds_that_are_not_loaded(filled: Path) -> None:
    with keep_worlds(filled) as api:
        before = run_control(api, "GET", "worlds", token="")
        assert loaded(api) == set()
        figure = next(
            line
            for line in api.get("/_emulator/metrics", token="").octets.splitlines()
            if line.startswith(b"smsclouds_worlds ")
        )
        for name in ("demo", *NAMES):
            run_control(api, "GET", f"world?world={name}", token="")
        assert loaded(api) == {"demo", *NAMES}
        assert run_control(api, "GET", "worlds", token="") == before
        assert figure == b"smsclouds_worlds 3"
        assert [each["messages"] for each in before] == [1, 3, 3]


def test_a_name_and_a_token_are_taken_by_a_world_that_is_not_loaded(
    filled: Path,
) -> None:
    with keep_worlds(filled, token="world-one") as api:
        literal = run_control(api, "POST", "tokens", json={"name": "made"})["token"]
        document = take_snapshot(api)

    with keep_worlds(filled) as api:
        answer = send_control(api, "POST", "worlds", json={"name": "two"}, token="")
        assert (answer.status, answer.body["title"]) == (
            409,
            "The name is already in use",
        )
        fresh = {"name": "fresh", "snapshot": document}
        made = run_control(api, "POST", "worlds", json=fresh, token="")
        assert literal not in made["tokens"]
        assert api.get("/api/v1/user", token=literal).status == 200


def test_a_short_link_finds_a_world_that_is_not_loaded(tmp_path: Path) -> None:
    with keep_worlds(tmp_path, token="world-linked") as api:
        placed = api.post(CLIC, json=make_order(CLIC)).body["campaign"]
        run_control(api, "POST", "clock/advance", json={"seconds": 60})
        campaign = api.world.campaigns[placed]
        code = shortlink.make_link_code("linked", campaign.first_message)

    with keep_worlds(tmp_path) as api:
        assert api.get(f"/s/{code}", token="").status == 302
        assert loaded(api) == {"linked"}


def test_a_client_of_smpp_binds_to_a_world_that_is_not_loaded(tmp_path: Path) -> None:
    bind = {"system_id": "theirs", "password": "secret"}
    with keep_worlds(tmp_path, token="world-bound") as api:
        run_control(api, "POST", "account/binds", json=bind)

    with keep_worlds(tmp_path) as api, open_smsc(api) as smsc:
        assert smsc.bind(system_id="theirs", password="secret").bind is not None
        assert loaded(api) == {"bound"}


# --- What acts by itself -----------------------------------------------------


def test_who_acts_by_itself_is_loaded_behind_the_first_answer(tmp_path: Path) -> None:
    seconds = {"late": 3, "early": 1, "frozen": 2, "done": 0}
    with keep_worlds(tmp_path) as api:
        for name, after in seconds.items():
            api.token = f"world-{name}"
            run_control(
                api, "PUT", "clock", json={"rate": 0 if name == "frozen" else 1}
            )
            at = api.clock.now + timedelta(hours=after)
            sent = {} if after == 0 else {"scheduled_date": f"{at:%Y-%m-%d %H:%M:%S}"}
            number = "4498987282" if after == 0 else REPLYING
            place_campaign(api, make_sms(recipients=make_recipients(number), **sent))

    with keep_worlds(tmp_path) as api:
        order: list[str] = []
        for _ in api.worlds.load_pending():
            order += sorted(loaded(api) - set(order))
        assert order == ["early", "late"]


def test_one_that_was_killed_is_taken_to_act_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is said of a world is no longer true once it has changed."""
    monkeypatch.setattr(sqlite_store, "JOURNAL_DELAY", 3_600)
    copy = tmp_path / "copy"
    copy.mkdir()
    with keep_worlds(tmp_path / "data", token="world-one") as api:
        place_campaign(api)
        api.worlds.store._write_journals()  # type: ignore[attr-defined] # noqa: SLF001
        token = run_control(api, "POST", "tokens", json={"name": "made"})["token"]
        for each in (tmp_path / "data").glob("worlds.sqlite*"):
            (copy / each.name).write_bytes(each.read_bytes())
        left = take_snapshot(api)

    with keep_worlds(copy, token=token) as api:
        assert [each.name for each in api.worlds.dormant.list_pending()] == ["one"]
        listed = run_control(api, "GET", "worlds", token="")
        assert token in next(it for it in listed if it["name"] == "one")["tokens"]
        assert take_snapshot(api) == left


def test_a_world_is_loaded_in_steps_and_by_whoever_asks(tmp_path: Path) -> None:
    with keep_worlds(tmp_path, token="world-large") as api:
        for _ in range(4):
            place_campaign(api, make_sms(recipients=make_crowd(3_000)))
        left = take_snapshot(api)

    with keep_worlds(tmp_path) as api:
        dormant = api.worlds.dormant.by_token["world-large"]
        steps = 0
        while not dormant.load_step():
            steps += 1
            if steps == 2:
                assert api.get("/api/v1/user", token="demo").status == 200
                break
        assert "large" not in loaded(api)
        answers = api.send_together(
            *[("GET", "/_emulator/world?world=large", None) for _ in range(3)]
        )
        assert {each.status for each in answers} == {200}
        api.token = "world-large"
        assert take_snapshot(api) == left


def test_a_loading_that_is_broken_off_begins_anew(filled: Path) -> None:
    with keep_worlds(filled) as api:
        keeper: Any = api.worlds.store
        read = keeper._file.list_rows_after  # noqa: SLF001

        def broken(*_args: Any) -> Any:
            message = "the disk is gone"
            raise StoreError(message)

        keeper._file.list_rows_after = broken  # noqa: SLF001
        keeper._file.rename_world = broken  # noqa: SLF001
        answer = api.get("/api/v1/user", token="world-one")
        assert answer.status == 500
        assert "the disk is gone" in answer.headers["x-emulator-why"]
        keeper._file.list_rows_after = read  # noqa: SLF001
        api.token = "world-one"
        assert len(api.world.campaigns) == 1


def test_a_default_world_that_cannot_be_loaded_is_what_its_file_says(
    tmp_path: Path,
) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
    change_database(tmp_path, "UPDATE thing SET octets = '[' WHERE kind = 'campaigns'")

    for _ in range(2):
        with keep_worlds(tmp_path) as api:
            assert api.get("/api/v1/user").status == 200
            assert len(api.world.campaigns) == 0
            assert len(run_control(api, "GET", "set-aside")) == 1


def test_a_clock_does_not_go_back_though_the_machine_does(tmp_path: Path) -> None:
    with keep_worlds(tmp_path, token="world-one") as api:
        run_control(api, "PUT", "clock", json={"rate": 1})
    with keep_worlds(tmp_path, after=timedelta(days=2), token="world-one") as api:
        later = api.world.clock.now()
        place_campaign(api)

    with keep_worlds(tmp_path, token="world-one") as api:
        assert START < later <= api.world.clock.now()


def test_the_index_is_written_with_what_it_speaks_of(tmp_path: Path) -> None:
    with keep_worlds(tmp_path, token="world-one") as api:
        place_campaign(api)
    with closing(sqlite3.connect(get_database_path(tmp_path))) as base:
        query = "SELECT count(*) FROM thing WHERE kind = 'index'"
        assert base.execute(query).fetchone() == (2,)
