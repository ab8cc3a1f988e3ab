"""A load generator of a few lines, fast enough to be no part of the measurement.

It runs in a process of its own: ``python -m bench.load`` reads one JSON order from its
standard input and writes what it measured to its standard output.
"""

import asyncio
import json
import sys
import time
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

import uvloop

END_OF_HEAD = b"\r\n\r\n"


@dataclass(frozen=True)
class Order:
    host: str
    port: int
    request: str  # the octets, in latin-1
    connections: int
    seconds: float
    warm_up: float


@dataclass(frozen=True)
class Result:
    per_second: float
    p50: float  # seconds
    p99: float
    worst: float


class Connection(asyncio.Protocol):
    """Asks, waits for the answer and asks again."""

    def __init__(self, request: bytes, took: list[float]) -> None:
        self._request = request
        self._took = took
        self._received = b""
        self._asked_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._ask()

    def data_received(self, octets: bytes) -> None:
        self._received += octets
        head, found, body = self._received.partition(END_OF_HEAD)
        if not found or not whole(head.lower(), body):
            return
        if not head.startswith(b"HTTP/1.1 200"):
            sys.exit(head.decode("latin-1"))
        self._took.append(time.perf_counter() - self._asked_at)
        self._received = b""
        self._ask()

    def _ask(self) -> None:
        self._asked_at = time.perf_counter()
        self._transport.write(self._request)


def whole(head: bytes, body: bytes) -> bool:
    """Whether *body* is all that *head* announced."""
    _, announced, rest = head.partition(b"content-length: ")
    if announced:
        return len(body) >= int(rest.split(b"\r\n", 1)[0])
    return body.endswith(b"0\r\n\r\n")


def keep_awake(loop: asyncio.AbstractEventLoop) -> None:
    """Never let the loop sleep: to wake it would be charged to the server."""
    loop.call_soon(keep_awake, loop)


async def measured(order: Order) -> Result:
    took: list[float] = []
    loop = asyncio.get_running_loop()
    request = order.request.encode("latin-1")
    transports = deque(
        [
            (
                await loop.create_connection(
                    lambda: Connection(request, took), order.host, order.port
                )
            )[0]
            for _ in range(order.connections)
        ]
    )
    keep_awake(loop)
    await asyncio.sleep(order.warm_up)
    took.clear()
    started = time.perf_counter()
    await asyncio.sleep(order.seconds)
    elapsed = time.perf_counter() - started
    done = sorted(took)
    for transport in transports:
        transport.abort()
    return Result(
        per_second=len(done) / elapsed,
        p50=done[len(done) // 2],
        p99=done[len(done) * 99 // 100],
        worst=done[-1],
    )


if __name__ == "__main__":
    answer = uvloop.run(measured(Order(**json.load(sys.stdin))))
    json.dump(asdict(answer), sys.stdout)
