"""How many messages of a campaign stand at each status, without looking at each."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from emulator.domain.handset import TRUTHS, Outcome, Script, Truth
from emulator.domain.timeline import Line, Pace

Status = TypeVar("Status")


class Placed(Protocol):
    """What SMS and voice campaigns have in common."""

    @property
    def line(self) -> Line: ...
    @property
    def outcomes(self) -> bytes: ...
    @property
    def pace(self) -> Pace: ...


def counts(
    campaign: Placed,
    script: Callable[[Truth], Script[Status]],
    *,
    waiting: Status,
    now: datetime,
) -> Mapping[Status, int]:
    """Return the statuses there are; *waiting* is that of who has had no turn yet."""
    line, outcomes, patience = campaign.line, campaign.outcomes, campaign.pace.patience
    found: Counter[Status] = Counter({waiting: line.messages - line.reached(now)})
    for outcome in set(outcomes):
        steps = script(TRUTHS[Outcome(outcome)]).steps
        taken = [
            outcomes.count(outcome, 0, line.reached(now - after * patience))
            for after, _ in steps
        ]
        for (_, status), these, further in zip(
            steps, taken, [*taken[1:], 0], strict=True
        ):
            found[status] += these - further
    return +found
