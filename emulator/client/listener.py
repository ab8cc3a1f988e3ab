"""A listener: performs the pushes of a world that the emulator cannot send itself."""

from collections.abc import Callable
from contextlib import suppress
from http import HTTPStatus
from threading import Lock, Thread
from traceback import format_exc
from typing import Any, NamedTuple, Self
from urllib.parse import parse_qsl

from emulator.client.line import ClientError, WorldConnection, parse_events
from emulator.client.shown import Fact
from emulator.client.transport import LiveStream

# Seconds; the emulator says four times as often that it is there
SILENCE_TIMEOUT = 60.0
PUSHES_PATH = "/_emulator/pushes"
MAX_REASON_LENGTH = 1_000  # characters of what is wrong


class PushOutcome(NamedTuple):
    """The answer of a customer's server, or why there is none."""

    status: int = 0
    body: str = ""
    headers: dict[str, str] = {}  # noqa: RUF012 - it is never changed
    verdict: str = ""
    explanation: str = ""


PerformPush = Callable[[Fact], PushOutcome]
Handler = Callable[[Fact], Any]


def wrap_handler(handler: Handler) -> PerformPush:
    """Return a function that performs a push by calling *handler* with its parameters.

    It returns nothing for ``ok``, a text, a status, or both; what it raises is a 500.
    It is called for one push at a time.
    """
    turn = Lock()

    def perform(push: Fact) -> PushOutcome:
        parameters = Fact(parse_qsl(push.parameters, keep_blank_values=True))
        try:
            with turn:
                return _to_outcome(handler(Fact({**push, **parameters})))
        except Exception:  # noqa: BLE001 - its author reads it in the record
            return PushOutcome(500, format_exc())

    return perform


def _to_outcome(returned: Any) -> PushOutcome:
    """Return the answer that a handler's result stands for."""
    if returned is None:
        return PushOutcome(200, "ok")
    if isinstance(returned, tuple):
        return PushOutcome(int(returned[0]), str(returned[1]))
    return (
        PushOutcome(returned)
        if isinstance(returned, int)
        else PushOutcome(200, str(returned))
    )


class PushListener:
    """Listens in a thread of its own; a context that ends it.

    While it listens, the pushes of the world go to it and not to the account's URL.
    Each is performed in a thread of its own, as it may wait for an answer: which of
    them go side by side is up to the emulator.
    """

    def __init__(self, connection: WorldConnection, perform: PerformPush) -> None:
        self._connection = connection
        self._perform = perform
        self._stream: LiveStream = connection.open_stream(PUSHES_PATH, SILENCE_TIMEOUT)
        self._thread = Thread(target=self._read_pushes, daemon=True, name="listener")
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop listening; pushes without an answer are sent as without a listener."""
        self._stream.hang_up()
        self._thread.join()

    def wait(self) -> None:
        """Return once the emulator has gone."""
        self._thread.join()

    def _read_pushes(self) -> None:
        try:
            for event in parse_events(self._stream):
                Thread(
                    target=self._handle_push, args=(event.data,), daemon=True
                ).start()
        except (OSError, ClientError):  # the emulator has gone, or the world
            return
        finally:
            self._stream.hang_up()

    def _handle_push(self, push: Fact) -> None:
        """Perform a push and report its answer, if that is still waited for."""
        with suppress(ClientError):
            try:
                self._send_outcome(push, self._perform(push))
            except ClientError as error:
                if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
                    why = str(error)[:MAX_REASON_LENGTH]
                    outcome = PushOutcome(verdict="broken", explanation=why)
                    self._send_outcome(push, outcome)

    def _send_outcome(self, push: Fact, outcome: PushOutcome) -> None:
        body = {name: value for name, value in outcome._asdict().items() if value}
        self._connection.ask_fact("POST", f"pushes/{push.number}", body)
