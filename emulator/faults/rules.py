"""Rules: which calls they meet, when they strike, and which one does.

A rule is data.  Rules are tried in the order in which they were added, and at most one
strikes; a rule counts the calls that it met and those that it struck.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from msgspec import Struct, field
from msgspec.structs import replace

from emulator.domain.chance import draw_fraction
from emulator.faults.effect import Effect
from emulator.faults.places import ANY_OPERATION, FaultPhase, FaultPlace


def _affects_any(_effect: Effect) -> bool:
    return True


class CallFacts(NamedTuple):
    """The facts of a call that a rule can test."""

    operation: str
    phase: FaultPhase | None  # None: whichever a rule names
    token: str
    numbers: Sequence[str]  # cellphones that the call names
    body: Any
    headers: Mapping[str, str]  # names in lower case
    now: datetime
    # By rules for any operation, but for what is felt here only
    is_exempt: bool = False
    # Whether this very call feels it
    is_affected_by: Callable[[Effect], bool] = _affects_any


class CallFilter(Struct, frozen=True):
    """The calls that a rule meets; what is None does not matter."""

    operation: str = ANY_OPERATION
    token: str | None = None
    number: str | None = None  # or the end of one
    body: Mapping[str, Any] = field(default_factory=dict)  # value by dotted path
    headers: Mapping[str, str] = field(default_factory=dict)

    def matches(self, facts: CallFacts) -> bool:
        return (
            self.operation in (ANY_OPERATION, facts.operation)
            and self.token in (None, facts.token)
            and (
                self.number is None
                or any(number.endswith(self.number) for number in facts.numbers)
            )
            and all(
                _find_value(facts.body, path) == wanted
                for path, wanted in self.body.items()
            )
            and all(
                facts.headers.get(name.lower()) == wanted
                for name, wanted in self.headers.items()
            )
        )


class StrikeSchedule(Struct, frozen=True):
    """Which of the calls met are struck; what is None does not matter."""

    first: int | None = None  # the first so many
    nth: int | None = None  # only this one, counted from 1
    every: int | None = None  # every nth
    start: datetime | None = None  # from this instant of the world on
    end: datetime | None = None  # and until before this one
    probability: float | None = None  # drawn from the world's seed

    def is_due(self, number: int, *, seed: int, rule: str, now: datetime) -> bool:
        """Whether the call that is met as *number*, counted from 1, is struck."""
        return (
            (self.first is None or number <= self.first)
            and (self.nth is None or number == self.nth)
            and (self.every is None or number % self.every == 0)
            and (self.start is None or self.start <= now)
            and (self.end is None or now < self.end)
            and (
                self.probability is None
                or draw_fraction(seed, f"fault {rule}", number) < self.probability
            )
        )


class FaultRule(Struct, frozen=True):
    """One fault: which calls it meets, which it strikes, and its effect."""

    id: str
    effect: Effect
    which: CallFilter = CallFilter()
    when: StrikeSchedule = StrikeSchedule()
    phase: FaultPhase = FaultPhase.BEFORE
    matched: int = 0  # calls so far
    applied: int = 0  # of them, that felt it
    disabled: bool = False  # it meets nothing meanwhile

    def matches(self, facts: CallFacts, place: FaultPlace) -> bool:
        """Whether a call at *place* is one of those that the rule means."""
        return (
            not self.disabled
            and facts.phase in (None, self.phase)
            and place in self.effect.places
            and (
                not facts.is_exempt
                or self.which.operation != ANY_OPERATION
                or self.effect.places == {place}
            )
            and self.which.matches(facts)
            and self.effect.can_affect(facts.operation)
        )


def find_striking_rule(
    rules: Sequence[FaultRule], facts: CallFacts, *, place: FaultPlace, seed: int
) -> tuple[FaultRule | None, tuple[FaultRule, ...]]:
    """Return the rule that strikes, if one does, and the rules as they then count.

    A rule whose effect the call would not feel has met it, and lets the next one try.
    """
    counted = list(rules)
    for index, rule in enumerate(rules):
        if not rule.matches(facts, place):
            continue
        number = rule.matched + 1
        strikes = rule.when.is_due(
            number, seed=seed, rule=rule.id, now=facts.now
        ) and facts.is_affected_by(rule.effect)
        counted[index] = replace(rule, matched=number, applied=rule.applied + strikes)
        if strikes:
            return counted[index], tuple(counted)
    return None, tuple(counted)


def _find_value(body: Any, path: str) -> Any:
    """Return the value at a dotted *path*, or None: ``recipients.0.cellphone``."""
    for step in path.split("."):
        if isinstance(body, Mapping):
            body = body.get(step)
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body
