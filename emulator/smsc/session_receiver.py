"""The receipts of one bound session: sent to its client, and what became of them."""

from emulator.domain.delivery import Delivery
from emulator.operations.background import receipts
from emulator.operations.background.receipts import ReceiptAcknowledgement
from emulator.smpp.bodies import CommandId
from emulator.smpp.pdu import PDU_HEADER
from emulator.smsc.command_context import ClientConnection
from emulator.smsc.receipt_dispatcher import ReceiptDispatcher
from emulator.smsc.rendered_receipt import RenderedReceipt
from emulator.world import World
from emulator.world.bound_session import BoundSession
from emulator.world.outbox import Outbox

DELIVER_SM_ID = int(CommandId.DELIVER_SM)


class SessionReceiver:
    """A bound session, as far as it takes receipts (``ReceiptReceiver``)."""

    def __init__(
        self,
        connection: ClientConnection,
        dispatcher: ReceiptDispatcher,
        world: World,
        bound_session: BoundSession,
    ) -> None:
        self.world = world
        self.system_id = bound_session.system_id
        self.session = connection.session
        self.cut_fault = ""  # the id of the rule that ended the connection
        self.receipt_faults: dict[int, str] = {}  # rules by sequence, on their way
        self.acknowledgements: list[ReceiptAcknowledgement] = []  # not kept yet
        self._connection = connection
        self._dispatcher = dispatcher
        self._bound_session = bound_session

    def schedule_flush(self) -> None:
        """See soon what waits for this client."""
        if self.session.is_receiving:
            self._dispatcher.schedule_flush(self.world, self.system_id)

    @property
    def has_room(self) -> bool:
        """Whether this client can be sent a receipt now.  Source: SMPP 3.4, 2.7."""
        if not (self._connection.is_open and self.session.is_receiving):
            return False
        most = self.world.account.access.centre.receiver_window
        return not self._connection.is_full and len(self.session.pending) < most

    def send_receipt(
        self, delivery: Delivery, rendered: RenderedReceipt, fault: str = ""
    ) -> None:
        """Send a receipt, which the rule *fault* struck; its answer is waited for."""
        octets = self.session.make_request(
            DELIVER_SM_ID,
            self._connection.now,
            body=rendered.make_body(),
            tlvs=rendered.make_tlvs(self.session.version),
            ticket=(self.world.outbox, delivery.id),
        )
        self._connection.send(octets)
        if fault:
            self.receipt_faults[next(reversed(self.session.pending))] = fault
        if len(self.session.pending) == 1:  # the others are due later
            self._connection.schedule_timer()

    def break_connection(self, fault: str, *, reset: bool) -> None:
        """End the connection because of the rule *fault*."""
        self.cut_fault = fault
        self._connection.call_after_flush(
            self._connection.flush_and_reset
            if reset
            else self._connection.flush_and_close
        )

    def acknowledge_receipt(
        self, ticket: tuple[Outbox, int], octets: bytes, fault: str
    ) -> None:
        """Note what became of a receipt; it is kept with others of this turn."""
        outbox, delivery = ticket
        if outbox is not self.world.outbox:  # its world was reset meanwhile
            return
        status = receipts.UNANSWERED
        if octets:
            status = PDU_HEADER.unpack_from(octets)[2]
            self._dispatcher.note_progress(self.world, self.system_id)
        if octets and not status:
            self._bound_session.delivered += 1
        at, session = self.world.clock.now(), str(self._bound_session.number)
        self.acknowledgements.append(
            ReceiptAcknowledgement(outbox, delivery, status, at, session, fault)
        )
