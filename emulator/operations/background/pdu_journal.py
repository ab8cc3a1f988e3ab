"""What the journal keeps of SMPP, as a reader sees it: a PDU in the place of a body."""

from datetime import datetime

from emulator.domain.coding import Alphabet
from emulator.domain.delivery import Delivery
from emulator.world.journal import OVERHEAD, Body, Exchange, Journal
from emulator.operations.call import Row

CENTRE = "SMSC"
ASKERS = frozenset({"ESME", CENTRE})  # the client, or the centre


def is_pdu(exchange: Exchange) -> bool:
    return exchange.method in ASKERS


def record_without(
    journal: Journal, at: datetime, operation: str, receipt: Delivery, why: str
) -> None:
    """Record what the centre did with a receipt without a PDU."""
    path = "/" + receipt.url.partition(":")[2]  # the system_id
    exchange = Exchange(
        number=journal.last + 1,
        at=at,
        operation=operation,
        method=CENTRE,
        path=path,
        query=b"",
        request_headers=b"",
        request=b"",
        status=0,
        content_type=Alphabet.GSM.encode(),
        answer_headers=(),
        answer=b"",
        notes=(),
        why=why,
        refusal=(),
        fault="",
        duration=0,
        numbers=(receipt.number,),
        octets=len(path) + 2 * len(why) + OVERHEAD,
    )
    journal.record(tuple(exchange))


def text(exchange: Exchange) -> str:
    """Return the text of the message that a PDU carries; empty for none."""
    from emulator.smpp.shown import text as said  # noqa: PLC0415 - who has a PDU pays

    coding = Alphabet(exchange.content_type.decode())
    return said(octets(exchange.request), coding)


def half(body: Body, text: str) -> Row:
    """Return one side of an exchange."""
    from emulator.smpp.shown import facts  # noqa: PLC0415 - who has a PDU pays

    whole = octets(body)
    return {
        "headers": {},
        "body": text,
        "octets": len(whole) if isinstance(body, bytes) else body.octets,
        "hex": whole.hex(),
        "pdu": facts(whole) if whole else {},
    }


def octets(body: Body) -> bytes:
    return body if isinstance(body, bytes) else body.head
