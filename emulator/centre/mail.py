"""Receipts on their way: to whom each goes, and what faults make of it.

They go round robin to the receivers of their client, as far as each has room.
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple, Protocol

from emulator.centre.backlog import Backlog, Key, Submitter
from emulator.domain import receipt as receipts
from emulator.domain.access import Form
from emulator.domain.delivery import Delivery
from emulator.domain.receipt import Receipt
from emulator.domain.recipients import cellphone
from emulator.domain.smpp import MessageState
from emulator.effects import Delay, Manner, Turn, Twist, Wire, felt_by_smpp
from emulator.faults import Facts, Phase, Rule, tried_by
from emulator.operations import happenings
from emulator.operations import receipts as operations
from emulator.outbox import Outbox
from emulator.smpp.bodies import Message, Tag
from emulator.smpp.pdu import Tlv
from emulator.smpp.session import VERSION
from emulator.world import World

OPERATION = "deliver_sm"  # as rules call it
RECEIPT = 0x04  # esm_class; source: SMPP 3.4, 5.2.12
TAGS = {each.name: int(each) for each in Tag}
WRONG = 1_000_000  # what is added to an id that is to be wrong
TURN = 32  # receipts, after which others are let in


class Receiver(Protocol):
    """A desk whose client takes receipts."""

    world: World | None
    system_id: str

    @property
    def has_room(self) -> bool: ...
    def send(self, delivery: Delivery, letter: "Letter") -> None: ...
    def fail(self, *, reset: bool) -> None: ...


class Letter:
    """One receipt as it is written for one session."""

    __slots__ = ("_form", "_receipt", "_text")

    def __init__(self, receipt: Receipt, form: Form, text: str | None) -> None:
        self._receipt = receipt
        self._form = form
        self._text = text

    def spoilt(self, turn: Turn, world: World) -> "Letter":
        """Return the letter as a fault has it written."""
        receipt, form = self._receipt, self._form
        if turn is Turn.WRONG_ID:
            receipt = receipt._replace(message=receipt.message + WRONG)
        elif turn is Turn.UNKNOWN_STATE:
            receipt = receipt._replace(state=MessageState.UNKNOWN)
        elif turn is Turn.NO_TLVS:
            form = replace(form, tlvs="without")
        text = receipts.text(receipt, form, world.account.zone)
        return Letter(receipt, form, text)

    def body(self) -> Message:
        """Source: SMPP 3.4, appendix B: addresses change places."""
        receipt = self._receipt
        return Message(
            receipt.service_type.encode("latin-1"),
            *receipt.source,
            *receipt.destination,
            RECEIPT,
            0,
            0,
            b"",
            b"",
            0,
            0,
            0,
            0,
            (self._text or "").encode("ascii", "replace"),
        )

    def tlvs(self, version: int) -> tuple[Tlv, ...]:
        """Return the parameters, of which an older client knows none."""
        if version < VERSION:
            return ()
        found = receipts.parameters(self._receipt, self._form)
        return tuple([(TAGS[name], value) for name, value in found.items()])


class Behind(NamedTuple):
    """A receipt that lets another go first."""

    delivery: Delivery
    letter: Letter
    outbox: Outbox  # of the state that it belongs to


class Mail:
    """Brings receipts to whoever takes them."""

    def __init__(self) -> None:
        self._rings: dict[Key, deque[Receiver]] = {}
        self._called: set[Key] = set()
        self._behind: dict[Key, Behind] = {}
        self._backlogs: dict[Key, Backlog] = {}

    def enrol(self, receiver: Receiver, world: World) -> None:
        """Let a session take receipts, and send what has waited for one."""
        key = world, receiver.system_id
        self._rings.setdefault(key, deque()).append(receiver)
        self.hear(*key)
        self.call(*key)

    def leave(self, receiver: Receiver, world: World) -> None:
        """Let a session take no more; what has let another go first waits again.

        Where it was the last one, no more wait than may without a receiver.
        """
        key = world, receiver.system_id
        ring = self._rings.get(key, deque())
        if receiver in ring:
            ring.remove(receiver)
        if not ring:
            self._rings.pop(key, None)
            if backlog := self._backlogs.pop(key, None):
                backlog.close()
            behind = self._let_go(key)
            operations.leave(world, key[1], behind.delivery if behind else None)

    def call(self, world: World, system_id: str) -> None:
        """Look for receipts of a client soon, behind what is being answered now."""
        key = world, system_id
        if key in self._rings and key not in self._called:
            self._called.add(key)
            asyncio.get_running_loop().call_soon(self.bring, world, system_id)

    def hear(self, world: World, system_id: str) -> None:
        """Note that a client has acknowledged a receipt, or can take more of them."""
        if backlog := self._backlogs.get((world, system_id)):
            backlog.hear()

    def has_receiver(self, world: World, system_id: str) -> bool:
        return (world, system_id) in self._rings

    def backlog(self, world: World, system_id: str) -> Backlog | None:
        """Return what keeps a client, which has a receiver, from adding receipts.

        Nothing does while there is room for another one.
        """
        key = world, system_id
        backlog = self._backlogs.get(key)
        if backlog is None:
            backlog = self._backlogs[key] = Backlog(world, system_id)
        return backlog if backlog.is_over else None

    def withdraw(self, line: Submitter, world: World, system_id: str) -> None:
        """Let a connection wait no longer for receipts to be taken."""
        if backlog := self._backlogs.get((world, system_id)):
            backlog.withdraw(line)

    def is_stalled(self, world: World, system_id: str) -> bool:
        """Whether a client has acknowledged nothing for too long."""
        backlog = self._backlogs.get((world, system_id))
        return backlog is not None and backlog.is_stalled

    def bring(self, world: World, system_id: str) -> None:
        """Send what waits for a client, as far as there is room."""
        key = world, system_id
        self._called.discard(key)
        now = world.clock.now()
        taken: list[int] = []
        for _ in range(TURN):
            receiver = self._next(key)
            if receiver is None:
                break
            delivery = operations.take(world, system_id)
            if delivery is None:
                break
            taken.append(delivery.id)
            self._send(receiver, delivery, now)
        else:
            self.call(world, system_id)
        if taken:
            world.send_off(taken)
            if backlog := self._backlogs.get(key):
                backlog.look()

    def tell_early(self, world: World, message: int, now: datetime) -> None:
        """Send the receipt of a message at once, whatever becomes of it."""
        found = world.submitted(message)
        if found is not None:
            operations.tell(world, found[0].id, now)
            world.commit(happened=True)
            happenings.catch_up(world, now)
            self.bring(world, found[1].system_id)

    def _next(self, key: Key) -> Receiver | None:
        """Return the receiver whose turn it is, of those that have room."""
        ring = self._rings.get(key, deque())
        for _ in range(len(ring)):
            ring.rotate(-1)
            if ring[-1].has_room:
                return ring[-1]
        return None

    def _send(self, receiver: Receiver, delivery: Delivery, now: datetime) -> None:
        world, system_id = receiver.world, receiver.system_id
        receipt = operations.of(world, delivery) if world else None
        if world is None or receipt is None:
            return
        form = world.account.access.bind(system_id).receipts
        letter = Letter(receipt, form, str(delivery.facts["response"]))
        if world.faults and not delivery.fault:
            rule = _struck(world, system_id, delivery, now)
            if rule is not None:
                self._wronged(receiver, delivery, letter, rule)
                return
        self._carry(receiver, (world, system_id), delivery, letter)

    def _carry(
        self, receiver: Receiver, key: Key, delivery: Delivery, letter: Letter
    ) -> None:
        """Send a receipt, and behind it what has let it go first."""
        receiver.send(delivery, letter)
        if self._behind and (behind := self._let_go(key)):
            receiver.send(behind.delivery, behind.letter)

    def _let_go(self, key: Key) -> Behind | None:
        """Return what has let another go first, and forget that it has."""
        behind = self._behind.get(key) if self._is_behind(key) else None
        self._behind.pop(key, None)
        return behind

    def _is_behind(self, key: Key) -> bool:
        """Return whether something lets another go first; a reset ends that."""
        behind = self._behind.get(key)
        return behind is not None and behind.outbox is key[0].outbox

    def _wronged(
        self, receiver: Receiver, delivery: Delivery, letter: Letter, rule: Rule
    ) -> None:
        """Send what *rule* makes of a receipt, if it leaves anything."""
        world, effect = receiver.world, rule.effect
        if world is None:
            return
        if isinstance(effect, Twist):
            key = world, receiver.system_id
            if effect.turn is Turn.SWAPPED and not self._is_behind(key):
                self._behind[key] = Behind(delivery, letter, world.outbox)
                return
            self._carry(receiver, key, delivery, letter.spoilt(effect.turn, world))
            if effect.turn is Turn.DOUBLED:
                receiver.send(delivery, letter)
        elif isinstance(effect, Delay):
            by = effect.drawn(world.account.seed, rule.id, rule.met)
            _kept(world, delivery.late(world.clock.now() + by, rule.id))
        elif isinstance(effect, Wire) and effect.manner is not Manner.HANG:
            now = world.clock.now()
            operations.answered(
                world, delivery.id, "cut", operations.UNANSWERED, now=now
            )
            receiver.fail(reset=effect.manner is Manner.RESET)
        else:
            _kept(world, delivery.lost(rule.id))


def _kept(world: World, delivery: Delivery) -> None:
    world.outbox.posted.pop(delivery.id, None)
    if delivery.is_over:
        world.outbox.receipts.pop(delivery.id, None)
    world.keep(delivery)
    world.commit(happened=True)


def _struck(
    world: World, system_id: str, delivery: Delivery, now: datetime
) -> Rule | None:
    """Return the rule that strikes a receipt, whichever phase it names."""
    body: Mapping[str, object] = {**delivery.facts, "message": delivery.message}
    for phase in (Phase.BEFORE, Phase.AFTER):
        facts = Facts(
            operation=OPERATION,
            phase=phase,
            token=system_id,
            numbers=[cellphone(delivery.number)],
            body=body,
            headers={},
            now=now,
        )
        rule, world.faults = tried_by(_is_felt, world.faults, facts, world.account.seed)
        if rule is not None:
            world.tally.faults[OPERATION] += 1
            return rule
    return None


def _is_felt(rule: Rule) -> bool:
    """Return whether a rule means receipts: only one that names them does."""
    return rule.which.operation == OPERATION and felt_by_smpp(rule.effect)
