"""SMPP: its addresses, the bound sessions, and the exchanged PDUs."""

from collections.abc import Mapping
from typing import Any

from emulator.web.control_client import WorldClient

PAGE_SIZE = 50


async def view_smpp(client: WorldClient, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the newest PDUs that match, the newest first, and the bound sessions."""
    found = await client.call_operation(
        "listExchanges",
        protocol="smpp",
        text=query.get("find") or None,
        before=query.get("before") or None,
        last=PAGE_SIZE + 1,
        dropped="ignored",
    )
    newest = found["exchanges"][::-1]
    return {
        "where": await client.call_operation("getSmpp"),
        "sessions": await client.call_operation("listSessions"),
        "long_messages": (await client.call_operation("listLongMessages"))[-PAGE_SIZE:],
        "pdus": newest[:PAGE_SIZE],
        "more": len(newest) > PAGE_SIZE,
    }
