"""SMPP as a test writes and reads it, by struct and by hand.

The emulator's own codec is never on both sides of a test.
"""

import struct
from typing import Any, NamedTuple

BIND_RECEIVER, BIND_TRANSMITTER, BIND_TRANSCEIVER = 0x01, 0x02, 0x09
QUERY_SM, SUBMIT_SM, DELIVER_SM, UNBIND = 0x03, 0x04, 0x05, 0x06
REPLACE_SM, CANCEL_SM, OUTBIND = 0x07, 0x08, 0x0B
ENQUIRE_LINK, SUBMIT_MULTI, DATA_SM = 0x15, 0x21, 0x103
ALERT_NOTIFICATION = 0x102
GENERIC_NACK = 0x80000000

RECEIPTED_MESSAGE_ID, MESSAGE_STATE, NETWORK_ERROR_CODE = 0x001E, 0x0427, 0x0423
MESSAGE_PAYLOAD, USER_MESSAGE_REFERENCE = 0x0424, 0x0204
SAR_REFERENCE, SAR_TOTAL, SAR_NUMBER = 0x020C, 0x020E, 0x020F
SC_INTERFACE_VERSION = 0x0210


class Packet(NamedTuple):
    """One PDU as it came."""

    command: int
    status: int
    sequence: int
    body: bytes


def resp(command: int) -> int:
    """Return the command of the answer to *command*."""
    return command | 0x80000000


def packet(command: int, sequence: int, body: bytes = b"", *, status: int = 0) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def text(value: str | bytes) -> bytes:
    """Return a C-octet string."""
    return (value.encode("latin-1") if isinstance(value, str) else value) + b"\0"


def tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def bind(  # noqa: PLR0913 - a bind has these fields
    command: int = BIND_TRANSCEIVER,
    *,
    sequence: int = 1,
    system_id: str = "demo",
    password: str = "demo",
    version: int = 0x34,
    system_type: str = "",
    address_range: str = "",
) -> bytes:
    body = text(system_id) + text(password) + text(system_type)
    body += struct.pack(">BBB", version, 0, 0) + text(address_range)
    return packet(command, sequence, body)


def submit(
    sequence: int, to: str = "4498987282", short: bytes = b"hola", **fields: Any
) -> bytes:
    """Return a submit_sm; *fields* are those of ``message``, and ``tlvs``."""
    return packet(SUBMIT_SM, sequence, message(to, short, **fields))


def message(  # noqa: PLR0913 - a message has these fields
    to: str | bytes,
    short: bytes,
    *,
    service_type: str = "",
    source: str | bytes = "74342",
    source_ton: int = 0,
    source_npi: int = 0,
    to_ton: int = 1,
    to_npi: int = 1,
    esm_class: int = 0,
    protocol_id: int = 0,
    priority: int = 0,
    schedule: str = "",
    validity: str = "",
    registered: int = 0,
    replace: int = 0,
    coding: int = 0,
    default_id: int = 0,
    length: int | None = None,
    tlvs: bytes = b"",
) -> bytes:
    """Return the body of a submit_sm or a deliver_sm; *length* may be a lie."""
    return b"".join(
        (
            text(service_type),
            struct.pack(">BB", source_ton, source_npi),
            text(source),
            struct.pack(">BB", to_ton, to_npi),
            text(to),
            struct.pack(">BBB", esm_class, protocol_id, priority),
            text(schedule),
            text(validity),
            struct.pack(">BBBB", registered, replace, coding, default_id),
            struct.pack(">B", len(short) if length is None else length),
            short,
            tlvs,
        )
    )


class Delivered(NamedTuple):
    """The body of a deliver_sm, taken apart."""

    service_type: bytes
    source: tuple[int, int, bytes]
    to: tuple[int, int, bytes]
    esm_class: int
    registered: int
    coding: int
    short: bytes
    tlvs: dict[int, bytes]


def delivered(body: bytes) -> Delivered:
    """Take the body of a deliver_sm apart."""
    service, rest = body.split(b"\0", 1)
    source, rest = _address(rest)
    to, rest = _address(rest)
    esm_class, rest = rest[0], rest[3:]
    _, rest = rest.split(b"\0", 1)
    _, rest = rest.split(b"\0", 1)
    registered, coding, length = rest[0], rest[2], rest[4]
    short, rest = rest[5 : 5 + length], rest[5 + length :]
    return Delivered(
        service, source, to, esm_class, registered, coding, short, parameters(rest)
    )


def parameters(octets: bytes) -> dict[int, bytes]:
    """Return optional parameters by tag."""
    found = {}
    while octets:
        tag, length = struct.unpack_from(">HH", octets)
        found[tag] = octets[4 : 4 + length]
        octets = octets[4 + length :]
    return found


def _address(octets: bytes) -> tuple[tuple[int, int, bytes], bytes]:
    number, rest = octets[2:].split(b"\0", 1)
    return (octets[0], octets[1], number), rest
