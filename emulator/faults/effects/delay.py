"""``delay``: the right answer, late."""

from collections.abc import Iterator
from datetime import timedelta
from math import cos, exp, log, pi, sqrt
from typing import Any, Self

from msgspec import Struct

from emulator.domain.chance import draw_fraction
from emulator.domain.platform_refusals import WRONG_FORMAT
from emulator.domain.refusals import Refusal
from emulator.faults.calls import A, HttpCall, ReceiptCall, SmppCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import FaultPlace
from emulator.faults.words import LONGEST_DELAY, EffectField, is_number

PAIR = 2
SMALLEST_DRAW = 2**-64  # the smallest draw but 0, whose logarithm is infinite
MAX_SIGMA = 10  # sigma
SECONDS_SCHEMA = {"type": "number", "minimum": 0, "maximum": LONGEST_DELAY}


def _is_delay(value: Any) -> bool:
    if not isinstance(value, dict):
        return _is_seconds(value)
    if value.keys() == {"uniform"}:
        bounds = value["uniform"]
        is_pair = isinstance(bounds, list) and len(bounds) == PAIR
        return is_pair and all(map(_is_seconds, bounds))
    lognormal = value.get("lognormal")
    return (
        value.keys() == {"lognormal"}
        and isinstance(lognormal, dict)
        and lognormal.keys() == {"median", "sigma"}
        and _is_seconds(lognormal["median"])
        and is_number(lognormal["sigma"])
        and 0 <= lognormal["sigma"] <= MAX_SIGMA
    )


def _is_seconds(value: Any) -> bool:
    return is_number(value) and 0 <= value <= LONGEST_DELAY


def _make_object_schema(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "required": [*properties],
        "additionalProperties": False,
        "properties": properties,
    }


DELAY = EffectField(
    "delay",
    f"a number of seconds up to {LONGEST_DELAY} (in JSON also "
    '{"uniform": [1, 5]} or {"lognormal": {"median": 1, "sigma": 0.5}})',
    {
        "oneOf": [
            SECONDS_SCHEMA,
            _make_object_schema(
                uniform={
                    "type": "array",
                    "minItems": PAIR,
                    "maxItems": PAIR,
                    "items": SECONDS_SCHEMA,
                }
            ),
            _make_object_schema(
                lognormal=_make_object_schema(
                    median=SECONDS_SCHEMA,
                    sigma={
                        "type": "number",
                        "minimum": 0,
                        "maximum": MAX_SIGMA,
                        "description": "Of the logarithm",
                    },
                )
            ),
        ]
    },
    _is_delay,
)


class UniformDelay(Struct, frozen=True):
    low: float  # seconds
    high: float

    def to_seconds(self, chance: float, _other: float) -> float:
        return self.low + (self.high - self.low) * chance


class LognormalDelay(Struct, frozen=True):
    median: float  # seconds
    sigma: float  # of the logarithm

    def to_seconds(self, chance: float, other: float) -> float:
        """Return the seconds that two draws mean, by Box and Muller."""
        normal = sqrt(-2 * log(max(chance, SMALLEST_DRAW))) * cos(2 * pi * other)
        return self.median * exp(self.sigma * normal)


class Delay(Effect, frozen=True):
    """The answer is right, and late by so many seconds of the world."""

    seconds: float | UniformDelay | LognormalDelay

    FIELDS = (DELAY,)
    DESCRIPTION = (
        "the right answer, late by seconds of the world's clock: fixed, or drawn from "
        "the world's seed, the rule's id and the number of the call. It is "
        f"{LONGEST_DELAY} seconds at most. A client that hangs up while a `before` "
        "delay lasts has asked for nothing; while an `after` delay lasts, the "
        "operation stands. A receipt (deliver_sm) is late, too."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        seconds = DELAY.read_from(body)
        if not isinstance(seconds, dict):
            return cls(seconds)
        if "lognormal" in seconds:
            return cls(LognormalDelay(**seconds["lognormal"]))
        low, high = seconds["uniform"]
        if low > high:
            why = f"send the shorter delay first: {low} is more than {high}"
            raise Refusal(WRONG_FORMAT, why, field="effect.delay.uniform")
        return cls(UniformDelay(low, high))

    def to_json(self) -> dict[str, Any]:
        seconds = self.seconds
        if isinstance(seconds, UniformDelay):
            return {"delay": {"uniform": [seconds.low, seconds.high]}}
        if isinstance(seconds, LognormalDelay):
            lognormal = {"median": seconds.median, "sigma": seconds.sigma}
            return {"delay": {"lognormal": lognormal}}
        return {"delay": seconds}

    @classmethod
    def list_examples(cls) -> Iterator[dict[str, Any]]:
        yield {"delay": 5}

    @property
    def places(self) -> frozenset[FaultPlace]:
        return frozenset(
            {FaultPlace.HTTP_REQUEST, FaultPlace.SMPP_ANSWER, FaultPlace.RECEIPT}
        )

    def draw_delay(self, seed: int, rule: str, number: int) -> timedelta:
        """Return how late the call is that was met as *number*."""
        seconds = self.seconds
        if isinstance(seconds, UniformDelay | LognormalDelay):
            first = draw_fraction(seed, f"delay {rule}", number)
            seconds = seconds.to_seconds(
                first, draw_fraction(seed, f"delay again {rule}", number)
            )
        return timedelta(seconds=min(seconds, LONGEST_DELAY))

    async def respond_http(self, call: HttpCall[A]) -> A:
        async with call.delay_response(
            self.draw_delay(call.seed, call.rule_id, call.call_number)
        ):
            return await call.carry_out()

    async def respond_smpp(self, call: SmppCall) -> bytes | None:
        await call.delay_response(
            self.draw_delay(call.seed, call.rule_id, call.call_number)
        )
        return None

    def deliver_receipt(self, call: ReceiptCall) -> None:
        call.delay_receipt(self.draw_delay(call.seed, call.rule_id, call.call_number))
