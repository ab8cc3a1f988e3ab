"""A PDU for people and programs that do not speak SMPP: names, numbers and texts."""

from functools import lru_cache
from typing import Any

from emulator.domain.coding import CODINGS, Alphabet, decoded
from emulator.domain.command_status import Declined, named
from emulator.domain.segments import headed
from emulator.domain.smpp import HEADED
from emulator.smpp.bodies import Command, Data, Message, Multi, Replace, Tag
from emulator.smpp.pdu import HEADER, SHORTEST, Malformed, Pdu, decode

HEX = frozenset({"short_message"})  # fields that are no text
read = lru_cache(4)(decode)  # one PDU is looked at for its fields and for its text
_COMMANDS = {int(each): each.name.lower() for each in Command}
_TAGS = {int(each): each.name.lower() for each in Tag}


def name(command: int) -> str:
    """Return ``submit_sm_resp``; a command that there is not is ``0x000000EE``."""
    return _COMMANDS.get(command, f"0x{command:08X}")


def facts(octets: bytes) -> dict[str, Any]:
    """Return all that one PDU says; what is malformed shows its header only."""
    if len(octets) < SHORTEST:
        return {"malformed": True}
    length, command, status, sequence = HEADER.unpack_from(octets)
    head = {
        "command_length": length,
        "command": name(command),
        "command_status": named(status),
        "sequence_number": sequence,
    }
    try:
        return {**head, **fields(read(octets))}
    except Malformed:
        return {**head, "malformed": True}


def fields(pdu: Pdu) -> dict[str, Any]:
    """Return the fields of a body by name, and its parameters."""
    found = {}
    if pdu.body is not None:
        found = {
            name: _plain(name, value) for name, value in pdu.body._asdict().items()
        }
    if pdu.tlvs:
        found["tlvs"] = {
            _TAGS.get(tag, f"0x{tag:04X}"): value.hex() for tag, value in pdu.tlvs
        }
    return found


def text(octets: bytes, default: Alphabet) -> str:
    """Return the text that a PDU carries, without what joins parts; empty for none."""
    try:
        pdu = read(octets)
    except Malformed:
        return ""
    body = pdu.body
    if not isinstance(body, Message | Multi | Data | Replace):
        return ""
    message: bytes = getattr(body, "short_message", b"")
    message = pdu.tlv(Tag.MESSAGE_PAYLOAD) or message
    if getattr(body, "esm_class", 0) & HEADED:
        try:
            message = headed(message).octets
        except Declined:
            return message.hex()
    return decoded(message, CODINGS.get(getattr(body, "data_coding", 0), default))


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex() if name in HEX else value.decode("latin-1")
    if isinstance(value, tuple):
        return [
            {key: _plain(key, each) for key, each in one._asdict().items()}
            for one in value
        ]
    return value
