"""Worlds that outlive the process: what is kept of them, and what a bad file does."""

import json
import os
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from emulator.client import Emulator
from emulator.domain.delivery import Attempt, Verdict
from emulator.operations.control import deliveries
from emulator.store import StoreError
from emulator.store.database_file import FORMAT_VERSION
from emulator.world.transaction import run_transaction_now
from emulator.worldfile.old_words import (
    STATE_WORDS,
    WORLD_FILE_WORDS,
    translate_old_words,
)
from tests.support.emulator import (
    START,
    Answer,
    Api,
    make_emulator,
    run_control,
    send_control,
    set_examples,
)
from tests.support.orders import make_crowd, make_sms, place_campaign, poll_messages
from tests.support.processes import ROOT, read_complaint, serve_emulator
from tests.support.servers import Receiver, ReceiverAnswer, run_receiver
from tests.support.worlds import (
    change_database,
    fill_world,
    get_database_path,
    keep_worlds,
    take_snapshot,
)
from tests.test_snapshots import COMMANDS

FIXED = set_examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
NOBODY = 65_534  # a user who may write nothing here
RELEASED = ["0.1.0"]
# Settings, with their defaults.
SINCE_THEN = {"queue_full_status": 0x58, "throttle_after": 2}
ORDER = json.dumps(make_sms())


def again(folder: Path, token: str = "demo", **changes: Any) -> Any:
    """Return the snapshot of a world as another process finds it."""
    with keep_worlds(folder, token=token, **changes) as api:
        return take_snapshot(api)


# --- What is kept ------------------------------------------------------------


def test_everything_that_lives_in_a_world_is_there_again(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        fill_world(api)
        left = take_snapshot(api)

    assert again(tmp_path) == left


@given(st.lists(st.sampled_from(sorted(COMMANDS)), max_size=12), st.integers(0, 12))
@FIXED
def test_a_process_that_ends_between_two_commands_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, names: list[str], ends: int
) -> None:
    folder = tmp_path_factory.mktemp("data")
    with closing(make_emulator()) as straight:
        for part in (names[:ends], names[ends:]):
            with keep_worlds(folder) as api:
                for name in part:
                    COMMANDS[name](straight)
                    COMMANDS[name](api)
                left = take_snapshot(api)

        assert left == take_snapshot(straight)


