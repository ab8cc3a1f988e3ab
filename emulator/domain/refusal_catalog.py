"""The reasons of all refusals, by name and by what a contract calls them."""

from collections.abc import Mapping
from types import ModuleType

from emulator.domain import emulator_refusals, platform_refusals
from emulator.domain.refusals import RefusalReason


def _list_reasons(module: ModuleType) -> dict[str, RefusalReason]:
    """Return the reasons of a module, by name."""
    found = vars(module).values()
    return {each.name: each for each in found if isinstance(each, RefusalReason)}


PLATFORM_REASONS: Mapping[str, RefusalReason] = _list_reasons(platform_refusals)
REASONS: Mapping[str, RefusalReason] = {
    **PLATFORM_REASONS,
    **_list_reasons(emulator_refusals),
}

# What a failed keyword of JSON Schema is called here.  Absent: WRONG_FORMAT.
REASON_BY_KEYWORD: Mapping[str, RefusalReason] = {
    "required": platform_refusals.REQUIRED,
    "required_without": platform_refusals.REQUIRED_WITHOUT,
    "required_with": platform_refusals.REQUIRED_WITH,
    "maxLength": platform_refusals.TOO_LONG,
    "minLength": platform_refusals.TOO_SHORT,
    "maxItems": platform_refusals.TOO_MANY,
    "minItems": platform_refusals.TOO_FEW,
    "enum": platform_refusals.NOT_IN_LIST,
    "const": platform_refusals.NOT_IN_LIST,
    "not": platform_refusals.NOT_WANTED,
    "additionalProperties": emulator_refusals.NOT_KNOWN,
    "unevaluatedProperties": emulator_refusals.NOT_KNOWN,
}
