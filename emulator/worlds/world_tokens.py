"""The tokens of a world: its own, those that were created, and those that mint it."""

import re
from collections.abc import Callable, Iterable

from emulator.domain.account import Token, make_token
from emulator.world import World
from emulator.worlds.saved_world import SavedWorld, WorldOrigin

AUTO_CREATE_TOKEN = re.compile(r"world-([A-Za-z0-9][A-Za-z0-9._-]{0,62})")


def make_own_tokens(world: World, origin: WorldOrigin) -> list[Token]:
    """Return the tokens that *world* has by itself."""
    now, lifetime = world.clock.now(), world.account.token_lifetime
    return [
        make_token(title, literal, now=now, lifetime=lifetime)
        for title, literal in origin.tokens
    ]


def choose_tokens(
    world: World,
    saved: SavedWorld,
    origin: WorldOrigin,
    is_free: Callable[[str, World], bool],
) -> list[Token]:
    """Return the tokens of *world* after a restore, of others those that are free."""
    lifetime = saved.state.account.token_lifetime
    own = [
        make_token(title, literal, now=saved.at, lifetime=lifetime)
        for title, literal in origin.tokens
    ]
    if saved.name == world.name:
        then = {each.literal: each for each in saved.own}
        own = [then[each.literal] for each in own if each.literal in then]
    free = [each for each in saved.created if is_free(each.literal, world)]
    return [*own, *free]


def set_tokens(world: World, tokens: Iterable[Token], origin: WorldOrigin) -> None:
    """Let *tokens*, and no others, open *world*; its own are deleted if missing."""
    world.tokens = {each.literal: each for each in tokens}
    own = (literal for _, literal in origin.tokens)
    world.revoked = tuple(each for each in own if each not in world.tokens)
