"""A listener: performs the pushes of a world where the emulator has no way to."""

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from threading import Lock, Thread
from traceback import format_exc
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl

from emulator.client.line import ClientError, Line, events
from emulator.client.shown import Fact
from emulator.client.transport import Stream

SILENCE = 60.0  # seconds; the emulator says four times as often that it is there
PATH = "/_emulator/pushes"
MOST_SAID = 1_000  # characters of what is wrong


class Said(NamedTuple):
    """What a customer's server said, or why it said nothing."""

    status: int = 0
    body: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - nobody changes it
    verdict: str = ""
    says: str = ""


Perform = Callable[[Fact], Said]
Handler = Callable[[Fact], Any]


def handled(handler: Handler) -> Perform:
    """Return what performs a push by calling *handler* with its parameters.

    It returns nothing for ``ok``, a text, a status, or both; what it raises is a 500.
    It is called for one push at a time.
    """
    turn = Lock()

    def perform(push: Fact) -> Said:
        parameters = Fact(parse_qsl(push.parameters, keep_blank_values=True))
        try:
            with turn:
                return _said(handler(Fact({**push, **parameters})))
        except Exception:  # noqa: BLE001 - its author reads it in the record
            return Said(500, format_exc())

    return perform


def _said(returned: Any) -> Said:
    """Return what a handler says by what it returns."""
    if returned is None:
        return Said(200, "ok")
    if isinstance(returned, tuple):
        return Said(int(returned[0]), str(returned[1]))
    return Said(returned) if isinstance(returned, int) else Said(200, str(returned))


class Listener:
    """Listens in a thread of its own; a context that ends it.

    While it listens, the pushes of the world go to it and not to the account's URL.
    Each is performed in a thread of its own, as it may wait for an answer: which of
    them go side by side is up to the emulator.
    """

    def __init__(self, line: Line, perform: Perform) -> None:
        self._line = line
        self._perform = perform
        self._stream: Stream = line.pieces(PATH, SILENCE)
        self._thread = Thread(target=self._listen, daemon=True, name="listener")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; what has not been answered goes its ordinary way."""
        self._stream.hang_up()
        self._thread.join()

    def wait(self) -> None:
        """Return once the emulator has gone."""
        self._thread.join()

    def _listen(self) -> None:
        try:
            for event in events(self._stream):
                Thread(target=self._answer, args=(event.data,), daemon=True).start()
        except (OSError, ClientError):  # the emulator has gone, or the world
            return
        finally:
            self._stream.hang_up()

    def _answer(self, push: Fact) -> None:
        """Perform a push and tell what was said, unless nobody waits any more."""
        with suppress(ClientError):
            try:
                self._tell(push, self._perform(push))
            except ClientError as error:
                if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                    says = str(error)[:MOST_SAID]
                    self._tell(push, Said(verdict="broken", says=says))

    def _tell(self, push: Fact, said: Said) -> None:
        body = {name: value for name, value in said._asdict().items() if value}
        self._line.ask("POST", f"pushes/{push.number}", body)
