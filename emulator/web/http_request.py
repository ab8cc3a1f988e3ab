"""An HTTP request: read within bounds, and taken apart by the contract."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Protocol
from urllib.parse import parse_qs

from msgspec import Struct, field
from starlette.types import Message, Receive, Scope

from emulator.contract import large_body
from emulator.contract.contract import Operation, Parameter
from emulator.contract.shape import BodyFlaw, BodyMismatch, BodyReading, JsonBody, Shape
from emulator.domain import emulator_refusals, platform_refusals
from emulator.domain.assumptions import Doubt, accept_doubts
from emulator.domain.refusal_catalog import REASON_BY_KEYWORD
from emulator.domain.refusals import Refusal
from emulator.faults import FaultPhase, FaultRule
from emulator.operations.call import OperationCall
from emulator.web.body_bounds import BodyBounds, BodyShare, parse_body, parse_json
from emulator.web.http_response import JSON_CONTENT_TYPE, HttpResponse
from emulator.world import World
from emulator.worlds import WorldEntry

RequestHeaders = Mapping[bytes, bytes]  # names in lower case

BIG_BODY = 64 * 1024  # bytes; above it other tasks run between two steps

# What to do about a body that fails a keyword of the contract.
KEYWORD_ADVICE = {
    "additionalProperties": "leave {field} out, or see how the contract spells it",
    "enum": "send {field} with one of the values that the contract lists",
    "maxItems": "send at most {limit} of {field}",
    "maxLength": "shorten {field} to {limit} characters, or see which flag allows more",
    "minItems": "send at least {limit} of {field}",
    "minLength": "send at least {limit} characters of {field}",
    "not": "leave {field} out, it does not go with the rest",
    "pattern": "send {field} in the form that the contract's pattern shows",
    "required": "send {field}",
    "required_with": "send {field}, as there is {other}",
    "required_without": "send {other} or {field}",
    "unevaluatedProperties": "leave {field} out, or see how the contract spells it",
    "type": "send {field} with the type that the contract gives it",
}

# What an id that cannot be anybody's is refused with, by its parameter.
ID_REFUSALS = {"deliveryId": emulator_refusals.NO_SUCH_DELIVERY}


class RequestContext(Struct):
    """One request while it is handled, with what is known of it so far."""

    scope: Scope
    operation: Operation
    headers: RequestHeaders
    receive: Receive
    started: float  # seconds of a stopwatch
    entry: WorldEntry | None = None  # None until it is authenticated
    body: bytes = b""  # as far as it was read
    share: BodyShare | None = None  # of the bytes that are in work
    call: OperationCall | None = None  # None until its parameters have been read
    notes: list[str] = field(default_factory=list)
    why: str = ""
    refusal: tuple[str, ...] = ()  # its reason's name, the field, a ledger id
    fault: str = ""  # the id of the rule that struck

    @property
    def world(self) -> World:
        """The world of its token."""
        if self.entry is None:
            message = f"{self.operation.id} has not been let in"
            raise RuntimeError(message)
        return self.entry.world

    def weigh_doubt(self, doubt: Doubt) -> None:
        """Note *doubt*, or refuse it if the world is strict about it."""
        if self.entry is not None:
            assumptions = self.entry.world.account.assumptions
            self.notes.extend(accept_doubts((doubt,), assumptions))


class ApiProfile(Protocol):
    """What the platform's API and the control API each do differently."""

    body_limit: int  # octets
    body_bounds: BodyBounds
    takes_commands: bool  # whose bodies may have more values, as snapshots do

    async def authenticate(self, context: RequestContext) -> WorldEntry:
        """Return the world and the time of the request, or refuse it."""

    def render_refusal(
        self, refusal: Refusal, context: RequestContext | None
    ) -> HttpResponse:
        """Return the answer for *refusal*."""

    def get_default_time(self) -> datetime:
        """Return the time for requests without a world."""

    def match_fault(
        self,
        context: RequestContext,
        call: OperationCall,
        phase: FaultPhase,
        right: HttpResponse | None,
    ) -> FaultRule | None:
        """Return the fault rule that strikes, if one does, and count it.

        *right* is the answer, None where the operation is yet to be carried out.
        """

    def record_exchange(self, context: RequestContext, answer: HttpResponse) -> None:
        """Record the request and its answer."""


def collect_headers(scope: Scope) -> RequestHeaders:
    """Return the headers by name, in lower case; of equal ones the first."""
    return dict(reversed(scope["headers"]))


def decode_headers(headers: RequestHeaders) -> dict[str, str]:
    """Return *headers* as text."""
    return {
        name.decode("latin-1"): value.decode("latin-1")
        for name, value in headers.items()
    }


def read_parameters(
    operation: Operation, scope: Scope, headers: RequestHeaders
) -> dict[str, Any]:
    """Return the values in path, query and headers that the contract knows.

    Refuses what it does not admit: 404 for an id, 422 for anything else.
    """
    if operation.is_plain:
        return {}
    sent, known = scope["path_params"], operation.parameters
    if operation.is_in_path:
        return {each.name: parse_parameter(each, sent[each.name]) for each in known}
    sent = dict(sent)  # copied, as all requests with this path share it
    if operation.query or operation.is_closed:
        text = scope["query_string"].decode("latin-1")
        if operation.is_closed:
            _refuse_unknown_query(parse_qs(text, keep_blank_values=True), operation)
        query = parse_qs(text)
        sent |= {name: values[-1] for name, values in query.items()}
        known = [*known, *(each for each in operation.query if each.name in query)]
    for each in operation.headers:
        if octets := headers.get(each.name.lower().encode()):
            sent[each.name] = octets.decode("latin-1")
            known = [*known, each]
    return {each.name: parse_parameter(each, sent[each.name]) for each in known}


