"""The operations of the control API, called as functions by a page of our own.

Parameters are parsed by the contract, and each call is a transaction, as over HTTP.  A
page gets the body of the reply, and knows neither refusals nor worlds.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from itertools import chain
from typing import Any, NamedTuple

from starlette.types import Receive

from emulator.contract.contract import Contract, Operation
from emulator.domain.emulator_refusals import NO_SUCH_WORLD
from emulator.domain.platform_refusals import REQUIRED
from emulator.domain.refusals import Refusal
from emulator.operations.call import OperationCall, OperationResult, WaitingFunction
from emulator.operations.call import OperationFunction as Function
from emulator.web import http_request, waiting
from emulator.web.body_bounds import BodyBounds, BodyShare, parse_body
from emulator.web.http_request import RequestHeaders
from emulator.world import World
from emulator.world.transaction import run_transaction
from emulator.worlds import WorldDirectory, make_set_aside_refusal


class ControlRefusal(Exception):  # noqa: N818 - nothing went wrong
    """An operation refuses: a title, its status over HTTP, and what to do."""

    def __init__(self, title: str, status: int, detail: str) -> None:
        super().__init__(f"{title}: {detail}")
        self.title = title
        self.status = status
        self.detail = detail


class ControlClient:
    """Calls operations of the control API for pages."""

    def __init__(
        self,
        contract: Contract,
        functions: Mapping[str, Function | WaitingFunction],
        worlds: WorldDirectory,
        bounds: BodyBounds,
    ) -> None:
        self.body_bounds = bounds
        self._operations = contract.operations
        self._functions = functions
        self._worlds = worlds

    async def open_client(self, name: str, receive: Receive) -> "WorldClient":
        """Return a client for one world; without a name for the default one.

        Raises ``ControlRefusal`` where there is no such world.
        """
        world = await self._worlds.load_by_name(name or self._worlds.default.name)
        if world is None:
            raise _to_control_refusal(
                Refusal(NO_SUCH_WORLD, f"no world is called {name}")
            )
        return WorldClient(self, world, receive)

    async def run_operation(
        self,
        client: "WorldClient",
        name: str,
        params: Mapping[str, Any],
        body: Any,
        *,
        size: int = 0,
    ) -> OperationResult:
        """Run an operation in one transaction; *size* is that of a body in bytes.

        Raises ``ControlRefusal``.
        """
        operation, world = self._operations[name], client.world
        entry = self._worlds.enter_without_token(world)
        try:
            if world.trouble:
                raise make_set_aside_refusal(world)
            await waiting.bring_up_to_date(world, entry.now)
            call = OperationCall(
                entry.now, entry.token, _read_parameters(operation, params), []
            )
            if operation.body_shape is not None:
                call.body = http_request.read_json_body(
                    body, operation.body_shape, frozenset(), size=size
                ).body
            function: Callable[[], Any] = partial(self._functions[name], world, call)
            done = await run_transaction(world, function)
            if isinstance(done, OperationResult):
                reply = done
            else:
                reply = await waiting.run_steps(done, world, client.receive)
        except Refusal as refusal:
            raise _to_control_refusal(refusal) from refusal
        if operation.method != "GET":
            world.notify_listeners()
        return reply


class WorldClient(NamedTuple):
    """Requests and streams of one world."""

    control: ControlClient
    world: World
    receive: Receive

    @property
    def name(self) -> str:
        """The name of the world."""
        return self.world.name

    async def call_operation(
        self, operation: str, body: Any = None, /, **params: Any
    ) -> Any:
        """Return the reply of *operation*; a parameter that is None is left out.

        Raises ``ControlRefusal``.
        """
        reply = await self.control.run_operation(self, operation, params, body)
        if reply.listing is None:
            return reply.body
        rows = list(chain.from_iterable(reply.listing.slices))
        return {**reply.body, reply.listing.key: rows}

    async def call_with_upload(
        self, operation: str, headers: RequestHeaders, limit: int
    ) -> Any:
        """Return the reply of *operation* to the JSON of the request's own body.

        Raises ``ControlRefusal``.
        """
        share = BodyShare(self.control.body_bounds)
        try:
            body = http_request.RequestBody(headers, limit=limit, share=share)
            while body.is_missing:
                body.add_message(await self.receive())
            octets = body.to_bytes()
            document = await parse_body(
                octets, self.control.body_bounds, is_command=True
            )
            reply = await self.control.run_operation(
                self, operation, {}, document, size=len(octets)
            )
        except Refusal as refusal:
            raise _to_control_refusal(refusal) from refusal
        finally:
            share.release()
        return reply.body

    async def stream_operation(self, operation: str) -> AsyncIterator[bytes]:
        """Yield the pieces of a stream, until the client disconnects."""
        reply = await self.control.run_operation(self, operation, {}, None)
        if reply.stream is not None:
            async for piece in waiting.iter_stream(
                reply.stream, self.world, self.receive
            ):
                yield piece


def _read_parameters(operation: Operation, params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of parameters.  Refuses where one of the path is missing."""
    for each in operation.parameters:
        if params.get(each.name) is None:
            raise Refusal(REQUIRED, f"send {each.name}", field=each.name)
    known = (*operation.parameters, *operation.query)
    return {
        each.name: http_request.parse_parameter(each, str(params[each.name]))
        for each in known
        if params.get(each.name) is not None
    }


def _to_control_refusal(refusal: Refusal) -> ControlRefusal:
    title = refusal.reason.format_sentence("en", refusal.words)
    return ControlRefusal(title, refusal.reason.status, refusal.why)
