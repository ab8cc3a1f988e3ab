"""Snapshots: a world as a document that another emulator takes."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from emulator.domain import dates
from emulator.domain.account import Token
from emulator.domain.refusals import SNAPSHOT_TOO_LARGE, SNAPSHOT_WRONG, Refusal
from emulator.world import SnapshotError, State, codec
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
            "own": [codec.plain(each) for each in held.own],
            "created": [codec.plain(each) for each in held.created],
        },
        "clock": {"now": dates.stamp(held.at), "rate": held.rate},
        **held.state.written(),
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
    state = State.read(document, now)
    state.check(now)
    tokens = document["tokens"]
    return Held(
        name=document["name"],
        at=now,
        rate=rate,
        state=state,
        own=_tokens(tokens.get("own"), "tokens.own"),
        created=_tokens(tokens.get("created"), "tokens.created"),
    )


def _tokens(part: Any, where: str) -> tuple[Token, ...]:
    tokens: tuple[Token, ...] = codec.converted(part, tuple[Token, ...], where)
    return tokens


def _clock(part: Mapping[str, Any]) -> tuple[datetime, float]:
    return dates.stamped(part["now"], "clock.now"), float(part["rate"])
