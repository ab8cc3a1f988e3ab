"""The operations of the control API, called as functions by a page of our own.

What is asked is read as the contract says, and each call is a transaction, as over
HTTP; a page gets the body of the reply and knows neither refusals nor worlds.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from starlette.types import Receive

from emulator.contract.contract import Contract, Operation
from emulator.domain.refusals import NO_SUCH_WORLD, REQUIRED, Refusal
from emulator.operations.call import Call, PatientOperation, Reply
from emulator.operations.call import Operation as Function
from emulator.world.transaction import transact
from emulator.web import waiting
from emulator.web import parameters
from emulator.web import http_body
from emulator.web.http_body import Headers
from emulator.world import World
from emulator.worlds import Worlds, needs_no_help


class Declined(Exception):  # noqa: N818 - nothing went wrong
    """An operation says no: a title, the status it has over HTTP, and what to do."""

    def __init__(self, title: str, status: int, detail: str) -> None:
        super().__init__(f"{title}: {detail}")
        self.title = title
        self.status = status
        self.detail = detail


class Desk:
    """Where a page asks."""

    def __init__(
        self,
        contract: Contract,
        functions: Mapping[str, Function | PatientOperation],
        worlds: Worlds,
    ) -> None:
        self._operations = contract.operations
        self._functions = functions
        self._worlds = worlds

    def seat(self, name: str, receive: Receive) -> "Seat":
        """Return the place of a visitor of one world; without a name the default one.

        Raises ``Declined`` where there is no such world.
        """
        world = self._worlds.named(name) if name else self._worlds.default
        if world is None:
            raise _declined(Refusal(NO_SUCH_WORLD, f"no world is called {name}"))
        return Seat(self, world, receive)

    async def carried_out(
        self, seat: "Seat", name: str, params: Mapping[str, Any], body: Any
    ) -> Reply:
        """Carry out an operation, whole or not at all.  Raises ``Declined``."""
        operation, world = self._operations[name], seat.world
        entry = self._worlds.visit(world)
        try:
            needs_no_help(world)
            await waiting.caught_up(world, entry.now)
            call = Call(entry.now, entry.token, _read(operation, params), [])
            if operation.body is not None:
                call.body = parameters.body(body, operation.body, frozenset()).body
            function: Callable[[], Any] = partial(self._functions[name], world, call)
            done = await transact(world, function)
            if isinstance(done, Reply):
                reply = done
            else:
                reply = await waiting.reply(done, world, seat.receive)
        except Refusal as refusal:
            raise _declined(refusal) from refusal
        if operation.method != "GET":
            world.ring()
        return reply


class Seat(NamedTuple):
    """A visitor of one world: asks, and listens."""

    desk: Desk
    world: World
    receive: Receive

    @property
    def name(self) -> str:
        """The name of the world."""
        return self.world.name

    async def ask(self, operation: str, body: Any = None, /, **params: Any) -> Any:
        """Return what *operation* replies; a parameter that is None is left out.

        Raises ``Declined``.
        """
        reply = await self.desk.carried_out(self, operation, params, body)
        if reply.listing is None:
            return reply.body
        rows = list(chain.from_iterable(reply.listing.slices))
        return {**reply.body, reply.listing.key: rows}

    async def uploaded(self, headers: Headers, limit: int) -> Any:
        """Return the JSON of the request's own body.  Raises ``Declined``."""
        try:
            body = http_body.Body(headers, limit=limit)
            while body.is_missing:
                body.take(await self.receive())
            return http_body.parsed(body.octets())
        except Refusal as refusal:
            raise _declined(refusal) from refusal

    async def hear(self, operation: str) -> AsyncIterator[bytes]:
        """Yield what a stream says, until the visitor hangs up."""
        reply = await self.desk.carried_out(self, operation, {}, None)
        if reply.stream is not None:
            async for piece in waiting.pieces(reply.stream, self.world, self.receive):
                yield piece


def _read(operation: Operation, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of parameters.  Refuses where one of the path is missing."""
    for each in operation.parameters:
        if params.get(each.name) is None:
            raise Refusal(REQUIRED, f"send {each.name}", field=each.name)
    known = (*operation.parameters, *operation.query)
    return {
        each.name: parameters.parameter(each, str(params[each.name]))
        for each in known
        if params.get(each.name) is not None
    }


def _declined(refusal: Refusal) -> Declined:
    title = refusal.reason.sentence("en", refusal.words)
    return Declined(title, refusal.reason.status, refusal.why)
