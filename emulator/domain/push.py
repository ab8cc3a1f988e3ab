"""The parameters of a push: as the contract has them, and as they come out wrong.

Source: manual MOP-04, KEY-03; MOP-05 and SMP-07 for the spellings that contradict them.
"""

from collections.abc import Callable, Mapping
from datetime import datetime

from emulator.domain.delivery import Kind, Trick

Pairs = list[tuple[str, str | int]]

CELLPHONE, MISSPELT, MESSAGE, DATE = "cellphone", "rellphone", "message_id", "date"
FAR = 900_000_000  # added to an id, it is nobody's


def parameters(kind: Kind, facts: Mapping[str, str | int], choice: str) -> Pairs:
    """Return the parameters of a push in the contract's spelling, before any fault.

    Source: manual MOP-04, KEY-03; SMP-07 for the capitals.
    """
    pairs = [*facts.items()]
    pairs = _capitalised(pairs) if kind is Kind.SMPP_REPLY else pairs
    return named(pairs, choice)


def named(pairs: Pairs, choice: str) -> Pairs:
    """Return *pairs* with the cellphone under the name of ``mo_cellphone_name``.

    Source: assumption MOP-05.
    """
    if choice == CELLPHONE:
        return pairs
    misspelt = _misspelt(pairs)
    return misspelt if choice == MISSPELT else [*pairs, *set(misspelt) - set(pairs)]


def tricked(pairs: Pairs, trick: Trick | None) -> Pairs:
    """Return *pairs* as a fault wants them."""
    return _TRICKS[trick](pairs) if trick in _TRICKS else pairs


def _capitalised(pairs: Pairs) -> Pairs:
    """Source: manual SMP-07."""
    return [(name.capitalize(), value) for name, value in pairs]


def _misspelt(pairs: Pairs) -> Pairs:
    """Source: manual MOP-05."""
    return [
        (MISSPELT if _is(name, CELLPHONE) else name, value) for name, value in pairs
    ]


def _dated_otherwise(pairs: Pairs) -> Pairs:
    return [
        (name, _other(value) if _is(name, DATE) else value) for name, value in pairs
    ]


def _other(value: str | int) -> str:
    """Return ``05/10/2023 12:00`` for ``2023-10-05 12:00:00``."""
    return datetime.fromisoformat(str(value)).strftime("%d/%m/%Y %H:%M")


def _of_nobody(pairs: Pairs) -> Pairs:
    return [
        (name, int(value) + FAR if _is(name, MESSAGE) else value)
        for name, value in pairs
    ]


def _is(name: str, parameter: str) -> bool:
    """Whether *name* is that of a parameter, which may have a capital (SMP-07)."""
    return name.casefold() == parameter


_TRICKS: Mapping[Trick | None, Callable[[Pairs], Pairs]] = {
    Trick.CAPITALISED: _capitalised,
    Trick.MISSPELT: _misspelt,
    Trick.OTHER_DATE: _dated_otherwise,
    Trick.UNKNOWN_ID: _of_nobody,
}
