"""Fault rules: what a test asks to go wrong."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any

from emulator import files
from emulator.domain import dates
from emulator.domain.command_status import Status
from emulator.domain.delivery import Kind, Trick
from emulator.domain.refusals import (
    NO_SUCH_FAULT,
    NOT_IN_LIST,
    NOT_WANTED,
    REQUIRED,
    TOO_MANY,
    WRONG_FORMAT,
    Refusal,
)
from emulator.effects import (
    LONGEST,
    UNSAID,
    Decline,
    Delay,
    Effect,
    Instead,
    Lognormal,
    Manner,
    Push,
    Refuse,
    Turn,
    Twist,
    Uniform,
    Wire,
)
from emulator.faults import ANY, Phase, Rule, When, Which
from emulator.operations.call import Call, Reply
from emulator.world import World

MOST = 1_000  # rules of a world
Body = Mapping[str, Any]

# The kinds of effect, the telling key first, and what else each of them may say.
KINDS: Mapping[str, frozenset[str]] = {
    "refusal": frozenset({"status", "retry_after"}),
    "delay": frozenset(),
    "wire": frozenset({"seconds"}),
    "push": frozenset({"seconds", "count"}),
    "status": frozenset({"body", "headers", "retry_after"}),
    "command_status": frozenset(),
    "pdu": frozenset(),
}
LATE = frozenset({Trick.LATE, Trick.REORDERED})  # what takes seconds
COUNTED = frozenset({Trick.STORM})  # what takes a count
PAIR = 2
LONG = 60  # seconds of the world, after which nothing waits for another to go before
WEBHOOKS = tuple(map(str, Kind))
ANSWERING = frozenset({Phase.BEFORE, Phase.AFTER})  # of what is answered
FIXED = ("effect", "phase")  # what a preset does not leave open


def list_faults(world: World, _call: Call) -> Reply:
    """List the rules in the order in which they are tried, with their strikes."""
    return Reply([shown(rule) for rule in world.faults])


def list_presets(_world: World, _call: Call) -> Reply:
    return Reply([{"name": name, **preset} for name, preset in presets().items()])


def add_fault(world: World, call: Call) -> Reply:
    if len(world.faults) >= MOST:
        raise Refusal(TOO_MANY, f"{MOST} rules are enough", field="faults", limit=MOST)
    body = _filled(call.body) if "preset" in call.body else call.body
    rule = asked(f"f{world.faults_made + 1}", body)
    world.faults_made += 1
    world.faults = (*world.faults, rule)
    return Reply(shown(rule))


def change_fault(world: World, call: Call) -> Reply:
    """Switch a rule off or on; it keeps its place and its counts."""
    rule = _found(world, call)
    changed = replace(rule, off=call.body["off"])
    world.faults = tuple(changed if each is rule else each for each in world.faults)
    return Reply(shown(changed))


def remove_fault(world: World, call: Call) -> Reply:
    rule = _found(world, call)
    world.faults = tuple(each for each in world.faults if each is not rule)
    return Reply(shown(rule))


def _found(world: World, call: Call) -> Rule:
    wanted = call.params["faultId"]
    rule = next((each for each in world.faults if each.id == wanted), None)
    if rule is None:
        raise Refusal(NO_SUCH_FAULT, f"world {world.name} has no such rule")
    return rule


def clear_faults(world: World, _call: Call) -> Reply:
    world.faults = ()
    return Reply([])


@cache
def presets() -> Mapping[str, Body]:
    """Return what stands in the file of presets, by name."""
    known: Mapping[str, Body] = files.read_own_yaml(files.PRESETS)
    return known


def asked(name: str, body: Body) -> Rule:
    """Return the rule that *body* asks for, in the form of ``NewFault``.

    Refuses an effect of no kind or of two, and one that its phase does not go with.
    """
    effect = _effect(body["effect"])
    if isinstance(effect, Push):
        return _of_push(name, body, effect)
    if body.get("operation") in WEBHOOKS:
        why = f"{body['operation']} leaves the platform; what goes wrong then is a push"
        raise Refusal(NOT_WANTED, why, field="operation")
    spoils = isinstance(effect, Wire | Twist) and effect.spoils
    phase = Phase(body.get("phase", Phase.AFTER if spoils else Phase.BEFORE))
    if phase not in ANSWERING:
        why = f"the phase {phase} goes with the effect push; say before or after"
        raise Refusal(NOT_WANTED, why, field="phase")
    if spoils and phase is Phase.BEFORE:
        kind = "wire" if isinstance(effect, Wire) else "pdu"
        why = f"{kind} {body['effect'][kind]} spoils the right answer: say phase after"
        raise Refusal(NOT_WANTED, why, field="phase")
    return Rule(name, effect, _which(body), _when(body), phase)


def _of_push(name: str, body: Body, effect: Push) -> Rule:
    """Return a rule about what leaves, which has a phase of its own."""
    phase = Phase.EARLY if effect.trick is Trick.EARLY else Phase.PUSH
    if body.get("phase", phase) != phase:
        why = f"push {effect.trick} is in phase {phase}; leave it out"
        raise Refusal(NOT_WANTED, why, field="phase")
    if body.get("operation", ANY) not in {ANY, *WEBHOOKS}:
        why = f"what leaves is {', '.join(WEBHOOKS)} or * for any"
        raise Refusal(NOT_WANTED, why, field="operation")
    for each in ("token", "headers"):
        if each in body:
            why = f"what leaves has no {each}; say number, or body"
            raise Refusal(NOT_WANTED, why, field=each)
    return Rule(name, effect, _which(body), _when(body), phase)


def _filled(body: Body) -> Body:
    """Return the rule of a preset, narrowed by what else *body* says.

    Refuses a preset that there is not, and a change to what it does.
    """
    name = body["preset"]
    if name not in presets():
        why = f"there is no preset {name}, but {', '.join(presets())}"
        raise Refusal(NOT_IN_LIST, why, field="preset")
    for each in FIXED:
        if each in body:
            why = f"the preset {name} has its own {each}; leave one of the two out"
            raise Refusal(NOT_WANTED, why, field=each)
    return {**presets()[name]["rule"], **body}


def counted(body: Body) -> Rule:
    """Return the rule that ``shown`` has shown, with its counts."""
    counts = {name: body[name] for name in ("met", "struck")}
    return replace(asked(body["id"], body), off=body.get("off", False), **counts)


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
    return dates.stamped(body[name], name) if name in body else None


def _effect(body: Body) -> Effect:
    return _EFFECTS[_kind(body)](body)


def _refuse(body: Body) -> Refuse:
    return Refuse(body["refusal"], _int(body, "status"), _int(body, "retry_after"))


def _instead(body: Body) -> Instead:
    return Instead(
        status=int(body["status"]),
        body=body.get("body", UNSAID),
        headers=body.get("headers", {}),
        retry_after=_int(body, "retry_after"),
    )


def _command_status(status: Any) -> int:
    """Return a command_status by its number, or by the specification's name."""
    if not isinstance(status, str):
        return int(status)
    if status not in Status.__members__:
        why = f"{status} is not one of {', '.join(Status.__members__)}"
        raise Refusal(NOT_IN_LIST, why, field="effect.command_status")
    return Status[status]


