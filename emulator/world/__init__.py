"""Worlds: what each keeps, how it changes, and what follows."""

from emulator.world.changes import (
    Click,
    ClockChanged,
    DeliveryStarted,
    FaultNumberTaken,
    FaultRulesChanged,
    HandsetAnswered,
    HandsetAnsweredEarly,
    ReceiptQueued,
    TokenNumberTaken,
    TokenRevoked,
)
from emulator.world.codec import SnapshotError
from emulator.world.shared_state import ChangeSet, SharedState, Store, StoreWriteError
from emulator.world.state import FIRST_IDS, WorldState
from emulator.world.world import World

__all__ = [
    "FIRST_IDS",
    "ChangeSet",
    "Click",
    "ClockChanged",
    "DeliveryStarted",
    "FaultNumberTaken",
    "FaultRulesChanged",
    "HandsetAnswered",
    "HandsetAnsweredEarly",
    "ReceiptQueued",
    "SharedState",
    "SnapshotError",
    "Store",
    "StoreWriteError",
    "TokenNumberTaken",
    "TokenRevoked",
    "World",
    "WorldState",
]
