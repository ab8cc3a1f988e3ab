"""Worlds in which much has happened, and every command that may change one.

A test that goes over ``COMMANDS`` goes over all there are: the contracts say so.
``fill_world`` lets everything happen that a world has to hold; ``keep_worlds`` keeps
worlds in a directory, ended and begun anew by a test; with ``refuse_writes`` its disk
takes nothing.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from emulator.store import DATABASE_NAME
from emulator.store.sqlite_store import SqliteStore
from emulator.world.outbox import PushRelay, PushRequest
from tests.support.emulator import START, Api, make_emulator, run_control
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
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
from tests.support.smpp import open_smsc

NAMES = count(1)  # of what commands create
PLACED, PAUSED, CALLS = 8528238, 8528239, 481776  # campaigns of the prepared world
MakeBody = Callable[[Api], Any]


class Command(NamedTuple):
    """A request, without the names that only the moment knows."""

    method: str
    path: str  # below /_emulator/, unless it is whole
    body: Any = None  # or what returns it

    def make_request(self, api: Api) -> tuple[str, str, Any]:
        """Return method, path and body as they are sent now."""
        new = f"new{next(NAMES)}"
        path = self.path.format(
            token=next(reversed(api.world.tokens)),
            session=next(iter(api.world.sessions), 0),
            push=next(iter(_list_pushes(api)), 0),
            aside=next((name for name, _ in api.worlds.list_set_aside()), ""),
        )
        path = path if path.startswith("/") else f"/_emulator/{path}"
        body = self.body(api) if callable(self.body) else self.body
        named = isinstance(body, dict) and body.get("name") == "new"
        return self.method, path, {**body, "name": new} if named else body


def _list_pushes(api: Api) -> Iterator[int]:
    for relay in api.world.outbox.relays:
        yield from relay._awaited  # noqa: SLF001 - a listener knows its numbers


def take_snapshot(api: Api) -> Any:
    return run_control(api, "GET", "world/snapshot")


NEW = {"name": "new"}
CONTROL_COMMANDS: Mapping[str, Command] = {
    "sendOutbind": Command("POST", "smpp/outbind", {"host": "127.0.0.1", "port": 9}),
    "disconnectSession": Command("DELETE", "smpp/sessions/{session}"),
    "createToken": Command("POST", "tokens", NEW),
    "deleteToken": Command("DELETE", "tokens/{token}"),
    "expireToken": Command("POST", "tokens/{token}/expire"),
    "changeAccount": Command("PATCH", "account", {"push_retries": [5]}),
    "addItem": Command(
        "POST", "account/media", {"id": 9, "name": "x", "url": "http://x.example/"}
    ),
    "removeItem": Command("DELETE", "account/media/51"),
    "receiveText": Command("POST", "inbound", {"number": NUMBER, "text": "info"}),
    "waitForDeliveries": Command("POST", "deliveries/wait", {"timeout": 0}),
    "replayDelivery": Command("POST", "deliveries/1/replay"),
    "sendDelivery": Command("POST", "deliveries/1/send"),
    "dropDelivery": Command("POST", "deliveries/1/drop"),
    "answerPush": Command("POST", "pushes/{push}", {"status": 200, "body": "ok"}),
    "setClock": Command("PUT", "clock", {"rate": 2}),
    "advanceClock": Command("POST", "clock/advance", {"seconds": 1}),
    "settleWorld": Command("POST", "clock/settle", {"seconds": 1}),
    "cancelCalls": Command("POST", f"campaigns/voice/{CALLS}/cancel"),
    "pauseCampaign": Command("POST", f"campaigns/sms/{PLACED + 2}/pause"),
    "resumeCampaign": Command("POST", f"campaigns/sms/{PAUSED}/resume"),
    "cancelCampaign": Command("POST", f"campaigns/sms/{PAUSED}/cancel"),
    "markCampaignUnknown": Command("POST", f"campaigns/sms/{PAUSED}/mark-unknown"),
    "setHandset": Command("PUT", "handsets/5512345678", {"outcome": "absent"}),
    "setPopulation": Command("PUT", "population", {"weights": {"failed": 1}}),
    "topUp": Command("POST", "movements", {"amount": 5}),
    "createWorld": Command("POST", "worlds", NEW),
    "deleteWorld": Command("DELETE", "world"),
    "resetWorld": Command("POST", "world/reset"),
    "populateWorld": Command(
        "POST", "world/populate", {"campaigns": 1, "recipients": 1}
    ),
    "forkWorld": Command("POST", "world/fork", NEW),
    "retrySetAside": Command("POST", "set-aside/{aside}/retry"),
    "dropSetAside": Command("DELETE", "set-aside/{aside}"),
    "restoreWorld": Command("POST", "world/restore", take_snapshot),
    "createCheckpoint": Command("POST", "world/checkpoints", NEW),
    "dropCheckpoint": Command("DELETE", "world/checkpoints/one"),
    "restoreCheckpoint": Command("POST", "world/checkpoints/one/restore"),
    "openCheckpoint": Command("POST", "world/checkpoints/one/open", NEW),
    "clearJournal": Command("DELETE", "journal"),
    "waitForExchanges": Command("POST", "journal/wait", {"timeout": 0}),
    "verifyExchanges": Command("POST", "journal/verify", {"at_least": 0}),
    "addFault": Command("POST", "faults", {"effect": {"status": 503}}),
    "clearFaults": Command("DELETE", "faults"),
    "changeFault": Command("PATCH", "faults/f1", {"disabled": True}),
    "removeFault": Command("DELETE", "faults/f1"),
}
PLATFORM_COMMANDS: Mapping[str, Command] = {
    "headUser": Command("HEAD", "/api/v1/user"),
    "createCampaign": Command("POST", SMS, make_order(SMS)),
    "createSmsClicCampaign": Command("POST", CLIC, make_order(CLIC)),
    "queryResponses": Command("POST", RESPONSES, make_order(RESPONSES)),
    "createEmailCampaign": Command("POST", EMAIL, make_order(EMAIL)),
    "createVoiceCampaign": Command("POST", VOICE, make_order(VOICE)),
    "cancelVoiceCampaign": Command("POST", f"{VOICE}/{CALLS}/cancel"),
    "lookupNumber": Command("GET", f"/api/v3/hlr/{NUMBER}"),  # a GET that costs money
}
COMMANDS = {**CONTROL_COMMANDS, **PLATFORM_COMMANDS}
ATTENDED = {"disconnectSession", "answerPush"}
TROUBLED = {"retrySetAside", "dropSetAside"}


def prepare_world(api: Api) -> None:
    """Let a world become one in which every command finds what it is about.

    A text has arrived that a handset answered, and the push of that is due; another is
    paused, a third is ahead, calls are queued; there is a rule.
    """
    place_campaign(api)
    run_control(api, "POST", "clock/advance", json={"seconds": 12})
    late = {"effect": {"push": "late", "seconds": 900}}
    run_control(api, "POST", "faults", json=late)
    nowhere = {"push_url": "http://127.0.0.1:9/mo"}
    run_control(api, "PATCH", "account", json=nowhere)
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    for _ in range(2):
        place_campaign(api, make_sms(scheduled_date="2026-03-05 10:00:00"))
    run_control(api, "POST", f"campaigns/sms/{PAUSED}/pause")
    api.post(VOICE, json=make_order(VOICE, scheduledDate="2026-03-05 10:00:00"))


def fork_world(api: Api) -> None:
    """Take *api* to a world of its own, which is what the prepared one is."""
    name = f"fork{next(NAMES)}"
    api.token = "demo"
    run_control(api, "POST", "world/fork", json={"name": name})
    api.token = f"world-{name}"
    run_control(api, "POST", "world/checkpoints", json={"name": "one"})


@contextmanager
def attend_command(api: Api, name: str) -> Iterator[None]:
    """Have what a command is about: a client, a listener, a world that is set aside."""
    if name in TROUBLED:
        world = f"troubled{next(NAMES)}"
        run_control(api, "POST", "worlds", json={"name": world})
        next(each for each in api.worlds if each.name == world).trouble = "it is odd"
    if name not in ATTENDED:
        yield
        return
    with open_smsc(api) as smsc:
        smsc.bind(system_id=api.token, password="x")
        relay = PushRelay()
        api.world.outbox.relays.append(relay)
        relay.assign_push(
            PushRequest(1, "moPush", "GET", "http://127.0.0.1:9/mo", "a=1")
        )
        try:
            yield
        finally:
            if relay in api.world.outbox.relays:
                api.world.outbox.relays.remove(relay)


def fill_world(api: Api) -> None:
    """Let everything happen in a world that a snapshot has to hold."""
    place_campaign(
        api,
        make_sms(recipients=make_recipients("4498987282", "9990003000", name="Ana")),
    )
    placed = place_campaign(api, make_clic(), path=CLIC)
    run_control(api, "POST", "clock/advance", json={"seconds": 20})
    link = api.get(f"{SMS}/{placed['campaign']}/messages").body["data"][0]["text"]
    api.get(f"/s/{link.rpartition('/')[2]}", token="")
    number = place_campaign(api, make_sms(recipients=make_crowd(300)))["campaign"]
    run_control(api, "POST", f"campaigns/sms/{number}/pause")
    api.post(VOICE, json=make_order(VOICE))
    fields = {"email": "ana@example.org", "name": "Ana"}
    api.post(EMAIL, json=make_order(EMAIL, body="hola <+B+>", recipients=[fields]))
    api.get("/api/v3/hlr/4498987282")
    api.receive(46608336, "si")
    with open_smsc(api) as smsc:
        part = bytes.fromhex("050003ab0201") + b"hola"
        smsc.bind().submit(short=part, esm_class=0x40, validity="000002000000000R")
    effect = {"refusal": "SERVER_ERROR"}
    run_control(api, "POST", "faults", json={"effect": effect, "nth": 3})
    run_control(api, "POST", "tokens", json={"name": "second"})
    _exchange_replies(api)
    run_control(api, "PUT", "handsets/5500000001", json={"outcome": "failed"})
    run_control(api, "POST", "movements", json={"amount": 12.5})


def _exchange_replies(api: Api) -> None:
    """Let handsets write, before their time too; no server takes what is pushed."""
    nowhere = {"push_url": "http://127.0.0.1:9/mo", "push_retries": [60]}
    run_control(api, "PATCH", "account", json=nowhere)
    run_control(api, "POST", "faults", json={"effect": {"push": "early"}, "first": 1})
    place_campaign(
        api, make_sms(recipients=make_recipients("9990011000", "9990010000"))
    )
    run_control(api, "POST", "clock/advance", json={"seconds": 25})
    wrote = {"number": "4498987282", "text": "info por favor"}
    run_control(api, "POST", "inbound", json=wrote)


# --- Worlds in a directory ---------------------------------------------------------

FULL = """
CREATE TEMP TRIGGER full BEFORE INSERT ON fresh
WHEN (SELECT count(*) FROM fresh) >= {count}
BEGIN SELECT RAISE(ABORT, 'the disk is full'); END
"""


@contextmanager
def keep_worlds(
    folder: Path,
    *,
    after: timedelta = timedelta(),
    token: str = "demo",
    accept_loss: bool = False,
    **changes: Any,
) -> Iterator[Api]:
    """Run an emulator whose worlds are kept in *folder*.

    The machine's clock says ``START``, and so much *after* it where worlds are read.
    """
    api = make_emulator(**changes)
    api.token = token
    with (
        closing(api),
        closing(
            SqliteStore(folder, api.worlds, now=START + after, accept_loss=accept_loss)
        ),
    ):
        yield api


def change_database(folder: Path, statement: str) -> None:
    """Change the file of a process that has ended."""
    with closing(sqlite3.connect(get_database_path(folder))) as base, base:
        assert base.execute(statement).rowcount


@contextmanager
def refuse_writes(api: Api, *, after: int = 0) -> Iterator[None]:
    """Have the disk refuse whatever is written within; SQLite itself says so.

    So many commits *after* which it does are still taken.
    """
    keeper: Any = api.worlds.store
    run = keeper._file._connection.execute  # noqa: SLF001
    if not after:
        begin, end = "PRAGMA query_only = ON", "PRAGMA query_only = OFF"
    else:
        (count,) = run("SELECT count(*) FROM fresh").fetchone()
        begin = FULL.format(count=count + after)
        end = "DROP TRIGGER full"
    run(begin)
    try:
        yield
    finally:
        run(end)


def get_database_path(folder: Path) -> Path:
    return folder / DATABASE_NAME
