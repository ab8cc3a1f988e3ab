"""Listeners: they perform a world's pushes where the emulator has no way to.

A listener opens a stream and is told what to ask of whom; the answers come back by
another request.
"""

from collections.abc import Generator

import orjson

from emulator.domain.delivery import Verdict
from emulator.domain.refusals import NO_SUCH_DELIVERY, Refusal
from emulator.operations.call import Call, Pause, Reply
from emulator.world.outbox import Answered, Push, Relay
from emulator.world import World

HEARTBEAT = 15.0  # seconds of the wall without a push

Stream = Generator[str | Pause, bool, None]


def stream_pushes(world: World, _call: Call) -> Reply:
    """Tell what is to be performed, as long as somebody listens."""
    return Reply(None, stream=_told(world))


def answer_push(world: World, call: Call) -> Reply:
    """Take what a push was answered.  Refuses one that nobody waits for."""
    number, body = call.params["pushId"], call.body
    for relay in world.outbox.relays:
        if relay.awaits(number):
            verdict = Verdict(body["verdict"]) if "verdict" in body else None
            headers = tuple(sorted(body.get("headers", {}).items()))
            answer = Answered(
                status=body.get("status", 0),
                headers=headers,
                body=body.get("body", ""),
                verdict=verdict,
                says=body.get("says", ""),
            )
            return Reply({"delivery": relay.answer(number, answer)})
    raise Refusal(NO_SUCH_DELIVERY, f"nobody waits for an answer to {number}")


def _told(world: World) -> Stream:
    relay, relays = Relay(), world.outbox.relays
    relays.append(relay)
    world.alarm()
    try:
        yield f": the pushes of world {world.name}\n\n"
        beat = HEARTBEAT
        while world.outbox.relays is relays:  # until the world is gone
            for number, push in relay.told():
                data = orjson.dumps({"number": number, **_shown(push)}).decode()
                yield f"event: push\ndata: {data}\n\n"
            if not (yield Pause(seconds=beat)):
                yield ": still here\n\n"
                beat += HEARTBEAT
    finally:
        relays.remove(relay)
        world.ring()
        world.alarm()


def _shown(push: Push) -> dict[str, object]:
    return {
        "delivery": push.delivery,
        "operation": push.operation,
        "method": push.method,
        "url": push.url,
        "parameters": push.parameters,
    }
