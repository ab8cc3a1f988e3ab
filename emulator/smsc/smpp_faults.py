"""Apply faults to SMPP: a response is replaced, delayed, damaged or lost."""

import logging
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from emulator.domain.command_status import CommandStatus
from emulator.domain.recipients import format_cellphone
from emulator.domain.refusals import Refusal
from emulator.faults import (
    CallFacts,
    DelayedResponse,
    Effect,
    FaultPhase,
    FaultPlace,
    FaultRule,
)
from emulator.network.eager import start_eagerly
from emulator.smpp import pdu as wire
from emulator.smpp import shown
from emulator.smpp.pdu import NUL
from emulator.smpp.session import KEEPALIVE_COMMANDS
from emulator.smsc.command_context import CommandContext, CommandHandler
from emulator.smsc.commands import SUBMIT_COMMANDS, parse_pdu_recipients
from emulator.world.transaction import run_transaction

RECEIPT_DELAY = timedelta(microseconds=1)

log = logging.getLogger("emulator")


class SmppFaultInjector:
    """Applies the fault rules to one request."""

    def __init__(self, handler: CommandHandler, context: CommandContext) -> None:
        self._handler = handler
        self._context = context
        self._operation = shown.describe_command(context.pdu.command)

    async def make_response(self) -> bytes:
        """Return the response to send now; a delayed one is scheduled."""
        handler, context = self._handler, self._context
        pdu = context.pdu
        good = wire.encode_response(pdu.command, CommandStatus.ESME_ROK, pdu.sequence)
        call = self._make_call(good, is_carried_out=False)
        try:
            rule = await self._match_rule(FaultPhase.BEFORE, call)
        except Refusal as refusal:  # of the store
            return handler.record_response(
                context, handler.refuse_command(context, refusal)
            )
        if rule is not None:
            return await self._apply_rule(rule, call)
        right = await handler.execute_command(context)
        call = self._make_call(right, is_carried_out=True)
        if wire.PDU_HEADER.unpack_from(right)[2] == CommandStatus.ESME_ROK:
            rule = await self._match_rule(FaultPhase.AFTER, call)
        if rule is None:
            return handler.record_response(context, right)
        return await self._apply_rule(rule, call)

    def _make_call(self, response: bytes, *, is_carried_out: bool) -> "StruckCommand":
        return StruckCommand(
            handler=self._handler,
            context=self._context,
            command=self._operation,
            right_response=response,
            is_carried_out=is_carried_out,
            seed=self._context.world.account.seed,
        )

    async def _match_rule(
        self, phase: FaultPhase, call: "StruckCommand"
    ) -> FaultRule | None:
        """Return the rule that strikes.

        Rules strike the commands that keep a session alive only if they name them.
        """
        context = self._context

        def is_felt(effect: Effect) -> bool:
            return effect.changes_smpp(call)

        facts = CallFacts(
            operation=self._operation,
            phase=phase,
            token=self._handler.system_id,
            numbers=[
                format_cellphone(each) for each in parse_pdu_recipients(context.pdu)
            ],
            body=shown.describe_body(context.pdu),
            headers={},
            now=context.now,
            is_exempt=context.pdu.command in KEEPALIVE_COMMANDS,
            is_affected_by=is_felt,
        )
        world = context.world
        try:
            return await run_transaction(
                world, lambda: world.match_fault_rule(facts, FaultPlace.SMPP_ANSWER)
            )
        except Refusal as refusal:
            if phase is FaultPhase.BEFORE:
                raise
            log.warning(
                "no fault struck: %s", refusal.why
            )  # the command stays executed
            return None

    async def _apply_rule(self, rule: FaultRule, call: "StruckCommand") -> bytes:
        """Apply *rule*, and return and record the response that it leads to."""
        self._context.fault = call.rule_id = rule.id
        call.call_number = rule.matched
        sent = await rule.effect.respond_smpp(call)
        return (
            b"" if sent is None else self._handler.record_response(self._context, sent)
        )


