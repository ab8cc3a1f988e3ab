"""What each region of a page shows: questions to the control API, and their replies."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from emulator.web.control_client import Seat
from emulator.web.panel import account, campaigns, faults, phones, requests, smpp

Query = Mapping[str, str]
Context = dict[str, Any]
LISTED = 200  # worlds
LATEST = 50  # deliveries

View = Callable[[Seat, Query], Awaitable[Context]]


async def status(seat: Seat, _query: Query) -> Context:
    """Return balance and time, which stand above every page."""
    return {"here": await seat.ask("getWorld")}


async def clock(seat: Seat, _query: Query) -> Context:
    pending = await seat.ask("listPending", limit=50)
    return {"pending": pending["pending"], "rate": pending["rate"]}


async def deliveries(seat: Seat, query: Query) -> Context:
    """Return what leaves, the newest first."""
    found = await seat.ask(
        "listDeliveries",
        number=query.get("number") or None,
        state=query.get("state") or None,
        text=query.get("find") or None,
        last=LATEST,
    )
    return {**found, "deliveries": found["deliveries"][::-1]}


async def worlds(seat: Seat, query: Query) -> Context:
    find = query.get("find", "").casefold()
    found = [
        each
        for each in await seat.ask("listWorlds")
        if find in str(each["name"]).casefold()
    ]
    return {"worlds": found[:LISTED], "more": len(found) > LISTED}


REGIONS: Mapping[str, View] = {
    "account": account.account,
    "campaign": campaigns.campaign,
    "campaigns": campaigns.campaigns,
    "clock": clock,
    "deliveries": deliveries,
    "faults": faults.faults,
    "links": account.links,
    "money": account.money,
    "phones": phones.phones,
    "recipients": campaigns.recipients,
    "request": requests.request,
    "requests": requests.requests,
    "smpp": smpp.smpp,
    "status": status,
    "tokens": account.tokens,
    "worlds": worlds,
}
# The regions that say something else when nothing but time has passed.
TIMED = frozenset(
    {
        "campaign",
        "campaigns",
        "clock",
        "deliveries",
        "money",
        "phones",
        "recipients",
        "worlds",
    }
)
# The pages: what each of them consists of, from top to bottom.
PAGES: Mapping[str, Sequence[str]] = {
    "phones": ("phones",),
    "campaigns": ("campaigns",),
    "campaign": ("campaign", "recipients"),
    "requests": ("requests",),
    "request": ("request",),
    "deliveries": ("deliveries",),
    "smpp": ("smpp",),
    "faults": ("faults",),
    "clock": ("clock",),
    "account": ("money", "tokens", "account", "links"),
    "worlds": ("worlds",),
}
