"""A client of SMPP under measurement: ``python -m bench.smpp`` with an order on stdin.

One blocking connection keeps a window of submit_sm open and acknowledges receipts.
"""

import json
import socket
import struct
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

HEADER = struct.Struct(">IIII")
SUBMIT_SM, DELIVER_SM, BIND_TRANSCEIVER = 0x04, 0x05, 0x09
REPLY = 0x80000000
TEXT = b"Su folio es 123456, gracias por su compra"


@dataclass(frozen=True)
class Order:
    host: str
    port: int
    seconds: float
    window: int = 100
    receipts: bool = False
    system_id: str = "world-bench"
    messages: int = sys.maxsize  # after which it stops, if the time is not up before


@dataclass(frozen=True)
class Result:
    """Per second, and how long the slowest of a hundred waited, in seconds.

    With receipts it counts until the last of them has been acknowledged.
    """

    submitted: float
    receipts: float
    p99: float
    messages: int = 0  # that were accepted
    acknowledged: int = 0  # receipts


def body(*, registered: bool) -> bytes:
    return b"".join(
        (
            b"\0\0\0" + b"74342\0" + b"\1\1" + b"4498987282\0",
            b"\0\0\0" + b"\0\0" + bytes((registered, 0, 0, 0, len(TEXT))) + TEXT,
        )
    )


def measured(order: Order) -> Result:
    line = socket.create_connection((order.host, order.port))
    line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bind = order.system_id.encode() + b"\0x\0\0\x34\0\0\0"
    line.sendall(HEADER.pack(16 + len(bind), BIND_TRANSCEIVER, 0, 1) + bind)
    asked = body(registered=order.receipts)
    length = HEADER.size + len(asked)
    sequence, answered, receipts, buffer = 1, 0, 0, b""
    sent: deque[float] = deque()
    waits: list[float] = []
    began = now = time.perf_counter()
    end, bound = began + order.seconds, False
    most = order.messages + 1  # sequence numbers, with the bind's
    while (
        (now < end and sequence < most)
        or sent
        or (order.receipts and receipts < answered)
    ):
        out = []
        while bound and len(sent) < order.window and sequence < most and now < end:
            sequence += 1
            sent.append(now)
            out.append(HEADER.pack(length, SUBMIT_SM, 0, sequence) + asked)
        if out:
            line.sendall(b"".join(out))
        buffer += line.recv(262_144)
        now = time.perf_counter()
        at, out = 0, []
        while len(buffer) - at >= HEADER.size:
            size, command, status, number = HEADER.unpack_from(buffer, at)
            if len(buffer) - at < size:
                break
            at += size
            if status:
                sys.exit(f"command 0x{command:X}: status 0x{status:X}")
            if command == SUBMIT_SM | REPLY:
                waits.append(now - sent.popleft())
                answered += 1
            elif command == DELIVER_SM:
                receipts += 1
                out.append(HEADER.pack(17, DELIVER_SM | REPLY, 0, number) + b"\0")
            else:
                bound = True
        buffer = buffer[at:]
        if out:
            line.sendall(b"".join(out))
    took = now - began
    waits.sort()
    p99 = waits[len(waits) * 99 // 100]
    return Result(answered / took, receipts / took, p99, answered, receipts)


@contextmanager
def submitting(order: Order) -> Iterator[Callable[[], Result | None]]:
    """Submit from another process; the result is there at the end."""
    command = [sys.executable, "-m", "bench.smpp"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(order)))
    process.stdin.close()

    def result() -> Result | None:
        if process.poll() is None:
            return None
        assert process.stdout is not None
        if process.returncode:
            sys.exit("the client of SMPP gave up")
        return Result(**json.loads(process.stdout.read()))

    yield result


READER = """\
import socket, sys
line = socket.create_connection((sys.argv[1], int(sys.argv[2])))
line.sendall(b"GET /_emulator/events HTTP/1.1\\r\\nHost: bench\\r\\n"
             b"Authorization: Bearer world-bench\\r\\n\\r\\n")
print(len(line.recv(1_048_576)), flush=True)
while line.recv(1_048_576):
    pass
"""


@contextmanager
def reading(host: str, port: int) -> Iterator[None]:
    """Read the event stream in another process."""
    command = [sys.executable, "-c", READER, host, str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()  # it is being read from now on
        try:
            yield
        finally:
            process.kill()


@contextmanager
def bound(host: str, port: int) -> Iterator[socket.socket]:
    """Return a connection that is bound and does nothing more."""
    with socket.create_connection((host, port)) as line:
        bind = b"world-idle\0x\0\0\x34\0\0\0"
        line.sendall(HEADER.pack(16 + len(bind), BIND_TRANSCEIVER, 0, 1) + bind)
        line.recv(100)
        yield line


if __name__ == "__main__":
    print(json.dumps(asdict(measured(Order(**json.load(sys.stdin))))))
