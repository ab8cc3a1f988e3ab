"""All worlds of a process, and the token or code that finds one."""

from collections.abc import Callable, Iterator, Mapping

from emulator.domain.account import Token
from emulator.domain.emulator_refusals import NAME_TAKEN, WORLD_NEEDED, WORLDS_FULL
from emulator.domain.platform_refusals import UNAUTHENTICATED
from emulator.domain.refusals import Refusal
from emulator.domain.shortlink import TAG_LENGTH, make_world_tag
from emulator.domain.targets import AllowedTargets
from emulator.timekeeping.clock import Clock
from emulator.world import SharedState, Store, World, WorldState
from emulator.world.journal import JournalPool
from emulator.world.shared_state import Counters
from emulator.world.transaction import run_transaction
from emulator.worldfile.fixture import Fixture, FixtureError, load_bundled_fixture
from emulator.worlds.bind_lookup import BindLookup
from emulator.worlds.checkpoints import Checkpoints
from emulator.worlds.directory_changes import (
    WorldOpened,
    WorldRemoved,
    WorldReplaced,
)
from emulator.worlds.dormant_worlds import DormantWorld, DormantWorlds
from emulator.worlds.entry import OutboundBind, WorldEntry, make_set_aside_refusal
from emulator.worlds.limits import Limits
from emulator.worlds.saved_world import SavedWorld, UnloadedWorld, WorldOrigin
from emulator.worlds.world_tokens import (
    AUTO_CREATE_TOKEN,
    choose_tokens,
    make_own_tokens,
    set_tokens,
)


