"""Who answers one client: each request carried out, whole or not at all, and kept."""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, cast

from emulator.smsc import smpp_journal
from emulator.smsc.receipt_backlog import Backlog
from emulator.smsc.smpp_faults import Injection
from emulator.smsc.delayed_responses import Late
from emulator.smsc.receipt_dispatcher import Letter
from emulator.smsc.server_state import Office, timers
from emulator.smsc.smpp_journal import CENTRE, CLIENT, Told
from emulator.smsc.commands import ANSWERS, SUBMITTING, Asked, recipients
from emulator.smsc.command_context import Connection, Visit
from emulator.timekeeping.clock import stopwatch
from emulator.domain.command_status import Declined, Status
from emulator.domain.delivery import Delivery
from emulator.domain.refusals import Refusal
from emulator.domain.smpp import RECEIPT
from emulator.operations.background.catch_up import catch_up
from emulator.network.eager import begin
from emulator.world.bound_session import Link
from emulator.operations.background import receipts
from emulator.operations.platform import smpp as operations
from emulator.operations.background.receipts import Acknowledged
from emulator.world.outbox import Outbox
from emulator.smpp import bodies
from emulator.smpp import pdu as wire
from emulator.smpp.bodies import Command
from emulator.smpp.session import BINDS, Due, Event, Kind
from emulator.world.transaction import transact
from emulator.world import World

SYSTEM_ID = b"Smsclouds"  # ours
CLOSED = "closed"
CAUGHT_UP = 8  # things that are due, with each submit_sm
DELIVER_SM = int(Command.DELIVER_SM)

log = logging.getLogger("emulator")


