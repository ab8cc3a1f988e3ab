"""A world: one customer account and everything that hangs off it.

The only mutable object.  An operation reads it, decides, and *keeps* what is new; the
door *commits* what was kept in one step, or *forgets* it, so that an operation that
refuses or fails has changed nothing.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol, TypeVar

from emulator.clock import Clock
from emulator.domain.account import Account, Movement, Token
from emulator.domain.delivery import Delivery, Kind
from emulator.domain.email import EmailCampaign
from emulator.domain.hlr import Lookup
from emulator.domain.keyword import Received
from emulator.domain.money import shown
from emulator.domain.receipt import next_told
from emulator.domain.refusals import (
    CLOCK_IN_MOTION,
    INSUFFICIENT_BALANCE,
    NO_SUCH_CAMPAIGN,
    WORLD_FULL,
    Refusal,
)
from emulator.domain.replies import expected
from emulator.domain.responses import Response
from emulator.domain.smpp import Submission
from emulator.domain.sms import Campaign
from emulator.domain.voice import VoiceCampaign
from emulator.event import Event, Log
from emulator.faults import Delayed, Facts, Place, Rule, strike
from emulator.history import History
from emulator.journal import Archive, Journal
from emulator.link import Link
from emulator.outbox import Outbox
from emulator.schedule import Schedule
from emulator.tally import Tally

Kept = TypeVar("Kept")
REVOKED = 100  # deleted tokens of which a refusal says that they were

# Ids grow from the manual's own (SMS-49, DLR-18, VOI-46, VOI-22, EML-20, MO-18); those
# of look-ups (LOST-01) and deliveries are ours.
FIRST_IDS = {
    "campaign": 8528238,
    "message": 46608336,
    "voice": 481776,
    "call": 754061,
    "email": 28648,
    "hlr": 90210,
    "response": 977929,
    "delivery": 1,
}


@dataclass(frozen=True, slots=True)
class Click:
    """Somebody followed a short link.  Source: assumption CLC-16."""

    at: datetime
    message: int


@dataclass(frozen=True, slots=True)
class Revoked:
    """A token that was deleted."""

    literal: str


class Answering(NamedTuple):
    """A handset has answered a campaign by itself, perhaps before its time."""

    campaign: int
    early: int | None = None  # the message's place in it


class Mailed(NamedTuple):
    """A receipt that lies where its client takes it, from its beginning on."""

    delivery: Delivery


State = Mapping[str, Any]  # a container or a value for each name in STATE
Entity = (
    Campaign
    | Submission
    | VoiceCampaign
    | EmailCampaign
    | Lookup
    | Response
    | Click
    | Delivery
    | Mailed
    | Received
    | Answering
    | Event
    | Token
    | Revoked
    | Movement
    | Account
)
# What makes a world what it is, but for its name, tokens, clock and journal: containers
# of values that never change, so that a copy is shallow and quick.
STATE = (
    "account",
    "balance",
    "answered",
    "campaigns",
    "clicks",
    "deliveries",
    "early",
    "email_campaigns",
    "faults",
    "faults_made",
    "lookups",
    "movements",
    "opening",
    "received",
    "responses",
    "submissions",
    "tokens_made",
    "voice_campaigns",
    "volume",
    "_alike",
    "_first_messages",
    "_next",
    "_their_campaigns",
)


def _nobody(_world: "World") -> None:
    """Carry nothing away."""


class Keeper(Protocol):
    """Who keeps worlds beyond the process; each method refuses where it cannot."""

    def mark(self, world: "World") -> None:
        """Note that *world* is new, or another than it was."""

    def write(
        self, world: "World", entities: Sequence[Entity], *, happened: bool
    ) -> None:
        """Keep what is about to change, or has *happened*."""

    def look(self, world: "World") -> None:
        """Keep what has changed outside of transactions."""

    def leave(self, world: "World", deliveries: Iterable[int]) -> None:
        """Note that *deliveries* are about to leave."""

    def drop(self, world: "World", delivery: int) -> None:
        """Note that a delivery is forgotten."""

    def forget(self, world: "World") -> None:
        """Note that *world* is gone."""


class Memory(Keeper):
    """Keeps nothing beyond the process."""

    def mark(self, world: "World") -> None:
        pass

    def write(
        self, world: "World", entities: Sequence[Entity], *, happened: bool
    ) -> None:
        pass

    def look(self, world: "World") -> None:
        pass

    def leave(self, world: "World", deliveries: Iterable[int]) -> None:
        pass

    def drop(self, world: "World", delivery: int) -> None:
        pass

    def forget(self, world: "World") -> None:
        pass


@dataclass(slots=True)
class Commons:
    """What all worlds of a process share."""

    directory: "dict[str, World]" = field(default_factory=dict)  # by token
    tally: Tally = field(default_factory=Tally)
    archive: Archive = field(default_factory=Archive)
    capacity: int = 5_000_000  # messages a world may hold
    deliveries: int = 10_000  # that are over, which a world remembers
    alarm: "Callable[[World], None]" = _nobody  # told that something may leave
    keeper: Keeper = field(default_factory=Memory)


class World:
    """One account's state.  Nothing in it is shared with another world."""

    __slots__ = (  # with so many attributes, a dictionary takes 2 KiB a world
        *STATE,
        "_alike",
        "_commons",
        "_history",
        "_kept",
        "clock",
        "delayed",
        "deliveries_dropped",
        "edition",
        "happened",
        "journal",
        "links",
        "listeners",
        "moving",
        "name",
        "_outbox",
        "__weakref__",
        "plans",
        "revisions",
        "revoked",
        "schedule",
        "tokens",
    )

    def __init__(
        self,
        name: str,
        account: Account,
        *,
        clock: Clock,
        commons: Commons,
    ) -> None:
        self.name = name
        self.account = account
        self.clock = clock
        self.journal = Journal(commons.archive)
        self.tokens: dict[str, Token] = {}  # by literal
        self.tokens_made = 0
        self.faults: tuple[Rule, ...] = ()
        self.faults_made = 0
        self.campaigns: dict[int, Campaign] = {}
        self.submissions: dict[int, Submission] = {}  # of campaigns that came by SMPP
        self.voice_campaigns: dict[int, VoiceCampaign] = {}
        self.email_campaigns: dict[int, EmailCampaign] = {}
        self.volume = 0  # messages of all channels, look-ups included
        self.lookups: list[Lookup] = []
        self.responses: list[Response] = []
        self.answered: dict[int, int] = {}  # replies that came, by campaign
        self.early: dict[int, tuple[int, ...]] = {}  # places of what came too early
        self.received: list[Received] = []  # texts with a keyword
        self.deliveries: dict[int, Delivery] = {}  # by id
        self.clicks: list[Click] = []
        self.movements: list[Movement] = []
        self.opening = account.credit  # millionths
        self.balance = account.credit  # opening credit + the sum of all movements
        self._next = FIRST_IDS  # until the first of them is given
        self._first_messages: list[int] = []  # of the campaigns, ...
        self._their_campaigns: list[int] = []  # ... whose ids these are
        self._alike: dict[int, int] = {}  # the last submission of each likeness
        self.links: dict[int, Link] = {}  # sessions of SMPP that are bound here
        self._commons = commons
        self.listeners: frozenset[Callable[[], None]] = frozenset()
        self.revoked: tuple[str, ...] = ()  # literals that were deleted, the last ones
        self.delayed: dict[int, Delayed] = {}  # answers that a fault holds back
        self.edition = 0  # grows with every change
        self.plans = 0  # grows with every change of what will happen
        self.revisions = 0  # grows where something happens otherwise than planned
        self.happened = Log()
        self._outbox: Outbox | None = None  # most worlds never need one
        self._history: History | None = None  # ... nor anybody who looks at it
        self.schedule = Schedule()
        self.deliveries_dropped = 0  # of those that were over
        self.moving = False  # whether somebody moves the clock
        self._kept: list[Entity] = []

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
        return self._commons.tally

    def upcoming(self, kind: str) -> int:
        """Return the id that the next entity of *kind* takes."""
        return self._next[kind]

    def campaign(self, number: int) -> Campaign:
        """Return an SMS campaign.  Refuses an id of nobody's, or of another's."""
        return self._found(self.campaigns, number)

    def voice_campaign(self, number: int) -> VoiceCampaign:
        """Return a voice campaign.  Refuses an id of nobody's, or of another's."""
        return self._found(self.voice_campaigns, number)

    def email_campaign(self, number: int) -> EmailCampaign:
        """Return an e-mail campaign.  Refuses an id of nobody's, or of another's."""
        return self._found(self.email_campaigns, number)

    def campaign_of(self, message: int) -> Campaign | None:
        """Return the SMS campaign that *message* belongs to."""
        index = bisect_right(self._first_messages, message) - 1
        if index < 0:
            return None
        campaign = self.campaigns[self._their_campaigns[index]]
        inside = message < campaign.first_message + campaign.line.messages
        return campaign if inside else None

    def submitted(self, message: int) -> tuple[Campaign, Submission] | None:
        """Return the campaign whose id was answered over SMPP, and what is known."""
        campaign = self.campaign_of(message)
        submission = self.submissions.get(campaign.id) if campaign else None
        if campaign is None or submission is None or submission.message != message:
            return None
        return campaign, submission

    def alike(self, submission: Submission) -> Campaign | None:
        """Return the last campaign of the same client, sender and recipients."""
        number = self._alike.get(hash(submission.likeness))
        known = self.submissions.get(number) if number else None
        if known is None or known.likeness != submission.likeness:
            return None
        return self.campaigns[known.id]

    def state(self) -> State:
        """Return what the world is now; it stays so whatever happens to the world."""
        return {name: copy(getattr(self, name)) for name in STATE}

    def become(self, state: State, *, at: datetime, rate: float) -> None:
        """Take *state* over, and the time; its short links then lead here."""
        for name in STATE:
            setattr(self, name, copy(state[name]))
        self.campaigns = {
            number: each._replace(world=self.name) if each.link else each
            for number, each in self.campaigns.items()
        }
        self.clock = Clock(at=at, rate=rate)
        self.edition += 1
        self.plans += 1
        self.revisions += 1
        self._plan()
        self._commons.keeper.mark(self)

    def abandon(self) -> None:
        """Let nothing leave any more: the world is gone."""
        self._outbox, self.schedule = Outbox(), Schedule()
        self.alarm()

    def strike(self, facts: Facts, place: Place) -> Rule | None:
        """Return the fault rule that strikes a call, if one does, and count it."""
        rule, counted = strike(self.faults, facts, place=place, seed=self.account.seed)
        if counted != self.faults:
            self.faults = counted
        if rule is not None:
            self.tally.faults[facts.operation] += 1
        return rule

    def needs_rest(self) -> None:
        """Refuse with ``CLOCK_IN_MOTION`` while somebody moves the clock."""
        if self.moving:
            why = (
                f"somebody advances or settles the world {self.name}; wait for the end"
            )
            raise Refusal(CLOCK_IN_MOTION, why)

    @contextmanager
    def moved(self) -> Iterator[None]:
        """Hold the clock still but for the one who moves it; then it runs on."""
        rate = self.clock.rate
        self.clock.run(0)
        self.moving = True
        try:
            yield
        finally:
            self.moving = False
            self.clock.run(rate)

    def admit(self, count: int) -> None:
        """Refuse what would hold more messages than a world may."""
        capacity = self._commons.capacity
        if self.volume + count > capacity:
            why = (
                f"the world holds {self.volume} of {capacity} messages "
                "(--max-messages); reset it, or use another"
            )
            raise Refusal(WORLD_FULL, why)

    def keep(self, entity: Entity) -> None:
        """Add *entity*, or put it in the place of the one with its id, on commit."""
        self._kept.append(entity)

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

    def revoke(self, token: Token) -> None:
        """Delete *token*; from then on it is refused."""
        self._kept.append(Revoked(token.literal))

    def commit(self, *, happened: bool = False) -> None:
        """Carry out what was kept.

        Refuses where the disk does, unless it has *happened* whatever the disk says.
        """
        try:
            self._commons.keeper.write(self, self._kept, happened=happened)
        except Refusal:
            self.forget()
            raise
        self.edition += 1
        for entity in self._kept:
            _CARRIED_OUT[type(entity)](self, entity)
        self._kept.clear()

    def forget(self) -> None:
        """Drop what was kept."""
        self._kept.clear()

    def rest(self) -> None:
        """Have kept what has changed outside of transactions, the journal too.

        Refuses where the disk does.
        """
        self._commons.keeper.look(self)

    def send_off(self, deliveries: Iterable[int]) -> None:
        """Note that *deliveries* are about to leave."""
        self._commons.keeper.leave(self, deliveries)

    def alarm(self) -> None:
        """Tell who carries things away to look here."""
        self._commons.alarm(self)

    def listen(self, bell: Callable[[], None]) -> None:
        """Have *bell* rung when something changes here."""
        self.listeners |= {bell}

    def unlisten(self, bell: Callable[[], None]) -> None:
        self.listeners -= {bell}

    def receivers(self, system_id: str) -> Iterator[Link]:
        """Yield the sessions that take receipts of a client."""
        for link in self.links.values():
            if link.system_id == system_id and link.receives:
                yield link

    @property
    def is_mailing(self) -> bool:
        """Whether a receipt waits for somebody who can take it at once."""
        mail = self.outbox.mail
        return any(
            mail.get(link.system_id) and link.receives and link.has_room()
            for link in self.links.values()
        )

    def ring(self) -> None:
        """Tell those who wait here that something has changed."""
        for each in self.listeners:
            each()

    def _plan(self) -> None:
        """Put down anew what the state says will happen."""
        self._outbox = Outbox(self.outbox.relays)
        self.schedule = Schedule()
        for campaign in self.campaigns.values():
            if expected(campaign):
                self._expect(campaign)
        for submission in self.submissions.values():
            self._tell(submission)
        for delivery in self.deliveries.values():
            self._wait(delivery)
            if delivery.is_over:
                self.outbox.over.append(delivery.id)
        self.alarm()

    def _wait(self, delivery: Delivery) -> None:
        """Put down when *delivery* is due, and whether it lets another go before."""
        self.schedule.wait(delivery)
        self.outbox.hold(delivery)

    def _tell(self, submission: Submission) -> None:
        """Put down when the client is told the next fate."""
        following = next_told(self.campaigns[submission.id], submission)
        self.schedule.tell(submission.id, following[1] if following else None)

    def _expect(self, campaign: Campaign) -> None:
        self.schedule.expect(
            campaign,
            seed=self.account.seed,
            done=self.answered.get(campaign.id, 0),
            early=self.early.get(campaign.id, ()),
        )

    def _found(self, table: Mapping[int, Kept], number: int) -> Kept:
        if number not in table:
            why = f"world {self.name} has no such campaign with the id {number}"
            raise Refusal(NO_SUCH_CAMPAIGN, why)
        return table[number]

    def _count(self, channel: str, messages: int) -> None:
        self.volume += messages
        self._commons.tally.messages[channel] += messages

    def _give(self, kind: str, following: int) -> None:
        """Note that the ids before *following* have been given."""
        if self._next is FIRST_IDS:
            self._next = dict(FIRST_IDS)
        self._next[kind] = following

    def _keep_campaign(self, campaign: Campaign) -> None:
        if campaign.id not in self.campaigns:
            self._first_messages.append(campaign.first_message)
            self._their_campaigns.append(campaign.id)
            self._give("campaign", campaign.id + 1)
            self._give("message", campaign.first_message + campaign.line.messages)
            channel = "smsclic" if campaign.link else "sms"
            self._count(channel, campaign.line.messages)
        else:
            self.revisions += 1
        self.campaigns[campaign.id] = campaign
        self.plans += 1
        if campaign.id in self.submissions:
            self._tell(self.submissions[campaign.id])
            self.alarm()
        if expected(campaign):
            self._expect(campaign)
            self.alarm()

    def _keep_submission(self, submission: Submission) -> None:
        known = self.submissions.get(submission.id)
        self.submissions[submission.id] = submission
        if submission.registered and submission.told < len(submission.destinations):
            self._tell(submission)
            self.alarm()
        if known is None:
            self._alike[hash(submission.likeness)] = submission.id

    def _keep_voice(self, campaign: VoiceCampaign) -> None:
        if campaign.id not in self.voice_campaigns:
            self._give("voice", campaign.id + 1)
            self._give("call", campaign.first_call + campaign.line.messages)
            self._count("voice", campaign.line.messages)
        else:
            self.revisions += 1
        self.voice_campaigns[campaign.id] = campaign
        self.plans += 1

    def _keep_email(self, campaign: EmailCampaign) -> None:
        self.email_campaigns[campaign.id] = campaign
        self._count("email", campaign.count)
        self._give("email", campaign.id + 1)
        self.plans += 1

    def _keep_lookup(self, lookup: Lookup) -> None:
        self.lookups.append(lookup)
        self._count("hlr", 1)
        self._give("hlr", lookup.id + 1)

    def _keep_response(self, response: Response) -> None:
        self.responses.append(response)
        self._give("response", response.id + 1)

    def _keep_answering(self, answering: Answering) -> None:
        campaign, early = answering
        if early is None:
            self.answered[campaign] = self.answered.get(campaign, 0) + 1
        else:
            self.early[campaign] = (*self.early.get(campaign, ()), early)
            self._expect(self.campaigns[campaign])

    def _keep_received(self, received: Received) -> None:
        self.received.append(received)

    def _keep_delivery(self, delivery: Delivery) -> None:
        if delivery.id not in self.deliveries:
            self._give("delivery", delivery.id + 1)
        self.deliveries[delivery.id] = delivery
        self._wait(delivery)
        if delivery.due_at is None:
            self.outbox.over.append(delivery.id)
            self._bound_deliveries()
        if not (delivery.is_over and delivery.kind is Kind.RECEIPT):
            self.alarm()

    def _keep_mailed(self, mailed: Mailed) -> None:
        delivery = mailed.delivery
        self._give("delivery", delivery.id + 1)
        self.deliveries[delivery.id] = delivery

    def _keep_event(self, event: Event) -> None:
        self.happened.add(event)

    def _keep_click(self, click: Click) -> None:
        self.clicks.append(click)

    def _keep_movement(self, movement: Movement) -> None:
        self.movements.append(movement)
        self.balance += movement.amount

    def _keep_token(self, token: Token) -> None:
        self.tokens_made += token.literal not in self.tokens
        self.tokens[token.literal] = token
        self._commons.directory[token.literal] = self
        self.plans += 1

    def _bound_deliveries(self) -> None:
        """Forget the oldest of the deliveries that are over, but for so many."""
        over = self.outbox.over
        while over and len(self.deliveries) > self._commons.deliveries:
            oldest = over.popleft()
            if oldest in self.deliveries and self.deliveries[oldest].is_over:
                del self.deliveries[oldest]
                self._commons.keeper.drop(self, oldest)
                self.deliveries_dropped += 1

    def _keep_account(self, account: Account) -> None:
        self.account = account

    def _keep_revoked(self, revoked: Revoked) -> None:
        """Delete a token; of the latest the directory still knows whose they were."""
        del self.tokens[revoked.literal]
        for oldest in self.revoked[: 1 - REVOKED]:
            self._commons.directory.pop(oldest, None)
        self.revoked = (*self.revoked[1 - REVOKED :], revoked.literal)


_CARRIED_OUT: Mapping[type, Callable[[World, Any], None]] = {
    Campaign: World._keep_campaign,  # noqa: SLF001 - the class's own table
    Submission: World._keep_submission,  # noqa: SLF001
    VoiceCampaign: World._keep_voice,  # noqa: SLF001
    EmailCampaign: World._keep_email,  # noqa: SLF001
    Lookup: World._keep_lookup,  # noqa: SLF001
    Response: World._keep_response,  # noqa: SLF001
    Click: World._keep_click,  # noqa: SLF001
    Delivery: World._keep_delivery,  # noqa: SLF001
    Mailed: World._keep_mailed,  # noqa: SLF001
    Received: World._keep_received,  # noqa: SLF001
    Answering: World._keep_answering,  # noqa: SLF001
    Event: World._keep_event,  # noqa: SLF001
    Movement: World._keep_movement,  # noqa: SLF001
    Token: World._keep_token,  # noqa: SLF001
    Account: World._keep_account,  # noqa: SLF001
    Revoked: World._keep_revoked,  # noqa: SLF001
}
