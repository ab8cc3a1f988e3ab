"""Record an HTTP exchange in the journal: references, and the start of large bodies."""

from collections.abc import Iterable
from itertools import chain

from emulator.timekeeping.clock import stopwatch
from emulator.web.http_body import HeaderPair, HttpResponse
from emulator.web.request_context import RequestContext
from emulator.world import journal
from emulator.world.journal import (
    EXCHANGE_OVERHEAD,
    HEADER_SEPARATOR,
    LARGEST_WHOLE_BODY,
    CellphoneNumbers,
    CutBody,
    JournalBody,
)
from emulator.worlds import WorldEntry

# Headers that carry what commands the emulator, or its visitors' cookies. The tokens of
# accounts are not among them: a row has to say whose it is.
SECRET_REQUEST_HEADERS = frozenset(
    {b"cookie", b"proxy-authorization", b"x-emulator-control"}
)
MASK = b"****"


def record_http_exchange(
    context: RequestContext, entry: WorldEntry, response: HttpResponse
) -> None:
    """Record the exchange in the journal of the world.

    Every request waits for this, so decoding is left to the reader of the journal.
    """
    scope, operation, kept = context.scope, context.operation, entry.world.journal
    path, query = scope["path"], scope["query_string"]
    sent = scope["headers"]
    if not context.headers.keys().isdisjoint(SECRET_REQUEST_HEADERS):
        sent = mask_secret_headers(sent)
    headers = HEADER_SEPARATOR.join(chain.from_iterable(sent))
    numbers: CellphoneNumbers = ()
    request: JournalBody = context.body
    answered: JournalBody = (
        b"%b" % response.body
    )  # copied, as orjson's takes a multiple of its length
    octets = len(context.body) + len(response.body)
    if octets > LARGEST_WHOLE_BODY or response.slices is not None:
        request, numbers, answered, octets = _shorten_bodies(context, response)
    octets += (
        len(headers) + len(path) + len(query) + 2 * len(context.why) + EXCHANGE_OVERHEAD
    )
    if context.fault:  # whose headers may be of any size
        octets += sum(len(name) + len(value) for name, value in response.headers)
    kept.record(
        (
            kept.last + 1,
            entry.now,
            operation.id,
            operation.method,
            path,
            query,
            headers,
            request,
            response.status,
            response.content_type,
            tuple(response.headers),
            answered,
            tuple(context.notes),
            context.why,
            context.refusal,
            context.fault,
            stopwatch() - context.started,
            numbers,
            octets,
        )
    )


def mask_secret_headers(headers: Iterable[HeaderPair]) -> list[HeaderPair]:
    """Return the headers of a request without the values that nothing may keep."""
    return [
        (name, MASK if name.lower() in SECRET_REQUEST_HEADERS else value)
        for name, value in headers
    ]


def _shorten_bodies(
    context: RequestContext, response: HttpResponse
) -> tuple[JournalBody, CellphoneNumbers, JournalBody, int]:
    """Return request, cellphones and answer as they are kept, and their size in bytes.

    Slices are followed while they are sent.
    """
    request, answered = (
        journal.shorten_body(context.body),
        journal.shorten_body(response.body),
    )
    numbers: CellphoneNumbers = ()
    octets = 0
    if isinstance(request, CutBody):
        numbers = context.call.numbers if context.call else ()
        if not numbers:  # no campaign was placed, which would have them
            numbers = journal.find_cellphones(context.body)
            octets = 8 * len(numbers)
    if response.slices is not None:
        answered = CutBody()
        response.slices = answered.pass_through(response.slices)
    for each in (request, answered):
        octets += journal.CUT_BODY_SIZE if isinstance(each, CutBody) else len(each)
    return request, numbers, answered, octets
