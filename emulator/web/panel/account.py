"""The account behind a world: its money, tokens, catalogue, links."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.web.control_client import WorldClient
from emulator.web.panel.rendering import parse_api_instant

MAX_MOVEMENTS = 20  # movements
CURVE_POINTS = 200  # of the curve
CURVE_WIDTH, CURVE_HEIGHT = 600, 120  # of the curve, in its own units
MAX_PLAIN_TOKEN = 16  # characters; of a longer token only the ends are shown

PanelQuery = Mapping[str, str]
RegionContext = dict[str, Any]


async def view_money(client: WorldClient, _query: PanelQuery) -> RegionContext:
    history = await client.call_operation(
        "listMovements", last=MAX_MOVEMENTS, points=CURVE_POINTS
    )
    here = await client.call_operation("getWorld")
    curve = [(each["balance"], each["at"]) for each in history["curve"]]
    return {
        "balance": history["balance"],
        "opening": history["opening"],
        "movements": history["movements"][::-1],
        "count": history["count"],
        "curve": to_svg_points(curve, here["now"]) if curve else "",
        "size": (CURVE_WIDTH, CURVE_HEIGHT),
    }


async def view_tokens(client: WorldClient, _query: PanelQuery) -> RegionContext:
    found = await client.call_operation("listTokens")
    return {"tokens": [{**each, "shown": mask_token(each["token"])} for each in found]}


async def view_account(client: WorldClient, _query: PanelQuery) -> RegionContext:
    return {"account": {"push_url": None, **await client.call_operation("getAccount")}}


async def view_links(client: WorldClient, _query: PanelQuery) -> RegionContext:
    return {"links": await client.call_operation("listLinks")}


def mask_token(token: str) -> str:
    """Return a short token as it is, of a long one its ends."""
    return token if len(token) <= MAX_PLAIN_TOKEN else f"{token[:6]}…{token[-4:]}"


def to_svg_points(curve: Sequence[tuple[float, str]], now: str) -> str:
    """Return a balance over time as the points of a line, in steps."""
    kept = [*curve, (curve[-1][0], now)]
    start = parse_api_instant(kept[0][1])
    span = (parse_api_instant(now) - start).total_seconds() or 1
    low, high = min(each for each, _ in kept), max(each for each, _ in kept)
    return " ".join(_iter_points(kept, start=start, span=span, low=low, high=high))


def _iter_points(
    kept: Sequence[tuple[float, str]],
    *,
    start: Any,
    span: float,
    low: float,
    high: float,
) -> Iterator[str]:
    before = None
    for balance, at in kept:
        x = CURVE_WIDTH * (parse_api_instant(at) - start).total_seconds() / span
        y = CURVE_HEIGHT - CURVE_HEIGHT * (balance - low) / ((high - low) or 1)
        if before is not None:
            yield f"{x:.1f},{before:.1f}"
        yield f"{x:.1f},{y:.1f}"
        before = y
