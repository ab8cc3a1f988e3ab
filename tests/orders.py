"""One order for each operation that takes a body; strict worlds take them too."""

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from tests.emulated import Api

SMS = "/api/v3/campaign"
CLIC = "/api/v3/smsclic/campaign"
EMAIL = "/api/v1/email"
VOICE = "/api/v3/voice"
RESPONSES = "/api/v3/responses"

CELLPHONE = "4498987282"
AHEAD = "2026-03-03 09:00:00"  # the day after ``emulated.START``
LAST_SECOND = "9999-12-31 23:59:59"

ORDERS: Mapping[str, Mapping[str, Any]] = {
    SMS: {
        "text": "hola",
        "recipients": [{"cellphone": CELLPHONE}],
        "campaign_name": "avisos",
        "route": 87,
    },
    CLIC: {
        "text": "mira <+DYNAMICSHORTURL_X+>",
        "recipients": [{"cellphone": CELLPHONE}],
        "campaign_name": "tienda",
        "route": 87,
        "url": 4,
    },
    EMAIL: {
        "subject": "aviso",
        "template": 2,
        "body": "hola",
        "recipients": [{"email": "ana@example.org"}],
    },
    VOICE: {
        "campaign_name": "llamadas",
        "type": 2,
        "text": "hola",
        "recipients": [{"cellphone": CELLPHONE}],
        "remittent": "5570055780",
    },
    RESPONSES: {"type": 3, "cellphone": CELLPHONE},
}
SENDING = (SMS, CLIC, EMAIL, VOICE)


def order(path: str, **changes: Any) -> dict[str, Any]:
    """Return the order for *path* with *changes*; ``None`` takes a field away."""
    body = {**deepcopy(dict(ORDERS[path])), **changes}
    return {name: value for name, value in body.items() if value is not None}


def campaigns(api: Api) -> int:
    """Return how many campaigns of any kind the world holds."""
    world = api.world
    others = len(world.email_campaigns) + len(world.voice_campaigns)
    return len(world.campaigns) + others
