"""``refusal``: the platform refuses, as if it had a reason to."""

from collections.abc import Iterator
from typing import Any, Self

from emulator.domain import refusals
from emulator.domain.refusals import REASONS
from emulator.faults.calls import A, HttpCall
from emulator.faults.effect import Effect, Json
from emulator.faults.effects.status import STATUS, make_retry_after
from emulator.faults.places import FaultPlace
from emulator.faults.words import RETRY_AFTER, make_choice_field, omit_none

# What only the emulator itself refuses with, and never the platform.
EMULATOR_REASONS = frozenset(
    {
        *(refusals.NO_SUCH_TOKEN, refusals.NO_SUCH_WORLD, refusals.FOREIGN_ORIGIN),
        *(refusals.SECRET_NEEDED, refusals.NO_SUCH_ITEM, refusals.NOT_CHANGEABLE),
        *(refusals.WORLD_FULL, refusals.NO_SUCH_FAULT, refusals.NO_SUCH_MESSAGE),
        *(refusals.NO_SUCH_DELIVERY, refusals.OTHER_NUMBER, refusals.NOT_ARRIVED),
        *(refusals.NOTHING_TO_ANSWER, refusals.NOT_DUE, refusals.UNDER_WAY),
        *(refusals.JOURNAL_DROPPED, refusals.NO_SUCH_EXCHANGE, refusals.NAME_TAKEN),
        *(refusals.WORLD_NEEDED, refusals.WORLDS_FULL, refusals.CLOCK_IN_MOTION),
        *(refusals.NO_SUCH_SESSION, refusals.NO_SUCH_CHECKPOINT),
        *(refusals.CHECKPOINTS_FULL, refusals.SNAPSHOT_TOO_LARGE),
        *(refusals.SNAPSHOT_WRONG, refusals.FIXTURE_WRONG, refusals.TIME_PASSED),
        *(refusals.TIME_TOO_FAR, refusals.TOO_FINE, refusals.NOT_KNOWN),
        refusals.MISDIRECTED,
    }
)
REFUSAL = make_choice_field(
    "refusal",
    [name for name, reason in REASONS.items() if reason not in EMULATOR_REASONS],
    expectation="the name of a documented refusal",
)


class Refuse(Effect, frozen=True):
    """The platform refuses, as if it had a reason to."""

    reason: str  # the name of a documented refusal
    status: int | None = None  # of HTTP, where it is another than the envelope says
    retry_after: int | None = None  # seconds

    FIELDS = (REFUSAL, STATUS, RETRY_AFTER)
    DESCRIPTION = (
        "a documented refusal; with `status` its envelope comes under another status "
        "of HTTP (200: an error body in a success), with `retry_after` under the "
        "header `Retry-After`."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        return cls(
            REFUSAL.read_from(body), STATUS.find_in(body), RETRY_AFTER.find_in(body)
        )

    def to_json(self) -> dict[str, Any]:
        return omit_none(
            {
                "refusal": self.reason,
                "status": self.status,
                "retry_after": self.retry_after,
            }
        )

    @classmethod
    def list_examples(cls) -> Iterator[dict[str, Any]]:
        yield {"refusal": refusals.SERVER_ERROR.name}

    @property
    def places(self) -> frozenset[FaultPlace]:
        return frozenset({FaultPlace.HTTP_REQUEST})

    async def respond_http(self, call: HttpCall[A]) -> A:
        reason, headers = REASONS[self.reason], make_retry_after(self.retry_after)
        return call.make_refusal(reason, status=self.status, headers=headers)
