"""SMPP in the journal, for its readers: a PDU in the place of a body."""

from datetime import datetime

from emulator.domain.coding import Alphabet
from emulator.domain.delivery import Delivery
from emulator.operations.call import Row
from emulator.world.journal import EXCHANGE_OVERHEAD, Exchange, Journal, JournalBody

SMSC_METHOD = "SMSC"
PDU_METHODS = frozenset({"ESME", SMSC_METHOD})  # the client, or the server


def is_pdu(exchange: Exchange) -> bool:
    return exchange.method in PDU_METHODS


def record_without_pdu(
    journal: Journal, at: datetime, operation: str, receipt: Delivery, why: str
) -> None:
    """Record an event of a receipt that sent no PDU."""
    path = "/" + receipt.url.partition(":")[2]  # the system_id
    exchange = Exchange(
        number=journal.last + 1,
        at=at,
        operation=operation,
        method=SMSC_METHOD,
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
        octets=len(path) + 2 * len(why) + EXCHANGE_OVERHEAD,
    )
    journal.record(tuple(exchange))


def decode_pdu_text(exchange: Exchange) -> str:
    """Return the text of the message that a PDU carries; empty for none."""
    from emulator.smpp.shown import extract_pdu_text  # noqa: PLC0415 - who has a PDU pays

    coding = Alphabet(exchange.content_type.decode())
    return extract_pdu_text(octets_of(exchange.request), coding)


def describe_pdu_side(body: JournalBody, text: str) -> Row:
    """Return one side of an exchange."""
    from emulator.smpp.shown import describe_pdu_octets  # noqa: PLC0415 - who has a PDU pays

    whole = octets_of(body)
    return {
        "headers": {},
        "body": text,
        "octets": len(whole) if isinstance(body, bytes) else body.octets,
        "hex": whole.hex(),
        "pdu": describe_pdu_octets(whole) if whole else {},
    }


def octets_of(body: JournalBody) -> bytes:
    return body if isinstance(body, bytes) else body.head
