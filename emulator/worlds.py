"""All worlds of a process, and the token or code that finds one."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from emulator.clock import Clock
from emulator.domain.account import Token, token
from emulator.domain.refusals import (
    NAME_TAKEN,
    UNAUTHENTICATED,
    WORLD_NEEDED,
    WORLDS_FULL,
    Refusal,
)
from emulator.domain.shortlink import TAG, tag
from emulator.fixture import Fixture, FixtureError
from emulator.world import World

Tokens = tuple[tuple[str, str], ...]  # name and literal

MINTING = re.compile(r"world-([A-Za-z0-9][A-Za-z0-9._-]{0,62})")


@dataclass(frozen=True, slots=True)
class Limits:
    worlds: int = 20_000
    journal: int = 1_000  # exchanges a world


class Entry(NamedTuple):
    """Who came in, where to and when: the one time that the clock is asked."""

    world: World
    token: Token
    now: datetime


class Worlds:
    """The worlds by name; the first fixture makes the default one."""

    def __init__(self, fixtures: list[Fixture], limits: Limits) -> None:
        self._limits = limits
        self._mould = fixtures[0]
        self._directory: dict[str, World] = {}
        self._by_name: dict[str, World] = {}
        self._by_tag: dict[str, World] = {}
        self._origins: dict[str, tuple[Fixture, Tokens]] = {}
        for fixture in fixtures:
            self._open(fixture)
        self.default = self._by_name[self._mould.name]

    def enter(self, literal: str) -> Entry:
        """Return the world of a token, minting it where the token asks for that.

        Refuses a token that is unknown, deleted or expired.

        Source: manual AUT-04; assumption AUT-05.
        """
        world = self._directory.get(literal) or self._minted(literal)
        token, now = world.tokens.get(literal), world.clock.now()
        if token is None:
            raise Refusal(UNAUTHENTICATED, "the token was deleted; create another")
        expired = token.expires_at <= now
        if expired and world.account.assumptions["expired_token"] == "refuse":  # noqa: S105
            raise Refusal(UNAUTHENTICATED, "the token has expired; create another")
        return Entry(world, token, now)

    def visit(self, world: World | None = None) -> Entry:
        """Return an entry without a token, to the default world or to *world*."""
        world = world or self.default
        now = world.clock.now()
        return Entry(world, Token("", "", now, now), now)

    def find(self, literal: str) -> World:
        """Return the world of a token, even of one that has expired or was deleted."""
        return self._directory.get(literal) or self._minted(literal)

    def named(self, name: str) -> World | None:
        """Return the world called *name*."""
        return self._by_name.get(name)

    def fork(self, world: World, name: str) -> World:
        """Return a world called *name* that is what *world* is now.

        Its token is ``world-<name>``; the tokens of *world* stay with it.
        """
        literal = f"world-{name}"
        if name in self._by_name or literal in self._directory:
            raise Refusal(NAME_TAKEN, f"there is a world or a token called {name}")
        if len(self) >= self._limits.worlds:
            raise Refusal(WORLDS_FULL, f"there are {len(self)} worlds already")
        fork = self._add(name, self._mould, (("default", literal),))
        fork.become(world)
        fork.clock = Clock(at=world.clock.now(), rate=world.clock.rate)
        return fork

    def reset(self, world: World) -> World:
        """Return a fresh world in the place of *world*."""
        fixture, tokens = self._origins[world.name]
        self._forget(world)
        fresh = self._add(world.name, fixture, tokens)
        if self.default is world:
            self.default = fresh
        return fresh

    def delete(self, world: World) -> None:
        """Forget *world*.  Refuses to forget the default one."""
        if self.default is world:
            raise Refusal(WORLD_NEEDED, "the default world can only be reset")
        self._forget(world)

    def _forget(self, world: World) -> None:
        for literal in [key for key, of in self._directory.items() if of is world]:
            del self._directory[literal]
        del self._by_name[world.name], self._by_tag[tag(world.name)]
        del self._origins[world.name]

    def coded(self, code: str) -> World | None:
        """Return the world that made the short link *code*."""
        return self._by_tag.get(code[:TAG])

    def __iter__(self) -> Iterator[World]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    def _open(self, fixture: Fixture) -> None:
        """Add the world of a file.

        Raises ``FixtureError`` where another file has its name or one of its tokens.
        """
        if fixture.name in self._by_name:
            message = f"two world files are called {fixture.name}; set name: in one"
            raise FixtureError(message)
        for _, literal in fixture.tokens:
            if other := self._directory.get(literal):
                worlds = f"{other.name} and {fixture.name}"
                message = f"the token {literal} would open two worlds: {worlds}"
                raise FixtureError(message)
        self._add(fixture.name, fixture, fixture.tokens)

    def _minted(self, literal: str) -> World:
        match = MINTING.fullmatch(literal)
        if match is None:
            why = "no world knows this token; try demo, or world-<name> for a new world"
            raise Refusal(UNAUTHENTICATED, why)
        if match[1] in self._by_name:
            raise Refusal(UNAUTHENTICATED, f"world {match[1]} has tokens of its own")
        if len(self) >= self._limits.worlds:
            why = f"there are {len(self)} worlds, the most that this process may hold"
            raise Refusal(UNAUTHENTICATED, why)
        return self._add(match[1], self._mould, (("default", literal),))

    def _add(self, name: str, fixture: Fixture, tokens: Tokens) -> World:
        world = World(
            name,
            fixture.account,
            clock=Clock(at=fixture.at, rate=fixture.rate),
            directory=self._directory,
            journal_limit=self._limits.journal,
        )
        now = world.clock.now()
        lifetime = world.account.token_lifetime
        for title, literal in tokens:
            world.keep(token(title, literal, now=now, lifetime=lifetime))
        world.commit()
        self._by_name[name] = self._by_tag[tag(name)] = world
        self._origins[name] = fixture, tokens
        return world
