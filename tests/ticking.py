"""A loop whose clock a test puts forward: what waits for an hour waits no time."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

DEADLINE = 20  # seconds; only what hangs comes near
TURNS = 20  # of the loop, in which everything is done that can be done at once
Got = TypeVar("Got")


class Ticking(asyncio.SelectorEventLoop):
    """Runs as any loop does, and has its time from the machine and the test."""

    ahead = 0.0  # seconds

    def __init__(self) -> None:
        super().__init__()
        self.called: list[Any] = []  # the protocols of connections that were opened

    def time(self) -> float:
        return super().time() + self.ahead

    async def create_connection(self, *args: Any, **kwargs: Any) -> Any:
        transport, protocol = await super().create_connection(*args, **kwargs)
        self.called.append(protocol)
        return transport, protocol

    def run(self, waiting: Coroutine[Any, Any, Got]) -> Got:
        """Return what comes of *waiting*."""
        return self.run_until_complete(waiting)

    def turn(self) -> None:
        """Do all that can be done at once."""
        self.run_until_complete(_turns())

    def put_forward(self, seconds: float) -> None:
        """Let so many seconds pass, and do what is due then."""
        self.ahead += seconds
        self.turn()


async def _turns() -> None:
    for _ in range(TURNS):
        await asyncio.sleep(0)
