"""Handle the requests of one client: each is one transaction, and is journaled."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.domain.delivery import Delivery
from emulator.domain.refusals import Refusal
from emulator.domain.smpp import RECEIPT_BITS
from emulator.network.eager import start_eagerly
from emulator.operations.background import receipts
from emulator.operations.background.catch_up import catch_up
from emulator.operations.background.receipts import ReceiptAcknowledgement
from emulator.operations.platform import smpp as operations
from emulator.smpp import bodies
from emulator.smpp import pdu as wire
from emulator.smpp.bodies import CommandId
from emulator.smpp.session import BIND_STATES, DueAction, EventKind, SessionEvent
from emulator.smsc import smpp_journal
from emulator.smsc.command_context import ClientConnection, CommandContext
from emulator.smsc.commands import (
    COMMAND_FUNCTIONS,
    SUBMIT_COMMANDS,
    CommandRequest,
    parse_pdu_recipients,
)
from emulator.smsc.delayed_responses import DelayedResponses
from emulator.smsc.receipt_backlog import ReceiptBacklog
from emulator.smsc.receipt_dispatcher import RenderedReceipt
from emulator.smsc.server_state import ServerState, make_session_timers
from emulator.smsc.smpp_faults import SmppFaultInjector
from emulator.smsc.smpp_journal import ESME, SMSC, PduExchange
from emulator.timekeeping.clock import stopwatch
from emulator.world import World
from emulator.world.bound_session import BoundSession
from emulator.world.outbox import Outbox
from emulator.world.transaction import run_transaction

SMSC_SYSTEM_ID = b"Smsclouds"  # in the response to a bind
CLOSED_OPERATION = "closed"
CATCH_UP_PER_SUBMIT = 8  # due things that are carried out with each submit_sm
DELIVER_SM_ID = int(CommandId.DELIVER_SM)

log = logging.getLogger("emulator")


class SessionHandler:
    """Handles the events of one session, and knows its client once it is bound."""

    def __init__(
        self, server_state: ServerState, connection: ClientConnection, *, tls: bool
    ) -> None:
        self._server_state = server_state
        self.dispatcher = server_state.dispatcher
        self.connection = connection
        self._tls = tls
        self._number = next(server_state.session_numbers)
        self.session = connection.session
        self.world: World | None = None  # until it is bound
        self.system_id = ""
        self._journal_path = ""  # the path in the journal: /demo/3
        self.bound_session: BoundSession | None = None
        self._delayed_responses: DelayedResponses | None = None
        self.held_response = b""  # a response that is sent after the next one
        self._receipt_faults: dict[
            int, str
        ] = {}  # rule ids by sequence number, of receipts without an answer
        self._cut_fault = ""  # the id of the rule that ended the connection
        self._acknowledgements: list[
            ReceiptAcknowledgement
        ] = []  # of this turn, not yet in a transaction

    async def handle_event(self, event: SessionEvent) -> bytes:
        """Return the response to *event*; empty where it is sent later."""
        if event.kind is EventKind.REQUEST:
            answer = await self._handle_request(event)
        elif event.kind is EventKind.ANSWER:
            answer = self._handle_response(event.pending, event.octets, "")
        else:
            answer = _EVENT_HANDLERS[event.kind](self, event)
        if self.held_response and answer:
            answer, self.held_response = answer + self.held_response, b""
        return answer

    def notify_listeners(self) -> None:
        """Notify the listeners of the world that something has changed."""
        if self.world is not None and self.world.listeners:
            self.world.notify_listeners()

    def handle_disconnect(self) -> None:
        """Drop the delayed responses and the session: the connection has ended."""
        if self._delayed_responses is not None:
            self._delayed_responses.drop_all()
        if self.world is not None and self.bound_session is not None:
            self._leave_world(self.world)
            now = self.world.clock.now()
            told = PduExchange(
                now,
                self._journal_path,
                b"",
                b"",
                operation=CLOSED_OPERATION,
                fault=self._cut_fault,
            )
            self._record_exchange(self.world, told)
            for each in self.session.pending.values():
                self._handle_response(each, b"", "the session ended")
            start_eagerly(self.flush_to_store())
            self.notify_listeners()

    def _leave_world(self, world: World) -> None:
        """Remove the session from the world; no receipt is sent to it any more."""
        world.sessions.pop(self._number, None)
        self.dispatcher.unregister_receiver(self, world)
        self.release_submit()

    def perform_due(self, due: DueAction, pending: Any) -> None:
        """Do what a timer of the session requires."""
        session, line = self.session, self.connection
        if due is DueAction.ENQUIRE:
            line.send(session.make_request(CommandId.ENQUIRE_LINK, line.now))
        elif due is DueAction.UNBIND:
            self.send_unbind()
        elif due is DueAction.OVERDUE:
            self._handle_response(pending, b"", str(due))
        else:
            line.flush_and_close()

    def send_unbind(self) -> None:
        """Send an unbind to the client."""
        self.connection.send(
            self.session.make_request(CommandId.UNBIND, self.connection.now)
        )
        self.connection.schedule_timer()

    def end_session(self) -> None:
        """End the session, with an unbind if it is bound."""
        if self.session.is_bound:
            self.send_unbind()
        else:
            self.connection.flush_and_close()

    # --- Receipts -----------------------------------------------------------------

    def schedule_flush(self) -> None:
        """Send soon the receipts that wait for this client."""
        if self.world is not None and self.session.is_receiving:
            self.dispatcher.schedule_flush(self.world, self.system_id)

    @property
    def has_room(self) -> bool:
        """Whether this client can be sent a receipt now.  Source: SMPP 3.4, 2.7."""
        if self.world is None or not (
            self.connection.is_open and self.session.is_receiving
        ):
            return False
        most = self.world.account.access.centre.receiver_window
        return not self.connection.is_full and len(self.session.pending) < most

    def send_receipt(
        self, delivery: Delivery, rendered: RenderedReceipt, fault: str = ""
    ) -> None:
        """Send a receipt; *fault* is the id of the rule that struck it."""
        octets = self.session.make_request(
            DELIVER_SM_ID,
            self.connection.now,
            body=rendered.make_body(),
            tlvs=rendered.make_tlvs(self.session.version),
            ticket=(cast("World", self.world).outbox, delivery.id),
        )
        self.connection.send(octets)
        if fault:
            self._receipt_faults[next(reversed(self.session.pending))] = fault
        if len(self.session.pending) == 1:  # the others are due later
            self.connection.schedule_timer()

    def break_connection(self, fault: str, *, reset: bool) -> None:
        """End the connection because of the rule *fault*."""
        self._cut_fault = fault
        self.connection.call_after_flush(
            self.connection.flush_and_reset
            if reset
            else self.connection.flush_and_close
        )

    def ensure_delayed_responses(self, world: World) -> DelayedResponses:
        """Return the delayed responses of this client; create them at first."""
        if self._delayed_responses is None:
            self._delayed_responses = DelayedResponses(world)
        return self._delayed_responses

    async def flush_to_store(self) -> None:
        """Store the journal of this turn and the acknowledgements of receipts."""
        world, acknowledged = self.world, self._acknowledgements
        if world is None:
            return
        if acknowledged:
            self._acknowledgements = []
            await run_transaction(
                world,
                lambda: receipts.keep_acknowledgements(world, acknowledged),
                has_happened=True,
            )
        world.shared.store.mark_journal_dirty(world)

    # --- Submits that wait until receipts are acknowledged ------------------------

    def hold_submit(self, event: SessionEvent) -> bool:
        """Return whether a request has to wait; the backlog resumes it then."""
        backlog = self._find_backlog(event.pdu)
        if backlog is None or backlog.is_stalled:
            return False
        backlog.hold_connection(self.connection)
        return True

    def release_submit(self) -> None:
        """Stop waiting in the backlog: too many other requests wait behind it."""
        if self.world is not None:
            self._server_state.dispatcher.release_connection(
                self.connection, self.world, self.system_id
            )

    def _find_backlog(self, pdu: Any) -> ReceiptBacklog | None:
        """Return the full backlog that a request has to wait for, if there is one."""
        world = self.world
        if world is None or pdu.command not in SUBMIT_COMMANDS:
            return None
        if not pdu.body.registered_delivery & RECEIPT_BITS:
            return None
        waiting = len(world.outbox.receipt_queues.get(self.system_id, ()))
        if waiting + len(world.work_queue) < world.account.access.centre.held:
            return None  # even if all that is due becomes a receipt
        if not self._server_state.dispatcher.has_receiver(world, self.system_id):
            return None  # without one, the excess is dropped instead
        self._start_catch_up(world)
        return self._server_state.dispatcher.find_full_backlog(world, self.system_id)

    def _start_catch_up(self, world: World) -> None:
        """Make the receipts that are due, so that they are counted."""
        now = world.clock.now()
        if world.work_queue.next_at <= now:
            start_eagerly(self._run_catch_up(world, now))

    async def _run_catch_up(self, world: World, now: datetime) -> None:
        try:
            await catch_up(world, now, CATCH_UP_PER_SUBMIT)
        except Refusal as refusal:  # of the store: it stays due
            log.warning("world %s: %s", world.name, refusal.why)

    # --- Requests -----------------------------------------------------------------

    async def _handle_request(self, event: SessionEvent) -> bytes:
        pdu, world = cast("wire.Pdu", event.pdu), self.world
        if pdu.command in BIND_STATES:
            body = cast("bodies.BindBody", pdu.body)
            self.system_id = body.system_id.decode("latin-1")
            self._journal_path = f"/{self.system_id}/{self._number}"
            world = await self._server_state.worlds.find_by_system_id(self.system_id)
            if world is None:
                status = CommandStatus.ESME_RINVSYSID
                if self._server_state.worlds.may_be_elsewhere(self.system_id):
                    status = CommandStatus.ESME_RBINDFAIL
                return wire.encode_response(pdu.command, status, pdu.sequence)
        if world is None:  # an enquire_link before the bind
            return wire.encode_response(
                pdu.command, CommandStatus.ESME_ROK, pdu.sequence
            )
        if world.trouble:
            return wire.encode_response(
                pdu.command, CommandStatus.ESME_RSYSERR, pdu.sequence
            )
        visit = CommandContext(world, event.octets, pdu, world.clock.now(), stopwatch())
        if world.faults:
            visit.numbers = parse_pdu_recipients(
                pdu
            )  # known even if a fault prevents the command
            return await SmppFaultInjector(self, visit).make_response()
        return self.record_response(visit, await self.execute_command(visit))

    async def execute_command(self, context: CommandContext) -> bytes:
        """Execute a request in one transaction and return the response."""
        world, pdu = context.world, context.pdu
        try:
            body = b""
            if pdu.command in COMMAND_FUNCTIONS:
                body = await run_transaction(
                    world, lambda: self._make_response_body(context)
                )
            elif pdu.command in BIND_STATES:
                return self._bind_session(context)
            elif pdu.command == CommandId.UNBIND:
                return self._unbind_session(context)
            if pdu.command in SUBMIT_COMMANDS:
                cast("BoundSession", self.bound_session).submitted += 1
        except Exception as error:  # noqa: BLE001 - and none is hidden
            return self.refuse_command(context, error)
        return wire.encode_response(
            pdu.command, CommandStatus.ESME_ROK, pdu.sequence, body
        )

    def refuse_command(self, context: CommandContext, error: Exception) -> bytes:
        """Return the response with the status for *error*; note why for the journal."""
        reason = self._map_error(error, context)
        context.why = reason.why
        return wire.encode_response(
            context.pdu.command, reason.status, context.pdu.sequence
        )

    def record_response(self, context: CommandContext, response: bytes) -> bytes:
        """Record *response* in the journal and return it."""
        world = context.world
        told = PduExchange(  # by position, which takes half the time
            context.now,
            self._journal_path,
            context.octets,
            response,
            stopwatch() - context.started_at,
            ESME,
            "",
            context.why,
            context.fault,
            context.numbers,
            (),
            world.account.access.get_bind(self.system_id).coding,
        )
        self._record_exchange(world, told)
        return response

    def _record_exchange(self, world: World, exchange: PduExchange) -> None:
        self._server_state.worlds.counters.requests[
            smpp_journal.record_pdu_exchange(world, exchange)
        ] += 1

    def _make_response_body(self, context: CommandContext) -> bytes:
        """Execute a request of a transmitter and return the body of the response."""
        world, pdu = context.world, context.pdu
        bind = world.account.access.get_bind(self.system_id)
        context.numbers = parse_pdu_recipients(pdu)
        if (
            bind.window
            and self._delayed_responses is not None
            and len(self._delayed_responses) >= bind.window
        ):
            why = f"{bind.system_id} may have {bind.window} requests unanswered"
            raise SmppRefusal(world.account.access.centre.over_window, why)
        if pdu.command not in SUBMIT_COMMANDS:
            return COMMAND_FUNCTIONS[pdu.command](
                CommandRequest(world, bind, pdu, context.now)
            )
        self._require_room(world, cast("Any", pdu.body).registered_delivery)
        if bind.rate:
            self._server_state.check_rate(world, bind, int(context.now.timestamp()))
        return COMMAND_FUNCTIONS[pdu.command](
            CommandRequest(world, bind, pdu, context.now)
        )

    def _require_room(self, world: World, registered: int) -> None:
        """Refuse a submit that wants a receipt if the client acknowledges none.

        Source: assumption SMP-11.
        """
        if not registered & RECEIPT_BITS:
            return
        if self._server_state.dispatcher.is_stalled(world, self.system_id):
            centre = world.account.access.centre
            why = (
                f"{centre.held} receipts wait (smpp.held), and none was acknowledged "
                f"for {centre.throttled_after:g} s: answer each deliver_sm"
            )
            raise SmppRefusal(centre.over_held, why)

    def _map_error(self, error: Exception, context: CommandContext) -> SmppRefusal:
        """Return the refusal for *error*; log it if it is our mistake."""
        if isinstance(error, SmppRefusal):
            return error
        if isinstance(error, Refusal):
            return operations.decline_refusal(error, context.world)
        log.error("command 0x%X failed", context.pdu.command, exc_info=error)
        why = "the emulator made a mistake; its log has the traceback"
        return SmppRefusal(CommandStatus.ESME_RSYSERR, why)

    # --- Binding and unbinding ----------------------------------------------------

    def _bind_session(self, context: CommandContext) -> bytes:
        """Bind the client to its world.  Refuses a wrong password or too many binds.

        Source: SMPP 3.4, 4.1.
        """
        world, body = context.world, cast("bodies.BindBody", context.pdu.body)
        bind = world.account.access.get_bind(self.system_id)
        if bind.password not in (None, body.password.decode("latin-1")):
            raise SmppRefusal(CommandStatus.ESME_RINVPASWD, "the password is another")
        if not world.account.services.get("smpp", True):
            why = "the world file switches services.smpp off"
            raise SmppRefusal(CommandStatus.ESME_RBINDFAIL, why)
        others = [each.system_id for each in world.sessions.values()]
        if bind.binds and others.count(bind.system_id) >= bind.binds:
            why = f"{bind.system_id} may be bound {bind.binds} times"
            raise SmppRefusal(CommandStatus.ESME_RBINDFAIL, why)
        answer = self.session.accept_bind(
            context.pdu, SMSC_SYSTEM_ID, body.interface_version
        )
        self.session.timers = make_session_timers(world.account.access.centre)
        self.world = world
        self.bound_session = world.sessions[self._number] = BoundSession(
            number=self._number,
            system_id=self.system_id,
            kind=self.session.state.value,
            peer=self.connection.peer,
            tls=self._tls,
            version=self.session.version,
            bound_at=context.now,
            disconnect=self.connection.flush_and_close,
            schedule_flush=self.schedule_flush,
            has_room=lambda: self.has_room,
        )
        if self.session.is_receiving:
            self.dispatcher.register_receiver(self, world)
        self.connection.schedule_timer()
        return answer

    def _unbind_session(self, context: CommandContext) -> bytes:
        answer = self.session.accept_unbind(context.pdu.sequence, self.connection.now)
        self._leave_world(context.world)
        self.connection.schedule_timer()
        return answer

    # --- Other events -------------------------------------------------------------

    def _decline_pdu(self, event: SessionEvent) -> bytes:
        if self.world is not None:
            why = "the session has no place for it, or it is malformed"
            now, said = self.world.clock.now(), event.octets
            self._record_exchange(
                self.world,
                PduExchange(now, self._journal_path, said, event.response, why=why),
            )
        return event.response

    def _close_on_bad_frame(self, event: SessionEvent) -> bytes:
        self._decline_pdu(event)
        self.connection.send(event.response)
        self.connection.flush_and_close()
        return b""

    def _ignore_stray(self, event: SessionEvent) -> bytes:
        if self.world is not None:
            why = "it answers nothing that was asked"
            told = PduExchange(
                self.world.clock.now(), self._journal_path, event.octets, b"", why=why
            )
            self._record_exchange(self.world, told)
        return b""

    def _handle_response(self, pending: Any, octets: bytes, why: str) -> bytes:
        """Record the response to a request of ours, or that none came."""
        world, fault = self.world, self._receipt_faults.pop(pending.sequence, "")
        if world is not None:
            now, took = world.clock.now(), self.connection.now - pending.sent_at
            told = PduExchange(
                now,
                self._journal_path,
                pending.octets,
                octets,
                took,
                SMSC,
                "",
                why,
                fault,
            )
            self._record_exchange(world, told)
            if pending.command == DELIVER_SM_ID:
                self._acknowledge_receipt(world, pending.ticket, octets, fault)
                self.schedule_flush()
        if pending.command == CommandId.UNBIND:
            self.connection.flush_and_close()
        return b""

    def _acknowledge_receipt(
        self, world: World, ticket: tuple[Outbox, int], octets: bytes, fault: str
    ) -> None:
        """Note the acknowledgement of a receipt; the turn stores it at its end."""
        outbox, delivery = ticket
        if outbox is not world.outbox:  # its world was reset meanwhile
            return
        status = receipts.UNANSWERED
        if octets:
            status = wire.PDU_HEADER.unpack_from(octets)[2]
            self.dispatcher.note_progress(world, self.system_id)
        if octets and not status:
            cast("BoundSession", self.bound_session).delivered += 1
        at, session = world.clock.now(), str(self._number)
        self._acknowledgements.append(
            ReceiptAcknowledgement(outbox, delivery, status, at, session, fault)
        )


_EVENT_HANDLERS: Mapping[EventKind, Callable[[SessionHandler, SessionEvent], bytes]] = {
    EventKind.DECLINED: SessionHandler._decline_pdu,  # noqa: SLF001 - the class's own table
    EventKind.BROKEN: SessionHandler._close_on_bad_frame,  # noqa: SLF001
    EventKind.STRAY: SessionHandler._ignore_stray,  # noqa: SLF001
}