class WorldDirectory:
    """The worlds by name; the first fixture makes the default one."""

    def __init__(self, fixtures: list[Fixture], limits: Limits) -> None:
        self.limits = limits
        self._library = {each.name: each for each in fixtures}
        self._template = fixtures[0]
        archive = JournalPool(limits.journal, limits.journals)
        self._shared = SharedState(
            journal_pool=archive,
            message_limit=limits.messages,
            delivery_limit=limits.deliveries,
        )
        self._by_token = self._shared.worlds_by_token
        self._by_name: dict[str, World | DormantWorld] = {}
        self._by_tag: dict[str, World] = {}
        self.dormant = DormantWorlds()  # which are not loaded
        self._origins: dict[str, WorldOrigin] = {}
        self.binds = BindLookup(self)
        self.checkpoints = Checkpoints(limits.checkpoints)
        # Not loaded, by the name they are kept under
        self.unloaded: dict[str, UnloadedWorld] = {}
        # The first one; what it keeps is there once it has been loaded
        self.default, *_ = [self._open_fixture(each) for each in fixtures]
        self.smpp_addresses: dict[str, str] = {}  # host:port, by smpp and smpps
        # A client of SMPP
        self.bind_outbound: Callable[[OutboundBind], None] | None = None
        self.targets = AllowedTargets()  # where the process may call

    def set_courier(self, wake_courier: Callable[[World], None]) -> None:
        """Call *wake_courier* with each world that something may leave from now on."""
        self._shared.wake_courier = wake_courier

    @property
    def counters(self) -> Counters:
        """The counters of the process."""
        return self._shared.counters

    def use_store(self, store: Store) -> None:
        """Write all changes to *store* from now on."""
        self._shared.store = store

    @property
    def store(self) -> Store:
        """The store of the worlds."""
        return self._shared.store

    async def enter_by_token(self, literal: str) -> WorldEntry:
        """Return the world of a token; create it if the token asks for that.

        Refuses a token that is unknown, deleted or expired.

        Source: manual AUT-04; assumption AUT-05.
        """
        world = await self.get_or_create(literal)
        if world.trouble:
            raise make_set_aside_refusal(world)
        token, now = world.tokens.get(literal), world.clock.now()
        if token is None:
            raise Refusal(UNAUTHENTICATED, "the token was deleted; create another")
        expired = token.expires_at <= now
        if expired and world.account.assumptions.chosen["expired_token"] == "refuse":  # noqa: S105
            raise Refusal(UNAUTHENTICATED, "the token has expired; create another")
        return WorldEntry(world, token, now)

    def enter_without_token(self, world: World | None = None) -> WorldEntry:
        """Return an entry without a token, to *world* or the default one."""
        world = world or self.default
        now = world.clock.now()
        return WorldEntry(world, Token("", "", now, now), now)

    async def get_or_create(self, literal: str) -> World:
        """Return the world of a token, even of one that has expired or was deleted."""
        found = self._by_token.get(literal) or await self.find_by_token(literal)
        return found or await self._auto_create(literal)

    async def find_by_token(self, literal: str) -> World | None:
        """Return the world of a token, if there is one already."""
        if literal in self.dormant.by_token:
            await self.dormant.by_token[literal].load_politely()
        return self._by_token.get(literal)

    async def load_default(self) -> World:
        """Return the default world with all that it keeps."""
        return await self.load_by_name(self.default.name) or self.default

    async def load_by_name(self, name: str) -> World | None:
        """Return the world called *name*."""
        found = self._by_name.get(name)
        if isinstance(found, DormantWorld):
            await found.load_politely()
        return self.find_by_name(name)

    def load_pending(self) -> Iterator[None]:
        """Load the worlds that act by themselves, the earliest first, in steps."""
        for dormant in self.dormant.list_pending():
            while not dormant.load_step():
                yield
            yield

    def find_by_name(self, name: str) -> World | None:
        """Return the world called *name*; load it at once where it is not."""
        found = self._by_name.get(name)
        if isinstance(found, DormantWorld):
            found.load()
            found = self._by_name.get(name)
        return found if isinstance(found, World) else None

    def has_world(self, name: str) -> bool:
        """Return whether there is a world called *name*."""
        return name in self._by_name

    async def find_by_short_code(self, code: str) -> World | None:
        """Return the world that made the short link *code*."""
        if dormant := self.dormant.find_by_short_code(code):
            await dormant.load_politely()
        return self._by_tag.get(code[:TAG_LENGTH])

    def get_fixture(self, name: str) -> Fixture:
        """Return a world file that was opened at the start, or comes with the program.

        Raises ``FixtureError`` where there is none.
        """
        return self._library.get(name) or load_bundled_fixture(name)

    @property
    def library(self) -> Mapping[str, Fixture]:
        """The world files that were opened at the start, by name."""
        return self._library

    @property
    def template(self) -> Fixture:
        """The fixture of the worlds that are created by a token."""
        return self._template

    def create(
        self, name: str, start: Fixture | SavedWorld, saved: SavedWorld | None = None
    ) -> World:
        """Return a new world called *name*.  Its token is ``world-<name>``.

        It opens with the transaction that this is part of.  With *saved* it has the
        tokens of that, too.  Refuses a name that is taken, and one world too many.
        """
        literal = f"world-{name}"
        if name in self._by_name or self.is_known(literal):
            raise Refusal(NAME_TAKEN, f"there is a world or a token called {name}")
        if len(self) >= self.limits.worlds:
            raise Refusal(WORLDS_FULL, f"there are {len(self)} worlds already")
        origin = WorldOrigin(start, (("default", literal),))
        world = self._make_world(name, origin)
        if saved is not None:
            set_tokens(
                world, choose_tokens(world, saved, origin, self._is_free), origin
            )
        world.keep_change(WorldOpened(self, origin))
        return world

    def get_origin(self, world: World) -> WorldOrigin:
        """Return the state of *world* before its first request."""
        return self._origins[world.name]

    def load_world(self, saved: SavedWorld, origin: WorldOrigin) -> World:
        """Return the world that was kept as *saved*, or a new one where there is none.

        A token that the world's file has gained since opens it, too.
        """
        known = self._take_dormant(saved.name)
        before = {literal for _, literal in origin.tokens}
        origin = origin if known is None else self._origins[saved.name]
        world = self._make_world(saved.name, origin)
        kept = choose_tokens(known or world, saved, origin, self._is_free)
        own = make_own_tokens(world, origin)
        fresh = [each for each in own if each.literal not in before]
        world.put_state(saved.state, at=saved.at, rate=saved.rate)
        world.deliveries_dropped = saved.state.deliveries_dropped
        set_tokens(world, (*kept, *fresh), origin)
        if known is None:
            WorldOpened(self, origin).carry_out(world)
            return world
        self._by_name[saved.name] = known
        WorldReplaced(self, world).carry_out(known)
        return known

    def add_dormant(self, dormant: DormantWorld, head: WorldState | None) -> None:
        """Let a world be found that is loaded when it is asked for.

        One from a file shows its account and its tokens, from *head*, before that.
        """
        known = self._by_name.get(dormant.name)
        if isinstance(known, World) and head is not None:
            self._unregister_tokens(known)
            dormant.placeholder = known
            dormant.own_tokens = (*known.tokens, *known.revoked)
            known.account, known.tokens = head.account, head.tokens
            known.clock = Clock(at=dormant.index.at, rate=dormant.index.rate)
        self._by_name[dormant.name] = dormant
        self.dormant.add(dormant)

    def drop_dormant(self, name: str) -> World | None:
        """Forget a world that cannot be loaded; return what is in its place."""
        known = self._take_dormant(name)
        del self._by_name[name]
        if known is None:
            return None
        origin = self._origins[name]
        self._by_name[name] = known
        WorldReplaced(self, self._make_world(name, origin)).carry_out(known)
        return known

    def _take_dormant(self, name: str) -> World | None:
        """Return the world of this name that a loaded one takes the place of."""
        found = self._by_name.get(name)
        if not isinstance(found, DormantWorld):
            return found
        self.dormant.remove(found)
        return found.placeholder

    def reset(self, world: World) -> World:
        """Reset *world* to its state before its first request, and return that."""
        fresh = self._make_world(world.name, self._origins[world.name])
        fresh.deliveries_dropped = world.deliveries_dropped
        world.keep_change(WorldReplaced(self, fresh))
        world.run_on_commit(world.journal.clear)
        return fresh

    def restore(self, world: World, saved: SavedWorld) -> World:
        """Set *world* to a saved state, and return the world that it becomes.

        Created tokens come along where no other world holds them; the world's own are
        what they were then, if the state was its own.
        """
        origin = self._origins[world.name]
        other = self._make_world(world.name, origin)
        other.put_state(saved.state, at=saved.at, rate=saved.rate)
        other.deliveries_dropped = world.deliveries_dropped
        set_tokens(other, choose_tokens(world, saved, origin, self._is_free), origin)
        world.keep_change(WorldReplaced(self, other))
        return other

    def capture_world(self, world: World) -> SavedWorld:
        """Return the present state of *world*."""
        own = {literal for _, literal in self._origins[world.name].tokens}
        tokens = world.tokens.values()
        return SavedWorld(
            name=world.name,
            at=world.clock.now(),
            rate=world.clock.rate,
            state=world.copy(),
            own=tuple(each for each in tokens if each.literal in own),
            created=tuple(each for each in tokens if each.literal not in own),
        )

    def delete(self, world: World) -> None:
        """Delete *world*.  Refuses to delete the default one."""
        if self.default is world:
            raise Refusal(WORLD_NEEDED, "the default world can only be reset")
        world.keep_change(WorldRemoved(self))

    def list_set_aside(self) -> Iterator[tuple[str, str]]:
        """Yield the worlds that are set aside, by name, and why each is."""
        yield from ((world.name, world.trouble) for world in self if world.trouble)
        yield from ((name, each.why) for name, each in self.unloaded.items())

    def __iter__(self) -> Iterator[World]:
        """Yield the worlds that are loaded."""
        return (each for each in self._by_name.values() if isinstance(each, World))

    def list_entries(self) -> Iterator[World | DormantWorld]:
        """Yield all worlds, the oldest first."""
        return iter(self._by_name.values())

    def __len__(self) -> int:
        return len(self._by_name)

    # --- How they come and go -----------------------------------------------------

    def publish(self, world: World, origin: WorldOrigin) -> None:
        """Add *world* to the directory."""
        self._by_name[world.name] = self._by_tag[make_world_tag(world.name)] = world
        self._origins[world.name] = origin
        self._register_tokens(world)
        world.resume_activity()

    def replace(self, world: World, other: World) -> None:
        """Give *world* the state of *other*."""
        self._unregister_tokens(world)
        world.put_state(other, at=other.clock.now(), rate=other.clock.rate)
        world.tokens, world.revoked = dict(other.tokens), other.revoked
        world.deliveries_dropped = other.deliveries_dropped
        self._register_tokens(world)
        world.resume_activity()

    def remove(self, world: World) -> None:
        """Remove *world* from the directory."""
        self._unregister_tokens(world)
        world.stop_activity()
        world.journal.leave_pool()
        self.checkpoints.forget_world(world)
        for table in (self._by_name, self._origins):
            table.pop(world.name, None)
        del self._by_tag[make_world_tag(world.name)]

    def _register_tokens(self, world: World) -> None:
        self._by_token |= dict.fromkeys((*world.tokens, *world.revoked), world)

    def _unregister_tokens(self, world: World) -> None:
        for literal in (*world.tokens, *world.revoked):
            self._by_token.pop(literal, None)

    def _open_fixture(self, fixture: Fixture) -> World:
        """Add the world of a file.

        Raises ``FixtureError`` where another file has its name or one of its tokens.
        """
        if fixture.name in self._by_name:
            message = f"two world files are called {fixture.name}; set name: in one"
            raise FixtureError(message)
        for _, literal in fixture.tokens:
            if other := self._by_token.get(literal):
                worlds = f"{other.name} and {fixture.name}"
                message = f"the token {literal} would open two worlds: {worlds}"
                raise FixtureError(message)
        origin = WorldOrigin(fixture, fixture.tokens)
        world = self._make_world(fixture.name, origin)
        self.publish(world, origin)
        return world

    async def _auto_create(self, literal: str) -> World:
        match = AUTO_CREATE_TOKEN.fullmatch(literal)
        if match is None:
            why = "no world knows this token; try demo, or world-<name> for a new world"
            raise Refusal(UNAUTHENTICATED, why)
        if match[1] in self._by_name:
            raise Refusal(UNAUTHENTICATED, f"world {match[1]} has tokens of its own")
        if len(self) >= self.limits.worlds:
            why = f"there are {len(self)} worlds, the most that this process may hold"
            raise Refusal(UNAUTHENTICATED, why)
        name = match[1]
        return await run_transaction(
            self.default,
            lambda: self._by_token.get(literal) or self.create(name, self._template),
        )

    def _make_world(self, name: str, origin: WorldOrigin) -> World:
        """Return a world that is not yet in the directory, with its own tokens."""
        start = origin.start
        clock = Clock(at=start.at, rate=start.rate)
        world = World(name, start.account, clock=clock, shared=self._shared)
        if isinstance(start, SavedWorld):
            world.put_state(start.state, at=start.at, rate=start.rate)
        else:
            world.tokens_made = len(origin.tokens)
        set_tokens(world, make_own_tokens(world, origin), origin)
        return world

    def _is_free(self, literal: str, world: World) -> bool:
        """Whether a created token may open *world*."""
        minting = AUTO_CREATE_TOKEN.fullmatch(literal) is not None
        holder = self._by_token.get(literal, world)
        return not minting and holder is world and literal not in self.dormant.by_token

    def is_known(self, literal: str) -> bool:
        """Whether a token opens a world already."""
        return literal in self._by_token or literal in self.dormant.by_token
