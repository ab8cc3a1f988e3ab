"""What can happen to the worlds of a process: one comes, becomes another, or goes."""

from typing import NamedTuple, Protocol

from emulator.world import World
from emulator.worlds.saved_world import WorldOrigin


class PublishedWorlds(Protocol):
    """The worlds that are found, as far as a change of them is concerned."""

    def publish(self, world: World, origin: WorldOrigin) -> None:
        """Let *world* be found."""

    def replace(self, world: World, other: World) -> None:
        """Let *world* be what *other* is."""

    def remove(self, world: World) -> None:
        """Let *world* be found no more."""


class WorldOpened(NamedTuple):
    """A world is there from now on."""

    worlds: PublishedWorlds
    origin: WorldOrigin

    def carry_out(self, world: World) -> None:
        self.worlds.publish(world, self.origin)


class WorldReplaced(NamedTuple):
    """A world becomes what another is, which nobody has found yet."""

    worlds: PublishedWorlds
    other: World

    def carry_out(self, world: World) -> None:
        self.worlds.replace(world, self.other)


class WorldRemoved(NamedTuple):
    """A world is gone."""

    worlds: PublishedWorlds

    def carry_out(self, world: World) -> None:
        self.worlds.remove(world)
