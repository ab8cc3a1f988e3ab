"""The programs under measurement: ``python -m bench.served hello|emulator READY``.

``kept`` is an emulator whose worlds are kept beside the ready file.  ``receiver`` is a
customer's server that costs next to nothing: it says ok to all.

Both run under the emulator's own server, so that they differ in the application only.
The emulator has one route more, which tells how long its loop was blocked at worst.
"""

import asyncio
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import uvloop
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator.serving import composition, server
from emulator.serving.settings import Settings

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BEAT = 0.001  # seconds between two looks at the clock


class Pulse:
    """Measures the longest time in which the loop did nothing else."""

    def __init__(self) -> None:
        self._worst = self._busiest = 0.0
        self._task: asyncio.Task[None] | None = None

    async def tell(self, _request: Request) -> JSONResponse:
        """Answer the worst since the last question: seconds of wall and processor."""
        if self._task is None:
            self._task = asyncio.create_task(self._beat())
        told = {"worst": self._worst, "processor": self._busiest}
        self._worst = self._busiest = 0.0
        return JSONResponse(told)

    async def _beat(self) -> None:
        while True:
            before, busy = time.perf_counter(), time.thread_time()
            await asyncio.sleep(BEAT)
            self._busiest = max(self._busiest, time.thread_time() - busy)
            self._worst = max(self._worst, time.perf_counter() - before - BEAT)


async def hello(_request: Request) -> JSONResponse:
    return JSONResponse({"message": "hello"})


class Agreeing(asyncio.Protocol):
    """Says ok to every request, however it is cut."""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._rest = b""

    def data_received(self, octets: bytes) -> None:
        *requests, self._rest = (self._rest + octets).split(b"\r\n\r\n")
        self._transport.write(OK * len(requests))


async def receive(ready: Path) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Agreeing, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    facts = {"http": f"http://{host}:{port}", "pid": os.getpid()}
    scratch = ready.with_suffix(".new")
    scratch.write_text(json.dumps(facts))
    scratch.replace(ready)
    await server.serve_forever()


def main(kind: str, ready: Path) -> None:
    if kind == "receiver":
        uvloop.run(receive(ready))
    data = ready.parent if kind == "kept" else None
    settings = Settings(
        port=0, smpp_port=0, ready_file=ready, pace="instant", data=data
    )
    if kind == "hello":
        program = Starlette(routes=[Route("/", hello, methods=["GET", "POST"])])
    else:
        program = composition.build_program(settings)
        program.router.routes.append(Route("/bench/pulse", Pulse().tell))
    server.run_server(program, settings, lambda _ready: None)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
