"""The parameters of a push: as in the contract, and as a fault changes them.

Source: manual MOP-04, KEY-03; MOP-05 and SMP-07 for the spellings that contradict them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from emulator.domain.delivery import DeliveryKind, PushMutation

ParameterPairs = list[tuple[str, str | int]]

CELLPHONE_NAME, MISSPELT_NAME, MESSAGE_ID_NAME, DATE_NAME = (
    "cellphone",
    "rellphone",
    "message_id",
    "date",
)
UNKNOWN_ID_OFFSET = 900_000_000  # added to an id, it is the id of no message


def make_push_parameters(
    kind: DeliveryKind, facts: Mapping[str, str | int], choice: str
) -> ParameterPairs:
    """Return the parameters of a push in the contract's spelling, before any fault.

    Source: manual MOP-04, KEY-03; SMP-07 for the capitals.
    """
    pairs = [*facts.items()]
    pairs = _capitalise_names(pairs) if kind is DeliveryKind.SMPP_REPLY else pairs
    return apply_cellphone_name(pairs, choice)


def apply_cellphone_name(pairs: ParameterPairs, choice: str) -> ParameterPairs:
    """Return *pairs* with the cellphone under the name of ``mo_cellphone_name``.

    Source: assumption MOP-05.
    """
    if choice == CELLPHONE_NAME:
        return pairs
    misspelled = _misspell_cellphone(pairs)
    return (
        misspelled
        if choice == MISSPELT_NAME
        else [*pairs, *set(misspelled) - set(pairs)]
    )


def apply_push_mutation(
    pairs: ParameterPairs, mutation: PushMutation | None
) -> ParameterPairs:
    """Return *pairs* as a fault wants them."""
    return _MUTATIONS[mutation](pairs) if mutation in _MUTATIONS else pairs


def _capitalise_names(pairs: ParameterPairs) -> ParameterPairs:
    """Source: manual SMP-07."""
    return [(name.capitalize(), value) for name, value in pairs]


def _misspell_cellphone(pairs: ParameterPairs) -> ParameterPairs:
    """Source: manual MOP-05."""
    return [
        (MISSPELT_NAME if _is_parameter(name, CELLPHONE_NAME) else name, value)
        for name, value in pairs
    ]


def _change_date_format(pairs: ParameterPairs) -> ParameterPairs:
    return [
        (name, _format_other_date(value) if _is_parameter(name, DATE_NAME) else value)
        for name, value in pairs
    ]


def _format_other_date(value: str | int) -> str:
    """Return ``05/10/2023 12:00`` for ``2023-10-05 12:00:00``."""
    return datetime.fromisoformat(str(value)).strftime("%d/%m/%Y %H:%M")


def _change_message_id(pairs: ParameterPairs) -> ParameterPairs:
    return [
        (
            name,
            int(value) + UNKNOWN_ID_OFFSET
            if _is_parameter(name, MESSAGE_ID_NAME)
            else value,
        )
        for name, value in pairs
    ]


def _is_parameter(name: str, parameter: str) -> bool:
    """Whether *name* is that of a parameter, which may have a capital (SMP-07)."""
    return name.casefold() == parameter


_MUTATIONS: Mapping[PushMutation | None, Callable[[ParameterPairs], ParameterPairs]] = {
    PushMutation.CAPITALIZED: _capitalise_names,
    PushMutation.MISSPELLED: _misspell_cellphone,
    PushMutation.OTHER_DATE: _change_date_format,
    PushMutation.UNKNOWN_ID: _change_message_id,
}
