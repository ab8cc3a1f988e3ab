"""Campaigns of all channels: the list, and one campaign with its recipients."""

from collections.abc import Mapping
from typing import Any

from emulator.web.control_client import WorldClient

PAGE_SIZE = 50

PanelQuery = Mapping[str, str]
RegionContext = dict[str, Any]


async def view_campaigns(client: WorldClient, query: PanelQuery) -> RegionContext:
    found = await client.call_operation(
        "listCampaigns",
        newest="first",
        channel=query.get("channel") or None,
        text=query.get("find") or None,
        offset=query.get("offset"),
        limit=PAGE_SIZE + 1,
    )
    return {
        "campaigns": found[:PAGE_SIZE],
        "more": len(found) > PAGE_SIZE,
        "page": PAGE_SIZE,
    }


async def view_campaign(client: WorldClient, query: PanelQuery) -> RegionContext:
    return {
        "campaign": await client.call_operation(
            "getCampaign", **_campaign_params(query)
        )
    }


async def view_recipients(client: WorldClient, query: PanelQuery) -> RegionContext:
    found = await client.call_operation(
        "listRecipients",
        **_campaign_params(query),
        status=query.get("status") or None,
        text=query.get("find") or None,
        offset=query.get("offset"),
        limit=PAGE_SIZE,
    )
    return {**found, "page": PAGE_SIZE}


def _campaign_params(query: PanelQuery) -> RegionContext:
    return {
        "channel": query.get("channel", ""),
        "campaignId": query.get("campaign", ""),
    }
