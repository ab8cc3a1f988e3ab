"""How a fault is felt over SMPP: in the right answer's place, too late, or spoilt."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from emulator.domain.chance import digest
from emulator.domain.command_status import Status
from emulator.domain.recipients import cellphone
from emulator.effects import Decline, Delay, Manner, Turn, Twist, Wire, felt_by_smpp
from emulator.faults import Delayed, Facts, Phase, Rule, tried_by
from emulator.smpp import pdu as wire
from emulator.smpp import shown
from emulator.smpp.bodies import Command
from emulator.smpp.requests import SUBMITTING, recipients
from emulator.smpp.session import KEEPING
from emulator.smpp.visit import Clerk, Visit

WRONG = 0x5555_5555  # what a sequence_number is spoilt with
EXCESS = 16  # octets that a wrong length announces and nobody sends
RUBBISH = 4  # times eight octets
BEHIND = timedelta(microseconds=1)


class Injection:
    """What faults make of one request."""

    def __init__(self, desk: Clerk, visit: Visit) -> None:
        self._desk = desk
        self._visit = visit
        self._operation = shown.name(visit.pdu.command)
        self._is_placed = False  # whether a message has been, already

    def answer(self) -> bytes:
        """Return what is sent at once; what comes later is seen to."""
        desk, visit = self._desk, self._visit
        rule = self._struck(Phase.BEFORE)
        if rule is None:
            right = desk.carried_out(visit)
            self._is_placed = visit.pdu.command in SUBMITTING
            if wire.HEADER.unpack_from(right)[2] == Status.ESME_ROK:
                rule = self._struck(Phase.AFTER)
            if rule is None:
                return desk.recorded(visit, right)
            return self._wronged(rule, right)
        if isinstance(rule.effect, Delay):
            self._late(rule, rule.effect, lambda: desk.carried_out(visit))
            return b""
        return self._wronged(rule, self._of(Status.ESME_ROK))

    def _struck(self, phase: Phase) -> Rule | None:
        visit, world = self._visit, self._visit.world
        facts = Facts(
            operation=self._operation,
            phase=phase,
            token=self._desk.system_id,
            numbers=[cellphone(each) for each in recipients(visit.pdu)],
            body=shown.fields(visit.pdu),
            headers={},
            now=visit.now,
        )
        rule, world.faults = tried_by(
            self._is_felt, world.faults, facts, world.account.seed
        )
        if rule is not None:
            visit.fault = rule.id
            self._desk.count_fault(self._operation)
        return rule

    def _is_felt(self, rule: Rule) -> bool:
        """Return whether a rule is tried here.

        What keeps a session alive is spared by rules that do not name it.
        """
        named = rule.which.operation == self._operation
        return felt_by_smpp(rule.effect) and (
            named or self._visit.pdu.command not in KEEPING
        )

    def _of(self, status: int) -> bytes:
        pdu = self._visit.pdu
        return wire.answer(pdu.command, status, pdu.sequence)

    def _wronged(self, rule: Rule, right: bytes) -> bytes:
        """Return what *rule* makes of the right answer, kept as it is sent."""
        effect, desk = rule.effect, self._desk
        if isinstance(effect, Delay):
            self._late(rule, effect, lambda: right)
            return b""
        if isinstance(effect, Decline):
            return desk.recorded(self._visit, self._of(effect.status))
        if isinstance(effect, Twist):
            sent = _TWISTED[effect.turn](self, right)
            return desk.recorded(self._visit, sent)
        return self._failed(rule, right)

    def _failed(self, rule: Rule, right: bytes) -> bytes:
        """Let the connection fail the client, as far as the answer goes."""
        effect, desk, line = rule.effect, self._desk, self._desk.line
        manner = effect.manner if isinstance(effect, Wire) else Manner.HANG
        if manner is Manner.DRIP and isinstance(effect, Wire):
            self._drip(rule, right, timedelta(seconds=effect.seconds))
            return b""
        sent = right[: len(right) // 2] if manner is Manner.TRUNCATED else b""
        desk.recorded(self._visit, sent)
        if manner is Manner.TRUNCATED:
            line.send(sent)
            line.silence()
        elif manner is Manner.CLOSE:
            line.hang_up()
        elif manner is Manner.RESET:
            line.reset()
        return b""

    def _late(self, rule: Rule, delay: Delay, right: Callable[[], bytes]) -> None:
        """Answer later; the request is under way until then."""
        desk, visit = self._desk, self._visit
        by = delay.drawn(visit.world.account.seed, rule.id, rule.met)

        def then() -> None:
            visit.now = visit.world.clock.now()
            desk.line.send(desk.recorded(visit, right()))

        delayed = Delayed(visit.now + by, self._operation, rule.id)
        self._postpone(delayed.due)
        desk.late(visit.world).hold(delayed, then)

    def _postpone(self, due: datetime) -> None:
        """Let the receipt of what has been placed come behind its late answer."""
        world = self._visit.world
        newest = next(reversed(world.submissions.values()), None)
        if self._is_placed and newest is not None:
            world.keep(newest._replace(answered_at=due + BEHIND))
            world.commit(happened=True)

    def _drip(self, rule: Rule, right: bytes, seconds: timedelta) -> None:
        desk, visit = self._desk, self._visit
        desk.recorded(visit, right)
        desk.line.begin_drip()
        for index, octet in enumerate(right):
            left = len(right) - index - 1
            due = visit.now + seconds - seconds * left / len(right)
            then = partial(desk.line.drip, bytes((octet,)), last=not left)
            delayed = Delayed(due, self._operation, rule.id)
            desk.late(visit.world).hold(delayed, then)

    # --- Twists -------------------------------------------------------------------

    def _wrong_sequence(self, right: bytes) -> bytes:
        sequence = self._visit.pdu.sequence ^ WRONG
        return right[:12] + wire.WORD.pack(sequence) + right[16:]

    def _doubled(self, right: bytes) -> bytes:
        return right * 2

    def _swapped(self, right: bytes) -> bytes:
        self._desk.hold_over(right)
        return b""

    def _nack(self, _right: bytes) -> bytes:
        return wire.nack(Status.ESME_RSYSERR, self._visit.pdu.sequence)

    def _wrong_length(self, right: bytes) -> bytes:
        return wire.WORD.pack(len(right) + EXCESS) + right[4:]

    def _garbage(self, _right: bytes) -> bytes:
        visit = self._visit
        return b"".join(
            digest(
                visit.world.account.seed, f"garbage {visit.pdu.sequence}", index
            ).to_bytes(8, "big")
            for index in range(RUBBISH)
        )

    def _then_close(self, right: bytes) -> bytes:
        self._desk.line.then(self._desk.line.hang_up)
        return right

    def _then_reset(self, right: bytes) -> bytes:
        self._desk.line.then(self._desk.line.reset)
        return right

    def _then_unbind(self, right: bytes) -> bytes:
        self._desk.line.then(self._desk.unbind)
        return right

    def _early_receipt(self, right: bytes) -> bytes:
        if self._visit.pdu.command == Command.SUBMIT_SM:
            message = int(right[wire.SHORTEST : -1])
            self._desk.tell_early(self._visit.world, message)
        return right

    def _as_it_is(self, right: bytes) -> bytes:
        """Leave an answer alone that only a receipt could be spoilt like."""
        return right


_TWISTED: Mapping[Turn, Callable[[Injection, bytes], bytes]] = {
    Turn.WRONG_SEQUENCE: Injection._wrong_sequence,  # noqa: SLF001 - the class's own table
    Turn.DOUBLED: Injection._doubled,  # noqa: SLF001
    Turn.SWAPPED: Injection._swapped,  # noqa: SLF001
    Turn.NACK: Injection._nack,  # noqa: SLF001
    Turn.WRONG_LENGTH: Injection._wrong_length,  # noqa: SLF001
    Turn.GARBAGE: Injection._garbage,  # noqa: SLF001
    Turn.THEN_CLOSE: Injection._then_close,  # noqa: SLF001
    Turn.THEN_RESET: Injection._then_reset,  # noqa: SLF001
    Turn.THEN_UNBIND: Injection._then_unbind,  # noqa: SLF001
    Turn.EARLY_RECEIPT: Injection._early_receipt,  # noqa: SLF001
    Turn.WRONG_ID: Injection._as_it_is,  # noqa: SLF001
    Turn.UNKNOWN_STATE: Injection._as_it_is,  # noqa: SLF001
    Turn.NO_TLVS: Injection._as_it_is,  # noqa: SLF001
}
