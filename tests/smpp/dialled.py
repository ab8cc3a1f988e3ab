"""The SMPP door on a free port, beside the application of a test.

Sockets and octets are real, the loop and the clock are the test's: nothing happens but
while the test waits for something.
"""

import asyncio
import socket
import struct
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

from emulator.smsc.smpp_server import SmppServer
from tests.emulated import Api
from tests.smpp import packed
from tests.smpp.packed import Packet

DEADLINE = 30  # seconds; only what hangs comes near
Got = TypeVar("Got")


@dataclass
class Caller:
    """A client that sees octets."""

    loop: asyncio.AbstractEventLoop
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    waiting: list[Packet] = field(default_factory=list)

    def say(self, *octets: bytes) -> None:
        """Send octets as they are, in one segment."""
        self.writer.write(b"".join(octets))
        self.run(self.writer.drain())

    def hear(self) -> Packet:
        """Return the next PDU that comes."""
        return self.run(self._packet())

    def ask(self, octets: bytes) -> Packet:
        self.say(octets)
        return self.hear()

    def bind(self, **fields: Any) -> Packet:
        """Bind and return the answer, which has to be a good one."""
        answer = self.ask(packed.bind(**fields))
        assert answer.status == 0, answer
        return answer

    def submit(self, sequence: int = 2, *args: Any, **fields: Any) -> int:
        """Send a message and return its id."""
        answer = self.ask(packed.submit(sequence, *args, **fields))
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

    async def _packet(self) -> Packet:
        head = await self.reader.readexactly(16)
        length, command, status, sequence = struct.unpack(">IIII", head)
        body = await self.reader.readexactly(length - 16)
        return Packet(command, status, sequence, body)


@dataclass(repr=False)
class Phone:
    """The door of one application, and the callers that a test has there."""

    api: Api
    port: int
    callers: list[Caller] = field(default_factory=list)

    def call(self) -> Caller:
        """Connect."""
        loop = self.api._loop  # noqa: SLF001 - the loop that the door is on as well
        opened = asyncio.open_connection("127.0.0.1", self.port)
        caller = Caller(loop, *loop.run_until_complete(opened))
        self.callers.append(caller)
        return caller

    def wait_until_all_have_left(self) -> None:
        """Let the door hear to its end what each of its connections has sent."""
        door: SmppServer = self.api.app.state.smpp
        for each in door.connections:
            waiting = asyncio.wait_for(each.closed.wait(), DEADLINE)
            self.api._loop.run_until_complete(waiting)  # noqa: SLF001

    def bound(self, **fields: Any) -> Caller:
        """Connect and bind."""
        caller = self.call()
        caller.bind(**fields)
        return caller


@contextmanager
def listening(api: Api) -> Iterator[Phone]:
    """Open the door of *api* until the block ends."""
    loop = api._loop  # noqa: SLF001 - the loop that everything of the test is on
    listener = socket.create_server(("127.0.0.1", 0))
    door: SmppServer = api.app.state.smpp
    loop.run_until_complete(door.listen([listener]))
    phone = Phone(api, listener.getsockname()[1])
    try:
        yield phone
    finally:
        for each in phone.callers:
            each.writer.transport.abort()  # whatever the door has left unread
        loop.run_until_complete(door.close())
        loop.run_until_complete(_all_closed(phone.callers))


async def _all_closed(callers: list[Caller]) -> None:
    """Wait until no transport is left that the end of the loop would find open."""
    for each in callers:
        with suppress(OSError):
            await asyncio.wait_for(each.writer.wait_closed(), DEADLINE)
    for _ in range(2):  # what the door has aborted ends in the loop's next turns
        await asyncio.sleep(0)
