"""Every request that may change a world, ready to be sent in one that takes them all.

A test that goes over ``COMMANDS`` goes over all there are: the contracts say so.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import count
from typing import Any, NamedTuple

from emulator.world.outbox import PushRelay, PushRequest
from tests.campaigns import NUMBER, an_sms, place
from tests.emulated import Api
from tests.orders import CLIC, EMAIL, RESPONSES, SMS, VOICE, order
from tests.smpp.dialled import listening
from tests.steering import steered

NAMES = count(1)
PLACED, PAUSED, CALLS = 8528238, 8528239, 481776  # campaigns of the prepared world
Body = Callable[[Api], Any]


class Command(NamedTuple):
    """A request, without the names that only the moment knows."""

    method: str
    path: str  # below /_emulator/, unless it is whole
    body: Any = None  # or what returns it

    def sent(self, api: Api) -> tuple[str, str, Any]:
        """Return method, path and body as they are sent now."""
        new = f"new{next(NAMES)}"
        path = self.path.format(
            token=next(reversed(api.world.tokens)),
            session=next(iter(api.world.sessions), 0),
            push=next(iter(_awaited(api)), 0),
            aside=next((name for name, _ in api.worlds.list_set_aside()), ""),
        )
        path = path if path.startswith("/") else f"/_emulator/{path}"
        body = self.body(api) if callable(self.body) else self.body
        named = isinstance(body, dict) and body.get("name") == "new"
        return self.method, path, {**body, "name": new} if named else body


def _snapshot(api: Api) -> Any:
    return steered(api, "GET", "world/snapshot")


def _awaited(api: Api) -> Iterator[int]:
    for relay in api.world.outbox.relays:
        yield from relay._awaited  # noqa: SLF001 - a listener knows its numbers


NEW = {"name": "new"}
STEERED: Mapping[str, Command] = {
    "sendOutbind": Command("POST", "smpp/outbind", {"host": "127.0.0.1", "port": 9}),
    "disconnectSession": Command("DELETE", "smpp/sessions/{session}"),
    "createToken": Command("POST", "tokens", NEW),
    "deleteToken": Command("DELETE", "tokens/{token}"),
    "expireToken": Command("POST", "tokens/{token}/expire"),
    "changeAccount": Command("PATCH", "account", {"push_retries": [5]}),
    "addItem": Command(
        "POST", "account/media", {"id": 9, "name": "x", "url": "http://x.example/"}
    ),
    "removeItem": Command("DELETE", "account/media/51"),
    "receiveText": Command("POST", "inbound", {"number": NUMBER, "text": "info"}),
    "waitForDeliveries": Command("POST", "deliveries/wait", {"timeout": 0}),
    "replayDelivery": Command("POST", "deliveries/1/replay"),
    "sendDelivery": Command("POST", "deliveries/1/send"),
    "dropDelivery": Command("POST", "deliveries/1/drop"),
    "answerPush": Command("POST", "pushes/{push}", {"status": 200, "body": "ok"}),
    "setClock": Command("PUT", "clock", {"rate": 2}),
    "advanceClock": Command("POST", "clock/advance", {"seconds": 1}),
    "settleWorld": Command("POST", "clock/settle", {"seconds": 1}),
    "cancelCalls": Command("POST", f"campaigns/voice/{CALLS}/cancel"),
    "pauseCampaign": Command("POST", f"campaigns/sms/{PLACED + 2}/pause"),
    "resumeCampaign": Command("POST", f"campaigns/sms/{PAUSED}/resume"),
    "cancelCampaign": Command("POST", f"campaigns/sms/{PAUSED}/cancel"),
    "markCampaignUnknown": Command("POST", f"campaigns/sms/{PAUSED}/mark-unknown"),
    "setHandset": Command("PUT", "handsets/5512345678", {"outcome": "absent"}),
    "setPopulation": Command("PUT", "population", {"weights": {"failed": 1}}),
    "topUp": Command("POST", "movements", {"amount": 5}),
    "createWorld": Command("POST", "worlds", NEW),
    "deleteWorld": Command("DELETE", "world"),
    "resetWorld": Command("POST", "world/reset"),
    "populateWorld": Command(
        "POST", "world/populate", {"campaigns": 1, "recipients": 1}
    ),
    "forkWorld": Command("POST", "world/fork", NEW),
    "retrySetAside": Command("POST", "set-aside/{aside}/retry"),
    "dropSetAside": Command("DELETE", "set-aside/{aside}"),
    "restoreWorld": Command("POST", "world/restore", _snapshot),
    "createCheckpoint": Command("POST", "world/checkpoints", NEW),
    "dropCheckpoint": Command("DELETE", "world/checkpoints/one"),
    "restoreCheckpoint": Command("POST", "world/checkpoints/one/restore"),
    "openCheckpoint": Command("POST", "world/checkpoints/one/open", NEW),
    "clearJournal": Command("DELETE", "journal"),
    "waitForExchanges": Command("POST", "journal/wait", {"timeout": 0}),
    "verifyExchanges": Command("POST", "journal/verify", {"at_least": 0}),
    "addFault": Command("POST", "faults", {"effect": {"status": 503}}),
    "clearFaults": Command("DELETE", "faults"),
    "changeFault": Command("PATCH", "faults/f1", {"disabled": True}),
    "removeFault": Command("DELETE", "faults/f1"),
}
ASKED: Mapping[str, Command] = {
    "headUser": Command("HEAD", "/api/v1/user"),
    "createCampaign": Command("POST", SMS, order(SMS)),
    "createSmsClicCampaign": Command("POST", CLIC, order(CLIC)),
    "queryResponses": Command("POST", RESPONSES, order(RESPONSES)),
    "createEmailCampaign": Command("POST", EMAIL, order(EMAIL)),
    "createVoiceCampaign": Command("POST", VOICE, order(VOICE)),
    "cancelVoiceCampaign": Command("POST", f"{VOICE}/{CALLS}/cancel"),
    "lookupNumber": Command("GET", f"/api/v3/hlr/{NUMBER}"),  # a GET that costs money
}
COMMANDS = {**STEERED, **ASKED}
ATTENDED = {"disconnectSession", "answerPush"}
TROUBLED = {"retrySetAside", "dropSetAside"}


def prepared(api: Api) -> None:
    """Let a world become one in which every command finds what it is about.

    A text has arrived that a handset answered, and the push of that is due; another is
    paused, a third is ahead, calls are queued; there is a rule.
    """
    place(api)
    steered(api, "POST", "clock/advance", json={"seconds": 12})
    late = {"effect": {"push": "late", "seconds": 900}}
    steered(api, "POST", "faults", json=late)
    nowhere = {"push_url": "http://127.0.0.1:9/mo"}
    steered(api, "PATCH", "account", json=nowhere)
    steered(api, "POST", "inbound", json={"number": NUMBER, "text": "si"})
    for _ in range(2):
        place(api, an_sms(scheduled_date="2026-03-05 10:00:00"))
    steered(api, "POST", f"campaigns/sms/{PAUSED}/pause")
    api.post(VOICE, json=order(VOICE, scheduledDate="2026-03-05 10:00:00"))


def forked(api: Api) -> None:
    """Take *api* to a world of its own, which is what the prepared one is."""
    name = f"fork{next(NAMES)}"
    api.token = "demo"
    steered(api, "POST", "world/fork", json={"name": name})
    api.token = f"world-{name}"
    steered(api, "POST", "world/checkpoints", json={"name": "one"})


@contextmanager
def attended(api: Api, name: str) -> Iterator[None]:
    """Have what a command is about: a client, a listener, a world that is set aside."""
    if name in TROUBLED:
        world = f"troubled{next(NAMES)}"
        steered(api, "POST", "worlds", json={"name": world})
        next(each for each in api.worlds if each.name == world).trouble = "it is odd"
    if name not in ATTENDED:
        yield
        return
    with listening(api) as phone:
        phone.bound(system_id=api.token, password="x")
        relay = PushRelay()
        api.world.outbox.relays.append(relay)
        relay.assign_push(
            PushRequest(1, "moPush", "GET", "http://127.0.0.1:9/mo", "a=1")
        )
        try:
            yield
        finally:
            if relay in api.world.outbox.relays:
                api.world.outbox.relays.remove(relay)
