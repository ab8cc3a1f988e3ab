"""The longest stretch in which the loop does nothing else, over the heaviest requests.

One world of a million messages, and for each request how long it held the loop.
"""

import json
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from typing import Any, NamedTuple

MANY = 50_000  # recipients, the platform's limit
CAMPAIGNS = 20  # of MANY recipients
CONTROL = "/_emulator"
WORLD = "heavy"
FIRST = 8528238  # the first campaign of a world


class HeavyRequest(NamedTuple):
    """A request, with what it is called in the report."""

    name: str
    method: str
    path: str
    body: bytes = b""


class Stretch(NamedTuple):
    """How long a request held the loop at worst."""

    name: str
    seconds: float
    processor: float  # seconds of it, without what other programs took
    status: int


def encode(body: Any) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()


def make_order(count: int, **fields: str) -> Mapping[str, Any]:
    rows = [{"cellphone": str(4490000000 + i), **fields} for i in range(count)]
    text = "hola <+B+>, su folio es <+C+>" if fields else "hola mundo"
    return {"text": text, "recipients": rows, "route": 170}


def list_setup() -> Iterator[HeavyRequest]:
    """Yield what fills the world: a million messages, half of them with names."""
    credit = encode({"amount": 1_000_000})
    yield HeavyRequest("credit", "POST", f"{CONTROL}/movements", credit)
    plain = encode(make_order(MANY))
    named = encode(make_order(MANY, name="Guadalupe", field1="12345"))
    for index in range(CAMPAIGNS):
        body = named if index % 2 else plain
        yield HeavyRequest("fill", "POST", "/api/v3/campaign", body)


def list_requests() -> Iterator[HeavyRequest]:
    """Yield the heaviest requests of both APIs, those that change the world last."""
    yield HeavyRequest("answers", "GET", f"/api/v3/campaign/{FIRST + 1}/messages")
    for query in ("text=folio", "number=82", "status=sent", "text=folio&status=failed"):
        yield HeavyRequest(query, "GET", f"{CONTROL}/messages?{query}")
    for path in (
        "campaigns",
        f"campaigns/sms/{FIRST}",
        f"campaigns/sms/{FIRST}/recipients?offset=49000",
        f"campaigns/sms/{FIRST + 1}/recipients?text=82",
        "conversations",
        "conversations?text=4490000001",
        "conversations/4490000001",
        "links",
        "movements?points=1000",
        "clock/pending",
        "journal",
        "journal?text=folio",
        "deliveries?text=folio",
        "metrics",
        "worlds",
    ):
        yield HeavyRequest(path, "GET", f"{CONTROL}/{path}")
    for page in ("phones", "campaigns", "requests", "deliveries", "account", "clock"):
        yield HeavyRequest(f"page {page}", "GET", f"/panel/{page}?world={WORLD}")
    page = f"/panel/campaign?world={WORLD}&channel=sms&campaign={FIRST + 1}"
    yield HeavyRequest("page campaign", "GET", page)
    yield HeavyRequest("snapshot", "GET", f"{CONTROL}/world/snapshot")
    for path, body in (
        ("world/fork", {"name": "copy"}),
        ("world/checkpoints", {"name": "one"}),
        ("journal/verify", {"at_least": 1}),
        ("clock/advance", {"seconds": 86400}),
        ("clock/settle", {}),
        ("world/populate", {"campaigns": 4, "recipients": MANY}),
    ):
        yield HeavyRequest(path, "POST", f"{CONTROL}/{path}", encode(body))
    yield from list_bodies()
    yield HeavyRequest("reset", "POST", f"{CONTROL}/world/reset")


def list_bodies() -> Iterator[HeavyRequest]:
    """Yield bodies that are large, dense or wrong in many places."""
    full = make_order(MANY, name="Guadalupe", field1="12345", field2="x" * 20)
    wrong = {**full, "recipients": [*full["recipients"][:-1], {"cellphone": 5}]}
    broken = {"route": "one", "price": "much"}
    document = {"account": {}, "countries": [], "routes": [broken] * 9_000}
    world = {"name": "broken", "fixture": document}
    for name, path, body in (
        ("50,000 recipients with fields", "/api/v3/campaign", encode(full)),
        ("50,000 recipients, one wrong", "/api/v3/campaign", encode(wrong)),
        ("100,000 recipients", "/api/v3/campaign", encode(make_order(2 * MANY))),
        (
            "two million empty recipients",
            "/api/v3/campaign",
            b'{"recipients":[' + b"{}," * 2_000_000 + b"{}]}",
        ),
        ("a world of 9,000 broken routes", f"{CONTROL}/worlds", encode(world)),
    ):
        yield HeavyRequest(name, "POST", path, body)


def measure(connection: HTTPConnection) -> Iterator[Stretch]:
    """Send each request and yield how long the loop was held by it."""
    for each in list_setup():
        assert ask(connection, each)[0] == 200, each.name
    snapshot = b""
    for each in list_requests():
        yield measure_one(connection, each)
        if each.name == "snapshot":
            snapshot = ask(connection, each)[1]
    body = b'{"name":"restored","snapshot":' + snapshot + b"}"
    size = f"{len(body) / 1024 / 1024:.0f} MiB"
    restore = HeavyRequest(
        f"a snapshot of {size} restored", "POST", f"{CONTROL}/worlds", body
    )
    yield measure_one(connection, restore)


def measure_one(connection: HTTPConnection, asked: HeavyRequest) -> Stretch:
    ask(connection, HeavyRequest("", "GET", "/bench/pulse"))
    status, _ = ask(connection, asked)
    _, octets = ask(connection, HeavyRequest("", "GET", "/bench/pulse"))
    told = json.loads(octets)
    return Stretch(asked.name, told["worst"], told["processor"], status)


def ask(connection: HTTPConnection, asked: HeavyRequest) -> tuple[int, bytes]:
    headers = {
        "Authorization": f"Bearer world-{WORLD}",
        "Content-Type": "application/json",
    }
    connection.request(asked.method, asked.path, asked.body or None, headers)
    answer = connection.getresponse()
    return answer.status, answer.read()
