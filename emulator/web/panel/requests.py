"""What was asked of the world and what it answered, and why."""

import shlex
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from emulator.web.control_client import Seat

PAGE = 50
UNSAID = frozenset({"host", "content-length", "user-agent", "accept-encoding"})
PLAIN = "/%:@!$&'()*+,;=~[]{}"  # what curl sends of a path as it is
GLOBBED = frozenset("[]{}")  # ... unless it takes it for a pattern

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
    """Return one exchange, and how to ask the same once more where that is known."""
    exchange = await seat.ask("getExchange", number=query.get("number", ""))
    here = await seat.ask("getWorld")
    asked = exchange["request"]
    is_pdu = "pdu" in asked
    is_whole = not is_pdu and "sha256" not in asked
    command = curl(exchange, str(here["token"])) if is_whole else ""
    return {"exchange": exchange, "is_pdu": is_pdu, "curl": command}


def curl(exchange: Context, token: str) -> str:
    """Return a request as a command to paste; its token is the first of the world."""
    request, method = exchange["request"], exchange["method"]
    headers, body = request["headers"], request["body"]
    host = headers.get("host", "127.0.0.1:7672")
    query = f"?{exchange['query']}" if exchange["query"] else ""
    words = ["curl", f"http://{host}{quote(exchange['path'], safe=PLAIN)}{query}"]
    if GLOBBED.intersection(words[-1]):
        words += ["--globoff"]
    if method == "HEAD":
        words += ["--head"]
    elif method != ("POST" if body else "GET"):
        words += ["-X", method]
    for name, value in headers.items():
        if name == "authorization":
            words += ["-H", f"Authorization: Bearer {token}"]
        elif name not in UNSAID:
            words += ["-H", f"{name}: {value}"]
    if body:
        untyped = [] if "content-type" in headers else ["-H", "Content-Type:"]
        words += [*untyped, "--data-raw", body]
    return shlex.join(words)
