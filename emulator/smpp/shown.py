"""A PDU for people and programs that do not speak SMPP: names, numbers and texts."""

from functools import lru_cache
from typing import Any

from emulator.domain.coding import DATA_CODINGS, Alphabet, decode_text
from emulator.domain.command_status import SmppRefusal, describe_command_status
from emulator.domain.segments import parse_user_data
from emulator.domain.smpp import UDHI_BIT
from emulator.smpp.bodies import (
    CommandId,
    DataSmBody,
    MessageBody,
    ReplaceSmBody,
    SubmitMultiBody,
    TlvTag,
)
from emulator.smpp.pdu import (
    MIN_PDU_LENGTH,
    PDU_HEADER,
    MalformedPduError,
    Pdu,
    decode_pdu,
)

HEX_FIELDS = frozenset({"short_message"})  # fields that are no text
# One PDU is looked at for its fields and for its text.
decode_cached = lru_cache(4)(decode_pdu)
_COMMANDS = {int(each): each.name.lower() for each in CommandId}
_TAGS = {int(each): each.name.lower() for each in TlvTag}


def describe_command(command: int) -> str:
    """Return ``submit_sm_resp``; a command that there is not is ``0x000000EE``."""
    return _COMMANDS.get(command, f"0x{command:08X}")


def describe_pdu_octets(octets: bytes) -> dict[str, Any]:
    """Return the content of a PDU as JSON; of a malformed one only the header."""
    if len(octets) < MIN_PDU_LENGTH:
        return {"malformed": True}
    length, command, status, sequence = PDU_HEADER.unpack_from(octets)
    head = {
        "command_length": length,
        "command": describe_command(command),
        "command_status": describe_command_status(status),
        "sequence_number": sequence,
    }
    try:
        return {**head, **describe_body(decode_cached(octets))}
    except MalformedPduError:
        return {**head, "malformed": True}


def describe_body(pdu: Pdu) -> dict[str, Any]:
    """Return the fields of a body by name, and its parameters."""
    found = {}
    if pdu.body is not None:
        found = {
            name: _to_plain(name, value) for name, value in pdu.body._asdict().items()
        }
    if pdu.tlvs:
        found["tlvs"] = {
            _TAGS.get(tag, f"0x{tag:04X}"): value.hex() for tag, value in pdu.tlvs
        }
    return found


def extract_pdu_text(octets: bytes, default: Alphabet) -> str:
    """Return the text of a PDU, without the header of parts; empty for none."""
    try:
        pdu = decode_cached(octets)
    except MalformedPduError:
        return ""
    body = pdu.body
    if not isinstance(body, MessageBody | SubmitMultiBody | DataSmBody | ReplaceSmBody):
        return ""
    message: bytes = getattr(body, "short_message", b"")
    message = pdu.find_tlv(TlvTag.MESSAGE_PAYLOAD) or message
    if getattr(body, "esm_class", 0) & UDHI_BIT:
        try:
            message = parse_user_data(message).octets
        except SmppRefusal:
            return message.hex()
    return decode_text(
        message, DATA_CODINGS.get(getattr(body, "data_coding", 0), default)
    )


def _to_plain(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex() if name in HEX_FIELDS else value.decode("latin-1")
    if isinstance(value, tuple):
        return [
            {key: _to_plain(key, each) for key, each in one._asdict().items()}
            for one in value
        ]
    return value
