"""Nine emulators, each broken in one place, that the contract tests have to find.

Each is the real application with something in front of it that spoils one kind of
request or answer, as a mistake in the program would.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from tests.emulated import Answer

Requests = Callable[[Scope], Scope]
Answers = Callable[[Scope, Answer], Answer]

TOKEN = re.compile(b"^Bearer (?P<token>.+)$")
BALANCE = re.compile(rb'"balance":([0-9.-]+)')
OWNED = re.compile(r"^/api/v3/(campaign/[0-9]+/messages|voice/[0-9]+)$")


@dataclass(frozen=True)
class Mutant:
    """A mistake, the code of the check that has to find it, and where it shows."""

    mistake: str
    code: str
    phase: str
    operations: tuple[str, ...]
    request: Requests = lambda scope: scope
    answer: Answers = lambda _scope, answer: answer

    def of(self, app: ASGIApp) -> ASGIApp:
        """Return *app* with this mistake in it."""

        async def broken(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] != "http":
                await app(scope, receive, send)
                return
            sent: list[Message] = []

            async def keep(message: Message) -> None:
                sent.append(message)

            await app(self.request(scope), receive, keep)
            for message in _messages(self.answer(scope, _answer(sent))):
                await send(message)

        return broken


# --- Requests that are let in, or lead elsewhere ------------------------------------


def anybodys_campaigns(scope: Scope) -> Scope:
    """Read campaigns from one account, for any token."""
    known = _token(scope) == b"world-neighbour"
    return _with_token(scope, b"contract") if known and _is_owned(scope) else scope


def any_token(scope: Scope) -> Scope:
    """Take every token for a good one."""
    return scope if _token(scope) is None else _with_token(scope, b"contract")


def lost_campaigns(scope: Scope) -> Scope:
    """Look for campaigns where there are none."""
    if not _is_owned(scope):
        return scope
    return {**scope, "path": re.sub(r"[0-9]{2,}", "1", scope["path"])}


# --- Answers that are not what the contract describes -------------------------------


def created(scope: Scope, answer: Answer) -> Answer:
    made = scope["method"] == "POST" and answer.status == 200
    return Answer(201, answer.headers, answer.octets) if made else answer


def page_not_found(_scope: Scope, answer: Answer) -> Answer:
    if answer.status != 404:
        return answer
    headers = {**answer.headers, "content-type": "text/html; charset=utf-8"}
    page = b"<html><body>Not found</body></html>"
    return Answer(404, headers | {"content-length": str(len(page))}, page)


def without_allow(_scope: Scope, answer: Answer) -> Answer:
    return _without(answer, "allow")


def wrong_allow(_scope: Scope, answer: Answer) -> Answer:
    if "allow" not in answer.headers:
        return answer
    headers = {**answer.headers, "allow": "GET, POST, DELETE"}
    return Answer(answer.status, headers, answer.octets)


def without_challenge(_scope: Scope, answer: Answer) -> Answer:
    return _without(answer, "www-authenticate")


def balance_in_quotes(_scope: Scope, answer: Answer) -> Answer:
    octets = BALANCE.sub(rb'"balance":"\1"', answer.octets)
    headers = {**answer.headers, "content-length": str(len(octets))}
    return Answer(answer.status, headers, octets)


READS = ("getUser", "listRoutes")
CAMPAIGNS = ("createCampaign", "getCampaignMessages")
VOICE = ("createVoiceCampaign", "getVoiceCampaign")

MUTANTS = (
    Mutant("account leak", "ST402", "stateful", VOICE, request=anybodys_campaigns),
    Mutant("any token accepted", "ST401", "coverage", READS, request=any_token),
    Mutant("created object lost", "ST302", "stateful", VOICE, request=lost_campaigns),
    Mutant("201 for 200", "ST103", "examples", CAMPAIGNS, answer=created),
    Mutant("404 in HTML", "ST105", "coverage", CAMPAIGNS, answer=page_not_found),
    Mutant("405 without Allow", "ST204", "coverage", READS, answer=without_allow),
    Mutant("wrong Allow", "ST205", "coverage", READS, answer=wrong_allow),
    Mutant("401 unchallenged", "ST107", "coverage", READS, answer=without_challenge),
    Mutant("quoted balance", "ST108", "examples", CAMPAIGNS, answer=balance_in_quotes),
)


def _is_owned(scope: Scope) -> bool:
    return OWNED.match(scope["path"]) is not None


def _token(scope: Scope) -> bytes | None:
    values = dict(scope["headers"])
    match = TOKEN.match(values.get(b"authorization", b""))
    return match["token"] if match else None


def _with_token(scope: Scope, token: bytes) -> Scope:
    headers = [item for item in scope["headers"] if item[0] != b"authorization"]
    headers.append((b"authorization", b"Bearer " + token))
    return {**scope, "headers": headers}


def _without(answer: Answer, header: str) -> Answer:
    headers = {name: each for name, each in answer.headers.items() if name != header}
    return Answer(answer.status, headers, answer.octets)


def _answer(sent: list[Message]) -> Answer:
    return Answer(
        status=sent[0]["status"],
        headers={name.decode(): value.decode() for name, value in sent[0]["headers"]},
        octets=b"".join(message.get("body", b"") for message in sent[1:]),
    )


def _messages(answer: Answer) -> Iterator[Message]:
    headers = [(name.encode(), each.encode()) for name, each in answer.headers.items()]
    start = "http.response.start"
    yield {"type": start, "status": answer.status, "headers": headers}
    yield {"type": "http.response.body", "body": answer.octets}
