"""Handle the requests of one client: each is one transaction, and is journaled."""

from collections.abc import Callable, Mapping
from typing import Any, cast

from emulator.domain.command_status import CommandStatus, SmppRefusal
from emulator.network.eager import start_eagerly
from emulator.operations.background import receipts
from emulator.smpp import bodies
from emulator.smpp import pdu as wire
from emulator.smpp.bodies import CommandId
from emulator.smpp.session import BIND_STATES, DueAction, EventKind, SessionEvent
from emulator.smsc import smpp_journal
from emulator.smsc.bind_rules import require_bindable
from emulator.smsc.command_context import ClientConnection, CommandContext
from emulator.smsc.command_errors import map_command_error
from emulator.smsc.commands import (
    COMMAND_FUNCTIONS,
    SUBMIT_COMMANDS,
    CommandRequest,
    parse_pdu_recipients,
)
from emulator.smsc.delayed_responses import DelayedResponses
from emulator.smsc.server_state import ServerState, make_session_timers
from emulator.smsc.session_receiver import DELIVER_SM_ID, SessionReceiver
from emulator.smsc.smpp_faults import SmppFaultInjector
from emulator.smsc.smpp_journal import ESME, SMSC, PduExchange
from emulator.smsc.submit_throttling import find_submit_backlog, require_receipt_room
from emulator.timekeeping.clock import stopwatch
from emulator.world import World
from emulator.world.bound_session import BoundSession
from emulator.world.transaction import run_transaction

