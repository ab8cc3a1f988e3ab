"""One path of a contract: from the octets of a request to those of its answer.

The order of refusals is fixed (ERR-08): path 404, method 405, token 401, JSON 400,
shape 422, then what the operation says.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from typing import Any, Protocol

from starlette.types import Receive, Scope, Send

from emulator.clock import Clock
from emulator.contract import Contract, ContractError, Operation
from emulator.domain import refusals
from emulator.domain.assumptions import Doubt, weigh
from emulator.domain.refusals import Refusal
from emulator.faults import Delay, Instead, Phase, Refuse, Rule
from emulator.operations.call import Call, Listing, Reply
from emulator.operations.call import Operation as Function
from emulator.shape import Shape
from emulator.web import reading, wire
from emulator.web.wire import Answer
from emulator.world import World
from emulator.worlds import Entry

log = logging.getLogger("emulator")


@dataclass(slots=True)
class Visit:
    """One request on its way, and what is known of it so far."""

    scope: Scope
    operation: Operation
    entry: Entry | None = None  # None until it has been let in
    notes: list[str] = field(default_factory=list)
    why: str = ""
    fault: str = ""  # the id of the rule that struck

    def weigh(self, doubt: Doubt) -> None:
        """Note *doubt*, or refuse where the visitor's world shuts it out."""
        if self.entry is not None:
            assumptions = self.entry.world.account.assumptions
            self.notes.extend(weigh((doubt,), assumptions))


class Door(Protocol):
    """What the platform's API and the control API do each in their own way."""

    body_limit: int  # octets

    def enter(self, visit: Visit) -> Entry:
        """Return where the visitor goes, or refuse."""

    def refused(self, refusal: Refusal, visit: Visit | None) -> Answer:
        """Return the answer that says no."""

    def strike(self, visit: Visit, call: Call, phase: Phase) -> Rule | None:
        """Return the fault rule that strikes, if one does."""

    def record(self, visit: Visit, answer: Answer) -> None:
        """Keep what was asked and answered."""


