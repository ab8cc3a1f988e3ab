"""The kinds of effects there are.  Whatever knows their words has them from here.

That is what the control API reads and shows, the schema in its contract (written by
``python -m tools.faults``), the header ``X-Emulator-Fault``, the shell and the panel.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.domain.platform_refusals import NOT_WANTED, REQUIRED
from emulator.domain.refusals import Refusal
from emulator.faults.effect import Effect
from emulator.faults.effects.command_status import SmppStatus
from emulator.faults.effects.delay import Delay
from emulator.faults.effects.pdu import PduFault
from emulator.faults.effects.push import PushFault
from emulator.faults.effects.refusal import Refuse
from emulator.faults.effects.status import Respond
from emulator.faults.effects.wire import WireFault
from emulator.faults.places import OPERATIONS_BY_PLACE, FaultPhase, FaultPlace
from emulator.faults.words import EffectField

# In the order in which they are looked for: a refusal may say a status, too.
EFFECTS: Sequence[type[Effect]] = (
    Refuse,
    Delay,
    WireFault,
    PushFault,
    Respond,
    SmppStatus,
    PduFault,
)
EFFECTS_BY_NAME: Mapping[str, type[Effect]] = {
    each.FIELDS[0].name: each for each in EFFECTS
}
FIELDS_BY_NAME: Mapping[str, EffectField] = {
    word.name: word for each in EFFECTS for word in each.FIELDS
}


def parse_effect(body: Mapping[str, Any]) -> Effect:
    """Return the effect that *body* says.

    Refuses none, two, and words that do not go with each other.
    """
    kind = next((each for each in EFFECTS_BY_NAME if each in body), None)
    if kind is None:
        why = f"send one of {', '.join(EFFECTS_BY_NAME)}"
        raise Refusal(REQUIRED, why, field="effect.status")
    companions = {word.name for word in EFFECTS_BY_NAME[kind].FIELDS} - {kind}
    if stray := sorted(body.keys() - companions - {kind}):
        beside = " or ".join(sorted(companions)) or "nothing"
        why = f"{kind} goes with {beside}, not with {', '.join(stray)}"
        raise Refusal(NOT_WANTED, why, field=f"effect.{stray[0]}")
    return EFFECTS_BY_NAME[kind].from_json(body)


def describe_effect(effect: Effect) -> str:
    """Return an effect in a word or two: ``wire drip``."""
    kind, value = next(iter(effect.to_json().items()))
    return kind if isinstance(value, dict) else f"{kind} {value}"


def list_effect_examples() -> Iterator[dict[str, Any]]:
    """Yield an effect of every kind, each variant once, as it is asked for."""
    for each in EFFECTS:
        yield from each.list_examples()


def list_header_fields() -> dict[str, EffectField]:
    """Return the words that a request may say in a header, for its own answer."""
    heard = {
        type(each) for each in _list_effects() if FaultPlace.HTTP_REQUEST in each.places
    }
    return {
        word.name: word
        for each in EFFECTS
        if each in heard
        for word in each.FIELDS
        if word.fits_in_header
    }


def describe_effects_for(operation: str) -> str:
    """Return what *operation* can feel: ``delay, wire hang, close, pdu duplicated``."""
    found: dict[str, list[str]] = {}
    for effect in _list_effects():
        if effect.can_affect(operation):
            kind, _, variant = describe_effect(effect).partition(" ")
            has_variants = len(list(EFFECTS_BY_NAME[kind].list_examples())) > 1
            found.setdefault(kind, []).extend([variant] * has_variants)
    return ", ".join(
        f"{kind} {', '.join(each)}".rstrip() for kind, each in found.items()
    )


def describe_operations_for(effect: Effect) -> str:
    """Return which operations can feel *effect*: ``deliver_sm``."""
    names = [each for names in OPERATIONS_BY_PLACE.values() for each in names]
    found = [each for each in names if effect.can_affect(each)]
    if FaultPlace.HTTP_REQUEST in effect.places:
        found.insert(0, "an operationId of the platform")
    return ", ".join(found)


def describe_kinds_for(phase: FaultPhase) -> str:
    """Return the kinds of effects that can strike in *phase*: ``refusal, delay``."""
    found = {
        type(each).FIELDS[0].name for each in _list_effects() if phase in each.phases
    }
    return ", ".join(each for each in EFFECTS_BY_NAME if each in found)


def _list_effects() -> Iterator[Effect]:
    return map(parse_effect, list_effect_examples())
