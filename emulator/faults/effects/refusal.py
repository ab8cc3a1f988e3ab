"""``refusal``: the platform refuses, as if it had a reason to."""

from collections.abc import Iterator
from typing import Any, Self

from emulator.domain import platform_refusals
from emulator.domain.refusal_catalog import PLATFORM_REASONS, REASONS
from emulator.faults.calls import A, HttpCall
from emulator.faults.effect import Effect, Json
from emulator.faults.effects.status import STATUS, make_retry_after
from emulator.faults.places import FaultPlace
from emulator.faults.words import RETRY_AFTER, make_choice_field, omit_none

REFUSAL = make_choice_field(
    "refusal",
    list(PLATFORM_REASONS),
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
        yield {"refusal": platform_refusals.SERVER_ERROR.name}

    @property
    def places(self) -> frozenset[FaultPlace]:
        return frozenset({FaultPlace.HTTP_REQUEST})

    async def respond_http(self, call: HttpCall[A]) -> A:
        reason, headers = REASONS[self.reason], make_retry_after(self.retry_after)
        return call.make_refusal(reason, status=self.status, headers=headers)
