"""Worlds: what each keeps, how it changes, and what follows."""

from emulator.world.changes import (
    HandsetAnswered,
    HandsetAnsweredEarly,
    Click,
    ClockChanged,
    FaultNumberTaken,
    DeliveryStarted,
    ReceiptQueued,
    TokenRevoked,
    FaultRulesChanged,
    TokenNumberTaken,
)
from emulator.world.codec import SnapshotError
from emulator.world.shared_state import ChangeSet, SharedState, Store, StoreWriteError
from emulator.world.state import FIRST_IDS, WorldState
from emulator.world.world import World

__all__ = [
    "FIRST_IDS",
    "HandsetAnswered",
    "HandsetAnsweredEarly",
    "ChangeSet",
    "Click",
    "SharedState",
    "ClockChanged",
    "FaultNumberTaken",
    "DeliveryStarted",
    "ReceiptQueued",
    "TokenRevoked",
    "FaultRulesChanged",
    "SnapshotError",
    "WorldState",
    "Store",
    "TokenNumberTaken",
    "StoreWriteError",
    "World",
]
