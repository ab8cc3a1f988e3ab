"""Whatever goes wrong with one world is that world's trouble: the others serve."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from emulator.domain.command_status import CommandStatus
from emulator.operations.background import catch_up
from emulator.store import DATABASE_NAME, journal_rows
from emulator.web import endpoint
from emulator.world import World, transaction
from tests.support.emulator import Answer, Api, run_control, send_control
from tests.support.orders import make_recipients, make_sms, place_campaign
from tests.support.smpp import open_smsc, pack_bind
from tests.support.worlds import keep_worlds, refuse_writes, take_snapshot
from tests.test_disk_refuses import told

REPLYING = "9990011000"  # a handset that answers by itself
WHY = "ZeroDivisionError: it is odd"


def going_wrong(what: object, name: str, world: str) -> Any:
    """Let a function fail for one world, whatever it is asked of the others."""
    right = getattr(what, name)

    def wrong(asked: World, *args: Any) -> Any:
        if asked.name == world:
            message = "it is odd"
            raise ZeroDivisionError(message)
        return right(asked, *args)

    return patch.object(what, name, wrong)


def is_set_aside(api: Api, name: str, why: str = WHY) -> None:
    """Fail unless the world is listed as one that serves nobody, and the others serve.

    Everything about it is answered with what to do.
    """
    row = {"name": name, "why": why}
    assert run_control(api, "GET", "set-aside") == [row]
    assert run_control(api, "GET", "readyz")["set_aside"] == [row]
    listed = {
        each["name"]: each["set_aside"] for each in run_control(api, "GET", "worlds")
    }
    assert listed == {**dict.fromkeys(listed), name: why}
    instead = f"POST /_emulator/set-aside/{name}/retry tries again, DELETE drops it"
    for answer in (
        api.get("/api/v1/user", token=f"world-{name}"),
        api.get(f"/_emulator/world/snapshot?world={name}", token=""),
        api.get(f"/panel/campaigns?world={name}", token=""),
    ):
        assert instead in answer.octets.decode() or instead in told(answer)
    page = api.get("/panel/worlds", token="").octets.decode()
    assert page.count("Set aside") == 1
    assert why in page
    assert api.get("/api/v1/user", token="demo").status == 200
    assert api.get("/api/v1/user", token="world-other").status == 200


def replying(api: Api, name: str) -> None:
    """Have a reply due in a world."""
    api.token = f"world-{name}"
    place_campaign(api, make_sms(recipients=make_recipients(REPLYING)))
    api.clock.advance(days=1)


def test_a_world_that_cannot_be_brought_up_to_the_time_is_set_aside(
    api: Api, caplog: pytest.LogCaptureFixture
) -> None:
    replying(api, "odd")
    with going_wrong(catch_up, "carry_out_work", "odd"):
        answer = api.get("/api/v1/user")
        assert answer.status == 500
        is_set_aside(api, "odd")
        again = send_control(api, "POST", "set-aside/odd/retry", token="demo")
        assert again.status == 200
        assert api.get("/api/v1/user").status == 500
        is_set_aside(api, "odd")
    assert "the world odd is set aside" in caplog.messages

    row = run_control(api, "POST", "set-aside/odd/retry", token="demo")

    assert row["set_aside"] is None
    assert run_control(api, "GET", "set-aside") == []
    assert api.get("/api/v1/user").status == 200
    assert [each.number for each in api.world.responses] == [int(REPLYING)] * 2


def test_a_world_that_cannot_be_written_is_set_aside(tmp_path: Path) -> None:
    with keep_worlds(tmp_path, token="world-odd") as api:
        place_campaign(api)
        left = take_snapshot(api)
        with going_wrong(World, "list_changed_rows", "odd"):
            assert api.post("/api/v3/campaign", json=make_sms()).status == 500
            is_set_aside(api, "odd")
            api.token = "world-other"
            place_campaign(api)
        api.token = "world-odd"
        run_control(api, "POST", "set-aside/odd/retry", token="demo")
        assert take_snapshot(api) == left
        place_campaign(api)
        left = take_snapshot(api)

    with keep_worlds(tmp_path, token="world-odd") as api:
        assert take_snapshot(api) == left


def test_a_change_that_cannot_be_carried_out_sets_its_world_aside(api: Api) -> None:
    api.token = "world-odd"
    api.get("/api/v1/user")
    with going_wrong(transaction, "apply_changes", "odd"):
        assert api.post("/api/v3/campaign", json=make_sms()).status == 500
    is_set_aside(api, "odd")


def test_a_journal_that_cannot_be_written_sets_its_world_aside(tmp_path: Path) -> None:
    def wrong(_exchange: Any) -> bytes:
        message = "it is odd"
        raise ZeroDivisionError(message)

    with keep_worlds(tmp_path, token="world-odd") as api:
        place_campaign(api)
        keeper: Any = api.worlds.store
        with patch.object(journal_rows, "encode_exchange", wrong):
            keeper._write_journals()  # noqa: SLF001 - whose moment comes by the wall
        is_set_aside(api, "odd")
        run_control(api, "POST", "set-aside/odd/retry", token="demo")
        left = run_control(api, "GET", "journal")["exchanges"]
        assert left

    with keep_worlds(tmp_path, token="world-odd") as api:
        assert run_control(api, "GET", "journal")["exchanges"] == left


def test_whoever_is_bound_there_is_cut_and_nobody_binds(api: Api) -> None:
    api.token = "world-odd"
    api.get("/api/v1/user")
    with open_smsc(api) as smsc:
        caller = smsc.bind(system_id="world-odd", password="x")
        replying(api, "odd")
        with going_wrong(catch_up, "carry_out_work", "odd"):
            api.get("/api/v1/user")
        assert caller.is_cut()
        assert api.world.sessions == {}
        refused = smsc.connect().ask(pack_bind(system_id="world-odd", password="x"))
        assert refused.status == CommandStatus.ESME_RSYSERR
        assert smsc.bind().bind is not None


def test_who_waits_there_is_told(api: Api) -> None:
    replying(api, "odd")
    with going_wrong(catch_up, "carry_out_work", "odd"):
        answer = send_control(api, "POST", "clock/settle", json={})
    assert answer.status == 500


@pytest.mark.parametrize(
    ("method", "path"),
    [("DELETE", "set-aside/odd"), ("DELETE", "world?world=odd")],
)
def test_it_can_be_dropped(api: Api, method: str, path: str) -> None:
    replying(api, "odd")
    with going_wrong(catch_up, "carry_out_work", "odd"):
        api.get("/api/v1/user")

    assert send_control(api, method, path, token="").status == 200

    assert run_control(api, "GET", "set-aside") == []
    assert api.get("/api/v1/user", token="world-odd").status == 200  # another one


def test_it_can_be_reset(api: Api) -> None:
    replying(api, "odd")
    with going_wrong(catch_up, "carry_out_work", "odd"):
        api.get("/api/v1/user")

    assert run_control(api, "POST", "world/reset")["set_aside"] is None
    assert api.get("/api/v1/user").status == 200


def test_it_can_be_put_into_another_state_however_long_that_takes_to_send(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.token = "world-odd"
    before = take_snapshot(api)
    replying(api, "odd")
    with going_wrong(catch_up, "carry_out_work", "odd"):
        api.get("/api/v1/user")
    monkeypatch.setattr(endpoint, "PROMPT_SECONDS", -1)  # no body comes as fast

    row = run_control(api, "POST", "world/restore", json=before)

    assert row["set_aside"] is None
    assert take_snapshot(api) == before


def test_nobody_is_set_aside_by_the_name_of_one_that_serves(api: Api) -> None:
    for name in ("demo", "nobody"):
        answer = send_control(api, "POST", f"set-aside/{name}/retry")
        assert (answer.status, answer.body["detail"]) == (
            404,
            f"no world is set aside as {name}; there are: none",
        )


# --- One that cannot be loaded ------------------------------------------------


def spoil(folder: Path, old: str, new: str) -> None:
    """Change what the file has of campaigns."""
    statement = "UPDATE thing SET octets = replace(octets, ?, ?) WHERE kind = ?"
    with closing(sqlite3.connect(folder / DATABASE_NAME)) as base, base:
        assert base.execute(statement, (old, new, "campaigns")).rowcount


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """Return a directory with a world that cannot be loaded."""
    with keep_worlds(tmp_path, token="world-broken") as api:
        place_campaign(api)
    spoil(tmp_path, "hola", "\a")
    return tmp_path


def aside(api: Api) -> str:
    send_control(api, "GET", "world?world=broken", token="")  # by which it is loaded
    ((name, why),) = (
        (it["name"], it["why"]) for it in run_control(api, "GET", "set-aside")
    )
    assert name.startswith("broken (set aside 2026-")
    assert "control character" in why or "invalid" in why.casefold(), why
    return str(name)


def retry(api: Api, name: str) -> Answer:
    return send_control(api, "POST", f"set-aside/{name}/retry", token="")


def test_it_is_listed_after_every_start(broken: Path) -> None:
    for _ in range(2):
        with keep_worlds(broken) as api:
            name = aside(api)
            (row,) = run_control(api, "GET", "readyz")["set_aside"]
            assert row["name"] == name
            assert api.get("/api/v1/user").status == 200


def test_it_is_tried_again_and_serves_once_it_is_mended(broken: Path) -> None:
    with keep_worlds(broken) as api:
        name = aside(api)
        answer = retry(api, name)
        assert answer.status == 500
        assert "world broken still cannot be loaded: " in told(answer)
        assert aside(api) == name
    spoil(broken, "\a", "hola")

    with keep_worlds(broken) as api:
        with refuse_writes(api):
            assert retry(api, name).status == 500
        assert retry(api, name).body["messages"] == 1
        assert run_control(api, "GET", "set-aside") == []
        api.token = "world-broken"
        place_campaign(api)
        left = take_snapshot(api)

    with keep_worlds(broken, token="world-broken") as api:
        assert take_snapshot(api) == left


def test_it_is_not_tried_where_another_has_its_name(broken: Path) -> None:
    with keep_worlds(broken) as api:
        name = aside(api)
        place_campaign(Api(api.app, "world-broken", api._loop))  # noqa: SLF001 - the same one
        answer = retry(api, name)
        assert (answer.status, answer.body["detail"]) == (
            409,
            "there is another world broken by now; delete that first",
        )


def test_it_is_dropped_for_good(broken: Path) -> None:
    with keep_worlds(broken) as api:
        path = f"set-aside/{aside(api)}"
        with refuse_writes(api):
            refused = send_control(api, "DELETE", path)
        assert refused.status == 500
        assert "cannot be written" in told(refused)
        assert "so nothing was changed" in told(refused)
        aside(api)
        run_control(api, "DELETE", path)
        assert run_control(api, "GET", "set-aside") == []

    with keep_worlds(broken) as api:
        assert run_control(api, "GET", "set-aside") == []


def test_a_number_that_no_store_holds_is_no_world(tmp_path: Path) -> None:
    """A snapshot of which the next id was 2^64 - 1 made every world answer 500."""
    with keep_worlds(tmp_path) as api:
        document = take_snapshot(api)
        document["next"]["campaign"] = 2**64 - 1
        for path, body in (
            ("world/restore", document),
            ("worlds", {"name": "odd", "snapshot": document}),
        ):
            answer = send_control(api, "POST", path, json=body)
            assert answer.status == 422
            assert "an id lies between 1 and" in answer.body["detail"]
        place_campaign(api)
        left = take_snapshot(api)

    with keep_worlds(tmp_path) as api:
        assert take_snapshot(api) == left
