"""The one way to change worlds: collected, written, applied; or forgotten.

Whatever is carried out, for whoever asks or by itself, is a transaction.  What it keeps
is collected as a value; the store writes that, and only then does it happen.  Where the
store refuses, nothing has.  Where anything else goes wrong, it is that world's trouble
alone: it is set aside with its reason, and the others serve.
"""

import logging
from collections.abc import Callable
from typing import TypeVar

from emulator.domain.refusals import SERVER_ERROR, Refusal
from emulator.world import Changes, Commons, Unwritten, World

NOTHING = "nothing was changed"
SO_FAR = "it stopped there, and what was done before stays"
Got = TypeVar("Got")

log = logging.getLogger("emulator")


async def transact(
    world: World,
    work: Callable[[], Got],
    *,
    happened: bool = False,
    left: str = NOTHING,
) -> Got:
    """Do *work* in *world*, whole or not at all, and return what it returns.

    Where the store answers later, whoever comes to the world meanwhile waits, in order.
    Refuses where the store does, and says what is *left* then, unless it has *happened*
    whatever the store says.
    """
    store = world.commons.store
    if store.turn is None:
        return transact_at_once(world.commons, work, happened=happened, left=left)
    async with store.turn(world):
        result, changes = _collected(world.commons, work, happened=happened)
        if changes.of:
            try:
                await store.keep(changes)
                _apply(world.commons, changes)
            except Exception as error:
                _mind(error, changes, left)
                raise
        return result


def transact_at_once(
    commons: Commons,
    work: Callable[[], Got],
    *,
    happened: bool = False,
    left: str = NOTHING,
) -> Got:
    """Do as ``transact`` does, with a store that answers at once."""
    try:
        result = work()
        changes = commons.collect(happened=happened)
    except BaseException:
        commons.forget()
        raise
    if changes.of:
        commit(commons, changes, left)
    return result


def commit(commons: Commons, changes: Changes, left: str = NOTHING) -> None:
    """Have *changes* written, and then applied."""
    try:
        commons.store.write(changes)
        commons.transactions += 1
        for world, kept in changes.of.items():
            world.apply(kept)
    except Exception as error:
        _mind(error, changes, left)
        raise


def _collected(
    commons: Commons, work: Callable[[], Got], *, happened: bool
) -> tuple[Got, Changes]:
    """Do *work*; return what it returns, and what it wants changed."""
    try:
        result = work()
        return result, commons.collect(happened=happened)
    except BaseException:
        commons.forget()
        raise


def _apply(commons: Commons, changes: Changes) -> None:
    commons.transactions += 1
    for world, kept in changes.of.items():
        world.apply(kept)


def _mind(error: Exception, changes: Changes, left: str) -> None:
    """Refuse where the store does; anything else is the trouble of those worlds."""
    if isinstance(error, Unwritten):
        why = f"{error}, so {left}; give it room or rights, and ask again"
        raise Refusal(SERVER_ERROR, why) from error
    for world in changes.of:
        set_aside(world, error)


def set_aside(world: World, error: Exception) -> None:
    """Have *world* serve nobody until somebody has looked at it."""
    why = " ".join(f"{type(error).__name__}: {error}".split())
    log.error("the world %s is set aside", world.name, exc_info=error)
    world.set_aside(why)
