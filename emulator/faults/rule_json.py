"""A rule as the control API's ``NewFault`` asks for it and ``Fault`` shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from emulator.domain import dates
from emulator.domain.delivery import Kind
from emulator.domain.refusals import NOT_WANTED, Refusal
from emulator.faults import places, vocabulary
from emulator.faults.effect import Effect
from emulator.faults.places import ANY, LOOKED_AT, Phase, place_of
from emulator.faults.rules import Rule, When, Which
from emulator.faults.words import stated

Body = Mapping[str, Any]

# What a rule may say beside its effect, which has the words of ``vocabulary``.
WHICH = ("operation", "token", "number", "body", "headers")
WHEN = ("first", "nth", "every", "from", "until", "probability")
WORDS = frozenset({*WHICH, *WHEN, "phase", "off"})


def read_rule(name: str, body: Body) -> Rule:
    """Return the rule that *body* asks for.

    Refuses an effect of no kind or of two, one that its phase does not go with, and
    one that the operation which it names cannot feel.
    """
    rule = _read(name, body)
    _check_operation(rule.effect, rule.which.operation)
    _check_looks(rule.effect, body)
    return rule


def read_kept_rule(body: Body) -> Rule:
    """Return the rule that ``rule_to_json`` has shown, with its counts.

    Whatever an earlier version let in comes back; what cannot be felt never strikes.
    """
    counts = {name: body[name] for name in ("met", "struck")}
    return replace(_read(body["id"], body), **counts)


def rule_to_json(rule: Rule) -> dict[str, object]:
    """Return a rule in the form of ``Fault``, which ``read_rule`` reads again."""
    which, when = rule.which, rule.when
    said = {
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
        **stated(said),
        "phase": str(rule.phase),
        "effect": rule.effect.to_json(),
        "met": rule.met,
        "struck": rule.struck,
        **({"off": True} if rule.off else {}),
    }


def _read(name: str, body: Body) -> Rule:
    effect = vocabulary.read(body["effect"])
    return Rule(
        name,
        effect,
        _which(body),
        _when(body),
        _phase(effect, body.get("phase")),
        off=body.get("off", False),
    )


def _phase(effect: Effect, said: str | None) -> Phase:
    """Return when an effect strikes.  Refuses a phase that it does not go with."""
    phase = effect.phases[0] if said is None else Phase(said)
    if phase not in effect.phases:
        why = (
            f"{vocabulary.spell(effect)} goes with the phase "
            f"{' or '.join(effect.phases)}, not with {phase}: "
            f"say phase {effect.phases[0]}, or leave it out "
            f"({phase} goes with {vocabulary.striking(phase)})"
        )
        raise Refusal(NOT_WANTED, why, field="phase")
    return phase


def _check_operation(effect: Effect, operation: str) -> None:
    """Refuse an *operation* that cannot feel *effect*."""
    if operation == Kind.RECEIPT:
        why = f"rules call a receipt {places.RECEIPT}; say that"
        raise Refusal(NOT_WANTED, why, field="operation")
    if operation == ANY or effect.is_felt_by(operation):
        return
    why = (
        f"{operation}, which is {places.SPOKEN[place_of(operation)]}, cannot feel "
        f"{vocabulary.spell(effect)}: say another operation "
        f"({vocabulary.feeling(effect)}, or {ANY} for any that can), or an effect that "
        f"{operation} feels ({vocabulary.felt_by(operation)})"
    )
    raise Refusal(NOT_WANTED, why, field="operation")


def _check_looks(effect: Effect, body: Body) -> None:
    """Refuse what the calls that a rule means do not have, as it would never strike."""
    operation = body.get("operation", ANY)
    met = effect.places if operation == ANY else {place_of(operation)}
    for each in ("token", "headers"):
        if each in body and not any(each in LOOKED_AT[place] for place in met):
            whose = " or ".join(places.SPOKEN[place] for place in sorted(met))
            why = f"{whose} has no {each}; say number, or body"
            raise Refusal(NOT_WANTED, why, field=each)


def _which(body: Body) -> Which:
    return Which(
        operation=body.get("operation", ANY),
        token=body.get("token"),
        number=body.get("number"),
        body=body.get("body", {}),
        headers=body.get("headers", {}),
    )


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