class StruckCommand(Struct, kw_only=True):
    """One command that a rule may strike (``SmppCall``)."""

    handler: CommandHandler
    context: CommandContext
    command: str
    right_response: bytes  # without the fault; ESME_ROK if not executed
    is_carried_out: bool
    seed: int
    rule_id: str = ""  # the rule that strikes, ...
    call_number: int = 0  # ... and how many calls it has met

    @property
    def sequence_number(self) -> int:
        return self.context.pdu.sequence

    @property
    def can_reach_client(self) -> bool:
        return not self.handler.connection.is_silent

    @property
    def has_held_response(self) -> bool:
        return bool(self.handler.held_response)

    @property
    def can_send_receipt(self) -> bool:
        message, dispatcher = self._find_message_id(), self.handler.dispatcher
        return message is not None and dispatcher.can_send_early(
            self.context.world, message
        )

    def make_response(self, status: int) -> bytes:
        return wire.encode_response(
            self.context.pdu.command, status, self.sequence_number
        )

    async def delay_response(self, by: timedelta) -> None:
        """Send the response later; until then the request is unanswered."""
        handler, context = self.handler, self.context

        async def answered() -> None:
            context.now = context.world.clock.now()
            right = (
                self.right_response
                if self.is_carried_out
                else await handler.execute_command(context)
            )
            handler.connection.send(handler.record_response(context, right))
            context.world.shared.store.mark_journal_dirty(context.world)

        delayed = DelayedResponse(context.now + by, self.command, self.rule_id)
        await self._postpone_receipt(delayed.due)
        handler.ensure_delayed_responses(context.world).defer(
            delayed,
            lambda: start_eagerly(answered()),
            lambda: handler.record_response(context, b""),
        )

    def send_last(self, octets: bytes) -> None:
        self.handler.record_response(self.context, octets)
        self.handler.connection.send(octets)
        self.handler.connection.go_silent()

    def drip_response(self, seconds: timedelta) -> None:
        handler, context = self.handler, self.context
        handler.record_response(context, self.right_response)
        handler.connection.begin_drip()
        for index, octet in enumerate(self.right_response):
            left = len(self.right_response) - index - 1
            due = context.now + seconds - seconds * left / len(self.right_response)
            then = partial(
                handler.connection.drip_octet, bytes((octet,)), last=not left
            )
            delayed = DelayedResponse(due, self.command, self.rule_id)
            handler.ensure_delayed_responses(context.world).defer(delayed, then)

    def hold_response(self) -> None:
        self.handler.held_response = self.right_response

    def close_connection(self, *, after_response: bool) -> None:
        line = self.handler.connection
        if after_response:
            line.call_after_flush(line.flush_and_close)
        else:
            line.flush_and_close()

    def reset_connection(self, *, after_response: bool) -> None:
        line = self.handler.connection
        if after_response:
            line.call_after_flush(line.flush_and_reset)
        else:
            line.flush_and_reset()

    def send_unbind(self) -> None:
        self.handler.connection.call_after_flush(self.handler.send_unbind)

    async def send_early_receipt(self) -> None:
        message = self._find_message_id()
        if message is not None:
            world = self.context.world
            await self.handler.dispatcher.send_early(world, message, world.clock.now())

    def _find_message_id(self) -> int | None:
        """Return the id of the message that the command has placed, if any."""
        if not (self.is_carried_out and self.context.pdu.command in SUBMIT_COMMANDS):
            return None
        return int(self.right_response[wire.MIN_PDU_LENGTH :].partition(NUL)[0])

    async def _postpone_receipt(self, due: datetime) -> None:
        """Let the receipt of the placed message come after its delayed response."""
        world = self.context.world
        newest = next(reversed(world.submissions.values()), None)
        if self._find_message_id() is not None and newest is not None:
            late = newest._replace(answered_at=due + RECEIPT_DELAY)
            await run_transaction(
                world, lambda: world.keep_change(late), has_happened=True
            )
