"""The courier: sends the deliveries in the outboxes of the worlds.

Each address of each world has a lane, in which one thing leaves after the other; lanes
do not wait for each other, and no request waits for any of them.
"""

import asyncio
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from functools import partial
from urllib.parse import urlencode

from emulator.contract.contract import ContractError, Webhook
from emulator.courier.http_caller import HttpCaller, NoResponseError
from emulator.domain.assumptions import Assumptions
from emulator.domain.delivery import Delivery, PushMutation, Verdict
from emulator.domain.push import (
    ParameterPairs,
    apply_cellphone_name,
    apply_push_mutation,
)
from emulator.domain.refusals import Refusal
from emulator.network.eager import start_eagerly
from emulator.operations.background.catch_up import catch_up
from emulator.operations.control import deliveries
from emulator.timekeeping.clock import Clock, stopwatch
from emulator.timekeeping.work_queue import NEVER
from emulator.world import World
from emulator.world.outbox import Outbox, PushRequest, PushResponse
from emulator.world.transaction import run_transaction

log = logging.getLogger("emulator")

RELAY_GRACE = 5.0  # seconds more for a listener to report an answer
MAX_RETRY_DELAY = 30.0  # seconds until a refused write is tried again


class Courier:
    """Sends the deliveries of all worlds of the process."""

    def __init__(
        self, webhooks: Mapping[str, Webhook], caller: HttpCaller, *, seconds: float
    ) -> None:
        self._webhooks = webhooks
        self._caller = caller
        self._timeout = seconds  # of the wall, that an answer may take
        self._world_couriers: dict[World, _WorldCourier] = {}

    def schedule_dispatch(self, world: World) -> None:
        """Send soon what may leave *world*; without a loop, the next request does."""
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return
        post = self._world_couriers.get(world)
        if post is None or post.loop is not loop:
            post = self._world_couriers[world] = _WorldCourier(self, world, loop)
        post.schedule_dispatch()

    def forget_world(self, world: World) -> None:
        """Forget a world that has nothing to send."""
        self._world_couriers.pop(world, None)

    async def attempt_delivery(
        self, world: World, outbox: Outbox, delivery: Delivery
    ) -> None:
        """Try one delivery and keep the attempt, unless the world was reset."""
        webhook = self._webhooks[str(delivery.kind)]
        try:
            push = make_push(delivery, webhook, world.account.assumptions)
            began = stopwatch()
            answer = await self._send_push(world, outbox, push)
            if world.outbox is not outbox:
                return
            answer = answer._replace(duration=stopwatch() - began)
            now = world.clock.now()
            attempted = partial(deliveries.keep_attempt, world, push, answer, now)
            await run_transaction(world, attempted, has_happened=True)
            if answer.verdict is Verdict.GONE:  # so that it goes before the next one
                await catch_up(world, world.clock.now())
        except Refusal as refusal:  # of the disk: what is due stays so
            log.warning("world %s: %s", world.name, refusal.why)
        except Exception:
            if world.trouble:  # which is in the log
                return
            log.exception("delivery %s of world %s failed", delivery.id, world.name)
            failed = partial(
                deliveries.keep_failed_attempt, world, delivery, world.clock.now()
            )
            await run_transaction(world, failed, has_happened=True)
        finally:
            outbox.underway.pop(delivery.id, None)
        if world.listeners:
            world.notify_listeners()

    async def _send_push(
        self, world: World, outbox: Outbox, push: PushRequest
    ) -> PushResponse:
        if outbox.relays:
            return await self._relay_push(world, outbox, push)
        try:
            async with asyncio.timeout(self._timeout):
                return await self._caller.send_push(push)
        except NoResponseError as error:
            return PushResponse(verdict=error.verdict, says=str(error))
        except TimeoutError:
            says = f"no answer came within {self._timeout:g} s (--push-timeout)"
            return PushResponse(verdict=Verdict.TIMED_OUT, says=says)

    async def _relay_push(
        self, world: World, outbox: Outbox, push: PushRequest
    ) -> PushResponse:
        """Have a listener perform *push*, and return the answer."""
        relay = outbox.relays[0]
        number = relay.assign_push(push)
        try:
            with _watch_changes(world) as bell:
                world.notify_listeners()
                async with asyncio.timeout(self._timeout + RELAY_GRACE):
                    while not relay.has_response(number) and relay in outbox.relays:
                        await bell.wait()
                        bell.clear()
            return relay.pop_response(number)
        except TimeoutError:
            relay.cancel_push(number)
            says = f"the listener said nothing within {self._timeout + RELAY_GRACE:g} s"
            return PushResponse(verdict=Verdict.TIMED_OUT, says=says)


