"""Checkpoints: what worlds were, by name, for as long as the process lives."""

from emulator.domain.refusals import CHECKPOINTS_FULL, NO_SUCH_CHECKPOINT, Refusal
from emulator.world import World
from emulator.worlds.saved_world import Held


class Checkpoints:
    """The checkpoints of all worlds."""

    def __init__(self, most: int) -> None:
        self._most = most  # of a world
        self._of: dict[World, dict[str, Held]] = {}

    def of(self, world: World) -> dict[str, Held]:
        """Return what was kept of *world*, by name, the oldest first."""
        return self._of.get(world, {})

    def find(self, world: World, name: str) -> Held:
        """Return a checkpoint.  Refuses one that was not kept."""
        kept = self.of(world)
        if name not in kept:
            known = ", ".join(kept) or "none"
            why = f"checkpoints of world {world.name}: {known}"
            raise Refusal(NO_SUCH_CHECKPOINT, why)
        return kept[name]

    def keep(self, world: World, name: str, held: Held) -> None:
        """Keep *held* as a checkpoint of *world*; an older one of the name goes.

        Refuses one too many.
        """
        kept = self.of(world)
        if name not in kept and len(kept) >= self._most:
            why = f"there are {len(kept)} of world {world.name}; drop one"
            raise Refusal(CHECKPOINTS_FULL, why)
        world.then(lambda: self._remember(world, name, held))

    def drop(self, world: World, name: str) -> Held:
        """Forget a checkpoint and return it.  Refuses one that was not kept."""
        held = self.find(world, name)
        world.then(lambda: self.of(world).pop(name, None))
        return held

    def forget(self, world: World) -> None:
        """Forget all of a world that is gone."""
        self._of.pop(world, None)

    def _remember(self, world: World, name: str, held: Held) -> None:
        kept = self._of.setdefault(world, {})
        kept.pop(name, None)
        kept[name] = held
