"""``wire``: the connection fails."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from enum import StrEnum
from functools import partial
from http import HTTPStatus
from typing import Any, Self

from emulator.domain.platform_refusals import NOT_WANTED, REQUIRED, WRONG_FORMAT
from emulator.domain.refusals import Refusal
from emulator.faults.calls import A, HttpCall, HttpResponseLike, ReceiptCall, SmppCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import FaultPhase, FaultPlace
from emulator.faults.words import LONGEST_DELAY, SECONDS, make_choice_field, omit_none

NOT_JSON = b"<html><body><h1>502 Bad Gateway</h1></body></html>"
HTML = b"text/html"


class WireFailure(StrEnum):
    """How the connection fails, or how its bytes are changed."""

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
# ... the connection
ENDING_FAILURES = frozenset({WireFailure.CLOSE, WireFailure.RESET})
SMPP_FAILURES = ENDING_FAILURES | {
    WireFailure.HANG,
    WireFailure.TRUNCATED,
    WireFailure.DRIP,
}
FAILURES_BY_PLACE = {
    FaultPlace.HTTP_REQUEST: frozenset(WireFailure),
    FaultPlace.SMPP_ANSWER: SMPP_FAILURES,
    FaultPlace.RECEIPT: ENDING_FAILURES | {WireFailure.HANG},
}
WIRE = make_choice_field("wire", WireFailure)


class WireFault(Effect, frozen=True):
    """The connection fails."""

    failure: WireFailure
    seconds: float = 0  # of the world, that a drip takes

    FIELDS = (WIRE, SECONDS)
    DESCRIPTION = (
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
        failure = WireFailure(WIRE.read_from(body))
        drips = failure is WireFailure.DRIP
        if drips != ("seconds" in body):
            why = "wire drip takes seconds, and no other"
            reason = REQUIRED if drips else NOT_WANTED
            raise Refusal(reason, why, field="effect.seconds")
        seconds = SECONDS.find_in(body) or 0
        if seconds > LONGEST_DELAY:
            why = f"a drip takes at most {LONGEST_DELAY} seconds, not {seconds:g}"
            raise Refusal(WRONG_FORMAT, why, field="effect.seconds")
        return cls(failure, seconds)

    def to_json(self) -> dict[str, Any]:
        return omit_none({"wire": str(self.failure), "seconds": self.seconds or None})

    @classmethod
    def list_examples(cls) -> Iterator[dict[str, Any]]:
        for each in WireFailure:
            seconds = 5 if each is WireFailure.DRIP else None
            yield omit_none({"wire": str(each), "seconds": seconds})

    @property
    def places(self) -> frozenset[FaultPlace]:
        return frozenset(
            each
            for each in FAILURES_BY_PLACE
            if self.failure in FAILURES_BY_PLACE[each]
        )

    @property
    def phases(self) -> tuple[FaultPhase, ...]:
        spoils = self.failure in SPOILING
        return (FaultPhase.AFTER,) if spoils else (FaultPhase.BEFORE, FaultPhase.AFTER)

    # --- HTTP -------------------------------------------------------------------------

    def changes_http(self, answer: HttpResponseLike | None) -> bool:
        if answer is None:
            return True
        if self.failure is WireFailure.EMPTY:
            return answer.has_body or answer.status != HTTPStatus.OK
        if self.failure is WireFailure.WRONG_CONTENT_TYPE:
            return answer.has_body and not answer.content_type.startswith(HTML)
        return answer.has_body or self.failure not in SPOILING

    async def respond_http(self, call: HttpCall[A]) -> A:
        failure = self.failure
        if failure is WireFailure.TRUNCATED:
            return await call.truncate_body()
        if failure is WireFailure.DRIP:
            return await call.drip_response(timedelta(seconds=self.seconds))
        if failure is WireFailure.WRONG_CONTENT_TYPE:
            answer = call.right_response
            answer.content_type = HTML
            return answer
        answers: Mapping[WireFailure, Callable[[], A]] = {
            WireFailure.HANG: call.hang_request,
            WireFailure.CLOSE: call.close_connection,
            WireFailure.RESET: call.reset_connection,
            WireFailure.EMPTY: partial(call.make_empty_response, HTTPStatus.OK, {}),
            WireFailure.NOT_JSON: partial(call.replace_body, NOT_JSON),
        }
        return answers[failure]()

    # --- SMPP -------------------------------------------------------------------------

    def changes_smpp(self, call: SmppCall) -> bool:
        return call.can_reach_client or self.failure in ENDING_FAILURES

    async def respond_smpp(self, call: SmppCall) -> bytes | None:
        failure = self.failure
        if failure is WireFailure.TRUNCATED:
            call.send_last(call.right_response[: len(call.right_response) // 2])
            return None
        if failure is WireFailure.DRIP:
            call.drip_response(timedelta(seconds=self.seconds))
            return None
        if failure is WireFailure.CLOSE:
            call.close_connection(after_response=False)
        elif failure is WireFailure.RESET:
            call.reset_connection(after_response=False)
        return b""

    def deliver_receipt(self, call: ReceiptCall) -> None:
        if self.failure is WireFailure.HANG:
            call.lose_receipt()
        else:
            call.break_connection(reset=self.failure is WireFailure.RESET)
