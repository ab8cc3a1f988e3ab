"""The account behind a world: its money, tokens, catalogue, links."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.web.control_client import Seat
from emulator.web.panel.rendering import instant

SHOWN = 20  # movements
POINTS = 200  # of the curve
WIDTH, HEIGHT = 600, 120  # of the curve, in its own units
MASKED = 16  # characters; of a longer token only the ends are shown

Query = Mapping[str, str]
Context = dict[str, Any]


async def money(seat: Seat, _query: Query) -> Context:
    history = await seat.ask("listMovements", last=SHOWN, points=POINTS)
    here = await seat.ask("getWorld")
    curve = [(each["balance"], each["at"]) for each in history["curve"]]
    return {
        "balance": history["balance"],
        "opening": history["opening"],
        "movements": history["movements"][::-1],
        "count": history["count"],
        "curve": points(curve, here["now"]) if curve else "",
        "size": (WIDTH, HEIGHT),
    }


async def tokens(seat: Seat, _query: Query) -> Context:
    found = await seat.ask("listTokens")
    return {"tokens": [{**each, "shown": masked(each["token"])} for each in found]}


async def account(seat: Seat, _query: Query) -> Context:
    return {"account": {"push_url": None, **await seat.ask("getAccount")}}


async def links(seat: Seat, _query: Query) -> Context:
    return {"links": await seat.ask("listLinks")}


def masked(token: str) -> str:
    """Return a short token as it is, of a long one its ends."""
    return token if len(token) <= MASKED else f"{token[:6]}…{token[-4:]}"


def points(curve: Sequence[tuple[float, str]], now: str) -> str:
    """Return a balance over time as the points of a line, in steps."""
    kept = [*curve, (curve[-1][0], now)]
    start = instant(kept[0][1])
    span = (instant(now) - start).total_seconds() or 1
    low, high = min(each for each, _ in kept), max(each for each, _ in kept)
    return " ".join(_steps(kept, start=start, span=span, low=low, high=high))


def _steps(
    kept: Sequence[tuple[float, str]],
    *,
    start: Any,
    span: float,
    low: float,
    high: float,
) -> Iterator[str]:
    before = None
    for balance, at in kept:
        x = WIDTH * (instant(at) - start).total_seconds() / span
        y = HEIGHT - HEIGHT * (balance - low) / ((high - low) or 1)
        if before is not None:
            yield f"{x:.1f},{before:.1f}"
        yield f"{x:.1f},{y:.1f}"
        before = y
