"""SMPP 3.4 on the wire: octets to values and back.

Rule 1: what a PDU consists of is a row of ``BODIES``.
Rule 2: whatever octets come, nothing but ``Malformed`` is raised.

Source: SMPP 3.4, chapters 3 to 5.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from emulator.domain.command_status import Status
from emulator.smpp.bodies import (
    REPLY,
    Address,
    Alert,
    Bind,
    Body,
    Bound,
    Cancel,
    Command,
    Data,
    Message,
    MessageId,
    Multi,
    MultiAnswer,
    Nothing,
    Outbind,
    Query,
    QueryAnswer,
    Replace,
    Unsuccess,
)

HEADER = struct.Struct(">IIII")  # length, command, status, sequence
SHORTEST = HEADER.size  # octets
LONGEST = 70_000  # octets: a message_payload of 65,535 and all that goes with it
SHORT_MESSAGE = 254  # octets at most; 255 can be written, and is refused

NUL = b"\0"
WORD = struct.Struct(">I")
TLV = struct.Struct(">HH")  # tag, octets of the value
NUMBER, LIST = 1, 2  # dest_flag; source: SMPP 3.4, 4.5.1.1

Tlv = tuple[int, bytes]


class Malformed(Exception):  # noqa: N818 - the client's doing
    """Octets that are no PDU; the status says how to decline them."""

    def __init__(self, status: Status, command: int = 0, sequence: int = 0) -> None:
        super().__init__(f"{status.name} in command 0x{command:08X}")
        self.status = status
        self.command = command
        self.sequence = sequence


class Pdu(NamedTuple):
    command: int
    status: int
    sequence: int
    body: Body | None = None  # None where an answer has none: it declines
    tlvs: tuple[Tlv, ...] = ()

    def tlv(self, tag: int) -> bytes | None:
        """Return the value of the last parameter with this *tag*."""
        return next((value for each, value in reversed(self.tlvs) if each == tag), None)


# --- How one field is read and written ------------------------------------------------

Read = tuple[Any, int]  # the value, and where the next field begins


class Kind(NamedTuple):
    """A kind of field: how it is read from octets at a place, and written."""

    read: Callable[[bytes, int], Read]
    write: Callable[[Any], bytes]


def _read_text(octets: bytes, at: int) -> Read:
    end = octets.find(NUL, at)
    if end < 0:
        raise Malformed(Status.ESME_RINVCMDLEN)
    return octets[at:end], end + 1


def _read_one(octets: bytes, at: int) -> Read:
    if at >= len(octets):
        raise Malformed(Status.ESME_RINVCMDLEN)
    return octets[at], at + 1


def _read_counted(octets: bytes, at: int) -> Read:
    count, at = _read_one(octets, at)
    end = at + count
    if count > SHORT_MESSAGE or end > len(octets):
        raise Malformed(Status.ESME_RINVMSGLEN)
    return octets[at:end], end


def _read_addresses(octets: bytes, at: int) -> Read:
    count, at = _read_one(octets, at)
    found = []
    for _ in range(count):
        flag, at = _read_one(octets, at)
        if flag == NUMBER:
            ton, at = _read_one(octets, at)
            npi, at = _read_one(octets, at)
            address, at = _read_text(octets, at)
            found.append(Address(ton, npi, address))
        elif flag == LIST:
            name, at = _read_text(octets, at)
            found.append(Address(0, 0, name, is_list=True))
        else:
            raise Malformed(Status.ESME_RINVDESTFLAG)
    return tuple(found), at


def _write_addresses(addresses: tuple[Address, ...]) -> bytes:
    written = (
        bytes((LIST,)) + each.address + NUL
        if each.is_list
        else bytes((NUMBER, each.ton, each.npi)) + each.address + NUL
        for each in addresses
    )
    return bytes((len(addresses),)) + b"".join(written)


def _read_unsuccess(octets: bytes, at: int) -> Read:
    count, at = _read_one(octets, at)
    found = []
    for _ in range(count):
        ton, at = _read_one(octets, at)
        npi, at = _read_one(octets, at)
        address, at = _read_text(octets, at)
        if at + WORD.size > len(octets):
            raise Malformed(Status.ESME_RINVCMDLEN)
        found.append(Unsuccess(ton, npi, address, *WORD.unpack_from(octets, at)))
        at += WORD.size
    return tuple(found), at


def _write_unsuccess(unsuccess: tuple[Unsuccess, ...]) -> bytes:
    written = (
        bytes((each.ton, each.npi)) + each.address + NUL + WORD.pack(each.status)
        for each in unsuccess
    )
    return bytes((len(unsuccess),)) + b"".join(written)


TEXT = Kind(_read_text, lambda text: text + NUL)
ONE = Kind(_read_one, lambda number: bytes((number,)))
COUNTED = Kind(_read_counted, lambda octets: bytes((len(octets),)) + octets)
ADDRESSES = Kind(_read_addresses, _write_addresses)
UNSUCCESS = Kind(_read_unsuccess, _write_unsuccess)

ADDRESS = (ONE, ONE, TEXT)  # type of number, numbering plan, address


class Layout(NamedTuple):
    """What a body consists of: the value that holds it, and its fields in order."""

    holds: Callable[..., Body]
    kinds: tuple[Kind, ...]


_NOTHING = Layout(Nothing, ())
_BIND = Layout(Bind, (TEXT, TEXT, TEXT, ONE, *ADDRESS))
_BOUND = Layout(Bound, (TEXT,))
_OPTIONS = (*(ONE,) * 3, TEXT, TEXT, *(ONE,) * 4, COUNTED)  # esm_class and on
_MESSAGE = Layout(Message, (TEXT, *ADDRESS, *ADDRESS, *_OPTIONS))
_MESSAGE_ID = Layout(MessageId, (TEXT,))

BODIES: Mapping[int, Layout] = {
    Command.BIND_RECEIVER: _BIND,
    Command.BIND_TRANSMITTER: _BIND,
    Command.BIND_TRANSCEIVER: _BIND,
    Command.BIND_RECEIVER_RESP: _BOUND,
    Command.BIND_TRANSMITTER_RESP: _BOUND,
    Command.BIND_TRANSCEIVER_RESP: _BOUND,
    Command.OUTBIND: Layout(Outbind, (TEXT, TEXT)),
    Command.UNBIND: _NOTHING,
    Command.UNBIND_RESP: _NOTHING,
    Command.ENQUIRE_LINK: _NOTHING,
    Command.ENQUIRE_LINK_RESP: _NOTHING,
    Command.GENERIC_NACK: _NOTHING,
    Command.SUBMIT_SM: _MESSAGE,
    Command.SUBMIT_SM_RESP: _MESSAGE_ID,
    Command.DELIVER_SM: _MESSAGE,
    Command.DELIVER_SM_RESP: _MESSAGE_ID,
    Command.SUBMIT_MULTI: Layout(Multi, (TEXT, *ADDRESS, ADDRESSES, *_OPTIONS)),
    Command.SUBMIT_MULTI_RESP: Layout(MultiAnswer, (TEXT, UNSUCCESS)),
    Command.DATA_SM: Layout(Data, (TEXT, *ADDRESS, *ADDRESS, ONE, ONE, ONE)),
    Command.DATA_SM_RESP: _MESSAGE_ID,
    Command.QUERY_SM: Layout(Query, (TEXT, *ADDRESS)),
    Command.QUERY_SM_RESP: Layout(QueryAnswer, (TEXT, TEXT, ONE, ONE)),
    Command.CANCEL_SM: Layout(Cancel, (TEXT, TEXT, *ADDRESS, *ADDRESS)),
    Command.CANCEL_SM_RESP: _NOTHING,
    Command.REPLACE_SM: Layout(
        Replace, (TEXT, *ADDRESS, TEXT, TEXT, ONE, ONE, COUNTED)
    ),
    Command.REPLACE_SM_RESP: _NOTHING,
    Command.ALERT_NOTIFICATION: Layout(Alert, (*ADDRESS, *ADDRESS)),
}


# --- Whole PDUs ----------------------------------------------------------------------


def decode(octets: bytes) -> Pdu:
    """Return the PDU that *octets*, one whole frame, are.  Raises ``Malformed``."""
    if len(octets) < SHORTEST:
        raise Malformed(Status.ESME_RINVCMDLEN)
    _, command, status, sequence = HEADER.unpack_from(octets)
    if command in _MESSAGES:
        found = _message(octets)
        if found is not None:
            return _new(Pdu, (command, status, sequence, *found))
    elif command == _DELIVER_SM_RESP and octets[SHORTEST:] == NUL:
        return _new(Pdu, (command, status, sequence, _NO_ID, ()))
    return tabled(octets)


def tabled(octets: bytes) -> Pdu:
    """Return the PDU that *octets* are, read by the table alone."""
    _, command, status, sequence = HEADER.unpack_from(octets)
    layout = BODIES.get(command)
    if layout is None:
        raise Malformed(Status.ESME_RINVCMDID, command, sequence)
    if len(octets) == SHORTEST and command & REPLY:
        return Pdu(command, status, sequence)
    try:
        values, at = [], SHORTEST
        for kind in layout.kinds:
            value, at = kind.read(octets, at)
            values.append(value)
        return Pdu(command, status, sequence, layout.holds(*values), _tlvs(octets, at))
    except Malformed as error:
        raise Malformed(error.status, command, sequence) from None


def encode(pdu: Pdu) -> bytes:
    """Return the octets of *pdu*; the inverse of ``decode``."""
    octets = b""
    if isinstance(pdu.body, Message):
        octets = _written(pdu.body)
    elif pdu.body is not None:
        kinds = BODIES[pdu.command].kinds
        fields = zip(kinds, pdu.body, strict=True)
        octets = b"".join([kind.write(value) for kind, value in fields])
    if pdu.tlvs:
        octets += b"".join(
            [TLV.pack(tag, len(value)) + value for tag, value in pdu.tlvs]
        )
    length = SHORTEST + len(octets)
    return HEADER.pack(length, pdu.command, pdu.status, pdu.sequence) + octets


def answer(command: int, status: int, sequence: int, body: bytes = b"") -> bytes:
    """Return the octets of an answer whose *body* is written already."""
    length = SHORTEST + len(body)
    return HEADER.pack(length, command | REPLY, status, sequence) + body


def nack(status: int, sequence: int) -> bytes:
    """Return a generic_nack.  Source: SMPP 3.4, 4.3.1."""
    return answer(Command.GENERIC_NACK, status, sequence)


def _message(octets: bytes) -> tuple[Message, tuple[Tlv, ...]] | None:
    """Read what is in a submit_sm or a deliver_sm.

    Half of all octets that come are these, so what the table says is written out here.
    None leaves to the table to say what is wrong.
    """
    index = octets.index
    try:
        service = index(0, SHORTEST)
        source = index(0, service + 3)
        target = index(0, source + 3)
        schedule = index(0, target + 4)
        validity = index(0, schedule + 1)
        start = validity + 6
        count = octets[start - 1]
        end = start + count
        tlvs = _tlvs(octets, end) if end < len(octets) else ()
    except (ValueError, IndexError, Malformed):
        return None
    if end > len(octets) or count > SHORT_MESSAGE:
        return None
    fields = (
        octets[SHORTEST:service],
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
    return _new(Message, fields), tlvs


def _written(message: Message) -> bytes:
    """Write a deliver_sm or a submit_sm, as the table says; every receipt is one."""
    return b"%b\0%c%c%b\0%c%c%b\0%c%c%c%b\0%b\0%c%c%c%c%c%b" % (
        *message[:-1],
        len(message.short_message),
        message.short_message,
    )


def _tlvs(octets: bytes, at: int) -> tuple[Tlv, ...]:
    """Return the optional parameters, known or not.  Source: SMPP 3.4, 5.3."""
    found = []
    while at < len(octets):
        start = at + TLV.size
        if start > len(octets):
            raise Malformed(Status.ESME_RINVOPTPARSTREAM)
        tag, count = TLV.unpack_from(octets, at)
        at = start + count
        if at > len(octets):
            raise Malformed(Status.ESME_RINVPARLEN)
        found.append((tag, octets[start:at]))
    return tuple(found)


# Compared with every PDU that comes, which takes no method call with a plain number.
_MESSAGES = frozenset({int(Command.SUBMIT_SM), int(Command.DELIVER_SM)})
_DELIVER_SM_RESP = int(Command.DELIVER_SM_RESP)
_NO_ID = MessageId(b"")
_new = tuple.__new__  # half as long as the class itself takes, where many are made
