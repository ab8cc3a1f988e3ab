"""Where one PDU ends and the next begins: by command_length and nothing else."""

from emulator.domain.command_status import CommandStatus
from emulator.smpp.pdu import (
    MAX_PDU_LENGTH,
    MIN_PDU_LENGTH,
    PDU_HEADER,
    UINT32,
    MalformedPduError,
)


class PduFramer:
    """Cuts a stream of octets into PDUs, however it arrives.

    What is held is one PDU that is not whole yet, and what came with the last octets.
    """

    __slots__ = ("_at", "_octets")

    def __init__(self) -> None:
        self._octets = b""
        self._at = 0  # what lies before it has been taken

    def feed(self, octets: bytes) -> None:
        if self._at < len(self._octets):
            octets = self._octets[self._at :] + octets
        self._octets, self._at = octets, 0

    def take_frame(self) -> bytes | None:
        """Return the next PDU's octets, or None until it is whole.

        Raises ``MalformedPduError`` for a length that no PDU has, without waiting for
        so many octets; there are no boundaries after that.
        """
        octets, at = self._octets, self._at
        have = len(octets) - at
        if have < UINT32.size:
            return None
        length: int = UINT32.unpack_from(octets, at)[0]
        if not MIN_PDU_LENGTH <= length <= MAX_PDU_LENGTH:
            known = (
                PDU_HEADER.unpack_from(octets, at)
                if have >= MIN_PDU_LENGTH
                else (0,) * 4
            )
            raise MalformedPduError(CommandStatus.ESME_RINVCMDLEN, known[1], known[3])
        if have < length:
            return None
        self._at = at + length
        return octets[at : self._at]
