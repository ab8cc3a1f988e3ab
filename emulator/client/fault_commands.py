"""What goes wrong in a world, as a test asks for it: its fault rules."""

from collections.abc import Mapping
from typing import Any

from emulator.client.line import WorldConnection, drop_none, to_api_value
from emulator.client.shown import Fact

RULE_SPELLINGS = {"body_has": "body", "headers_have": "headers", "since": "from"}
# What a rule says of which calls and when; every other word is of its effect, which the
# emulator knows.
RULE_WORDS = frozenset(
    {"token", "number", "first", "nth", "every", "until", "probability", "phase"}
    | {"disabled", "from", *RULE_SPELLINGS}
)


class FaultCommands(WorldConnection):
    """The commands that let calls fail."""

    def fail_next(
        self,
        operation: str = "*",
        *,
        phase: str | None = None,
        times: int = 1,
        **effect: Any,
    ) -> Fact:
        """Let the next calls fail, with a 500 or as ``fault`` says; return the rule.

        In phase ``before`` nothing is done; in phase ``after`` the call has done its
        work, though its client does not learn of it.
        """
        if effect.keys() <= RULE_WORDS:
            effect["refusal"] = "SERVER_ERROR"
        return self.fault(operation, phase=phase, first=times, **effect)

    def fault(self, operation: str = "*", **rule: Any) -> Fact:
        """Add a fault rule and return it.

        Which calls: token, number, body_has, headers_have.  When: first, nth, every,
        since, until, probability.  How: phase, disabled.  Every other word is of the
        effect, as the guide has them (faults.md, replies.md for pushes, smpp.md).
        """
        said = drop_none(**rule)
        effect = {name: said.pop(name) for name in said.keys() - RULE_WORDS}
        order = {"operation": operation, **_to_rule_json(said), "effect": effect}
        return self.ask_fact("POST", "faults", order)

    @property
    def presets(self) -> list[Fact]:
        """The faults that have a name, and what each is for."""
        return self.ask_facts("fault-presets")

    def preset(self, name: str, **rule: Any) -> Fact:
        """Add a fault that has a name, for the calls that *rule* means."""
        return self.ask_fact("POST", "faults", {"preset": name, **_to_rule_json(rule)})

    @property
    def faults(self) -> list[Fact]:
        """The rules, in the order in which they are tried, with their strikes."""
        return self.ask_facts("faults")

    def clear_faults(self) -> None:
        self.ask_fact("DELETE", "faults")


def _to_rule_json(rule: Mapping[str, Any]) -> dict[str, Any]:
    return {
        RULE_SPELLINGS.get(name, name): to_api_value(each)
        for name, each in rule.items()
    }
