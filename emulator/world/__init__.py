"""Worlds: what each keeps, how it changes, and what follows."""

from emulator.world.changes import (
    Answered,
    AnsweredEarly,
    Click,
    Dial,
    FaultMade,
    Leaving,
    Mailed,
    Revoked,
    Rules,
    TokenMade,
)
from emulator.world.codec import SnapshotError
from emulator.world.shared_state import Changes, Commons, Store, Unwritten
from emulator.world.state import FIRST_IDS, State
from emulator.world.world import World

__all__ = [
    "FIRST_IDS",
    "Answered",
    "AnsweredEarly",
    "Changes",
    "Click",
    "Commons",
    "Dial",
    "FaultMade",
    "Leaving",
    "Mailed",
    "Revoked",
    "Rules",
    "SnapshotError",
    "State",
    "Store",
    "TokenMade",
    "Unwritten",
    "World",
]
