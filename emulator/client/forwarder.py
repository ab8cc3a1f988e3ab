"""Forwarding: a push is made again here, to a server that the emulator cannot reach."""

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from emulator.client.listener import Perform, Said
from emulator.client.shown import Fact
from emulator.courier.http_caller import Caller, Unreached
from emulator.domain.targets import Targets
from emulator.world.outbox import Push

SECONDS = 10.0  # that an answer may take
MOST = 64 * 1024  # octets of it that are passed on
REPLIES = frozenset({"moPush", "smppMoPush"})
REPEATED = frozenset({"connection", "keep-alive", "transfer-encoding"})


def forwarding(
    target: str, report: Callable[[str], object], *, allowed: Sequence[str] = ()
) -> Perform:
    """Return what makes each push again, to *target*; a keyword has its own URL.

    That one is whoever's who commands the emulator: it is called where the emulator
    itself might call, and where *target* or *allowed* leads.  *report* is told a line
    for each.
    """
    targets = Targets((urlsplit(target).hostname or "", *allowed))

    def perform(push: Fact) -> Said:
        url = target if push.operation in REPLIES else push.url
        made = Push(0, push.operation, push.method, url, push.parameters)
        said = asyncio.run(_asked(made, targets))
        came = str(said.status) if said.status else f"{said.verdict}: {said.says}"
        report(f"{push.operation} {push.parameters} -> {url}: {came} {said.body[:80]}")
        return said

    return perform


async def _asked(push: Push, targets: Targets) -> Said:
    """Return what a server says to *push*, or why it said nothing."""
    try:
        async with asyncio.timeout(SECONDS):
            answer = await Caller(targets, most=MOST).call(push)
    except TimeoutError:
        return Said(verdict="timed_out", says=f"no answer came within {SECONDS:g} s")
    except Unreached as error:
        return Said(verdict=error.verdict, says=str(error)[:200])
    headers = {name: value for name, value in answer.headers if name not in REPEATED}
    return Said(answer.status, answer.body, headers)
