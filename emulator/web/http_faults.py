"""Find the fault that strikes a request: of its world, or of its own header."""

import logging
import re
from functools import partial
from typing import Any

from emulator.domain.platform_refusals import WRONG_FORMAT
from emulator.domain.refusals import Refusal
from emulator.faults import FaultPhase, FaultRule, vocabulary
from emulator.faults.effects.status import Respond
from emulator.faults.rule_json import read_rule
from emulator.faults.words import make_choice_field
from emulator.operations.background.catch_up import send_early_replies
from emulator.operations.call import OperationCall
from emulator.web import waiting
from emulator.web.faulty_responses import CarryOut, StruckHttpCall
from emulator.web.http_request import ApiProfile, RequestContext, RequestHeaders
from emulator.web.http_response import HttpResponse
from emulator.world import World
from emulator.world.transaction import run_transaction

log = logging.getLogger("emulator")

FAULT_HEADER, PREFER_HEADER = b"x-emulator-fault", b"prefer"
HEADER_RULE_ID = "header"  # the id of the rule from such a header
PREFER_CODE = re.compile(rb"code=([45]\d\d)")  # other preferences are ignored
NUMBER_PATTERN = re.compile(r"(\d{1,9})(\.\d{1,9})?", re.ASCII)
PHASE_WORD = make_choice_field(
    "phase", (FaultPhase.BEFORE, FaultPhase.AFTER), expectation="before or after"
)

# What a header may say.
HEADER_WORDS = {**vocabulary.list_header_fields(), PHASE_WORD.name: PHASE_WORD}


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
        struck = StruckHttpCall(
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


def parse_fault_headers(headers: RequestHeaders) -> FaultRule | None:
    """Return the rule in the header of a request.

    Refuses one that makes no sense.
    """
    if FAULT_HEADER in headers:
        try:
            return _parse_rule(headers[FAULT_HEADER].decode("latin-1"))
        except ValueError as error:
            raise _make_header_refusal(str(error)) from None
        except Refusal as refusal:
            raise _make_header_refusal(refusal.why) from None
    code = PREFER_CODE.fullmatch(headers.get(PREFER_HEADER, b""))
    return FaultRule(HEADER_RULE_ID, Respond(int(code[1]))) if code else None


def _parse_rule(text: str) -> FaultRule:
    """Return the rule of a header: ``status=500; phase=after``.

    Raises ``ValueError`` in a sentence, or ``Refusal``.
    """
    effect: dict[str, Any] = {}
    for pair in filter(None, (each.strip() for each in text.split(";"))):
        name, _, value = (each.strip() for each in pair.partition("="))
        if name not in HEADER_WORDS:
            message = f"it knows {', '.join(HEADER_WORDS)}, not {name}"
            raise ValueError(message)
        if name in effect:
            message = f"it says {name} twice"
            raise ValueError(message)
        effect[name] = _parse_value(value)
        HEADER_WORDS[name].read_from(effect)
    phase = {"phase": effect.pop("phase")} if "phase" in effect else {}
    return read_rule(HEADER_RULE_ID, {"effect": effect, **phase})


def _parse_value(text: str) -> str | int | float:
    number = NUMBER_PATTERN.fullmatch(text)
    if number is None:
        return text
    return float(text) if number[2] else int(text)


def _make_header_refusal(why: str) -> Refusal:
    return Refusal(WRONG_FORMAT, f"X-Emulator-Fault: {why}", field="X-Emulator-Fault")