class _WorldCourier:
    """The courier of one world: its lanes, and the timer for what is due."""

    def __init__(
        self, courier: Courier, world: World, loop: asyncio.AbstractEventLoop
    ) -> None:
        self.loop = loop
        self._courier = courier
        self._world = world
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._outbox = world.outbox
        self._is_scheduled = False
        self._failures = 0  # of the store, in a row
        self._timer: asyncio.TimerHandle | None = None
        self._clock_setting: tuple[Clock, int] | None = None

    def schedule_dispatch(self) -> None:
        if not self._is_scheduled:
            self._is_scheduled = True
            self.loop.call_soon(self._start_dispatch)

    def _start_dispatch(self) -> None:
        now = self._world.clock.now()
        if self._world.work_queue.next_at <= now:
            start_eagerly(self._carry_out_due(now))
        else:
            self._is_scheduled = False
            self._start_lanes()

    async def _carry_out_due(self, now: datetime) -> None:
        """Bring the world up to the time, and start the lanes that are ready."""
        world, before, patience = self._world, self._world.event_log.last, 0.0
        try:
            await catch_up(world, now)
            self._failures = 0
        except Refusal as refusal:
            log.error("world %s: %s", world.name, refusal.why)  # noqa: TRY400
            self._failures += 1
            patience = min(2.0**self._failures, MAX_RETRY_DELAY)
        finally:
            self._is_scheduled = False  # what came meanwhile is seen below
        if world.event_log.last != before:
            world.notify_listeners()
        self._start_lanes(patience)

    def _start_lanes(self, patience: float = 0.0) -> None:
        """Start the lanes that are ready, and the timer for what is due later."""
        world = self._world
        if self._outbox is not world.outbox:
            self._outbox = world.outbox
            for lane in self._lanes.values():
                lane.cancel()
            self._lanes = {}
        for url in world.outbox.open_lanes():
            if url not in self._lanes:
                self._lanes[url] = self.loop.create_task(self._run_lane(url))
        self._set_timer(patience)

    async def _run_lane(self, url: str) -> None:
        """Send the deliveries of one lane until it is empty."""
        world, outbox, lanes = self._world, self._outbox, self._lanes
        try:
            while world.outbox is outbox and (taken := outbox.take_next(url)):
                if world.shared.store.is_durable:
                    leaving = partial(deliveries.keep_deliveries_leaving, world, taken)
                    await run_transaction(world, leaving, has_happened=True)
                first, *others = (
                    self._courier.attempt_delivery(world, outbox, each)
                    for each in taken
                )
                await (asyncio.gather(first, *others) if others else first)
        finally:
            lanes.pop(url, None)
            self.schedule_dispatch()

    def _set_timer(self, min_delay: float) -> None:
        """Run again when the next delivery is due, or when the clock is changed.

        Not before *min_delay* real seconds, in which a disk may be given room.
        """
        world = self._world
        if self._timer:
            self._timer.cancel()
            self._timer = None
        due_at, clock = world.work_queue.next_at, world.clock
        if due_at == NEVER:
            if self._clock_setting is not None:
                self._clock_setting = None
                world.remove_listener(self._handle_change)
            if not self._lanes:
                self._courier.forget_world(world)
            return
        self._clock_setting = (clock, clock.change_count)
        world.add_listener(self._handle_change)
        seconds = (due_at - clock.now()).total_seconds()
        if seconds <= 0 and not min_delay:
            self.schedule_dispatch()  # so that other tasks run between
        elif clock.rate:
            delay = max(seconds / clock.rate, min_delay)
            self._timer = self.loop.call_later(delay, self._start_dispatch)

    def _handle_change(self) -> None:
        """Dispatch again if the clock of the world was changed."""
        clock = self._world.clock
        if self._clock_setting != (clock, clock.change_count):
            self.schedule_dispatch()


@contextmanager
def _watch_changes(world: World) -> Iterator[asyncio.Event]:
    """Return an event that is set when something changes in *world*."""
    bell = asyncio.Event()
    world.add_listener(bell.set)
    try:
        yield bell
    finally:
        world.remove_listener(bell.set)


def make_push(
    delivery: Delivery, webhook: Webhook, assumptions: Assumptions
) -> PushRequest:
    """Return the request of a push, as the contract's webhook has it.

    Raises ``ContractError`` for facts that the contract does not describe.

    Source: manual MOP-03 for GET and the query.
    """
    pairs: ParameterPairs = []
    for parameter in webhook.parameters:
        value = delivery.parameters.get(parameter.name.casefold())
        if not parameter.admits_value(value):
            message = f"{webhook.id} would send {parameter.name}={value!r}"
            raise ContractError(message)
        pairs.append((parameter.name, value))  # type: ignore[arg-type] # admitted
    pairs = apply_push_mutation(
        apply_cellphone_name(pairs, assumptions.chosen["mo_cellphone_name"]),
        delivery.trick,
    )
    return PushRequest(
        delivery=delivery.id,
        operation=webhook.id,
        method="POST" if delivery.trick is PushMutation.POST else "GET",
        url=delivery.url,
        parameters=urlencode(pairs),
    )
