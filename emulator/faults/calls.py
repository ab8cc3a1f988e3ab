"""What an effect can look at and do at each place.  The edges implement these."""

from collections.abc import Awaitable, Mapping
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Any, NamedTuple, Protocol, TypeVar

from emulator.domain.access import Form
from emulator.domain.delivery import Delivery
from emulator.domain.push import Pairs
from emulator.domain.receipt import Receipt
from emulator.domain.refusals import Reason


class Struck(Protocol):
    """One call that a rule strikes."""

    @property
    def rule(self) -> str:
        """The id of the rule."""

    @property
    def number(self) -> int:
        """Which of the calls that the rule has met, counted from 1."""

    @property
    def seed(self) -> int:
        """The seed of the world."""


# --- HTTP -----------------------------------------------------------------------------


class HttpAnswer(Protocol):
    """An answer over HTTP."""

    status: int
    content_type: bytes

    @property
    def has_body(self) -> bool:
        """Whether any byte follows the headers."""


A = TypeVar("A", bound=HttpAnswer)
A_co = TypeVar("A_co", bound=HttpAnswer, covariant=True)


class HttpCall(Struck, Protocol[A_co]):
    """A request to the platform that a rule strikes."""

    @property
    def answer(self) -> A_co:
        """The right answer; where the operation has not been carried out, a 200."""

    def carry_out(self) -> Awaitable[A_co]:
        """Carry out the operation, unless it has been; return the right answer."""

    def refuse(
        self, reason: Reason, *, status: int | None, headers: Mapping[str, str]
    ) -> A_co:
        """Return the platform's refusal, under another status where one is given.

        Words that its sentence lacks here are left as dots.
        """

    def respond(self, status: int, body: Any, headers: Mapping[str, str]) -> A_co:
        """Return an answer; a body that is text goes out as it is, else as JSON."""

    def respond_empty(self, status: int, headers: Mapping[str, str]) -> A_co:
        """Return an answer without a body."""

    def replace_body(self, body: bytes) -> A_co:
        """Return the answer with another body under the same headers."""

    def hang(self) -> A_co:
        """Leave the client without an answer until it gives up."""

    def close(self) -> A_co:
        """Close the connection before any byte of the answer."""

    def reset(self) -> A_co:
        """Reset the connection before any byte of the answer."""

    async def truncate(self) -> A_co:
        """Send half of the answer's body, then close the connection."""

    async def drip(self, seconds: timedelta) -> A_co:
        """Send the answer's body in pieces over so many seconds of the world."""

    def wait(self, by: timedelta) -> AbstractAsyncContextManager[None]:
        """Wait so long by the world's clock, in sight of who looks at the world."""


# --- SMPP -----------------------------------------------------------------------------


class SmppCall(Struck, Protocol):
    """A command of a client that a rule strikes."""

    @property
    def command(self) -> str:
        """As rules name it: ``submit_sm``."""

    @property
    def sequence(self) -> int:
        """The sequence_number of the request."""

    @property
    def is_carried_out(self) -> bool: ...

    @property
    def answer(self) -> bytes:
        """The right answer; where the command has not been carried out, a good one."""

    @property
    def is_heard(self) -> bool:
        """Whether what is written now reaches the client."""

    @property
    def is_holding(self) -> bool:
        """Whether an answer waits already to go out behind the next one."""

    @property
    def can_send_receipt(self) -> bool:
        """Whether the message that was placed has a receipt that can go out now."""

    def reply(self, status: int) -> bytes:
        """Return an answer without a body."""

    async def answer_late(self, by: timedelta) -> None:
        """Carry out the command, unless it has been, and answer so much later."""

    def answer_last(self, octets: bytes) -> None:
        """Send *octets*, and nothing more on this connection."""

    def drip(self, seconds: timedelta) -> None:
        """Send the answer octet by octet over so many seconds of the world."""

    def hold(self) -> None:
        """Send the answer behind the next one."""

    def close(self, *, answered: bool) -> None:
        """Close the connection, at once or behind the answer."""

    def reset(self, *, answered: bool) -> None:
        """Reset the connection, at once or behind the answer."""

    def unbind(self) -> None:
        """Ask the client to go, behind the answer."""

    async def send_receipt(self) -> None:
        """Send the receipt of what was placed, before the answer."""


class ReceiptCall(Struck, Protocol):
    """A receipt on its way to a client that a rule strikes."""

    @property
    def receipt(self) -> Receipt: ...

    @property
    def form(self) -> Form:
        """How the client's receipts are written."""

    @property
    def is_holding(self) -> bool:
        """Whether a receipt waits already to go out behind the next one."""

    def reads_alike(self, receipt: Receipt, form: Form) -> bool:
        """Whether the client would see no difference."""

    def send(self, receipt: Receipt, form: Form) -> None:
        """Send the receipt, written like that."""

    def hold(self) -> None:
        """Send the receipt behind the next one."""

    def send_late(self, by: timedelta) -> None:
        """Send the receipt so much later."""

    def lose(self) -> None:
        """Send nothing, and never try again."""

    def cut(self, *, reset: bool) -> None:
        """End the connection instead; the receipt then waits again."""


# --- Pushes ---------------------------------------------------------------------------


class PushCall(NamedTuple):
    """A push that is about to leave."""

    delivery: Delivery
    pairs: Pairs  # its parameters, as they are written
