"""SMPP as a test speaks it: octets by struct and by hand, and who sends them.

The emulator's own codec is never on both sides of a test.  ``pack_...`` and
``unpack_...`` are the octets.  ``Smsc`` is the server of an ``Api``, on a real socket
and on the loop and the clock of the test: nothing happens but while the test waits.
``SmppClient`` is its client, ``SmppSocket`` one of an emulator in another process.
"""

import asyncio
import socket
import ssl
import struct
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self, TypeVar

from emulator.smsc.smpp_server import SmppServer
from tests.support.emulator import Api

DEADLINE = 60  # seconds; only what hangs comes near
SMALL = 4_096  # octets that wait to be read
STUFFED = 3.0  # seconds that nothing more goes out, and it is full
ENOUGH = 64 * 1024 * 1024  # octets; nothing that is bounded takes so much

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


Got = TypeVar("Got")


class Pdu(NamedTuple):
    """One PDU as it came."""

    command: int
    status: int
    sequence: int
    body: bytes


def get_response_id(command: int) -> int:
    """Return the command of the answer to *command*."""
    return command | 0x80000000


def pack_pdu(
    command: int, sequence: int, body: bytes = b"", *, status: int = 0
) -> bytes:
    return struct.pack(">IIII", 16 + len(body), command, status, sequence) + body


def pack_text(value: str | bytes) -> bytes:
    """Return a C-octet string."""
    return (value.encode("latin-1") if isinstance(value, str) else value) + b"\0"


def pack_tlv(tag: int, value: bytes) -> bytes:
    return struct.pack(">HH", tag, len(value)) + value


def pack_bind(  # noqa: PLR0913 - a bind has these fields
    command: int = BIND_TRANSCEIVER,
    *,
    sequence: int = 1,
    system_id: str = "demo",
    password: str = "demo",
    version: int = 0x34,
    system_type: str = "",
    address_range: str = "",
) -> bytes:
    body = pack_text(system_id) + pack_text(password) + pack_text(system_type)
    body += struct.pack(">BBB", version, 0, 0) + pack_text(address_range)
    return pack_pdu(command, sequence, body)


def pack_submit(
    sequence: int, to: str = "4498987282", short: bytes = b"hola", **fields: Any
) -> bytes:
    """Return a submit_sm; *fields* are those of ``message``, and ``tlvs``."""
    return pack_pdu(SUBMIT_SM, sequence, pack_message(to, short, **fields))


def pack_message(  # noqa: PLR0913 - a message has these fields
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
            pack_text(service_type),
            struct.pack(">BB", source_ton, source_npi),
            pack_text(source),
            struct.pack(">BB", to_ton, to_npi),
            pack_text(to),
            struct.pack(">BBB", esm_class, protocol_id, priority),
            pack_text(schedule),
            pack_text(validity),
            struct.pack(">BBBB", registered, replace, coding, default_id),
            struct.pack(">B", len(short) if length is None else length),
            short,
            tlvs,
        )
    )


class DeliverBody(NamedTuple):
    """The body of a deliver_sm, taken apart."""

    service_type: bytes
    source: tuple[int, int, bytes]
    to: tuple[int, int, bytes]
    esm_class: int
    registered: int
    coding: int
    short: bytes
    tlvs: dict[int, bytes]


def unpack_deliver(body: bytes) -> DeliverBody:
    """Take the body of a deliver_sm apart."""
    service, rest = body.split(b"\0", 1)
    source, rest = _unpack_address(rest)
    to, rest = _unpack_address(rest)
    esm_class, rest = rest[0], rest[3:]
    _, rest = rest.split(b"\0", 1)
    _, rest = rest.split(b"\0", 1)
    registered, coding, length = rest[0], rest[2], rest[4]
    short, rest = rest[5 : 5 + length], rest[5 + length :]
    return DeliverBody(
        service, source, to, esm_class, registered, coding, short, unpack_tlvs(rest)
    )


def unpack_tlvs(octets: bytes) -> dict[int, bytes]:
    """Return optional parameters by tag."""
    found = {}
    while octets:
        tag, length = struct.unpack_from(">HH", octets)
        found[tag] = octets[4 : 4 + length]
        octets = octets[4 + length :]
    return found


def _unpack_address(octets: bytes) -> tuple[tuple[int, int, bytes], bytes]:
    number, rest = octets[2:].split(b"\0", 1)
    return (octets[0], octets[1], number), rest


