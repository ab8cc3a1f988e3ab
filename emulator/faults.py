"""Faults that a test asks for: which calls they meet, when, and what happens then.

A rule is data.  Rules are tried in the order in which they were added, and at most one
strikes; a rule counts the calls that it met and those that it struck.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from itertools import count
from typing import Any, NamedTuple

from emulator.domain.chance import draw
from emulator.effects import Effect

ANY = "*"
TICKETS = count(1)  # of what is held back; no two of a process are the same


class Phase(StrEnum):
    """When a rule is tried."""

    BEFORE = "before"  # the shape is accepted, the operation not yet carried out
    AFTER = "after"  # the operation succeeded, and stands
    PUSH = "push"  # something is about to leave
    EARLY = "early"  # a handset will answer what was sent just now


class Facts(NamedTuple):
    """What a rule can look at."""

    operation: str
    phase: Phase
    token: str
    numbers: Sequence[str]  # cellphones that the call names
    body: Any
    headers: Mapping[str, str]  # names in lower case
    now: datetime


@dataclass(frozen=True, slots=True)
class Which:
    """The calls a rule meets; what is None is not looked at."""

    operation: str = ANY
    token: str | None = None
    number: str | None = None  # or the end of one
    body: Mapping[str, Any] = field(default_factory=dict)  # value by dotted path
    headers: Mapping[str, str] = field(default_factory=dict)

    def met(self, facts: Facts) -> bool:
        return (
            self.operation in (ANY, facts.operation)
            and self.token in (None, facts.token)
            and (
                self.number is None
                or any(number.endswith(self.number) for number in facts.numbers)
            )
            and all(_at(facts.body, path) == want for path, want in self.body.items())
            and all(
                facts.headers.get(name.lower()) == want
                for name, want in self.headers.items()
            )
        )


@dataclass(frozen=True, slots=True)
class When:
    """Which of the calls met are struck; what is None does not matter."""

    first: int | None = None  # the first so many
    nth: int | None = None  # only this one, counted from 1
    every: int | None = None  # every so-manieth
    start: datetime | None = None  # from this instant of the world on
    end: datetime | None = None  # and until before this one
    probability: float | None = None  # drawn from the world's seed

    def due(self, number: int, *, seed: int, rule: str, now: datetime) -> bool:
        """Whether the call that is met as *number*, counted from 1, is struck."""
        return (
            (self.first is None or number <= self.first)
            and (self.nth is None or number == self.nth)
            and (self.every is None or number % self.every == 0)
            and (self.start is None or self.start <= now)
            and (self.end is None or now < self.end)
            and (
                self.probability is None
                or draw(seed, f"fault {rule}", number) < self.probability
            )
        )


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    effect: Effect
    which: Which = Which()
    when: When = When()
    phase: Phase = Phase.BEFORE
    met: int = 0  # calls so far
    struck: int = 0
    off: bool = False  # it meets nothing meanwhile


@dataclass(frozen=True, slots=True)
class Delayed:
    """An answer that a fault holds back."""

    due: datetime  # of the world
    operation: str  # operationId
    rule: str  # its id


def tried(
    rules: Sequence[Rule], facts: Facts, *, seed: int
) -> tuple[Rule | None, tuple[Rule, ...]]:
    """Return the rule that strikes, if one does, and the rules as they then count."""
    counted = list(rules)
    for index, rule in enumerate(rules):
        if rule.off or rule.phase is not facts.phase or not rule.which.met(facts):
            continue
        number = rule.met + 1
        due = rule.when.due(number, seed=seed, rule=rule.id, now=facts.now)
        counted[index] = replace(rule, met=number, struck=rule.struck + due)
        if due:
            return counted[index], tuple(counted)
    return None, tuple(counted)


def tried_by(
    feels: Callable[[Rule], bool], rules: Sequence[Rule], facts: Facts, seed: int
) -> tuple[Rule | None, tuple[Rule, ...]]:
    """As ``tried``, of the rules that can be felt where the call came in."""
    felt = [rule for rule in rules if feels(rule)]
    rule, counted = tried(felt, facts, seed=seed)
    known = {each.id: each for each in counted}
    return rule, tuple(known.get(each.id, each) for each in rules)


def _at(body: Any, path: str) -> Any:
    """Return the value at a dotted *path*, or None: ``recipients.0.cellphone``."""
    for step in path.split("."):
        if isinstance(body, Mapping):
            body = body.get(step)
        elif isinstance(body, list) and step.isdigit() and int(step) < len(body):
            body = body[int(step)]
        else:
            return None
    return body
