"""All worlds of a process, and the token or code that finds one."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import NamedTuple

from emulator.timekeeping.clock import Clock
from emulator.domain.access import SYSTEM_ID
from emulator.domain.account import Token, token
from emulator.domain.refusals import (
    NAME_TAKEN,
    UNAUTHENTICATED,
    WORLD_NEEDED,
    WORLDS_FULL,
    Refusal,
)
from emulator.domain.shortlink import TAG, tag
from emulator.domain.targets import Targets
from emulator.worldfile.fixture import Fixture, FixtureError, bundled
from emulator.world.journal import Archive
from emulator.world.counters import Tally
from emulator.world.transaction import transact
from emulator.world import Commons, Store, World
from emulator.worlds.checkpoints import Checkpoints
from emulator.worlds.entry import Entry, Outbound, needs_no_help
from emulator.worlds.saved_world import Aside, Held, Origin
from emulator.worlds.limits import Limits

MINTING = re.compile(r"world-([A-Za-z0-9][A-Za-z0-9._-]{0,62})")


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
        self.checkpoints = Checkpoints(limits.checkpoints)
        self.aside: dict[str, Aside] = {}  # not loaded, by the name they are kept under
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

    def keep_in(self, store: Store) -> None:
        """Have *store* told of all that changes from now on."""
        self._commons.store = store

    @property
    def store(self) -> Store:
        """Who keeps the worlds beyond the process."""
        return self._commons.store

    async def enter(self, literal: str) -> Entry:
        """Return the world of a token, minting it where the token asks for that.

        Refuses a token that is unknown, deleted or expired.

        Source: manual AUT-04; assumption AUT-05.
        """
        world = self._directory.get(literal) or await self._minted(literal)
        needs_no_help(world)
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

    async def find(self, literal: str) -> World:
        """Return the world of a token, even of one that has expired or was deleted."""
        return self._directory.get(literal) or await self._minted(literal)

    def known(self, literal: str) -> World | None:
        """Return the world of a token, if there is one already."""
        return self._directory.get(literal)

    async def reached(self, system_id: str) -> World | None:
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
                return await self.find(meant[0])
            except Refusal:
                return None
        return self.bound(system_id)

    def bound(self, system_id: str) -> World | None:
        """Return the oldest world that has a bind of that name."""
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

    def create(
        self, name: str, start: Fixture | Held, held: Held | None = None
    ) -> World:
        """Return a new world called *name*.  Its token is ``world-<name>``.

        It opens with the transaction that this is part of.  With *held* it has the
        tokens of that, too.  Refuses a name that is taken, and one world too many.
        """
        literal = f"world-{name}"
        if name in self._by_name or literal in self._directory:
            raise Refusal(NAME_TAKEN, f"there is a world or a token called {name}")
        if len(self) >= self.limits.worlds:
            raise Refusal(WORLDS_FULL, f"there are {len(self)} worlds already")
        origin = Origin(start, (("default", literal),))
        world = self._made(name, origin)
        if held is not None:
            _give(world, self._tokens_of(world, held, origin), origin)
        world.keep(Opened(self, origin))
        return world

    def origin(self, world: World) -> Origin:
        """Return what *world* was before its first request."""
        return self._origins[world.name]

    def adopt(self, held: Held, origin: Origin) -> World:
        """Return the world that was kept as *held*; where there is none yet, a new one.

        A token that the world's file has gained since opens it, too.
        """
        known = self._by_name.get(held.name)
        before = {literal for _, literal in origin.tokens}
        origin = origin if known is None else self._origins[held.name]
        world = self._made(held.name, origin)
        kept = self._tokens_of(known or world, held, origin)
        own = self._own_tokens(world, origin)
        fresh = [each for each in own if each.literal not in before]
        world.put(held.state, at=held.at, rate=held.rate)
        world.deliveries_dropped = held.state.deliveries_dropped
        _give(world, (*kept, *fresh), origin)
        if known is None:
            Opened(self, origin).carry_out(world)
            return world
        Replaced(self, world).carry_out(known)
        return known

    def reset(self, world: World) -> World:
        """Make *world* what it was before its first request; its checkpoints stay.

        Return what it is from then on.
        """
        fresh = self._made(world.name, self._origins[world.name])
        fresh.deliveries_dropped = world.deliveries_dropped
        world.keep(Replaced(self, fresh))
        world.then(world.journal.clear)
        return fresh

    def restore(self, world: World, held: Held) -> World:
        """Put *world* into another state, and return what it is from then on.

        Created tokens come along where no other world holds them; the world's own are
        what they were then, if the state was its own.
        """
        origin = self._origins[world.name]
        other = self._made(world.name, origin)
        other.put(held.state, at=held.at, rate=held.rate)
        other.deliveries_dropped = world.deliveries_dropped
        _give(other, self._tokens_of(world, held, origin), origin)
        world.keep(Replaced(self, other))
        return other

    def held(self, world: World) -> Held:
        """Return what *world* is now."""
        own = {literal for _, literal in self._origins[world.name].tokens}
        tokens = world.tokens.values()
        return Held(
            name=world.name,
            at=world.clock.now(),
            rate=world.clock.rate,
            state=world.copy(),
            own=tuple(each for each in tokens if each.literal in own),
            created=tuple(each for each in tokens if each.literal not in own),
        )

    def delete(self, world: World) -> None:
        """Forget *world*.  Refuses to forget the default one."""
        if self.default is world:
            raise Refusal(WORLD_NEEDED, "the default world can only be reset")
        world.keep(Removed(self))

    def troubles(self) -> Iterator[tuple[str, str]]:
        """Yield the worlds that are set aside, by name, and why each is."""
        yield from ((world.name, world.trouble) for world in self if world.trouble)
        yield from ((name, each.why) for name, each in self.aside.items())

    def __iter__(self) -> Iterator[World]:
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    # --- How they come and go -----------------------------------------------------

    def publish(self, world: World, origin: Origin) -> None:
        """Let *world* be found."""
        self._by_name[world.name] = self._by_tag[tag(world.name)] = world
        self._origins[world.name] = origin
        self._let_in(world)
        world.resume()

    def replace(self, world: World, other: World) -> None:
        """Let *world* be what *other* is."""
        self._shut_out(world)
        world.put(other, at=other.clock.now(), rate=other.clock.rate)
        world.tokens, world.revoked = dict(other.tokens), other.revoked
        world.deliveries_dropped = other.deliveries_dropped
        self._let_in(world)
        world.resume()

    def remove(self, world: World) -> None:
        """Let *world* be found no more."""
        self._shut_out(world)
        world.abandon()
        world.journal.leave()
        self.checkpoints.forget(world)
        for table in (self._by_name, self._origins):
            table.pop(world.name, None)
        del self._by_tag[tag(world.name)]

    def _let_in(self, world: World) -> None:
        self._directory |= dict.fromkeys((*world.tokens, *world.revoked), world)

    def _shut_out(self, world: World) -> None:
        for literal in (*world.tokens, *world.revoked):
            self._directory.pop(literal, None)

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
        origin = Origin(fixture, fixture.tokens)
        self.publish(self._made(fixture.name, origin), origin)

    async def _minted(self, literal: str) -> World:
        match = MINTING.fullmatch(literal)
        if match is None:
            why = "no world knows this token; try demo, or world-<name> for a new world"
            raise Refusal(UNAUTHENTICATED, why)
        if match[1] in self._by_name:
            raise Refusal(UNAUTHENTICATED, f"world {match[1]} has tokens of its own")
        if len(self) >= self.limits.worlds:
            why = f"there are {len(self)} worlds, the most that this process may hold"
            raise Refusal(UNAUTHENTICATED, why)
        name = match[1]
        return await transact(
            self.default, lambda: self.known(literal) or self.create(name, self._mould)
        )

    def _made(self, name: str, origin: Origin) -> World:
        """Return a world that nobody finds yet, with its own tokens."""
        start = origin.start
        clock = Clock(at=start.at, rate=start.rate)
        world = World(name, start.account, clock=clock, commons=self._commons)
        if isinstance(start, Held):
            world.put(start.state, at=start.at, rate=start.rate)
        else:
            world.tokens_made = len(origin.tokens)
        _give(world, self._own_tokens(world, origin), origin)
        return world

    def _own_tokens(self, world: World, origin: Origin) -> list[Token]:
        now, lifetime = world.clock.now(), world.account.token_lifetime
        return [
            token(title, literal, now=now, lifetime=lifetime)
            for title, literal in origin.tokens
        ]

    def _tokens_of(self, world: World, held: Held, origin: Origin) -> list[Token]:
        """Return the tokens that *world* has once it is what was held."""
        lifetime = held.state.account.token_lifetime
        own = [
            token(title, literal, now=held.at, lifetime=lifetime)
            for title, literal in origin.tokens
        ]
        if held.name == world.name:
            then = {each.literal: each for each in held.own}
            own = [then[each.literal] for each in own if each.literal in then]
        free = [each for each in held.created if self._is_free(each.literal, world)]
        return [*own, *free]

    def _is_free(self, literal: str, world: World) -> bool:
        """Whether a created token may open *world*."""
        minting = MINTING.fullmatch(literal) is not None
        return not minting and self._directory.get(literal, world) is world


def _give(world: World, tokens: Iterable[Token], origin: Origin) -> None:
    """Let *tokens*, and no others, open *world*; its own are deleted if missing."""
    world.tokens = {each.literal: each for each in tokens}
    own = (literal for _, literal in origin.tokens)
    world.revoked = tuple(each for each in own if each not in world.tokens)


class Opened(NamedTuple):
    """A world is there from now on."""

    worlds: Worlds
    origin: Origin

    def carry_out(self, world: World) -> None:
        self.worlds.publish(world, self.origin)


class Replaced(NamedTuple):
    """A world becomes what another is, which nobody has found yet."""

    worlds: Worlds
    other: World

    def carry_out(self, world: World) -> None:
        self.worlds.replace(world, self.other)


class Removed(NamedTuple):
    """A world is gone."""

    worlds: Worlds

    def carry_out(self, world: World) -> None:
        self.worlds.remove(world)
