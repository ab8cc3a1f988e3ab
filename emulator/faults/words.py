"""The words that an effect is asked for with: what each may say, and how it is read."""

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from msgspec import Struct

from emulator.domain.refusals import NOT_IN_LIST, WRONG_FORMAT, Refusal

LONGEST = 600  # seconds of the world that an answer is late, or takes
LONGEST_PUSH = 604_800  # seconds of the world that a push is late: a week
SHOWN = 60  # characters of what was sent


class Word(Struct, frozen=True):
    """One word of an effect: ``status`` in ``status=500``."""

    name: str
    says: str  # what it may be, as it ends a sentence: status is ...
    schema: Mapping[str, Any]  # the same in JSON Schema
    fits: Callable[[Any], bool]
    is_line: bool = True  # it can be said in a header
    is_whole: bool = False  # JSON's 500.0 is a whole number as well

    def read(self, body: Mapping[str, Any]) -> Any:
        """Return what *body* says.  Refuses what it may not be."""
        value = body[self.name]
        if not self.fits(value):
            reason = NOT_IN_LIST if "enum" in self.schema else WRONG_FORMAT
            sent = json.dumps(value)
            sent = sent if len(sent) <= SHOWN else f"{sent[:SHOWN]}..."
            why = f"{self.name} is {self.says}, not {sent}"
            raise Refusal(reason, why, field=f"effect.{self.name}")
        return int(value) if self.is_whole else value

    def find(self, body: Mapping[str, Any]) -> Any:
        """Return what *body* says, or None."""
        return self.read(body) if self.name in body else None


def choice(name: str, values: Iterable[str], says: str = "") -> Word:
    """Return a word that is one of *values*."""
    known = [str(each) for each in values]
    return Word(
        name,
        says or f"one of {', '.join(known)}",
        {"type": "string", "enum": known},
        lambda value: isinstance(value, str) and value in known,
    )


def whole(name: str, low: int, high: int, *, says: str, description: str = "") -> Word:
    """Return a word that is a whole number."""
    schema = {"type": "integer", "minimum": low, "maximum": high}
    return Word(
        name,
        says,
        schema | ({"description": description} if description else {}),
        lambda value: is_number(value) and low <= value <= high and value == int(value),
        is_whole=True,
    )


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def stated(said: Mapping[str, Any]) -> dict[str, Any]:
    """Return *said* without what is None."""
    return {name: value for name, value in said.items() if value is not None}


SECONDS = Word(
    "seconds",
    f"a number of seconds up to {LONGEST}, and more than 0",
    {
        "type": "number",
        "exclusiveMinimum": 0,
        "maximum": LONGEST_PUSH,
        "description": f"That a drip takes, {LONGEST} at most, or a push is late",
    },
    lambda value: is_number(value) and 0 < value <= LONGEST_PUSH,
)
RETRY_AFTER = whole(
    "retry_after",
    0,
    86_400,
    says="a number of seconds up to 86400",
    description="Seconds",
)