@dataclass
class SmppClient:
    """A client that sees octets, on the loop of the test."""

    loop: asyncio.AbstractEventLoop
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    waiting: list[Pdu] = field(default_factory=list)

    def say(self, *octets: bytes) -> None:
        """Send octets as they are, in one segment."""
        self.writer.write(b"".join(octets))
        self.run(self.writer.drain())

    def hear(self) -> Pdu:
        """Return the next PDU that comes."""
        return self.run(self._packet())

    def ask(self, octets: bytes) -> Pdu:
        self.say(octets)
        return self.hear()

    def bind(self, **fields: Any) -> Pdu:
        """Bind and return the answer, which has to be a good one."""
        answer = self.ask(pack_bind(**fields))
        assert answer.status == 0, answer
        return answer

    def submit(self, sequence: int = 2, *args: Any, **fields: Any) -> int:
        """Send a message and return its id."""
        answer = self.ask(pack_submit(sequence, *args, **fields))
        assert answer.status == 0, answer
        return int(answer.body[:-1])

    def rest(self) -> bytes:
        """Return all that still comes until the other side hangs up."""
        return self.run(self.reader.read())

    def is_cut(self) -> bool:
        """Return whether the other side hangs up, with nothing said before."""
        try:
            return self.rest() == b""
        except ConnectionResetError:
            return True

    def hang_up(self) -> None:
        self.writer.close()
        self.run(self.writer.wait_closed())

    def reset(self) -> None:
        """Leave without a farewell."""
        line = self.writer.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.writer.transport.abort()
        self.turn()

    def turn(self) -> None:
        """Let the loop do what it has to do at once."""
        for _ in range(10):
            self.run(asyncio.sleep(0))

    def run(self, waiting: Awaitable[Got]) -> Got:
        return self.loop.run_until_complete(asyncio.wait_for(waiting, DEADLINE))

    async def _packet(self) -> Pdu:
        head = await self.reader.readexactly(16)
        length, command, status, sequence = struct.unpack(">IIII", head)
        body = await self.reader.readexactly(length - 16)
        return Pdu(command, status, sequence, body)


@dataclass(repr=False)
class Smsc:
    """The SMPP server of one application, and the clients that a test has there."""

    api: Api
    port: int
    clients: list[SmppClient] = field(default_factory=list)

    def connect(self) -> SmppClient:
        """Connect a client, which does not bind yet."""
        loop = self.api._loop  # noqa: SLF001 - the loop of the server, too
        opened = asyncio.open_connection("127.0.0.1", self.port)
        client = SmppClient(loop, *loop.run_until_complete(opened))
        self.clients.append(client)
        return client

    def wait_for_farewells(self) -> None:
        """Let the server hear to its end what each of its connections has sent."""
        server: SmppServer = self.api.app.state.smpp
        for each in server.connections:
            waiting = asyncio.wait_for(each.closed.wait(), DEADLINE)
            self.api._loop.run_until_complete(waiting)  # noqa: SLF001

    def bind(self, **fields: Any) -> SmppClient:
        """Connect a client and bind it."""
        client = self.connect()
        client.bind(**fields)
        return client


MakeSmsc = Callable[..., Smsc]  # the fixture ``make_smsc``


@contextmanager
def open_smsc(api: Api) -> Iterator[Smsc]:
    """Open the SMPP port of *api* until the block ends."""
    loop = api._loop  # noqa: SLF001 - the loop that everything of the test is on
    listener = socket.create_server(("127.0.0.1", 0))
    server: SmppServer = api.app.state.smpp
    loop.run_until_complete(server.listen([listener]))
    smsc = Smsc(api, listener.getsockname()[1])
    try:
        yield smsc
    finally:
        for each in smsc.clients:
            each.writer.transport.abort()  # whatever the server has left unread
        loop.run_until_complete(server.close())
        loop.run_until_complete(_close_all(smsc.clients))


async def _close_all(clients: list[SmppClient]) -> None:
    """Wait until no transport is left that the end of the loop would find open."""
    for each in clients:
        with suppress(OSError):
            await asyncio.wait_for(each.writer.wait_closed(), DEADLINE)
    for _ in range(2):  # what the server has aborted ends in the loop's next turns
        await asyncio.sleep(0)


class SmppSocket:
    """A client on a blocking socket, which is closed at the end of the block."""

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

    def hear(self) -> Pdu:
        """Return the next PDU that comes."""
        length, command, status, sequence = struct.unpack(">IIII", self._exactly(16))
        return Pdu(command, status, sequence, self._exactly(length - 16))

    def bind(self, system_id: str, password: str, **fields: Any) -> None:
        self.say(pack_bind(system_id=system_id, password=password, **fields))
        answer = self.hear()
        assert answer.status == 0, answer
        self._sequence = answer.sequence

    def submit(self, to: str, short: bytes, **fields: Any) -> int:
        """Send a message and return its id."""
        self._sequence += 1
        self.say(pack_submit(self._sequence, to, short, **fields))
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
