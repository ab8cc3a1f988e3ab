"""Where a fault can be felt, and when: the places, the phases, and their operations.

An operation is called by its operationId over HTTP, by its command over SMPP.  What the
platform's contract lists is not known here: a name that no other place has is HTTP's.
"""

from collections.abc import Mapping
from enum import StrEnum

from emulator.domain.delivery import Kind
from emulator.smpp.bodies import Command
from emulator.smpp.session import REQUESTS

ANY = "*"  # as an operation


class Place(StrEnum):
    """Where a fault can be felt."""

    HTTP_REQUEST = "http_request"  # a request to the platform, and its answer
    SMPP_ANSWER = "smpp_answer"  # to a command of a client
    RECEIPT = "receipt"  # a deliver_sm of ours
    PUSH = "push"  # a request of ours to a customer's server


class Phase(StrEnum):
    """When a rule is tried."""

    BEFORE = "before"  # the shape is accepted, the operation not yet carried out
    AFTER = "after"  # the operation succeeded, and stands
    PUSH = "push"  # something is about to leave
    EARLY = "early"  # a handset will answer what was sent just now


RECEIPT = Command.DELIVER_SM.name.lower()
COMMANDS = tuple(
    each.name.lower() for each in sorted(map(Command, REQUESTS))
)  # that a client of SMPP asks for
WEBHOOKS = tuple(str(each) for each in Kind if each is not Kind.RECEIPT)

# The operations of a place, but for those of HTTP, which the contract lists.
OPERATIONS: Mapping[Place, tuple[str, ...]] = {
    Place.SMPP_ANSWER: COMMANDS,
    Place.RECEIPT: (RECEIPT,),
    Place.PUSH: WEBHOOKS,
}
# What a place is called in a sentence.
SPOKEN: Mapping[Place, str] = {
    Place.HTTP_REQUEST: "a request over HTTP",
    Place.SMPP_ANSWER: "a command of SMPP",
    Place.RECEIPT: "a receipt",
    Place.PUSH: "a push",
}
# What a rule can look at, of what not every place has.
LOOKED_AT: Mapping[Place, frozenset[str]] = {
    Place.HTTP_REQUEST: frozenset({"token", "headers"}),
    Place.SMPP_ANSWER: frozenset({"token"}),  # the system_id
    Place.RECEIPT: frozenset({"token"}),
    Place.PUSH: frozenset(),
}


def place_of(operation: str) -> Place:
    """Return where *operation*, which is not ``*``, takes place."""
    return _PLACES.get(operation, Place.HTTP_REQUEST)


_PLACES = {name: place for place, names in OPERATIONS.items() for name in names}
