"""The one way to change worlds: collected, written, applied; or forgotten.

Every change, for a client or by itself, is part of a transaction.  Its changes are
collected as a value; the store writes that, and only then are they applied.  Where the
store refuses, nothing has changed.  Any other error concerns that world alone: it is
set aside with its reason, and the others serve.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from emulator.domain.platform_refusals import SERVER_ERROR
from emulator.domain.refusals import Refusal
from emulator.world import ChangeSet, SharedState, StoreWriteError, World
from emulator.world.consequences import apply_changes, pick_oldest_deliveries

NOTHING_CHANGED = "nothing was changed"
STOPPED_THERE = "it stopped there, and what was done before stays"
Result = TypeVar("Result")

log = logging.getLogger("emulator")


async def run_transaction(
    world: World,
    work: Callable[[], Result],
    *,
    has_happened: bool = False,
    left: str = NOTHING_CHANGED,
) -> Result:
    """Run *work* in *world* as one transaction, and return its result.

    With a slow store, other requests to the world wait, in order.  Refuses where the
    store does, and says what is *left* then, unless *has_happened*: then the changes
    are applied even if the store refuses.
    """
    store = world.shared.store
    if store.lock_world is None:
        return run_transaction_now(
            world.shared, work, has_happened=has_happened, left=left
        )
    async with store.lock_world(world):
        result, changes = _collect_changes(
            world.shared, work, has_happened=has_happened
        )
        if changes.by_world:
            try:
                await store.write_async(changes)
                _apply_changes(world.shared, changes)
            except Exception as error:
                _handle_error(error, changes, left)
                raise
        return result


def run_transaction_now(
    shared: SharedState,
    work: Callable[[], Result],
    *,
    has_happened: bool = False,
    left: str = NOTHING_CHANGED,
) -> Result:
    """Do as ``run_transaction`` does, with a store that answers at once."""
    try:
        result = work()
        changes = _take_drafts(shared, has_happened=has_happened)
    except BaseException:
        shared.drafts = {}
        raise
    if changes.by_world:
        commit_changes(shared, changes, left)
    return result


def commit_changes(
    shared: SharedState, changes: ChangeSet, left: str = NOTHING_CHANGED
) -> None:
    """Write *changes*, and then apply them."""
    try:
        if shared.store.is_durable:
            shared.store.write(changes)
        _apply_changes(shared, changes)
    except Exception as error:
        _handle_error(error, changes, left)
        raise


def _collect_changes(
    shared: SharedState, work: Callable[[], Result], *, has_happened: bool
) -> tuple[Result, ChangeSet]:
    """Run *work*; return its result and its changes."""
    try:
        result = work()
        return result, _take_drafts(shared, has_happened=has_happened)
    except BaseException:
        shared.drafts = {}
        raise


def _take_drafts(shared: SharedState, *, has_happened: bool) -> ChangeSet:
    """Return what was kept, with the deliveries that are forgotten for it."""
    drafts, shared.drafts = shared.drafts, {}
    most = shared.delivery_limit
    for world, changes in drafts.items():
        if len(world.deliveries) + len(changes) > most:
            changes.extend(pick_oldest_deliveries(world, changes, most))
    return ChangeSet(drafts, has_happened)


def _apply_changes(shared: SharedState, changes: ChangeSet) -> None:
    shared.transaction_count += 1
    for world, kept in changes.by_world.items():
        apply_changes(world, kept)


def _handle_error(error: Exception, changes: ChangeSet, left: str) -> None:
    """Refuse where the store does; on any other error set those worlds aside."""
    if isinstance(error, StoreWriteError):
        why = f"{error}, so {left}; give it room or rights, and ask again"
        raise Refusal(SERVER_ERROR, why) from error
    for world in changes.by_world:
        set_world_aside(world, error)


def set_world_aside(world: World, error: Exception) -> None:
    """Set *world* aside: it refuses requests until it is resumed or dropped."""
    why = " ".join(f"{type(error).__name__}: {error}".split())
    log.error("the world %s is set aside", world.name, exc_info=error)
    world.set_aside(why)
