"""The journal of a world: list requests, wait for them, verify them."""

import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from typing import Any

from msgspec.structs import replace

from emulator.domain import dates
from emulator.domain.emulator_refusals import JOURNAL_DROPPED, TIME_TOO_FAR
from emulator.domain.platform_refusals import REQUIRED
from emulator.domain.refusals import Refusal
from emulator.operations.call import (
    OperationCall,
    OperationResult,
    OperationSteps,
    Pause,
    Row,
    SlicedArray,
)
from emulator.operations.control.exchanges import (
    describe_exchange,
    mask_cellphones,
    render_exchange_lines,
)
from emulator.operations.control.match import (
    ExchangeMatch,
    JournalWatch,
    parse_exchange_match,
)
from emulator.world import World
from emulator.world.journal import Exchange, Journal

SLICE = 200  # exchanges; the edge lets others in between two slices
WAIT_TIMEOUT = 5  # seconds of the wall, unless told otherwise
NO_LIMIT = sys.maxsize // 2
COUNT_KEYS = ("at_least", "at_most", "exactly")


def list_exchanges(world: World, call: OperationCall) -> OperationResult:
    """List the requests that match, the oldest first.

    Refuses with ``JOURNAL_DROPPED`` where some of them may have been dropped.
    """
    journal, match = world.journal, parse_exchange_match(call.params)
    last = call.params.get("last", NO_LIMIT)
    found = (each for each in journal.list_newest_first() if match.covers(each))
    exchanges = list(islice(filter(match.accepts, found), last))[::-1]
    missed = journal.has_gap(match.after, match.since)
    if missed and len(exchanges) < last and "dropped" not in call.params:
        raise _make_dropped_refusal(journal)
    masked = call.params.get("mask") is not None
    rows = _slice_rows(exchanges, masked=masked)
    whole = len(exchanges) <= SLICE
    return OperationResult(
        {"dropped": journal.dropped}, SlicedArray("exchanges", rows, whole)
    )


def clear_journal(world: World, _call: OperationCall) -> OperationResult:
    """Clear the journal; the numbers of requests go on."""
    world.journal.clear()
    return OperationResult({"dropped": world.journal.dropped, "exchanges": []})


def wait_for_exchanges(world: World, call: OperationCall) -> OperationSteps:
    """Wait until *count* requests match, including those that exist already.

    What was dropped before is no concern of who does not say from where on to look;
    who does is refused with ``JOURNAL_DROPPED`` rather than told that nothing came.
    """
    match, wanted = parse_exchange_match(call.body), call.body.get("count", 1)
    masked = call.body.get("mask") is not None
    seconds = call.body.get("timeout", WAIT_TIMEOUT)
    watch = JournalWatch(world.journal, match)
    missed, left = False, True
    while True:
        missed = missed or watch.has_missed
        found = watch.read_journal()
        if found >= wanted or not left:
            break
        left = yield Pause(seconds=seconds)
    if found < wanted and missed and call.body.keys() & {"after", "since"}:
        raise _make_dropped_refusal(world.journal)
    seen = ""
    if found < wanted:
        head = f"{found} of {wanted} came within {seconds:g} s: {match}"
        if missed:
            head += f"\n({world.journal.dropped} older requests have been dropped)"
        seen = _describe_requests(head, watch, masked=masked)
    rows = [describe_exchange(each, masked=masked) for each in watch.matches]
    return OperationResult(
        {"matched": found >= wanted, "exchanges": rows, "explanation": seen}
    )


def verify_exchanges(world: World, call: OperationCall) -> OperationSteps:
    """Return whether requests came as often as expected, or none in a window of time.

    Refuses with ``JOURNAL_DROPPED`` where that can no longer be known.
    """
    match, body = parse_exchange_match(call.body), call.body
    if not any(name in body for name in (*COUNT_KEYS, "never_within")):
        why = "say at_least, at_most, exactly or never_within"
        raise Refusal(REQUIRED, why, field="at_least")
    masked = body.get("mask") is not None
    watch = _watch_journal(world.journal, match)
    count = len(watch.matches)
    if expected := _describe_expectation(body, count):
        says = _describe_requests(
            f"expected {expected}, seen {count}: {match}", watch, masked=masked
        )
        return _make_verdict(count, says)
    if "never_within" in body:
        return (yield from _verify_never(world, call, match))
    return _make_verdict(count)


