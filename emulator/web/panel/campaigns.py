"""Campaigns of all channels: the list, and one from near with its recipients."""

from collections.abc import Mapping
from typing import Any

from emulator.web.control_client import Seat

PAGE = 50

Query = Mapping[str, str]
Context = dict[str, Any]


async def campaigns(seat: Seat, query: Query) -> Context:
    found = await seat.ask(
        "listCampaigns",
        newest="first",
        channel=query.get("channel") or None,
        text=query.get("find") or None,
        offset=query.get("offset"),
        limit=PAGE + 1,
    )
    return {"campaigns": found[:PAGE], "more": len(found) > PAGE, "page": PAGE}


async def campaign(seat: Seat, query: Query) -> Context:
    return {"campaign": await seat.ask("getCampaign", **_named(query))}


async def recipients(seat: Seat, query: Query) -> Context:
    found = await seat.ask(
        "listRecipients",
        **_named(query),
        status=query.get("status") or None,
        text=query.get("find") or None,
        offset=query.get("offset"),
        limit=PAGE,
    )
    return {**found, "page": PAGE}


def _named(query: Query) -> Context:
    return {
        "channel": query.get("channel", ""),
        "campaignId": query.get("campaign", ""),
    }
