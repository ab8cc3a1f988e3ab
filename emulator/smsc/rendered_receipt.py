"""A receipt as it is written for one session: its deliver_sm."""

from emulator.domain import receipt as receipts
from emulator.domain.access import ReceiptFormat
from emulator.domain.receipt import Receipt
from emulator.smpp.bodies import MessageBody, TlvTag
from emulator.smpp.pdu import Tlv
from emulator.smpp.session import SMPP_VERSION

ESM_CLASS_RECEIPT = 0x04  # esm_class; source: SMPP 3.4, 5.2.12
TAG_NUMBERS = {each.name: int(each) for each in TlvTag}


class RenderedReceipt:
    """One receipt as it is written for one session."""

    __slots__ = ("_text", "form", "receipt")

    def __init__(self, receipt: Receipt, form: ReceiptFormat, text: str | None) -> None:
        self.receipt = receipt
        self.form = form
        self._text = text

    def make_body(self) -> MessageBody:
        """Source: SMPP 3.4, appendix B: addresses change places."""
        receipt = self.receipt
        return MessageBody(
            receipt.service_type.encode("latin-1"),
            *receipt.source,
            *receipt.destination,
            ESM_CLASS_RECEIPT,
            0,
            0,
            b"",
            b"",
            0,
            0,
            0,
            0,
            (self._text or "").encode("ascii", "replace"),
        )

    def make_tlvs(self, version: int) -> tuple[Tlv, ...]:
        """Return the parameters, of which an older client knows none."""
        if version < SMPP_VERSION:
            return ()
        found = receipts.make_receipt_tlvs(self.receipt, self.form)
        return tuple([(TAG_NUMBERS[name], value) for name, value in found.items()])
