"""Forwarding: a push is made again here, to a server that the emulator cannot reach."""

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from emulator.client.listener import PerformPush, PushOutcome
from emulator.client.shown import Fact
from emulator.courier.http_caller import HttpCaller, NoResponseError
from emulator.domain.targets import AllowedTargets
from emulator.world.outbox import PushRequest

FORWARD_TIMEOUT = 10.0  # that an answer may take
MAX_BODY_BYTES = 64 * 1024  # octets of it that are passed on
MO_PUSHES = frozenset({"moPush", "smppMoPush"})
HOP_HEADERS = frozenset({"connection", "keep-alive", "transfer-encoding"})


def make_forwarder(
    target: str, print_line: Callable[[str], object], *, allowed: Sequence[str] = ()
) -> PerformPush:
    """Return a function that repeats each push to *target*; a keyword has its own URL.

    Any client of the control API may set that URL: it is called only where the
    emulator itself might call, and where *target* or *allowed* leads.  *print_line*
    gets a line for each.
    """
    targets = AllowedTargets((urlsplit(target).hostname or "", *allowed))

    def perform(push: Fact) -> PushOutcome:
        url = target if push.operation in MO_PUSHES else push.url
        made = PushRequest(0, push.operation, push.method, url, push.parameters)
        said = asyncio.run(_call_target(made, targets))
        came = (
            str(said.status) if said.status else f"{said.verdict}: {said.explanation}"
        )
        print_line(
            f"{push.operation} {push.parameters} -> {url}: {came} {said.body[:80]}"
        )
        return said

    return perform


async def _call_target(push: PushRequest, targets: AllowedTargets) -> PushOutcome:
    """Return the answer of a server to *push*, or why there is none."""
    try:
        async with asyncio.timeout(FORWARD_TIMEOUT):
            answer = await HttpCaller(targets, body_limit=MAX_BODY_BYTES).send_push(
                push
            )
    except TimeoutError:
        return PushOutcome(
            verdict="timed_out",
            explanation=f"no answer came within {FORWARD_TIMEOUT:g} s",
        )
    except NoResponseError as error:
        return PushOutcome(verdict=error.verdict, explanation=str(error)[:200])
    headers = {name: value for name, value in answer.headers if name not in HOP_HEADERS}
    return PushOutcome(answer.status, answer.body, headers)
