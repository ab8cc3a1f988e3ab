"""Send the receipts that wait for a client to its sessions, and apply faults to them.

They go round robin to the bound receivers of their client, as far as the window of
each allows.
"""

import asyncio
import logging
from collections import deque
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple, Protocol

from msgspec import Struct

from emulator.domain import receipt as receipts
from emulator.domain.access import ReceiptFormat
from emulator.domain.delivery import Delivery
from emulator.domain.receipt import Receipt
from emulator.domain.recipients import format_cellphone
from emulator.domain.refusals import Refusal
from emulator.faults import CallFacts, Effect, FaultPlace, FaultRule
from emulator.faults.places import RECEIPT_OPERATION as OPERATION
from emulator.network.eager import start_eagerly
from emulator.operations.background import receipts as operations
from emulator.operations.background.receipts import ReceiptAcknowledgement
from emulator.smpp.session import SmppSession
from emulator.smsc.receipt_backlog import ClientKey, HeldConnection, ReceiptBacklog
from emulator.smsc.rendered_receipt import RenderedReceipt
from emulator.world import World
from emulator.world.outbox import Outbox
from emulator.world.transaction import run_transaction

RECEIPTS_PER_TURN = 32  # receipts, after which others are let in

log = logging.getLogger("emulator")


class ReceiptReceiver(Protocol):
    """A session whose client takes receipts."""

    world: World
    system_id: str
    session: SmppSession

    @property
    def has_room(self) -> bool: ...
    def send_receipt(
        self, delivery: Delivery, rendered: RenderedReceipt, fault: str = ""
    ) -> None: ...
    def break_connection(self, fault: str, *, reset: bool) -> None: ...


class HeldReceipt(NamedTuple):
    """A receipt that a fault sends after the next one."""

    delivery: Delivery
    rendered: RenderedReceipt
    outbox: Outbox  # to see whether the world was reset
    fault: str  # the id of the rule that struck it


