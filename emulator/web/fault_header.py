"""A fault that a request asks for itself, in a header and for this one call."""

import re
from typing import Any

from emulator.domain.refusals import WRONG_FORMAT, Refusal
from emulator.faults import Phase, Rule, vocabulary
from emulator.faults.effects.status import Respond
from emulator.faults.rule_json import read_rule
from emulator.faults.words import choice
from emulator.web.http_body import Headers

FAULT, PREFER = b"x-emulator-fault", b"prefer"
RULE = "header"  # the id of the rule that such a header is
CODE = re.compile(rb"code=([45]\d\d)")  # any other preference is no business of ours
NUMBER = re.compile(r"(\d{1,9})(\.\d{1,9})?", re.ASCII)
PHASE = choice("phase", (Phase.BEFORE, Phase.AFTER), says="before or after")

# What a header may say.
WORDS = {**vocabulary.header_words(), PHASE.name: PHASE}


def read_headers(headers: Headers) -> Rule | None:
    """Return the rule that a request brings with it.

    Refuses one that makes no sense.
    """
    if FAULT in headers:
        try:
            return _read(headers[FAULT].decode("latin-1"))
        except ValueError as error:
            raise _nonsense(str(error)) from None
        except Refusal as refusal:
            raise _nonsense(refusal.why) from None
    code = CODE.fullmatch(headers.get(PREFER, b""))
    return Rule(RULE, Respond(int(code[1]))) if code else None


def _read(text: str) -> Rule:
    """Return the rule of a header: ``status=500; phase=after``.

    Raises ``ValueError`` in a sentence, or ``Refusal``.
    """
    effect: dict[str, Any] = {}
    for pair in filter(None, (each.strip() for each in text.split(";"))):
        name, _, value = (each.strip() for each in pair.partition("="))
        if name not in WORDS:
            message = f"it knows {', '.join(WORDS)}, not {name}"
            raise ValueError(message)
        if name in effect:
            message = f"it says {name} twice"
            raise ValueError(message)
        effect[name] = _value(value)
        WORDS[name].read(effect)
    phase = {"phase": effect.pop("phase")} if "phase" in effect else {}
    return read_rule(RULE, {"effect": effect, **phase})


def _value(text: str) -> str | int | float:
    number = NUMBER.fullmatch(text)
    if number is None:
        return text
    return float(text) if number[2] else int(text)


def _nonsense(why: str) -> Refusal:
    return Refusal(WRONG_FORMAT, f"X-Emulator-Fault: {why}", field="X-Emulator-Fault")
