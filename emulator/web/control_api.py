"""The control API, under ``/_emulator``: commands of a test or a person.

It refuses with problem documents (RFC 9457), which the platform does not have.
"""

from datetime import datetime
from urllib.parse import parse_qs

from emulator.domain.emulator_refusals import (
    NO_SUCH_WORLD,
    SECRET_NEEDED,
    TOO_MANY_GUESSES,
)
from emulator.domain.refusals import Refusal
from emulator.faults import FaultPhase, FaultRule
from emulator.operations.call import OperationCall
from emulator.web import http_response
from emulator.web.body_bounds import BodyBounds
from emulator.web.control_secret import SECRET_HEADER, SecretGuard
from emulator.web.http_request import RequestContext
from emulator.web.http_response import HttpResponse
from emulator.web.platform_api import read_bearer_token
from emulator.world import World
from emulator.worlds import WorldDirectory, WorldEntry, make_set_aside_refusal

PROBLEM_JSON = b"application/problem+json"
# To those who do not know it
OPEN_OPERATIONS = frozenset({"getHealth", "getReadiness"})
# What is asked of no world in particular: none is loaded for it
WORLDLESS_OPERATIONS = OPEN_OPERATIONS | {
    "getMetrics",
    "listWorlds",
    "listSetAside",
    "takeBackup",
}
# What can be asked of a world that is set aside, or beside it.
RECOVERY_OPERATIONS = OPEN_OPERATIONS | {
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


class ControlApi:
    """The ASGI application of the control contract."""

    def __init__(
        self,
        worlds: WorldDirectory,
        guard: SecretGuard,
        *,
        body_limit: int,
        bounds: BodyBounds | None = None,
    ) -> None:
        self._worlds = worlds
        self.body_limit = body_limit
        self.body_bounds = bounds or BodyBounds()
        self.takes_commands = True
        self._guard = guard

    async def authenticate(self, context: RequestContext) -> WorldEntry:
        """Return the world that is named, even if its token has expired.

        Refuses a request without the secret, where one is set.
        """
        if context.operation.id not in OPEN_OPERATIONS:
            self._require_secret(context)
        world = await self._require_world(context)
        if world.trouble and context.operation.id not in RECOVERY_OPERATIONS:
            raise make_set_aside_refusal(world)
        return self._worlds.enter_without_token(world)

    def render_refusal(
        self, refusal: Refusal, _visit: RequestContext | None
    ) -> HttpResponse:
        """Return a problem document."""
        problem = {
            "title": refusal.reason.format_sentence("en", refusal.words),
            "status": refusal.reason.status,
            "detail": refusal.why,
        }
        answer = HttpResponse(
            refusal.reason.status, http_response.encode_json(problem), PROBLEM_JSON
        )
        if refusal.reason is SECRET_NEEDED:
            answer.headers.append((b"www-authenticate", SECRET_HEADER.encode()))
        if refusal.reason is TOO_MANY_GUESSES:
            seconds = str(refusal.words["seconds"])
            answer.headers.append((b"retry-after", seconds.encode()))
        return answer

    def get_default_time(self) -> datetime:
        """Return the time of the default world."""
        return self._worlds.default.clock.now()

    def match_fault(
        self,
        _visit: RequestContext,
        _call: OperationCall,
        _phase: FaultPhase,
        _right: HttpResponse | None,
    ) -> FaultRule | None:
        """Return None: no fault strikes the control API."""
        return None

    def record_exchange(self, context: RequestContext, answer: HttpResponse) -> None:
        """Do nothing: the journal holds only requests to the platform."""

    def _require_secret(self, context: RequestContext) -> None:
        """Refuse a request that may not command, or has to wait for its next guess."""
        check = self._guard.check_request(context.scope, context.headers)
        if check.wait:
            why = f"wait {check.wait} s, and send the right secret then"
            raise Refusal(TOO_MANY_GUESSES, why, seconds=check.wait)
        if not check.is_right:
            raise Refusal(SECRET_NEEDED, f"send the header {SECRET_HEADER}: <secret>")

    async def _require_world(self, context: RequestContext) -> World:
        query = parse_qs(context.scope["query_string"].decode("latin-1"))
        if names := query.get("world"):
            world = await self._worlds.load_by_name(names[-1])
            if world is None:
                raise Refusal(NO_SUCH_WORLD, f"no world is called {names[-1]}")
            return world
        _, literal, _ = read_bearer_token(context.headers)
        if literal:
            return await self._worlds.get_or_create(literal)
        if context.operation.id in WORLDLESS_OPERATIONS:
            return self._worlds.default
        return await self._worlds.load_default()
