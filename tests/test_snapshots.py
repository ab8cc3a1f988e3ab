"""Worlds that are created, kept, put back, copied and carried elsewhere."""

import json
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.operations.control import snapshots
from tests.support.emulator import (
    START,
    Api,
    MakeApi,
    make_emulator,
    run_at_once,
    run_control,
    send_control,
    set_examples,
)
from tests.support.orders import (
    CLIC,
    EMAIL,
    RESPONSES,
    SMS,
    VOICE,
    make_clic,
    make_crowd,
    make_order,
    make_recipients,
    make_sms,
    place_campaign,
)
from tests.support.worlds import fill_world

FIXED = set_examples(40)
FROZEN = {"name": "other", "clock": START.isoformat()}
BOTH = {"name", "tokens"}  # what two worlds with one seed differ in

Command = Callable[[Api], Any]


def snapshot(api: Api) -> Any:
    return run_control(api, "GET", "world/snapshot")


def restored(document: Any, *, name: str = "other") -> Api:
    """Return a world of another process, made from a snapshot."""
    api = make_emulator()
    run_control(api, "POST", "worlds", json={"name": name, "snapshot": document})
    api.token = f"world-{name}"
    return api


def posts(path: str, body: Any) -> Command:
    return lambda api: api.post(path, json=body)


def steers(method: str, path: str, body: Any = None) -> Command:
    return lambda api: send_control(api, method, path, json=body)


COMMANDS: dict[str, Command] = {
    "sms": posts(SMS, make_sms(recipients=make_recipients("4498987282", "9990002000"))),
    "clic": posts(CLIC, make_clic()),
    "voice": posts(VOICE, make_order(VOICE)),
    "email": posts(EMAIL, make_order(EMAIL)),
    "hlr": lambda api: api.get("/api/v3/hlr/9990004000"),
    "scheduled": posts(SMS, make_sms(scheduled_date="2026-03-05 10:00:00")),
    "refused": posts(SMS, make_sms(route=1)),
    "broken": posts(SMS, {"text": 1}),
    "pause": steers("POST", "campaigns/sms/8528238/pause"),
    "resume": steers("POST", "campaigns/sms/8528238/resume"),
    "cancel": steers("POST", "campaigns/sms/8528238/cancel"),
    "fault": steers(
        "POST",
        "faults",
        {"effect": {"status": 503}, "probability": 0.5, "phase": "after"},
    ),
    "handset": steers("PUT", "handsets/4498987282", {"outcome": "absent"}),
    "top up": steers("POST", "movements", {"amount": 1.25}),
    "jump": steers("POST", "clock/advance", {"seconds": 7.5}),
    "settle": steers("POST", "clock/settle", {}),
    "poll": lambda api: api.get(f"{SMS}/8528238/messages"),
    "responses": posts(RESPONSES, make_order(RESPONSES)),
}
SOME = st.lists(st.sampled_from(sorted(COMMANDS)), max_size=12)


def answers(api: Api, names: list[str]) -> list[Any]:
    """Carry out commands and return what they answered."""
    found = (COMMANDS[name](api) for name in names)
    return [(each.status, each.body) for each in found]


# --- Worlds are made ---------------------------------------------------------


def test_a_world_is_made_with_a_clock_a_pace_and_choices_of_its_own(api: Api) -> None:
    made = run_control(
        api,
        "POST",
        "worlds",
        json={
            "name": "other",
            "clock": "2026-01-31T12:00:00Z",
            "pace": "instant",
            "seed": 7,
            "assumptions": {"language": "en"},
        },
    )

    assert made["token"] == "world-other"
    assert (made["now"], made["rate"]) == ("2026-01-31T12:00:00.000000Z", 0)
    assert (made["seed"], made["assumptions"]) == (7, {"language": "en"})
    api.token = made["token"]
    place_campaign(api)
    assert api.get(f"{SMS}/8528238/messages").body["percentage"] == 100
    assert api.get("/api/v1/user").headers["date"] == "Sat, 31 Jan 2026 12:00:00 GMT"


def test_a_world_is_made_strict_or_lenient(api: Api, strict: Api) -> None:
    doubtful = make_sms(route="87", encode="1", country=2)

    for process in (api, strict):
        for word in (True, False):
            name = f"world{word}"
            order = {"name": name, "strict": word, "clock": "frozen"}
            run_control(process, "POST", "worlds", json=order)
            process.token = f"world-{name}"
            assert process.post(SMS, json=doubtful).status == (422 if word else 200)
            process.token = "demo"


def test_a_world_is_made_from_what_would_stand_in_a_file(api: Api) -> None:
    account = {
        "user": "a@example.org",
        "name": "Ana",
        "surname": "Ruiz",
        "time_zone": "America/Mexico_City",
        "credit": 5,
    }
    fixture = {
        "account": account,
        "countries": [{"country": 1, "name": "Mexico"}],
        "routes": [
            {"route": 3, "name": "R", "country": 1, "price": 2, "description": ""}
        ],
    }

    made = run_control(
        api, "POST", "worlds", json={"name": "other", "fixture": fixture}
    )

    assert made["balance"] == 5