SMSC_SYSTEM_ID = b"Smsclouds"  # in the response to a bind
CLOSED_OPERATION = "closed"


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
        self._receiver: SessionReceiver | None = None
        self._delayed_responses: DelayedResponses | None = None
        self.held_response = b""  # an answer that goes out behind the next one

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
        if self.world is not None and self._receiver is not None:
            self._leave_world(self.world)
            now = self.world.clock.now()
            exchange = PduExchange(
                now,
                self._journal_path,
                b"",
                b"",
                operation=CLOSED_OPERATION,
                fault=self._receiver.cut_fault,
            )
            self._record_exchange(self.world, exchange)
            for each in self.session.pending.values():
                self._handle_response(each, b"", "the session ended")
            start_eagerly(self.flush_to_store())
            self.notify_listeners()

    def _leave_world(self, world: World) -> None:
        """Remove the session from the world; no receipt is sent to it any more."""
        world.sessions.pop(self._number, None)
        if self._receiver is not None:
            self.dispatcher.unregister_receiver(self._receiver, world)
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
        """See soon what waits for this client."""
        if self._receiver is not None:
            self._receiver.schedule_flush()

    def _has_receipt_room(self) -> bool:
        return self._receiver is not None and self._receiver.has_room

    def ensure_delayed_responses(self, world: World) -> DelayedResponses:
        """Return the delayed responses of this client; create them at first."""
        if self._delayed_responses is None:
            self._delayed_responses = DelayedResponses(world)
        return self._delayed_responses

    async def flush_to_store(self) -> None:
        """Have kept what this turn has recorded, and what became of receipts."""
        receiver = self._receiver
        if receiver is None:
            return
        world, acknowledged = receiver.world, receiver.acknowledgements
        if acknowledged:
            receiver.acknowledgements = []
            await run_transaction(
                world,
                lambda: receipts.keep_acknowledgements(world, acknowledged),
                has_happened=True,
            )
        world.shared.store.mark_journal_dirty(world)

    # --- Submits that wait until receipts are acknowledged ------------------------

    def hold_submit(self, event: SessionEvent) -> bool:
        """Whether a request waits; the line is let in when it is its turn."""
        if self.world is None:
            return False
        backlog = find_submit_backlog(
            self.dispatcher, self.world, self.system_id, event.pdu
        )
        if backlog is None or backlog.is_stalled:
            return False
        backlog.hold_connection(self.connection)
        return True

    def release_submit(self) -> None:
        """Stop waiting in the backlog: too many other requests wait behind it."""
        if self.world is not None:
            self.dispatcher.release_connection(
                self.connection, self.world, self.system_id
            )

    # --- Requests -----------------------------------------------------------------

    async def _handle_request(self, event: SessionEvent) -> bytes:
        pdu, world = cast("wire.Pdu", event.pdu), self.world
        if pdu.command in BIND_STATES:
            body = cast("bodies.BindBody", pdu.body)
            self.system_id = body.system_id.decode("latin-1")
            self._journal_path = f"/{self.system_id}/{self._number}"
            binds = self._server_state.worlds.binds
            world = await binds.find_by_system_id(self.system_id)
            if world is None:
                status = CommandStatus.ESME_RINVSYSID
                if binds.may_be_elsewhere(self.system_id):
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
        context = CommandContext(
            world, event.octets, pdu, world.clock.now(), stopwatch()
        )
        if world.faults:
            # Known even if a fault prevents the command
            context.numbers = parse_pdu_recipients(pdu)
            return await SmppFaultInjector(self, context).make_response()
        return self.record_response(context, await self.execute_command(context))

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
        """Return the answer that says no, and why the journal says so."""
        reason = map_command_error(error, context)
        context.why = reason.why
        return wire.encode_response(
            context.pdu.command, reason.status, context.pdu.sequence
        )

    def record_response(self, context: CommandContext, response: bytes) -> bytes:
        """Record *response* in the journal and return it."""
        world = context.world
        exchange = PduExchange(  # by position, which takes half the time
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
        self._record_exchange(world, exchange)
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
            raise SmppRefusal(world.account.access.centre.window_full_status, why)
        if pdu.command in SUBMIT_COMMANDS:
            registered = cast("Any", pdu.body).registered_delivery
            require_receipt_room(self.dispatcher, world, self.system_id, registered)
            if bind.rate:
                self._server_state.check_rate(world, bind, int(context.now.timestamp()))
        return COMMAND_FUNCTIONS[pdu.command](
            CommandRequest(world, bind, pdu, context.now)
        )

    # --- Binding and unbinding ----------------------------------------------------

    def _bind_session(self, context: CommandContext) -> bytes:
        """Bind the client to its world.  Refuses a wrong password or too many binds.

        Source: SMPP 3.4, 4.1.
        """
        world, body = context.world, cast("bodies.BindBody", context.pdu.body)
        bind = world.account.access.get_bind(self.system_id)
        require_bindable(world, bind, body)
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
            has_room=self._has_receipt_room,
        )
        self._receiver = SessionReceiver(
            self.connection, self.dispatcher, world, self.bound_session
        )
        if self.session.is_receiving:
            self.dispatcher.register_receiver(self._receiver, world)
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
            now, request = self.world.clock.now(), event.octets
            self._record_exchange(
                self.world,
                PduExchange(now, self._journal_path, request, event.response, why=why),
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
            exchange = PduExchange(
                self.world.clock.now(), self._journal_path, event.octets, b"", why=why
            )
            self._record_exchange(self.world, exchange)
        return b""

    def _handle_response(self, pending: Any, octets: bytes, why: str) -> bytes:
        """Take note of what our own request was answered, or that it was not."""
        receiver = self._receiver
        if receiver is not None:
            world = receiver.world
            fault = receiver.receipt_faults.pop(pending.sequence, "")
            now, duration = world.clock.now(), self.connection.now - pending.sent_at
            exchange = PduExchange(
                now,
                self._journal_path,
                pending.octets,
                octets,
                duration,
                SMSC,
                "",
                why,
                fault,
            )
            self._record_exchange(world, exchange)
            if pending.command == DELIVER_SM_ID:
                receiver.acknowledge_receipt(pending.ticket, octets, fault)
                receiver.schedule_flush()
        if pending.command == CommandId.UNBIND:
            self.connection.flush_and_close()
        return b""


_EVENT_HANDLERS: Mapping[EventKind, Callable[[SessionHandler, SessionEvent], bytes]] = {
    EventKind.DECLINED: SessionHandler._decline_pdu,  # noqa: SLF001 - the class's own table
    EventKind.BROKEN: SessionHandler._close_on_bad_frame,  # noqa: SLF001
    EventKind.STRAY: SessionHandler._ignore_stray,  # noqa: SLF001
}
