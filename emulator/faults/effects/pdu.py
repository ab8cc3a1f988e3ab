"""``pdu``: an outgoing PDU of SMPP is changed."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import StrEnum
from typing import Any, Self

from emulator.domain.access import ReceiptFormat
from emulator.domain.chance import draw_bits
from emulator.domain.command_status import CommandStatus
from emulator.domain.receipt import Receipt
from emulator.domain.smpp import MessageState
from emulator.faults.calls import ReceiptCall, SmppCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import FaultPhase, FaultPlace
from emulator.faults.words import make_choice_field
from emulator.smpp.pdu import UINT32, encode_nack

SEQUENCE_MASK = 0x5555_5555  # what a sequence_number is spoilt with
EXCESS_LENGTH = 16  # octets that a wrong length announces and that never come
GARBAGE_WORDS = 4  # times eight octets
ID_OFFSET = 1_000_000  # what is added to an id that is to be wrong
# What has receipts
SUBMITTING_COMMANDS = frozenset({"submit_sm", "submit_multi", "data_sm"})


class PduMutation(StrEnum):
    """How an outgoing PDU of SMPP is changed."""

    WRONG_SEQUENCE = "wrong_sequence"
    DUPLICATED = "duplicated"
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


RECEIPT_REWRITES = frozenset(  # otherwise, in a receipt
    {PduMutation.WRONG_ID, PduMutation.UNKNOWN_STATE, PduMutation.NO_TLVS}
)
ENDING_MUTATIONS = frozenset({PduMutation.THEN_CLOSE, PduMutation.THEN_RESET})
RECEIPT_MUTATIONS = RECEIPT_REWRITES | {PduMutation.DUPLICATED, PduMutation.SWAPPED}
MUTATIONS_BY_PLACE = {
    FaultPlace.SMPP_ANSWER: frozenset(PduMutation) - RECEIPT_REWRITES,
    FaultPlace.RECEIPT: RECEIPT_MUTATIONS,
}
PDU = make_choice_field("pdu", PduMutation)


class PduFault(Effect, frozen=True):
    """An outgoing PDU of SMPP is changed."""

    mutation: PduMutation

    FIELDS = (PDU,)
    DESCRIPTION = (
        "over SMPP, the right answer goes out otherwise: `wrong_sequence`, "
        "`duplicated`, `swapped` with the next one, `nack` (a generic_nack in its "
        "place, in either phase), `wrong_length`, `garbage`; or what follows it is "
        "`then_close`, `then_reset`, `then_unbind`; or before it comes an "
        "`early_receipt`. Receipts (deliver_sm) come `duplicated` or `swapped`, with "
        "a `wrong_id`, an `unknown_state` or `no_tlvs`."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        return cls(PduMutation(PDU.read_from(body)))

    def to_json(self) -> dict[str, Any]:
        return {"pdu": str(self.mutation)}

    @classmethod
    def list_examples(cls) -> Iterator[dict[str, Any]]:
        for each in PduMutation:
            yield {"pdu": str(each)}

    @property
    def places(self) -> frozenset[FaultPlace]:
        return frozenset(
            each
            for each in MUTATIONS_BY_PLACE
            if self.mutation in MUTATIONS_BY_PLACE[each]
        )

    @property
    def phases(self) -> tuple[FaultPhase, ...]:
        """There has to be a right answer first; a nack needs none."""
        needs_none = self.mutation is PduMutation.NACK
        return (
            (FaultPhase.BEFORE, FaultPhase.AFTER) if needs_none else (FaultPhase.AFTER,)
        )

    def can_affect(self, operation: str) -> bool:
        if self.mutation is PduMutation.EARLY_RECEIPT:
            return operation in SUBMITTING_COMMANDS
        return Effect.can_affect(self, operation)

    # --- An answer --------------------------------------------------------------------

    def changes_smpp(self, call: SmppCall) -> bool:
        if self.mutation is PduMutation.SWAPPED and call.has_held_response:
            return False
        if self.mutation is PduMutation.EARLY_RECEIPT and not call.can_send_receipt:
            return False
        return call.can_reach_client or self.mutation in ENDING_MUTATIONS

    async def respond_smpp(self, call: SmppCall) -> bytes | None:
        if self.mutation is PduMutation.EARLY_RECEIPT:
            await call.send_early_receipt()
            return call.right_response
        return _MUTATORS[self.mutation](call)

    # --- A receipt --------------------------------------------------------------------

    def changes_receipt(self, call: ReceiptCall) -> bool:
        if self.mutation is PduMutation.SWAPPED:
            return not call.has_held_receipt
        if self.mutation in RECEIPT_REWRITES:
            return not call.looks_same(*self._rewrite_receipt(call.receipt, call.form))
        return True

    def deliver_receipt(self, call: ReceiptCall) -> None:
        if self.mutation is PduMutation.SWAPPED:
            call.hold_receipt()
            return
        call.send_receipt(*self._rewrite_receipt(call.receipt, call.form))
        if self.mutation is PduMutation.DUPLICATED:
            call.send_receipt(call.receipt, call.form)

    def _rewrite_receipt(
        self, receipt: Receipt, form: ReceiptFormat
    ) -> tuple[Receipt, ReceiptFormat]:
        if self.mutation is PduMutation.WRONG_ID:
            return receipt._replace(message=receipt.message + ID_OFFSET), form
        if self.mutation is PduMutation.UNKNOWN_STATE:
            return receipt._replace(state=MessageState.UNKNOWN), form
        if self.mutation is PduMutation.NO_TLVS:
            return receipt, replace(form, tlvs="without")
        return receipt, form


def _spoil_sequence(call: SmppCall) -> bytes:
    return (
        call.right_response[:12]
        + UINT32.pack(call.sequence_number ^ SEQUENCE_MASK)
        + call.right_response[16:]
    )


def _double_response(call: SmppCall) -> bytes:
    return call.right_response * 2


def _swap_response(call: SmppCall) -> bytes:
    call.hold_response()
    return b""


def _make_nack(call: SmppCall) -> bytes:
    return encode_nack(CommandStatus.ESME_RSYSERR, call.sequence_number)


def _spoil_length(call: SmppCall) -> bytes:
    return (
        UINT32.pack(len(call.right_response) + EXCESS_LENGTH) + call.right_response[4:]
    )


def _make_garbage(call: SmppCall) -> bytes:
    purpose = f"garbage {call.sequence_number}"
    return b"".join(
        draw_bits(call.seed, purpose, index).to_bytes(8, "big")
        for index in range(GARBAGE_WORDS)
    )


def _then_close(call: SmppCall) -> bytes:
    call.close_connection(after_response=True)
    return call.right_response


def _then_reset(call: SmppCall) -> bytes:
    call.reset_connection(after_response=True)
    return call.right_response


def _then_unbind(call: SmppCall) -> bytes:
    call.send_unbind()
    return call.right_response


_MUTATORS: Mapping[PduMutation, Callable[[SmppCall], bytes]] = {
    PduMutation.WRONG_SEQUENCE: _spoil_sequence,
    PduMutation.DUPLICATED: _double_response,
    PduMutation.SWAPPED: _swap_response,
    PduMutation.NACK: _make_nack,
    PduMutation.WRONG_LENGTH: _spoil_length,
    PduMutation.GARBAGE: _make_garbage,
    PduMutation.THEN_CLOSE: _then_close,
    PduMutation.THEN_RESET: _then_reset,
    PduMutation.THEN_UNBIND: _then_unbind,
}
