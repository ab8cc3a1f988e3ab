"""How a fault is felt over SMPP: in the right answer's place, too late, or spoilt."""

import logging
from datetime import datetime, timedelta
from functools import partial

from msgspec import Struct

from emulator.smsc.commands import SUBMITTING, recipients
from emulator.smsc.command_context import Clerk, Visit
from emulator.domain.command_status import Status
from emulator.domain.recipients import cellphone
from emulator.domain.refusals import Refusal
from emulator.network.eager import begin
from emulator.faults import Delayed, Effect, Facts, Phase, Place, Rule
from emulator.smpp import pdu as wire
from emulator.smpp import shown
from emulator.smpp.pdu import NUL
from emulator.smpp.session import KEEPING
from emulator.world.transaction import transact

BEHIND = timedelta(microseconds=1)

log = logging.getLogger("emulator")


class Injection:
    """What faults make of one request."""

    def __init__(self, desk: Clerk, visit: Visit) -> None:
        self._desk = desk
        self._visit = visit
        self._operation = shown.name(visit.pdu.command)

    async def answer(self) -> bytes:
        """Return what is sent at once; what comes later is seen to."""
        desk, visit = self._desk, self._visit
        pdu = visit.pdu
        good = wire.answer(pdu.command, Status.ESME_ROK, pdu.sequence)
        call = self._call(good, is_carried_out=False)
        try:
            rule = await self._struck(Phase.BEFORE, call)
        except Refusal as refusal:  # of the disk
            return desk.recorded(visit, desk.refused(visit, refusal))
        if rule is not None:
            return await self._wronged(rule, call)
        right = await desk.carried_out(visit)
        call = self._call(right, is_carried_out=True)
        if wire.HEADER.unpack_from(right)[2] == Status.ESME_ROK:
            rule = await self._struck(Phase.AFTER, call)
        if rule is None:
            return desk.recorded(visit, right)
        return await self._wronged(rule, call)

    def _call(self, answer: bytes, *, is_carried_out: bool) -> "StruckCommand":
        return StruckCommand(
            desk=self._desk,
            visit=self._visit,
            command=self._operation,
            answer=answer,
            is_carried_out=is_carried_out,
            seed=self._visit.world.account.seed,
        )

    async def _struck(self, phase: Phase, call: "StruckCommand") -> Rule | None:
        """Return the rule that strikes.

        What keeps a session alive is spared by rules that do not name it.
        """
        visit = self._visit

        def is_felt(effect: Effect) -> bool:
            return effect.changes_smpp(call)

        facts = Facts(
            operation=self._operation,
            phase=phase,
            token=self._desk.system_id,
            numbers=[cellphone(each) for each in recipients(visit.pdu)],
            body=shown.fields(visit.pdu),
            headers={},
            now=visit.now,
            is_spared=visit.pdu.command in KEEPING,
            is_felt=is_felt,
        )
        world = visit.world
        try:
            return await transact(world, lambda: world.strike(facts, Place.SMPP_ANSWER))
        except Refusal as refusal:
            if phase is Phase.BEFORE:
                raise
            log.warning("no fault struck: %s", refusal.why)  # what was done stands
            return None

    async def _wronged(self, rule: Rule, call: "StruckCommand") -> bytes:
        """Return what *rule* makes of the right answer, kept as it is sent."""
        self._visit.fault = call.rule = rule.id
        call.number = rule.met
        sent = await rule.effect.answer_smpp(call)
        return b"" if sent is None else self._desk.recorded(self._visit, sent)


class StruckCommand(Struct, kw_only=True):
    """One command that a rule may strike (``SmppCall``)."""

    desk: Clerk
    visit: Visit
    command: str
    answer: bytes  # the right one; where nothing is carried out, a good one
    is_carried_out: bool
    seed: int
    rule: str = ""  # the id of the one that strikes, ...
    number: int = 0  # ... and which of the calls that it has met this is

    @property
    def sequence(self) -> int:
        return self.visit.pdu.sequence

    @property
    def is_heard(self) -> bool:
        return not self.desk.line.is_silent

    @property
    def is_holding(self) -> bool:
        return bool(self.desk.held_over)

    @property
    def can_send_receipt(self) -> bool:
        message, mail = self._placed(), self.desk.mail
        return message is not None and mail.can_tell_early(self.visit.world, message)

    def reply(self, status: int) -> bytes:
        return wire.answer(self.visit.pdu.command, status, self.sequence)

    async def answer_late(self, by: timedelta) -> None:
        """Answer later; the request is under way until then."""
        desk, visit = self.desk, self.visit

        async def answered() -> None:
            visit.now = visit.world.clock.now()
            right = (
                self.answer if self.is_carried_out else await desk.carried_out(visit)
            )
            desk.line.send(desk.recorded(visit, right))
            visit.world.commons.store.note(visit.world)

        delayed = Delayed(visit.now + by, self.command, self.rule)
        await self._postpone_receipt(delayed.due)
        desk.late(visit.world).hold(
            delayed, lambda: begin(answered()), lambda: desk.recorded(visit, b"")
        )

    def answer_last(self, octets: bytes) -> None:
        self.desk.recorded(self.visit, octets)
        self.desk.line.send(octets)
        self.desk.line.silence()

    def drip(self, seconds: timedelta) -> None:
        desk, visit = self.desk, self.visit
        desk.recorded(visit, self.answer)
        desk.line.begin_drip()
        for index, octet in enumerate(self.answer):
            left = len(self.answer) - index - 1
            due = visit.now + seconds - seconds * left / len(self.answer)
            then = partial(desk.line.drip, bytes((octet,)), last=not left)
            delayed = Delayed(due, self.command, self.rule)
            desk.late(visit.world).hold(delayed, then)

    def hold(self) -> None:
        self.desk.held_over = self.answer

    def close(self, *, answered: bool) -> None:
        line = self.desk.line
        if answered:
            line.then(line.hang_up)
        else:
            line.hang_up()

    def reset(self, *, answered: bool) -> None:
        line = self.desk.line
        if answered:
            line.then(line.reset)
        else:
            line.reset()

    def unbind(self) -> None:
        self.desk.line.then(self.desk.unbind)

    async def send_receipt(self) -> None:
        message = self._placed()
        if message is not None:
            world = self.visit.world
            await self.desk.mail.tell_early(world, message, world.clock.now())

    def _placed(self) -> int | None:
        """Return the id of the message that has been placed, if one has."""
        if not (self.is_carried_out and self.visit.pdu.command in SUBMITTING):
            return None
        return int(self.answer[wire.SHORTEST :].partition(NUL)[0])

    async def _postpone_receipt(self, due: datetime) -> None:
        """Let the receipt of what has been placed come behind its late answer."""
        world = self.visit.world
        newest = next(reversed(world.submissions.values()), None)
        if self._placed() is not None and newest is not None:
            late = newest._replace(answered_at=due + BEHIND)
            await transact(world, lambda: world.keep(late), happened=True)
