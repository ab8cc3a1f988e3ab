"""A world: one customer account and everything that hangs off it.

The only mutable object.  An operation reads it, decides, and *keeps* what is new; who
carries the operation out has that written and then applied, in one step, or forgets it,
so that an operation that refuses or fails has changed nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from emulator.timekeeping.clock import Clock
from emulator.domain.account import Account, Movement
from emulator.domain.email import EmailCampaign
from emulator.domain.money import shown
from emulator.domain.refusals import (
    CLOCK_IN_MOTION,
    INSUFFICIENT_BALANCE,
    NO_SUCH_CAMPAIGN,
    WORLD_FULL,
    Refusal,
)
from emulator.domain.sms import Campaign
from emulator.domain.voice import VoiceCampaign
from emulator.timekeeping.event_log import Log
from emulator.faults import Delayed, Facts, Place, Rule, strike
from emulator.world.balance_history import History
from emulator.world.journal import Journal
from emulator.world.bound_session import Link
from emulator.world.outbox import Outbox
from emulator.timekeeping.work_queue import NEVER, Schedule
from emulator.world.counters import Tally
from emulator.world import plans
from emulator.world.changes import (
    Dial,
    Rules,
    Then,
)
from emulator.world.shared_state import Commons
from emulator.world.consequences import BY_ITSELF, STEPS
from emulator.world.containers import Row, encode
from emulator.world.state import State

Kept = TypeVar("Kept")
CLOCK = "clock"  # the kind of its row
REVOKED = 100  # deleted tokens of which a refusal says that they were


class World(State):
    """One account's state.  Nothing in it is shared with another world."""

    __slots__ = (  # with so many attributes, a dictionary takes 2 KiB a world
        "__weakref__",
        "_history",
        "_outbox",
        "clock",
        "commons",
        "delayed",
        "happened",
        "journal",
        "links",
        "listeners",
        "moving",
        "name",
        "plans",
        "revisions",
        "revoked",
        "schedule",
        "trouble",
    )

    def __init__(
        self, name: str, account: Account, *, clock: Clock, commons: Commons
    ) -> None:
        super().__init__(account)
        self.opening = self.balance = account.credit
        self.name = name
        self.clock = clock
        self.journal = Journal(commons.archive)
        self.revoked: tuple[str, ...] = ()  # literals that were deleted, the last ones
        self.links: dict[int, Link] = {}  # sessions of SMPP that are bound here
        self.listeners: frozenset[Callable[[], None]] = frozenset()
        self.delayed: dict[int, Delayed] = {}  # answers that a fault holds back
        self.plans = 0  # grows with every change of what will happen
        self.revisions = 0  # grows where something happens otherwise than planned
        self.happened = Log()
        self.schedule = Schedule()
        self.moving = False  # whether somebody moves the clock
        self.trouble = ""  # why it serves nobody
        self.commons = commons  # what it shares with the others of the process
        self._outbox: Outbox | None = None  # most worlds never need one
        self._history: History | None = None  # ... nor anybody who looks at it

    # --- What it is ---------------------------------------------------------------

    @property
    def outbox(self) -> Outbox:
        """What may leave this world now."""
        if self._outbox is None:
            self._outbox = Outbox()
        return self._outbox

    @property
    def history(self) -> History:
        """How the balance went."""
        if self._history is None or self._history.kept is not self.movements:
            self._history = History(self.opening, self.movements)
        return self._history

    @property
    def tally(self) -> Tally:
        """What the process counts."""
        return self.commons.tally

    def campaign(self, number: int) -> Campaign:
        """Return an SMS campaign.  Refuses an id of nobody's, or of another's."""
        return self._found(self.campaigns, number)

    def voice_campaign(self, number: int) -> VoiceCampaign:
        """Return a voice campaign.  Refuses an id of nobody's, or of another's."""
        return self._found(self.voice_campaigns, number)

    def email_campaign(self, number: int) -> EmailCampaign:
        """Return an e-mail campaign.  Refuses an id of nobody's, or of another's."""
        return self._found(self.email_campaigns, number)

    def receivers(self, system_id: str) -> Iterator[Link]:
        """Yield the sessions that take receipts of a client."""
        for link in self.links.values():
            if link.system_id == system_id and link.receives:
                yield link

    def needs_rest(self) -> None:
        """Refuse with ``CLOCK_IN_MOTION`` while somebody moves the clock."""
        if self.moving:
            why = (
                f"somebody advances or settles the world {self.name}; wait for the end"
            )
            raise Refusal(CLOCK_IN_MOTION, why)

    def admit(self, count: int) -> None:
        """Refuse what would hold more messages than a world may."""
        capacity = self.commons.capacity
        if self.volume + count > capacity:
            why = (
                f"the world holds {self.volume} of {capacity} messages "
                "(--max-messages); reset it, or use another"
            )
            raise Refusal(WORLD_FULL, why)

    def _found(self, table: Mapping[int, Kept], number: int) -> Kept:
        if number not in table:
            why = f"world {self.name} has no such campaign with the id {number}"
            raise Refusal(NO_SUCH_CAMPAIGN, why)
        return table[number]

    # --- How it changes -----------------------------------------------------------

    def keep(self, change: object) -> None:
        """Have *change* carried out with the transaction that this is part of.

        It is a thing of the domain, or one of ``changes.py``.
        """
        drafts = self.commons.drafts
        if self in drafts:
            drafts[self].append(change)
        else:
            drafts[self] = [change]

    def then(self, action: Callable[[], object]) -> None:
        """Have *action* done with the transaction that this is part of."""
        self.keep(Then(action))

    def charge(self, amount: int, *, reason: str, reference: int, now: datetime) -> int:
        """Take *amount* millionths and return what remains; negative gives back.

        Refuses with ``INSUFFICIENT_BALANCE`` while credit is enforced.

        Source: manual SMS-43; assumption SMS-45.
        """
        remaining = self.balance - amount
        if amount > 0 > remaining and self.account.assumptions["credit"] == "enforce":
            why = f"{shown(amount)} is needed and {shown(self.balance)} is left"
            raise Refusal(INSUFFICIENT_BALANCE, why)
        if amount:
            self.keep(Movement(now, -amount, reason, reference))
        return remaining

    def strike(self, facts: Facts, place: Place) -> Rule | None:
        """Return the fault rule that strikes a call, if one does, and count it."""
        draft = self.commons.drafts.get(self, [])
        kept = (each for each in reversed(draft) if isinstance(each, Rules))
        rules = next(kept, Rules(self.faults)).rules
        seed = self.account.seed
        rule, counted = strike(rules, facts, place=place, seed=seed)
        if counted != rules:
            self.keep(Rules(counted))
        if rule is not None:
            self.then(lambda: self.tally.faults.update((facts.operation,)))
        return rule

    def rows_of(self, changes: Sequence[Any]) -> list[Row]:
        """Return what *changes*, which are not carried out yet, are going to change."""
        rows = super().rows_of(changes)
        dials = [each for each in changes if isinstance(each, Dial)]
        return [*rows, self._dialled(dials)] if dials else rows

    def rows(self) -> Iterator[Row]:
        """Yield all of it."""
        yield from super().rows()
        yield self._dialled([])

    def _dialled(self, dials: list[Dial]) -> Row:
        at, rate, wall = self.clock.reading()
        for each in dials:
            at = at if each.at is None else each.at
            rate = rate if each.rate is None else each.rate
        return CLOCK, 0, encode({"at": at, "rate": rate, "wall": wall})

    def apply(self, changes: list[Any]) -> None:
        """Carry *changes* out."""
        for each in changes:
            for step in STEPS.get(type(each), BY_ITSELF):
                step(self, each)

    def put(self, state: State, *, at: datetime, rate: float) -> None:
        """Take *state* over, and the time; its short links then lead here.

        Nothing happens by itself until it resumes.
        """
        self.take(state)
        self.campaigns = {
            number: each._replace(world=self.name) if each.link else each
            for number, each in self.campaigns.items()
        }
        self.clock = Clock(at=at, rate=rate)

    def abandon(self) -> None:
        """Let nothing leave any more, and nobody stay: the world is gone."""
        self._outbox, self.schedule = Outbox(), Schedule()
        self.alarm()
        for link in tuple(self.links.values()):
            link.cut()

    def set_aside(self, why: str) -> None:
        """Serve nobody any more, and say *why*; ``resume`` ends that."""
        self.trouble = why
        self.abandon()
        self.ring()

    def resume(self) -> None:
        """Have happen what the state says will happen."""
        self.trouble = ""
        self.plans += 1
        self.revisions += 1
        self.schedule = Schedule()
        had_one = self._outbox is not None
        if self._outbox is not None:
            self._outbox = Outbox(self._outbox.relays)
        plans.put_down(self)
        if had_one or self.schedule.next_at != NEVER:  # most worlds have nothing ahead
            self.alarm()

    def opened_by(self, literal: str) -> None:
        """Let a token lead here."""
        self.commons.directory[literal] = self

    def forget_token(self, literal: str) -> None:
        """Know of a token that was deleted that it was one, and of so many before."""
        for oldest in self.revoked[: 1 - REVOKED]:
            self.commons.directory.pop(oldest, None)
        self.revoked = (*self.revoked[1 - REVOKED :], literal)

    # --- Who is told --------------------------------------------------------------

    def alarm(self) -> None:
        """Tell who carries things away to look here."""
        self.commons.alarm(self)

    def listen(self, bell: Callable[[], None]) -> None:
        """Have *bell* rung when something changes here."""
        self.listeners |= {bell}

    def unlisten(self, bell: Callable[[], None]) -> None:
        self.listeners -= {bell}

    def ring(self) -> None:
        """Tell those who wait here that something has changed."""
        for each in self.listeners:
            each()
