"""Who answers one client: each request carried out, whole or not at all, and kept."""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from itertools import count
from typing import Any, cast

from emulator.centre import recording
from emulator.centre.injection import Injection
from emulator.centre.late import Late
from emulator.centre.mail import Letter, Mail
from emulator.centre.recording import CENTRE, CLIENT, Told
from emulator.centre.requests import ANSWERS, SUBMITTING, Asked, recipients
from emulator.centre.visit import Connection, Visit
from emulator.clock import stopwatch
from emulator.domain.access import Bind, Centre
from emulator.domain.command_status import Declined, Status
from emulator.domain.delivery import Delivery
from emulator.domain.refusals import Refusal
from emulator.link import Link
from emulator.operations import receipts as operations_receipts
from emulator.operations import smpp as operations
from emulator.outbox import Outbox
from emulator.smpp import bodies
from emulator.smpp import pdu as wire
from emulator.smpp.bodies import Command
from emulator.smpp.session import BINDS, Due, Event, Kind, Timers
from emulator.world import World
from emulator.worlds import Worlds

SYSTEM_ID = b"Smsclouds"  # ours
CLOSED = "closed"
DELIVER_SM = int(Command.DELIVER_SM)

log = logging.getLogger("emulator")


class Office:
    """What all desks of a process share."""

    def __init__(self, worlds: Worlds) -> None:
        self.worlds = worlds
        self.lines: set[Any] = set()  # the connections there are
        self.mail = Mail()
        self.numbers = count(1)
        self._spent: dict[tuple[str, str], tuple[int, int]] = {}

    def spend(self, world: World, bind: Bind, second: int) -> None:
        """Decline what is over the rate of a bind, in seconds of the world.

        Source: SMPP 3.4, 5.1.3.
        """
        known, count = self._spent.get((world.name, bind.system_id), (second, 0))
        count = count + 1 if known == second else 1
        if count > bind.rate:
            why = f"{bind.system_id} may send {bind.rate} messages a second"
            raise Declined(Status.ESME_RTHROTTLED, why)
        self._spent[world.name, bind.system_id] = second, count


