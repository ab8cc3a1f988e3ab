"""The worlds of a process: how they are found, created, changed and deleted."""

from emulator.worlds.checkpoints import Checkpoints
from emulator.worlds.directory import WorldDirectory
from emulator.worlds.directory_changes import WorldOpened, WorldRemoved, WorldReplaced
from emulator.worlds.dormant_worlds import DormantWorld, LoadSteps
from emulator.worlds.entry import OutboundBind, WorldEntry, make_set_aside_refusal
from emulator.worlds.limits import Limits
from emulator.worlds.saved_world import SavedWorld, UnloadedWorld, WorldOrigin
from emulator.worlds.world_summary import (
    WorldIndex,
    WorldSummary,
    index_world,
    summarize_world,
)
from emulator.worlds.world_tokens import AUTO_CREATE_TOKEN

__all__ = [
    "AUTO_CREATE_TOKEN",
    "Checkpoints",
    "DormantWorld",
    "Limits",
    "LoadSteps",
    "OutboundBind",
    "SavedWorld",
    "UnloadedWorld",
    "WorldDirectory",
    "WorldEntry",
    "WorldIndex",
    "WorldOpened",
    "WorldOrigin",
    "WorldRemoved",
    "WorldReplaced",
    "WorldSummary",
    "index_world",
    "make_set_aside_refusal",
    "summarize_world",
]