def test_a_world_is_made_from_a_file_that_comes_with_the_program(api: Api) -> None:
    run_control(api, "POST", "worlds", json={"name": "other", "fixture": "contract"})

    assert run_control(api, "GET", "world?world=other")["name"] == "other"


@pytest.mark.parametrize(
    ("order", "says"),
    [
        ({"fixture": "nowhere"}, "known: contract, demo"),
        ({"fixture": "../demo"}, "no world file called ../demo"),
        ({"fixture": {"routes": []}}, "'account' is a required property"),
        ({"assumptions": {"charge": "never"}}, "charge is one of"),
        ({"assumptions": {"nonsense": "yes"}}, "no assumption called 'nonsense'"),
        ({"clock": "yesterday"}, "yesterday"),
        ({"clock": "x0"}, "x0 is no rate"),
        ({"surprise": 1}, "surprise"),
        ({"name": "a b"}, "name"),
    ],
)
def test_a_world_that_cannot_be_is_refused_with_what_is_wrong(
    api: Api, order: Any, says: str
) -> None:
    answer = send_control(api, "POST", "worlds", json={"name": "other", **order})

    assert answer.status == 422
    assert says in answer.body["detail"] + answer.body["title"]
    assert send_control(api, "GET", "world?world=other").status == 404


# --- Checkpoints -------------------------------------------------------------


def test_a_world_goes_back_to_a_checkpoint(api: Api) -> None:
    place_campaign(api)
    before = snapshot(api)
    run_control(api, "POST", "world/checkpoints", json={"name": "sent"})
    fill_world(api)

    run_control(api, "POST", "world/checkpoints/sent/restore")

    assert snapshot(api) == before


def test_tokens_go_back_with_their_world(api: Api) -> None:
    old = run_control(api, "POST", "tokens", json={"name": "old"})["token"]
    run_control(api, "POST", "world/checkpoints", json={"name": "two"})
    new = run_control(api, "POST", "tokens", json={"name": "new"})["token"]
    run_control(api, "DELETE", f"tokens/{old}")
    run_control(api, "DELETE", "tokens/demo?world=demo")

    run_control(api, "POST", "world/checkpoints/two/restore?world=demo")

    asked = {each: api.get("/api/v1/user", token=each) for each in ("demo", old, new)}
    assert [each.status for each in asked.values()] == [200, 200, 401]


def test_a_token_that_was_deleted_then_is_deleted_again(api: Api) -> None:
    run_control(api, "DELETE", "tokens/demo")
    run_control(api, "POST", "world/checkpoints?world=demo", json={"name": "locked"})
    run_control(api, "POST", "world/reset?world=demo")
    assert api.get("/api/v1/user").status == 200

    run_control(api, "POST", "world/checkpoints/locked/restore")

    answer = api.get("/api/v1/user")
    assert (answer.status, answer.headers["x-emulator-why"]) == (
        401,
        "the token was deleted; create another",
    )


def test_a_checkpoint_is_opened_as_a_new_world_as_often_as_one_likes(api: Api) -> None:
    place_campaign(api)
    run_control(api, "POST", "world/checkpoints", json={"name": "sent"})
    fill_world(api)

    for name in ("one", "two"):
        run_control(api, "POST", "world/checkpoints/sent/open", json={"name": name})

    balances = [
        api.get("/api/v1/user", token=f"world-{n}").body for n in ("one", "two")
    ]
    assert balances[0] == balances[1]
    assert run_control(api, "GET", "world?world=one")["campaigns"] == 1


def test_checkpoints_are_listed_replaced_and_dropped(api: Api) -> None:
    for name in ("a", "b", "a"):
        api.clock.advance(seconds=1)
        run_control(api, "POST", "world/checkpoints", json={"name": name})

    assert run_control(api, "GET", "world/checkpoints") == [
        {"name": "b", "at": "2026-03-02T18:00:02.000000Z"},
        {"name": "a", "at": "2026-03-02T18:00:03.000000Z"},
    ]
    run_control(api, "DELETE", "world/checkpoints/b")
    assert run_control(api, "GET", "world")["checkpoints"] == ["a"]
    answer = send_control(api, "POST", "world/checkpoints/b/restore")
    assert (answer.status, answer.body["detail"]) == (
        404,
        "checkpoints of world demo: a",
    )


def test_so_many_checkpoints_are_kept_and_no_more(api: Api) -> None:
    for index in range(100):
        run_control(api, "POST", "world/checkpoints", json={"name": f"c{index}"})

    assert (
        send_control(api, "POST", "world/checkpoints", json={"name": "x"}).status == 422
    )
    assert (
        send_control(api, "POST", "world/checkpoints", json={"name": "c1"}).status
        == 200
    )