class ReceiptDispatcher:
    """Sends receipts to the sessions that can receive them."""

    def __init__(self) -> None:
        self._receivers: dict[ClientKey, deque[ReceiptReceiver]] = {}
        self._scheduled: set[ClientKey] = set()
        self._held: dict[ClientKey, HeldReceipt] = {}
        self._backlogs: dict[ClientKey, ReceiptBacklog] = {}

    def register_receiver(self, receiver: ReceiptReceiver, world: World) -> None:
        """Add a session that takes receipts, and send those that wait."""
        key = world, receiver.system_id
        self._receivers.setdefault(key, deque()).append(receiver)
        self.note_progress(*key)
        self.schedule_flush(*key)

    def unregister_receiver(self, receiver: ReceiptReceiver, world: World) -> None:
        """Remove a session; a receipt that was held goes back to the queue.

        If it was the last one, drop the receipts that may not wait without a receiver.
        """
        key = world, receiver.system_id
        ring = self._receivers.get(key, deque())
        if receiver in ring:
            ring.remove(receiver)
        if not ring:
            self._receivers.pop(key, None)
            if backlog := self._backlogs.pop(key, None):
                backlog.close()
            held = self._pop_held_receipt(key)
            operations.handle_no_receiver(
                world, key[1], held.delivery if held else None
            )

    def schedule_flush(self, world: World, system_id: str) -> None:
        """Flush in the next step of the loop, after the responses of this one."""
        key = world, system_id
        if key in self._receivers and key not in self._scheduled:
            self._scheduled.add(key)
            loop = asyncio.get_running_loop()
            loop.call_soon(lambda: start_eagerly(self.flush(world, system_id)))

    def note_progress(self, world: World, system_id: str) -> None:
        """Note that a client has acknowledged a receipt, or that one more is bound."""
        if backlog := self._backlogs.get((world, system_id)):
            backlog.note_progress()

    def has_receiver(self, world: World, system_id: str) -> bool:
        return (world, system_id) in self._receivers

    def find_full_backlog(self, world: World, system_id: str) -> ReceiptBacklog | None:
        """Return the backlog of a client with a receiver if it is full, else None."""
        key = world, system_id
        backlog = self._backlogs.get(key)
        if backlog is None:
            backlog = self._backlogs[key] = ReceiptBacklog(world, system_id)
        return backlog if backlog.is_over else None

    def release_connection(
        self, connection: HeldConnection, world: World, system_id: str
    ) -> None:
        """Remove a connection from those that wait in the backlog."""
        if backlog := self._backlogs.get((world, system_id)):
            backlog.release_connection(connection)

    def is_stalled(self, world: World, system_id: str) -> bool:
        """Whether a client has acknowledged nothing for too long."""
        backlog = self._backlogs.get((world, system_id))
        return backlog is not None and backlog.is_stalled

    async def flush(self, world: World, system_id: str) -> None:
        """Send the receipts that wait for a client, as far as its window allows."""
        key = world, system_id
        self._scheduled.discard(key)
        now = world.clock.now()
        taken: list[int] = []
        for _ in range(RECEIPTS_PER_TURN):
            receiver = self._find_receiver(key)
            if receiver is None:
                break
            delivery = operations.take_next_receipt(world, system_id)
            if delivery is None:
                break
            taken.append(delivery.id)
            await self._send_delivery(receiver, delivery, now)
        else:
            self.schedule_flush(world, system_id)
        if taken:
            if world.shared.store.is_durable:
                keep = partial(operations.keep_receipts_leaving, world, taken)
                await run_transaction(world, keep, has_happened=True)
            if backlog := self._backlogs.get(key):
                backlog.resume_next()

    def can_send_early(self, world: World, message: int) -> bool:
        """Return whether the receipt of a message can be sent at once."""
        found = world.find_submission(message)
        if found is None or not operations.is_due_next(world, message):
            return False
        ring = self._receivers.get((world, found[1].system_id), deque())
        return any(each.has_room for each in ring)

    async def send_early(self, world: World, message: int, now: datetime) -> None:
        """Make and send the next receipt of a message now, before it is due."""
        found = world.find_submission(message)
        if found is not None:
            tell = partial(operations.make_next_receipt, world, found[0].id, now)
            await run_transaction(world, tell, has_happened=True)
            await self.flush(world, found[1].system_id)

    def _find_receiver(self, key: ClientKey) -> ReceiptReceiver | None:
        """Return the next receiver that has room, round robin."""
        ring = self._receivers.get(key, deque())
        for _ in range(len(ring)):
            ring.rotate(-1)
            if ring[-1].has_room:
                return ring[-1]
        return None

    async def _send_delivery(
        self, receiver: ReceiptReceiver, delivery: Delivery, now: datetime
    ) -> None:
        world, system_id = receiver.world, receiver.system_id
        receipt = operations.find_receipt(world, delivery)
        if receipt is None:
            return
        form = world.account.access.get_bind(system_id).receipts
        rendered = RenderedReceipt(receipt, form, str(delivery.parameters["response"]))
        if world.faults and not _was_held_back(delivery):
            call = StruckReceipt(self, receiver, world, delivery, rendered, now)
            try:
                if await run_transaction(world, call.apply_fault):
                    return
            except Refusal as refusal:  # of the store
                log.warning("no fault struck: %s", refusal.why)
        self.send_and_release(receiver, (world, system_id), delivery, rendered)

    def send_and_release(
        self,
        receiver: ReceiptReceiver,
        key: ClientKey,
        delivery: Delivery,
        rendered: RenderedReceipt,
        fault: str = "",
    ) -> None:
        """Send a receipt, and after it the one that was held for it."""
        receiver.send_receipt(delivery, rendered, fault)
        if self._held and (held := self._pop_held_receipt(key)):
            receiver.send_receipt(held.delivery, held.rendered, held.fault)

    def hold_receipt(self, key: ClientKey, held: HeldReceipt) -> None:
        """Hold a receipt, to be sent after the next one."""
        self._held[key] = held

    def has_held_receipt(self, key: ClientKey) -> bool:
        """Return whether a receipt is held; after a reset of the world none is."""
        held = self._held.get(key)
        return held is not None and held.outbox is key[0].outbox

    def _pop_held_receipt(self, key: ClientKey) -> HeldReceipt | None:
        """Remove and return the receipt that is held."""
        held = self._held.get(key) if self.has_held_receipt(key) else None
        self._held.pop(key, None)
        return held


