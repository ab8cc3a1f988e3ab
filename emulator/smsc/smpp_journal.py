"""What the journal keeps of a PDU and its answer: their octets, read when asked for."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import Struct

from emulator.domain.coding import Alphabet
from emulator.world.journal import OVERHEAD, WHOLE, Numbers, kept
from emulator.smpp.bodies import REPLY, Command
from emulator.smpp.pdu import HEADER, SHORTEST
from emulator.world import World

CLIENT, CENTRE = "ESME", "SMSC"  # who asked, where HTTP has a method
NAMES = {int(each): each.name.lower() for each in Command if not each & REPLY}
UNKNOWN = "unknown"


class Told(Struct, frozen=True, gc=False):
    """One PDU that asks, what was answered, and all that is known of the two."""

    at: datetime
    path: str  # /demo/3: the system_id and the number of the session
    request: bytes
    answer: bytes  # empty where there was none
    duration: float = 0  # seconds of the wall
    asker: str = CLIENT
    operation: str = ""  # where the command does not say it
    why: str = ""
    fault: str = ""
    numbers: Numbers = ()
    notes: Sequence[str] = ()
    coding: Alphabet = Alphabet.GSM  # of data_coding 0


def keep(world: World, told: Told) -> tuple[str, int]:
    """Keep an exchange in the journal of the world; return what it was and its status.

    Every request waits for this, so what can be left for who reads it is left.
    """
    request, answer = told.request, told.answer
    operation, status = told.operation, 0
    if not operation:
        operation = NAMES.get(int.from_bytes(request[4:8], "big"), UNKNOWN)
    if len(answer) >= SHORTEST:
        status = HEADER.unpack_from(answer)[2]
    octets = len(request) + len(answer) + len(told.path) + 2 * len(told.why) + OVERHEAD
    journal = world.journal
    journal.record(
        (
            journal.last + 1,
            told.at,
            operation,
            told.asker,
            told.path,
            b"",
            b"",
            request if len(request) <= WHOLE else kept(request),
            status,
            told.coding.encode(),
            (),
            answer,
            told.notes,
            told.why,
            (),
            told.fault,
            told.duration,
            told.numbers,
            octets,
        )
    )
    return operation, status
