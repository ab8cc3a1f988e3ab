"""The control API: what a test or a person commands, under ``/_emulator``.

It says no with problem documents (RFC 9457), so that nobody takes it for the platform.
"""

from datetime import datetime
from urllib.parse import parse_qs

from emulator.domain.refusals import NO_SUCH_WORLD, SECRET_NEEDED, Refusal
from emulator.faults import Phase, Rule
from emulator.operations.call import Call
from emulator.web import http_body
from emulator.web.platform_api import bearer
from emulator.web.control_secret import HEADER, Guard
from emulator.web.request_context import Visit
from emulator.web.http_body import Answer
from emulator.world import World
from emulator.worlds import Entry, Worlds, needs_no_help

PROBLEM = b"application/problem+json"
OPEN = frozenset({"getHealth", "getReadiness"})  # to those who do not know it
# What can be asked of a world that is set aside, or beside it.
HELPING = OPEN | {
    "getMetrics",
    "listWorlds",
    "createWorld",
    "deleteWorld",
    "resetWorld",
    "restoreWorld",
    "listSetAside",
    "retrySetAside",
    "dropSetAside",
}


class Control:
    """The door of the control contract."""

    def __init__(
        self, worlds: Worlds, *, body_limit: int, secret: str | None = None
    ) -> None:
        self._worlds = worlds
        self.body_limit = body_limit
        self._guard = Guard(secret)

    async def enter(self, visit: Visit) -> Entry:
        """Return the world that is meant, whatever has become of its token.

        Refuses who does not know the secret, where there is one.
        """
        if visit.operation.id not in OPEN and not self._guard.knows(visit.headers):
            raise Refusal(SECRET_NEEDED, f"send the header {HEADER}: <secret>")
        world = await self._world(visit)
        if visit.operation.id not in HELPING:
            needs_no_help(world)
        return self._worlds.visit(world)

    def refused(self, refusal: Refusal, _visit: Visit | None) -> Answer:
        """Return a problem document."""
        problem = {
            "title": refusal.reason.sentence("en", refusal.words),
            "status": refusal.reason.status,
            "detail": refusal.why,
        }
        answer = Answer(refusal.reason.status, http_body.encoded(problem), PROBLEM)
        if refusal.reason is SECRET_NEEDED:
            answer.headers.append((b"www-authenticate", HEADER.encode()))
        return answer

    def now(self) -> datetime:
        """Return the time of the default world."""
        return self._worlds.default.clock.now()

    def strike(
        self, _visit: Visit, _call: Call, _phase: Phase, _right: Answer | None
    ) -> Rule | None:
        """No fault strikes who commands them."""
        return None

    def record(self, visit: Visit, answer: Answer) -> None:
        """Keep nothing: the journal holds what the platform was asked."""

    async def _world(self, visit: Visit) -> World:
        query = parse_qs(visit.scope["query_string"].decode("latin-1"))
        if names := query.get("world"):
            world = self._worlds.named(names[-1])
            if world is None:
                raise Refusal(NO_SUCH_WORLD, f"no world is called {names[-1]}")
            return world
        _, literal, _ = bearer(visit.headers)
        return await self._worlds.find(literal) if literal else self._worlds.default
