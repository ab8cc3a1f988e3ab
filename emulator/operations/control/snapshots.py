"""Snapshots: a world as a document that another emulator takes."""

from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import chain
from typing import Any

import msgspec

from emulator.domain import dates
from emulator.domain.account import Token
from emulator.domain.bounds import Instant
from emulator.domain.emulator_refusals import SNAPSHOT_TOO_LARGE, SNAPSHOT_WRONG
from emulator.domain.refusals import Refusal
from emulator.world import SnapshotError, WorldState, codec
from emulator.worlds import SavedWorld

SNAPSHOT_FORMAT = 1
LARGE_SNAPSHOT = 5_000  # things and messages; a smaller one takes 5 ms


def encode_snapshot(held: SavedWorld, *, limit: int) -> bytes:
    """Return a saved world as a document.

    Refuses with ``SNAPSHOT_TOO_LARGE`` one of more than *limit* bytes.
    """
    pieces, size = [], 0
    head = msgspec.json.encode(_describe_head(held))[:-1]
    for piece in chain((head,), held.state.encode_json(), (b"}",)):
        size += len(piece)
        if size <= limit:  # else it is only counted
            pieces.append(piece)
    if size > limit:
        why = f"it has {size} bytes; the setting snapshot_limit admits {limit}"
        raise Refusal(SNAPSHOT_TOO_LARGE, why)
    return b"".join(pieces)


def snapshot_to_json(held: SavedWorld) -> dict[str, Any]:
    """Return a saved world as a document."""
    return {**_describe_head(held), **held.state.to_json()}


def _describe_head(held: SavedWorld) -> dict[str, Any]:
    return {
        "format": SNAPSHOT_FORMAT,
        "name": held.name,
        "tokens": {
            "own": [codec.thing_to_json(each) for each in held.own],
            "created": [codec.thing_to_json(each) for each in held.created],
        },
        "clock": {"now": dates.format_timestamp(held.at), "rate": held.rate},
    }


def is_large_snapshot(document: Mapping[str, Any]) -> bool:
    """Return whether it takes a while to read *document*."""
    lists = [each for each in document.values() if isinstance(each, list)]
    campaigns = document.get("campaigns")
    texts = (
        (
            len(str(each.get("outcomes", "")))
            for each in campaigns
            if isinstance(each, dict)
        )
        if isinstance(campaigns, list)
        else ()
    )
    return sum(map(len, lists)) + sum(texts) > LARGE_SNAPSHOT


def snapshot_from_json(document: Mapping[str, Any]) -> SavedWorld:
    """Return the saved world in a document.

    Refuses with ``SNAPSHOT_WRONG`` a state that no world can have.
    """
    try:
        return _parse_snapshot(document)
    except SnapshotError as error:
        raise Refusal(SNAPSHOT_WRONG, str(error)) from error


def _parse_snapshot(document: Mapping[str, Any]) -> SavedWorld:
    now, rate = _parse_clock(document["clock"])
    state = WorldState.from_json(document, now)
    state.check_consistency(now)
    tokens = document["tokens"]
    return SavedWorld(
        name=document["name"],
        at=now,
        rate=rate,
        state=state,
        own=_parse_tokens(tokens.get("own"), "tokens.own"),
        created=_parse_tokens(tokens.get("created"), "tokens.created"),
    )


def _parse_tokens(part: Any, where: str) -> tuple[Token, ...]:
    tokens: tuple[Token, ...] = codec.convert_json(part, tuple[Token, ...], where)
    return tokens


def _parse_clock(part: Mapping[str, Any]) -> tuple[datetime, float]:
    now: datetime = codec.convert_json(part["now"], Instant, "clock.now")
    return now.astimezone(UTC), float(part["rate"])
