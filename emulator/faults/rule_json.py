"""A rule as the control API's ``NewFault`` asks for it and ``Fault`` shows it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from msgspec.structs import replace

from emulator.domain import dates
from emulator.domain.delivery import DeliveryKind
from emulator.domain.platform_refusals import NOT_WANTED
from emulator.domain.refusals import Refusal
from emulator.faults import places, vocabulary
from emulator.faults.effect import Effect
from emulator.faults.places import ANY_OPERATION, FILTERS_BY_PLACE, FaultPhase, place_of
from emulator.faults.rules import CallFilter, FaultRule, StrikeSchedule
from emulator.faults.words import omit_none

RuleBody = Mapping[str, Any]

# What a rule may say beside its effect, which has the words of ``vocabulary``.
FILTER_KEYS = ("operation", "token", "number", "body", "headers")
SCHEDULE_KEYS = ("first", "nth", "every", "from", "until", "probability")
RULE_KEYS = frozenset({*FILTER_KEYS, *SCHEDULE_KEYS, "phase", "disabled"})


def read_rule(name: str, body: RuleBody) -> FaultRule:
    """Return the rule that *body* asks for.

    Refuses an effect of no kind or of two, one that its phase does not go with, and
    one that the operation which it names cannot feel.
    """
    rule = _parse_rule(name, body)
    _check_operation(rule.effect, rule.which.operation)
    _check_filter(rule.effect, body)
    return rule


def read_kept_rule(body: RuleBody) -> FaultRule:
    """Return the rule that ``rule_to_json`` has shown, with its counts.

    What an earlier version let in comes back; an effect that cannot be felt never
    strikes.
    """
    counts = {name: body[name] for name in ("matched", "applied")}
    return replace(_parse_rule(body["id"], body), **counts)


def rule_to_json(rule: FaultRule) -> dict[str, object]:
    """Return a rule in the form of ``Fault``, which ``read_rule`` reads again."""
    which, when = rule.which, rule.when
    fields = {
        "operation": which.operation,
        "token": which.token,
        "number": which.number,
        "body": dict(which.body) or None,
        "headers": dict(which.headers) or None,
        "first": when.first,
        "nth": when.nth,
        "every": when.every,
        "from": dates.format_timestamp(when.start) if when.start else None,
        "until": dates.format_timestamp(when.end) if when.end else None,
        "probability": when.probability,
    }
    return {
        "id": rule.id,
        **omit_none(fields),
        "phase": str(rule.phase),
        "effect": rule.effect.to_json(),
        "matched": rule.matched,
        "applied": rule.applied,
        **({"disabled": True} if rule.disabled else {}),
    }


def _parse_rule(name: str, body: RuleBody) -> FaultRule:
    effect = vocabulary.parse_effect(body["effect"])
    return FaultRule(
        name,
        effect,
        _parse_filter(body),
        _parse_schedule(body),
        _parse_phase(effect, body.get("phase")),
        disabled=body.get("disabled", False),
    )


def _parse_phase(effect: Effect, name: str | None) -> FaultPhase:
    """Return when an effect strikes.  Refuses a phase that it does not go with."""
    phase = effect.phases[0] if name is None else FaultPhase(name)
    if phase not in effect.phases:
        why = (
            f"{vocabulary.describe_effect(effect)} goes with the phase "
            f"{' or '.join(effect.phases)}, not with {phase}: "
            f"say phase {effect.phases[0]}, or leave it out "
            f"({phase} goes with {vocabulary.describe_kinds_for(phase)})"
        )
        raise Refusal(NOT_WANTED, why, field="phase")
    return phase


def _check_operation(effect: Effect, operation: str) -> None:
    """Refuse an *operation* that cannot feel *effect*."""
    if operation == DeliveryKind.RECEIPT:
        why = f"rules call a receipt {places.RECEIPT_OPERATION}; say that"
        raise Refusal(NOT_WANTED, why, field="operation")
    if operation == ANY_OPERATION or effect.can_affect(operation):
        return
    why = (
        f"{operation}, which is {places.PLACE_NAMES[place_of(operation)]}, cannot feel "
        f"{vocabulary.describe_effect(effect)}: say another operation "
        f"({vocabulary.describe_operations_for(effect)}, or {ANY_OPERATION} for any "
        f"that can), or an effect that {operation} feels "
        f"({vocabulary.describe_effects_for(operation)})"
    )
    raise Refusal(NOT_WANTED, why, field="operation")


def _check_filter(effect: Effect, body: RuleBody) -> None:
    """Refuse what the calls that a rule means do not have, as it would never strike."""
    operation = body.get("operation", ANY_OPERATION)
    affected = effect.places if operation == ANY_OPERATION else {place_of(operation)}
    for each in ("token", "headers"):
        if each in body and not any(
            each in FILTERS_BY_PLACE[place] for place in affected
        ):
            whose = " or ".join(places.PLACE_NAMES[place] for place in sorted(affected))
            why = f"{whose} has no {each}; say number, or body"
            raise Refusal(NOT_WANTED, why, field=each)


def _parse_filter(body: RuleBody) -> CallFilter:
    return CallFilter(
        operation=body.get("operation", ANY_OPERATION),
        token=body.get("token"),
        number=body.get("number"),
        body=body.get("body", {}),
        headers=body.get("headers", {}),
    )


def _parse_schedule(body: RuleBody) -> StrikeSchedule:
    return StrikeSchedule(
        first=body.get("first"),
        nth=body.get("nth"),
        every=body.get("every"),
        start=_parse_instant(body, "from"),
        end=_parse_instant(body, "until"),
        probability=body.get("probability"),
    )


def _parse_instant(body: RuleBody, name: str) -> datetime | None:
    return dates.parse_timestamp(body[name], name) if name in body else None
