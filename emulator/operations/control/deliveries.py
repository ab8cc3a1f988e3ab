"""Deliveries: what has left, what is on its way, and every attempt.

Commands of a test, and what whoever carries them reports.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from emulator.domain import dates
from emulator.domain.delivery import (
    Attempt,
    Delivery,
    Kind,
    State,
    Verdict,
    judged,
)
from emulator.domain.recipients import cellphone
from emulator.domain.refusals import NO_SUCH_DELIVERY, NOT_DUE, UNDER_WAY, Refusal
from emulator.timekeeping.event_log import Event
from emulator.operations.background import keyword_answers
from emulator.operations.call import Call, Listing, Pause, Reply, Row, Steps
from emulator.world.outbox import Answered, Push
from emulator.world import Leaving, World

SLICE = 500
PATIENCE = 5  # seconds of the wall, unless told otherwise
LISTED = 20  # deliveries in a text


class Match(Struct, frozen=True):
    """What is asked of a delivery; what is None is not looked at."""

    kind: str | None = None
    state: str | None = None
    number: str | None = None  # a cellphone, or the end of one
    text: str | None = None  # in what the handset wrote
    after: int = 0

    def fits(self, delivery: Delivery) -> bool:
        return (
            self.kind in (None, delivery.kind)
            and self.state in (None, delivery.state)
            and delivery.id > self.after
            and (
                self.number is None or cellphone(delivery.number).endswith(self.number)
            )
            and (self.text is None or self.text in str(delivery.facts["response"]))
        )

    def __str__(self) -> str:
        """Return ``state=delivered number=7282``."""
        asked = ((each.name, getattr(self, each.name)) for each in fields(self))
        return " ".join(f"{name}={it}" for name, it in asked if it) or "any delivery"


def list_deliveries(world: World, call: Call) -> Reply:
    """List what matches, the oldest first; what was dropped is counted."""
    found, last = _found(world, matching(call.params)), call.params.get("last")
    found = found[-last:] if last else found
    slices = (
        [shown(each) for each in found[start : start + SLICE]]
        for start in range(0, len(found), SLICE)
    )
    head = {"dropped": world.deliveries_dropped}
    return Reply(head, Listing("deliveries", slices, whole=len(found) <= SLICE))


def wait_for_deliveries(world: World, call: Call) -> Steps:
    """Wait until so many deliveries match, those that are there already included."""
    match, wanted = matching(call.body), call.body.get("count", 1)
    seconds, left = call.body.get("timeout", PATIENCE), True
    while len(found := _found(world, match)) < wanted and left:
        left = yield Pause(seconds=seconds)
    seen = ""
    if len(found) < wanted:
        head = f"{len(found)} of {wanted} came within {seconds:g} s: {match}"
        seen = "\n".join((head, *_lines(world)))
    rows = [shown(each) for each in found]
    return Reply({"matched": not seen, "deliveries": rows, "seen": seen})


def replay_delivery(world: World, call: Call) -> Reply:
    """Let a delivery leave once more, now, whatever has come of it."""
    delivery = _settled(world, call)
    return _kept(world, delivery.again(call.now))


def send_delivery(world: World, call: Call) -> Reply:
    """Let a delivery leave now that would be due later.  Refuses what is over."""
    delivery = _settled(world, call)
    if delivery.is_over:
        why = f"delivery {delivery.id} is {delivery.state}; replay it instead"
        raise Refusal(NOT_DUE, why)
    return _kept(world, delivery.again(call.now))


def drop_delivery(world: World, call: Call) -> Reply:
    """Let a delivery leave no more.  Refuses what is over."""
    delivery = _settled(world, call)
    if delivery.is_over:
        raise Refusal(NOT_DUE, f"delivery {delivery.id} is {delivery.state} already")
    return _kept(world, delivery.dropped())


def leave(world: World, taken: Iterable[Delivery]) -> None:
    """Keep that deliveries are about to leave."""
    for each in taken:
        world.keep(Leaving(each.id))


def attempted(world: World, push: Push, answer: Answered, now: datetime) -> None:
    """Keep what came of an attempt, and do what its answer is for.

    Source: manual MOP-06, KEY-05; assumptions MOP-07, KEY-16.
    """
    delivery = world.deliveries[push.delivery]
    verdict = answer.verdict or judged(delivery.kind, answer.status, answer.body)
    says = answer.says
    if delivery.kind is Kind.KEYWORD and verdict is Verdict.ACCEPTED:
        back = keyword_answers.send(world, answer.body, to=delivery.number, now=now)
        verdict = verdict if back.sent else Verdict.UNUSABLE
        says = back.says
    attempt = Attempt(
        at=now,
        method=push.method,
        url=push.address,
        verdict=verdict,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        says=says or _advice(delivery, verdict, answer),
        duration=answer.duration,
    )
    tried = delivery.tried(attempt, now)
    world.keep(tried)
    world.then(lambda: _count(world, tried, verdict, now - delivery.made_at))
    world.keep(Event(now, "pushed", delivery=delivery.id, verdict=str(verdict)))


def _count(world: World, tried: Delivery, verdict: Verdict, took: timedelta) -> None:
    """Count an attempt, and how long it was until the last one."""
    world.tally.attempts[str(tried.kind), str(verdict)] += 1
    if tried.state is State.DELIVERED:
        world.tally.lags.add(took.total_seconds())


def failed(world: World, delivery: Delivery, now: datetime) -> None:
    """Keep that an attempt ended by a mistake of ours; it is not tried again."""
    says = "the emulator made a mistake; its log has the traceback"
    attempt = Attempt(now, "GET", delivery.url, Verdict.FAILED, says=says)
    world.keep(delivery.tried(attempt, now))
    world.keep(Event(now, "pushed", delivery=delivery.id, verdict=str(attempt.verdict)))


def matching(asked: Mapping[str, Any]) -> Match:
    """Return what the parameters or the body of a question ask for."""
    names = (each.name for each in fields(Match))
    return Match(**{name: asked[name] for name in names if name in asked})


def shown(delivery: Delivery) -> Row:
    return {
        "id": delivery.id,
        "kind": str(delivery.kind),
        "state": str(delivery.state),
        "url": delivery.url,
        "cellphone": cellphone(delivery.number),
        "message": delivery.message or None,
        "keyword": delivery.keyword or None,
        "facts": dict(delivery.facts),
        "fault": delivery.fault,
        "made_at": dates.stamp(delivery.made_at),
        "next_at": dates.stamp(delivery.due_at) if delivery.due_at else None,
        "attempts": [_attempt(each) for each in delivery.attempts],
    }


def _attempt(attempt: Attempt) -> Row:
    url, _, query = attempt.url.partition("?")
    return {
        "at": dates.stamp(attempt.at),
        "method": attempt.method,
        "url": url,
        "query": query,
        "verdict": str(attempt.verdict),
        "status": attempt.status,
        "headers": dict(attempt.headers),
        "body": attempt.body,
        "says": attempt.says,
        "duration": attempt.duration,
    }


def _advice(delivery: Delivery, verdict: Verdict, answer: Answered) -> str:
    """Return what is wrong with an answer that came."""
    if verdict is Verdict.NOT_OK:
        return "answer with the plain text ok (MOP-06)"
    if verdict is Verdict.BAD_STATUS:
        return f"answer {delivery.kind} with 200, not with {answer.status}"
    return ""


def _found(world: World, match: Match) -> list[Delivery]:
    return [each for each in world.deliveries.values() if match.fits(each)]


def _settled(world: World, call: Call) -> Delivery:
    """Return the delivery that is meant.  Refuses one that is under way."""
    number = call.params["deliveryId"]
    delivery = world.deliveries.get(number)
    if delivery is None:
        why = f"world {world.name} has no delivery {number}, or no longer"
        raise Refusal(NO_SUCH_DELIVERY, why)
    if number in world.outbox.underway or number in world.outbox.posted:
        raise Refusal(UNDER_WAY, f"delivery {number} is being tried")
    return delivery


def _kept(world: World, delivery: Delivery) -> Reply:
    world.then(lambda: world.outbox.withdraw(delivery))
    world.keep(delivery)
    return Reply(shown(delivery))


def _lines(world: World) -> Iterator[str]:
    """Yield a line for each of the newest deliveries."""
    newest = [*world.deliveries.values()][-LISTED:]
    if not newest:
        yield "there are no deliveries; has the account a push URL?"
    for each in newest:
        last = each.attempts[-1] if each.attempts else None
        came = f", {last.verdict} {last.says}".rstrip() if last else ""
        tries = f"{len(each.attempts)} attempts"
        to = each.url or "a listener"
        yield f"#{each.id} {each.kind} to {to}: {each.state} after {tries}{came}"