class StruckReceipt(Struct):
    """A receipt that a rule may strike (``ReceiptCall``)."""

    dispatcher: ReceiptDispatcher
    receiver: ReceiptReceiver
    world: World
    delivery: Delivery
    rendered: RenderedReceipt  # without the fault
    now: datetime
    rule_id: str = ""  # the rule that strikes, ...
    call_number: int = 0  # ... and how many receipts it has met

    def apply_fault(self) -> bool:
        """Apply the rule that strikes; return whether there is one."""
        rule = self._match_rule()
        if rule is not None:
            rule.effect.deliver_receipt(self)
        return rule is not None

    def _match_rule(self) -> FaultRule | None:
        """Return the rule that strikes, of any phase."""
        delivery = self.delivery

        def is_felt(effect: Effect) -> bool:
            return effect.changes_receipt(self)

        facts = CallFacts(
            operation=OPERATION,
            phase=None,
            token=self.receiver.system_id,
            numbers=[format_cellphone(delivery.number)],
            body={**delivery.parameters, "message": delivery.message},
            headers={},
            now=self.now,
            is_exempt=True,
            is_affected_by=is_felt,
        )
        rule = self.world.match_fault_rule(facts, FaultPlace.RECEIPT)
        if rule is not None:
            self.rule_id, self.call_number = rule.id, rule.matched
        return rule

    @property
    def seed(self) -> int:
        return self.world.account.seed

    @property
    def receipt(self) -> Receipt:
        return self.rendered.receipt

    @property
    def form(self) -> ReceiptFormat:
        return self.rendered.form

    @property
    def has_held_receipt(self) -> bool:
        return self.dispatcher.has_held_receipt(self._client_key)

    @property
    def _client_key(self) -> ClientKey:
        return self.world, self.receiver.system_id

    def looks_same(self, receipt: Receipt, form: ReceiptFormat) -> bool:
        right, other = self.rendered, self._render_receipt(receipt, form)
        version = self.receiver.session.version
        parameters = right.make_tlvs(version), other.make_tlvs(version)
        return right.make_body() == other.make_body() and parameters[0] == parameters[1]

    def send_receipt(self, receipt: Receipt, form: ReceiptFormat) -> None:
        send = partial(
            self.dispatcher.send_and_release,
            self.receiver,
            self._client_key,
            self.delivery,
            self._render_receipt(receipt, form),
            self.rule_id,
        )
        self.world.run_on_commit(send)

    def hold_receipt(self) -> None:
        outbox = self.world.outbox
        held = HeldReceipt(self.delivery, self.rendered, outbox, self.rule_id)
        self.world.run_on_commit(
            partial(self.dispatcher.hold_receipt, self._client_key, held)
        )

    def delay_receipt(self, by: timedelta) -> None:
        self._keep_delivery(
            self.delivery.delay_by_fault(self.world.clock.now() + by, self.rule_id)
        )

    def lose_receipt(self) -> None:
        self._keep_delivery(self.delivery.lose_by_fault(self.rule_id))

    def break_connection(self, *, reset: bool) -> None:
        receipt = ReceiptAcknowledgement(
            self.world.outbox,
            self.delivery.id,
            operations.UNANSWERED,
            self.world.clock.now(),
            "cut",
            self.rule_id,
        )
        operations.keep_acknowledgements(self.world, [receipt])
        self.world.run_on_commit(
            partial(self.receiver.break_connection, self.rule_id, reset=reset)
        )

    def _keep_delivery(self, delivery: Delivery) -> None:
        self.world.run_on_commit(
            partial(self.world.outbox.stop_awaiting_response, delivery)
        )
        self.world.keep_change(delivery)

    def _render_receipt(self, receipt: Receipt, form: ReceiptFormat) -> RenderedReceipt:
        """Return *receipt* rendered; without a change the one that exists."""
        if (receipt, form) == (self.receipt, self.form):
            return self.rendered
        zone = self.world.account.zone
        return RenderedReceipt(
            receipt, form, receipts.render_receipt_text(receipt, form, zone)
        )


def _was_held_back(delivery: Delivery) -> bool:
    """Return whether a fault has already delayed a receipt that was never sent."""
    return bool(delivery.fault) and not delivery.attempts
