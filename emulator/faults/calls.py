"""What an effect can read and do at each place.  The edges implement these."""

from collections.abc import Awaitable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

from emulator.domain.access import ReceiptFormat
from emulator.domain.delivery import Delivery
from emulator.domain.push import ParameterPairs
from emulator.domain.receipt import Receipt
from emulator.domain.refusals import RefusalReason


class StruckCall(Protocol):
    """One call that a rule strikes."""

    @property
    def rule_id(self) -> str:
        """The id of the rule."""

    @property
    def call_number(self) -> int:
        """Which of the calls that the rule has met, counted from 1."""

    @property
    def seed(self) -> int:
        """The seed of the world."""


# --- HTTP -----------------------------------------------------------------------------


class HttpResponseLike(Protocol):
    """An answer over HTTP."""

    status: int
    content_type: bytes

    @property
    def has_body(self) -> bool:
        """Whether any byte follows the headers."""


A = TypeVar("A", bound=HttpResponseLike)
A_co = TypeVar("A_co", bound=HttpResponseLike, covariant=True)


class HttpCall(StruckCall, Protocol[A_co]):
    """A request to the platform that a rule strikes."""

    @property
    def right_response(self) -> A_co:
        """The right answer; where the operation has not been carried out, a 200."""

    def carry_out(self) -> Awaitable[A_co]:
        """Carry out the operation, unless it has been; return the right answer."""

    def make_refusal(
        self, reason: RefusalReason, *, status: int | None, headers: Mapping[str, str]
    ) -> A_co:
        """Return the platform's refusal, under another status where one is given.

        Words that its sentence lacks here are left as dots.
        """

    def make_response(self, status: int, body: Any, headers: Mapping[str, str]) -> A_co:
        """Return an answer; a body that is text goes out as it is, else as JSON."""

    def make_empty_response(self, status: int, headers: Mapping[str, str]) -> A_co:
        """Return an answer without a body."""

    def replace_body(self, body: bytes) -> A_co:
        """Return the answer with another body under the same headers."""

    def hang_request(self) -> A_co:
        """Leave the client without an answer until it gives up."""

    def close_connection(self) -> A_co:
        """Close the connection before any byte of the answer."""

    def reset_connection(self) -> A_co:
        """Reset the connection before any byte of the answer."""

    async def truncate_body(self) -> A_co:
        """Send half of the answer's body, then close the connection."""

    async def drip_response(self, seconds: timedelta) -> A_co:
        """Send the answer's body in pieces over so many seconds of the world."""

    def delay_response(self, by: timedelta) -> AbstractAsyncContextManager[None]:
        """Wait by the world's clock, listed among its pending events."""


# --- SMPP -----------------------------------------------------------------------------


class SmppCall(StruckCall, Protocol):
    """A command of a client that a rule strikes."""

    @property
    def command(self) -> str:
        """As rules name it: ``submit_sm``."""

    @property
    def sequence_number(self) -> int:
        """The sequence_number of the request."""

    @property
    def is_carried_out(self) -> bool: ...

    @property
    def right_response(self) -> bytes:
        """The right answer; where the command has not been carried out, a good one."""

    @property
    def can_reach_client(self) -> bool:
        """Whether what is written now reaches the client."""

    @property
    def has_held_response(self) -> bool:
        """Whether an answer already waits to be sent after the next one."""

    @property
    def can_send_receipt(self) -> bool:
        """Whether the message that was placed has a receipt that can go out now."""

    def make_response(self, status: int) -> bytes:
        """Return an answer without a body."""

    async def delay_response(self, by: timedelta) -> None:
        """Carry out the command, unless it has been, and answer so much later."""

    def send_last(self, octets: bytes) -> None:
        """Send *octets*, and nothing more on this connection."""

    def drip_response(self, seconds: timedelta) -> None:
        """Send the answer octet by octet over so many seconds of the world."""

    def hold_response(self) -> None:
        """Send the answer after the next one."""

    def close_connection(self, *, after_response: bool) -> None:
        """Close the connection, at once or after the answer."""

    def reset_connection(self, *, after_response: bool) -> None:
        """Reset the connection, at once or after the answer."""

    def send_unbind(self) -> None:
        """Send an unbind, after the answer."""

    async def send_early_receipt(self) -> None:
        """Send the receipt of what was placed, before the answer."""


class ReceiptCall(StruckCall, Protocol):
    """A receipt on its way to a client that a rule strikes."""

    @property
    def receipt(self) -> Receipt: ...

    @property
    def form(self) -> ReceiptFormat:
        """How the client's receipts are written."""

    @property
    def has_held_receipt(self) -> bool:
        """Whether a receipt already waits to be sent after the next one."""

    def looks_same(self, receipt: Receipt, form: ReceiptFormat) -> bool:
        """Whether the client would get the same octets."""

    def send_receipt(self, receipt: Receipt, form: ReceiptFormat) -> None:
        """Send the receipt in another form."""

    def hold_receipt(self) -> None:
        """Send the receipt after the next one."""

    def delay_receipt(self, by: timedelta) -> None:
        """Send the receipt so much later."""

    def lose_receipt(self) -> None:
        """Send nothing, and never try again."""

    def break_connection(self, *, reset: bool) -> None:
        """End the connection instead; the receipt then waits again."""


# --- Pushes ---------------------------------------------------------------------------


class PushCall(NamedTuple):
    """A push that is about to leave."""

    delivery: Delivery
    pairs: ParameterPairs  # its parameters, as they are written
