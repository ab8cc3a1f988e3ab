"""The parameters of what leaves for a customer: what each may be.

Source: manual MOP-04, KEY-03.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from emulator.domain.bounds import MAX_INTEGER
from emulator.domain.delivery import DeliveryKind

PLATFORM_TIME = "%Y-%m-%d %H:%M:%S"


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and 0 <= value <= MAX_INTEGER


def _is_message_id(value: Any) -> bool:
    """Whether *value* is the id of a message; a receipt may write it in letters."""
    return _is_text(value) or _is_number(value)


def _is_platform_time(value: Any) -> bool:
    try:
        return bool(datetime.strptime(value, PLATFORM_TIME))  # noqa: DTZ007 - no zone
    except (TypeError, ValueError):
        return False


FactCheck = Callable[[Any], bool]
_ALWAYS: Mapping[str, FactCheck] = {
    "response": _is_text,
    "cellphone": _is_number,
    "date": _is_platform_time,
}
PARAMETERS_BY_KIND: Mapping[DeliveryKind, Mapping[str, FactCheck]] = {
    DeliveryKind.REPLY: {**_ALWAYS, "message_id": _is_number},
    DeliveryKind.SMPP_REPLY: {**_ALWAYS, "message_id": _is_number},
    DeliveryKind.KEYWORD: {**_ALWAYS, "keyword": _is_text},
    DeliveryKind.RECEIPT: {**_ALWAYS, "message_id": _is_message_id, "state": _is_text},
}


def find_parameter_mistake(kind: DeliveryKind, parameters: Mapping[str, Any]) -> str:
    """Return what is wrong with a delivery's parameters; empty where nothing is."""
    known = PARAMETERS_BY_KIND[kind]
    if parameters.keys() != known.keys():
        return f"the parameters of a {kind} are {', '.join(known)}"
    wrong = next((name for name in known if not known[name](parameters[name])), "")
    return wrong and f"{wrong} is not what a {kind} has there"
