"""What was asked of a world and what it answered: read, waited for, verified."""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from msgspec.structs import replace

from emulator.domain import dates
from emulator.domain.refusals import (
    JOURNAL_DROPPED,
    REQUIRED,
    TIME_TOO_FAR,
    Refusal,
)
from emulator.world.journal import Exchange, Journal
from emulator.operations.call import Call, Listing, Pause, Reply, Row, Steps
from emulator.operations.control.exchanges import hidden, listed, shown
from emulator.operations.control.match import Match, Watch, matching
from emulator.world import World

SLICE = 200  # exchanges; the edge lets others in between two slices
PATIENCE = 5  # seconds of the wall, unless told otherwise
ALL = sys.maxsize // 2
COUNTS = ("at_least", "at_most", "exactly")


def list_exchanges(world: World, call: Call) -> Reply:
    """List the requests that match, the oldest first.

    Refuses with ``JOURNAL_DROPPED`` where some of them may have been dropped.
    """
    journal, match = world.journal, matching(call.params)
    last = call.params.get("last", ALL)
    found = (each for each in journal.latest() if match.covers(each))
    exchanges = list(islice(filter(match.fits, found), last))[::-1]
    missed = journal.misses(match.after, match.since)
    if missed and len(exchanges) < last and "dropped" not in call.params:
        raise _dropped(journal)
    masked = call.params.get("mask") is not None
    rows = _rows(exchanges, masked=masked)
    whole = len(exchanges) <= SLICE
    return Reply({"dropped": journal.dropped}, Listing("exchanges", rows, whole))


def clear_journal(world: World, _call: Call) -> Reply:
    """Forget the requests; what they did stands, and their numbers go on."""
    world.journal.clear()
    return Reply({"dropped": world.journal.dropped, "exchanges": []})


def wait_for_exchanges(world: World, call: Call) -> Steps:
    """Wait until so many requests match, those that are there already included.

    What was dropped before is no concern of who does not say from where on to look;
    who does is refused with ``JOURNAL_DROPPED`` rather than told that nothing came.
    """
    match, wanted = matching(call.body), call.body.get("count", 1)
    masked = call.body.get("mask") is not None
    seconds = call.body.get("timeout", PATIENCE)
    watch = Watch(world.journal, match)
    missed, left = False, True
    while True:
        missed = missed or watch.missed
        found = watch.look()
        if found >= wanted or not left:
            break
        left = yield Pause(seconds=seconds)
    if found < wanted and missed and call.body.keys() & {"after", "since"}:
        raise _dropped(world.journal)
    seen = ""
    if found < wanted:
        head = f"{found} of {wanted} came within {seconds:g} s: {match}"
        if missed:
            head += f"\n({world.journal.dropped} older requests have been dropped)"
        seen = _seen(head, watch, masked=masked)
    rows = [shown(each, masked=masked) for each in watch.matching]
    return Reply({"matched": found >= wanted, "exchanges": rows, "seen": seen})


def verify_exchanges(world: World, call: Call) -> Steps:
    """Say whether requests came as often as expected, or none in a window of time.

    Refuses with ``JOURNAL_DROPPED`` where that can no longer be known.
    """
    match, body = matching(call.body), call.body
    if not any(name in body for name in (*COUNTS, "never_within")):
        why = "say at_least, at_most, exactly or never_within"
        raise Refusal(REQUIRED, why, field="at_least")
    masked = body.get("mask") is not None
    watch = _looked(world.journal, match)
    count = len(watch.matching)
    if expected := _broken(body, count):
        says = _seen(
            f"expected {expected}, seen {count}: {match}", watch, masked=masked
        )
        return _verdict(count, says)
    if "never_within" in body:
        return (yield from _never(world, call, match))
    return _verdict(count)


def _never(world: World, call: Call, match: Match) -> Steps:
    """Wait until the clock of the world has passed a window that stays empty."""
    start, seconds = match.since or call.now, call.body.get("timeout", PATIENCE)
    end = _end(start, call.body["never_within"])
    end = min(end, match.until or end)
    if match.since is None:  # from now on, even where the clock stands still
        match = replace(match, after=max(match.after, world.journal.last))
    watch = Watch(world.journal, replace(match, since=start, until=end))
    masked, left = call.body.get("mask") is not None, True
    window = f"before {dates.stamp(end)}"
    while True:
        if watch.missed:
            raise _dropped(world.journal)
        if count := watch.look():
            head = f"expected none {window}, seen {count}: {match}"
            return _verdict(count, _seen(head, watch, masked=masked))
        now = world.clock.now()
        if now >= end:
            return _verdict(0)
        if not left:
            break
        left = yield Pause(until=end, seconds=seconds)
    head = (
        f"none came {window} as far as that can be said: the window ends at "
        f"{dates.stamp(end)}, the world's clock stands at {dates.stamp(now)}: "
        f"advance it, or wait longer than {seconds:g} s: {match}"
    )
    return _verdict(0, _seen(head, watch, masked=masked))


def _looked(journal: Journal, match: Match) -> Watch:
    """Return a watch that has seen all that is asked for."""
    watch = Watch(journal, match)
    if watch.missed:
        raise _dropped(journal)
    watch.look()
    return watch


def _broken(body: Any, count: int) -> str:
    """Return the expectations of a number, if one is not met: ``at least 2``."""
    least, most = body.get("at_least", 0), body.get("at_most", count)
    if least <= count <= most and body.get("exactly", count) == count:
        return ""
    stated = (f"{name} {body[name]}" for name in COUNTS if name in body)
    return " and ".join(stated).replace("_", " ")


def _end(start: datetime, seconds: float) -> datetime:
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        why = "the window ends beyond all dates; make never_within shorter"
        raise Refusal(TIME_TOO_FAR, why) from None


def _verdict(count: int, says: str = "") -> Reply:
    return Reply({"verified": not says, "count": count, "says": says})


def _seen(head: str, watch: Watch, *, masked: bool) -> str:
    """Return *head* with a line for each request that was seen."""
    lines = [hidden(head, masked=masked)]
    if watch.matching:
        lines += ["what matches:", listed(watch.matching, watch.match, masked=masked)]
    if watch.others:
        lines += ["what else came:", listed(watch.others, watch.match, masked=masked)]
    else:
        lines.append("nothing else came")
    return "\n".join(lines)


def _rows(exchanges: list[Exchange], *, masked: bool) -> Iterator[list[Row]]:
    for start in range(0, len(exchanges), SLICE):
        part = exchanges[start : start + SLICE]
        yield [shown(each, masked=masked) for each in part]


def _dropped(journal: Journal) -> Refusal:
    """Return the refusal that says what is gone and how to ask for what is not."""
    each, total = journal.bounds
    at = dates.stamp(journal.dropped_at) if journal.dropped_at else "some time ago"
    why = (
        f"{journal.dropped} exchanges have been dropped, up to number "
        f"{journal.dropped_to} of {at}: ask with after={journal.dropped_to}, with a "
        "later since, or for the last few, clear the journal in good time, or start "
        f"with more than --journal-octets {each} and --journal-total-octets {total}"
    )
    return Refusal(JOURNAL_DROPPED, why)
