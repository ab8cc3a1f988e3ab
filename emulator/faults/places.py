"""Where a fault can be felt, and when: the places, the phases, and their operations.

An operation is called by its operationId over HTTP, by its command over SMPP.  What the
platform's contract lists is not known here: a name that no other place has is HTTP's.
"""

from collections.abc import Mapping
from enum import StrEnum

from emulator.domain.delivery import DeliveryKind
from emulator.smpp.bodies import CommandId
from emulator.smpp.session import CLIENT_COMMANDS

ANY_OPERATION = "*"  # as an operation


class FaultPlace(StrEnum):
    """Where a fault can be felt."""

    HTTP_REQUEST = "http_request"  # a request to the platform, and its answer
    SMPP_ANSWER = "smpp_answer"  # to a command of a client
    RECEIPT = "receipt"  # a deliver_sm of ours
    PUSH = "push"  # a request of ours to a customer's server


class FaultPhase(StrEnum):
    """When a rule is tried."""

    BEFORE = "before"  # the shape is accepted, the operation not yet carried out
    AFTER = "after"  # the operation succeeded, and stands
    PUSH = "push"  # something is about to leave
    EARLY = "early"  # a handset will answer what was sent just now


RECEIPT_OPERATION = CommandId.DELIVER_SM.name.lower()
SMPP_COMMANDS = tuple(
    each.name.lower() for each in sorted(map(CommandId, CLIENT_COMMANDS))
)  # that a client of SMPP asks for
PUSH_OPERATIONS = tuple(
    str(each) for each in DeliveryKind if each is not DeliveryKind.RECEIPT
)

# The operations of a place, but for those of HTTP, which the contract lists.
OPERATIONS_BY_PLACE: Mapping[FaultPlace, tuple[str, ...]] = {
    FaultPlace.SMPP_ANSWER: SMPP_COMMANDS,
    FaultPlace.RECEIPT: (RECEIPT_OPERATION,),
    FaultPlace.PUSH: PUSH_OPERATIONS,
}
# What a place is called in a sentence.
PLACE_NAMES: Mapping[FaultPlace, str] = {
    FaultPlace.HTTP_REQUEST: "a request over HTTP",
    FaultPlace.SMPP_ANSWER: "a command of SMPP",
    FaultPlace.RECEIPT: "a receipt",
    FaultPlace.PUSH: "a push",
}
# What a rule can look at, of what not every place has.
FILTERS_BY_PLACE: Mapping[FaultPlace, frozenset[str]] = {
    FaultPlace.HTTP_REQUEST: frozenset({"token", "headers"}),
    FaultPlace.SMPP_ANSWER: frozenset({"token"}),  # the system_id
    FaultPlace.RECEIPT: frozenset({"token"}),
    FaultPlace.PUSH: frozenset(),
}


def place_of(operation: str) -> FaultPlace:
    """Return where *operation*, which is not ``*``, takes place."""
    return _PLACE_BY_OPERATION.get(operation, FaultPlace.HTTP_REQUEST)


_PLACE_BY_OPERATION = {
    name: place for place, names in OPERATIONS_BY_PLACE.items() for name in names
}
