"""The world that a name of SMPP leads to."""

from collections.abc import Collection, Iterator
from typing import Protocol

from emulator.domain.access import MAX_SYSTEM_ID
from emulator.domain.refusals import Refusal
from emulator.world import World
from emulator.worlds.dormant_worlds import DormantWorld
from emulator.worlds.limits import Limits
from emulator.worlds.world_tokens import AUTO_CREATE_TOKEN


class FoundWorlds(Protocol):
    """The worlds, as far as their names are concerned."""

    limits: Limits

    def is_known(self, literal: str) -> bool:
        """Whether a token opens a world already."""

    def list_entries(self) -> Iterator[World | DormantWorld]:
        """Yield all worlds, the oldest first."""

    async def find_by_token(self, literal: str) -> World | None:
        """Return the world of a token, if there is one already."""

    async def get_or_create(self, literal: str) -> World:
        """Return the world of a token."""

    async def load_by_name(self, name: str) -> World | None:
        """Return the world called *name*."""


class BindLookup:
    """Finds worlds by what clients of SMPP call them."""

    def __init__(self, worlds: FoundWorlds) -> None:
        self._worlds = worlds

    async def find_by_system_id(self, system_id: str) -> World | None:
        """Return the world of a system_id of SMPP; create that of ``world-<name>``.

        Of two worlds that know it the older one has it.  Clients cut a name that is
        longer than specified; it leads to the world whose name begins so, and nowhere
        where there are several.  Where only HTTP mints, a name that it has not minted
        leads nowhere.

        Source: manual SMP-01; assumption SMP-01 for the names of worlds.
        """
        if AUTO_CREATE_TOKEN.fullmatch(system_id):
            meant = self._complete_name(system_id)
            if len(meant) > 1:
                return None
            if not self._worlds.limits.smpp_mints:
                return await self._worlds.find_by_token(meant[0])
            try:
                return await self._worlds.get_or_create(meant[0])
            except Refusal:
                return None
        name = self.find_owner(system_id)
        return None if name is None else await self._worlds.load_by_name(name)

    def find_owner(self, system_id: str) -> str | None:
        """Return the name of the oldest world that has a bind of that name."""
        owners = (
            each.name
            for each in self._worlds.list_entries()
            if system_id in _list_binds(each)
        )
        return next(owners, None)

    def _complete_name(self, system_id: str) -> list[str]:
        """Return what a client may have cut to *system_id*, or that itself."""
        if len(system_id) < MAX_SYSTEM_ID or self._worlds.is_known(system_id):
            return [system_id]
        names = (f"world-{each.name}" for each in self._worlds.list_entries())
        return [each for each in names if each.startswith(system_id)] or [system_id]

    def may_be_elsewhere(self, system_id: str) -> bool:
        """Return whether HTTP may have created the world in another process."""
        return (
            not self._worlds.limits.smpp_mints
            and AUTO_CREATE_TOKEN.fullmatch(system_id) is not None
        )


def _list_binds(world: World | DormantWorld) -> Collection[str]:
    """Return the system_ids that lead to a world."""
    if isinstance(world, DormantWorld):
        return world.index.binds
    return world.account.access.binds
