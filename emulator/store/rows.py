"""What a world is, as rows of a file, and back.

A row has a kind, which is a container of the world's state or one of those below, a key
within it, and JSON, which for campaigns and the like is what a snapshot says of them.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from operator import attrgetter, itemgetter
from sys import maxsize
from typing import Any

import msgspec

from emulator import account_file, fixture, snapshot
from emulator.domain.account import Account, Movement, Token
from emulator.domain.delivery import Delivery
from emulator.domain.email import EmailCampaign
from emulator.domain.hlr import Lookup
from emulator.domain.keyword import Received
from emulator.domain.responses import Response
from emulator.domain.smpp import Submission
from emulator.domain.sms import Campaign
from emulator.domain.timeline import END
from emulator.domain.voice import VoiceCampaign
from emulator.event import Event
from emulator.faults.rule_json import read_kept_rule, rule_to_json
from emulator.fixture import Fixture
from emulator.journal import Journal
from emulator.operations import snapshots
from emulator.snapshot import ANSWERS, BY_ID, IN_ORDER
from emulator.store.file import Key, Row
from emulator.world import FIRST_IDS, Answering, Click, Entity, Mailed, Revoked, World
from emulator.worlds import Held, Origin

ACCOUNT, CLOCK, FAULTS, HEAD, ORIGIN = "account", "clock", "faults", "head", "origin"
TOKENS = "tokens"  # by literal, with their place
LEAVING = "leaving"  # by the id of a delivery that may be under way
JOURNAL = "journal"  # what is gone of it
DELIVERIES = "deliveries"

Parts = Mapping[str, Mapping[Key, Any]]  # what rows say, by kind and key
Library = Mapping[str, Fixture]
COUNTED = ("opening", "tokens_made", "faults_made", "deliveries_dropped")
counts = attrgetter(*COUNTED)  # of a world: what ``of_head`` is written anew for
encode = msgspec.json.Encoder().encode
decode = msgspec.json.decode


# --- To the disk ------------------------------------------------------------------


def of_entities(world: World, entities: Iterable[Entity]) -> list[Row]:
    """Return what *entities* change in *world*, which does not have them yet."""
    rows: list[Row] = []
    for each in entities:
        rows += _MAKERS[type(each)](world, each, rows)
    return rows


def of_world(world: World, origin: Origin, library: Library) -> Iterator[Row]:
    """Yield all that a world is."""
    state = world.state()
    for name in BY_ID:
        for thing in state[name].values():
            yield _by_id(name, thing)
    for name in IN_ORDER:
        for place, thing in enumerate(state[name]):
            yield _in_order(name, place, thing)
    for name in ANSWERS:
        for campaign, answers in state[name].items():
            yield name, campaign, encode(answers)
    for place, token in enumerate(world.tokens.values()):
        yield _token(place, token)
    yield ACCOUNT, 0, encode(account_file.written(world.account))
    yield ORIGIN, 0, encode(_origin(origin, library))
    yield of_faults(world)
    yield of_clock(world, world.clock.rate)
    yield of_head(world)


def of_clock(world: World, rate: float) -> Row:
    """Return where the clock stands and where the wall's does."""
    at, beside = world.clock.reading()
    return CLOCK, 0, encode({"at": at, "rate": rate, "wall": beside})


def of_faults(world: World) -> Row:
    return FAULTS, 0, encode([rule_to_json(each) for each in world.faults])


def of_head(world: World) -> Row:
    """Return what is counted, and which ids are next."""
    counted = dict(zip(COUNTED, counts(world), strict=True))
    following = {kind: world.upcoming(kind) for kind in FIRST_IDS}
    return HEAD, 0, encode({**counted, "next": following})


def of_journal(journal: Journal) -> Row:
    """Return what is known of the exchanges that are gone."""
    gone = {
        "last": journal.last,
        "dropped": journal.dropped,
        "dropped_to": journal.dropped_to,
        "dropped_at": journal.dropped_at,
    }
    return JOURNAL, 0, encode(gone)


def _by_id(name: str, thing: Any) -> Row:
    return name, thing.id, encode(snapshot.entity(thing))


