"""Faults that a test asks for.

A rule says which calls are struck and when (``rules``), an effect what then goes wrong
(``effects``, a module for each kind).  ``vocabulary`` lists the kinds; everything that
knows the words of effects takes them from there.
"""

from emulator.faults.delayed import TICKETS, Delayed
from emulator.faults.effect import Effect
from emulator.faults.places import ANY, Phase, Place
from emulator.faults.rules import Facts, Rule, When, Which, strike

__all__ = [
    "ANY",
    "TICKETS",
    "Delayed",
    "Effect",
    "Facts",
    "Phase",
    "Place",
    "Rule",
    "When",
    "Which",
    "strike",
]
