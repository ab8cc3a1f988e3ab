"""``command_status``: an SMPP response with any status."""

import re
from collections.abc import Iterator
from typing import Any, Self

from emulator.domain.command_status import CommandStatus
from emulator.domain.platform_refusals import NOT_IN_LIST
from emulator.domain.refusals import Refusal
from emulator.faults.calls import SmppCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import FaultPlace
from emulator.faults.words import EffectField, is_number

MAX_STATUS = 0xFFFF_FFFF
STATUS_NAME = re.compile("ESME_R[A-Z_]+")
ANSWER_ONLY = "enquire_link"  # whose answer is all that it is


def _is_status(value: Any) -> bool:
    if isinstance(value, str):
        return STATUS_NAME.fullmatch(value) is not None
    return is_number(value) and 0 <= value <= MAX_STATUS and value == int(value)


COMMAND_STATUS = EffectField(
    "command_status",
    f"a number up to {MAX_STATUS} or a name such as ESME_RTHROTTLED",
    {
        "oneOf": [
            {"type": "integer", "minimum": 0, "maximum": MAX_STATUS},
            {"type": "string", "pattern": f"^{STATUS_NAME.pattern}$"},
        ]
    },
    _is_status,
)


class SmppStatus(Effect, frozen=True):
    """An SMPP response has any command_status."""

    status: int

    FIELDS = (COMMAND_STATUS,)
    DESCRIPTION = "over SMPP, any status by its number or its name (ESME_RTHROTTLED)."

    @classmethod
    def from_json(cls, body: Json) -> Self:
        """Refuses a name that the specification does not have."""
        status = COMMAND_STATUS.read_from(body)
        if not isinstance(status, str):
            return cls(int(status))
        if status not in CommandStatus.__members__:
            why = f"{status} is not one of {', '.join(CommandStatus.__members__)}"
            raise Refusal(NOT_IN_LIST, why, field="effect.command_status")
        return cls(int(CommandStatus[status]))

    def to_json(self) -> dict[str, Any]:
        return {"command_status": self.status}

    @classmethod
    def list_examples(cls) -> Iterator[dict[str, Any]]:
        yield {"command_status": CommandStatus.ESME_RTHROTTLED.name}

    @property
    def places(self) -> frozenset[FaultPlace]:
        return frozenset({FaultPlace.SMPP_ANSWER})

    def changes_smpp(self, call: SmppCall) -> bool:
        if not call.can_reach_client:
            return False
        is_known = call.is_carried_out or call.command == ANSWER_ONLY
        return not is_known or call.make_response(self.status) != call.right_response

    async def respond_smpp(self, call: SmppCall) -> bytes | None:
        return call.make_response(self.status)
