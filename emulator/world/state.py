"""What a world keeps: the one list, from which all else follows.

Each field is a kind of thing, with how it is kept beside its type.  Copies, snapshots
and rows are made by going through the fields; a new kind is one more of them.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Annotated, Any, get_type_hints

from emulator.domain.account import Account, Movement, Token
from emulator.domain.delivery import Delivery
from emulator.domain.email import EmailCampaign
from emulator.domain.hlr import Lookup
from emulator.domain.keyword import Received
from emulator.domain.responses import Response
from emulator.domain.smpp import Submission
from emulator.domain.sms import Campaign
from emulator.domain.voice import VoiceCampaign
from emulator.faults import Rule
from emulator.world import checks
from emulator.world.changes import Click, FaultMade, Forgotten, TokenMade
from emulator.world.codec import Document, SnapshotError
from emulator.world.containers import (
    HEAD,
    ById,
    Ids,
    InOrder,
    Kind,
    NextIds,
    Number,
    Parts,
    Pending,
    Row,
    Span,
    encode,
)
from emulator.world.kinds import (
    AccountKind,
    AnsweredKind,
    Deliveries,
    EarlyKind,
    FaultsKind,
    LeavingKind,
    TokensKind,
)

# Ids grow from the manual's own (SMS-49, DLR-18, VOI-46, VOI-22, EML-20, MO-18); those
# of look-ups (LOST-01) and deliveries are ours.
CAMPAIGN, MESSAGE = Ids("campaign", 8528238), Ids("message", 46608336)
VOICE, CALL = Ids("voice", 481776), Ids("call", 754061)
EMAIL, HLR = Ids("email", 28648), Ids("hlr", 90210)
RESPONSE, DELIVERY = Ids("response", 977929), Ids("delivery", 1)
FIRST_IDS: Mapping[str, int] = dict(
    (CAMPAIGN, MESSAGE, VOICE, CALL, EMAIL, HLR, RESPONSE, DELIVERY)
)


def placed(campaign: Campaign | VoiceCampaign) -> Iterator[datetime]:
    """Yield when something has been done with a campaign."""
    yield campaign.created_at
    for each in campaign.line.interventions:
        yield each.at


def tried(delivery: Delivery) -> Iterator[datetime]:
    """Yield when something has been done with a delivery."""
    yield delivery.made_at
    for each in delivery.attempts:
        yield each.at


def created(campaign: EmailCampaign) -> Iterator[datetime]:
    """Yield when an e-mail campaign was placed."""
    yield campaign.created_at


def moved(movement: Movement) -> Iterator[datetime]:
    """Yield when money was moved."""
    yield movement.at


@dataclass(slots=True, eq=False, repr=False, init=False)
class State:
    """What makes a world what it is, but for its name, its clock and its journal.

    Containers of values that never change, so that a copy is shallow and quick.
    """

    account: Annotated[Account, AccountKind()]
    faults: Annotated[tuple[Rule, ...], FaultsKind()]
    opening: Annotated[int, Number()]  # millionths
    tokens_made: Annotated[int, Number(counts=TokenMade)]
    faults_made: Annotated[int, Number(counts=FaultMade)]
    deliveries_dropped: Annotated[int, Number(counts=Forgotten, is_own=True)]
    campaigns: Annotated[
        dict[int, Campaign],
        ById(
            Campaign,
            ids=CAMPAIGN,
            span=Span(MESSAGE, "first_message"),
            dated=placed,
            check=checks.of_campaign,
        ),
    ]
    submissions: Annotated[dict[int, Submission], ById(Submission)]  # came by SMPP
    voice_campaigns: Annotated[
        dict[int, VoiceCampaign],
        ById(
            VoiceCampaign,
            ids=VOICE,
            span=Span(CALL, "first_call"),
            dated=placed,
            check=checks.of_campaign,
        ),
    ]
    email_campaigns: Annotated[
        dict[int, EmailCampaign],
        ById(EmailCampaign, ids=EMAIL, dated=created, check=checks.of_email),
    ]
    deliveries: Annotated[
        dict[int, Delivery],
        Deliveries(ids=DELIVERY, dated=tried, check=checks.of_delivery),
    ]
    lookups: Annotated[list[Lookup], InOrder(Lookup, ids=HLR)]
    responses: Annotated[list[Response], InOrder(Response, ids=RESPONSE)]
    clicks: Annotated[list[Click], InOrder(Click)]
    received: Annotated[list[Received], InOrder(Received)]  # texts with a keyword
    movements: Annotated[list[Movement], InOrder(Movement, dated=moved)]
    answered: Annotated[dict[int, int], AnsweredKind()]  # replies, by campaign
    early: Annotated[dict[int, tuple[int, ...]], EarlyKind()]  # places, by campaign
    leaving: Annotated[dict[int, None], LeavingKind()]  # deliveries under way, perhaps
    tokens: Annotated[dict[str, Token], TokensKind()]  # by literal
    next: Annotated[Mapping[str, int], NextIds(FIRST_IDS)]
    # Read off the others, and copied with them.
    balance: int  # opening credit + the sum of all movements
    volume: int  # messages of all channels, look-ups included
    first_messages: list[int]  # of the campaigns, ...
    their_campaigns: list[int]  # ... whose ids these are
    alike: dict[int, int]  # the last submission of each likeness

    def __init__(self, account: Account) -> None:
        for name, kind in KINDS.items():
            setattr(self, name, kind.empty())
        self.account = account
        self.balance = self.volume = 0
        self.first_messages, self.their_campaigns, self.alike = [], [], {}

    def upcoming(self, kind: str) -> int:
        """Return the id that the next thing of *kind* takes."""
        return self.next[kind]

    def campaign_of(self, message: int) -> Campaign | None:
        """Return the SMS campaign that *message* belongs to."""
        index = bisect_right(self.first_messages, message) - 1
        if index < 0:
            return None
        campaign = self.campaigns[self.their_campaigns[index]]
        inside = message < campaign.first_message + campaign.line.messages
        return campaign if inside else None

    def submitted(self, message: int) -> tuple[Campaign, Submission] | None:
        """Return the campaign whose id was answered over SMPP, and what is known."""
        campaign = self.campaign_of(message)
        submission = self.submissions.get(campaign.id) if campaign else None
        if campaign is None or submission is None or submission.message != message:
            return None
        return campaign, submission

    def like(self, submission: Submission) -> Campaign | None:
        """Return the last campaign of the same client, sender and recipients."""
        number = self.alike.get(hash(submission.likeness))
        known = self.submissions.get(number) if number else None
        if known is None or known.likeness != submission.likeness:
            return None
        return self.campaigns[known.id]

    def take(self, state: "State") -> None:
        """Become what *state* is, which stays as it is."""
        for name, copied in _COPIES:
            setattr(self, name, copied(getattr(state, name)))

    def copy(self) -> "State":
        """Return what this is now; it stays so whatever happens here."""
        state = State(self.account)
        state.take(self)
        return state

    # --- Changes ------------------------------------------------------------------

    def give(self, kind: str, following: int) -> None:
        """Note that the ids before *following* have been given."""
        if self.next is FIRST_IDS:
            self.next = dict(FIRST_IDS)
        self.next[kind] = following  # type: ignore[index]

    def rows_of(self, changes: Sequence[Any]) -> list[Row]:
        """Return what *changes*, which are not carried out yet, are going to change."""
        rows: list[Row] = []
        pending: Pending = {}
        for change in changes:
            for kind in KINDS_OF.get(type(change), ()):
                rows += kind.rows_of(change, getattr(self, kind.name), pending)
        if any((HEAD, name) in pending for name in NUMBERS):
            rows.append(self._head(pending))
        return rows

    # --- As rows and as JSON ------------------------------------------------------

    def rows(self) -> Iterator[Row]:
        """Yield all of it."""
        for name, kind in KINDS.items():
            yield from kind.rows(getattr(self, name))
        yield self._head({})

    def _head(self, pending: Pending) -> Row:
        """Return what is counted, and which ids are next."""
        numbers = {
            name: pending.get((HEAD, name), getattr(self, name)) for name in NUMBERS
        }
        return HEAD, 0, encode({**numbers, "next": dict(self.next)})

    def written(self) -> Document:
        """Return it as a snapshot has it."""
        return {
            name: kind.written(getattr(self, name))
            for name, kind in KINDS.items()
            if kind.is_in_snapshot
        }

    @classmethod
    def read(
        cls, document: Mapping[str, Any], now: datetime, *, is_snapshot: bool = True
    ) -> "State":
        """Return the state that *document* says; ``check`` says whether it can be.

        Raises ``SnapshotError``: ``at campaigns.0.cost: Expected `int`, got `str```.
        """
        state = cls(KINDS["account"].read(document["account"], now))
        for name, kind in KINDS.items():
            is_said = kind.is_in_snapshot or not is_snapshot
            piece = document.get(name)
            if name != "account" and is_said and not (piece is None and kind.is_later):
                setattr(state, name, kind.read(piece, now))
        state.derive()
        return state

    def check(self, now: datetime) -> None:
        """Raise ``SnapshotError`` where no world could have come to this by *now*."""
        for mistake in self._mistakes(now):
            raise SnapshotError(mistake)

    def _mistakes(self, now: datetime) -> Iterator[str]:
        yield from checks.of_next(self.next, FIRST_IDS)
        for name, kind in KINDS.items():
            yield from kind.mistakes(getattr(self, name), now)
        for name in ("answered", "early"):
            if not getattr(self, name).keys() <= self.campaigns.keys():
                yield f"{name}: an answer to a campaign that there is not"
        for name, kind in KINDS.items():
            if kind.ids is not None:
                yield from checks.of_ids(
                    kind, kind.things(getattr(self, name)), self.next
                )
        yield from checks.of_submissions(self.submissions.values(), self.campaigns)

    def newest(self) -> Iterator[datetime]:
        """Yield when something has happened, the newest of it included."""
        for name, kind in KINDS.items():
            yield from kind.instants(getattr(self, name))

    def derive(self) -> None:
        """Read off what is not kept by itself."""
        campaigns = self.campaigns.values()
        self.balance = self.opening + sum(each.amount for each in self.movements)
        self.volume = len(self.lookups)
        self.volume += sum(each.line.messages for each in campaigns)
        self.volume += sum(each.line.messages for each in self.voice_campaigns.values())
        self.volume += sum(each.count for each in self.email_campaigns.values())
        self.first_messages = [each.first_message for each in campaigns]
        self.their_campaigns = list(self.campaigns)
        self.alike = {
            hash(each.likeness): each.id for each in self.submissions.values()
        }


def gathered(parts: Parts) -> Document:
    """Return the document that rows say.

    The ids that follow are those that come after what is there, and was there once.
    """
    document = {name: kind.gathered(parts) for name, kind in KINDS.items()}
    following = document["next"]
    for name, kind in KINDS.items():
        for last in document[name][-1:] if kind.ids else ():
            _follow(following, kind, last)
    return document


def _follow(following: dict[str, int], kind: Kind, last: Mapping[str, Any]) -> None:
    if kind.ids is not None:
        name = kind.ids.name
        following[name] = max(following[name], last["id"] + 1)
    if kind.span is not None:
        name = kind.span.ids.name
        after = last[kind.span.field] + last["line"]["messages"]
        following[name] = max(following[name], after)


def _kind(name: str, hint: Any) -> Iterator[Kind]:
    """Yield what stands beside the type of a field."""
    for kind in getattr(hint, "__metadata__", ()):
        kind.name = name
        yield kind


KINDS: Mapping[str, Kind] = {
    name: kind
    for name, hint in get_type_hints(State, include_extras=True).items()
    for kind in _kind(name, hint)
}
NUMBERS: Sequence[str] = [
    name for name, kind in KINDS.items() if isinstance(kind, Number)
]
KINDS_OF: dict[type, tuple[Kind, ...]] = {}  # by the changes that each takes
for _each in KINDS.values():
    for _type in _each.takes:
        KINDS_OF[_type] = (*KINDS_OF.get(_type, ()), _each)
_COPIES: Sequence[tuple[str, Callable[[Any], Any]]] = [
    (each.name, KINDS[each.name].copied if each.name in KINDS else copy)
    for each in fields(State)
    if each.name not in KINDS or KINDS[each.name].goes_along
]