# --- Snapshots ---------------------------------------------------------------


def test_a_snapshot_holds_all_there_is(api: Api) -> None:
    fill_world(api)

    with closing(restored(snapshot(api))) as elsewhere:
        there, here = snapshot(elsewhere), snapshot(api)

    assert {k for k in here if here[k] != there[k]} == BOTH
    assert all(here[name] for name in here)


@FIXED
@given(before=SOME, after=SOME)
def test_what_is_restored_elsewhere_goes_on_as_the_original_would(
    before: list[str], after: list[str]
) -> None:
    with closing(make_emulator()) as api, closing(make_emulator(seed=9)) as elsewhere:
        answers(api, before)
        run_control(elsewhere, "POST", "world/restore", json=snapshot(api))
        assert answers(elsewhere, after) == answers(api, after)
        assert snapshot(elsewhere) == snapshot(api)


@FIXED
@given(commands=SOME)
def test_two_worlds_with_one_seed_and_the_same_commands_are_the_same(
    commands: list[str],
) -> None:
    with closing(make_emulator()) as one, closing(make_emulator()) as other:
        run_control(other, "POST", "worlds", json=FROZEN)
        other.token = "world-other"
        answers(one, commands)
        answers(other, commands)
        documents = [snapshot(each) for each in (one, other)]
    for document in documents:
        assert [document.pop(name) for name in BOTH]
    assert json.dumps(documents[0]) == json.dumps(documents[1])


def test_a_restore_adopts_created_tokens_that_no_other_world_holds(api: Api) -> None:
    created = run_control(api, "POST", "tokens", json={"name": "mine"})["token"]
    document = snapshot(api)

    run_control(api, "POST", "worlds", json={"name": "copy", "snapshot": document})
    with closing(restored(document)) as elsewhere:
        adopted = elsewhere.get("/api/v1/user", token=created)
        tokens = [run_control(elsewhere, "GET", "world")["tokens"]]

    assert adopted.status == 200
    assert tokens == [["world-other", created]]
    assert run_control(api, "GET", "world?world=copy")["tokens"] == ["world-copy"]
    assert run_at_once(api.worlds.get_or_create(created)) is api.world


def test_a_fork_adopts_no_token(api: Api) -> None:
    created = run_control(api, "POST", "tokens", json={"name": "mine"})["token"]

    run_control(api, "POST", "world/fork", json={"name": "copy"})

    assert run_control(api, "GET", "world?world=copy")["tokens"] == ["world-copy"]
    assert run_at_once(api.worlds.get_or_create(created)) is api.world


def test_short_links_lead_to_the_world_that_shows_them(api: Api) -> None:
    placed = place_campaign(api, make_clic(), path=CLIC)
    run_control(api, "POST", "world/fork", json={"name": "copy"})
    api.token = "world-copy"
    api.clock.advance(seconds=20)

    text = api.get(f"{SMS}/{placed['campaign']}/messages").body["data"][0]["text"]
    assert api.get(f"/s/{text.rpartition('/')[2]}", token="").status == 302

    assert [len(world.clicks) for world in api.worlds] == [0, 1]


def test_the_journal_stays_out_of_a_restore(api: Api) -> None:
    document = snapshot(api)
    api.get("/api/v1/user")

    run_control(api, "POST", "world/restore", json=document)

    assert len(run_control(api, "GET", "journal")["exchanges"]) == 1


def put(path: str, value: Any) -> Callable[[Any], None]:
    """Return a change of a snapshot: another *value* at a dotted *path*."""

    def change(document: Any) -> None:
        *steps, last = [int(s) if s.isdigit() else s for s in path.split(".")]
        for step in steps:
            document = document[step]
        document[last] = value

    return change


def test_a_snapshot_of_50_000_recipients_is_taken_and_given_back(
    make_api: MakeApi,
) -> None:
    api = make_api()
    place_campaign(api, make_sms(recipients=make_crowd(50_000)))
    api.clock.advance(seconds=30)

    with closing(restored(snapshot(api))) as elsewhere:
        rows = elsewhere.get(f"{SMS}/8528238/messages").body["data"]

    assert len(rows) == 50_000
    assert rows == api.get(f"{SMS}/8528238/messages").body["data"]


def test_a_world_that_is_deleted_while_its_snapshot_is_read_stays_deleted(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshots, "LARGE_SNAPSHOT", -1)
    run_control(api, "POST", "worlds", json={"name": "x"})
    document = snapshot(api)

    put, gone = api.send_together(
        ("POST", "/_emulator/world/restore?world=x", document),
        ("DELETE", "/_emulator/world?world=x", None),
    )

    assert gone.status == 200
    assert put.status == 404
    assert put.body["detail"] == "the world x was deleted meanwhile"
    assert send_control(api, "GET", "world?world=x").status == 404
