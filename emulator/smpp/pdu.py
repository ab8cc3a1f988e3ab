"""SMPP 3.4 on the wire: octets to values and back.

Rule 1: what a PDU consists of is a row of ``BODY_LAYOUTS``.
Rule 2: whatever octets come, nothing but ``MalformedPduError`` is raised.

Source: SMPP 3.4, chapters 3 to 5.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from emulator.domain.command_status import CommandStatus
from emulator.smpp.bodies import (
    RESPONSE_BIT,
    AlertBody,
    BindBody,
    BindRespBody,
    CancelSmBody,
    CommandId,
    DataSmBody,
    DestAddress,
    EmptyBody,
    MessageBody,
    MessageIdBody,
    OutbindBody,
    PduBody,
    QuerySmBody,
    QuerySmRespBody,
    ReplaceSmBody,
    SubmitMultiBody,
    SubmitMultiRespBody,
    UnsuccessSme,
)

PDU_HEADER = struct.Struct(">IIII")  # length, command, status, sequence
MIN_PDU_LENGTH = PDU_HEADER.size  # octets
MAX_PDU_LENGTH = 70_000  # octets: a message_payload of 65,535 and all that goes with it
MAX_SHORT_MESSAGE = 254  # octets at most; 255 can be written, and is refused

NUL = b"\0"
UINT32 = struct.Struct(">I")
TLV_HEADER = struct.Struct(">HH")  # tag, octets of the value
NUMBER_FLAG, LIST_FLAG = 1, 2  # dest_flag; source: SMPP 3.4, 4.5.1.1

Tlv = tuple[int, bytes]


class MalformedPduError(Exception):
    """Octets that are no PDU; the status is for the response."""

    def __init__(
        self, status: CommandStatus, command: int = 0, sequence: int = 0
    ) -> None:
        super().__init__(f"{status.name} in command 0x{command:08X}")
        self.status = status
        self.command = command
        self.sequence = sequence


class Pdu(NamedTuple):
    command: int
    status: int
    sequence: int
    body: PduBody | None = None  # None where an answer has none: it declines
    tlvs: tuple[Tlv, ...] = ()

    def find_tlv(self, tag: int) -> bytes | None:
        """Return the value of the last parameter with this *tag*."""
        return next((value for each, value in reversed(self.tlvs) if each == tag), None)


# --- How one field is read and written ------------------------------------------------

FieldRead = tuple[Any, int]  # the value, and where the next field begins


class FieldKind(NamedTuple):
    """A kind of field: how it is read from octets at a place, and written."""

    read: Callable[[bytes, int], FieldRead]
    write: Callable[[Any], bytes]


def _read_c_string(octets: bytes, at: int) -> FieldRead:
    end = octets.find(NUL, at)
    if end < 0:
        raise MalformedPduError(CommandStatus.ESME_RINVCMDLEN)
    return octets[at:end], end + 1


def _read_octet(octets: bytes, at: int) -> FieldRead:
    if at >= len(octets):
        raise MalformedPduError(CommandStatus.ESME_RINVCMDLEN)
    return octets[at], at + 1


def _read_short_message(octets: bytes, at: int) -> FieldRead:
    count, at = _read_octet(octets, at)
    end = at + count
    if count > MAX_SHORT_MESSAGE or end > len(octets):
        raise MalformedPduError(CommandStatus.ESME_RINVMSGLEN)
    return octets[at:end], end


def _read_addresses(octets: bytes, at: int) -> FieldRead:
    count, at = _read_octet(octets, at)
    found = []
    for _ in range(count):
        flag, at = _read_octet(octets, at)
        if flag == NUMBER_FLAG:
            ton, at = _read_octet(octets, at)
            npi, at = _read_octet(octets, at)
            address, at = _read_c_string(octets, at)
            found.append(DestAddress(ton, npi, address))
        elif flag == LIST_FLAG:
            name, at = _read_c_string(octets, at)
            found.append(DestAddress(0, 0, name, is_list=True))
        else:
            raise MalformedPduError(CommandStatus.ESME_RINVDESTFLAG)
    return tuple(found), at


def _write_addresses(addresses: tuple[DestAddress, ...]) -> bytes:
    written = (
        bytes((LIST_FLAG,)) + each.address + NUL
        if each.is_list
        else bytes((NUMBER_FLAG, each.ton, each.npi)) + each.address + NUL
        for each in addresses
    )
    return bytes((len(addresses),)) + b"".join(written)


def _read_unsuccess(octets: bytes, at: int) -> FieldRead:
    count, at = _read_octet(octets, at)
    found = []
    for _ in range(count):
        ton, at = _read_octet(octets, at)
        npi, at = _read_octet(octets, at)
        address, at = _read_c_string(octets, at)
        if at + UINT32.size > len(octets):
            raise MalformedPduError(CommandStatus.ESME_RINVCMDLEN)
        found.append(UnsuccessSme(ton, npi, address, *UINT32.unpack_from(octets, at)))
        at += UINT32.size
    return tuple(found), at


def _write_unsuccess(unsuccess: tuple[UnsuccessSme, ...]) -> bytes:
    written = (
        bytes((each.ton, each.npi)) + each.address + NUL + UINT32.pack(each.status)
        for each in unsuccess
    )
    return bytes((len(unsuccess),)) + b"".join(written)


C_STRING = FieldKind(_read_c_string, lambda text: text + NUL)
OCTET = FieldKind(_read_octet, lambda number: bytes((number,)))
SHORT_MESSAGE_FIELD = FieldKind(
    _read_short_message, lambda octets: bytes((len(octets),)) + octets
)
ADDRESSES = FieldKind(_read_addresses, _write_addresses)
UNSUCCESS_SMES = FieldKind(_read_unsuccess, _write_unsuccess)

ADDRESS_FIELDS = (OCTET, OCTET, C_STRING)  # type of number, numbering plan, address


class BodyLayout(NamedTuple):
    """What a body consists of: the value that holds it, and its fields in order."""

    body_class: Callable[..., PduBody]
    fields: tuple[FieldKind, ...]


_NOTHING = BodyLayout(EmptyBody, ())
_BIND = BodyLayout(BindBody, (C_STRING, C_STRING, C_STRING, OCTET, *ADDRESS_FIELDS))
_BOUND = BodyLayout(BindRespBody, (C_STRING,))
_OPTIONS = (
    *(OCTET,) * 3,
    C_STRING,
    C_STRING,
    *(OCTET,) * 4,
    SHORT_MESSAGE_FIELD,
)  # esm_class and on
_MESSAGE = BodyLayout(
    MessageBody, (C_STRING, *ADDRESS_FIELDS, *ADDRESS_FIELDS, *_OPTIONS)
)
_MESSAGE_ID = BodyLayout(MessageIdBody, (C_STRING,))

BODY_LAYOUTS: Mapping[int, BodyLayout] = {
    CommandId.BIND_RECEIVER: _BIND,
    CommandId.BIND_TRANSMITTER: _BIND,
    CommandId.BIND_TRANSCEIVER: _BIND,
    CommandId.BIND_RECEIVER_RESP: _BOUND,
    CommandId.BIND_TRANSMITTER_RESP: _BOUND,
    CommandId.BIND_TRANSCEIVER_RESP: _BOUND,
    CommandId.OUTBIND: BodyLayout(OutbindBody, (C_STRING, C_STRING)),
    CommandId.UNBIND: _NOTHING,
    CommandId.UNBIND_RESP: _NOTHING,
    CommandId.ENQUIRE_LINK: _NOTHING,
    CommandId.ENQUIRE_LINK_RESP: _NOTHING,
    CommandId.GENERIC_NACK: _NOTHING,
    CommandId.SUBMIT_SM: _MESSAGE,
    CommandId.SUBMIT_SM_RESP: _MESSAGE_ID,
    CommandId.DELIVER_SM: _MESSAGE,
    CommandId.DELIVER_SM_RESP: _MESSAGE_ID,
    CommandId.SUBMIT_MULTI: BodyLayout(
        SubmitMultiBody, (C_STRING, *ADDRESS_FIELDS, ADDRESSES, *_OPTIONS)
    ),
    CommandId.SUBMIT_MULTI_RESP: BodyLayout(
        SubmitMultiRespBody, (C_STRING, UNSUCCESS_SMES)
    ),
    CommandId.DATA_SM: BodyLayout(
        DataSmBody, (C_STRING, *ADDRESS_FIELDS, *ADDRESS_FIELDS, OCTET, OCTET, OCTET)
    ),
    CommandId.DATA_SM_RESP: _MESSAGE_ID,
    CommandId.QUERY_SM: BodyLayout(QuerySmBody, (C_STRING, *ADDRESS_FIELDS)),
    CommandId.QUERY_SM_RESP: BodyLayout(
        QuerySmRespBody, (C_STRING, C_STRING, OCTET, OCTET)
    ),
    CommandId.CANCEL_SM: BodyLayout(
        CancelSmBody, (C_STRING, C_STRING, *ADDRESS_FIELDS, *ADDRESS_FIELDS)
    ),
    CommandId.CANCEL_SM_RESP: _NOTHING,
    CommandId.REPLACE_SM: BodyLayout(
        ReplaceSmBody,
        (
            C_STRING,
            *ADDRESS_FIELDS,
            C_STRING,
            C_STRING,
            OCTET,
            OCTET,
            SHORT_MESSAGE_FIELD,
        ),
    ),
    CommandId.REPLACE_SM_RESP: _NOTHING,
    CommandId.ALERT_NOTIFICATION: BodyLayout(
        AlertBody, (*ADDRESS_FIELDS, *ADDRESS_FIELDS)
    ),
}


# --- Whole PDUs ----------------------------------------------------------------------


def decode_pdu(octets: bytes) -> Pdu:
    """Return the PDU in *octets*, one whole frame.  Raises ``MalformedPduError``."""
    if len(octets) < MIN_PDU_LENGTH:
        raise MalformedPduError(CommandStatus.ESME_RINVCMDLEN)
    _, command, status, sequence = PDU_HEADER.unpack_from(octets)
    if command in _MESSAGES:
        found = _decode_message(octets)
        if found is not None:
            return _new(Pdu, (command, status, sequence, *found))
    elif command == _DELIVER_SM_RESP and octets[MIN_PDU_LENGTH:] == NUL:
        return _new(Pdu, (command, status, sequence, _NO_ID, ()))
    return decode_by_layout(octets)


def decode_by_layout(octets: bytes) -> Pdu:
    """Return the PDU that *octets* are, read by the table alone."""
    _, command, status, sequence = PDU_HEADER.unpack_from(octets)
    layout = BODY_LAYOUTS.get(command)
    if layout is None:
        raise MalformedPduError(CommandStatus.ESME_RINVCMDID, command, sequence)
    if len(octets) == MIN_PDU_LENGTH and command & RESPONSE_BIT:
        return Pdu(command, status, sequence)
    try:
        values, at = [], MIN_PDU_LENGTH
        for kind in layout.fields:
            value, at = kind.read(octets, at)
            values.append(value)
        return Pdu(
            command,
            status,
            sequence,
            layout.body_class(*values),
            _decode_tlvs(octets, at),
        )
    except MalformedPduError as error:
        raise MalformedPduError(error.status, command, sequence) from None


def encode_pdu(pdu: Pdu) -> bytes:
    """Return the octets of *pdu*; the inverse of ``decode_pdu``."""
    octets = b""
    if isinstance(pdu.body, MessageBody):
        octets = _encode_message(pdu.body)
    elif pdu.body is not None:
        kinds = BODY_LAYOUTS[pdu.command].fields
        fields = zip(kinds, pdu.body, strict=True)
        octets = b"".join([kind.write(value) for kind, value in fields])
    if pdu.tlvs:
        octets += b"".join(
            [TLV_HEADER.pack(tag, len(value)) + value for tag, value in pdu.tlvs]
        )
    length = MIN_PDU_LENGTH + len(octets)
    return PDU_HEADER.pack(length, pdu.command, pdu.status, pdu.sequence) + octets


def encode_response(
    command: int, status: int, sequence: int, body: bytes = b""
) -> bytes:
    """Return the octets of an answer whose *body* is written already."""
    length = MIN_PDU_LENGTH + len(body)
    return PDU_HEADER.pack(length, command | RESPONSE_BIT, status, sequence) + body


def encode_nack(status: int, sequence: int) -> bytes:
    """Return a generic_nack.  Source: SMPP 3.4, 4.3.1."""
    return encode_response(CommandId.GENERIC_NACK, status, sequence)


def _decode_message(octets: bytes) -> tuple[MessageBody, tuple[Tlv, ...]] | None:
    """Read what is in a submit_sm or a deliver_sm.

    Half of all octets that come are these, so what the table says is written out here.
    None leaves to the table to say what is wrong.
    """
    index = octets.index
    try:
        service = index(0, MIN_PDU_LENGTH)
        source = index(0, service + 3)
        target = index(0, source + 3)
        schedule = index(0, target + 4)
        validity = index(0, schedule + 1)
        start = validity + 6
        count = octets[start - 1]
        end = start + count
        tlvs = _decode_tlvs(octets, end) if end < len(octets) else ()
    except (ValueError, IndexError, MalformedPduError):
        return None
    if end > len(octets) or count > MAX_SHORT_MESSAGE:
        return None
    fields = (
        octets[MIN_PDU_LENGTH:service],
        octets[service + 1],
        octets[service + 2],
        octets[service + 3 : source],
        octets[source + 1],
        octets[source + 2],
        octets[source + 3 : target],
        octets[target + 1],
        octets[target + 2],
        octets[target + 3],
        octets[target + 4 : schedule],
        octets[schedule + 1 : validity],
        octets[validity + 1],
        octets[validity + 2],
        octets[validity + 3],
        octets[validity + 4],
        octets[start:end],
    )
    return _new(MessageBody, fields), tlvs


def _encode_message(message: MessageBody) -> bytes:
    """Write a deliver_sm or a submit_sm, as the table says; every receipt is one."""
    return b"%b\0%c%c%b\0%c%c%b\0%c%c%c%b\0%b\0%c%c%c%c%c%b" % (
        *message[:-1],
        len(message.short_message),
        message.short_message,
    )


def _decode_tlvs(octets: bytes, at: int) -> tuple[Tlv, ...]:
    """Return the optional parameters, known or not.  Source: SMPP 3.4, 5.3."""
    found = []
    while at < len(octets):
        start = at + TLV_HEADER.size
        if start > len(octets):
            raise MalformedPduError(CommandStatus.ESME_RINVOPTPARSTREAM)
        tag, count = TLV_HEADER.unpack_from(octets, at)
        at = start + count
        if at > len(octets):
            raise MalformedPduError(CommandStatus.ESME_RINVPARLEN)
        found.append((tag, octets[start:at]))
    return tuple(found)


# Compared with every PDU that comes, which takes no method call with a plain number.
_MESSAGES = frozenset({int(CommandId.SUBMIT_SM), int(CommandId.DELIVER_SM)})
_DELIVER_SM_RESP = int(CommandId.DELIVER_SM_RESP)
_NO_ID = MessageIdBody(b"")
_new = tuple.__new__  # half as long as the class itself takes, where many are made
