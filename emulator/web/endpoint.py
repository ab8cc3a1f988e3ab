"""One path of a contract: from the octets of a request to those of its answer.

The order of refusals is fixed (ERR-08): path 404, method 405, token 401, JSON 400,
shape 422, then what the operation says.
"""

import asyncio
import logging
from collections.abc import Mapping
from functools import partial
from inspect import isgeneratorfunction
from itertools import chain
from typing import Any, TypeGuard, cast

from starlette.types import Receive, Scope, Send

from emulator.timekeeping.clock import stopwatch
from emulator.contract.contract import Contract, ContractError, Operation
from emulator.domain import refusals
from emulator.domain.assumptions import Doubt
from emulator.domain.refusals import Refusal
from emulator.operations.call import Call, Listing, PatientOperation, Reply
from emulator.operations.call import Operation as Function
from emulator.contract.shape import Shape
from emulator.world.transaction import transact
from emulator.web import waiting
from emulator.web import parameters
from emulator.web import http_body
from emulator.web.fault_header import FAULT, PREFER
from emulator.web.http_faults import Injection
from emulator.web.waiting import HungUp
from emulator.web.request_context import Door, Visit
from emulator.web.http_body import Answer
from emulator.world import World

PROMPT = 0.001  # seconds, within which a body has come with its headers

log = logging.getLogger("emulator")


class Endpoint:
    """An ASGI application that dispatches on the method."""

    def __init__(
        self,
        door: Door,
        path: str,
        by_method: Mapping[str, Operation],
        functions: Mapping[str, Function | PatientOperation],
    ) -> None:
        self._door = door
        self._path = path
        self._by_method = by_method
        self._functions: dict[str, Function] = {}
        self._patient: dict[str, PatientOperation] = {}
        for name in (each.id for each in by_method.values()):
            function = functions[name]
            if _is_patient(function):
                self._patient[name] = function
            else:
                self._functions[name] = cast("Function", function)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"]
        operation = self._by_method.get(method)
        if operation is None:
            answer = self._not_allowed(method)
            now = self._door.now()
        else:
            headers = http_body.headers(scope)
            visit = Visit(scope, operation, headers, receive, stopwatch())
            try:
                answer = await self._carried_out(visit)
            except HungUp:
                self._door.record(visit, Answer(http_body.NO_ANSWER))
                return
            except Exception as error:  # noqa: BLE001 - and none is hidden
                answer = self._declined(visit, error)
            if visit.fault or visit.notes:
                _note(visit, answer)
            self._door.record(visit, answer)
            entry = visit.entry
            if entry is None:
                now = self._door.now()
            else:
                now = entry.now
                entry.world.commons.store.note(entry.world)
                if entry.world.listeners:
                    entry.world.ring()
        await answer.send(send, http_body.dated(now), bodiless=method == "HEAD")

    def _not_allowed(self, method: str) -> Answer:
        allowed = ", ".join(self._by_method)
        why = f"{method} is not one of {allowed}"
        answer = self._door.refused(Refusal(refusals.METHOD_NOT_ALLOWED, why), None)
        answer.headers.append((b"allow", allowed.encode()))
        return answer

    def _declined(self, visit: Visit, error: Exception) -> Answer:
        """Return the answer to a refusal, or to a mistake of ours."""
        if not isinstance(error, Refusal):
            log.error("%s failed", visit.operation.id, exc_info=error)
            why = "the emulator made a mistake; its log has the traceback"
            error = Refusal(refusals.SERVER_ERROR, why)
        visit.why = error.why
        field = str(error.words.get("field", ""))
        visit.refusal = (error.reason.name, field, error.ledger)
        return self._door.refused(error, visit)

    async def _carried_out(self, visit: Visit) -> Answer:
        operation, headers = visit.operation, visit.headers
        entry = visit.entry = await self._door.enter(visit)
        world = entry.world
        if ledger := operation.aliases.get(self._path):
            why = f"{operation.path} is the path that a strict world knows"
            visit.weigh(Doubt(ledger, refusals.NO_SUCH_PATH, why))
        if world.schedule.next_at <= entry.now:
            await waiting.caught_up(world, entry.now)
        params = parameters.parameters(operation, visit.scope, headers)
        call = visit.call = Call(entry.now, entry.token, params, visit.notes)
        if (shape := operation.body) is not None:
            closed = world.account.assumptions.closed
            call.body = await self._body(visit, shape, closed)
            if stopwatch() - visit.began > PROMPT:  # the upload took its time
                call.now = world.clock.now()
                await waiting.caught_up(world, call.now)
        function = self._functions.get(operation.id)
        if function is None:
            steps = self._patient[operation.id](world, call)
            reply = await waiting.reply(steps, world, visit.receive)
            return _rendered(reply, visit)
        if not (world.faults or FAULT in headers or PREFER in headers):
            return await _transacted(world, call, visit, function)
        carry_out = partial(_transacted, world, call, visit, function)
        return await Injection(self._door, visit, call, world).answer(carry_out)

    async def _body(self, visit: Visit, shape: Shape, closed: frozenset[str]) -> Any:
        body = http_body.Body(visit.headers, limit=self._door.body_limit)
        try:
            while body.is_missing:
                body.take(await visit.receive())
        finally:
            octets = visit.body = body.octets()
        content_type = visit.headers.get(b"content-type", b"")
        if not (content_type == http_body.JSON or http_body.is_json(content_type)):
            why = "send the header Content-Type: application/json"
            visit.weigh(Doubt("ERR-04", refusals.UNREADABLE, why))
        parsed = http_body.parsed(octets)
        if len(octets) > http_body.BIG:
            await asyncio.sleep(0)  # others are let in between two steps
        read = parameters.body(parsed, shape, closed)
        if len(octets) > http_body.BIG:
            await asyncio.sleep(0)
        visit.notes.extend(read.notes)
        return read.body