class Desk:
    """Where one client asks, and who it is once it is bound."""

    def __init__(self, office: Office, line: Connection, *, tls: bool) -> None:
        self._office = office
        self.line = line
        self._tls = tls
        self._number = next(office.numbers)
        self.session = line.session
        self.world: World | None = None  # until it is bound
        self.system_id = ""
        self._path = ""  # where the journal says that something was said: /demo/3
        self.link: Link | None = None
        self._late: Late | None = None
        self._held_over = b""

    def answer(self, event: Event) -> bytes:
        """Return what *event* is answered with; nothing where that comes later."""
        if event.kind is Kind.REQUEST:
            answer = self._requested(event)
        else:
            answer = _OTHERWISE[event.kind](self, event)
        if self._held_over and answer:
            answer, self._held_over = answer + self._held_over, b""
        return answer

    def hold_over(self, answer: bytes) -> bytes:
        """Send *answer* behind the next one; return it if one is held over already."""
        if self._held_over:
            return answer
        self._held_over = answer
        return b""

    def count_fault(self, operation: str) -> None:
        self._office.worlds.tally.faults[operation] += 1

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
            self._tell(self.world, Told(now, self._path, b"", b"", operation=CLOSED))
            for each in self.session.asked.values():
                self._answered(each, b"", "the session ended")
            self.rest()
            self.ring()

    def _withdraw(self, world: World) -> None:
        """Let nothing be sent to this client any more."""
        world.links.pop(self._number, None)
        self._office.mail.leave(self, world)

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
            self._office.mail.call(self.world, self.system_id)

    @property
    def has_room(self) -> bool:
        """Whether this client can be sent a receipt now.  Source: SMPP 3.4, 2.7."""
        if self.world is None or not (self.line.is_open and self.session.is_receiving):
            return False
        most = self.world.account.access.centre.receiver_window
        return not self.line.is_full and len(self.session.asked) < most

    def send(self, delivery: Delivery, letter: Letter) -> None:
        """Send a receipt; its answer is waited for."""
        octets = self.session.ask(
            DELIVER_SM,
            self.line.now,
            body=letter.body(),
            tlvs=letter.tlvs(self.session.version),
            ticket=(cast("World", self.world).outbox, delivery.id),
        )
        self.line.send(octets)
        if len(self.session.asked) == 1:  # the others are due later
            self.line.arm()

    def fail(self, *, reset: bool) -> None:
        """End the connection because of a fault."""
        self.line.then(self.line.reset if reset else self.line.hang_up)

    def tell_early(self, world: World, message: int) -> None:
        """Send a receipt before the answer that it is about."""
        self._office.mail.tell_early(world, message, world.clock.now())

    def late(self, world: World) -> Late:
        """Return what this client's line holds back in *world*."""
        if self._late is None:
            self._late = Late(world)
        return self._late

    def rest(self) -> None:
        """Have kept what this turn has changed; what the disk refuses has happened."""
        if self.world is not None:
            with suppress(Refusal):
                self.world.rest()

    # --- Requests -----------------------------------------------------------------

    def _requested(self, event: Event) -> bytes:
        pdu, world = cast("wire.Pdu", event.pdu), self.world
        if pdu.command in BINDS:
            body = cast("bodies.Bind", pdu.body)
            self.system_id = body.system_id.decode("latin-1")
            self._path = f"/{self.system_id}/{self._number}"
            world = self._office.worlds.reached(self.system_id)
            if world is None:
                status = Status.ESME_RINVSYSID
                if self._office.worlds.may_be_elsewhere(self.system_id):
                    status = Status.ESME_RBINDFAIL
                return wire.answer(pdu.command, status, pdu.sequence)
        if world is None:  # an enquire_link before the bind
            return wire.answer(pdu.command, Status.ESME_ROK, pdu.sequence)
        visit = Visit(world, event.octets, pdu, world.clock.now(), stopwatch())
        if world.faults:
            visit.numbers = recipients(pdu)  # whatever becomes of it
            return Injection(self, visit).answer()
        return self.recorded(visit, self.carried_out(visit))

    def carried_out(self, visit: Visit) -> bytes:
        """Return the answer to a request that is carried out, whole or not at all."""
        world, pdu = visit.world, visit.pdu
        try:
            if pdu.command in ANSWERS:
                body = self._sent(visit)
            elif pdu.command in BINDS:
                return self._bound(visit)
            elif pdu.command == Command.UNBIND:
                return self._unbound(visit)
            else:
                body = b""
            world.commit()
            if pdu.command in SUBMITTING:
                cast("Link", self.link).submitted += 1
        except Exception as error:  # noqa: BLE001 - and none is hidden
            world.forget()
            reason = self._reason(error, visit)
            visit.why = reason.why
            return wire.answer(pdu.command, reason.status, pdu.sequence)
        return wire.answer(pdu.command, Status.ESME_ROK, pdu.sequence, body)

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
        self._office.worlds.tally.requests[recording.keep(world, told)] += 1

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
        if bind.rate:
            self._office.spend(world, bind, int(visit.now.timestamp()))
        return ANSWERS[pdu.command](Asked(world, bind, pdu, visit.now))

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
            self._office.mail.enrol(self, world)
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
            told = Told(self.world.clock.now(), self._path, event.octets, event.answer)
            self._tell(self.world, told._replace(why=why))
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

    def _heard(self, event: Event) -> bytes:
        self._answered(event.asked, event.octets, "")
        return b""

    def _answered(self, asked: Any, octets: bytes, why: str) -> None:
        """Take note of what our own request was answered, or that it was not."""
        world = self.world
        if world is not None:
            now, took = world.clock.now(), self.line.now - asked.at
            told = Told(now, self._path, asked.octets, octets, took, CENTRE, "", why)
            self._tell(world, told)
            if asked.command == DELIVER_SM:
                self._acknowledged(world, asked.ticket, octets)
        if asked.command == Command.UNBIND:
            self.line.hang_up()

    def _acknowledged(
        self, world: World, ticket: tuple[Outbox, int], octets: bytes
    ) -> None:
        """Take note of what became of a receipt, unless its world was reset."""
        outbox, delivery = ticket
        status = operations_receipts.UNANSWERED
        if octets:
            status = wire.HEADER.unpack_from(octets)[2]
        if outbox is world.outbox:
            if octets and not status:
                cast("Link", self.link).delivered += 1
            operations_receipts.answered(
                world, delivery, str(self._number), status, now=world.clock.now()
            )
        self.deliver()


def timers(centre: Centre) -> Timers:
    """Return the timers of a session with *centre*."""
    return Timers(
        centre.session_init_timer,
        centre.enquire_link_timer,
        centre.response_timer,
        centre.inactivity_timer,
    )


_OTHERWISE: Mapping[Kind, Callable[[Desk, Event], bytes]] = {
    Kind.DECLINED: Desk._declined,  # noqa: SLF001 - the class's own table
    Kind.BROKEN: Desk._broken,  # noqa: SLF001
    Kind.STRAY: Desk._stray,  # noqa: SLF001
    Kind.ANSWER: Desk._heard,  # noqa: SLF001
}
