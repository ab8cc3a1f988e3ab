"""How a fault is felt over HTTP: in the right answer's place, too late, or spoilt."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from emulator.domain.refusals import Refusal
from emulator.effects import UNANSWERED, UNSAID, Delay, Instead, Manner, Refuse, Wire
from emulator.faults import Delayed, Phase, Rule
from emulator.operations import happenings
from emulator.operations.call import Call
from emulator.web import patience, wire
from emulator.web.breakage import Dripping, Half, Lost, held
from emulator.web.visit import Door, Visit
from emulator.web.wire import Answer
from emulator.world import World

BODILESS = frozenset({204, 205, 304})  # statuses that no body follows by itself
NOT_JSON = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
HTML = b"text/html"


class Injection:
    """What faults make of one call."""

    def __init__(self, door: Door, visit: Visit, call: Call, world: World) -> None:
        self._door = door
        self._visit = visit
        self._call = call
        self._world = world

    async def answer(self, carry_out: Callable[[], Answer]) -> Answer:
        """Carry out the operation as far as a fault lets it, and return the answer.

        Raises ``HungUp`` where the client does while its answer is late.
        """
        rule = self._struck(Phase.BEFORE)
        if rule is None:
            right = carry_out()
            await self._told_early()
            rule = self._struck(Phase.AFTER)
            return right if rule is None else await self._wronged(rule, right)
        if not isinstance(rule.effect, Delay):
            return await self._wronged(rule, Answer(200))
        async with self._late(rule, rule.effect):
            self._call.now = self._world.clock.now()
            return carry_out()

    async def _told_early(self) -> None:
        """Let a handset answer first, and the customer hear of it, if a fault says so.

        This alone makes a request wait for a push.
        """
        call, world = self._call, self._world
        if call.placed and happenings.come_early(world, call.placed, call.now):
            await patience.quiet(world, self._visit.receive)

    def _struck(self, phase: Phase) -> Rule | None:
        rule = self._door.strike(self._visit, self._call, phase)
        if rule is not None:
            self._visit.fault = rule.id
        return rule

    async def _wronged(self, rule: Rule, right: Answer) -> Answer:
        """Return what *rule* makes of the right answer, or of an empty one."""
        if isinstance(rule.effect, Delay):
            async with self._late(rule, rule.effect):
                return right
        if isinstance(rule.effect, Wire):
            return await self._spoilt(rule, rule.effect, right)
        if isinstance(rule.effect, Refuse):
            answer = self._refused(rule.effect.refusal(rule.id))
            answer.status = rule.effect.status or answer.status
        elif isinstance(rule.effect, Instead):
            answer = self._instead(rule.effect, rule.id)
        else:
            message = f"{rule.effect} is not felt by who asks over HTTP"
            raise TypeError(message)
        if rule.effect.retry_after is not None:
            answer.headers.append((b"retry-after", b"%d" % rule.effect.retry_after))
        return answer

    def _instead(self, effect: Instead, rule: str) -> Answer:
        """Return the answer that a rule spells out, as far as it does."""
        if effect.body is not UNSAID:
            answer = _said(effect.status, effect.body)
        elif effect.status in BODILESS:
            answer = Answer(effect.status)
        else:
            answer = self._refused(effect.refusal(rule))
        _dress(answer, effect.headers)
        return answer

    def _refused(self, refusal: Refusal) -> Answer:
        self._visit.why = refusal.why
        return self._door.refused(refusal, self._visit)

    async def _spoilt(self, rule: Rule, effect: Wire, right: Answer) -> Answer:
        manner, receive = effect.manner, self._visit.receive
        if manner in UNANSWERED:
            return Lost(wire.NO_ANSWER, manner=manner, receive=receive)
        if manner is Manner.EMPTY:
            return Answer(200)
        if manner is Manner.NOT_JSON:
            return Answer(right.status, NOT_JSON, right.content_type, right.headers)
        if manner is Manner.WRONG_CONTENT_TYPE:
            right.content_type = HTML
            return right
        whole = await wire.gathered(right)
        parts = (whole.status, whole.body, whole.content_type, whole.headers)
        if manner is Manner.TRUNCATED:
            return Half(*parts, receive=receive)
        seconds = timedelta(seconds=effect.seconds)
        delayed = self._delayed(rule, seconds)
        return Dripping(
            *parts, seconds=seconds, delayed=delayed, world=self._world, receive=receive
        )

    @asynccontextmanager
    async def _late(self, rule: Rule, delay: Delay) -> AsyncIterator[None]:
        """Wait until the delay is over, in sight of who looks at the world."""
        late = delay.drawn(self._world.account.seed, rule.id, rule.met)
        delayed = self._delayed(rule, late)
        with held(self._world, delayed):
            await patience.until(delayed.due, self._world, self._visit.receive)
            yield

    def _delayed(self, rule: Rule, late: timedelta) -> Delayed:
        return Delayed(self._call.now + late, self._visit.operation.id, rule.id)


def _said(status: int, body: Any) -> Answer:
    """Return an answer whose body goes out as it is where it is text, or as JSON."""
    if isinstance(body, str):
        return Answer(status, body.encode(), wire.PLAIN)
    return Answer(status, wire.encoded(body))


def _dress(answer: Answer, headers: Mapping[str, str]) -> None:
    """Give *answer* more headers, or another content type."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            answer.content_type = wire.readable(value)
        else:
            answer.headers.append((name.lower().encode(), wire.readable(value)))
