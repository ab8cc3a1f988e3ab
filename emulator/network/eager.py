"""Coroutines that are begun at once by what is none, a callback of a loop, say.

Most never have to wait, and are then over before the callback goes on.
"""

import asyncio
import logging
from collections.abc import Coroutine, Generator
from typing import Any

log = logging.getLogger("emulator")

_tasks: set["asyncio.Task[None]"] = set()  # a loop itself keeps no hold of them


def start_eagerly(work: Coroutine[Any, Any, None]) -> None:
    """Run *work* until it waits for something; the loop runs the rest."""
    try:
        waits_for = work.send(None)
    except StopIteration:
        return
    task = asyncio.get_running_loop().create_task(_finish_work(work, waits_for))
    _tasks.add(task)
    task.add_done_callback(_tasks.discard)


async def _finish_work(work: Coroutine[Any, Any, None], waits_for: Any) -> None:
    try:
        await _StartedWork(work, waits_for)
    except Exception:
        log.exception("what was begun at once has failed")


class _StartedWork:
    """Run the rest of a coroutine that already waits."""

    def __init__(self, work: Coroutine[Any, Any, None], waits_for: Any) -> None:
        self._work = work
        self._waits_for = waits_for

    def __await__(self) -> Generator[Any, Any, None]:
        waits_for = self._waits_for
        while True:
            try:
                try:
                    got = yield waits_for
                except BaseException as error:  # noqa: BLE001 - it is the work's
                    waits_for = self._work.throw(error)
                else:
                    waits_for = self._work.send(got)
            except StopIteration:
                return
