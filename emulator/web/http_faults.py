"""Apply faults to HTTP: an answer is replaced, delayed, damaged or lost."""

import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from typing import Any

from msgspec import Struct

from emulator.domain.refusals import Refusal, RefusalReason
from emulator.faults import DelayedResponse, FaultPhase, FaultRule
from emulator.faults.effects.wire import WireFailure
from emulator.operations.background.catch_up import send_early_replies
from emulator.operations.call import OperationCall
from emulator.web import broken_answers, http_body, waiting
from emulator.web.http_body import HttpResponse
from emulator.web.request_context import ApiProfile, RequestContext
from emulator.world import World
from emulator.world.transaction import run_transaction

log = logging.getLogger("emulator")

CarryOut = Callable[[], Awaitable[HttpResponse]]
REFUSAL_BLANKS = (
    "field",
    "field_of",
    "limit",
    "mark",
    "other",
    "service",
)  # placeholders in the sentences of refusals


class HttpFaultInjector:
    """Applies the fault rules to one call."""

    def __init__(
        self,
        api: ApiProfile,
        context: RequestContext,
        call: OperationCall,
        world: World,
    ) -> None:
        self._api = api
        self._context = context
        self._call = call
        self._world = world

    async def run_operation(self, carry_out: CarryOut) -> HttpResponse:
        """Run the operation, unless a fault prevents it, and return the answer.

        Raises ``ClientDisconnected`` if the client leaves during a delay.
        """
        rule = await self._match_rule(FaultPhase.BEFORE, None)
        if rule is not None:
            return await self._apply_rule(
                rule, HttpResponse(200), self._with_current_time(carry_out)
            )
        right = await carry_out()
        await self._run_early_reply()
        rule = await self._match_rule(FaultPhase.AFTER, right)
        if rule is None:
            return right

        async def as_it_is() -> HttpResponse:
            return right

        return await self._apply_rule(rule, right, as_it_is)

    def _with_current_time(self, carry_out: CarryOut) -> CarryOut:
        """Return *carry_out*, with the time at which it is called."""

        async def carry_out_now() -> HttpResponse:
            self._call.now = self._world.clock.now()
            return await carry_out()

        return carry_out_now

    async def _run_early_reply(self) -> None:
        """Let a handset answer first, and send its push, if a fault asks for that.

        This alone makes a request wait for a push.
        """
        call, world = self._call, self._world
        try:
            early = bool(call.campaign_id) and await send_early_replies(
                world, call.campaign_id, call.now
            )
        except Refusal as refusal:  # the campaign stays placed
            log.warning("no reply came early: %s", refusal.why)
            early = False
        if early:
            await waiting.wait_until_idle(world, self._context.receive)

    async def _match_rule(
        self, phase: FaultPhase, right: HttpResponse | None
    ) -> FaultRule | None:
        strike = partial(self._api.match_fault, self._context, self._call, phase, right)
        try:
            rule = await run_transaction(self._world, strike)
        except Refusal as refusal:
            if right is None:
                raise
            log.warning("no fault struck: %s", refusal.why)  # the operation stays done
            rule = None
        if rule is not None:
            self._context.fault = rule.id
        return rule

    async def _apply_rule(
        self, rule: FaultRule, right: HttpResponse, carry_out: CarryOut
    ) -> HttpResponse:
        struck = _StruckCall(
            rule_id=rule.id,
            call_number=rule.matched,
            seed=self._world.account.seed,
            right_response=right,
            carry_out=carry_out,
            api=self._api,
            context=self._context,
            call=self._call,
        )
        return await rule.effect.respond_http(struck)


class _StruckCall(Struct, frozen=True, kw_only=True):
    """One call that a rule strikes (``HttpCall``)."""

    rule_id: str  # its id
    call_number: int
    seed: int
    right_response: HttpResponse  # without the fault; a 200 if not executed
    carry_out: CarryOut
    api: ApiProfile
    context: RequestContext
    call: OperationCall

    def make_refusal(
        self, reason: RefusalReason, *, status: int | None, headers: Mapping[str, str]
    ) -> HttpResponse:
        why = f"the fault {self.rule_id} asked for it"
        refusal = Refusal(reason, why, **dict.fromkeys(REFUSAL_BLANKS, "..."))
        self.context.why = refusal.why
        answer = self.api.render_refusal(refusal, self.context)
        answer.status = status or answer.status
        return _add_headers(answer, headers)

    def make_response(
        self, status: int, body: Any, headers: Mapping[str, str]
    ) -> HttpResponse:
        if isinstance(body, str):
            return _add_headers(
                HttpResponse(status, body.encode(), http_body.PLAIN_CONTENT_TYPE),
                headers,
            )
        return _add_headers(HttpResponse(status, http_body.encode_json(body)), headers)

    def make_empty_response(
        self, status: int, headers: Mapping[str, str]
    ) -> HttpResponse:
        return _add_headers(HttpResponse(status), headers)

    def replace_body(self, body: bytes) -> HttpResponse:
        right = self.right_response
        return HttpResponse(right.status, body, right.content_type, right.headers)

    def hang_request(self) -> HttpResponse:
        return self._lose_response(WireFailure.HANG)

    def close_connection(self) -> HttpResponse:
        return self._lose_response(WireFailure.CLOSE)

    def reset_connection(self) -> HttpResponse:
        return self._lose_response(WireFailure.RESET)

    async def truncate_body(self) -> HttpResponse:
        return broken_answers.TruncatedResponse(
            *await self._join_parts(), receive=self.context.receive
        )

    async def drip_response(self, seconds: timedelta) -> HttpResponse:
        return broken_answers.DrippingResponse(
            *await self._join_parts(),
            seconds=seconds,
            delayed=self._make_delay(seconds),
            world=self.context.world,
            receive=self.context.receive,
        )

    @asynccontextmanager
    async def delay_response(self, by: timedelta) -> AsyncIterator[None]:
        world, delayed = self.context.world, self._make_delay(by)
        with broken_answers.track_delay(world, delayed):
            await waiting.wait_until(delayed.due, world, self.context.receive)
            yield

    def _lose_response(self, failure: WireFailure) -> HttpResponse:
        receive = self.context.receive
        return broken_answers.LostResponse(
            http_body.NO_RESPONSE, failure=failure, receive=receive
        )

    async def _join_parts(self) -> tuple[int, bytes, bytes, list[http_body.HeaderPair]]:
        whole = await http_body.join_slices(self.right_response)
        return whole.status, whole.body, whole.content_type, whole.headers

    def _make_delay(self, by: timedelta) -> DelayedResponse:
        return DelayedResponse(
            self.call.now + by, self.context.operation.id, self.rule_id
        )


def _add_headers(response: HttpResponse, headers: Mapping[str, str]) -> HttpResponse:
    """Return *response* with more headers, or another content type."""
    for name, value in headers.items():
        if name.lower() == "content-type":
            response.content_type = http_body.to_header_value(value)
        else:
            response.headers.append(
                (name.lower().encode(), http_body.to_header_value(value))
            )
    return response
