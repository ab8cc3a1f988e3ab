"""A fault that a request asks for in its own header, for this one call."""

import re
from typing import Any

from emulator.domain.platform_refusals import WRONG_FORMAT
from emulator.domain.refusals import Refusal
from emulator.faults import FaultPhase, FaultRule, vocabulary
from emulator.faults.effects.status import Respond
from emulator.faults.rule_json import read_rule
from emulator.faults.words import make_choice_field
from emulator.web.http_body import RequestHeaders

FAULT_HEADER, PREFER_HEADER = b"x-emulator-fault", b"prefer"
HEADER_RULE_ID = "header"  # the id of the rule from such a header
PREFER_CODE = re.compile(rb"code=([45]\d\d)")  # other preferences are ignored
NUMBER_PATTERN = re.compile(r"(\d{1,9})(\.\d{1,9})?", re.ASCII)
PHASE_WORD = make_choice_field(
    "phase", (FaultPhase.BEFORE, FaultPhase.AFTER), expectation="before or after"
)

# What a header may say.
HEADER_WORDS = {**vocabulary.list_header_fields(), PHASE_WORD.name: PHASE_WORD}


def parse_fault_headers(headers: RequestHeaders) -> FaultRule | None:
    """Return the rule in the header of a request.

    Refuses one that makes no sense.
    """
    if FAULT_HEADER in headers:
        try:
            return _parse_rule(headers[FAULT_HEADER].decode("latin-1"))
        except ValueError as error:
            raise _make_refusal(str(error)) from None
        except Refusal as refusal:
            raise _make_refusal(refusal.why) from None
    code = PREFER_CODE.fullmatch(headers.get(PREFER_HEADER, b""))
    return FaultRule(HEADER_RULE_ID, Respond(int(code[1]))) if code else None


def _parse_rule(text: str) -> FaultRule:
    """Return the rule of a header: ``status=500; phase=after``.

    Raises ``ValueError`` in a sentence, or ``Refusal``.
    """
    effect: dict[str, Any] = {}
    for pair in filter(None, (each.strip() for each in text.split(";"))):
        name, _, value = (each.strip() for each in pair.partition("="))
        if name not in HEADER_WORDS:
            message = f"it knows {', '.join(HEADER_WORDS)}, not {name}"
            raise ValueError(message)
        if name in effect:
            message = f"it says {name} twice"
            raise ValueError(message)
        effect[name] = _parse_value(value)
        HEADER_WORDS[name].read_from(effect)
    phase = {"phase": effect.pop("phase")} if "phase" in effect else {}
    return read_rule(HEADER_RULE_ID, {"effect": effect, **phase})


def _parse_value(text: str) -> str | int | float:
    number = NUMBER_PATTERN.fullmatch(text)
    if number is None:
        return text
    return float(text) if number[2] else int(text)


def _make_refusal(why: str) -> Refusal:
    return Refusal(WRONG_FORMAT, f"X-Emulator-Fault: {why}", field="X-Emulator-Fault")
