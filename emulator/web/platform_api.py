"""The platform's HTTP API: its tokens, its envelope, its journal."""

from datetime import datetime
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
from emulator.web import fault_header, http_body, http_journal
from emulator.web.body_bounds import BodyBounds
from emulator.web.http_body import HttpResponse, RequestHeaders
from emulator.web.request_context import RequestContext
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
            return self._worlds.enter_without_token()
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
            account.assumptions["language"], refusal.words
        )
        answer = HttpResponse(
            reason.status, _render_error_body(refusal, reason, sentence, account)
        )
        if refusal.why:
            answer.headers.append(
                (b"x-emulator-why", http_body.to_header_value(refusal.why))
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
        own, world = fault_header.parse_fault_headers(context.headers), context.world
        facts = CallFacts(
            operation=context.operation.id,
            phase=phase,
            token=call.token.literal,
            numbers=_list_cellphones(call),
            body=call.body,
            headers=http_body.decode_headers(context.headers),
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
            http_journal.record_http_exchange(context, context.entry, answer)


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
    if account.assumptions["errors"] == "envelope":
        detail = {"information": sentence, "status_code": reason.status}
        return http_body.encode_json({"error": detail})
    if reason.status == platform_refusals.UNAUTHENTICATED.status:
        return http_body.encode_json({"message": "Unauthenticated."})
    body: dict[str, Any] = {"message": sentence}
    if field := refusal.words.get("field"):
        body["errors"] = {str(field): [sentence]}
    return http_body.encode_json(body)
