"""The kinds of effects there are.  Whatever knows their words has them from here.

That is what the control API reads and shows, the schema in its contract (written by
``python -m tools.faults``), the header ``X-Emulator-Fault``, the shell and the panel.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.domain.refusals import NOT_WANTED, REQUIRED, Refusal
from emulator.faults.effect import Effect
from emulator.faults.effects.command_status import SmppStatus
from emulator.faults.effects.delay import Delay
from emulator.faults.effects.pdu import PduFault
from emulator.faults.effects.push import PushFault
from emulator.faults.effects.refusal import Refuse
from emulator.faults.effects.status import Respond
from emulator.faults.effects.wire import WireFault
from emulator.faults.places import OPERATIONS, Phase, Place
from emulator.faults.words import Word

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
KINDS: Mapping[str, type[Effect]] = {each.WORDS[0].name: each for each in EFFECTS}
WORDS: Mapping[str, Word] = {word.name: word for each in EFFECTS for word in each.WORDS}


def read(body: Mapping[str, Any]) -> Effect:
    """Return the effect that *body* says.

    Refuses none, two, and words that do not go with each other.
    """
    kind = next((each for each in KINDS if each in body), None)
    if kind is None:
        why = f"send one of {', '.join(KINDS)}"
        raise Refusal(REQUIRED, why, field="effect.status")
    companions = {word.name for word in KINDS[kind].WORDS} - {kind}
    if stray := sorted(body.keys() - companions - {kind}):
        beside = " or ".join(sorted(companions)) or "nothing"
        why = f"{kind} goes with {beside}, not with {', '.join(stray)}"
        raise Refusal(NOT_WANTED, why, field=f"effect.{stray[0]}")
    return KINDS[kind].from_json(body)


def spell(effect: Effect) -> str:
    """Return an effect in a word or two: ``wire drip``."""
    kind, said = next(iter(effect.to_json().items()))
    return kind if isinstance(said, dict) else f"{kind} {said}"


def examples() -> Iterator[dict[str, Any]]:
    """Yield an effect of every kind, each variant once, as it is asked for."""
    for each in EFFECTS:
        yield from each.examples()


def header_words() -> dict[str, Word]:
    """Return the words that a request may say in a header, for its own answer."""
    heard = {type(each) for each in _known() if Place.HTTP_REQUEST in each.places}
    return {
        word.name: word
        for each in EFFECTS
        if each in heard
        for word in each.WORDS
        if word.is_line
    }


def felt_by(operation: str) -> str:
    """Return what *operation* can feel: ``delay, wire hang, close, pdu doubled``."""
    found: dict[str, list[str]] = {}
    for effect in _known():
        if effect.is_felt_by(operation):
            kind, _, variant = spell(effect).partition(" ")
            has_variants = len(list(KINDS[kind].examples())) > 1
            found.setdefault(kind, []).extend([variant] * has_variants)
    return ", ".join(
        f"{kind} {', '.join(each)}".rstrip() for kind, each in found.items()
    )


def feeling(effect: Effect) -> str:
    """Return which operations can feel *effect*: ``deliver_sm``."""
    names = [each for names in OPERATIONS.values() for each in names]
    found = [each for each in names if effect.is_felt_by(each)]
    if Place.HTTP_REQUEST in effect.places:
        found.insert(0, "an operationId of the platform")
    return ", ".join(found)


def striking(phase: Phase) -> str:
    """Return the kinds of effects that can strike in *phase*: ``refusal, delay``."""
    found = {type(each).WORDS[0].name for each in _known() if phase in each.phases}
    return ", ".join(each for each in KINDS if each in found)


def _known() -> Iterator[Effect]:
    return map(read, examples())