def _in_order(name: str, place: int, thing: Any) -> Row:
    return name, place, encode(snapshot.entity(thing))


def _token(place: int, token: Token) -> Row:
    return TOKENS, token.literal, encode([place, snapshot.entity(token)])


def _origin(origin: Origin, library: Library) -> dict[str, Any]:
    start, tokens = origin
    if isinstance(start, Held):
        return {"snapshot": snapshots.written(start, limit=maxsize), "tokens": tokens}
    if library.get(start.name) is start:
        return {"fixture": start.name, "tokens": tokens}
    return {"file": start.document, "tokens": tokens}


Maker = Callable[[World, Any, Sequence[Row]], Iterable[Row]]


def _kept_by_id(name: str) -> Maker:
    return lambda _world, thing, _rows: (_by_id(name, thing),)


def _kept_in_order(name: str) -> Maker:
    def made(world: World, thing: Any, rows: Sequence[Row]) -> Iterable[Row]:
        before = sum(kind == name for kind, _, _ in rows)
        return (_in_order(name, len(getattr(world, name)) + before, thing),)

    return made


def _kept_mail(_world: World, mailed: Mailed, _rows: Sequence[Row]) -> Iterable[Row]:
    return (_by_id(DELIVERIES, mailed.delivery),)


def _kept_answering(
    world: World, answering: Answering, rows: Sequence[Row]
) -> Iterable[Row]:
    campaign, early = answering
    kind = "answered" if early is None else "early"
    table: Mapping[int, Any] = getattr(world, kind)
    newest = [
        decode(octets or b"")
        for name, key, octets in rows
        if (name, key) == (kind, campaign)
    ]
    if early is None:
        return ((kind, campaign, encode((newest or [table.get(campaign, 0)])[-1] + 1)),)
    places = (newest or [table.get(campaign, ())])[-1]
    return ((kind, campaign, encode([*places, early])),)


def _kept_token(world: World, token: Token, rows: Sequence[Row]) -> Iterable[Row]:
    literals = [*world.tokens]
    if token.literal in literals:
        return (_token(literals.index(token.literal), token),)
    before = sum(kind == TOKENS for kind, _, _ in rows)
    return (_token(len(literals) + before, token),)


def _kept_revoked(_world: World, revoked: Revoked, _rows: Any) -> Iterable[Row]:
    return ((TOKENS, revoked.literal, None),)


def _kept_account(_world: World, account: Account, _rows: Any) -> Iterable[Row]:
    return ((ACCOUNT, 0, encode(account_file.written(account))),)


def _kept_nowhere(_world: World, _event: Event, _rows: Any) -> Iterable[Row]:
    return ()


_MAKERS: Mapping[type, Maker] = {
    Campaign: _kept_by_id("campaigns"),
    Submission: _kept_by_id("submissions"),
    VoiceCampaign: _kept_by_id("voice_campaigns"),
    EmailCampaign: _kept_by_id("email_campaigns"),
    Delivery: _kept_by_id(DELIVERIES),
    Mailed: _kept_mail,
    Lookup: _kept_in_order("lookups"),
    Response: _kept_in_order("responses"),
    Click: _kept_in_order("clicks"),
    Received: _kept_in_order("received"),
    Movement: _kept_in_order("movements"),
    Answering: _kept_answering,
    Token: _kept_token,
    Revoked: _kept_revoked,
    Account: _kept_account,
    Event: _kept_nowhere,  # the log of what happened is the process's own
}


# --- From the disk ----------------------------------------------------------------


def parts(rows: Iterable[tuple[str, Key, bytes]]) -> Parts:
    """Return what rows say."""
    found: dict[str, dict[Key, Any]] = defaultdict(dict)
    for kind, key, octets in rows:
        found[kind][key] = decode(octets)
    return found


