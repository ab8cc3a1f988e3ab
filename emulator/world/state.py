"""What a world keeps: one list, from which snapshots, rows and copies follow.

Each field is a kind of thing, with how it is kept beside its type.  Copies, snapshots
and rows are made by going through the fields; a new kind is one more of them.
"""

from bisect import bisect_right
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, fields
from datetime import datetime
from types import MappingProxyType
from typing import Annotated, Any, get_type_hints

from emulator.domain.account import Account, Movement, Token
from emulator.domain.bounds import Money
from emulator.domain.channel import CAMPAIGN_TABLES, AnyCampaign, get_channel
from emulator.domain.delivery import Delivery
from emulator.domain.email import EmailCampaign
from emulator.domain.hlr import HlrLookup
from emulator.domain.keyword import ReceivedText
from emulator.domain.responses import MoResponse
from emulator.domain.smpp import Submission
from emulator.domain.sms import SmsCampaign
from emulator.domain.voice import VoiceCampaign
from emulator.faults import FaultRule
from emulator.world import checks
from emulator.world.changes import (
    Click,
    DeliveriesForgotten,
    FaultNumberTaken,
    TokenNumberTaken,
)
from emulator.world.codec import JsonObject, SnapshotError
from emulator.world.containers import (
    HEAD_ROW,
    ByIdField,
    CounterField,
    DecodedRows,
    IdSequence,
    IdSpan,
    ListField,
    NextIdsField,
    PendingRows,
    StateField,
    StateRow,
    encode_row_value,
    finish_steps,
)
from emulator.world.kinds import (
    AccountField,
    AnsweredField,
    DeliveriesField,
    EarlyField,
    FaultsField,
    LeavingField,
    TokensField,
)
from emulator.worldfile.old_words import STATE_WORDS, translate_old_words

# Ids grow from the manual's own (SMS-49, DLR-18, VOI-46, VOI-22, EML-20, MO-18); those
# of look-ups (LOST-01) and deliveries are ours.
CAMPAIGN_IDS, MESSAGE_IDS = (
    IdSequence("campaign", 8528238),
    IdSequence("message", 46608336),
)
VOICE_IDS, CALL_IDS = IdSequence("voice", 481776), IdSequence("call", 754061)
EMAIL_IDS, HLR_IDS = IdSequence("email", 28648), IdSequence("hlr", 90210)
RESPONSE_IDS, DELIVERY_IDS = IdSequence("response", 977929), IdSequence("delivery", 1)
# All worlds begin with them, so no one changes them.
ID_SEQUENCES = (
    *(CAMPAIGN_IDS, MESSAGE_IDS, VOICE_IDS, CALL_IDS),
    *(EMAIL_IDS, HLR_IDS, RESPONSE_IDS, DELIVERY_IDS),
)
FIRST_IDS: Mapping[str, int] = MappingProxyType(dict(ID_SEQUENCES))


def campaign_instants(campaign: SmsCampaign | VoiceCampaign) -> Iterator[datetime]:
    """Yield the instants of a campaign."""
    yield campaign.created_at
    for each in campaign.line.interventions:
        yield each.at


def delivery_instants(delivery: Delivery) -> Iterator[datetime]:
    """Yield the instants of a delivery."""
    yield delivery.created_at
    for each in delivery.attempts:
        yield each.at


def email_instants(campaign: EmailCampaign) -> Iterator[datetime]:
    """Yield the instant at which an e-mail campaign was placed."""
    yield campaign.created_at


def movement_instants(movement: Movement) -> Iterator[datetime]:
    """Yield the instant of a movement of money."""
    yield movement.at


