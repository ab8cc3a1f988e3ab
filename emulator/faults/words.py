"""The words that an effect is asked for with: what each may say, and how it is read."""

import json
from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any

from msgspec import Struct

from emulator.domain.platform_refusals import NOT_IN_LIST, WRONG_FORMAT
from emulator.domain.refusals import Refusal

LONGEST_DELAY = 600  # seconds of the world that an answer is late, or takes
LONGEST_PUSH_DELAY = 604_800  # seconds of the world that a push is late: a week
QUOTED_CHARACTERS = 60  # characters of what was sent


class EffectField(Struct, frozen=True):
    """One word of an effect: ``status`` in ``status=500``."""

    name: str
    expectation: str  # what it may be, as it ends a sentence: status is ...
    schema: Mapping[str, Any]  # the same in JSON Schema
    is_valid: Callable[[Any], bool]
    fits_in_header: bool = True  # it can be said in a header
    is_integer: bool = False  # JSON's 500.0 is a whole number as well

    def read_from(self, body: Mapping[str, Any]) -> Any:
        """Return what *body* says.  Refuses what it may not be."""
        value = body[self.name]
        if not self.is_valid(value):
            reason = NOT_IN_LIST if "enum" in self.schema else WRONG_FORMAT
            pieces = json.JSONEncoder().iterencode(value)  # of what may be huge
            sent = "".join(islice(pieces, QUOTED_CHARACTERS + 1))
            sent = (
                sent
                if len(sent) <= QUOTED_CHARACTERS
                else f"{sent[:QUOTED_CHARACTERS]}..."
            )
            why = f"{self.name} is {self.expectation}, not {sent}"
            raise Refusal(reason, why, field=f"effect.{self.name}")
        return int(value) if self.is_integer else value

    def find_in(self, body: Mapping[str, Any]) -> Any:
        """Return what *body* says, or None."""
        return self.read_from(body) if self.name in body else None


def make_choice_field(
    name: str, values: Iterable[str], expectation: str = ""
) -> EffectField:
    """Return a word that is one of *values*."""
    known = [str(each) for each in values]
    return EffectField(
        name,
        expectation or f"one of {', '.join(known)}",
        {"type": "string", "enum": known},
        lambda value: isinstance(value, str) and value in known,
    )


def make_integer_field(
    name: str, low: int, high: int, *, expectation: str, description: str = ""
) -> EffectField:
    """Return a word that is a whole number."""
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return EffectField(
        name,
        expectation,
        schema | ({"description": description} if description else {}),
        lambda value: is_number(value) and low <= value <= high and value == int(value),
        is_integer=True,
    )


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def omit_none(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return *fields* without what is None."""
    return {name: value for name, value in fields.items() if value is not None}


SECONDS = EffectField(
    "seconds",
    f"a number of seconds up to {LONGEST_DELAY}, and more than 0",
    {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": LONGEST_PUSH_DELAY,
        "description": f"That a drip takes, {LONGEST_DELAY} at most, or a push is late",
    },
    lambda value: is_number(value) and 0 < value <= LONGEST_PUSH_DELAY,
)
RETRY_AFTER = make_integer_field(
    "retry_after",
    0,
    86_400,
    expectation="a number of seconds up to 86400",
    description="Seconds",
)
