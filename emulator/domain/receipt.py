"""Delivery receipts: the final state of a message, as an SMPP client gets it.

Source: SMPP 3.4, appendix B and 5.3.2.35; the variants are those of real centres.
"""

from collections.abc import Mapping
from datetime import datetime, tzinfo
from functools import lru_cache
from typing import NamedTuple

from emulator.domain import dates, dlr
from emulator.domain.access import ReceiptFormat
from emulator.domain.coding import to_ascii
from emulator.domain.smpp import (
    RECEIPT_BITS,
    MessageState,
    SmppAddress,
    Submission,
    compute_message_state,
)
from emulator.domain.sms import SmsCampaign

STATE_WORDS: Mapping[MessageState, str] = {
    MessageState.ENROUTE: "ENROUTE",
    MessageState.DELIVERED: "DELIVRD",
    MessageState.EXPIRED: "EXPIRED",
    MessageState.DELETED: "DELETED",
    MessageState.UNDELIVERABLE: "UNDELIV",
    MessageState.ACCEPTED: "ACCEPTD",
    MessageState.UNKNOWN: "UNKNOWN",
    MessageState.REJECTED: "REJECTD",
}
# Three digits of the network's; source: assumption SMP-06, as the manual has none.
ERROR_CODES: Mapping[MessageState, int] = {MessageState.UNDELIVERABLE: 1}
GSM_NETWORK = 3  # source: SMPP 3.4, 5.3.2.31
QUOTED_TEXT_LENGTH = 20  # characters of the text
ID_FORMATS: Mapping[str, str] = {"decimal": "{}", "hex": "{:X}", "padded": "{:010}"}
DATE_FORMATS: Mapping[str, str] = {"minutes": "%y%m%d%H%M", "seconds": "%y%m%d%H%M%S"}
_STATE_TEXTS: Mapping[
    MessageState, tuple[str, str]
] = {  # what depends on the state alone
    each: (
        f"{each is MessageState.DELIVERED:03d}",
        f"stat:{word} err:{ERROR_CODES.get(each, 0):03d}",
    )
    for each, word in STATE_WORDS.items()
}
TEXT_FORMATS: Mapping[str, str] = {"text": " text:{}", "Text": " Text:{}", "none": ""}


class Receipt(NamedTuple):
    """The final state of one message, for the client that submitted it."""

    message: int  # the id that was answered
    state: MessageState
    source: SmppAddress  # whom it was for
    destination: SmppAddress  # who sent it
    service_type: str
    submitted_at: datetime
    done_at: datetime
    text: str
    reference: int | None = None  # the client's own


def make_receipt(
    campaign: SmsCampaign, submission: Submission, index: int, now: datetime
) -> Receipt:
    """Return the receipt of message *index*, as it stands at *now*."""
    return Receipt(
        submission.message,
        compute_message_state(campaign, index, now),
        submission.destinations[index],
        submission.source,
        submission.service_type,
        campaign.created_at,
        min(dlr.compute_final_time(campaign, index) or now, now),
        campaign.template.text,
        submission.reference,
    )


def find_next_receipt(
    campaign: SmsCampaign, submission: Submission
) -> tuple[int, datetime] | None:
    """Return which message is final next, and when; None where no receipt is wanted.

    Never before the client has been answered: it could not tell what this is about.
    """
    if (
        not submission.registered & RECEIPT_BITS
        or submission.told >= campaign.line.messages
    ):
        return None
    if campaign.line.messages == 1:
        at = dlr.compute_final_time(campaign, 0)
        return None if at is None else (0, max(at, submission.answered_at or at))
    finals = [
        dlr.compute_final_time(campaign, index)
        for index in range(campaign.line.messages)
    ]
    known = sorted((at, index) for index, at in enumerate(finals) if at is not None)
    if submission.told >= len(known):
        return None
    at, index = known[submission.told]
    answered_at = submission.answered_at
    return index, at if answered_at is None else max(at, answered_at)


def format_receipt_id(message: int, form: ReceiptFormat) -> str:
    """Return an id as receipts write it; answers have it in decimal."""
    return ID_FORMATS[form.ids].format(message)


def render_receipt_text(receipt: Receipt, form: ReceiptFormat, zone: tzinfo) -> str:
    """Return the text of the receipt, in ASCII whatever the coding of the message.

    ``id:97569696 sub:001 dlvrd:001 submit date:2603021200 done date:2603021200
    stat:DELIVRD err:000 text:hola``
    """
    if form.tlvs == "only":
        return ""
    date = DATE_FORMATS[form.dates]
    submitted = _format_receipt_date(
        dates.to_epoch_second(receipt.submitted_at), zone, date
    )
    done = _format_receipt_date(dates.to_epoch_second(receipt.done_at), zone, date)
    delivered, end = _STATE_TEXTS[receipt.state]
    return (
        f"id:{format_receipt_id(receipt.message, form)} sub:001 dlvrd:{delivered} "
        f"submit date:{submitted} done date:{done} {end}"
        + TEXT_FORMATS[form.text].format(to_ascii(receipt.text[:QUOTED_TEXT_LENGTH]))
    )


@lru_cache(maxsize=1024)
def _format_receipt_date(second: int, zone: tzinfo, form: str) -> str:
    return dates.from_epoch_second(second).astimezone(zone).strftime(form)


def make_receipt_tlvs(receipt: Receipt, form: ReceiptFormat) -> dict[str, bytes]:
    """Return the content of the receipt as optional parameters, by name."""
    found = {}
    if form.tlvs != "without":
        found["RECEIPTED_MESSAGE_ID"] = (
            format_receipt_id(receipt.message, form).encode() + b"\0"
        )
        found["MESSAGE_STATE"] = bytes((receipt.state,))
        if error := ERROR_CODES.get(receipt.state):
            found["NETWORK_ERROR_CODE"] = bytes((GSM_NETWORK,)) + error.to_bytes(
                2, "big"
            )
    if receipt.reference is not None:
        found["USER_MESSAGE_REFERENCE"] = receipt.reference.to_bytes(2, "big")
    return found