@dataclass(slots=True, eq=False, repr=False, init=False)
class WorldState:
    """The state of a world, without its name, its clock and its journal.

    Containers of values that never change, so that a copy is shallow and quick.
    """

    account: Annotated[Account, AccountField()]
    faults: Annotated[tuple[FaultRule, ...], FaultsField()]
    opening: Annotated[int, CounterField(Money)]  # millionths
    tokens_made: Annotated[int, CounterField(counts=TokenNumberTaken)]
    faults_made: Annotated[int, CounterField(counts=FaultNumberTaken)]
    deliveries_dropped: Annotated[
        int, CounterField(counts=DeliveriesForgotten, is_own=True)
    ]
    campaigns: Annotated[
        dict[int, SmsCampaign],
        ByIdField(
            SmsCampaign,
            ids=CAMPAIGN_IDS,
            span=IdSpan(MESSAGE_IDS, "first_message"),
            instants_of=campaign_instants,
            check=checks.find_campaign_mistakes,
        ),
    ]
    submissions: Annotated[dict[int, Submission], ByIdField(Submission)]  # came by SMPP
    voice_campaigns: Annotated[
        dict[int, VoiceCampaign],
        ByIdField(
            VoiceCampaign,
            ids=VOICE_IDS,
            span=IdSpan(CALL_IDS, "first_call"),
            instants_of=campaign_instants,
            check=checks.find_campaign_mistakes,
        ),
    ]
    email_campaigns: Annotated[
        dict[int, EmailCampaign],
        ByIdField(
            EmailCampaign,
            ids=EMAIL_IDS,
            instants_of=email_instants,
            check=checks.find_email_mistakes,
        ),
    ]
    deliveries: Annotated[
        dict[int, Delivery],
        DeliveriesField(
            ids=DELIVERY_IDS,
            instants_of=delivery_instants,
            check=checks.find_delivery_mistakes,
        ),
    ]
    lookups: Annotated[list[HlrLookup], ListField(HlrLookup, ids=HLR_IDS)]
    responses: Annotated[list[MoResponse], ListField(MoResponse, ids=RESPONSE_IDS)]
    clicks: Annotated[list[Click], ListField(Click)]
    received: Annotated[
        list[ReceivedText], ListField(ReceivedText)
    ]  # texts with a keyword
    movements: Annotated[
        list[Movement], ListField(Movement, instants_of=movement_instants)
    ]
    answered: Annotated[dict[int, int], AnsweredField()]  # replies, by campaign
    early: Annotated[dict[int, tuple[int, ...]], EarlyField()]  # places, by campaign
    leaving: Annotated[dict[int, None], LeavingField()]  # deliveries under way, perhaps
    tokens: Annotated[dict[str, Token], TokensField()]  # by literal
    next: Annotated[Mapping[str, int], NextIdsField(FIRST_IDS)]
    # Read off the others, and copied with them.
    balance: int  # opening credit + the sum of all movements
    volume: int  # messages of all channels, look-ups included
    first_messages: list[int]  # of the campaigns, ...
    first_message_campaigns: list[int]  # ... whose ids these are
    latest_by_likeness: dict[int, int]  # the last submission of each likeness

    def __init__(self, account: Account) -> None:
        for name, kind in STATE_FIELDS.items():
            setattr(self, name, kind.make_empty())
        self.account = account
        self.balance = self.volume = 0
        self.first_messages = []
        self.first_message_campaigns = []
        self.latest_by_likeness = {}

    def list_campaign_tables(self) -> list[dict[int, AnyCampaign]]:
        """Return the campaigns of all channels, each table by id."""
        return [getattr(self, name) for name in CAMPAIGN_TABLES]

    def find_campaign_of(self, message: int) -> SmsCampaign | None:
        """Return the SMS campaign of *message*."""
        index = bisect_right(self.first_messages, message) - 1
        if index < 0:
            return None
        campaign = self.campaigns[self.first_message_campaigns[index]]
        inside = message < campaign.first_message + campaign.line.messages
        return campaign if inside else None

    def find_submission(self, message: int) -> tuple[SmsCampaign, Submission] | None:
        """Return the campaign of a message sent by SMPP, and its submission."""
        campaign = self.find_campaign_of(message)
        submission = self.submissions.get(campaign.id) if campaign else None
        if campaign is None or submission is None or submission.message != message:
            return None
        return campaign, submission

    def find_similar_campaign(self, submission: Submission) -> SmsCampaign | None:
        """Return the last campaign of the same client, sender and recipients."""
        number = self.latest_by_likeness.get(hash(submission.replace_key))
        known = self.submissions.get(number) if number else None
        if known is None or known.replace_key != submission.replace_key:
            return None
        return self.campaigns[known.id]

    def copy_from(self, state: "WorldState") -> None:
        """Take over a copy of *state*."""
        for name, copied in _COPIERS:
            setattr(self, name, copied(getattr(state, name)))

    def copy(self) -> "WorldState":
        """Return a copy of this state, which later changes do not touch."""
        state = WorldState(self.account)
        state.copy_from(self)
        return state

    # --- Changes ------------------------------------------------------------------

    def list_changed_rows(self, changes: Sequence[Any]) -> list[StateRow]:
        """Return the rows that *changes*, which are not applied yet, will change."""
        rows: list[StateRow] = []
        pending: PendingRows = {}
        for change in changes:
            for kind in FIELDS_BY_CHANGE.get(type(change), ()):
                rows += kind.list_changed_rows(
                    change, getattr(self, kind.name), pending
                )
        if any((HEAD_ROW, name) in pending for name in COUNTER_NAMES):
            rows.append(self._head_row(pending))
        return rows

    # --- As rows and as JSON ------------------------------------------------------

    def list_rows(self) -> Iterator[StateRow]:
        """Yield all of it."""
        for name, kind in STATE_FIELDS.items():
            yield from kind.list_rows(getattr(self, name))
        yield self._head_row({})

    def _head_row(self, pending: PendingRows) -> StateRow:
        """Return the counts and the next ids."""
        numbers = {
            name: pending.get((HEAD_ROW, name), getattr(self, name))
            for name in COUNTER_NAMES
        }
        return HEAD_ROW, 0, encode_row_value({**numbers, "next": dict(self.next)})

    def to_json(self) -> JsonObject:
        """Return the state in the form of a snapshot."""
        return {
            name: kind.to_json(getattr(self, name))
            for name, kind in STATE_FIELDS.items()
            if kind.is_in_snapshot
        }

    def encode_json(self) -> Iterator[bytes]:
        """Yield the fields of a snapshot as bytes, each after a comma."""
        for name, kind in STATE_FIELDS.items():
            if kind.is_in_snapshot:
                yield b"," + encode_row_value(name) + b":"
                yield from kind.encode_json(getattr(self, name))

    @classmethod
    def from_json(
        cls, document: Mapping[str, Any], now: datetime, *, is_snapshot: bool = True
    ) -> "WorldState":
        """Return the state in *document*; ``check`` says whether it is possible.

        Raises ``SnapshotError``: ``at campaigns.0.cost: Expected `int`, got `str```.
        """
        steps = cls.read_steps(document, now, is_snapshot=is_snapshot)
        return finish_steps(steps)

    @classmethod
    def read_steps(
        cls, document: Mapping[str, Any], now: datetime, *, is_snapshot: bool
    ) -> Generator[None, None, "WorldState"]:
        """Return what ``from_json`` does, in steps."""
        document = translate_old_words(document, STATE_WORDS)
        state = cls(STATE_FIELDS["account"].from_json(document["account"], now))
        for name, kind in STATE_FIELDS.items():
            is_said = kind.is_in_snapshot or not is_snapshot
            piece = document.get(name)
            is_left_out = piece is None and kind.is_optional
            if name != "account" and is_said and not is_left_out:
                setattr(state, name, (yield from kind.read_steps(piece, now)))
        state.rebuild_indexes()
        return state

    def check_consistency(self, now: datetime) -> None:
        """Raise ``SnapshotError`` for a state that no world can have at *now*."""
        for mistake in self._find_mistakes(now):
            raise SnapshotError(mistake)

    def _find_mistakes(self, now: datetime) -> Iterator[str]:
        yield from checks.find_next_id_mistakes(self.next, FIRST_IDS)
        yield from checks.find_balance_mistakes(self.balance)
        for name, kind in STATE_FIELDS.items():
            yield from kind.find_mistakes(getattr(self, name), now)
        for name in ("answered", "early"):
            if not getattr(self, name).keys() <= self.campaigns.keys():
                yield f"{name}: an answer to a campaign that there is not"
        for name, kind in STATE_FIELDS.items():
            if kind.ids is not None:
                yield from checks.find_id_mistakes(
                    kind, kind.list_things(getattr(self, name)), self.next
                )
        yield from checks.find_submission_mistakes(
            self.submissions.values(), self.campaigns
        )

    def list_instants(self) -> Iterator[datetime]:
        """Yield the instants of what has happened, the newest included."""
        for name, kind in STATE_FIELDS.items():
            yield from kind.list_instants(getattr(self, name))

    def rebuild_indexes(self) -> None:
        """Compute what is not kept by itself."""
        campaigns = self.campaigns.values()
        self.balance = self.opening + sum(each.amount for each in self.movements)
        self.volume = len(self.lookups)
        for table in self.list_campaign_tables():
            counts = (get_channel(it).count_recipients(it) for it in table.values())
            self.volume += sum(counts)
        self.first_messages = [each.first_message for each in campaigns]
        self.first_message_campaigns = list(self.campaigns)
        self.latest_by_likeness = {
            hash(each.replace_key): each.id for each in self.submissions.values()
        }


