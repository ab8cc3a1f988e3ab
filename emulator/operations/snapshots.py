"""Snapshots: a world as a document that another emulator takes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from emulator import account_file, fixture, snapshot
from emulator.domain import dates
from emulator.domain.account import Account
from emulator.domain.refusals import SNAPSHOT_TOO_LARGE, SNAPSHOT_WRONG, Refusal
from emulator.faults.rule_json import read_kept_rule, rule_to_json
from emulator.fixture import FixtureError
from emulator.snapshot import SnapshotError
from emulator.worlds import Held

FORMAT = 1


def written(held: Held, *, limit: int) -> dict[str, Any]:
    """Return what a world is as a document.

    Refuses with ``SNAPSHOT_TOO_LARGE`` one of more than *limit* octets.
    """
    document = {
        "format": FORMAT,
        "name": held.name,
        "tokens": {
            "own": snapshot.tokens_written(held.own),
            "created": snapshot.tokens_written(held.created),
        },
        "clock": {"now": dates.stamp(held.at), "rate": held.rate},
        "account": account_file.written(held.state["account"]),
        "faults": [rule_to_json(each) for each in held.state["faults"]],
        **snapshot.written(held.state),
    }
    octets = len(msgspec.json.encode(document))
    if octets > limit:
        why = f"it has {octets} octets; the setting snapshot_limit admits {limit}"
        raise Refusal(SNAPSHOT_TOO_LARGE, why)
    return document


def read(document: Mapping[str, Any]) -> Held:
    """Return what a document says a world is.

    Refuses with ``SNAPSHOT_WRONG`` what no world could be.
    """
    try:
        return _held(document)
    except SnapshotError as error:
        raise Refusal(SNAPSHOT_WRONG, str(error)) from error


def _held(document: Mapping[str, Any]) -> Held:
    now, rate = _clock(document["clock"])
    account = _account(document["account"], now)
    state = snapshot.read(dict(document), account, now)
    state["faults"] = tuple(read_kept_rule(each) for each in document["faults"])
    tokens = document["tokens"]
    return Held(
        name=document["name"],
        at=now,
        rate=rate,
        state=state,
        own=snapshot.tokens_read(tokens.get("own"), "tokens.own"),
        created=snapshot.tokens_read(tokens.get("created"), "tokens.created"),
    )


def _account(part: Mapping[str, Any], now: datetime) -> Account:
    try:
        return fixture.account_of(part, now)
    except FixtureError as error:
        message = str(error).replace("at ", "at account.", 1)
        raise SnapshotError(message) from error


def _clock(part: Mapping[str, Any]) -> tuple[datetime, float]:
    return dates.stamped(part["now"], "clock.now"), float(part["rate"])