def endpoints(
    door: Door,
    contract: Contract,
    functions: Mapping[str, Function | PatientOperation],
) -> dict[str, Endpoint]:
    """Return one endpoint a path, aliases included.

    Raises ``ContractError`` unless there is one function for every operation.
    """
    contract.bind(functions)
    return {
        path: Endpoint(door, path, by_method, functions)
        for path, by_method in contract.by_path().items()
    }


def _note(visit: Visit, answer: Answer) -> None:
    """Say which fault struck, and what was doubtful."""
    if visit.fault:
        answer.headers.append((b"x-emulator-fault", visit.fault.encode()))
    if visit.notes:
        notes = ", ".join(dict.fromkeys(visit.notes))
        answer.headers.append((b"x-emulator-notes", notes.encode()))


def _is_patient(
    function: Function | PatientOperation,
) -> TypeGuard[PatientOperation]:
    return isgeneratorfunction(function)


async def _transacted(
    world: World, call: Call, visit: Visit, function: Function
) -> Answer:
    """Carry out *function*, whole or not at all: what is kept, is answered."""
    return await transact(world, lambda: _rendered(function(world, call), visit))


def _rendered(reply: Reply, visit: Visit) -> Answer:
    operation = visit.operation
    if reply.stream is not None:
        live = waiting.pieces(reply.stream, visit.world, visit.receive)
        return Answer(200, content_type=operation.content_type, stream=live)
    if isinstance(reply.body, str):
        return Answer(200, reply.body.encode(), operation.content_type)
    if reply.listing is not None:
        return _listed(reply.body, reply.listing, operation)
    _check(reply.body, operation)
    return Answer(200, http_body.encoded(reply.body))


def _listed(head: dict[str, Any], listing: Listing, operation: Operation) -> Answer:
    """Return the answer with a listing at its end; its first row is looked at."""
    first = next(listing.slices, [])
    body = {**head, listing.key: first[:1]}
    _check(body, operation)
    if listing.whole:
        body[listing.key] = first
        return Answer(200, http_body.encoded(body))
    slices = chain((first,), listing.slices)
    return Answer(200, slices=http_body.listed(head, listing.key, slices))


def _check(body: Any, operation: Operation) -> None:
    """Raise ``ContractError`` for an answer that the contract does not describe."""
    contract = operation.answer
    if contract is not None and not contract.is_valid(body):
        message = f"the answer of {operation.id} is not what the contract describes"
        raise ContractError(message)
