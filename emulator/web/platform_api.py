"""The platform's HTTP API: its tokens, its envelope, its journal."""

from datetime import datetime
from typing import Any

from starlette.types import Receive, Scope, Send

from emulator.domain import refusals
from emulator.domain.account import Account
from emulator.domain.assumptions import Doubt
from emulator.domain.refusals import Reason, Refusal
from emulator.faults import Facts, Phase, Place, Rule, strike
from emulator.contract.memo import remembered
from emulator.operations.call import Call
from emulator.web import fault_header
from emulator.web import http_journal
from emulator.web import http_body
from emulator.web.request_context import Visit
from emulator.web.http_body import Answer, Headers
from emulator.worlds import Entry, Worlds

CHALLENGE = (b"www-authenticate", b"Bearer")


class Api:
    """The door of the platform's contract, over the worlds of this process."""

    def __init__(self, worlds: Worlds, *, body_limit: int) -> None:
        self._worlds = worlds
        self._tally = worlds.tally
        self.body_limit = body_limit

    async def not_found(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a path that the contract does not have."""
        refusal = Refusal(refusals.NO_SUCH_PATH, "the contract has no such path")
        answer = self.refused(refusal, None)
        await answer.send(send, bodiless=scope["method"] == "HEAD")

    async def enter(self, visit: Visit) -> Entry:
        """Return the world of the token that the contract asks for.

        Refuses a missing, malformed, unknown, deleted or expired one.

        Source: manual AUT-04; assumption AUT-06 for the spelling of the scheme.
        """
        if not visit.operation.secured:
            return self._worlds.visit()
        scheme, literal, exact = bearer(visit.headers)
        if scheme != "bearer" or not literal:
            why = "send the header Authorization: Bearer <token>"
            raise Refusal(refusals.UNAUTHENTICATED, why)
        visit.entry = await self._worlds.enter(literal)
        if not exact:
            why = "write Bearer with a capital and one space"
            visit.weigh(Doubt("AUT-06", refusals.UNAUTHENTICATED, why))
        return visit.entry

    def refused(self, refusal: Refusal, visit: Visit | None) -> Answer:
        """Return the platform's no, in the language and the manner of the world."""
        entry = visit.entry if visit else None
        account = entry.world.account if entry else self._worlds.default.account
        reason = account.refusals.get(refusal.reason.name, refusal.reason)
        sentence = reason.sentence(account.assumptions["language"], refusal.words)
        answer = Answer(reason.status, _body(refusal, reason, sentence, account))
        if refusal.why:
            answer.headers.append((b"x-emulator-why", http_body.readable(refusal.why)))
        if reason.status == refusals.UNAUTHENTICATED.status:
            answer.headers.append(CHALLENGE)
        return answer

    def now(self) -> datetime:
        """Return the time of the default world."""
        return self._worlds.default.clock.now()

    def strike(
        self, visit: Visit, call: Call, phase: Phase, right: Answer | None
    ) -> Rule | None:
        """Return the fault that strikes: the visitor's own, or else of the world."""
        own, world = fault_header.read_headers(visit.headers), visit.world
        facts = Facts(
            operation=visit.operation.id,
            phase=phase,
            token=call.token.literal,
            numbers=_numbers(call),
            body=call.body,
            headers=http_body.texts(visit.headers),
            now=call.now,
            is_felt=lambda effect: effect.changes_http(right),
        )
        if own is None:
            return world.strike(facts, Place.HTTP_REQUEST)
        seed = world.account.seed
        rule, _ = strike((own,), facts, place=Place.HTTP_REQUEST, seed=seed)
        if rule is not None:
            self._tally.faults[facts.operation] += 1
        return rule

    def record(self, visit: Visit, answer: Answer) -> None:
        """Keep the exchange in the world's journal, where a world was entered."""
        self._tally.requests[visit.operation.id, answer.status] += 1
        if visit.entry is not None:
            http_journal.keep(visit, visit.entry, answer)


def bearer(headers: Headers) -> tuple[str, str, bool]:
    """Return a request's scheme, in lower case, its token, and whether it is exact."""
    return _read(headers.get(b"authorization", b""))


@remembered(4_096)
def _read(octets: bytes) -> tuple[str, str, bool]:
    header = octets.decode("latin-1")
    if header.startswith("Bearer ") and header.count(" ") == 1:
        return "bearer", header[7:], True
    scheme, _, rest = header.partition(" ")
    literal = rest.strip(" ")
    return scheme.lower(), literal, header == f"Bearer {literal}"


def _numbers(call: Call) -> list[str]:
    """Return the cellphones that a call names."""
    body = call.body or {}
    named = [call.params.get("cellphone"), body.get("cellphone")]
    named += [each.get("cellphone") for each in body.get("recipients", ())]
    return [str(each) for each in named if each is not None]


def _body(refusal: Refusal, reason: Reason, sentence: str, account: Account) -> bytes:
    """Return the manual's envelope, or what stock Laravel would say.

    Source: manual ERR-02, ERR-03; assumption ERR-06.
    """
    if account.assumptions["errors"] == "envelope":
        detail = {"information": sentence, "status_code": reason.status}
        return http_body.encoded({"error": detail})
    if reason.status == refusals.UNAUTHENTICATED.status:
        return http_body.encoded({"message": "Unauthenticated."})
    body: dict[str, Any] = {"message": sentence}
    if field := refusal.words.get("field"):
        body["errors"] = {str(field): [sentence]}
    return http_body.encoded(body)
