"""The programs under measurement: ``python -m bench.served hello|emulator READY``.

Both run under the emulator's own server, so that they differ in the application only.
The emulator has one route more, which tells how long its loop was blocked at worst.
"""

import asyncio
import sys
import time
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from emulator import app, server
from emulator.settings import Settings

BEAT = 0.001  # seconds between two looks at the clock


class Pulse:
    """Measures the longest time in which the loop did nothing else."""

    def __init__(self) -> None:
        self._worst = 0.0
        self._task: asyncio.Task[None] | None = None

    async def tell(self, _request: Request) -> JSONResponse:
        """Answer the worst since the last question, in seconds."""
        if self._task is None:
            self._task = asyncio.create_task(self._beat())
        worst, self._worst = self._worst, 0.0
        return JSONResponse({"worst": worst})

    async def _beat(self) -> None:
        while True:
            before = time.perf_counter()
            await asyncio.sleep(BEAT)
            self._worst = max(self._worst, time.perf_counter() - before - BEAT)


async def hello(_request: Request) -> JSONResponse:
    return JSONResponse({"message": "hello"})


def main(kind: str, ready: Path) -> None:
    settings = Settings(port=0, ready_file=ready, pace="instant")
    if kind == "hello":
        program = Starlette(routes=[Route("/", hello, methods=["GET", "POST"])])
    else:
        program = app.build(settings)
        program.router.routes.append(Route("/bench/pulse", Pulse().tell))
    server.run(program, settings, lambda _ready: None)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
