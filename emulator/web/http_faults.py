"""How a fault is felt over HTTP: in the right answer's place, too late, or spoilt."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from msgspec import Struct

from emulator.domain.refusals import Reason, Refusal
from emulator.operations.background.catch_up import come_early
from emulator.faults import Delayed, Phase, Rule
from emulator.faults.effects.wire import WireFailure
from emulator.operations.call import Call
from emulator.world.transaction import transact
from emulator.web import broken_answers
from emulator.web import waiting
from emulator.web import http_body
from emulator.web.request_context import Door, Visit
from emulator.web.http_body import Answer
from emulator.world import World

log = logging.getLogger("emulator")

CarryOut = Callable[[], Awaitable[Answer]]
BLANKS = ("field", "field_of", "limit", "mark", "other", "service")  # of sentences


class Injection:
    """What faults make of one call."""

    def __init__(self, door: Door, visit: Visit, call: Call, world: World) -> None:
        self._door = door
        self._visit = visit
        self._call = call
        self._world = world

    async def answer(self, carry_out: CarryOut) -> Answer:
        """Carry out the operation as far as a fault lets it, and return the answer.

        Raises ``HungUp`` where the client does while its answer is late.
        """
        rule = await self._struck(Phase.BEFORE, None)
        if rule is not None:
            return await self._wronged(rule, Answer(200), self._timed(carry_out))
        right = await carry_out()
        await self._told_early()
        rule = await self._struck(Phase.AFTER, right)
        if rule is None:
            return right

        async def as_it_is() -> Answer:
            return right

        return await self._wronged(rule, right, as_it_is)

    def _timed(self, carry_out: CarryOut) -> CarryOut:
        """Return *carry_out* as it is done at the time that it then is."""

        async def carry_out_now() -> Answer:
            self._call.now = self._world.clock.now()
            return await carry_out()

        return carry_out_now

    async def _told_early(self) -> None:
        """Let a handset answer first, and the customer hear of it, if a fault says so.

        This alone makes a request wait for a push.
        """
        call, world = self._call, self._world
        try:
            early = bool(call.placed) and await come_early(world, call.placed, call.now)
        except Refusal as refusal:  # what was placed stands
            log.warning("no reply came early: %s", refusal.why)
            early = False
        if early:
            await waiting.quiet(world, self._visit.receive)

    async def _struck(self, phase: Phase, right: Answer | None) -> Rule | None:
        strike = partial(self._door.strike, self._visit, self._call, phase, right)
        try:
            rule = await transact(self._world, strike)
        except Refusal as refusal:
            if right is None:
                raise
            log.warning("no fault struck: %s", refusal.why)  # what was done stands
            rule = None
        if rule is not None:
            self._visit.fault = rule.id
        return rule

    async def _wronged(self, rule: Rule, right: Answer, carry_out: CarryOut) -> Answer:
        struck = _StruckCall(
            rule=rule.id,
            number=rule.met,
            seed=self._world.account.seed,
            answer=right,
            carry_out=carry_out,
            door=self._door,
            visit=self._visit,
            call=self._call,
        )
        return await rule.effect.answer_http(struck)


class _StruckCall(Struct, frozen=True, kw_only=True):
    """One call that a rule strikes (``HttpCall``)."""

    rule: str  # its id
    number: int
    seed: int
    answer: Answer  # the right one; where nothing is carried out, a 200
    carry_out: CarryOut
    door: Door
    visit: Visit
    call: Call

    def refuse(
        self, reason: Reason, *, status: int | None, headers: Mapping[str, str]
    ) -> Answer:
        why = f"the fault {self.rule} asked for it"
        refusal = Refusal(reason, why, **dict.fromkeys(BLANKS, "..."))
        self.visit.why = refusal.why
        answer = self.door.refused(refusal, self.visit)
        answer.status = status or answer.status
        return _dressed(answer, headers)

    def respond(self, status: int, body: Any, headers: Mapping[str, str]) -> Answer:
        if isinstance(body, str):
            return _dressed(Answer(status, body.encode(), http_body.PLAIN), headers)
        return _dressed(Answer(status, http_body.encoded(body)), headers)

    def respond_empty(self, status: int, headers: Mapping[str, str]) -> Answer:
        return _dressed(Answer(status), headers)

    def replace_body(self, body: bytes) -> Answer:
        right = self.answer
        return Answer(right.status, body, right.content_type, right.headers)

    def hang(self) -> Answer:
        return self._lost(WireFailure.HANG)

    def close(self) -> Answer:
        return self._lost(WireFailure.CLOSE)

    def reset(self) -> Answer:
        return self._lost(WireFailure.RESET)

    async def truncate(self) -> Answer:
        return broken_answers.Half(*await self._whole(), receive=self.visit.receive)

    async def drip(self, seconds: timedelta) -> Answer:
        return broken_answers.Dripping(
            *await self._whole(),
            seconds=seconds,
            delayed=self._delayed(seconds),
            world=self.visit.world,
            receive=self.visit.receive,
        )

    @asynccontextmanager
    async def wait(self, by: timedelta) -> AsyncIterator[None]:
        world, delayed = self.visit.world, self._delayed(by)
        with broken_answers.held(world, delayed):
            await waiting.until(delayed.due, world, self.visit.receive)
            yield

    def _lost(self, failure: WireFailure) -> Answer:
        receive = self.visit.receive
        return broken_answers.Lost(http_body.NO_ANSWER, failure=failure, receive=receive)

    async def _whole(self) -> tuple[int, bytes, bytes, list[http_body.Header]]:
        whole = await http_body.gathered(self.answer)
        return whole.status, whole.body, whole.content_type, whole.headers

    def _delayed(self, by: timedelta) -> Delayed:
        return Delayed(self.call.now + by, self.visit.operation.id, self.rule)


def _dressed(answer: Answer, headers: Mapping[str, str]) -> Answer:
    """Return *answer* with more headers, or another content type."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            answer.content_type = http_body.readable(value)
        else:
            answer.headers.append((name.lower().encode(), http_body.readable(value)))
    return answer
