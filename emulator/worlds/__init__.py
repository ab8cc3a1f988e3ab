"""The worlds of a process: who finds which, how they come, go, and become others."""

from emulator.worlds.checkpoints import Checkpoints
from emulator.worlds.entry import Entry, Outbound, needs_no_help
from emulator.worlds.saved_world import Aside, Held, Origin
from emulator.worlds.limits import Limits
from emulator.worlds.directory import MINTING, Opened, Removed, Replaced, Worlds

__all__ = [
    "MINTING",
    "Aside",
    "Checkpoints",
    "Entry",
    "Held",
    "Limits",
    "Opened",
    "Origin",
    "Outbound",
    "Removed",
    "Replaced",
    "Worlds",
    "needs_no_help",
]