class Endpoint:
    """An ASGI application that dispatches on the method."""

    def __init__(
        self,
        door: Door,
        path: str,
        by_method: Mapping[str, Operation],
        functions: Mapping[str, Function],
    ) -> None:
        self._door = door
        self._path = path
        self._by_method = by_method
        self._functions = functions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        operation = self._by_method.get(scope["method"])
        if operation is None:
            answer = self._not_allowed(scope["method"])
        else:
            visit = Visit(scope, operation)
            answer = await self._answered(visit, receive)
            self._door.record(visit, answer)
        await answer.send(send, bodiless=scope["method"] == "HEAD")

    def _not_allowed(self, method: str) -> Answer:
        allowed = ", ".join(self._by_method)
        why = f"{method} is not one of {allowed}"
        answer = self._door.refused(Refusal(refusals.METHOD_NOT_ALLOWED, why), None)
        answer.headers.append((b"allow", allowed.encode()))
        return answer

    async def _answered(self, visit: Visit, receive: Receive) -> Answer:
        try:
            answer = await self._carried_out(visit, receive)
        except Refusal as refusal:
            visit.why = refusal.why
            answer = self._door.refused(refusal, visit)
        except Exception:
            log.exception("%s failed", visit.operation.id)
            visit.why = "the emulator made a mistake; its log has the traceback"
            failure = Refusal(refusals.SERVER_ERROR, visit.why)
            answer = self._door.refused(failure, visit)
        if visit.notes:
            notes = ", ".join(dict.fromkeys(visit.notes))
            answer.headers.append((b"x-emulator-notes", notes.encode()))
        return answer

    async def _carried_out(self, visit: Visit, receive: Receive) -> Answer:
        operation = visit.operation
        entry = visit.entry = self._door.enter(visit)
        if ledger := operation.aliases.get(self._path):
            why = f"{operation.path} is the path that a strict world knows"
            visit.weigh(Doubt(ledger, refusals.NO_SUCH_PATH, why))
        call = Call(entry.now, entry.token, reading.parameters(operation, visit.scope))
        call.notes = visit.notes
        if operation.body is not None:
            closed = entry.world.account.assumptions.closed
            call.body = await self._body(visit, receive, operation.body, closed)
            call.now = entry.world.clock.now()  # the upload may have taken its time
        function = self._functions[operation.id]
        if not entry.world.faults:
            return _transacted(entry.world, call, operation, function)
        carry_out = partial(_transacted, entry.world, call, operation, function)
        clock = entry.world.clock
        return await self._with_faults(visit, call, clock, carry_out)

    async def _with_faults(
        self, visit: Visit, call: Call, clock: Clock, carry_out: Callable[[], Answer]
    ) -> Answer:
        """Carry out the operation as far as the world's fault rules let it."""
        rule = self._door.strike(visit, call, Phase.BEFORE)
        if rule is not None and isinstance(rule.effect, Delay):
            await asyncio.sleep(rule.effect.seconds)
            call.now = clock.now()
            return _marked(carry_out(), rule, visit)
        if rule is not None:
            return _marked(self._instead(rule, visit), rule, visit)
        answer = carry_out()
        rule = self._door.strike(visit, call, Phase.AFTER)
        if rule is None:
            return answer
        if isinstance(rule.effect, Delay):
            await asyncio.sleep(rule.effect.seconds)
        else:
            answer = self._instead(rule, visit)
        return _marked(answer, rule, visit)

    def _instead(self, rule: Rule, visit: Visit) -> Answer:
        """Return the answer that a rule puts in the place of the right one."""
        if isinstance(rule.effect, Instead):
            return wire.injected(rule.effect)
        if isinstance(rule.effect, Refuse):
            refusal = rule.effect.refusal(rule.id)
            visit.why = refusal.why
            return self._door.refused(refusal, visit)
        message = f"{rule.id} puts nothing in the answer's place"
        raise TypeError(message)

    async def _body(
        self, visit: Visit, receive: Receive, shape: Shape, closed: frozenset[str]
    ) -> Any:
        octets = await wire.read(visit.scope, receive, limit=self._door.body_limit)
        content_type = wire.header(visit.scope, b"content-type") or b""
        if not content_type.lower().startswith(wire.JSON):
            why = "send the header Content-Type: application/json"
            visit.weigh(Doubt("ERR-04", refusals.UNREADABLE, why))
        parsed = wire.parsed(octets)
        if len(octets) > wire.BIG:
            await asyncio.sleep(0)  # others are let in between two steps
        read = reading.body(parsed, shape, closed)
        if len(octets) > wire.BIG:
            await asyncio.sleep(0)
        visit.notes.extend(read.notes)
        return read.body


def endpoints(
    door: Door, contract: Contract, functions: Mapping[str, Function]
) -> dict[str, Endpoint]:
    """Return one endpoint a path, aliases included.

    Raises ``ContractError`` unless there is one function for every operation.
    """
    contract.bind(functions)
    return {
        path: Endpoint(door, path, by_method, functions)
        for path, by_method in contract.by_path().items()
    }


def _transacted(
    world: World, call: Call, operation: Operation, function: Function
) -> Answer:
    """Carry out *function*, whole or not at all: what is kept, is answered."""
    try:
        answer = _rendered(function(world, call), operation)
    except BaseException:
        world.forget()
        raise
    world.commit()
    return answer


def _marked(answer: Answer, rule: Rule, visit: Visit) -> Answer:
    """Return *answer* with the header that says it was asked for."""
    visit.fault = rule.id
    answer.headers.append((b"x-emulator-fault", rule.id.encode()))
    return answer


def _rendered(reply: Reply, operation: Operation) -> Answer:
    if reply.listing is not None:
        return _listed(reply.body, reply.listing, operation)
    _check(reply.body, operation)
    return Answer(200, wire.encoded(reply.body))


def _listed(head: dict[str, Any], listing: Listing, operation: Operation) -> Answer:
    """Return the answer with a listing at its end; its first row is looked at."""
    first = next(listing.slices, [])
    _check({**head, listing.key: first[:1]}, operation)
    if listing.whole:
        return Answer(200, wire.encoded({**head, listing.key: first}))
    slices = chain((first,), listing.slices)
    return Answer(200, slices=wire.listed(head, listing.key, slices))


def _check(body: Any, operation: Operation) -> None:
    """Raise ``ContractError`` for an answer that the contract does not describe."""
    if operation.answer is not None and not operation.answer.is_valid(body):
        message = f"the answer of {operation.id} is not what the contract describes"
        raise ContractError(message)
