"""Checkpoints: saved states of worlds, by name, until the process ends."""

from emulator.domain.emulator_refusals import CHECKPOINTS_FULL, NO_SUCH_CHECKPOINT
from emulator.domain.refusals import Refusal
from emulator.world import World
from emulator.worlds.saved_world import SavedWorld


class Checkpoints:
    """The checkpoints of all worlds."""

    def __init__(self, most: int) -> None:
        self._most = most  # of a world
        self._of: dict[World, dict[str, SavedWorld]] = {}

    def all_of(self, world: World) -> dict[str, SavedWorld]:
        """Return the checkpoints of *world* by name, the oldest first."""
        return self._of.get(world, {})

    def get(self, world: World, name: str) -> SavedWorld:
        """Return a checkpoint.  Refuses an unknown name."""
        kept = self.all_of(world)
        if name not in kept:
            known = ", ".join(kept) or "none"
            why = f"checkpoints of world {world.name}: {known}"
            raise Refusal(NO_SUCH_CHECKPOINT, why)
        return kept[name]

    def save(self, world: World, name: str, saved: SavedWorld) -> None:
        """Keep *saved* as a checkpoint of *world*; an older one of the name goes.

        Refuses one too many.
        """
        kept = self.all_of(world)
        if name not in kept and len(kept) >= self._most:
            why = f"there are {len(kept)} of world {world.name}; drop one"
            raise Refusal(CHECKPOINTS_FULL, why)
        world.run_on_commit(lambda: self._add_checkpoint(world, name, saved))

    def drop(self, world: World, name: str) -> SavedWorld:
        """Forget a checkpoint and return it.  Refuses an unknown name."""
        held = self.get(world, name)
        world.run_on_commit(lambda: self.all_of(world).pop(name, None))
        return held

    def forget_world(self, world: World) -> None:
        """Forget all checkpoints of a deleted world."""
        self._of.pop(world, None)

    def _add_checkpoint(self, world: World, name: str, saved: SavedWorld) -> None:
        kept = self._of.setdefault(world, {})
        kept.pop(name, None)
        kept[name] = saved
