"""What the journal keeps of a visit: references, and little of what is large."""

from itertools import chain

from emulator.world import journal
from emulator.timekeeping.clock import stopwatch
from emulator.world.journal import OVERHEAD, SEPARATOR, WHOLE, Body, Cut, Numbers
from emulator.web.request_context import Visit
from emulator.web.http_body import Answer
from emulator.worlds import Entry


def keep(visit: Visit, entry: Entry, answer: Answer) -> None:
    """Keep the exchange in the journal of the world that was entered.

    Every request waits for this, so what can be left for who reads it is left.
    """
    scope, operation, kept = visit.scope, visit.operation, entry.world.journal
    path, query = scope["path"], scope["query_string"]
    headers = SEPARATOR.join(chain.from_iterable(scope["headers"]))
    numbers: Numbers = ()
    request: Body = visit.body
    answered: Body = b"%b" % answer.body  # as orjson's takes a multiple of its length
    octets = len(visit.body) + len(answer.body)
    if octets > WHOLE or answer.slices is not None:
        request, numbers, answered, octets = _cut(visit, answer)
    octets += len(headers) + len(path) + len(query) + 2 * len(visit.why) + OVERHEAD
    if visit.fault:  # whose headers are anybody's
        octets += sum(len(name) + len(value) for name, value in answer.headers)
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
            answer.status,
            answer.content_type,
            tuple(answer.headers),
            answered,
            tuple(visit.notes),
            visit.why,
            visit.refusal,
            visit.fault,
            stopwatch() - visit.began,
            numbers,
            octets,
        )
    )


def _cut(visit: Visit, answer: Answer) -> tuple[Body, Numbers, Body, int]:
    """Return request, cellphones and answer as they are kept, and their octets.

    Slices are followed while they are sent.
    """
    request, answered = journal.kept(visit.body), journal.kept(answer.body)
    numbers: Numbers = ()
    octets = 0
    if isinstance(request, Cut):
        numbers = visit.call.numbers if visit.call else ()
        if not numbers:  # no campaign was placed that would have them
            numbers = journal.cellphones(visit.body)
            octets = 8 * len(numbers)
    if answer.slices is not None:
        answered = Cut()
        answer.slices = answered.following(answer.slices)
    for each in (request, answered):
        octets += journal.CUT if isinstance(each, Cut) else len(each)
    return request, numbers, answered, octets
