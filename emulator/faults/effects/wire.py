"""``wire``: the connection fails the client."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Any, Self

from emulator.domain.refusals import NOT_WANTED, REQUIRED, WRONG_FORMAT, Refusal
from emulator.faults.calls import A, HttpAnswer, HttpCall, ReceiptCall, SmppCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import Phase, Place
from emulator.faults.words import LONGEST, SECONDS, choice, stated

NOT_JSON = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
HTML = b"text/html"


class WireFailure(StrEnum):
    """What becomes of the connection, or of the bytes on it."""

    HANG = "hang"  # until the client gives up
    CLOSE = "close"  # before any byte of the answer
    RESET = "reset"
    EMPTY = "empty"
    TRUNCATED = "truncated"
    NOT_JSON = "not_json"
    DRIP = "drip"
    WRONG_CONTENT_TYPE = "wrong_content_type"


# What spoils an answer, which has to be right first.
SPOILING = frozenset(
    {WireFailure.TRUNCATED, WireFailure.DRIP, WireFailure.WRONG_CONTENT_TYPE}
)
ENDING = frozenset({WireFailure.CLOSE, WireFailure.RESET})  # ... the connection
OF_BYTES = ENDING | {WireFailure.HANG, WireFailure.TRUNCATED, WireFailure.DRIP}
PLACES = {
    Place.HTTP_REQUEST: frozenset(WireFailure),
    Place.SMPP_ANSWER: OF_BYTES,
    Place.RECEIPT: ENDING | {WireFailure.HANG},
}
WIRE = choice("wire", WireFailure)


class WireFault(Effect, frozen=True):
    """The connection fails the client."""

    failure: WireFailure
    seconds: float = 0  # of the world, that a drip takes

    WORDS = (WIRE, SECONDS)
    SAYS = (
        "the connection fails. `hang` until the client gives up; `close` before any "
        "byte of the answer; `reset` (RST); `empty` (200, and no body); `not_json` "
        "(the right headers, a body that is no JSON). These spoil the right answer "
        "and so go with the phase `after` only, which is then the default: "
        "`truncated` (the headers announce the whole body, half of it comes, the "
        "connection is closed), `drip` (the body in up to 20 pieces over so many "
        "`seconds` of the world), `wrong_content_type` (the body as text/html). A "
        "receipt (deliver_sm) is lost by `hang`; `close` and `reset` end its "
        "connection, and it waits for the next one."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        failure = WireFailure(WIRE.read(body))
        drips = failure is WireFailure.DRIP
        if drips != ("seconds" in body):
            why = "wire drip takes seconds, and no other"
            reason = REQUIRED if drips else NOT_WANTED
            raise Refusal(reason, why, field="effect.seconds")
        seconds = SECONDS.find(body) or 0
        if seconds > LONGEST:
            why = f"a drip takes at most {LONGEST} seconds, not {seconds:g}"
            raise Refusal(WRONG_FORMAT, why, field="effect.seconds")
        return cls(failure, seconds)

    def to_json(self) -> dict[str, Any]:
        return stated({"wire": str(self.failure), "seconds": self.seconds or None})

    @classmethod
    def examples(cls) -> Iterator[dict[str, Any]]:
        for each in WireFailure:
            seconds = 5 if each is WireFailure.DRIP else None
            yield stated({"wire": str(each), "seconds": seconds})

    @property
    def places(self) -> frozenset[Place]:
        return frozenset(each for each in PLACES if self.failure in PLACES[each])

    @property
    def phases(self) -> tuple[Phase, ...]:
        spoils = self.failure in SPOILING
        return (Phase.AFTER,) if spoils else (Phase.BEFORE, Phase.AFTER)

    # --- HTTP -------------------------------------------------------------------------

    def changes_http(self, answer: HttpAnswer | None) -> bool:
        if answer is None:
            return True
        if self.failure is WireFailure.EMPTY:
            return answer.has_body or answer.status != HTTPStatus.OK
        if self.failure is WireFailure.WRONG_CONTENT_TYPE:
            return answer.has_body and not answer.content_type.startswith(HTML)
        return answer.has_body or self.failure not in SPOILING

    async def answer_http(self, call: HttpCall[A]) -> A:
        failure = self.failure
        if failure is WireFailure.TRUNCATED:
            return await call.truncate()
        if failure is WireFailure.DRIP:
            return await call.drip(timedelta(seconds=self.seconds))
        if failure is WireFailure.WRONG_CONTENT_TYPE:
            answer = call.answer
            answer.content_type = HTML
            return answer
        answers: Mapping[WireFailure, Callable[[], A]] = {
            WireFailure.HANG: call.hang,
            WireFailure.CLOSE: call.close,
            WireFailure.RESET: call.reset,
            WireFailure.EMPTY: partial(call.respond_empty, HTTPStatus.OK, {}),
            WireFailure.NOT_JSON: partial(call.replace_body, NOT_JSON),
        }
        return answers[failure]()

    # --- SMPP -------------------------------------------------------------------------

    def changes_smpp(self, call: SmppCall) -> bool:
        return call.is_heard or self.failure in ENDING

    async def answer_smpp(self, call: SmppCall) -> bytes | None:
        failure = self.failure
        if failure is WireFailure.TRUNCATED:
            call.answer_last(call.answer[: len(call.answer) // 2])
            return None
        if failure is WireFailure.DRIP:
            call.drip(timedelta(seconds=self.seconds))
            return None
        if failure is WireFailure.CLOSE:
            call.close(answered=False)
        elif failure is WireFailure.RESET:
            call.reset(answered=False)
        return b""

    def deliver_receipt(self, call: ReceiptCall) -> None:
        if self.failure is WireFailure.HANG:
            call.lose()
        else:
            call.cut(reset=self.failure is WireFailure.RESET)
