"""The handsets: who got something, and the conversation of one of them."""

from collections.abc import Mapping
from typing import Any

from emulator.web.desk import Seat

PAGE = 50


async def phones(seat: Seat, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the list, and the conversation that is open: the latest unless asked."""
    find = query.get("find") or None
    listed = await seat.ask(
        "listConversations", text=find, offset=query.get("offset"), limit=PAGE
    )
    conversations = listed["conversations"]
    chosen = query.get("with") or next((each["address"] for each in conversations), "")
    talk = await seat.ask("getConversation", address=chosen) if chosen else None
    return {
        "conversations": conversations,
        "chosen": chosen,
        "talk": talk,
        "more": listed["more"],
        "page": PAGE,
        "empty": not (conversations or find or query.get("with")),
    }
