"""All worlds of a process, and the token or code that finds one."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from emulator.clock import Clock
from emulator.domain.access import SYSTEM_ID
from emulator.domain.account import Account, Token, token
from emulator.domain.refusals import (
    CHECKPOINTS_FULL,
    NAME_TAKEN,
    NO_SUCH_CHECKPOINT,
    UNAUTHENTICATED,
    WORLD_NEEDED,
    WORLDS_FULL,
    Refusal,
)
from emulator.domain.shortlink import TAG, tag
from emulator.domain.targets import Targets
from emulator.fixture import Fixture, FixtureError, bundled
from emulator.journal import Archive
from emulator.tally import Tally
from emulator.world import Commons, Keeper, State, World

Tokens = tuple[tuple[str, str], ...]  # name and literal

MINTING = re.compile(r"world-([A-Za-z0-9][A-Za-z0-9._-]{0,62})")


class Outbound(NamedTuple):
    """A client of SMPP that is to be called, and who it may bind as."""

    host: str
    port: int
    system_id: str
    password: str


@dataclass(frozen=True, slots=True)
class Limits:
    worlds: int = 20_000
    messages: int = 5_000_000  # a world
    journal: int = 8 * 1024 * 1024  # octets a world
    journals: int = 64 * 1024 * 1024  # octets of all worlds
    checkpoints: int = 100  # a world
    snapshot: int = 64 * 1024 * 1024  # octets
    deliveries: int = 10_000  # that are over, a world
    smpp_mints: bool = True  # whether a bind opens a new world


@dataclass(slots=True)
class Entry:
    """Who came in, where to and when: the one time that the clock is asked."""

    world: World
    token: Token
    now: datetime


class Held(NamedTuple):
    """What a world was at an instant: a state that any world can take."""

    name: str  # of that world
    at: datetime
    rate: float  # of its clock
    state: State
    own: tuple[Token, ...] = ()
    created: tuple[Token, ...] = ()  # in the account, beside its own

    @property
    def account(self) -> Account:
        account: Account = self.state["account"]
        return account


class Origin(NamedTuple):
    """What a world was before its first request, and the tokens that are its own."""

    start: Fixture | Held
    tokens: Tokens


class Worlds:
    """The worlds by name; the first fixture makes the default one."""

    def __init__(self, fixtures: list[Fixture], limits: Limits) -> None:
        self.limits = limits
        self._library = {each.name: each for each in fixtures}
        self._mould = fixtures[0]
        archive = Archive(limits.journal, limits.journals)
        self._commons = Commons(
            archive=archive, capacity=limits.messages, deliveries=limits.deliveries
        )
        self._directory = self._commons.directory
        self._by_name: dict[str, World] = {}
        self._by_tag: dict[str, World] = {}
        self._origins: dict[str, Origin] = {}
        self._checkpoints: dict[str, dict[str, Held]] = {}  # by world
        for fixture in fixtures:
            self._open(fixture)
        self.default = self._by_name[self._mould.name]
        self.addresses: dict[str, str] = {}  # host:port, by smpp and smpps
        self.dial: Callable[[Outbound], None] | None = None  # a client of SMPP
        self.targets = Targets()  # where the process may call

    def wake(self, alarm: Callable[[World], None]) -> None:
        """Have *alarm* told of each world that something may leave from now on."""
        self._commons.alarm = alarm

    @property
    def tally(self) -> Tally:
        """What the process has counted."""
        return self._commons.tally

    def keep_in(self, keeper: Keeper) -> None:
        """Have *keeper* told of all that changes from now on."""
        self._commons.keeper = keeper

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

    def reached(self, system_id: str) -> World | None:
        """Return the world that a system_id of SMPP leads to, minting ``world-<name>``.

        Of two worlds that know it the older one has it.  Clients cut a name that is
        longer than specified; it leads to the world whose name begins so, and nowhere
        where there are several.  Where only HTTP mints, a name that it has not minted
        leads nowhere.

        Source: manual SMP-01; assumption SMP-01 for the names of worlds.
        """
        if MINTING.fullmatch(system_id):
            meant = self._whole(system_id)
            if len(meant) > 1:
                return None
            if not self.limits.smpp_mints:
                return self._directory.get(meant[0])
            try:
                return self.find(meant[0])
            except Refusal:
                return None
        return next(
            (each for each in self if system_id in each.account.access.binds), None
        )

    def _whole(self, system_id: str) -> list[str]:
        """Return what a client may have cut to *system_id*, or that itself."""
        if len(system_id) < SYSTEM_ID or system_id in self._directory:
            return [system_id]
        names = (f"world-{each.name}" for each in self)
        return [each for each in names if each.startswith(system_id)] or [system_id]

    def may_be_elsewhere(self, system_id: str) -> bool:
        """Return whether it names a world that HTTP may have minted in a neighbour."""
        return not self.limits.smpp_mints and MINTING.fullmatch(system_id) is not None

    def named(self, name: str) -> World | None:
        """Return the world called *name*."""
        return self._by_name.get(name)

    def coded(self, code: str) -> World | None:
        """Return the world that made the short link *code*."""
        return self._by_tag.get(code[:TAG])

    def fixture(self, name: str) -> Fixture:
        """Return a world file that was opened at the start, or comes with the program.

        Raises ``FixtureError`` where there is none.
        """
        return self._library.get(name) or bundled(name)

    @property
    def library(self) -> Mapping[str, Fixture]:
        """The world files that were opened at the start, by name."""
        return self._library

    @property
    def mould(self) -> Fixture:
        """What minted worlds are made from."""
        return self._mould

    def create(self, name: str, start: Fixture | Held) -> World:
        """Return a new world called *name*.  Its token is ``world-<name>``.

        Refuses a name that is taken, and one world too many.
        """
        literal = f"world-{name}"
        if name in self._by_name or literal in self._directory:
            raise Refusal(NAME_TAKEN, f"there is a world or a token called {name}")
        if len(self) >= self.limits.worlds:
            raise Refusal(WORLDS_FULL, f"there are {len(self)} worlds already")
        return self._add(name, Origin(start, (("default", literal),)))

    def origin(self, world: World) -> Origin:
        """Return what *world* was before its first request."""
        return self._origins[world.name]

    def adopt(self, held: Held, origin: Origin) -> World:
        """Return the world that was kept as *held*; where there is none yet, a new one.

        A token that the world's file has gained since opens it, too.
        """
        world = self._by_name.get(held.name) or self._add(held.name, origin)
        before = {literal for _, literal in origin.tokens}
        self.restore(world, held)
        fresh = [
            each
            for each in self._own_tokens(world, self._origins[held.name])
            if each.literal not in before
        ]
        if fresh:
            self._give(world, (*world.tokens.values(), *fresh))
        return world

    def reset(self, world: World) -> None:
        """Make *world* what it was before its first request; its checkpoints stay."""
        origin = self._origins[world.name]
        fresh = self._made(world.name, origin)
        clock = fresh.clock
        world.become(fresh.state(), at=clock.now(), rate=clock.rate)
        world.journal.clear()
        self._give(world, self._own_tokens(world, origin))

    def restore(self, world: World, held: Held) -> None:
        """Put *world* into another state.

        Created tokens come along where no other world holds them; the world's own are
        what they were then, if the state was its own.
        """
        world.become(held.state, at=held.at, rate=held.rate)
        own = self._own_tokens(world, self._origins[world.name])
        if held.name == world.name:
            then = {each.literal: each for each in held.own}
            own = [then[each.literal] for each in own if each.literal in then]
        free = [each for each in held.created if self._is_free(each.literal, world)]
        self._give(world, (*own, *free))

    def held(self, world: World) -> Held:
        """Return what *world* is now."""
        own = {literal for _, literal in self._origins[world.name].tokens}
        tokens = world.tokens.values()
        return Held(
            name=world.name,
            at=world.clock.now(),
            rate=world.clock.rate,
            state=world.state(),
            own=tuple(each for each in tokens if each.literal in own),
            created=tuple(each for each in tokens if each.literal not in own),
        )

    def checkpoints(self, world: World) -> dict[str, Held]:
        """Return what was kept of *world*, by name, the oldest first."""
        return self._checkpoints.get(world.name, {})

    def checkpoint(self, world: World, name: str) -> Held:
        """Return a checkpoint.  Refuses one that was not kept."""
        kept = self.checkpoints(world)
        if name not in kept:
            known = ", ".join(kept) or "none"
            why = f"checkpoints of world {world.name}: {known}"
            raise Refusal(NO_SUCH_CHECKPOINT, why)
        return kept[name]

    def keep(self, world: World, name: str) -> Held:
        """Keep a checkpoint of *world* and return it; an older one of the name goes."""
        kept = self._checkpoints.setdefault(world.name, {})
        if name not in kept and len(kept) >= self.limits.checkpoints:
            why = f"there are {len(kept)} of world {world.name}; drop one"
            raise Refusal(CHECKPOINTS_FULL, why)
        kept.pop(name, None)
        kept[name] = self.held(world)
        return kept[name]

    def delete(self, world: World) -> None:
        """Forget *world*.  Refuses to forget the default one."""
        if self.default is world:
            raise Refusal(WORLD_NEEDED, "the default world can only be reset")
        self._commons.keeper.forget(world)
        self._take(world)
        world.abandon()
        world.journal.leave()
        for link in tuple(world.links.values()):
            link.cut()
        for table in (self._by_name, self._origins, self._checkpoints):
            table.pop(world.name, None)
        del self._by_tag[tag(world.name)]

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
        self._add(fixture.name, Origin(fixture, fixture.tokens))

    def _minted(self, literal: str) -> World:
        match = MINTING.fullmatch(literal)
        if match is None:
            why = "no world knows this token; try demo, or world-<name> for a new world"
            raise Refusal(UNAUTHENTICATED, why)
        if match[1] in self._by_name:
            raise Refusal(UNAUTHENTICATED, f"world {match[1]} has tokens of its own")
        if len(self) >= self.limits.worlds:
            why = f"there are {len(self)} worlds, the most that this process may hold"
            raise Refusal(UNAUTHENTICATED, why)
        return self._add(match[1], Origin(self._mould, (("default", literal),)))

    def _add(self, name: str, origin: Origin) -> World:
        world = self._made(name, origin)
        self._by_name[name] = self._by_tag[tag(name)] = world
        self._origins[name] = origin
        self._give(world, self._own_tokens(world, origin))
        self._commons.keeper.mark(world)
        return world

    def _made(self, name: str, origin: Origin) -> World:
        start = origin.start
        clock = Clock(at=start.at, rate=start.rate)
        world = World(name, start.account, clock=clock, commons=self._commons)
        world.tokens_made = len(origin.tokens)
        if isinstance(start, Held):
            world.become(start.state, at=start.at, rate=start.rate)
        return world

    def _own_tokens(self, world: World, origin: Origin) -> list[Token]:
        now, lifetime = world.clock.now(), world.account.token_lifetime
        return [
            token(title, literal, now=now, lifetime=lifetime)
            for title, literal in origin.tokens
        ]

    def _give(self, world: World, tokens: Iterable[Token]) -> None:
        """Let *tokens*, and no others, open *world*; its own are deleted if missing."""
        self._take(world)
        world.tokens = {each.literal: each for each in tokens}
        own = (literal for _, literal in self._origins[world.name].tokens)
        world.revoked = tuple(each for each in own if each not in world.tokens)
        self._directory |= dict.fromkeys((*world.tokens, *world.revoked), world)

    def _take(self, world: World) -> None:
        """Let nothing open *world* any more."""
        for literal in (*world.tokens, *world.revoked):
            self._directory.pop(literal, None)

    def _is_free(self, literal: str, world: World) -> bool:
        """Whether a created token may open *world*."""
        minting = MINTING.fullmatch(literal) is not None
        return not minting and self._directory.get(literal, world) is world
