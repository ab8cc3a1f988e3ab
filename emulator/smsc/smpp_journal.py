"""Record a PDU and its response in the journal, as octets that are decoded later."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from emulator.domain.coding import Alphabet
from emulator.smpp.bodies import RESPONSE_BIT, CommandId
from emulator.smpp.pdu import MIN_PDU_LENGTH, PDU_HEADER
from emulator.world import World
from emulator.world.journal import (
    EXCHANGE_OVERHEAD,
    LARGEST_WHOLE_BODY,
    CellphoneNumbers,
    shorten_body,
)

ESME, SMSC = "ESME", "SMSC"  # who asked, where HTTP has a method
COMMAND_NAMES = {
    int(each): each.name.lower() for each in CommandId if not each & RESPONSE_BIT
}
UNKNOWN_COMMAND = "unknown"


class PduExchange(Struct, frozen=True, gc=False):
    """One request PDU with its response, and what is known of the two."""

    at: datetime
    path: str  # /demo/3: the system_id and the number of the session
    request: bytes
    response: bytes  # empty where there was none
    duration: float = 0  # seconds of the wall
    requester: str = ESME
    operation: str = ""  # where the command does not say it
    why: str = ""
    fault: str = ""
    numbers: CellphoneNumbers = ()
    notes: Sequence[str] = ()
    coding: Alphabet = Alphabet.GSM  # of data_coding 0


def record_pdu_exchange(world: World, exchange: PduExchange) -> tuple[str, int]:
    """Record an exchange in the journal of the world; return its command and status.

    Every request waits for this, so what can be left for who reads it is left.
    """
    request, answer = exchange.request, exchange.response
    operation, status = exchange.operation, 0
    if not operation:
        operation = COMMAND_NAMES.get(
            int.from_bytes(request[4:8], "big"), UNKNOWN_COMMAND
        )
    if len(answer) >= MIN_PDU_LENGTH:
        status = PDU_HEADER.unpack_from(answer)[2]
    octets = (
        len(request)
        + len(answer)
        + len(exchange.path)
        + 2 * len(exchange.why)
        + EXCHANGE_OVERHEAD
    )
    journal = world.journal
    journal.record(
        (
            journal.last + 1,
            exchange.at,
            operation,
            exchange.requester,
            exchange.path,
            b"",
            b"",
            request if len(request) <= LARGEST_WHOLE_BODY else shorten_body(request),
            status,
            exchange.coding.encode(),
            (),
            answer,
            exchange.notes,
            exchange.why,
            (),
            exchange.fault,
            exchange.duration,
            exchange.numbers,
            octets,
        )
    )
    return operation, status
