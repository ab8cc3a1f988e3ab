"""How long a property is tried: for a moment by `make test`, at length by `make soak`.

Whatever `make test` is spared is spared here, so that `make soak` does all of it.
"""

import os
from typing import Any

from hypothesis import HealthCheck, settings

SOAKING = os.environ.get("SOAK") == "1"  # as `make soak` says
FACTOR = 25  # times as many examples; each run of `make soak` draws others
LONGER = 2  # times as many steps of a story


def examples(count: int = 100, *, steps: int = 50, **others: Any) -> settings:
    """Return what a property is tried with: *count* examples by `make test`.

    They are the same each time.  *steps* are those of a state machine.
    """
    if SOAKING:
        others["suppress_health_check"] = list(HealthCheck)  # it takes its time
    return settings(
        max_examples=count * FACTOR if SOAKING else count,
        stateful_step_count=steps * LONGER if SOAKING else steps,
        derandomize=not SOAKING,
        database=None,
        deadline=None,
        print_blob=True,
        **others,
    )


# A property that says nothing of its own is tried so, too: for no bound on the wall.
settings.register_profile("ours", examples())
settings.load_profile("ours")


def sampled(rows: list[Any], part: int = 100) -> list[Any]:
    """Return a part of long *rows*: both their ends, and some in between."""
    if SOAKING or len(rows) <= 4 * part:
        return rows
    return [*rows[:part], *rows[part : -part : len(rows) // part], *rows[-part:]]
