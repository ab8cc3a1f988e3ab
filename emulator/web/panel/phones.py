"""The handsets: the list of those with messages, and one conversation."""

from collections.abc import Mapping
from typing import Any

from emulator.web.control_client import WorldClient

PAGE_SIZE = 50
CELLPHONE_DIGITS = 10  # of a cellphone
SHOWN_PARAM = "shown"  # of a query: the conversation shown where none was chosen


async def view_phones(client: WorldClient, query: Mapping[str, str]) -> dict[str, Any]:
    """Return the list and the open conversation: by default the latest.

    What is shown stays when others are written to: a user may be typing there.
    """
    find = query.get("find") or None
    listed = await client.call_operation(
        "listConversations", text=find, offset=query.get("offset"), limit=PAGE_SIZE
    )
    conversations = listed["conversations"]
    latest = next((each["address"] for each in conversations), "")
    chosen = query.get("with") or query.get(SHOWN_PARAM) or latest
    talk = (
        await client.call_operation("getConversation", address=chosen)
        if chosen
        else None
    )
    is_phone = bool(talk) and "@" not in chosen
    return {
        "pushes": await _find_pushes(client, chosen) if is_phone else {},
        "is_phone": is_phone,
        "conversations": conversations,
        "chosen": chosen,
        "talk": talk,
        "more": listed["more"],
        "page": PAGE_SIZE,
        "empty": not (conversations or find or query.get("with")),
    }


async def _find_pushes(
    client: WorldClient, number: str
) -> dict[tuple[int | None, str], list[Any]]:
    """Return the deliveries that the texts of a handset caused, by message and text."""
    if not (number.isdecimal() and number.isascii()):
        return {}
    listed = await client.call_operation(
        "listDeliveries", number=number[-CELLPHONE_DIGITS:], last=PAGE_SIZE
    )
    found: dict[tuple[int | None, str], list[Any]] = {}
    for each in listed["deliveries"]:
        said = (each["message"], each["parameters"]["response"])
        found.setdefault(said, []).append(each)
    return found
