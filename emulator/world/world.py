"""A world: one customer account and everything that belongs to it.

The only mutable object.  An operation reads it, decides, and *keeps* what is new; who
carries the operation out has that written and then applied, in one step, or forgets it,
so that an operation that refuses or fails has changed nothing.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, TypeVar

from emulator.domain.account import Account, Movement, MovementReason
from emulator.domain.bounds import MAX_CREDIT, MAX_INTEGER
from emulator.domain.channel import CHANNELS, AnyCampaign
from emulator.domain.email import EmailCampaign
from emulator.domain.emulator_refusals import (
    BALANCE_TOO_LARGE,
    CLOCK_IN_MOTION,
    WORLD_FULL,
)
from emulator.domain.money import to_rounded_amount
from emulator.domain.platform_refusals import INSUFFICIENT_BALANCE, NO_SUCH_CAMPAIGN
from emulator.domain.refusals import Refusal
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
from emulator.world.balance_history import BalanceHistory
from emulator.world.bound_session import BoundSession
from emulator.world.changes import ClockChanged, CommitAction, FaultRulesChanged
from emulator.world.consequences import plan_all
from emulator.world.containers import StateRow, encode_row_value
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
        "clock",
        "delayed_answers",
        "event_log",
        "is_clock_moving",
        "journal",
        "listeners",
        "name",
        "outbox",
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
        self.sessions: dict[int, BoundSession] = {}  # of SMPP, bound here
        self.listeners: frozenset[Callable[[], None]] = frozenset()
        self.delayed_answers: dict[int, DelayedResponse] = {}  # held by a fault
        self.plan_version = 0  # grows with every change of what will happen
        self.replan_version = 0  # grows where something happens otherwise than planned
        self.event_log = EventLog()
        self.work_queue = WorkQueue()
        self.is_clock_moving = False  # whether a command moves the clock
        self.trouble = ""  # why it is set aside
        self.shared = shared  # what it shares with the others of the process
        self.outbox = Outbox()  # the deliveries that may leave this world now
        # Most worlds are never asked for it
        self._balance_history: BalanceHistory | None = None

    # --- What it is ---------------------------------------------------------------

    @property
    def balance_history(self) -> BalanceHistory:
        """The movements of the balance, in order of time."""
        known = self._balance_history
        if known is None or known.source is not self.movements:
            known = BalanceHistory(self.opening, self.movements)
            self._balance_history = known
        return known

    def get_campaign(self, number: int) -> SmsCampaign:
        """Return an SMS campaign.  Refuses any other id."""
        return self._require_campaign(self.campaigns, number)

    def get_voice_campaign(self, number: int) -> VoiceCampaign:
        """Return a voice campaign.  Refuses any other id."""
        return self._require_campaign(self.voice_campaigns, number)

    def get_email_campaign(self, number: int) -> EmailCampaign:
        """Return an e-mail campaign.  Refuses any other id."""
        return self._require_campaign(self.email_campaigns, number)

    def get_channel_campaign(self, channel: str, number: int) -> AnyCampaign:
        """Return a campaign of the channel with this name.  Refuses an unknown id."""
        table: dict[int, AnyCampaign] = getattr(self, CHANNELS[channel].table)
        return self._require_campaign(table, number)

    def find_receivers(self, system_id: str) -> Iterator[BoundSession]:
        """Yield the sessions of a client that take receipts."""
        for link in self.sessions.values():
            if link.system_id == system_id and link.can_receive:
                yield link

    def require_clock_at_rest(self) -> None:
        """Refuse with ``CLOCK_IN_MOTION`` while a command moves the clock."""
        if self.is_clock_moving:
            why = (
                f"the world {self.name} is being advanced or settled; wait for the end"
            )
            raise Refusal(CLOCK_IN_MOTION, why)

    def require_capacity(self, count: int) -> None:
        """Refuse *count* more messages than a world may hold."""
        capacity = self.shared.message_limit
        if self.volume + count > capacity:
            why = (
                f"the world holds {self.volume} of {capacity} messages "
                "(--max-messages); reset it, or use another"
            )
            raise Refusal(WORLD_FULL, why)

    def has_record_room(self) -> bool:
        """Whether another click, movement or text fits: as many as messages."""
        kept = len(self.received) + len(self.responses) + len(self.clicks)
        return kept + len(self.movements) < self.shared.message_limit

    def require_record_room(self) -> None:
        """Refuse another movement or text where there is no room for it."""
        if not self.has_record_room():
            why = (
                f"the world holds {self.shared.message_limit} clicks, movements and "
                "texts (--max-messages); reset it, or use another"
            )
            raise Refusal(WORLD_FULL, why)

    def _require_campaign(self, table: Mapping[int, Kept], number: int) -> Kept:
        if number not in table:
            why = f"world {self.name} has no such campaign with the id {number}"
            raise Refusal(NO_SUCH_CAMPAIGN, why)
        return table[number]

    # --- How it changes -----------------------------------------------------------

    def keep_change(self, change: object) -> None:
        """Add *change* to the open transaction, which applies it.

        It is a thing of the domain, or one of ``changes.py``.
        """
        self.shared.drafts.setdefault(self, []).append(change)

    def run_on_commit(self, action: Callable[[], object]) -> None:
        """Add *action* to the open transaction, which calls it when it is applied."""
        self.keep_change(CommitAction(action))

    def charge_credit(
        self, amount: int, *, reason: MovementReason, reference: int, now: datetime
    ) -> int:
        """Take *amount* millionths and return the new balance; negative adds.

        Refuses with ``INSUFFICIENT_BALANCE`` while credit is enforced, and with
        ``BALANCE_TOO_LARGE`` what no number of JSON can say.

        Source: manual SMS-43; assumption SMS-45.
        """
        remaining = self.balance - amount
        if max(abs(amount), abs(remaining)) > MAX_INTEGER:
            raise Refusal(BALANCE_TOO_LARGE, f"it lies within {MAX_CREDIT} of zero")
        chosen = self.account.assumptions.chosen
        if amount > 0 > remaining and chosen["credit"] == "enforce":
            needed, left = map(to_rounded_amount, (amount, self.balance))
            raise Refusal(
                INSUFFICIENT_BALANCE, f"{needed} is needed and {left} is left"
            )
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
            struck = self.shared.counters.faults
            self.run_on_commit(lambda: struck.update((facts.operation,)))
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

    def put_state(self, state: WorldState, *, at: datetime, rate: float) -> None:
        """Take over *state* and the time; its short links then find this world.

        Nothing happens by itself until it resumes.
        """
        self.copy_from(state)
        self.campaigns = {
            number: each._replace(world=self.name) if each.link else each
            for number, each in self.campaigns.items()
        }
        self.clock = Clock(at=at, rate=rate)

    def stop_activity(self) -> None:
        """Stop all deliveries and disconnect the sessions: the world is gone."""
        self.outbox, self.work_queue = Outbox(), WorkQueue()
        self.shared.wake_courier(self)
        for link in tuple(self.sessions.values()):
            link.disconnect()

    def set_aside(self, why: str) -> None:
        """Refuse all requests, with *why* as the reason; ``resume`` ends that."""
        self.trouble = why
        self.stop_activity()
        self.notify_listeners()

    def resume_activity(self) -> None:
        """Schedule again what follows from the state."""
        self.trouble = ""
        self.plan_version += 1
        self.replan_version += 1
        self.work_queue = WorkQueue()
        if was_in_use := self.outbox.is_in_use:
            self.outbox = Outbox(self.outbox.relays)
        plan_all(self)
        if was_in_use or self.work_queue.next_at != NEVER:
            self.shared.wake_courier(self)

    def register_token(self, literal: str) -> None:
        """Let a token find this world."""
        self.shared.worlds_by_token[literal] = self

    def forget_token(self, literal: str) -> None:
        """Know of a token that was deleted that it was one, and of so many before.

        All worlds together know of ``MOST_REVOKED_OVERALL``.
        """
        for oldest in self.revoked[: 1 - MOST_REVOKED_TOKENS]:
            self.shared.worlds_by_token.pop(oldest, None)
        self.revoked = (*self.revoked[1 - MOST_REVOKED_TOKENS :], literal)
        self.shared.note_revocation(self, literal)

    # --- Notifications ------------------------------------------------------------

    def add_listener(self, listener: Callable[[], None]) -> None:
        """Call *listener* whenever something changes here."""
        self.listeners |= {listener}

    def remove_listener(self, listener: Callable[[], None]) -> None:
        self.listeners -= {listener}

    def notify_listeners(self) -> None:
        """Call the listeners: something has changed."""
        for each in self.listeners:
            each()
