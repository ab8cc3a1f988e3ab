"""What a data directory costs: a sync of the disk, and a start over what is kept."""

import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from emulator.client import Emulator

BLOCK = bytes(8 * 1024)  # bytes, as a commit writes them
SYNCS = 300
CAMPAIGNS, RECIPIENTS = 1_000, 1_000


def sync_seconds(folder: Path) -> list[float]:
    """Return the seconds that each of some syncs takes, of a few bytes more."""
    took = []
    with (folder / "synced").open("wb") as file:
        for _ in range(SYNCS):
            before = time.perf_counter()
            file.write(BLOCK)
            file.flush()
            os.fdatasync(file.fileno())
            took.append(time.perf_counter() - before)
    return took


@contextmanager
def kept_messages(world: str) -> Iterator[Path]:
    """Keep a million messages in one world; return the directory."""
    rows = [{"cellphone": str(4490000000 + i)} for i in range(RECIPIENTS)]
    order = json.loads(json.dumps({"text": "hola", "recipients": rows, "route": 170}))
    with TemporaryDirectory() as name:
        folder = Path(name)
        with Emulator.in_process(clock="frozen", pace="instant", data=folder) as demo:
            emulator = demo.create(world, clock="frozen", pace="instant")
            for _ in range(CAMPAIGNS):
                answer = emulator.request("POST", "/api/v3/campaign", json=order)
                assert answer.status == 200, answer.text
        yield folder
