"""``status``: any answer at all."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Self

from msgspec import field

from emulator.domain import platform_refusals
from emulator.domain.refusals import RefusalReason
from emulator.faults.calls import A, HttpCall
from emulator.faults.effect import Effect, Json
from emulator.faults.places import FaultPlace
from emulator.faults.words import (
    RETRY_AFTER,
    EffectField,
    make_integer_field,
    omit_none,
)

ENVELOPE_BODY = (
    ...
)  # a body that is left to the platform's envelope; None is JSON's null
BODILESS = frozenset({204, 205, 304})  # statuses that no body follows by itself
HEADER_NAME, HEADER_NAME_PATTERN = (
    re.compile("[A-Za-z0-9-]{1,64}"),
    "^[A-Za-z0-9-]{1,64}$",
)
LONGEST_VALUE = 4096  # characters of a header

# The sentence that goes with a status; others have HTTP's own words.
REASON_BY_STATUS: Mapping[int, RefusalReason] = {
    400: platform_refusals.UNREADABLE,
    401: platform_refusals.UNAUTHENTICATED,
    404: platform_refusals.NO_SUCH_PATH,
    405: platform_refusals.METHOD_NOT_ALLOWED,
    413: platform_refusals.TOO_LARGE,
    422: platform_refusals.REQUIRED,
    500: platform_refusals.SERVER_ERROR,
}


def _are_headers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        HEADER_NAME.fullmatch(name)
        and isinstance(text, str)
        and len(text) <= LONGEST_VALUE
        for name, text in value.items()
    )


STATUS = make_integer_field("status", 200, 599, expectation="a number from 200 to 599")
BODY = EffectField(
    "body",
    "text, or anything else of JSON",
    {"description": "Text goes out as it is, anything else as JSON"},
    lambda _: True,
    fits_in_header=False,
)
HEADERS = EffectField(
    "headers",
    "an object of names and texts",
    {
        "type": "object",
        "propertyNames": {"pattern": HEADER_NAME_PATTERN},
        "additionalProperties": {"type": "string", "maxLength": LONGEST_VALUE},
    },
    _are_headers,
    fits_in_header=False,
)


class Respond(Effect, frozen=True):
    """Any answer at all; a body that is text goes out as it is, any other as JSON."""

    status: int
    body: Any = ENVELOPE_BODY
    headers: Mapping[str, str] = field(default_factory=dict)
    retry_after: int | None = None  # seconds

    FIELDS = (STATUS, BODY, HEADERS, RETRY_AFTER)
    DESCRIPTION = (
        "an answer of your own, with `body`, `headers`, `retry_after`; without `body` "
        "the platform's envelope."
    )

    @classmethod
    def from_json(cls, body: Json) -> Self:
        return cls(
            status=STATUS.read_from(body),
            body=body.get("body", ENVELOPE_BODY),
            headers=HEADERS.find_in(body) or {},
            retry_after=RETRY_AFTER.find_in(body),
        )

    def to_json(self) -> dict[str, Any]:
        body = omit_none(
            {
                "status": self.status,
                "retry_after": self.retry_after,
                "headers": dict(self.headers) or None,
            }
        )
        return body if self.body is ENVELOPE_BODY else {**body, "body": self.body}

    @classmethod
    def list_examples(cls) -> Iterator[dict[str, Any]]:
        yield {"status": 503}

    @property
    def places(self) -> frozenset[FaultPlace]:
        return frozenset({FaultPlace.HTTP_REQUEST})

    async def respond_http(self, call: HttpCall[A]) -> A:
        headers = {**self.headers, **make_retry_after(self.retry_after)}
        if self.body is not ENVELOPE_BODY:
            return call.make_response(self.status, self.body, headers)
        if self.status in BODILESS:
            return call.make_empty_response(self.status, headers)
        return call.make_refusal(self._make_reason(), status=None, headers=headers)

    def _make_reason(self) -> RefusalReason:
        """Return what the platform would say under the status."""
        typical = REASON_BY_STATUS.get(self.status)
        es, en = (
            (typical.es, typical.en) if typical else (_find_phrase(self.status),) * 2
        )
        return RefusalReason(f"STATUS_{self.status}", self.status, es, en)


def make_retry_after(seconds: int | None) -> dict[str, str]:
    """Return the header that says when to try again, where there is one."""
    return {} if seconds is None else {"Retry-After": str(seconds)}


def _find_phrase(status: int) -> str:
    """Return the phrase of HTTP for *status*; of an unknown one its class has it."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return HTTPStatus(status // 100 * 100).phrase
