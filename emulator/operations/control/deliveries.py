"""Deliveries: those that have left, those under way, and every attempt.

Commands of a test, and what the courier or a listener reports.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec import Struct
from msgspec.structs import fields

from emulator.domain import dates
from emulator.domain.delivery import (
    Attempt,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Verdict,
    judge_push_answer,
)
from emulator.domain.emulator_refusals import NO_SUCH_DELIVERY, NOT_DUE, UNDER_WAY
from emulator.domain.recipients import format_cellphone
from emulator.domain.refusals import Refusal
from emulator.operations.background import keyword_answers
from emulator.operations.call import (
    OperationCall,
    OperationResult,
    OperationSteps,
    Pause,
    Row,
    SlicedArray,
)
from emulator.timekeeping.event_log import WorldEvent
from emulator.world import DeliveryStarted, World
from emulator.world.outbox import PushRequest, PushResponse

SLICE = 500
WAIT_TIMEOUT = 5  # seconds of the wall, unless told otherwise
LISTED_DELIVERIES = 20  # deliveries in a text


class DeliveryMatch(Struct, frozen=True):
    """The conditions on a delivery; what is None does not matter."""

    kind: str | None = None
    state: str | None = None
    number: str | None = None  # a cellphone, or the end of one
    text: str | None = None  # in what the handset wrote
    after: int = 0

    def accepts(self, delivery: Delivery) -> bool:
        return (
            self.kind in (None, delivery.kind)
            and self.state in (None, delivery.state)
            and delivery.id > self.after
            and (
                self.number is None
                or format_cellphone(delivery.number).endswith(self.number)
            )
            and (self.text is None or self.text in str(delivery.parameters["response"]))
        )

    def __str__(self) -> str:
        """Return ``state=delivered number=7282``."""
        asked = ((each.name, getattr(self, each.name)) for each in fields(self))
        return " ".join(f"{name}={it}" for name, it in asked if it) or "any delivery"


def list_deliveries(world: World, call: OperationCall) -> OperationResult:
    """List the deliveries that match, the oldest first, and count those forgotten."""
    found, last = (
        _find_deliveries(world, parse_delivery_match(call.params)),
        call.params.get("last"),
    )
    found = found[-last:] if last else found
    slices = (
        [describe_delivery(each) for each in found[start : start + SLICE]]
        for start in range(0, len(found), SLICE)
    )
    head = {"dropped": world.deliveries_dropped}
    return OperationResult(
        head, SlicedArray("deliveries", slices, whole=len(found) <= SLICE)
    )


def wait_for_deliveries(world: World, call: OperationCall) -> OperationSteps:
    """Wait until *count* deliveries match, including those that exist already."""
    match, wanted = parse_delivery_match(call.body), call.body.get("count", 1)
    seconds, left = call.body.get("timeout", WAIT_TIMEOUT), True
    while len(found := _find_deliveries(world, match)) < wanted and left:
        left = yield Pause(seconds=seconds)
    seen = ""
    if len(found) < wanted:
        head = f"{len(found)} of {wanted} came within {seconds:g} s: {match}"
        seen = "\n".join((head, *_describe_newest(world)))
    rows = [describe_delivery(each) for each in found]
    return OperationResult(
        {"matched": not seen, "deliveries": rows, "explanation": seen}
    )


def replay_delivery(world: World, call: OperationCall) -> OperationResult:
    """Send a delivery once more, now, whatever its state is."""
    delivery = _require_idle_delivery(world, call)
    return _keep_delivery(world, delivery.retry_now(call.now))


def send_delivery(world: World, call: OperationCall) -> OperationResult:
    """Send a delivery now that would be due later.  Refuses one that is over."""
    delivery = _require_idle_delivery(world, call)
    if delivery.is_over:
        why = f"delivery {delivery.id} is {delivery.state}; replay it instead"
        raise Refusal(NOT_DUE, why)
    return _keep_delivery(world, delivery.retry_now(call.now))


def drop_delivery(world: World, call: OperationCall) -> OperationResult:
    """Drop a delivery.  Refuses one that is over."""
    delivery = _require_idle_delivery(world, call)
    if delivery.is_over:
        raise Refusal(NOT_DUE, f"delivery {delivery.id} is {delivery.state} already")
    return _keep_delivery(world, delivery.drop())


def keep_deliveries_leaving(world: World, taken: Iterable[Delivery]) -> None:
    """Record that deliveries are about to leave."""
    for each in taken:
        world.keep_change(DeliveryStarted(each.id))


def keep_attempt(
    world: World, push: PushRequest, answer: PushResponse, now: datetime
) -> None:
    """Record the result of an attempt, and process its answer.

    Source: manual MOP-06, KEY-05; assumptions MOP-07, KEY-16.
    """
    delivery, url = world.deliveries[push.delivery], push.request_url
    verdict = answer.verdict or judge_push_answer(
        delivery.kind, answer.status, answer.body
    )
    says = answer.says
    if delivery.kind is DeliveryKind.KEYWORD and verdict is Verdict.ACCEPTED:
        back = keyword_answers.send_keyword_answer(
            world, answer.body, to=delivery.number, now=now
        )
        verdict = verdict if back.sent else Verdict.UNUSABLE
        says = back.says
    elif verdict is not Verdict.ACCEPTED:
        says = says or _describe_mistake(delivery, verdict, answer)
    attempt = Attempt(
        at=now,
        method=push.method,
        url=url,
        verdict=verdict,
        status=answer.status,
        headers=answer.headers,
        body=answer.body,
        explanation=says,
        duration=answer.duration,
    )
    tried = delivery.apply_attempt(attempt, now)
    world.keep_change(tried)
    took = now - delivery.created_at
    world.run_on_commit(partial(_count_attempt, world, tried, verdict, took))
    world.keep_change(
        WorldEvent(now, "pushed", delivery=delivery.id, verdict=str(verdict))
    )


def _count_attempt(
    world: World, tried: Delivery, verdict: Verdict, took: timedelta
) -> None:
    """Count an attempt, and after the last one the time that it took in all."""
    counters = world.shared.counters
    counters.attempts[str(tried.kind), str(verdict)] += 1
    if tried.state is DeliveryState.DELIVERED:
        counters.lags.add(took.total_seconds())


def keep_failed_attempt(world: World, delivery: Delivery, now: datetime) -> None:
    """Record that an attempt failed by an error of the emulator; it is not retried."""
    says = "the emulator made a mistake; its log has the traceback"
    attempt = Attempt(now, "GET", delivery.url, Verdict.FAILED, explanation=says)
    world.keep_change(delivery.apply_attempt(attempt, now))
    world.keep_change(
        WorldEvent(now, "pushed", delivery=delivery.id, verdict=str(attempt.verdict))
    )


def parse_delivery_match(asked: Mapping[str, Any]) -> DeliveryMatch:
    """Return the conditions in the parameters or the body of a request."""
    names = (each.name for each in fields(DeliveryMatch))
    return DeliveryMatch(**{name: asked[name] for name in names if name in asked})


def describe_delivery(delivery: Delivery) -> Row:
    return {
        "id": delivery.id,
        "kind": str(delivery.kind),
        "state": str(delivery.state),
        "url": delivery.url,
        "cellphone": format_cellphone(delivery.number),
        "message": delivery.message or None,
        "keyword": delivery.keyword or None,
        "parameters": dict(delivery.parameters),
        "fault": delivery.fault,
        "created_at": dates.format_timestamp(delivery.created_at),
        "next_at": dates.format_timestamp(delivery.due_at) if delivery.due_at else None,
        "attempts": [_describe_attempt(each) for each in delivery.attempts],
    }


def _describe_attempt(attempt: Attempt) -> Row:
    url, _, query = attempt.url.partition("?")
    return {
        "at": dates.format_timestamp(attempt.at),
        "method": attempt.method,
        "url": url,
        "query": query,
        "verdict": str(attempt.verdict),
        "status": attempt.status,
        "headers": dict(attempt.headers),
        "body": attempt.body,
        "explanation": attempt.explanation,
        "duration": attempt.duration,
    }


def _describe_mistake(
    delivery: Delivery, verdict: Verdict, answer: PushResponse
) -> str:
    """Return what is wrong with an answer."""
    if verdict is Verdict.NOT_OK:
        return "answer with the plain text ok (MOP-06)"
    if verdict is Verdict.BAD_STATUS:
        return f"answer {delivery.kind} with 200, not with {answer.status}"
    return ""


def _find_deliveries(world: World, match: DeliveryMatch) -> list[Delivery]:
    return [each for each in world.deliveries.values() if match.accepts(each)]


def _require_idle_delivery(world: World, call: OperationCall) -> Delivery:
    """Return the delivery of the request.  Refuses one that is under way."""
    number = call.params["deliveryId"]
    delivery = world.deliveries.get(number)
    if delivery is None:
        why = f"world {world.name} has no delivery {number}, or no longer"
        raise Refusal(NO_SUCH_DELIVERY, why)
    if number in world.outbox.underway or number in world.outbox.unacknowledged:
        raise Refusal(UNDER_WAY, f"delivery {number} is being tried")
    return delivery


def _keep_delivery(world: World, delivery: Delivery) -> OperationResult:
    world.run_on_commit(lambda: world.outbox.withdraw_delivery(delivery))
    world.keep_change(delivery)
    return OperationResult(describe_delivery(delivery))


def _describe_newest(world: World) -> Iterator[str]:
    """Yield a line for each of the newest deliveries."""
    newest = [*world.deliveries.values()][-LISTED_DELIVERIES:]
    if not newest:
        yield "there are no deliveries; has the account a push URL?"
    for each in newest:
        last = each.attempts[-1] if each.attempts else None
        came = f", {last.verdict} {last.explanation}".rstrip() if last else ""
        tries = f"{len(each.attempts)} attempts"
        to = each.url or "a listener"
        yield f"#{each.id} {each.kind} to {to}: {each.state} after {tries}{came}"