def _int(body: Body, name: str) -> int | None:
    return int(body[name]) if name in body else None


def _kind(body: Body) -> str:
    """Return the kind of an effect.  Refuses none, and what does not go with it."""
    kind = next((each for each in KINDS if each in body), None)
    if kind is None:
        why = f"send one of {', '.join(KINDS)}"
        raise Refusal(REQUIRED, why, field="effect.status")
    if stray := sorted(body.keys() - KINDS[kind] - {kind}):
        beside = " or ".join(sorted(KINDS[kind])) or "nothing"
        why = f"{kind} goes with {beside}, not with {', '.join(stray)}"
        raise Refusal(NOT_WANTED, why, field=f"effect.{stray[0]}")
    return kind


def _delay(seconds: Any) -> Delay:
    if not isinstance(seconds, dict):
        return Delay(seconds)
    if "lognormal" in seconds:
        return Delay(Lognormal(**seconds["lognormal"]))
    low, high = seconds["uniform"]
    if low > high:
        why = f"send the shorter delay first: {low} is more than {high}"
        raise Refusal(WRONG_FORMAT, why, field="effect.delay.uniform")
    return Delay(Uniform(low, high))


def _wire(body: Body) -> Wire:
    manner = Manner(body["wire"])
    if (manner is Manner.DRIP) != ("seconds" in body):
        reason = REQUIRED if manner is Manner.DRIP else NOT_WANTED
        why = "wire drip takes seconds, and no other"
        raise Refusal(reason, why, field="effect.seconds")
    seconds = body.get("seconds", 0)
    if seconds > LONGEST:
        why = f"a drip takes at most {LONGEST:g} seconds"
        raise Refusal(WRONG_FORMAT, why, field="effect.seconds")
    return Wire(manner, seconds)


