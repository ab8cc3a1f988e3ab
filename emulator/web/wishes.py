"""A fault that a request asks for itself, in a header and for this one call."""

import re
from functools import cache
from typing import Any

from emulator import files
from emulator.contract import load
from emulator.document import Document
from emulator.domain.refusals import WRONG_FORMAT, Refusal
from emulator.effects import Instead, Manner
from emulator.faults import Rule
from emulator.operations import faults
from emulator.shape import Mismatch, Shape
from emulator.web.wire import Headers

FAULT, PREFER = b"x-emulator-fault", b"prefer"
RULE = "header"  # the id of the rule that such a header is
CODE = re.compile(rb"code=([45]\d\d)")  # any other preference is no business of ours
NUMBER = re.compile(r"(\d{1,9})(\.\d{1,9})?", re.ASCII)

# What a header may say.
WORDS = {
    "status": "a number from 200 to 599",
    "refusal": "the name of a documented refusal",
    "retry_after": "a number of seconds up to 86400",
    "delay": "a number of seconds up to 600",
    "wire": f"one of {', '.join(Manner)}",
    "seconds": "a number of seconds up to 600, and more than 0",
    "phase": "before or after",
}


def wished(headers: Headers) -> Rule | None:
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
    return Rule(RULE, Instead(int(code[1]))) if code else None


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
    phase = {"phase": effect.pop("phase")} if "phase" in effect else {}
    body = {"effect": effect, **phase}
    try:
        _shape().read(body, frozenset())
    except Mismatch as mismatch:
        name = mismatch.flaw.field.rpartition(".")[2]
        message = f"{name} is {WORDS[name]}"
        raise ValueError(message) from None
    return faults.asked(RULE, body)


def _value(text: str) -> str | int | float:
    number = NUMBER.fullmatch(text)
    if number is None:
        return text
    return float(text) if number[2] else int(text)


@cache
def _shape() -> Shape:
    return Shape(Document(load(files.CONTROL)), "/components/schemas/NewFault")


def _nonsense(why: str) -> Refusal:
    return Refusal(WRONG_FORMAT, f"X-Emulator-Fault: {why}", field="X-Emulator-Fault")