def _refuse_unknown_query(query: Iterable[str], operation: Operation) -> None:
    """Refuse an unknown parameter, which would silently have no effect."""
    known = [each.name for each in operation.query]
    for name in query:
        if name not in known:
            why = f"the query may have {', '.join(known) or 'nothing'}"
            raise Refusal(emulator_refusals.NOT_KNOWN, why, field=name)


def parse_parameter(known: Parameter, raw: str) -> Any:
    """Return the value of *raw*.  Refuses what the contract does not admit."""
    value = known.parse_value(raw)
    if value is None and known.is_id and known.place == "path":
        why = f"{known.name} is not a number that an id could be"
        raise Refusal(
            ID_REFUSALS.get(known.name, platform_refusals.NO_SUCH_CAMPAIGN), why
        )
    if value is None:
        why = f"{known.name} does not match its schema in the contract"
        raise Refusal(platform_refusals.WRONG_FORMAT, why, field=known.name)
    return value


async def read_body(context: RequestContext, shape: Shape, api: ApiProfile) -> JsonBody:
    """Return the body under the names of the contract, and note what is doubtful.

    Refuses more than *api* admits, what is not JSON, and another shape.
    """
    share = context.share = BodyShare(api.body_bounds)
    body = RequestBody(context.headers, limit=api.body_limit, share=share)
    try:
        while body.is_missing:
            body.add_message(await context.receive())
    finally:
        octets = context.body = body.to_bytes()
    content_type = context.headers.get(b"content-type", b"")
    if not content_type.lower().startswith(JSON_CONTENT_TYPE):
        why = "send the header Content-Type: application/json"
        context.weigh_doubt(Doubt("ERR-04", platform_refusals.UNREADABLE, why))
    bounds = api.body_bounds
    if len(octets) <= bounds.unchecked:  # an ordinary one
        parsed = parse_json(octets)
    else:
        parsed = await parse_body(octets, bounds, is_command=api.takes_commands)
    closed = context.world.account.assumptions.closed
    if len(octets) > large_body.LARGE:  # other requests run meanwhile
        read = await asyncio.to_thread(
            read_json_body, parsed, shape, closed, size=len(octets)
        )
    else:
        read = read_json_body(parsed, shape, closed)
    if len(octets) > BIG_BODY:
        await asyncio.sleep(0)
    context.notes.extend(read.notes)
    return read.body


def read_json_body(
    parsed: Any, shape: Shape, closed: frozenset[str], *, size: int = 0
) -> BodyReading:
    """Return the body, of *size* bytes, under its canonical names, with its doubts.

    Refuses what has another shape, or a doubtful one that is *closed*.
    """
    try:
        return shape.read_body(parsed, closed, size=size)
    except BodyMismatch as mismatch:
        raise _make_refusal(mismatch.flaw) from None
    except ValueError as error:  # the validator's own limit of nesting
        why = f"the body is nested too deeply: {error}"
        raise Refusal(platform_refusals.UNREADABLE, why) from None


def _make_refusal(flaw: BodyFlaw) -> Refusal:
    """Return the refusal that names the field as the platform does."""
    reason = REASON_BY_KEYWORD.get(flaw.keyword, platform_refusals.WRONG_FORMAT)
    if not flaw.field:
        reason = platform_refusals.NOT_AN_OBJECT if flaw.keyword == "type" else reason
    words = {"field": flaw.field, "limit": flaw.limit, "other": flaw.other}
    advice = KEYWORD_ADVICE.get(
        flaw.keyword, "send {field} as the contract describes it"
    )
    why = advice.format_map({**words, "field": flaw.field or "the body"})
    if flaw.ledger:
        why += f" (this world is strict about {flaw.ledger})"
    return Refusal(reason, why, ledger=flaw.ledger, **words)


class RequestBody:
    """The body of a request, taken message by message.

    Refuses more octets than a *limit*, announced or sent, more than its *share* has
    room for, and a client that hangs up.
    """

    def __init__(
        self, headers: RequestHeaders, *, limit: int, share: BodyShare
    ) -> None:
        announced = headers.get(b"content-length", b"0")
        if announced.isdigit() and int(announced) > limit:
            raise _make_size_refusal(limit)
        self.is_missing = True
        self._chunks: list[bytes] = []
        self._limit = self._left = limit
        self._share = share

    def add_message(self, message: Message) -> None:
        """Take the next message of the connection."""
        if message["type"] == "http.disconnect":
            why = "the client hung up before the end of the body"
            raise Refusal(platform_refusals.UNREADABLE, why)
        chunk = message.get("body", b"")
        self._share.take(len(chunk))
        self._chunks.append(chunk)
        self._left -= len(chunk)
        if self._left < 0:
            raise _make_size_refusal(self._limit)
        self.is_missing = message.get("more_body", False)

    def to_bytes(self) -> bytes:
        """Return what has been received so far."""
        octets = b"".join(self._chunks)  # a single one is not copied
        self._chunks = [octets]
        return octets


def _make_size_refusal(limit: int) -> Refusal:
    why = (
        "the setting body_limit says how large a body may be, "
        "and snapshot_limit for the control API"
    )
    return Refusal(platform_refusals.TOO_LARGE, why, limit=limit)