class Desk:
    """Where one client asks, and who it is once it is bound."""

    def __init__(self, office: Office, line: Connection, *, tls: bool) -> None:
        self._office = office
        self.mail = office.mail
        self.line = line
        self._tls = tls
        self._number = next(office.numbers)
        self.session = line.session
        self.world: World | None = None  # until it is bound
        self.system_id = ""
        self._path = ""  # where the journal says that something was said: /demo/3
        self.link: Link | None = None
        self._late: Late | None = None
        self.held_over = b""  # an answer that goes out behind the next one
        self._struck: dict[int, str] = {}  # rules by sequence, of receipts on their way
        self._cut_by = ""  # the id of the rule that ended the connection
        self._acknowledged: list[Acknowledged] = []  # in this turn, not kept yet

    async def answer(self, event: Event) -> bytes:
        """Return what *event* is answered with; nothing where that comes later."""
        if event.kind is Kind.REQUEST:
            answer = await self._requested(event)
        elif event.kind is Kind.ANSWER:
            answer = self._answered(event.asked, event.octets, "")
        else:
            answer = _OTHERWISE[event.kind](self, event)
        if self.held_over and answer:
            answer, self.held_over = answer + self.held_over, b""
        return answer

    def ring(self) -> None:
        """Tell those who wait in the world that something has changed."""
        if self.world is not None and self.world.listeners:
            self.world.ring()

    def leave(self) -> None:
        """Forget what was held back: the connection has ended."""
        if self._late is not None:
            self._late.drop()
        if self.world is not None and self.link is not None:
            self._withdraw(self.world)
            now = self.world.clock.now()
            told = Told(now, self._path, b"", b"", operation=CLOSED, fault=self._cut_by)
            self._tell(self.world, told)
            for each in self.session.asked.values():
                self._answered(each, b"", "the session ended")
            begin(self.rest())
            self.ring()

    def _withdraw(self, world: World) -> None:
        """Let nothing be sent to this client any more."""
        world.links.pop(self._number, None)
        self.mail.leave(self, world)
        self.wait_no_longer()

    def carry_out(self, due: Due, asked: Any) -> None:
        """Do what time has brought."""
        session, line = self.session, self.line
        if due is Due.ENQUIRE:
            line.send(session.ask(Command.ENQUIRE_LINK, line.now))
        elif due is Due.UNBIND:
            self.unbind()
        elif due is Due.OVERDUE:
            self._answered(asked, b"", str(due))
        else:
            line.hang_up()

    def unbind(self) -> None:
        """Ask the client to go."""
        self.line.send(self.session.ask(Command.UNBIND, self.line.now))
        self.line.arm()

    def dismiss(self) -> None:
        """Let the client go, with an unbind if it is bound."""
        if self.session.is_bound:
            self.unbind()
        else:
            self.line.hang_up()

    # --- Receipts -----------------------------------------------------------------

    def deliver(self) -> None:
        """See soon what waits for this client."""
        if self.world is not None and self.session.is_receiving:
            self.mail.call(self.world, self.system_id)

    @property
    def has_room(self) -> bool:
        """Whether this client can be sent a receipt now.  Source: SMPP 3.4, 2.7."""
        if self.world is None or not (self.line.is_open and self.session.is_receiving):
            return False
        most = self.world.account.access.centre.receiver_window
        return not self.line.is_full and len(self.session.asked) < most

    def send(self, delivery: Delivery, letter: Letter, fault: str = "") -> None:
        """Send a receipt, which the rule *fault* struck; its answer is waited for."""
        octets = self.session.ask(
            DELIVER_SM,
            self.line.now,
            body=letter.body(),
            tlvs=letter.tlvs(self.session.version),
            ticket=(cast("World", self.world).outbox, delivery.id),
        )
        self.line.send(octets)
        if fault:
            self._struck[next(reversed(self.session.asked))] = fault
        if len(self.session.asked) == 1:  # the others are due later
            self.line.arm()

    def fail(self, fault: str, *, reset: bool) -> None:
        """End the connection because of the rule *fault*."""
        self._cut_by = fault
        self.line.then(self.line.reset if reset else self.line.hang_up)

    def late(self, world: World) -> Late:
        """Return what this client's line holds back in *world*."""
        if self._late is None:
            self._late = Late(world)
        return self._late

    async def rest(self) -> None:
        """Have kept what this turn has recorded, and what became of receipts."""
        world, acknowledged = self.world, self._acknowledged
        if world is None:
            return
        if acknowledged:
            self._acknowledged = []
            await transact(
                world, lambda: receipts.answered(world, acknowledged), happened=True
            )
        world.commons.store.note(world)

    # --- Submits that wait until receipts have been taken -------------------------

    def has_to_wait(self, event: Event) -> bool:
        """Whether a request waits; the line is let in when it is its turn."""
        backlog = self._backlog(event.pdu)
        if backlog is None or backlog.is_stalled:
            return False
        backlog.wait(self.line)
        return True

    def wait_no_longer(self) -> None:
        """Go on whatever waits: what has been put off with it is too much."""
        if self.world is not None:
            self._office.mail.withdraw(self.line, self.world, self.system_id)

    def _backlog(self, pdu: Any) -> Backlog | None:
        """Return what keeps a request from being carried out, if anything does."""
        world = self.world
        if world is None or pdu.command not in SUBMITTING:
            return None
        if not pdu.body.registered_delivery & RECEIPT:
            return None
        waiting = len(world.outbox.mail.get(self.system_id, ()))
        if waiting + len(world.schedule) < world.account.access.centre.held:
            return None  # whatever is due by now
        if not self._office.mail.has_receiver(world, self.system_id):
            return None  # those that are too many are dropped instead
        self._catch_up(world)
        return self._office.mail.backlog(world, self.system_id)

    def _catch_up(self, world: World) -> None:
        """Make the receipts of what came before, so that they are counted."""
        now = world.clock.now()
        if world.schedule.next_at <= now:
            begin(self._caught_up(world, now))

    async def _caught_up(self, world: World, now: datetime) -> None:
        try:
            await catch_up(world, now, CAUGHT_UP)
        except Refusal as refusal:  # of the disk: it stays due
            log.warning("world %s: %s", world.name, refusal.why)

    # --- Requests -----------------------------------------------------------------

    async def _requested(self, event: Event) -> bytes:
        pdu, world = cast("wire.Pdu", event.pdu), self.world
        if pdu.command in BINDS:
            body = cast("bodies.Bind", pdu.body)
            self.system_id = body.system_id.decode("latin-1")
            self._path = f"/{self.system_id}/{self._number}"
            world = await self._office.worlds.reached(self.system_id)
            if world is None:
                status = Status.ESME_RINVSYSID
                if self._office.worlds.may_be_elsewhere(self.system_id):
                    status = Status.ESME_RBINDFAIL
                return wire.answer(pdu.command, status, pdu.sequence)
        if world is None:  # an enquire_link before the bind
            return wire.answer(pdu.command, Status.ESME_ROK, pdu.sequence)
        if world.trouble:
            return wire.answer(pdu.command, Status.ESME_RSYSERR, pdu.sequence)
        visit = Visit(world, event.octets, pdu, world.clock.now(), stopwatch())
        if world.faults:
            visit.numbers = recipients(pdu)  # whatever becomes of it
            return await Injection(self, visit).answer()
        return self.recorded(visit, await self.carried_out(visit))

    async def carried_out(self, visit: Visit) -> bytes:
        """Return the answer to a request that is carried out, whole or not at all."""
        world, pdu = visit.world, visit.pdu
        try:
            body = b""
            if pdu.command in ANSWERS:
                body = await transact(world, lambda: self._sent(visit))
            elif pdu.command in BINDS:
                return self._bound(visit)
            elif pdu.command == Command.UNBIND:
                return self._unbound(visit)
            if pdu.command in SUBMITTING:
                cast("Link", self.link).submitted += 1
        except Exception as error:  # noqa: BLE001 - and none is hidden
            return self.refused(visit, error)
        return wire.answer(pdu.command, Status.ESME_ROK, pdu.sequence, body)

    def refused(self, visit: Visit, error: Exception) -> bytes:
        """Return the answer that says no, and why the journal says so."""
        reason = self._reason(error, visit)
        visit.why = reason.why
        return wire.answer(visit.pdu.command, reason.status, visit.pdu.sequence)

    def recorded(self, visit: Visit, answer: bytes) -> bytes:
        """Return *answer*, kept in the journal."""
        world = visit.world
        told = Told(  # by position, which takes half the time
            visit.now,
            self._path,
            visit.octets,
            answer,
            stopwatch() - visit.began,
            CLIENT,
            "",
            visit.why,
            visit.fault,
            visit.numbers,
            (),
            world.account.access.bind(self.system_id).coding,
        )
        self._tell(world, told)
        return answer

    def _tell(self, world: World, told: Told) -> None:
        self._office.worlds.tally.requests[smpp_journal.keep(world, told)] += 1

    def _sent(self, visit: Visit) -> bytes:
        """Return the body of the answer to a request that only a sender may make."""
        world, pdu = visit.world, visit.pdu
        bind = world.account.access.bind(self.system_id)
        visit.numbers = recipients(pdu)
        if bind.window and self._late is not None and len(self._late) >= bind.window:
            why = f"{bind.system_id} may have {bind.window} requests unanswered"
            raise Declined(world.account.access.centre.over_window, why)
        if pdu.command not in SUBMITTING:
            return ANSWERS[pdu.command](Asked(world, bind, pdu, visit.now))
        self._needs_room(world, cast("Any", pdu.body).registered_delivery)
        if bind.rate:
            self._office.spend(world, bind, int(visit.now.timestamp()))
        return ANSWERS[pdu.command](Asked(world, bind, pdu, visit.now))

    def _needs_room(self, world: World, registered: int) -> None:
        """Decline another receipt for a client that acknowledges none.

        Source: assumption SMP-11.
        """
        if not registered & RECEIPT:
            return
        if self._office.mail.is_stalled(world, self.system_id):
            centre = world.account.access.centre
            why = (
                f"{centre.held} receipts wait (smpp.held), and none was acknowledged "
                f"for {centre.throttled_after:g} s: answer each deliver_sm"
            )
            raise Declined(centre.over_held, why)

    def _reason(self, error: Exception, visit: Visit) -> Declined:
        """Return how SMPP says no; a mistake of ours is in the log."""
        if isinstance(error, Declined):
            return error
        if isinstance(error, Refusal):
            return operations.declined(error, visit.world)
        log.error("command 0x%X failed", visit.pdu.command, exc_info=error)
        why = "the emulator made a mistake; its log has the traceback"
        return Declined(Status.ESME_RSYSERR, why)

    # --- Binding and unbinding ----------------------------------------------------

    def _bound(self, visit: Visit) -> bytes:
        """Bind the client to its world.  Declines a stranger, and one too many.

        Source: SMPP 3.4, 4.1.
        """
        world, body = visit.world, cast("bodies.Bind", visit.pdu.body)
        bind = world.account.access.bind(self.system_id)
        if bind.password not in (None, body.password.decode("latin-1")):
            raise Declined(Status.ESME_RINVPASWD, "the password is another")
        if not world.account.services.get("smpp", True):
            why = "the world file switches services.smpp off"
            raise Declined(Status.ESME_RBINDFAIL, why)
        others = [each.system_id for each in world.links.values()]
        if bind.binds and others.count(bind.system_id) >= bind.binds:
            why = f"{bind.system_id} may be bound {bind.binds} times"
            raise Declined(Status.ESME_RBINDFAIL, why)
        answer = self.session.bind(visit.pdu, SYSTEM_ID, body.interface_version)
        self.session.timers = timers(world.account.access.centre)
        self.world = world
        self.link = world.links[self._number] = Link(
            number=self._number,
            system_id=self.system_id,
            kind=self.session.state.value,
            peer=self.line.peer,
            tls=self._tls,
            version=self.session.version,
            bound_at=visit.now,
            cut=self.line.hang_up,
            wake=self.deliver,
            has_room=lambda: self.has_room,
        )
        if self.session.is_receiving:
            self.mail.enrol(self, world)
        self.line.arm()
        return answer

    def _unbound(self, visit: Visit) -> bytes:
        answer = self.session.unbind(visit.pdu.sequence, self.line.now)
        self._withdraw(visit.world)
        self.line.arm()
        return answer

    # --- What is no request -------------------------------------------------------

    def _declined(self, event: Event) -> bytes:
        if self.world is not None:
            why = "the session has no place for it, or it is malformed"
            now, said = self.world.clock.now(), event.octets
            self._tell(self.world, Told(now, self._path, said, event.answer, why=why))
        return event.answer

    def _broken(self, event: Event) -> bytes:
        self._declined(event)
        self.line.send(event.answer)
        self.line.hang_up()
        return b""

    def _stray(self, event: Event) -> bytes:
        if self.world is not None:
            why = "it answers nothing that was asked"
            told = Told(self.world.clock.now(), self._path, event.octets, b"", why=why)
            self._tell(self.world, told)
        return b""

    def _answered(self, asked: Any, octets: bytes, why: str) -> bytes:
        """Take note of what our own request was answered, or that it was not."""
        world, fault = self.world, self._struck.pop(asked.sequence, "")
        if world is not None:
            now, took = world.clock.now(), self.line.now - asked.at
            told = Told(
                now, self._path, asked.octets, octets, took, CENTRE, "", why, fault
            )
            self._tell(world, told)
            if asked.command == DELIVER_SM:
                self._acknowledge(world, asked.ticket, octets, fault)
                self.deliver()
        if asked.command == Command.UNBIND:
            self.line.hang_up()
        return b""

    def _acknowledge(
        self, world: World, ticket: tuple[Outbox, int], octets: bytes, fault: str
    ) -> None:
        """Note what became of a receipt; it is kept with others of this turn."""
        outbox, delivery = ticket
        if outbox is not world.outbox:  # its world was reset meanwhile
            return
        status = receipts.UNANSWERED
        if octets:
            status = wire.HEADER.unpack_from(octets)[2]
            self.mail.hear(world, self.system_id)
        if octets and not status:
            cast("Link", self.link).delivered += 1
        at, session = world.clock.now(), str(self._number)
        self._acknowledged.append(
            Acknowledged(outbox, delivery, status, at, session, fault)
        )


_OTHERWISE: Mapping[Kind, Callable[[Desk, Event], bytes]] = {
    Kind.DECLINED: Desk._declined,  # noqa: SLF001 - the class's own table
    Kind.BROKEN: Desk._broken,  # noqa: SLF001
    Kind.STRAY: Desk._stray,  # noqa: SLF001
}
