"""One path of a contract: from the bytes of a request to those of its answer.

The order of refusals is fixed (ERR-08): path 404, method 405, token 401, JSON 400,
shape 422, then what the operation says.
"""

import logging
from collections.abc import Mapping
from functools import partial
from inspect import isgeneratorfunction
from itertools import chain
from typing import Any, TypeGuard, cast

from starlette.types import Receive, Scope, Send

from emulator.contract.contract import Contract, ContractError, Operation
from emulator.domain import platform_refusals
from emulator.domain.assumptions import Doubt
from emulator.domain.emulator_refusals import BODIES_BUSY
from emulator.domain.refusals import Refusal
from emulator.operations.call import (
    OperationCall,
    OperationResult,
    SlicedArray,
    WaitingFunction,
)
from emulator.operations.call import OperationFunction as Function
from emulator.timekeeping.clock import stopwatch
from emulator.web import body_bounds, http_request, http_response, waiting
from emulator.web.http_faults import FAULT_HEADER, PREFER_HEADER, HttpFaultInjector
from emulator.web.http_request import ApiProfile, RequestContext
from emulator.web.http_response import HttpResponse
from emulator.web.waiting import ClientDisconnected
from emulator.world import World
from emulator.world.transaction import run_transaction

PROMPT_SECONDS = 0.001  # seconds, within which a body has come with its headers

log = logging.getLogger("emulator")


class Endpoint:
    """An ASGI application that dispatches on the method."""

    def __init__(
        self,
        api: ApiProfile,
        path: str,
        by_method: Mapping[str, Operation],
        functions: Mapping[str, Function | WaitingFunction],
    ) -> None:
        self._api = api
        self._path = path
        self._by_method = by_method
        self._functions: dict[str, Function] = {}
        self._patient: dict[str, WaitingFunction] = {}
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
            answer = self._refuse_method(method)
            now = self._api.get_default_time()
        else:
            headers = http_request.collect_headers(scope)
            context = RequestContext(scope, operation, headers, receive, stopwatch())
            try:
                answer = await self._handle_request(context)
            except ClientDisconnected:
                self._api.record_exchange(
                    context, HttpResponse(http_response.NO_RESPONSE)
                )
                return
            except Exception as error:  # noqa: BLE001 - and none is hidden
                answer = self._render_error(context, error)
            finally:
                if context.share is not None:
                    context.share.release()
            if context.fault or context.notes:
                _add_fault_headers(context, answer)
            self._api.record_exchange(context, answer)
            entry = context.entry
            if entry is None:
                now = self._api.get_default_time()
            else:
                now = entry.now
                entry.world.shared.store.mark_journal_dirty(entry.world)
                if entry.world.listeners:
                    entry.world.notify_listeners()
        await answer.send(
            send, http_response.make_date_header(now), bodiless=method == "HEAD"
        )

    def _refuse_method(self, method: str) -> HttpResponse:
        allowed = ", ".join(self._by_method)
        why = f"{method} is not one of {allowed}"
        answer = self._api.render_refusal(
            Refusal(platform_refusals.METHOD_NOT_ALLOWED, why), None
        )
        answer.headers.append((b"allow", allowed.encode()))
        return answer

    def _render_error(self, context: RequestContext, error: Exception) -> HttpResponse:
        """Return the answer to a refusal, or to an error of the emulator."""
        if not isinstance(error, Refusal):
            log.error("%s failed", context.operation.id, exc_info=error)
            why = "the emulator made a mistake; its log has the traceback"
            error = Refusal(platform_refusals.SERVER_ERROR, why)
        context.why = error.why
        field = str(error.words.get("field", ""))
        context.refusal = (error.reason.name, field, error.ledger)
        answer = self._api.render_refusal(error, context)
        if error.reason is BODIES_BUSY:
            answer.headers.append(body_bounds.RETRY_HEADER)
        return answer

    async def _handle_request(self, context: RequestContext) -> HttpResponse:
        operation, headers = context.operation, context.headers
        entry = context.entry = await self._api.authenticate(context)
        world = entry.world
        if ledger := operation.aliases.get(self._path):
            why = f"{operation.path} is the path that a strict world knows"
            context.weigh_doubt(Doubt(ledger, platform_refusals.NO_SUCH_PATH, why))
        params = http_request.read_parameters(operation, context.scope, headers)
        call = context.call = OperationCall(
            entry.now, entry.token, params, context.notes
        )
        if (shape := operation.body_shape) is not None:
            call.body = await http_request.read_body(context, shape, self._api)
            took = stopwatch() - context.started
            if took > PROMPT_SECONDS:  # the upload lasted
                call.now = world.clock.now()
        if world.work_queue.next_at <= call.now:
            await waiting.bring_up_to_date(world, call.now)
        function = self._functions.get(operation.id)
        if function is None:
            steps = self._patient[operation.id](world, call)
            reply = await waiting.run_steps(steps, world, context.receive)
            return _render_reply(reply, context)
        if not (world.faults or FAULT_HEADER in headers or PREFER_HEADER in headers):
            return await _run_in_transaction(world, call, context, function)
        carry_out = partial(_run_in_transaction, world, call, context, function)
        return await HttpFaultInjector(self._api, context, call, world).run_operation(
            carry_out
        )


