"""What was asked of the world and what it answered, and why."""

import shlex
from collections.abc import Mapping
from typing import Any

from emulator.web.desk import Seat

PAGE = 50
UNSAID = frozenset({"host", "content-length", "user-agent", "accept-encoding"})

Query = Mapping[str, str]
Context = dict[str, Any]


async def requests(seat: Seat, query: Query) -> Context:
    """Return the newest requests that match, the newest first."""
    asked = {
        name: query.get(name) or None for name in ("operation", "status", "before")
    }
    found = await seat.ask(
        "listExchanges",
        **asked,
        protocol="http",
        text=query.get("find") or None,
        last=PAGE + 1,
        dropped="ignored",
    )
    newest = found["exchanges"][::-1]
    operations = {each["operation"] for each in newest} | {query.get("operation", "")}
    return {
        "exchanges": newest[:PAGE],
        "more": len(newest) > PAGE,
        "dropped": found["dropped"],
        "operations": sorted(operations - {""}),
    }


async def request(seat: Seat, query: Query) -> Context:
    exchange = await seat.ask("getExchange", number=query.get("number", ""))
    here = await seat.ask("getWorld")
    is_pdu = "pdu" in exchange["request"]
    command = "" if is_pdu else curl(exchange, str(here["token"]))
    return {"exchange": exchange, "curl": command}


def curl(exchange: Context, token: str) -> str:
    """Return a request as a command to paste; its token is the first of the world."""
    request = exchange["request"]
    host = request["headers"].get("host", "127.0.0.1:7672")
    query = f"?{exchange['query']}" if exchange["query"] else ""
    words = ["curl", f"http://{host}{exchange['path']}{query}"]
    if exchange["method"] not in ("GET", "POST"):
        words += ["-X", exchange["method"]]
    for name, value in request["headers"].items():
        if name == "authorization":
            words += ["-H", f"Authorization: Bearer {token}"]
        elif name not in UNSAID:
            words += ["-H", f"{name}: {value}"]
    if request["body"] or exchange["method"] == "POST":
        words += ["-d", request["body"]]
    return shlex.join(words)
