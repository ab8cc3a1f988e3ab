"""``command_status``: SMPP says no, with any status."""

import re
from collections.abc import Iterator
from typing import Any, Self

from emulator.domain.command_status import Status
from emulator.domain.refusals import NOT_IN_LIST, Refusal
from emulator.faults.calls import SmppCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import Place
from emulator.faults.words import Word, is_number

MOST = 0xFFFF_FFFF
NAME = re.compile("ESME_R[A-Z_]+")
WITHOUT_WORK = "enquire_link"  # whose answer is all that it is


def _is_status(value: Any) -> bool:
    if isinstance(value, str):
        return NAME.fullmatch(value) is not None
    return is_number(value) and 0 <= value <= MOST and value == int(value)


COMMAND_STATUS = Word(
    "command_status",
    f"a number up to {MOST} or a name such as ESME_RTHROTTLED",
    {
        "oneOf": [
            {"type": "integer", "minimum": 0, "maximum": MOST},
            {"type": "string", "pattern": f"^{NAME.pattern}$"},
        ]
    },
    _is_status,
)


class SmppStatus(Effect, frozen=True):
    """SMPP says no, with any command_status."""

    status: int

    WORDS = (COMMAND_STATUS,)
    SAYS = "over SMPP, any status by its number or its name (ESME_RTHROTTLED)."

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Refuses a name that the specification does not have."""
        status = COMMAND_STATUS.read(body)
        if not isinstance(status, str):
            return cls(int(status))
        if status not in Status.__members__:
            why = f"{status} is not one of {', '.join(Status.__members__)}"
            raise Refusal(NOT_IN_LIST, why, field="effect.command_status")
        return cls(int(Status[status]))

    def to_json(self) -> dict[str, Any]:
        return {"command_status": self.status}

    @classmethod
    def examples(cls) -> Iterator[dict[str, Any]]:
        yield {"command_status": Status.ESME_RTHROTTLED.name}

    @property
    def places(self) -> frozenset[Place]:
        return frozenset({Place.SMPP_ANSWER})

    def changes_smpp(self, call: SmppCall) -> bool:
        if not call.is_heard:
            return False
        is_known = call.is_carried_out or call.command == WITHOUT_WORK
        return not is_known or call.reply(self.status) != call.answer

    async def answer_smpp(self, call: SmppCall) -> bytes | None:
        return call.reply(self.status)
