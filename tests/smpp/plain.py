"""A client of SMPP on a blocking socket, for an emulator in another process."""

import socket
import ssl
import struct
from types import TracebackType
from typing import Any, Self

from tests.served import DEADLINE
from tests.smpp import packed
from tests.smpp.packed import Packet

SMALL = 4_096  # octets that wait to be read
STUFFED = 3.0  # seconds that nothing more goes out, and it is full
ENOUGH = 64 * 1024 * 1024  # octets; nothing that is bounded takes so much


class Plain:
    """Sees octets; its socket is closed at the end of the block."""

    def __init__(
        self, host: str, port: int, context: ssl.SSLContext | None = None
    ) -> None:
        self._line = socket.socket()
        self._line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL)
        self._line.settimeout(DEADLINE)
        self._line.connect((host, port))
        if context is not None:
            self._line = context.wrap_socket(self._line, server_hostname="localhost")
        self._sequence = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._line.close()

    def say(self, octets: bytes) -> None:
        self._line.sendall(octets)

    def hear(self) -> Packet:
        """Return the next PDU that comes."""
        length, command, status, sequence = struct.unpack(">IIII", self._exactly(16))
        return Packet(command, status, sequence, self._exactly(length - 16))

    def bind(self, system_id: str, password: str, **fields: Any) -> None:
        self.say(packed.bind(system_id=system_id, password=password, **fields))
        answer = self.hear()
        assert answer.status == 0, answer
        self._sequence = answer.sequence

    def submit(self, to: str, short: bytes, **fields: Any) -> int:
        """Send a message and return its id."""
        self._sequence += 1
        self.say(packed.submit(self._sequence, to, short, **fields))
        answer = self.hear()
        assert answer.status == 0, answer
        return int(answer.body[:-1])

    def rest(self) -> bytes:
        """Return what still comes until the other side hangs up."""
        return b"".join(iter(lambda: self._line.recv(65_536), b""))

    def stuff(self, octets: bytes) -> None:
        """Send *octets* over and over, reading nothing, until nothing more goes out."""
        self._line.settimeout(STUFFED)
        many, sent = octets * 10_000, 0
        try:
            while sent < ENOUGH:
                sent += self._line.send(many[sent % len(octets) :])
        except TimeoutError:
            return
        finally:
            self._line.settimeout(DEADLINE)
        message = f"{sent} octets were taken from a client that reads nothing"
        raise AssertionError(message)

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            piece = self._line.recv(count - len(octets))
            assert piece, f"hung up after {len(octets)} octets of {count}"
            octets += piece
        return octets
