"""Fault rules: what a test asks to go wrong."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from emulator.domain import dates
from emulator.domain.refusals import NO_SUCH_FAULT, TOO_MANY, WRONG_FORMAT, Refusal
from emulator.faults import (
    Delay,
    Effect,
    Instead,
    Phase,
    Refuse,
    Rule,
    When,
    Which,
)
from emulator.operations.call import Call, Reply
from emulator.world import World

MOST = 1_000  # rules of a world
Body = Mapping[str, Any]


def list_faults(world: World, _call: Call) -> Reply:
    """List the rules in the order in which they are tried, with their strikes."""
    return Reply([_shown(rule) for rule in world.faults])


def add_fault(world: World, call: Call) -> Reply:
    if len(world.faults) >= MOST:
        raise Refusal(TOO_MANY, f"{MOST} rules are enough", field="faults", limit=MOST)
    rule = Rule(
        id=f"f{world.faults_made + 1}",
        effect=_effect(call.body["effect"]),
        which=_which(call.body),
        when=_when(call.body),
        phase=Phase(call.body.get("phase", Phase.BEFORE)),
    )
    world.faults_made += 1
    world.faults = (*world.faults, rule)
    return Reply(_shown(rule))


def remove_fault(world: World, call: Call) -> Reply:
    wanted = call.params["faultId"]
    rule = next((each for each in world.faults if each.id == wanted), None)
    if rule is None:
        raise Refusal(NO_SUCH_FAULT, f"world {world.name} has no such rule")
    world.faults = tuple(each for each in world.faults if each is not rule)
    return Reply(_shown(rule))


def clear_faults(world: World, _call: Call) -> Reply:
    world.faults = ()
    return Reply([])


def _which(body: Body) -> Which:
    which = Which(
        token=body.get("token"),
        number=body.get("number"),
        body=body.get("body", {}),
        headers=body.get("headers", {}),
    )
    return replace(which, operation=body.get("operation", which.operation))


def _when(body: Body) -> When:
    return When(
        first=body.get("first"),
        nth=body.get("nth"),
        every=body.get("every"),
        start=_instant(body, "from"),
        end=_instant(body, "until"),
        probability=body.get("probability"),
    )


def _instant(body: Body, name: str) -> datetime | None:
    try:
        return datetime.fromisoformat(body[name]) if name in body else None
    except ValueError as error:
        raise Refusal(WRONG_FORMAT, str(error), field=name) from None


def _effect(body: Body) -> Effect:
    if "delay" in body:
        return Delay(body["delay"])
    if "refusal" in body:
        return Refuse(body["refusal"])
    return Instead(body["status"], body.get("body"), body.get("headers", {}))


def _shown(rule: Rule) -> dict[str, object]:
    which, when = rule.which, rule.when
    stated = {
        "operation": which.operation,
        "token": which.token,
        "number": which.number,
        "body": dict(which.body) or None,
        "headers": dict(which.headers) or None,
        "first": when.first,
        "nth": when.nth,
        "every": when.every,
        "from": dates.stamp(when.start) if when.start else None,
        "until": dates.stamp(when.end) if when.end else None,
        "probability": when.probability,
    }
    return {
        "id": rule.id,
        **{name: value for name, value in stated.items() if value is not None},
        "phase": str(rule.phase),
        "effect": _shown_effect(rule.effect),
        "met": rule.met,
        "struck": rule.struck,
    }


def _shown_effect(effect: Effect) -> dict[str, object]:
    if isinstance(effect, Delay):
        return {"delay": effect.seconds}
    if isinstance(effect, Refuse):
        return {"refusal": effect.reason}
    return {
        "status": effect.status,
        "body": effect.body,
        "headers": dict(effect.headers),
    }
