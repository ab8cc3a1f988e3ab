"""How many messages of a campaign stand at each status, without looking at each."""

from collections import Counter
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Protocol, TypeVar

from emulator.domain.handset import BEHAVIOURS, HandsetBehaviour, Outcome, StatusScript
from emulator.domain.timeline import Pace, SendSchedule

StatusT = TypeVar("StatusT")


class PhoneCampaign(Protocol):
    """What SMS and voice campaigns have in common."""

    @property
    def line(self) -> SendSchedule: ...
    @property
    def outcomes(self) -> bytes: ...
    @property
    def pace(self) -> Pace: ...


def count_by_status(
    campaign: PhoneCampaign,
    script: Callable[[HandsetBehaviour], StatusScript[StatusT]],
    *,
    waiting: StatusT,
    now: datetime,
) -> Mapping[StatusT, int]:
    """Return the statuses there are; *waiting* is that of who has had no turn yet."""
    line, outcomes, retry_scale = (
        campaign.line,
        campaign.outcomes,
        campaign.pace.retry_scale,
    )
    found: Counter[StatusT] = Counter({waiting: line.messages - line.count_due(now)})
    for outcome in set(outcomes):
        steps = script(BEHAVIOURS[Outcome(outcome)]).steps
        taken = [
            outcomes.count(outcome, 0, line.count_due(now - after * retry_scale))
            for after, _ in steps
        ]
        for (_, status), these, further in zip(
            steps, taken, [*taken[1:], 0], strict=True
        ):
            found[status] += these - further
    return +found