def make_endpoints(
    api: ApiProfile,
    contract: Contract,
    functions: Mapping[str, Function | WaitingFunction],
) -> dict[str, Endpoint]:
    """Return one endpoint a path, aliases included.

    Raises ``ContractError`` unless there is one function for every operation.
    """
    contract.check_functions(functions)
    return {
        path: Endpoint(api, path, by_method, functions)
        for path, by_method in contract.group_by_path().items()
    }


def _add_fault_headers(context: RequestContext, answer: HttpResponse) -> None:
    """Add the headers that name the fault and the doubts."""
    if context.fault:
        answer.headers.append((b"x-emulator-fault", context.fault.encode()))
    if context.notes:
        notes = ", ".join(dict.fromkeys(context.notes))
        answer.headers.append((b"x-emulator-notes", notes.encode()))


def _is_patient(
    function: Function | WaitingFunction,
) -> TypeGuard[WaitingFunction]:
    return isgeneratorfunction(function)


async def _run_in_transaction(
    world: World, call: OperationCall, context: RequestContext, function: Function
) -> HttpResponse:
    """Run *function* in one transaction, which includes making the answer."""
    return await run_transaction(
        world, lambda: _render_reply(function(world, call), context)
    )


def _render_reply(reply: OperationResult, context: RequestContext) -> HttpResponse:
    operation = context.operation
    if reply.stream is not None:
        live = waiting.iter_stream(reply.stream, context.world, context.receive)
        return HttpResponse(200, content_type=operation.content_type, stream=live)
    if reply.pieces is not None:
        return HttpResponse(
            200, content_type=operation.content_type, slices=reply.pieces
        )
    if isinstance(reply.body, str):
        return HttpResponse(200, reply.body.encode(), operation.content_type)
    if reply.listing is not None:
        return _render_listing(reply.body, reply.listing, operation)
    _check_response(reply.body, operation)
    return HttpResponse(200, http_response.encode_json(reply.body))


def _render_listing(
    head: dict[str, Any], listing: SlicedArray, operation: Operation
) -> HttpResponse:
    """Return the answer with a sliced array at its end; check its first row."""
    first = next(listing.slices, [])
    body = {**head, listing.key: first[:1]}
    _check_response(body, operation)
    if listing.whole:
        body[listing.key] = first
        return HttpResponse(200, http_response.encode_json(body))
    slices = chain((first,), listing.slices)
    return HttpResponse(
        200, slices=http_response.encode_listing(head, listing.key, slices)
    )


def _check_response(body: Any, operation: Operation) -> None:
    """Raise ``ContractError`` for an answer that the contract does not describe."""
    contract = operation.answer_validator
    if contract is not None and not contract.is_valid(body):
        message = f"the answer of {operation.id} is not what the contract describes"
        raise ContractError(message)
