"""Faults: presets as switches, a fault for the next call, and all rules."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from emulator.web.control_client import WorldClient


class FaultChoices(NamedTuple):
    """The effects and operations that have no text of their own here."""

    effects: Sequence[Mapping[str, Any]]  # an effect of each kind, as rules have it
    operations: Sequence[str]  # that are not the platform's: of SMPP, pushes


# How the next call can be broken, as effects of a rule.
FAULT_CHOICES: Mapping[str, Mapping[str, Any]] = {
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
    "push_twice": {"operation": "moPush", "effect": {"push": "duplicated"}},
    "push_lost": {"operation": "moPush", "effect": {"push": "lost"}},
}
FAULTABLE_OPERATIONS = (
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


def parse_fault_choice(how: str) -> Mapping[str, Any]:
    """Return a rule for the next call; nothing for invalid input."""
    if how in FAULT_CHOICES:
        return FAULT_CHOICES[how]
    try:
        return {"effect": json.loads(how)}
    except ValueError:
        return {}


async def view_faults(client: WorldClient, _query: Mapping[str, str]) -> dict[str, Any]:
    """Return the presets, each with its active rule, and all rules."""
    rules = await client.call_operation("listFaults")
    presets = await client.call_operation("listPresets")
    return {
        "rules": rules,
        "presets": [
            {
                **each,
                "active": next((it for it in rules if _matches_preset(it, each)), None),
            }
            for each in presets
        ],
    }


def _matches_preset(rule: Mapping[str, Any], preset: Mapping[str, Any]) -> bool:
    """Return whether *rule* has all the values of the preset."""
    said: Mapping[str, Any] = preset["rule"]
    return all(rule.get(name) == value for name, value in said.items())