def test_it_is_on_the_disk_before_the_answer_leaves(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        copy = tmp_path / "copy"
        copy.mkdir()
        for each in tmp_path.glob("worlds.sqlite*"):
            (copy / each.name).write_bytes(each.read_bytes())

        assert again(copy) == take_snapshot(api)


def test_what_is_refused_is_not_kept(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        left = take_snapshot(api)
        assert api.post("/api/v3/campaign", json=make_sms(route=1)).status == 422

    assert again(tmp_path) == left


def test_worlds_are_kept_apart_and_each_with_its_beginning(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        run_control(api, "POST", "world/fork", json={"name": "forked"})
        order = {"name": "made", "seed": 7, "clock": START.isoformat()}
        run_control(api, "POST", "worlds", json=order)
        for name in ("forked", "made", "minted"):
            api.token = f"world-{name}"
            place_campaign(api, make_sms(recipients=make_crowd(3)))

    with keep_worlds(tmp_path) as api:
        seen = [each["name"] for each in run_control(api, "GET", "worlds")]
        messages = [each["messages"] for each in run_control(api, "GET", "worlds")]
        assert (seen, messages) == (["demo", "forked", "made", "minted"], [1, 4, 3, 3])
        for name in ("demo", "forked", "made", "minted"):
            api.token = name if name == "demo" else f"world-{name}"
            run_control(api, "POST", "world/reset")
        messages = [each["messages"] for each in run_control(api, "GET", "worlds")]
        seeds = [each["seed"] for each in run_control(api, "GET", "worlds")]
        assert (messages, seeds) == ([0, 1, 0, 0], [1, 1, 7, 1])


def test_a_world_that_was_reset_or_put_back_is_what_it_was_then(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)
        run_control(api, "POST", "world/checkpoints", json={"name": "one"})
        place_campaign(api)
        run_control(api, "POST", "world/checkpoints/one/restore")
        placed = take_snapshot(api)
        api.token = "world-other"
        place_campaign(api)
        run_control(api, "POST", "world/reset")
        emptied = take_snapshot(api)

    assert again(tmp_path) == placed
    assert again(tmp_path, token="world-other") == emptied


def test_a_world_that_was_deleted_is_gone(tmp_path: Path) -> None:
    with keep_worlds(tmp_path, token="world-other") as api:
        place_campaign(api)
        run_control(api, "DELETE", "world")

    with keep_worlds(tmp_path) as api:
        assert [each["name"] for each in run_control(api, "GET", "worlds")] == ["demo"]


def test_tokens_open_expire_and_stay_deleted(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        made = [
            run_control(api, "POST", "tokens", json={"name": name})["token"]
            for name in ("kept", "deleted", "expired")
        ]
        run_control(api, "DELETE", f"tokens/{made[1]}")
        run_control(api, "POST", f"tokens/{made[2]}/expire")
        listed = run_control(api, "GET", "tokens")

    with keep_worlds(tmp_path) as api:
        assert run_control(api, "GET", "tokens") == listed
        opened = [api.get("/api/v1/user", token=each).status for each in made]
        assert opened == [200, 401, 401]


def test_a_token_that_the_world_file_has_gained_opens_it(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api)

    tokens = [{"name": "a", "token": "demo"}, {"name": "b", "token": "second"}]
    with keep_worlds(tmp_path, token="second", tokens=tokens) as api:
        assert api.get("/api/v1/user").status == 200
        assert len(api.world.campaigns) == 1


def test_a_fault_goes_on_counting(tmp_path: Path) -> None:
    fault = {"effect": {"status": 500}, "nth": 3}
    with keep_worlds(tmp_path) as api:
        run_control(api, "POST", "faults", json=fault)
        assert api.get("/api/v1/user").status == 200
        assert api.post("/api/v3/campaign", json=make_sms(route=1)).status == 422

    with keep_worlds(tmp_path) as api:
        assert [each["matched"] for each in run_control(api, "GET", "faults")] == [2]
        assert api.get("/api/v1/user").status == 500


@pytest.mark.parametrize(
    ("rate", "days"), [(0, 0), (1, 1), (60, 60)], ids=["frozen", "real", "scaled"]
)
def test_a_clock_goes_on_at_its_rate_while_nobody_serves(
    tmp_path: Path, rate: float, days: int
) -> None:
    with keep_worlds(tmp_path) as api:
        placed = place_campaign(api)
        run_control(api, "PUT", "clock", json={"rate": rate})
        began = api.world.clock.now()
        wall = api.world.clock.take_reading()[2]

    with keep_worlds(tmp_path, after=wall - START + timedelta(days=1)) as api:
        passed = api.world.clock.now() - began
        assert timedelta(days=days) <= passed <= timedelta(days=days, minutes=10)
        assert api.world.clock.rate == rate
        assert poll_messages(api, placed)["percentage"] == (100 if days else 0)


def test_a_machine_whose_clock_was_put_back_puts_no_world_back(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        run_control(api, "POST", "clock/advance", json={"seconds": 3600})
        run_control(api, "PUT", "clock", json={"rate": 1})
        place_campaign(api)
        began = api.world.campaigns[8528238].created_at

    with keep_worlds(tmp_path, after=timedelta(days=-300)) as api:
        assert began <= api.world.clock.now() < began + timedelta(minutes=5)


def test_the_journal_goes_on_and_knows_what_it_has_dropped(tmp_path: Path) -> None:
    with keep_worlds(tmp_path) as api:
        place_campaign(api, make_sms(recipients=make_crowd(3_000)))
        api.get("/api/v1/user")
        api.post("/api/v3/campaign", json={"text": 1})
        left = run_control(api, "GET", "journal")
        assert len(left["exchanges"]) == 3

    with keep_worlds(tmp_path) as api:
        assert run_control(api, "GET", "journal") == left
        world = api.world
        world.journal.drop(1)
        api.get("/api/v1/user")
        left = run_control(api, "GET", "journal?after=1")
        assert [each["number"] for each in left["exchanges"]] == [2, 3, 4]

    with keep_worlds(tmp_path) as api:
        assert run_control(api, "GET", "journal?after=1") == left
        assert send_control(api, "GET", "journal").status == 409
        run_control(api, "DELETE", "journal")
        api.get("/api/v1/user")
        left = run_control(api, "GET", "journal")

    with keep_worlds(tmp_path) as api:
        assert run_control(api, "GET", "journal") == left
        assert [each["number"] for each in left["exchanges"]] == [5]


def _opened(process: int) -> Iterator[str]:
    """Yield the files that a process has open, but for what it closes meanwhile."""
    for each in Path(f"/proc/{process}/fd").iterdir():
        with suppress(FileNotFoundError):
            yield str(each.readlink())


def test_without_a_directory_nothing_is_written(tmp_path: Path) -> None:
    places = {name: str(tmp_path) for name in ("HOME", "TMPDIR", "XDG_CACHE_HOME")}
    with serve_emulator(environment=places) as served:
        assert served.ask("POST", "/api/v3/campaign", ORDER).status == 200
        files = [*_opened(served.process.pid)]

    assert not [each for each in files if each.startswith("/") and "sqlite" in each]
    assert list(tmp_path.iterdir()) == []


def test_an_emulator_in_process_keeps_worlds_as_well(tmp_path: Path) -> None:
    with Emulator.in_process(data=tmp_path) as emulator:
        emulator.request("POST", "/api/v3/campaign", json=make_sms())

    with Emulator.in_process(data=tmp_path) as emulator:
        assert emulator.messages().count == 1


# --- What leaves -------------------------------------------------------------


@contextmanager
def hearing() -> Iterator[Receiver]:
    """Receive pushes, and keep no connection that a process would leave open."""
    with run_receiver() as receiver:
        receiver.answer_with(ReceiverAnswer(headers=(("connection", "close"),)))
        yield receiver


def replied(api: Api) -> None:
    """Let a handset answer a message, at the instant at which it got it."""
    place_campaign(api)
    run_control(api, "POST", "clock/advance", json={"seconds": 11})
    api.world.clock.set_rate(0)
    run_control(api, "POST", "inbound", json={"number": "4498987282", "text": "si"})


def test_a_push_whose_answer_is_on_record_is_not_sent_again(tmp_path: Path) -> None:
    with hearing() as receiver:
        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            replied(api)
            run_control(api, "POST", "clock/settle", json={})
            assert len(receiver.asked) == 1

        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            run_control(api, "POST", "clock/settle", json={})
            states = [each.state for each in api.world.deliveries.values()]
            assert (len(receiver.asked), states) == (1, ["delivered"])


def test_a_push_that_had_not_left_leaves_later_without_a_word(tmp_path: Path) -> None:
    with hearing() as receiver:
        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            rule = {"effect": {"push": "late", "seconds": 60}}
            run_control(api, "POST", "faults", json=rule)
            replied(api)

        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            run_control(api, "POST", "clock/settle", json={})
            (delivery,) = run_control(api, "GET", "deliveries")["deliveries"]
            verdicts = [each["verdict"] for each in delivery["attempts"]]
            assert (verdicts, len(receiver.asked)) == (["accepted"], 1)


def test_a_push_under_way_when_the_process_ended_says_so(tmp_path: Path) -> None:
    with hearing() as receiver:
        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            replied(api)
            world, taken = api.world, [*api.world.deliveries.values()]
            run_transaction_now(
                world.shared, lambda: deliveries.keep_deliveries_leaving(world, taken)
            )

        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            run_control(api, "POST", "clock/settle", json={})
            (delivery,) = run_control(api, "GET", "deliveries")["deliveries"]
            verdicts = [each["verdict"] for each in delivery["attempts"]]
            assert verdicts == ["stopped", "accepted"]
            assert "may have arrived before" in delivery["attempts"][0]["explanation"]

        with keep_worlds(tmp_path, push_url=receiver.url) as api:
            (delivery,) = run_control(api, "GET", "deliveries")["deliveries"]
            assert [each["verdict"] for each in delivery["attempts"]] == verdicts


def test_an_attempt_that_was_stopped_is_no_try(tmp_path: Path) -> None:
    with keep_worlds(
        tmp_path, push_url="http://127.0.0.1:9/mo", push_retries=[60]
    ) as api:
        replied(api)
        (delivery,) = api.world.deliveries.values()

    stopped = delivery.add_interruption(START)
    refused = Attempt(START, "GET", delivery.url, Verdict.REFUSED)
    assert stopped.due_at == delivery.due_at
    assert not stopped.apply_attempt(refused, START).is_over
    assert stopped.apply_attempt(refused, START).apply_attempt(refused, START).is_over


def test_a_delivery_that_is_forgotten_leaves_the_file(tmp_path: Path) -> None:
    with keep_worlds(tmp_path, push_url="http://127.0.0.1:9/mo") as api:
        api.world.shared.delivery_limit = 2  # the bound, made small
        place_campaign(api)
        run_control(api, "POST", "clock/advance", json={"seconds": 11})
        for number in range(5):
            wrote = {"number": "4498987282", "text": f"si {number}"}
            run_control(api, "POST", "inbound", json=wrote)
            run_control(api, "POST", "clock/settle", json={})
        left = list(api.world.deliveries)
        dropped = api.world.deliveries_dropped
        place_campaign(api)  # after which nothing is dropped

    with closing(sqlite3.connect(get_database_path(tmp_path))) as base:
        found = base.execute("SELECT key FROM thing WHERE kind = 'deliveries'")
        assert [key for (key,) in found] == left
    with keep_worlds(tmp_path) as api:
        assert (list(api.world.deliveries), api.world.deliveries_dropped) == (
            left,
            dropped,
        )


# --- What can be wrong -------------------------------------------------------


def test_a_world_that_cannot_be_loaded_is_set_aside_and_the_others_serve(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with keep_worlds(tmp_path, token="world-broken") as api:
        place_campaign(api)
    change_database(
        tmp_path,
        "UPDATE thing SET octets = replace(octets, 'hola', char(7)) WHERE kind = "
        "'campaigns'",
    )

    with keep_worlds(tmp_path, token="world-broken") as api:
        place_campaign(api)  # in a new world of that name
        assert len(api.world.campaigns) == 1
        (said,) = caplog.messages
        assert "the world broken cannot be loaded" in said
        assert "the others serve" in said
    with keep_worlds(tmp_path, token="world-broken") as api:
        assert len(api.world.campaigns) == 1
    with closing(sqlite3.connect(get_database_path(tmp_path))) as base:
        names = [name for (name,) in base.execute("SELECT name FROM world ORDER BY id")]
        assert "broken" in names
        assert any(name.startswith("broken (set aside ") for name in names)


def served_on(folder: Path) -> str:
    """Return the one sentence that a start says."""
    return read_complaint("serve", "--port", "0", "--data", str(folder))


def opened_once(folder: Path) -> None:
    with keep_worlds(folder) as api:
        place_campaign(api)


def test_a_second_process_is_told_whose_the_directory_is(tmp_path: Path) -> None:
    with serve_emulator("--data", str(tmp_path)) as served:
        assert served.ask("POST", "/api/v3/campaign", ORDER).status == 200

        said = served_on(tmp_path)

        assert "is in use by another process" in said
        assert "one directory belongs to one process" in said
        assert served.ask("POST", "/api/v3/campaign", ORDER).status == 200


def test_a_foreign_file_is_left_as_it_is(tmp_path: Path) -> None:
    get_database_path(tmp_path).write_bytes(
        b"not a database at all, but somebody's notes" * 100
    )
    before = get_database_path(tmp_path).read_bytes()

    said = served_on(tmp_path)

    assert "is damaged or no file of this program" in said
    assert "it was left as it is" in said
    assert get_database_path(tmp_path).read_bytes() == before


def test_the_database_of_another_program_is_left_as_it_is(tmp_path: Path) -> None:
    with closing(sqlite3.connect(get_database_path(tmp_path))) as base, base:
        base.execute("CREATE TABLE notes(text)")
    before = get_database_path(tmp_path).read_bytes()

    assert "is no file of this program" in served_on(tmp_path)
    assert get_database_path(tmp_path).read_bytes() == before


@pytest.mark.parametrize("part", [0.3, 0.6, 0.9])
def test_a_truncated_file_is_left_as_it_is(tmp_path: Path, part: float) -> None:
    with keep_worlds(tmp_path) as api:
        for _ in range(20):
            place_campaign(api, make_sms(recipients=make_crowd(300)))
    os.truncate(
        get_database_path(tmp_path),
        int(get_database_path(tmp_path).stat().st_size * part),
    )
    before = get_database_path(tmp_path).read_bytes()

    said = served_on(tmp_path)

    assert "is damaged or no file of this program" in said
    assert "put a copy of it there, or name another --data" in said
    assert get_database_path(tmp_path).read_bytes() == before


def test_a_file_of_a_newer_version_is_left_as_it_is(tmp_path: Path) -> None:
    opened_once(tmp_path)
    with closing(sqlite3.connect(get_database_path(tmp_path))) as base:
        base.execute(f"PRAGMA user_version = {FORMAT_VERSION + 1}")

    said = served_on(tmp_path)

    assert (
        f"has format {FORMAT_VERSION + 1}, and this emulator knows formats up to"
        in said
    )
    with closing(sqlite3.connect(get_database_path(tmp_path))) as base:
        assert base.execute("SELECT count(*) FROM world").fetchone() == (1,)


def test_what_is_no_directory_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")

    said = served_on(tmp_path / "file" / "data")

    assert "cannot be made (Not a directory)" in said


@contextmanager
def somebody() -> Iterator[None]:
    """Be somebody else within, if we are root, who may write everywhere."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize("there", [True, False], ids=["a file", "no file"])
def test_a_directory_that_cannot_be_written_is_refused(*, there: bool) -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        if there:
            opened_once(folder)
            get_database_path(folder).chmod(0o444)
        folder.chmod(0o555)

        with somebody(), pytest.raises(StoreError) as told, keep_worlds(folder):
            pass

        assert "cannot be read and written" in str(told.value)
        assert "name another --data" in str(told.value)
        folder.chmod(0o755)


def test_a_disk_that_is_full_refuses_and_loses_nothing(tmp_path: Path) -> None:
    with serve_emulator("--data", str(tmp_path), "--clock", "frozen") as served:
        pid, placed = served.process.pid, []

        def answered() -> Answer:
            answer = served.ask("POST", "/api/v3/campaign", ORDER)
            if answer.status == 200:
                placed.append(answer.body["campaign"])
            return answer

        assert answered().status == 200
        full = Path(f"{get_database_path(tmp_path)}-wal").stat().st_size + 3 * 4096
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (full, resource.RLIM_INFINITY))
        refused = next(
            each for each in (answered() for _ in count()) if each.status != 200
        )

        assert refused.status == 500
        why = refused.headers["x-emulator-why"]
        assert "worlds.sqlite cannot be written" in why
        assert "so nothing was changed; give it room or rights, and ask again" in why
        credit = served.ask("GET", "/api/v1/user").body["data"]["credit"]
        assert answered().status == 500
        assert served.ask("GET", "/api/v1/user").body["data"]["credit"] == credit
        unlimited = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, unlimited)
        assert answered().status == 200
        left = served.ask("GET", "/_emulator/campaigns").body

    with serve_emulator("--data", str(tmp_path)) as served:
        found = served.ask("GET", "/_emulator/campaigns").body
        assert [each["campaign"] for each in found] == placed
        assert found == left


def test_a_file_of_each_released_version_is_taken(tmp_path: Path) -> None:
    released = sorted((ROOT / "tests" / "kept").glob("*.sqlite"))
    assert [each.stem for each in released] == RELEASED
    for each in released:
        folder = tmp_path / each.stem
        folder.mkdir()
        get_database_path(folder).write_bytes(each.read_bytes())
        old = json.loads(each.with_suffix(".json").read_text("utf-8"))
        told = translate_old_words(old, STATE_WORDS)
        told["account"] = translate_old_words(told["account"], WORLD_FILE_WORDS)
        told["account"]["smpp"] |= SINCE_THEN

        assert again(folder) == told
