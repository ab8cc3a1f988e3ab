"""``pdu``: what goes out over SMPP goes out otherwise than it should."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Self

from emulator.domain.access import Form
from emulator.domain.chance import digest
from emulator.domain.command_status import Status
from emulator.domain.receipt import Receipt
from emulator.domain.smpp import MessageState
from emulator.faults.calls import ReceiptCall, SmppCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import Phase, Place
from emulator.faults.words import choice
from emulator.smpp.pdu import WORD, nack

WRONG = 0x5555_5555  # what a sequence_number is spoilt with
EXCESS = 16  # octets that a wrong length announces and nobody sends
RUBBISH = 4  # times eight octets
WRONG_ID = 1_000_000  # what is added to an id that is to be wrong
PLACING = frozenset({"submit_sm", "submit_multi", "data_sm"})  # what has receipts


class PduMutation(StrEnum):
    """What becomes of a PDU that goes out over SMPP."""

    WRONG_SEQUENCE = "wrong_sequence"
    DOUBLED = "doubled"
    SWAPPED = "swapped"  # with the next one
    NACK = "nack"  # a generic_nack in its place
    WRONG_LENGTH = "wrong_length"
    GARBAGE = "garbage"  # in its place
    THEN_CLOSE = "then_close"
    THEN_RESET = "then_reset"
    THEN_UNBIND = "then_unbind"
    EARLY_RECEIPT = "early_receipt"  # before it
    WRONG_ID = "wrong_id"  # of a receipt, as what follows
    UNKNOWN_STATE = "unknown_state"
    NO_TLVS = "no_tlvs"


WRITTEN = frozenset(  # otherwise, in a receipt
    {PduMutation.WRONG_ID, PduMutation.UNKNOWN_STATE, PduMutation.NO_TLVS}
)
ENDING = frozenset({PduMutation.THEN_CLOSE, PduMutation.THEN_RESET})
OF_RECEIPTS = WRITTEN | {PduMutation.DOUBLED, PduMutation.SWAPPED}
PLACES = {
    Place.SMPP_ANSWER: frozenset(PduMutation) - WRITTEN,
    Place.RECEIPT: OF_RECEIPTS,
}
PDU = choice("pdu", PduMutation)


class PduFault(Effect, frozen=True):
    """A PDU of SMPP goes out otherwise than it should."""

    mutation: PduMutation

    WORDS = (PDU,)
    SAYS = (
        "over SMPP, the right answer goes out otherwise: `wrong_sequence`, `doubled`, "
        "`swapped` with the next one, `nack` (a generic_nack in its place, in either "
        "phase), `wrong_length`, `garbage`; or what follows it is `then_close`, "
        "`then_reset`, `then_unbind`; or before it comes an `early_receipt`. Receipts "
        "(deliver_sm) come `doubled` or `swapped`, with a `wrong_id`, an "
        "`unknown_state` or `no_tlvs`."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        return cls(PduMutation(PDU.read(body)))

    def to_json(self) -> dict[str, Any]:
        return {"pdu": str(self.mutation)}

    @classmethod
    def examples(cls) -> Iterator[dict[str, Any]]:
        for each in PduMutation:
            yield {"pdu": str(each)}

    @property
    def places(self) -> frozenset[Place]:
        return frozenset(each for each in PLACES if self.mutation in PLACES[each])

    @property
    def phases(self) -> tuple[Phase, ...]:
        """There has to be a right answer first; a nack needs none."""
        needs_none = self.mutation is PduMutation.NACK
        return (Phase.BEFORE, Phase.AFTER) if needs_none else (Phase.AFTER,)

    def is_felt_by(self, operation: str) -> bool:
        if self.mutation is PduMutation.EARLY_RECEIPT:
            return operation in PLACING
        return Effect.is_felt_by(self, operation)

    # --- An answer --------------------------------------------------------------------

    def changes_smpp(self, call: SmppCall) -> bool:
        if self.mutation is PduMutation.SWAPPED and call.is_holding:
            return False
        if self.mutation is PduMutation.EARLY_RECEIPT and not call.can_send_receipt:
            return False
        return call.is_heard or self.mutation in ENDING

    async def answer_smpp(self, call: SmppCall) -> bytes | None:
        if self.mutation is PduMutation.EARLY_RECEIPT:
            await call.send_receipt()
            return call.answer
        return _ANSWERS[self.mutation](call)

    # --- A receipt --------------------------------------------------------------------

    def changes_receipt(self, call: ReceiptCall) -> bool:
        if self.mutation is PduMutation.SWAPPED:
            return not call.is_holding
        if self.mutation in WRITTEN:
            return not call.reads_alike(*self._rewritten(call.receipt, call.form))
        return True

    def deliver_receipt(self, call: ReceiptCall) -> None:
        if self.mutation is PduMutation.SWAPPED:
            call.hold()
            return
        call.send(*self._rewritten(call.receipt, call.form))
        if self.mutation is PduMutation.DOUBLED:
            call.send(call.receipt, call.form)

    def _rewritten(self, receipt: Receipt, form: Form) -> tuple[Receipt, Form]:
        if self.mutation is PduMutation.WRONG_ID:
            return receipt._replace(message=receipt.message + WRONG_ID), form
        if self.mutation is PduMutation.UNKNOWN_STATE:
            return receipt._replace(state=MessageState.UNKNOWN), form
        if self.mutation is PduMutation.NO_TLVS:
            return receipt, replace(form, tlvs="without")
        return receipt, form


def _wrong_sequence(call: SmppCall) -> bytes:
    return call.answer[:12] + WORD.pack(call.sequence ^ WRONG) + call.answer[16:]


def _doubled(call: SmppCall) -> bytes:
    return call.answer * 2


def _swapped(call: SmppCall) -> bytes:
    call.hold()
    return b""


def _nack(call: SmppCall) -> bytes:
    return nack(Status.ESME_RSYSERR, call.sequence)


def _wrong_length(call: SmppCall) -> bytes:
    return WORD.pack(len(call.answer) + EXCESS) + call.answer[4:]


def _garbage(call: SmppCall) -> bytes:
    purpose = f"garbage {call.sequence}"
    return b"".join(
        digest(call.seed, purpose, index).to_bytes(8, "big") for index in range(RUBBISH)
    )


def _then_close(call: SmppCall) -> bytes:
    call.close(answered=True)
    return call.answer


def _then_reset(call: SmppCall) -> bytes:
    call.reset(answered=True)
    return call.answer


def _then_unbind(call: SmppCall) -> bytes:
    call.unbind()
    return call.answer


_ANSWERS: Mapping[PduMutation, Callable[[SmppCall], bytes]] = {
    PduMutation.WRONG_SEQUENCE: _wrong_sequence,
    PduMutation.DOUBLED: _doubled,
    PduMutation.SWAPPED: _swapped,
    PduMutation.NACK: _nack,
    PduMutation.WRONG_LENGTH: _wrong_length,
    PduMutation.GARBAGE: _garbage,
    PduMutation.THEN_CLOSE: _then_close,
    PduMutation.THEN_RESET: _then_reset,
    PduMutation.THEN_UNBIND: _then_unbind,
}
