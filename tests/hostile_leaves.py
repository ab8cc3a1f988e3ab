"""Documents with one leaf replaced by what it should not be, and a visit everywhere.

A document is refused with the place of what is wrong, or harmless: every page and every
operation answers, and the other worlds serve on.
"""

from collections.abc import Iterator, Sequence
from copy import deepcopy
from typing import Any, NamedTuple

from emulator.domain.channel import CHANNELS
from emulator.web.panel.views import PAGES
from tests.emulated import Answer, Api, control
from tests.orders import EMAIL, SMS, VOICE, order

Place = tuple[str | int, ...]
PER_LIST = 2  # items of a list that are spoilt; the others are alike
HOSTILE: Sequence[Any] = (
    None,
    True,
    False,
    0,
    1,
    -1,
    0.5,
    2**53,
    2**53 + 1,
    2**63,
    2**64 - 1,
    10**400,
    1e308,
    -1e308,
    "",
    "1",
    "\x00",
    "<\u2028>\u202e" * 40,
    "\ud800",
    "x" * 100_000,
    "nan",
    "9999-12-31T23:59:59.999999Z",
    "9999-12-31T23:59:59-12:00",
    "8999-12-31T23:59:59.999999Z",
    "2026-03-02T17:59:00Z",
    "2026-03-02T18:00:00",
    "1999-12-31T23:59:59Z",
    "0001-01-01T00:00:00+14:00",
    "PT0S",
    "-PT1S",
    "P999999999D",
    "P10000D",
    [],
    [None],
    ["x"] * 3,
    {},
    {"": ""},
    {"\x00": None},
    {"x": {"x": [0]}},
)


class Spoilt(NamedTuple):
    """A place in a document, and what stands there instead."""

    place: Place
    value: Any

    @property
    def name(self) -> str:
        where = ".".join(map(str, self.place))
        return f"{where}={self.value!r}"[:120]

    def put_into(self, document: Any) -> Any:
        """Return a copy of *document* with the value in its place."""
        copy = deepcopy(document)
        node = copy
        for step in self.place[:-1]:
            node = node[step]
        node[self.place[-1]] = self.value
        return copy


def list_places(node: Any, place: Place = ()) -> Iterator[Place]:
    """Yield the places of all values in a document, the nested ones as well."""
    if place:
        yield place
    if isinstance(node, dict):
        for name, each in node.items():
            yield from list_places(each, (*place, name))
    elif isinstance(node, list):
        for index in sorted({*range(len(node))[:PER_LIST], *range(len(node))[-1:]}):
            yield from list_places(node[index], (*place, index))


def list_spoilt(document: Any) -> list[Spoilt]:
    """Return every way in which one value of *document* is replaced."""
    return [
        Spoilt(place, value) for place in list_places(document) for value in HOSTILE
    ]


def visit_everything(api: Api, world: str) -> Iterator[tuple[str, Answer]]:
    """Ask for every page and every reading operation of a world, and let time pass."""
    yield from _visit(api, world)
    steps = [
        ("POST", "clock/advance", {"next": True}),
        ("POST", "clock/advance", {"seconds": 60}),
        ("POST", "inbound", {"number": "4498987282", "text": "info"}),
        ("POST", "clock/settle", {"events": 300}),
        ("POST", "tokens", {"name": "third"}),
        ("POST", "world/checkpoints", {"name": "one"}),
    ]
    for method, path, body in steps:
        yield path, api.send(method, f"/_emulator/{path}?world={world}", json=body)
    for path in (SMS, VOICE, EMAIL):
        yield path, api.post(path, json=order(path))
    yield from _visit(api, world)
    yield "fork", api.post(f"/_emulator/world/fork?world={world}", json={"name": "of"})
    yield "reset", api.post(f"/_emulator/world/reset?world={world}")
    yield (
        "checkpoint",
        api.post(f"/_emulator/world/checkpoints/one/restore?world={world}"),
    )


def _visit(api: Api, world: str) -> Iterator[tuple[str, Answer]]:
    asked = f"world={world}"
    for path in list_paths(api):
        mark = "&" if "?" in path else "?"
        url = f"{path}{mark}{asked}" if path.startswith(("/_", "/panel")) else path
        yield path, api.get(url)


def list_paths(api: Api) -> Iterator[str]:
    """Yield what can be read of a world, with the ids that there are."""
    world = api.world
    yield from ("/api/v1/user", "/api/v3/user/routes", "/api/v3/user/countries")
    for channel in CHANNELS.values():
        ids = list(getattr(world, channel.table))
        for number in ids[:3]:
            where = f"/_emulator/campaigns/{channel.name}/{number}"
            if channel.name == "sms":
                yield f"{SMS}/{number}/messages"
            if channel.name == "voice":
                yield f"{VOICE}/{number}"
            if channel.name == "email":
                yield f"{where}/letters"
            yield where
            yield f"{where}/recipients"
            yield f"/panel/campaign?channel={channel.name}&campaign={number}"
    for operation in control().operations.values():
        streams = operation.content_type.startswith(b"text/")
        if operation.method == "GET" and "{" not in operation.path and not streams:
            yield operation.path
    yield "/_emulator/movements?points=20"
    yield "/_emulator/conversations/4498987282"
    yield "/_emulator/handsets/4498987282"
    yield "/_emulator/messages?text=a&status=sent"
    yield "/_emulator/deliveries?text=a&number=4498987282"
    yield from (f"/panel/{each}" for each in PAGES)
    yield "/panel/phones?shown=4498987282"
    yield "/panel/snapshot"
