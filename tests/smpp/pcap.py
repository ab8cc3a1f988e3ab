"""A capture file made of PDUs, for Wireshark's dissector.

Source: the pcap file format; RFC 791 and RFC 793 for the headers.
"""

import struct
import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

RAW_IP = 101  # link type
PORTS = (2775, 41_234)  # of the centre and of its client
MAGIC = 0xA1B2C3D4
PIECE = 1_400  # octets of a segment


class Spoken(NamedTuple):
    """One PDU and who said it."""

    by_client: bool
    octets: bytes


def spoken(exchanges: Iterable[dict[str, Any]]) -> list[Spoken]:
    """Return the PDUs that a journal holds, in order."""
    said = []
    for each in exchanges:
        asked = each["method"] == "ESME"
        for side, by_client in (("request", asked), ("answer", not asked)):
            if octets := bytes.fromhex(each[side]["hex"]):
                said.append(Spoken(by_client, octets))
    return said


def dissected(tshark: Path, said: list[Spoken], file: Path) -> list[tuple[str, bool]]:
    """Return what tshark makes of each PDU: its command, and if it is malformed."""
    file.write_bytes(_capture(said))
    shown = subprocess.run(
        (
            *(tshark, "-r", file, "-d", f"tcp.port=={PORTS[0]},smpp", "-Y", "smpp"),
            *("-T", "fields", "-e", "smpp.command_id", "-e", "_ws.malformed"),
        ),
        capture_output=True,
        text=True,
        check=True,
    )
    found = []
    for line in shown.stdout.splitlines():
        commands, _, malformed = line.partition("\t")
        found += [(each, bool(malformed)) for each in commands.split(",")]
    return found


def _capture(said: list[Spoken]) -> bytes:
    packets = [struct.pack("<IHHiIII", MAGIC, 2, 4, 0, 0, 65_535, RAW_IP)]
    numbers = {True: 1, False: 1}  # the next octet of each side
    for second, (by_client, octets) in enumerate(said):
        for start in range(0, len(octets), PIECE):
            piece = octets[start : start + PIECE]
            packet = _packet(by_client, numbers, piece)
            numbers[by_client] += len(piece)
            packets.append(struct.pack("<IIII", second, start, *(len(packet),) * 2))
            packets.append(packet)
    return b"".join(packets)


def _packet(by_client: bool, numbers: dict[bool, int], piece: bytes) -> bytes:  # noqa: FBT001
    centre, client = PORTS
    ports = (client, centre) if by_client else (centre, client)
    own, other = numbers[by_client], numbers[not by_client]
    ends = (b"\x7f\0\0\x02", b"\x7f\0\0\x01")
    source, target = ends if by_client else ends[::-1]
    tcp = struct.pack(">HHIIBBHHH", *ports, own, other, 5 << 4, 0x18, 65_535, 0, 0)
    length = 20 + len(tcp) + len(piece)
    ip = struct.pack(">BBHHHBBH", 0x45, 0, length, 0, 0, 64, 6, 0) + source + target
    return ip + tcp + piece