def _verify_never(
    world: World, call: OperationCall, match: ExchangeMatch
) -> OperationSteps:
    """Wait until the clock of the world has passed a window that stays empty."""
    start, seconds = match.since or call.now, call.body.get("timeout", WAIT_TIMEOUT)
    end = _find_window_end(start, call.body["never_within"])
    end = min(end, match.until or end)
    if match.since is None:  # from now on, even where the clock stands still
        match = replace(match, after=max(match.after, world.journal.last))
    watch = JournalWatch(world.journal, replace(match, since=start, until=end))
    masked, left = call.body.get("mask") is not None, True
    window = f"before {dates.format_timestamp(end)}"
    while True:
        if watch.has_missed:
            raise _make_dropped_refusal(world.journal)
        if count := watch.read_journal():
            head = f"expected none {window}, seen {count}: {match}"
            return _make_verdict(count, _describe_requests(head, watch, masked=masked))
        now = world.clock.now()
        if now >= end:
            return _make_verdict(0)
        if not left:
            break
        left = yield Pause(until=end, seconds=seconds)
    head = (
        f"none came {window} as far as that can be said: the window ends at "
        f"{dates.format_timestamp(end)}, the world's clock stands at "
        f"{dates.format_timestamp(now)}: advance it, "
        f"or wait longer than {seconds:g} s: {match}"
    )
    return _make_verdict(0, _describe_requests(head, watch, masked=masked))


def _watch_journal(journal: Journal, match: ExchangeMatch) -> JournalWatch:
    """Return a watch that has read the journal; refuse if part of it was dropped."""
    watch = JournalWatch(journal, match)
    if watch.has_missed:
        raise _make_dropped_refusal(journal)
    watch.read_journal()
    return watch


def _describe_expectation(body: Any, count: int) -> str:
    """Return the expectations of a number, if one is not met: ``at least 2``."""
    least, most = body.get("at_least", 0), body.get("at_most", count)
    if least <= count <= most and body.get("exactly", count) == count:
        return ""
    stated = (f"{name} {body[name]}" for name in COUNT_KEYS if name in body)
    return " and ".join(stated).replace("_", " ")


def _find_window_end(start: datetime, seconds: float) -> datetime:
    try:
        return start + timedelta(seconds=seconds)
    except OverflowError:
        why = "the window ends beyond all dates; make never_within shorter"
        raise Refusal(TIME_TOO_FAR, why) from None


def _make_verdict(count: int, says: str = "") -> OperationResult:
    return OperationResult({"verified": not says, "count": count, "explanation": says})


def _describe_requests(head: str, watch: JournalWatch, *, masked: bool) -> str:
    """Return *head* with a line for each request that was seen."""
    lines = [mask_cellphones(head, masked=masked)]
    if watch.matches:
        lines += [
            "what matches:",
            render_exchange_lines(watch.matches, watch.match, masked=masked),
        ]
    if watch.others:
        lines += [
            "what else came:",
            render_exchange_lines(watch.others, watch.match, masked=masked),
        ]
    else:
        lines.append("nothing else came")
    return "\n".join(lines)


def _slice_rows(exchanges: list[Exchange], *, masked: bool) -> Iterator[list[Row]]:
    for start in range(0, len(exchanges), SLICE):
        part = exchanges[start : start + SLICE]
        yield [describe_exchange(each, masked=masked) for each in part]


def _make_dropped_refusal(journal: Journal) -> Refusal:
    """Return the refusal that says what was dropped, and how to ask for the rest."""
    each, total = journal.bounds
    at = (
        dates.format_timestamp(journal.dropped_at)
        if journal.dropped_at
        else "some time ago"
    )
    why = (
        f"{journal.dropped} exchanges have been dropped, up to number "
        f"{journal.dropped_to} of {at}: ask with after={journal.dropped_to}, with a "
        "later since, or for the last few, clear the journal in good time, or start "
        f"with more than --journal-limit {each} and --journal-total-limit {total}"
    )
    return Refusal(JOURNAL_DROPPED, why)
