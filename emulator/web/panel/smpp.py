"""SMPP: where it is, who is bound, and the PDUs that went to and fro."""

from collections.abc import Mapping
from typing import Any

from emulator.web.control_client import Seat

PAGE = 50


async def smpp(seat: Seat, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the newest PDUs that match, the newest first, and who is bound."""
    found = await seat.ask(
        "listExchanges",
        protocol="smpp",
        text=query.get("find") or None,
        before=query.get("before") or None,
        last=PAGE + 1,
        dropped="ignored",
    )
    newest = found["exchanges"][::-1]
    return {
        "where": await seat.ask("getSmpp"),
        "sessions": await seat.ask("listSessions"),
        "long_messages": (await seat.ask("listLongMessages"))[-PAGE:],
        "pdus": newest[:PAGE],
        "more": len(newest) > PAGE,
    }
