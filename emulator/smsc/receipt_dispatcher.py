"""Receipts on their way: to whom each goes, and what faults make of it.

They go round robin to the receivers of their client, as far as each has room.
"""

import asyncio
import logging
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

from msgspec import Struct

from emulator.smsc.receipt_backlog import Backlog, Key, Submitter
from emulator.domain import receipt as receipts
from emulator.domain.access import Form
from emulator.domain.delivery import Delivery
from emulator.domain.receipt import Receipt
from emulator.domain.recipients import cellphone
from emulator.domain.refusals import Refusal
from emulator.network.eager import begin
from emulator.faults import Effect, Facts, Place, Rule
from emulator.faults.places import RECEIPT as OPERATION
from emulator.operations.background import receipts as operations
from emulator.operations.background.receipts import Acknowledged
from emulator.world.outbox import Outbox
from emulator.smpp.bodies import Message, Tag
from emulator.smpp.pdu import Tlv
from emulator.smpp.session import VERSION, Session
from emulator.world.transaction import transact
from emulator.world import World

RECEIPT = 0x04  # esm_class; source: SMPP 3.4, 5.2.12
TAGS = {each.name: int(each) for each in Tag}
TURN = 32  # receipts, after which others are let in

log = logging.getLogger("emulator")


class Receiver(Protocol):
    """A desk whose client takes receipts."""

    world: World | None
    system_id: str
    session: Session

    @property
    def has_room(self) -> bool: ...
    def send(self, delivery: Delivery, letter: "Letter", fault: str = "") -> None: ...
    def fail(self, fault: str, *, reset: bool) -> None: ...


class Letter:
    """One receipt as it is written for one session."""

    __slots__ = ("_text", "form", "receipt")

    def __init__(self, receipt: Receipt, form: Form, text: str | None) -> None:
        self.receipt = receipt
        self.form = form
        self._text = text

    def body(self) -> Message:
        """Source: SMPP 3.4, appendix B: addresses change places."""
        receipt = self.receipt
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
        found = receipts.parameters(self.receipt, self.form)
        return tuple([(TAGS[name], value) for name, value in found.items()])


class Behind(NamedTuple):
    """A receipt that lets another go first."""

    delivery: Delivery
    letter: Letter
    outbox: Outbox  # of the state that it belongs to
    fault: str  # the id of the rule that struck it


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
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: begin(self.bring(world, system_id)))

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

    async def bring(self, world: World, system_id: str) -> None:
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
            await self._send(receiver, delivery, now)
        else:
            self.call(world, system_id)
        if taken:
            if world.commons.store.lasts:
                leaving = partial(operations.send_off, world, taken)
                await transact(world, leaving, happened=True)
            if backlog := self._backlogs.get(key):
                backlog.look()

    def can_tell_early(self, world: World, message: int) -> bool:
        """Return whether the receipt of a message can be sent at once."""
        found = world.submitted(message)
        if found is None or not operations.is_due_next(world, message):
            return False
        ring = self._rings.get((world, found[1].system_id), deque())
        return any(each.has_room for each in ring)

    async def tell_early(self, world: World, message: int, now: datetime) -> None:
        """Send the receipt of a message at once, whatever becomes of it."""
        found = world.submitted(message)
        if found is not None:
            tell = partial(operations.tell, world, found[0].id, now)
            await transact(world, tell, happened=True)
            await self.bring(world, found[1].system_id)

    def _next(self, key: Key) -> Receiver | None:
        """Return the receiver whose turn it is, of those that have room."""
        ring = self._rings.get(key, deque())
        for _ in range(len(ring)):
            ring.rotate(-1)
            if ring[-1].has_room:
                return ring[-1]
        return None

    async def _send(
        self, receiver: Receiver, delivery: Delivery, now: datetime
    ) -> None:
        world, system_id = receiver.world, receiver.system_id
        receipt = operations.of(world, delivery) if world else None
        if world is None or receipt is None:
            return
        form = world.account.access.bind(system_id).receipts
        letter = Letter(receipt, form, str(delivery.facts["response"]))
        if world.faults and not _was_held_back(delivery):
            call = StruckReceipt(self, receiver, world, delivery, letter, now)
            try:
                if await transact(world, call.is_struck):
                    return
            except Refusal as refusal:  # of the disk
                log.warning("no fault struck: %s", refusal.why)
        self.carry(receiver, (world, system_id), delivery, letter)

    def carry(
        self,
        receiver: Receiver,
        key: Key,
        delivery: Delivery,
        letter: Letter,
        fault: str = "",
    ) -> None:
        """Send a receipt, and behind it what has let it go first."""
        receiver.send(delivery, letter, fault)
        if self._behind and (behind := self._let_go(key)):
            receiver.send(behind.delivery, behind.letter, behind.fault)

    def hold(self, key: Key, behind: Behind) -> None:
        """Send a receipt behind the next one."""
        self._behind[key] = behind

    def is_holding(self, key: Key) -> bool:
        """Return whether something lets another go first; a reset ends that."""
        behind = self._behind.get(key)
        return behind is not None and behind.outbox is key[0].outbox

    def _let_go(self, key: Key) -> Behind | None:
        """Return what has let another go first, and forget that it has."""
        behind = self._behind.get(key) if self.is_holding(key) else None
        self._behind.pop(key, None)
        return behind


