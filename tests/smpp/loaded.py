"""Clients under load: each keeps a window of submit_sm open and answers receipts."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.smpp import packed
from tests.smpp.dialled import Caller, Phone
from tests.smpp.packed import RECEIPTED_MESSAGE_ID, delivered, resp

DEADLINE = 30  # seconds; only what hangs comes near


@dataclass
class Client:
    """One connection: what it submits, and what came of it."""

    caller: Caller
    messages: int = 0
    window: int = 100
    answers_late: int = 0  # turns of the loop before it acknowledges
    statuses: list[int] = field(default_factory=list)  # of submit_sm_resp, in order
    ids: list[bytes] = field(default_factory=list)  # of what was accepted
    receipts: list[bytes] = field(default_factory=list)  # ids of those acknowledged
    _sent: int = 0

    async def run(self) -> None:
        """Submit and acknowledge until somebody cancels it."""
        self._fill()
        while True:
            asked = await self.caller._packet()  # noqa: SLF001 - the same client
            if asked.command == resp(packed.SUBMIT_SM):
                self.statuses.append(asked.status)
                if not asked.status:
                    self.ids.append(asked.body)
            elif asked.command == packed.DELIVER_SM:
                for _ in range(self.answers_late):
                    await asyncio.sleep(0)
                self.receipts.append(delivered(asked.body).tlvs[RECEIPTED_MESSAGE_ID])
                answer = resp(packed.DELIVER_SM)
                self.caller.writer.write(packed.packet(answer, asked.sequence, b"\0"))
            self._fill()

    def _fill(self) -> None:
        room = self.window - (self._sent - len(self.statuses))
        more = range(self._sent, min(self.messages, self._sent + room))
        octets = [packed.submit(2 + each, registered=1) for each in more]
        self._sent += len(octets)
        self.caller.writer.write(b"".join(octets))

    @property
    def is_answered(self) -> bool:
        return len(self.statuses) == self.messages


def run(phone: Phone, clients: Sequence[Client]) -> None:
    """Let *clients* submit until all is answered and every receipt has come.

    Fails where one is dropped, does not come, comes twice or is about something else.
    """
    clients[0].caller.loop.run_until_complete(_run(phone, clients))
    told = Counter(each for client in clients for each in client.receipts)
    placed = Counter(each for client in clients for each in client.ids)
    assert told == placed


async def _run(phone: Phone, clients: Sequence[Client]) -> None:
    dropped = phone.api.world.shared.counters.dropped
    tasks = [asyncio.ensure_future(each.run()) for each in clients]
    try:
        async with asyncio.timeout(DEADLINE):
            while not _is_done(clients):
                await asyncio.sleep(0)
                assert not dropped
                for each in tasks:
                    if each.done():
                        each.result()
    except TimeoutError:
        seen = [(len(each.statuses), len(each.receipts)) for each in clients]
        message = f"answers and receipts when the time was up: {seen}"
        raise AssertionError(message) from None
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_done(clients: Sequence[Client]) -> bool:
    placed = sum(len(each.ids) for each in clients)
    told = sum(len(each.receipts) for each in clients)
    return all(each.is_answered for each in clients) and told >= placed
