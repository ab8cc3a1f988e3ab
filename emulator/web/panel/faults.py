"""What is asked to go wrong: presets as switches, the next call, and all rules."""

from collections.abc import Mapping
from typing import Any

from emulator.web.desk import Seat

# How the next call can be broken, as effects of a rule.
BREAKAGES: Mapping[str, Mapping[str, Any]] = {
    "500_before": {"effect": {"refusal": "SERVER_ERROR"}},
    "500_after": {"effect": {"refusal": "SERVER_ERROR"}, "phase": "after"},
    "422_credit": {"effect": {"refusal": "INSUFFICIENT_BALANCE"}},
    "429": {"effect": {"status": 429, "retry_after": 7}},
    "503": {"effect": {"status": 503, "retry_after": 60}},
    "late": {"effect": {"delay": 5}, "phase": "after"},
    "hang": {"effect": {"wire": "hang"}},
    "reset": {"effect": {"wire": "reset"}},
    "truncated": {"effect": {"wire": "truncated"}},
    "not_json": {"effect": {"wire": "not_json"}},
    "push_late": {"operation": "moPush", "effect": {"push": "late", "seconds": 60}},
    "push_twice": {"operation": "moPush", "effect": {"push": "twice"}},
    "push_lost": {"operation": "moPush", "effect": {"push": "lost"}},
}
OPERATIONS = (
    "createCampaign",
    "createSmsClicCampaign",
    "createVoiceCampaign",
    "createEmailCampaign",
    "getCampaignMessages",
    "getVoiceCampaign",
    "queryResponses",
    "lookupNumber",
    "getUser",
)


async def faults(seat: Seat, _query: Mapping[str, str]) -> dict[str, Any]:
    """Return the presets, each with the rule that it has become, and all rules."""
    rules = await seat.ask("listFaults")
    presets = await seat.ask("listPresets")
    return {
        "rules": rules,
        "presets": [
            {**each, "active": next((it for it in rules if _is_of(it, each)), None)}
            for each in presets
        ],
    }


def _is_of(rule: Mapping[str, Any], preset: Mapping[str, Any]) -> bool:
    """Return whether *rule* says all that the preset says."""
    said: Mapping[str, Any] = preset["rule"]
    return all(rule.get(name) == value for name, value in said.items())
