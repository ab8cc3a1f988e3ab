"""The worlds of a process: how they are found, created, changed and deleted."""

from emulator.worlds.checkpoints import Checkpoints
from emulator.worlds.directory import AUTO_CREATE_TOKEN, WorldDirectory
from emulator.worlds.directory_changes import WorldOpened, WorldRemoved, WorldReplaced
from emulator.worlds.entry import OutboundBind, WorldEntry, make_set_aside_refusal
from emulator.worlds.limits import Limits
from emulator.worlds.saved_world import SavedWorld, UnloadedWorld, WorldOrigin

__all__ = [
    "AUTO_CREATE_TOKEN",
    "Checkpoints",
    "Limits",
    "OutboundBind",
    "SavedWorld",
    "UnloadedWorld",
    "WorldDirectory",
    "WorldEntry",
    "WorldOpened",
    "WorldOrigin",
    "WorldRemoved",
    "WorldReplaced",
    "make_set_aside_refusal",
]