def state_json_from_rows(parts: DecodedRows) -> JsonObject:
    """Return the document that rows hold.

    The ids that follow are those that come after what is there, and was there once.
    """
    document = {name: kind.json_from_rows(parts) for name, kind in STATE_FIELDS.items()}
    following = document["next"]
    for name, kind in STATE_FIELDS.items():
        for last in document[name][-1:] if kind.ids else ():
            _raise_next_id(following, kind, last)
    return document


def _raise_next_id(
    following: dict[str, int], kind: StateField, last: Mapping[str, Any]
) -> None:
    if kind.ids is not None:
        name = kind.ids.name
        following[name] = max(following[name], last["id"] + 1)
    if kind.span is not None:
        name = kind.span.ids.name
        after = last[kind.span.field] + last["line"]["messages"]
        following[name] = max(following[name], after)


def _fields_in_hint(name: str, hint: Any) -> Iterator[StateField]:
    """Yield what stands beside a type."""
    for kind in getattr(hint, "__metadata__", ()):
        kind.name = name
        yield kind


STATE_FIELDS: Mapping[str, StateField] = {
    name: kind
    for name, hint in get_type_hints(WorldState, include_extras=True).items()
    for kind in _fields_in_hint(name, hint)
}
COUNTER_NAMES: Sequence[str] = [
    name for name, kind in STATE_FIELDS.items() if isinstance(kind, CounterField)
]
FIELDS_BY_CHANGE: dict[
    type, tuple[StateField, ...]
] = {}  # by the changes that each takes
for _each in STATE_FIELDS.values():
    for _type in _each.change_types:
        FIELDS_BY_CHANGE[_type] = (*FIELDS_BY_CHANGE.get(_type, ()), _each)
_COPIERS: Sequence[tuple[str, Callable[[Any], Any]]] = [
    (
        each.name,
        STATE_FIELDS[each.name].copy_value if each.name in STATE_FIELDS else copy,
    )
    for each in fields(WorldState)
    if each.name not in STATE_FIELDS or STATE_FIELDS[each.name].is_copied
]