def held(name: str, found: Parts, wall: datetime) -> Held:
    """Return the world that rows say, its clock gone on with the machine's, *wall*.

    Raises ``SnapshotError`` or ``FixtureError`` for what no world could be.
    """
    head = found[HEAD][0]
    document: dict[str, Any] = {each: head[each] for each in snapshot.COUNTS}
    for each in (*BY_ID, *IN_ORDER):
        document[each] = list(found[each].values())
    for each in ANSWERS:
        document[each] = {str(key): it for key, it in found[each].items()}
    document["next"] = _next(head["next"], document)
    now = _now(found[CLOCK][0], document, wall)
    account = fixture.account_of(found[ACCOUNT][0], now)
    state = snapshot.read(document, account, now)
    state["faults"] = tuple(read_kept_rule(each) for each in found[FAULTS][0])
    for number in map(int, found[LEAVING]):
        if number in state[DELIVERIES]:
            state[DELIVERIES][number] = state[DELIVERIES][number].stopped(now)
    own = {literal for _, literal in found[ORIGIN][0]["tokens"]}
    in_place = sorted(found[TOKENS].values(), key=itemgetter(0))
    tokens = snapshot.tokens_read([token for _, token in in_place], TOKENS)
    return Held(
        name=name,
        at=now,
        rate=found[CLOCK][0]["rate"],
        state=state,
        own=tuple(each for each in tokens if each.literal in own),
        created=tuple(each for each in tokens if each.literal not in own),
    )


def gone(found: Parts) -> dict[str, Any]:
    """Return what ``of_journal`` has written, as ``Journal.resume`` takes it."""
    known = found[JOURNAL].get(0, {})
    at = known.get("dropped_at")
    return {**known, "dropped_at": at and datetime.fromisoformat(at)}


def origin(found: Parts, held: Held, library: Library, mould: Fixture) -> Origin:
    """Return what a world was before its first request.

    One of a world file that is not there any more was made of *mould*.
    """
    part = found[ORIGIN][0]
    tokens = tuple((title, literal) for title, literal in part["tokens"])
    if "snapshot" in part:
        return Origin(snapshots.read(part["snapshot"]), tokens)
    if "file" in part:
        return Origin(fixture.read(part["file"], held.name, now=held.at), tokens)
    return Origin(library.get(part["fixture"], mould), tokens)


def _next(stored: Mapping[str, int], document: Mapping[str, Any]) -> dict[str, int]:
    """Return the ids that follow what is there, and what was there once."""
    following = dict(stored)
    for kind, name in _IDS.items():
        for last in document[name][-1:]:
            following[kind] = max(following[kind], last["id"] + 1)
    for kind, (name, first) in _SPANS.items():
        for last in document[name][-1:]:
            after = last[first] + last["line"]["messages"]
            following[kind] = max(following[kind], after)
    return following


_IDS = {
    "campaign": "campaigns",
    "voice": "voice_campaigns",
    "email": "email_campaigns",
    "hlr": "lookups",
    "response": "responses",
    "delivery": DELIVERIES,
}
_SPANS = {
    "message": ("campaigns", "first_message"),
    "call": ("voice_campaigns", "first_call"),
}


def _now(
    clock: Mapping[str, Any], document: Mapping[str, Any], wall: datetime
) -> datetime:
    """Return the world's time: it went on at its rate, and never goes back."""
    at, then = map(datetime.fromisoformat, (clock["at"], clock["wall"]))
    passed = max(wall - then, timedelta()).total_seconds() * clock["rate"]
    gone_on = at + timedelta(seconds=min(passed, (END - at).total_seconds()))
    return max(gone_on, *map(datetime.fromisoformat, _instants(document)), at)


def _instants(document: Mapping[str, Any]) -> Iterator[str]:
    """Yield when things happened, the newest ones among them."""
    for name in ("campaigns", "voice_campaigns", "email_campaigns"):
        yield from (each["created_at"] for each in document[name][-1:])
    for name in ("campaigns", "voice_campaigns"):
        for each in document[name]:
            yield from (one["at"] for one in each["line"]["interventions"][-1:])
    for each in document[DELIVERIES]:
        yield each["made_at"]
        yield from (attempt["at"] for attempt in each["attempts"][-1:])
    yield from (each["at"] for each in document["movements"][-1:])
