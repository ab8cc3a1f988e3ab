"""Faults that a test requests.

A rule says which calls are struck and when (``rules``), an effect what then goes wrong
(``effects``, a module for each kind).  ``vocabulary`` lists the kinds; everything that
knows the words of effects takes them from there.
"""

from emulator.faults.delayed import TICKETS, DelayedResponse
from emulator.faults.effect import Effect
from emulator.faults.places import ANY_OPERATION, FaultPhase, FaultPlace
from emulator.faults.rules import (
    CallFacts,
    CallFilter,
    FaultRule,
    StrikeSchedule,
    find_striking_rule,
)

__all__ = [
    "ANY_OPERATION",
    "TICKETS",
    "CallFacts",
    "CallFilter",
    "DelayedResponse",
    "Effect",
    "FaultPhase",
    "FaultPlace",
    "FaultRule",
    "StrikeSchedule",
    "find_striking_rule",
]