def _push(body: Body) -> Push:
    """Refuses seconds and counts that mean nothing, or that are missing."""
    trick = Trick(body["push"])
    for name, tricks in (("seconds", LATE), ("count", COUNTED)):
        if name in body and trick not in tricks:
            why = f"push {trick} takes no {name}; {' and '.join(sorted(tricks))} do"
            raise Refusal(NOT_WANTED, why, field=f"effect.{name}")
    if trick is Trick.LATE and "seconds" not in body:
        raise Refusal(REQUIRED, "say how late: seconds", field="effect.seconds")
    if trick is Trick.STORM and "count" not in body:
        raise Refusal(REQUIRED, "say how many: count", field="effect.count")
    seconds = body.get("seconds", LONG if trick is Trick.REORDERED else 0)
    return Push(trick, seconds, int(body.get("count", PAIR)))


def shown(rule: Rule) -> dict[str, object]:
    """Return a rule in the form of ``Fault``, which ``asked`` reads again."""
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
        **_said(stated),
        "phase": str(rule.phase),
        "effect": _shown_effect(rule.effect),
        "met": rule.met,
        "struck": rule.struck,
        **({"off": True} if rule.off else {}),
    }


def _shown_effect(effect: Effect) -> dict[str, object]:
    if isinstance(effect, Refuse | Instead):
        return _shown_answer(effect)
    if isinstance(effect, Delay):
        return {"delay": _shown_delay(effect.seconds)}
    if isinstance(effect, Wire):
        return _said({"wire": str(effect.manner), "seconds": effect.seconds or None})
    if isinstance(effect, Push):
        counted = effect.count if effect.trick in COUNTED else None
        seconds = effect.seconds if effect.trick in LATE else None
        return _said({"push": str(effect.trick), "seconds": seconds, "count": counted})
    if isinstance(effect, Decline):
        return {"command_status": effect.status}
    return {"pdu": str(effect.turn)}


def _shown_answer(effect: Refuse | Instead) -> dict[str, object]:
    later = {"status": effect.status, "retry_after": effect.retry_after}
    if isinstance(effect, Refuse):
        return _said({"refusal": effect.reason, **later})
    own = {} if effect.body is UNSAID else {"body": effect.body}
    return {**_said({**later, "headers": dict(effect.headers) or None}), **own}


def _shown_delay(seconds: float | Uniform | Lognormal) -> object:
    if isinstance(seconds, Uniform):
        return {"uniform": [seconds.low, seconds.high]}
    if isinstance(seconds, Lognormal):
        return {"lognormal": {"median": seconds.median, "sigma": seconds.sigma}}
    return seconds


def _said(stated: Body) -> dict[str, object]:
    return {name: value for name, value in stated.items() if value is not None}


_EFFECTS: Mapping[str, Callable[[Body], Effect]] = {
    "refusal": _refuse,
    "delay": lambda body: _delay(body["delay"]),
    "wire": _wire,
    "push": _push,
    "status": _instead,
    "command_status": lambda body: Decline(_command_status(body["command_status"])),
    "pdu": lambda body: Twist(Turn(body["pdu"])),
}
