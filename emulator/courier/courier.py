"""The courier: carries what worlds have put into their outboxes.

Each address of each world has a lane, in which one thing leaves after the other; lanes
do not wait for each other, and no request waits for any of them.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial

from emulator.timekeeping.clock import Clock, stopwatch
from emulator.contract.contract import Webhook
from emulator.courier.http_caller import Caller, Unreached
from emulator.courier.push_request import written
from emulator.domain.delivery import Delivery, Verdict
from emulator.domain.refusals import Refusal
from emulator.operations.background.catch_up import catch_up
from emulator.network.eager import begin
from emulator.operations.control import deliveries
from emulator.world.outbox import Answered, Outbox, Push
from emulator.timekeeping.work_queue import NEVER
from emulator.world.transaction import transact
from emulator.world import World

log = logging.getLogger("emulator")

SPARE = 5.0  # seconds that a listener has to pass an answer on
LONGEST = 30.0  # seconds until what a disk has refused is tried again


class Courier:
    """Looks after the worlds that something may leave."""

    def __init__(
        self, webhooks: Mapping[str, Webhook], caller: Caller, *, seconds: float
    ) -> None:
        self._webhooks = webhooks
        self._caller = caller
        self._seconds = seconds  # of the wall, that an answer may take
        self._posts: dict[World, _Post] = {}

    def look(self, world: World) -> None:
        """See soon what may leave *world*; where no loop runs, whoever comes will."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        post = self._posts.get(world)
        if post is None or post.loop is not loop:
            post = self._posts[world] = _Post(self, world, loop)
        post.look()

    def leave(self, world: World) -> None:
        """Forget a world that nothing may leave."""
        self._posts.pop(world, None)

    async def carry(self, world: World, outbox: Outbox, delivery: Delivery) -> None:
        """Try one delivery and keep what came of it, unless the world was reset."""
        webhook = self._webhooks[str(delivery.kind)]
        try:
            push = written(delivery, webhook, world.account.assumptions)
            began = stopwatch()
            answer = await self._answer(world, outbox, push)
            if world.outbox is not outbox:
                return
            answer = answer._replace(duration=stopwatch() - began)
            now = world.clock.now()
            attempted = partial(deliveries.attempted, world, push, answer, now)
            await transact(world, attempted, happened=True)
            if answer.verdict is Verdict.GONE:  # so that it goes before the next one
                await catch_up(world, world.clock.now())
        except Refusal as refusal:  # of the disk: what is due stays so
            log.warning("world %s: %s", world.name, refusal.why)
        except Exception:
            if world.trouble:  # which is in the log
                return
            log.exception("delivery %s of world %s failed", delivery.id, world.name)
            failed = partial(deliveries.failed, world, delivery, world.clock.now())
            await transact(world, failed, happened=True)
        finally:
            outbox.underway.pop(delivery.id, None)
        world.ring()

    async def _answer(self, world: World, outbox: Outbox, push: Push) -> Answered:
        if outbox.relays:
            return await self._relayed(world, outbox, push)
        try:
            async with asyncio.timeout(self._seconds):
                return await self._caller.call(push)
        except Unreached as error:
            return Answered(verdict=error.verdict, says=str(error))
        except TimeoutError:
            says = f"no answer came within {self._seconds:g} s (--push-timeout)"
            return Answered(verdict=Verdict.TIMED_OUT, says=says)

    async def _relayed(self, world: World, outbox: Outbox, push: Push) -> Answered:
        """Have a listener perform *push*, and return what it was answered."""
        relay = outbox.relays[0]
        number = relay.hand(push)
        try:
            with _bell(world) as bell:
                world.ring()
                async with asyncio.timeout(self._seconds + SPARE):
                    while not relay.has_answered(number) and relay in outbox.relays:
                        await bell.wait()
                        bell.clear()
            return relay.answered(number)
        except TimeoutError:
            relay.take_back(number)
            says = f"the listener said nothing within {self._seconds + SPARE:g} s"
            return Answered(verdict=Verdict.TIMED_OUT, says=says)


class _Post:
    """The courier's post at one world: its lanes, and the alarm for what is due."""

    def __init__(
        self, courier: Courier, world: World, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.loop = loop
        self._courier = courier
        self._world = world
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._outbox = world.outbox
        self._is_looking = False
        self._refused = 0  # times in a row, by the disk
        self._alarm: asyncio.TimerHandle | None = None
        self._dial: tuple[Clock, int] | None = None

    def look(self) -> None:
        if not self._is_looking:
            self._is_looking = True
            self.loop.call_soon(self._attend)

    def _attend(self) -> None:
        begin(self._attended())

    async def _attended(self) -> None:
        """Bring the world up to the time, and let leave what is ready."""
        self._is_looking = False
        world = self._world
        before, patience = world.happened.last, 0.0
        try:
            if not await catch_up(world, world.clock.now()):
                self.look()  # others are let in
            self._refused = 0
        except Refusal as refusal:
            log.error("world %s: %s", world.name, refusal.why)  # noqa: TRY400
            self._refused += 1
            patience = min(2.0**self._refused, LONGEST)
        if world.happened.last != before:
            world.ring()
        if self._outbox is not world.outbox:
            self._outbox = world.outbox
            for lane in self._lanes.values():
                lane.cancel()
            self._lanes = {}
        for url in world.outbox.lanes():
            if url not in self._lanes:
                self._lanes[url] = self.loop.create_task(self._carried(url))
        self._set_alarm(patience)

    async def _carried(self, url: str) -> None:
        """Carry what leaves on one lane until it is empty."""
        world, outbox, lanes = self._world, self._outbox, self._lanes
        try:
            while world.outbox is outbox and (taken := outbox.take(url)):
                if world.commons.store.lasts:
                    leaving = partial(deliveries.leave, world, taken)
                    await transact(world, leaving, happened=True)
                first, *others = (
                    self._courier.carry(world, outbox, each) for each in taken
                )
                await (asyncio.gather(first, *others) if others else first)
        finally:
            lanes.pop(url, None)
            self.look()

    def _set_alarm(self, patience: float) -> None:
        """Look again when the next thing is due, or when somebody turns the clock.

        Not before so many seconds of the wall, in which a disk may be given room.
        """
        world = self._world
        if self._alarm:
            self._alarm.cancel()
            self._alarm = None
        due_at, clock = world.schedule.next_at, world.clock
        if due_at == NEVER:
            world.unlisten(self._heard)
            if not self._lanes:
                self._courier.leave(world)
            return
        self._dial = (clock, clock.turned)
        world.listen(self._heard)
        if clock.rate:
            seconds = (due_at - clock.now()).total_seconds() / clock.rate
            self._alarm = self.loop.call_later(max(seconds, patience), self._attend)

    def _heard(self) -> None:
        """Hear that something has changed; only the clock is of interest."""
        clock = self._world.clock
        if self._dial != (clock, clock.turned):
            self.look()


@contextmanager
def _bell(world: World) -> Iterator[asyncio.Event]:
    """Return what rings when something changes in *world*."""
    bell = asyncio.Event()
    world.listen(bell.set)
    try:
        yield bell
    finally:
        world.unlisten(bell.set)
