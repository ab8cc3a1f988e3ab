"""The requests to the world with their answers and reasons."""

import shlex
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import quote

from emulator.web.control_client import WorldClient

PAGE_SIZE = 50
SKIPPED_HEADERS = frozenset({"host", "content-length", "user-agent", "accept-encoding"})
CURL_SAFE_CHARS = "/%:@!$&'()*+,;=~[]{}"  # what curl sends of a path as it is
CURL_GLOB_CHARS = frozenset("[]{}")  # ... unless it takes it for a pattern

PanelQuery = Mapping[str, str]
RegionContext = dict[str, Any]


async def view_requests(client: WorldClient, query: PanelQuery) -> RegionContext:
    """Return the newest requests that match, the newest first."""
    asked = {
        name: query.get(name) or None for name in ("operation", "status", "before")
    }
    found = await client.call_operation(
        "listExchanges",
        **asked,
        protocol="http",
        text=query.get("find") or None,
        last=PAGE_SIZE + 1,
        dropped="ignored",
    )
    newest = found["exchanges"][::-1]
    operations = {each["operation"] for each in newest} | {query.get("operation", "")}
    return {
        "exchanges": newest[:PAGE_SIZE],
        "more": len(newest) > PAGE_SIZE,
        "dropped": found["dropped"],
        "operations": sorted(operations - {""}),
    }


async def view_request(client: WorldClient, query: PanelQuery) -> RegionContext:
    """Return one exchange, and a command that repeats it if possible."""
    exchange = await client.call_operation(
        "getExchange", number=query.get("number", "")
    )
    here = await client.call_operation("getWorld")
    asked = exchange["request"]
    is_pdu = "pdu" in asked
    is_whole = not is_pdu and "sha256" not in asked
    command = partial(to_curl_command, exchange, str(here["token"]))
    return {
        "exchange": exchange,
        "is_pdu": is_pdu,
        "curl": command if is_whole else None,
    }


def to_curl_command(
    exchange: RegionContext,
    token: str,
    find_base: Callable[[str], str] = "http://{}".format,
) -> str:
    """Return a request as a command to paste; its token is the first of the world.

    *find_base* returns the URL by which a host is reached where it is pasted.
    """
    request, method = exchange["request"], exchange["method"]
    headers, body = request["headers"], request["body"]
    host = headers.get("host", "127.0.0.1:7672")
    query = f"?{exchange['query']}" if exchange["query"] else ""
    words = [
        "curl",
        f"{find_base(host)}{quote(exchange['path'], safe=CURL_SAFE_CHARS)}{query}",
    ]
    if CURL_GLOB_CHARS.intersection(words[-1]):
        words += ["--globoff"]
    if method == "HEAD":
        words += ["--head"]
    elif method != ("POST" if body else "GET"):
        words += ["-X", method]
    for name, value in headers.items():
        if name == "authorization":
            words += ["-H", f"Authorization: Bearer {token}"]
        elif name not in SKIPPED_HEADERS:
            words += ["-H", f"{name}: {value}"]
    if body:
        untyped = [] if "content-type" in headers else ["-H", "Content-Type:"]
        words += [*untyped, "--data-raw", body]
    return shlex.join(words)
