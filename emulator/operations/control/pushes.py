"""Listeners: they perform a world's pushes where the emulator has no way to.

A listener opens a stream and is told what to ask of whom; the answers come back by
another request.
"""

from collections.abc import Generator

import orjson

from emulator.domain.delivery import Verdict
from emulator.domain.emulator_refusals import NO_SUCH_DELIVERY
from emulator.domain.refusals import Refusal
from emulator.operations.call import OperationCall, OperationResult, Pause
from emulator.world import World
from emulator.world.outbox import PushRelay, PushRequest, PushResponse

HEARTBEAT = 15.0  # seconds of the wall without a push

PushStream = Generator[str | Pause, bool, None]


def stream_pushes(world: World, _call: OperationCall) -> OperationResult:
    """Stream the pushes to perform, as long as the listener is connected."""
    return OperationResult(None, stream=_stream_frames(world))


def answer_push(world: World, call: OperationCall) -> OperationResult:
    """Take the answer to a push.  Refuses one that is not waited for."""
    number, body = call.params["pushId"], call.body
    for relay in world.outbox.relays:
        if relay.is_awaiting(number):
            verdict = Verdict(body["verdict"]) if "verdict" in body else None
            headers = tuple(sorted(body.get("headers", {}).items()))
            answer = PushResponse(
                status=body.get("status", 0),
                headers=headers,
                body=body.get("body", ""),
                verdict=verdict,
                says=body.get("explanation", ""),
            )
            return OperationResult({"delivery": relay.record_response(number, answer)})
    raise Refusal(NO_SUCH_DELIVERY, f"no answer to {number} is waited for")


def _stream_frames(world: World) -> PushStream:
    relay, relays = PushRelay(), world.outbox.relays
    relays.append(relay)
    world.shared.wake_courier(world)
    try:
        yield f": the pushes of world {world.name}\n\n"
        beat = HEARTBEAT
        while world.outbox.relays is relays:  # until the world is gone
            for number, push in relay.pop_pushes():
                data = orjson.dumps({"number": number, **_describe_push(push)}).decode()
                yield f"event: push\ndata: {data}\n\n"
            if not (yield Pause(seconds=beat)):
                yield ": still here\n\n"
                beat += HEARTBEAT
    finally:
        relays.remove(relay)
        world.notify_listeners()
        world.shared.wake_courier(world)


def _describe_push(push: PushRequest) -> dict[str, object]:
    return {
        "delivery": push.delivery,
        "operation": push.operation,
        "method": push.method,
        "url": push.url,
        "parameters": push.parameters,
    }