class StruckReceipt(Struct):
    """A receipt that a rule may strike (``ReceiptCall``)."""

    mail: Mail
    receiver: Receiver
    world: World
    delivery: Delivery
    letter: Letter  # as it should be
    now: datetime
    rule: str = ""  # the id of the one that strikes, ...
    number: int = 0  # ... and which of the receipts that it has met this is

    def is_struck(self) -> bool:
        """Let the rule that strikes do what it does; return whether one does."""
        rule = self._strike()
        if rule is not None:
            rule.effect.deliver_receipt(self)
        return rule is not None

    def _strike(self) -> Rule | None:
        """Return the rule that strikes, whichever phase it names."""
        delivery = self.delivery

        def is_felt(effect: Effect) -> bool:
            return effect.changes_receipt(self)

        facts = Facts(
            operation=OPERATION,
            phase=None,
            token=self.receiver.system_id,
            numbers=[cellphone(delivery.number)],
            body={**delivery.facts, "message": delivery.message},
            headers={},
            now=self.now,
            is_spared=True,
            is_felt=is_felt,
        )
        rule = self.world.strike(facts, Place.RECEIPT)
        if rule is not None:
            self.rule, self.number = rule.id, rule.met
        return rule

    @property
    def seed(self) -> int:
        return self.world.account.seed

    @property
    def receipt(self) -> Receipt:
        return self.letter.receipt

    @property
    def form(self) -> Form:
        return self.letter.form

    @property
    def is_holding(self) -> bool:
        return self.mail.is_holding(self._key)

    @property
    def _key(self) -> Key:
        return self.world, self.receiver.system_id

    def reads_alike(self, receipt: Receipt, form: Form) -> bool:
        right, other = self.letter, self._written(receipt, form)
        version = self.receiver.session.version
        parameters = right.tlvs(version), other.tlvs(version)
        return right.body() == other.body() and parameters[0] == parameters[1]

    def send(self, receipt: Receipt, form: Form) -> None:
        letter, to = self._written(receipt, form), (self.receiver, self._key)
        self.world.then(partial(self.mail.carry, *to, self.delivery, letter, self.rule))

    def hold(self) -> None:
        outbox = self.world.outbox
        behind = Behind(self.delivery, self.letter, outbox, self.rule)
        self.world.then(partial(self.mail.hold, self._key, behind))

    def send_late(self, by: timedelta) -> None:
        self._keep(self.delivery.late(self.world.clock.now() + by, self.rule))

    def lose(self) -> None:
        self._keep(self.delivery.lost(self.rule))

    def cut(self, *, reset: bool) -> None:
        receipt = Acknowledged(
            self.world.outbox,
            self.delivery.id,
            operations.UNANSWERED,
            self.world.clock.now(),
            "cut",
            self.rule,
        )
        operations.answered(self.world, [receipt])
        self.world.then(partial(self.receiver.fail, self.rule, reset=reset))

    def _keep(self, delivery: Delivery) -> None:
        self.world.then(partial(self.world.outbox.take_back, delivery))
        self.world.keep(delivery)

    def _written(self, receipt: Receipt, form: Form) -> Letter:
        """Return a letter; one that says nothing else has its words already."""
        if (receipt, form) == (self.receipt, self.form):
            return self.letter
        zone = self.world.account.zone
        return Letter(receipt, form, receipts.text(receipt, form, zone))


def _was_held_back(delivery: Delivery) -> bool:
    """Return whether a fault has had its turn with what has not been sent yet."""
    return bool(delivery.fault) and not delivery.attempts
