"""What the journal keeps of SMPP, as a reader sees it: a PDU in the place of a body."""

from emulator.domain.coding import Alphabet
from emulator.journal import Body, Exchange
from emulator.operations.call import Row

ASKERS = frozenset({"ESME", "SMSC"})  # the client, or the centre


def is_pdu(exchange: Exchange) -> bool:
    return exchange.method in ASKERS


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
