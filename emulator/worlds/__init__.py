"""The worlds of a process: who finds which, how they come, go, and become others."""

from emulator.worlds.checkpoints import Checkpoints
from emulator.worlds.entry import WorldEntry, OutboundBind, require_not_set_aside
from emulator.worlds.saved_world import UnloadedWorld, SavedWorld, WorldOrigin
from emulator.worlds.limits import Limits
from emulator.worlds.directory import AUTO_CREATE_TOKEN, WorldOpened, WorldRemoved, WorldReplaced, WorldDirectory

__all__ = [
    "AUTO_CREATE_TOKEN",
    "UnloadedWorld",
    "Checkpoints",
    "WorldEntry",
    "SavedWorld",
    "Limits",
    "WorldOpened",
    "WorldOrigin",
    "OutboundBind",
    "WorldRemoved",
    "WorldReplaced",
    "WorldDirectory",
    "require_not_set_aside",
]
