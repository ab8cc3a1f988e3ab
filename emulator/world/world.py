"""A world: one customer account and everything that hangs off it.

The only mutable object.  An operation reads it, decides, and *keeps* what is new; who
carries the operation out has that written and then applied, in one step, or forgets it,
so that an operation that refuses or fails has changed nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from emulator.domain.account import Account, Movement
from emulator.domain.channel import CHANNELS, AnyCampaign
from emulator.domain.email import EmailCampaign
from emulator.domain.money import to_rounded_amount
from emulator.domain.refusals import (
    CLOCK_IN_MOTION,
    INSUFFICIENT_BALANCE,
    NO_SUCH_CAMPAIGN,
    WORLD_FULL,
    Refusal,
)
from emulator.domain.sms import SmsCampaign
from emulator.domain.voice import VoiceCampaign
from emulator.faults import (
    CallFacts,
    DelayedResponse,
    FaultPlace,
    FaultRule,
    find_striking_rule,
)
from emulator.timekeeping.clock import Clock
from emulator.timekeeping.event_log import EventLog
from emulator.timekeeping.work_queue import NEVER, WorkQueue
from emulator.world import plans
from emulator.world.balance_history import BalanceHistory
from emulator.world.bound_session import BoundSession
from emulator.world.changes import (
    ClockChanged,
    CommitAction,
    FaultRulesChanged,
)
from emulator.world.consequences import OWN_STEPS, STEPS
from emulator.world.containers import StateRow, encode_row_value
from emulator.world.counters import Counters
from emulator.world.journal import Journal
from emulator.world.outbox import Outbox
from emulator.world.shared_state import SharedState
from emulator.world.state import WorldState

Kept = TypeVar("Kept")
CLOCK_ROW = "clock"  # the kind of its row
MOST_REVOKED_TOKENS = 100  # deleted tokens of which a refusal says that they were


class World(WorldState):
    """One account's state.  Nothing in it is shared with another world."""

    __slots__ = (  # with so many attributes, a dictionary takes 2 KiB a world
        "__weakref__",
        "_balance_history",
        "_outbox",
        "clock",
        "delayed_answers",
        "event_log",
        "is_clock_moving",
        "journal",
        "listeners",
        "name",
        "plan_version",
        "replan_version",
        "revoked",
        "sessions",
        "shared",
        "trouble",
        "work_queue",
    )

    def __init__(
        self, name: str, account: Account, *, clock: Clock, shared: SharedState
    ) -> None:
        super().__init__(account)
        self.opening = self.balance = account.credit
        self.name = name
        self.clock = clock
        self.journal = Journal(shared.journal_pool)
        self.revoked: tuple[str, ...] = ()  # literals that were deleted, the last ones
        self.sessions: dict[
            int, BoundSession
        ] = {}  # sessions of SMPP that are bound here
        self.listeners: frozenset[Callable[[], None]] = frozenset()
        self.delayed_answers: dict[
            int, DelayedResponse
        ] = {}  # answers that a fault holds back
        self.plan_version = 0  # grows with every change of what will happen
        self.replan_version = 0  # grows where something happens otherwise than planned
        self.event_log = EventLog()
        self.work_queue = WorkQueue()
        self.is_clock_moving = False  # whether somebody moves the clock
        self.trouble = ""  # why it serves nobody
        self.shared = shared  # what it shares with the others of the process
        self._outbox: Outbox | None = None  # most worlds never need one
        self._balance_history: BalanceHistory | None = (
            None  # ... nor anybody who looks at it
        )

    # --- What it is ---------------------------------------------------------------

    @property
    def outbox(self) -> Outbox:
        """What may leave this world now."""
        if self._outbox is None:
            self._outbox = Outbox()
        return self._outbox

    @property
    def balance_history(self) -> BalanceHistory:
        """How the balance went."""
        if (
            self._balance_history is None
            or self._balance_history.source is not self.movements
        ):
            self._balance_history = BalanceHistory(self.opening, self.movements)
        return self._balance_history

    @property
    def counters(self) -> Counters:
        """What the process counts."""
        return self.shared.counters

    def get_campaign(self, number: int) -> SmsCampaign:
        """Return an SMS campaign.  Refuses an id of nobody's, or of another's."""
        return self._require_campaign(self.campaigns, number)

    def get_voice_campaign(self, number: int) -> VoiceCampaign:
        """Return a voice campaign.  Refuses an id of nobody's, or of another's."""
        return self._require_campaign(self.voice_campaigns, number)

    def get_email_campaign(self, number: int) -> EmailCampaign:
        """Return an e-mail campaign.  Refuses an id of nobody's, or of another's."""
        return self._require_campaign(self.email_campaigns, number)

    def get_channel_campaign(self, channel: str, number: int) -> AnyCampaign:
        """Return a campaign of the channel with this name.  Refuses an unknown id."""
        table: dict[int, AnyCampaign] = getattr(self, CHANNELS[channel].table)
        return self._require_campaign(table, number)

    def find_receivers(self, system_id: str) -> Iterator[BoundSession]:
        """Yield the sessions that take receipts of a client."""
        for link in self.sessions.values():
            if link.system_id == system_id and link.can_receive:
                yield link

    def require_clock_at_rest(self) -> None:
        """Refuse with ``CLOCK_IN_MOTION`` while somebody moves the clock."""
        if self.is_clock_moving:
            why = (
                f"somebody advances or settles the world {self.name}; wait for the end"
            )
            raise Refusal(CLOCK_IN_MOTION, why)

    def require_capacity(self, count: int) -> None:
        """Refuse what would hold more messages than a world may."""
        capacity = self.shared.message_limit
        if self.volume + count > capacity:
            why = (
                f"the world holds {self.volume} of {capacity} messages "
                "(--max-messages); reset it, or use another"
            )
            raise Refusal(WORLD_FULL, why)

    def _require_campaign(self, table: Mapping[int, Kept], number: int) -> Kept:
        if number not in table:
            why = f"world {self.name} has no such campaign with the id {number}"
            raise Refusal(NO_SUCH_CAMPAIGN, why)
        return table[number]

    # --- How it changes -----------------------------------------------------------

    def keep_change(self, change: object) -> None:
        """Have *change* carried out with the transaction that this is part of.

        It is a thing of the domain, or one of ``changes.py``.
        """
        drafts = self.shared.drafts
        if self in drafts:
            drafts[self].append(change)
        else:
            drafts[self] = [change]

    def run_on_commit(self, action: Callable[[], object]) -> None:
        """Have *action* done with the transaction that this is part of."""
        self.keep_change(CommitAction(action))

    def charge_credit(
        self, amount: int, *, reason: str, reference: int, now: datetime
    ) -> int:
        """Take *amount* millionths and return what remains; negative gives back.

        Refuses with ``INSUFFICIENT_BALANCE`` while credit is enforced.

        Source: manual SMS-43; assumption SMS-45.
        """
        remaining = self.balance - amount
        if amount > 0 > remaining and self.account.assumptions["credit"] == "enforce":
            needed, left = to_rounded_amount(amount), to_rounded_amount(self.balance)
            why = f"{needed} is needed and {left} is left"
            raise Refusal(INSUFFICIENT_BALANCE, why)
        if amount:
            self.keep_change(Movement(now, -amount, reason, reference))
        return remaining

    def match_fault_rule(self, facts: CallFacts, place: FaultPlace) -> FaultRule | None:
        """Return the fault rule that strikes a call, if one does, and count it."""
        draft = self.shared.drafts.get(self, [])
        kept = (each for each in reversed(draft) if isinstance(each, FaultRulesChanged))
        rules = next(kept, FaultRulesChanged(self.faults)).rules
        seed = self.account.seed
        rule, counted = find_striking_rule(rules, facts, place=place, seed=seed)
        if counted != rules:
            self.keep_change(FaultRulesChanged(counted))
        if rule is not None:
            self.run_on_commit(lambda: self.counters.faults.update((facts.operation,)))
        return rule

    def list_changed_rows(self, changes: Sequence[Any]) -> list[StateRow]:
        """Return what *changes*, which are not carried out yet, are going to change."""
        rows = super().list_changed_rows(changes)
        dials = [each for each in changes if isinstance(each, ClockChanged)]
        return [*rows, self._clock_row(dials)] if dials else rows

    def list_rows(self) -> Iterator[StateRow]:
        """Yield all of it."""
        yield from super().list_rows()
        yield self._clock_row([])

    def _clock_row(self, dials: list[ClockChanged]) -> StateRow:
        at, rate, wall = self.clock.take_reading()
        for each in dials:
            at = at if each.at is None else each.at
            rate = rate if each.rate is None else each.rate
        return CLOCK_ROW, 0, encode_row_value({"at": at, "rate": rate, "wall": wall})

    def apply_changes(self, changes: list[Any]) -> None:
        """Carry *changes* out."""
        for each in changes:
            for step in STEPS.get(type(each), OWN_STEPS):
                step(self, each)

    def put_state(self, state: WorldState, *, at: datetime, rate: float) -> None:
        """Take *state* over, and the time; its short links then lead here.

        Nothing happens by itself until it resumes.
        """
        self.copy_from(state)
        self.campaigns = {
            number: each._replace(world=self.name) if each.link else each
            for number, each in self.campaigns.items()
        }
        self.clock = Clock(at=at, rate=rate)

    def stop_activity(self) -> None:
        """Let nothing leave any more, and nobody stay: the world is gone."""
        self._outbox, self.work_queue = Outbox(), WorkQueue()
        self.wake_courier()
        for link in tuple(self.sessions.values()):
            link.disconnect()

    def set_aside(self, why: str) -> None:
        """Serve nobody any more, and say *why*; ``resume`` ends that."""
        self.trouble = why
        self.stop_activity()
        self.notify_listeners()

    def resume_activity(self) -> None:
        """Have happen what the state says will happen."""
        self.trouble = ""
        self.plan_version += 1
        self.replan_version += 1
        self.work_queue = WorkQueue()
        had_one = self._outbox is not None
        if self._outbox is not None:
            self._outbox = Outbox(self._outbox.relays)
        plans.plan_all(self)
        if (
            had_one or self.work_queue.next_at != NEVER
        ):  # most worlds have nothing ahead
            self.wake_courier()

    def register_token(self, literal: str) -> None:
        """Let a token lead here."""
        self.shared.worlds_by_token[literal] = self

    def forget_token(self, literal: str) -> None:
        """Know of a token that was deleted that it was one, and of so many before."""
        for oldest in self.revoked[: 1 - MOST_REVOKED_TOKENS]:
            self.shared.worlds_by_token.pop(oldest, None)
        self.revoked = (*self.revoked[1 - MOST_REVOKED_TOKENS :], literal)

    # --- Who is told --------------------------------------------------------------

    def wake_courier(self) -> None:
        """Tell who carries things away to look here."""
        self.shared.wake_courier(self)

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Have *bell* rung when something changes here."""
        self.listeners |= {listener}

    def remove_listener(self, listener: Callable[[], None]) -> None:
        self.listeners -= {listener}

    def notify_listeners(self) -> None:
        """Tell those who wait here that something has changed."""
        for each in self.listeners:
            each()
