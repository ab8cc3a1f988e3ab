"""The platform's HTTP API: its tokens, its envelope, its journal."""

from datetime import datetime
from itertools import chain
from typing import Any

from starlette.types import Receive, Scope, Send

from emulator.contract.memo import cache_short_keys
from emulator.domain import platform_refusals
from emulator.domain.account import Account
from emulator.domain.assumptions import Doubt
from emulator.domain.refusals import Refusal, RefusalReason
from emulator.faults import (
    CallFacts,
    FaultPhase,
    FaultPlace,
    FaultRule,
    find_striking_rule,
)
from emulator.operations.call import OperationCall
from emulator.timekeeping.clock import stopwatch
from emulator.web import http_response
from emulator.web.body_bounds import BodyBounds
from emulator.web.http_faults import parse_fault_headers
from emulator.web.http_request import (
    RequestContext,
    RequestHeaders,
    decode_headers,
)
from emulator.web.http_response import HttpResponse
from emulator.world import journal
from emulator.world.journal import (
    EXCHANGE_OVERHEAD,
    HEADER_SEPARATOR,
    LARGEST_WHOLE_BODY,
    CellphoneNumbers,
    CutBody,
    JournalBody,
)
from emulator.world.secret_headers import UNKEPT_HEADERS, mask_unkept_headers
from emulator.worlds import WorldDirectory, WorldEntry

BEARER_CHALLENGE = (b"www-authenticate", b"Bearer")


class PlatformApi:
    """The ASGI application of the platform's contract, for all worlds of a process."""

    def __init__(
        self,
        worlds: WorldDirectory,
        *,
        body_limit: int,
        bounds: BodyBounds | None = None,
    ) -> None:
        self._worlds = worlds
        self._tally = worlds.counters
        self.body_limit = body_limit
        self.body_bounds = bounds or BodyBounds()
        self.takes_commands = False

    async def refuse_unknown_path(
        self, scope: Scope, _receive: Receive, send: Send
    ) -> None:
        """Answer a path that the contract does not have."""
        refusal = Refusal(
            platform_refusals.NO_SUCH_PATH, "the contract has no such path"
        )
        answer = self.render_refusal(refusal, None)
        await answer.send(send, bodiless=scope["method"] == "HEAD")

    async def authenticate(self, context: RequestContext) -> WorldEntry:
        """Return the world of the token that the contract asks for.

        Refuses a missing, malformed, unknown, deleted or expired one.

        Source: manual AUT-04; assumption AUT-06 for the spelling of the scheme.
        """
        if not context.operation.secured:
            return self._worlds.enter_without_token(await self._worlds.load_default())
        scheme, literal, exact = read_bearer_token(context.headers)
        if scheme != "bearer" or not literal:
            why = "send the header Authorization: Bearer <token>"
            raise Refusal(platform_refusals.UNAUTHENTICATED, why)
        context.entry = await self._worlds.enter_by_token(literal)
        if not exact:
            why = "write Bearer with a capital and one space"
            context.weigh_doubt(Doubt("AUT-06", platform_refusals.UNAUTHENTICATED, why))
        return context.entry

    def render_refusal(
        self, refusal: Refusal, context: RequestContext | None
    ) -> HttpResponse:
        """Return the platform's refusal, in the language and style of the world."""
        entry = context.entry if context else None
        account = entry.world.account if entry else self._worlds.default.account
        reason = account.refusals.get(refusal.reason.name, refusal.reason)
        sentence = reason.format_sentence(
            account.assumptions.chosen["language"], refusal.words
        )
        answer = HttpResponse(
            reason.status, _render_error_body(refusal, reason, sentence, account)
        )
        if refusal.why:
            answer.headers.append(
                (b"x-emulator-why", http_response.to_header_value(refusal.why))
            )
        if reason.status == platform_refusals.UNAUTHENTICATED.status:
            answer.headers.append(BEARER_CHALLENGE)
        return answer

    def get_default_time(self) -> datetime:
        """Return the time of the default world."""
        return self._worlds.default.clock.now()

    def match_fault(
        self,
        context: RequestContext,
        call: OperationCall,
        phase: FaultPhase,
        right: HttpResponse | None,
    ) -> FaultRule | None:
        """Return the fault that strikes: from the request's header, or of the world."""
        own, world = parse_fault_headers(context.headers), context.world
        facts = CallFacts(
            operation=context.operation.id,
            phase=phase,
            token=call.token.literal,
            numbers=_list_cellphones(call),
            body=call.body,
            headers=decode_headers(context.headers),
            now=call.now,
            is_affected_by=lambda effect: effect.changes_http(right),
        )
        if own is None:
            return world.match_fault_rule(facts, FaultPlace.HTTP_REQUEST)
        seed = world.account.seed
        rule, _ = find_striking_rule(
            (own,), facts, place=FaultPlace.HTTP_REQUEST, seed=seed
        )
        if rule is not None:
            self._tally.faults[facts.operation] += 1
        return rule

    def record_exchange(self, context: RequestContext, answer: HttpResponse) -> None:
        """Record the exchange in the world's journal, if the token found a world."""
        self._tally.requests[context.operation.id, answer.status] += 1
        if context.entry is not None:
            _record_exchange(context, context.entry, answer)


def read_bearer_token(headers: RequestHeaders) -> tuple[str, str, bool]:
    """Return a request's scheme, in lower case, its token, and whether it is exact."""
    return _parse_authorization(headers.get(b"authorization", b""))


@cache_short_keys(4_096)
def _parse_authorization(octets: bytes) -> tuple[str, str, bool]:
    header = octets.decode("latin-1")
    if header.startswith("Bearer ") and header.count(" ") == 1:
        return "bearer", header[7:], True
    scheme, _, rest = header.partition(" ")
    literal = rest.strip(" ")
    return scheme.lower(), literal, header == f"Bearer {literal}"


def _list_cellphones(call: OperationCall) -> list[str]:
    """Return the cellphones that a call names."""
    body = call.body or {}
    named = [call.params.get("cellphone"), body.get("cellphone")]
    named += [each.get("cellphone") for each in body.get("recipients", ())]
    return [str(each) for each in named if each is not None]


def _render_error_body(
    refusal: Refusal, reason: RefusalReason, sentence: str, account: Account
) -> bytes:
    """Return the manual's envelope, or what stock Laravel would say.

    Source: manual ERR-02, ERR-03; assumption ERR-06.
    """
    if account.assumptions.chosen["errors"] == "envelope":
        detail = {"information": sentence, "status_code": reason.status}
        return http_response.encode_json({"error": detail})
    if reason.status == platform_refusals.UNAUTHENTICATED.status:
        return http_response.encode_json({"message": "Unauthenticated."})
    body: dict[str, Any] = {"message": sentence}
    if field := refusal.words.get("field"):
        body["errors"] = {str(field): [sentence]}
    return http_response.encode_json(body)


def _record_exchange(
    context: RequestContext, entry: WorldEntry, response: HttpResponse
) -> None:
    """Record the exchange in the journal of the world.

    Every request waits for this, so decoding is left to the reader of the journal.
    """
    scope, operation, kept = context.scope, context.operation, entry.world.journal
    path, query = scope["path"], scope["query_string"]
    sent = scope["headers"]
    if not context.headers.keys().isdisjoint(UNKEPT_HEADERS):
        sent = mask_unkept_headers(sent)
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
