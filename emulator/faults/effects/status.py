"""``status``: any answer at all."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Self

from msgspec import field

from emulator.domain import refusals
from emulator.domain.refusals import Reason
from emulator.faults.calls import A, HttpCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import Place
from emulator.faults.words import RETRY_AFTER, Word, stated, whole

UNSAID = ...  # a body that is left to the platform's envelope; None is JSON's null
BODILESS = frozenset({204, 205, 304})  # statuses that no body follows by itself
NAME, NAMES = re.compile("[A-Za-z0-9-]{1,64}"), "^[A-Za-z0-9-]{1,64}$"
LONGEST_VALUE = 4096  # characters of a header

# The sentence that goes with a status; others have HTTP's own words.
TYPICAL: Mapping[int, Reason] = {
    400: refusals.UNREADABLE,
    401: refusals.UNAUTHENTICATED,
    404: refusals.NO_SUCH_PATH,
    405: refusals.METHOD_NOT_ALLOWED,
    413: refusals.TOO_LARGE,
    422: refusals.REQUIRED,
    500: refusals.SERVER_ERROR,
}


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        NAME.fullmatch(name) and isinstance(text, str) and len(text) <= LONGEST_VALUE
        for name, text in value.items()
    )


STATUS = whole("status", 200, 599, says="a number from 200 to 599")
BODY = Word(
    "body",
    "text, or anything else of JSON",
    {"description": "Text goes out as it is, anything else as JSON"},
    lambda _: True,
    is_line=False,
)
HEADERS = Word(
    "headers",
    "an object of names and texts",
    {
        "type": "object",
        "propertyNames": {"pattern": NAMES},
        "additionalProperties": {"type": "string", "maxLength": LONGEST_VALUE},
    },
    _are_headers,
    is_line=False,
)


class Respond(Effect, frozen=True):
    """Any answer at all; a body that is text goes out as it is, any other as JSON."""

    status: int
    body: Any = UNSAID
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None  # seconds

    WORDS = (STATUS, BODY, HEADERS, RETRY_AFTER)
    SAYS = (
        "an answer of your own, with `body`, `headers`, `retry_after`; without `body` "
        "the platform's envelope."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        return cls(
            status=STATUS.read(body),
            body=body.get("body", UNSAID),
            headers=HEADERS.find(body) or {},
            retry_after=RETRY_AFTER.find(body),
        )

    def to_json(self) -> dict[str, Any]:
        said = stated(
            {
                "status": self.status,
                "retry_after": self.retry_after,
                "headers": dict(self.headers) or None,
            }
        )
        return said if self.body is UNSAID else {**said, "body": self.body}

    @classmethod
    def examples(cls) -> Iterator[dict[str, Any]]:
        yield {"status": 503}

    @property
    def places(self) -> frozenset[Place]:
        return frozenset({Place.HTTP_REQUEST})

    async def answer_http(self, call: HttpCall[A]) -> A:
        headers = {**self.headers, **later(self.retry_after)}
        if self.body is not UNSAID:
            return call.respond(self.status, self.body, headers)
        if self.status in BODILESS:
            return call.respond_empty(self.status, headers)
        return call.refuse(self._reason(), status=None, headers=headers)

    def _reason(self) -> Reason:
        """Return what the platform would say under the status."""
        typical = TYPICAL.get(self.status)
        es, en = (typical.es, typical.en) if typical else (_phrase(self.status),) * 2
        return Reason(f"STATUS_{self.status}", self.status, es, en)


def later(seconds: int | None) -> dict[str, str]:
    """Return the header that says when to try again, if it is said at all."""
    return {} if seconds is None else {"Retry-After": str(seconds)}


def _phrase(status: int) -> str:
    """Return HTTP's words for *status*; those of a stranger are its class's."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return HTTPStatus(status // 100 * 100).phrase
