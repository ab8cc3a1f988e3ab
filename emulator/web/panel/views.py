"""The content of each region: requests to the control API, and their replies."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from emulator.web.control_client import WorldClient
from emulator.web.panel import account, campaigns, faults, phones, requests, smpp

PanelQuery = Mapping[str, str]
RegionContext = dict[str, Any]
MAX_WORLDS = 200  # worlds
MAX_DELIVERIES = 50  # deliveries

View = Callable[[WorldClient, PanelQuery], Awaitable[RegionContext]]


async def view_status(client: WorldClient, _query: PanelQuery) -> RegionContext:
    """Return balance and time, for the head of every page."""
    return {"here": await client.call_operation("getWorld")}


async def view_clock(client: WorldClient, _query: PanelQuery) -> RegionContext:
    pending = await client.call_operation("listPending", limit=50)
    return {"pending": pending["pending"], "rate": pending["rate"]}


async def view_deliveries(client: WorldClient, query: PanelQuery) -> RegionContext:
    """Return the deliveries, the newest first."""
    found = await client.call_operation(
        "listDeliveries",
        number=query.get("number") or None,
        state=query.get("state") or None,
        text=query.get("find") or None,
        last=MAX_DELIVERIES,
    )
    return {**found, "deliveries": found["deliveries"][::-1]}


async def view_worlds(client: WorldClient, query: PanelQuery) -> RegionContext:
    find = query.get("find", "").casefold()
    found = [
        each
        for each in await client.call_operation("listWorlds")
        if find in str(each["name"]).casefold()
    ]
    return {"worlds": found[:MAX_WORLDS], "more": len(found) > MAX_WORLDS}


REGIONS: Mapping[str, View] = {
    "account": account.view_account,
    "campaign": campaigns.view_campaign,
    "campaigns": campaigns.view_campaigns,
    "clock": view_clock,
    "deliveries": view_deliveries,
    "faults": faults.view_faults,
    "links": account.view_links,
    "money": account.view_money,
    "phones": phones.view_phones,
    "recipients": campaigns.view_recipients,
    "request": requests.view_request,
    "requests": requests.view_requests,
    "smpp": smpp.view_smpp,
    "status": view_status,
    "tokens": account.view_tokens,
    "worlds": view_worlds,
}
# The regions that say something else when nothing but time has passed.
TIMED_REGIONS = frozenset(
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
