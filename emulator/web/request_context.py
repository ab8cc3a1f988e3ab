"""One HTTP request while it is handled, and the interface of the two APIs."""

from datetime import datetime
from typing import Protocol

from msgspec import Struct, field
from starlette.types import Receive, Scope

from emulator.contract.contract import Operation
from emulator.domain.assumptions import Doubt, accept_doubts
from emulator.domain.refusals import Refusal
from emulator.faults import FaultPhase, FaultRule
from emulator.operations.call import OperationCall
from emulator.web.body_bounds import BodyBounds, BodyShare
from emulator.web.http_body import HttpResponse, RequestHeaders
from emulator.world import World
from emulator.worlds import WorldEntry


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
