"""A world's state as a JSON document, and back.

What is derived is not written.  What comes from elsewhere is checked before anybody
takes it: that it has the types of a state, and that a world could have come to it.
"""

from array import array
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import cache
from itertools import pairwise
from operator import attrgetter
from typing import Any, NamedTuple, get_type_hints

import msgspec

from emulator.domain.account import Account, Movement, Token
from emulator.domain.delivery import Attempt, Delivery
from emulator.domain.delivery import State as DeliveryState
from emulator.domain.email import EmailCampaign
from emulator.domain.handset import Outcome
from emulator.domain.hlr import Lookup
from emulator.domain.keyword import Received
from emulator.domain.recipients import Column, Recipients, column
from emulator.domain.responses import Response
from emulator.domain.smpp import Submission
from emulator.domain.sms import Campaign
from emulator.domain.text import FIELDS, LINK_MARK, Template
from emulator.domain.timeline import Line
from emulator.domain.voice import VoiceCampaign
from emulator.world import FIRST_IDS, Click, State

Document = dict[str, Any]
Columns = Mapping[str, Column]

BY_ID: Mapping[str, type] = {
    "campaigns": Campaign,
    "voice_campaigns": VoiceCampaign,
    "email_campaigns": EmailCampaign,
    "deliveries": Delivery,
    "submissions": Submission,
}
IN_ORDER: Mapping[str, type] = {
    "lookups": Lookup,
    "responses": Response,
    "clicks": Click,
    "received": Received,
    "movements": Movement,
}
COUNTS = ("opening", "tokens_made", "faults_made")
ANSWERS: Mapping[str, Any] = {
    "answered": dict[int, int],
    "early": dict[int, tuple[int, ...]],
}
LEFT_OUT: Mapping[type, str] = {
    Campaign: "world"
}  # the name of the world that takes it
# What takes as many ids as it has recipients, and from which one on.
SPANS = (
    ("message", "campaigns", "first_message"),
    ("call", "voice_campaigns", "first_call"),
)
NUMBERS = range(10**10)
OUTCOMES = frozenset(Outcome)


class SnapshotError(Exception):
    """A document that is no state of a world; the message says where and why."""


def written(state: State) -> Document:
    """Return *state* as a JSON document; its account and its faults are left out."""
    document: Document = {name: state[name] for name in COUNTS}
    for name, kind in BY_ID.items():
        write = _delivery if kind is Delivery else _entity
        document[name] = [write(each) for each in state[name].values()]
    for name in IN_ORDER:
        document[name] = [_entity(each) for each in state[name]]
    for name in ANSWERS:
        document[name] = msgspec.to_builtins(
            dict(sorted(state[name].items())), str_keys=True
        )
    return {**document, "next": dict(state["_next"])}


def tokens_written(tokens: tuple[Token, ...]) -> list[Document]:
    return [_entity(each) for each in tokens]


def read(document: Document, account: Account, now: datetime) -> dict[str, Any]:
    """Return the state of *document*, without faults.

    Raises ``SnapshotError``: ``at campaigns.0.cost: Expected `int`, got `str```.
    """
    state: dict[str, Any] = {"account": account, "faults": ()}
    for name in COUNTS:
        state[name] = _converted(document.get(name), int, name)
    for name, kind in BY_ID.items():
        things = list(_all(document, name, kind))
        state[name] = {each.id: each for each in things}
        if len(state[name]) < len(things):
            message = f"at {name}: the ids do not grow"
            raise SnapshotError(message)
    for name, kind in IN_ORDER.items():
        state[name] = list(_all(document, name, kind))
    state["balance"] = state["opening"] + sum(
        each.amount for each in state["movements"]
    )
    for name, kind in ANSWERS.items():
        state[name] = _converted(document.get(name), kind, name)
    state["_next"] = _converted(document.get("next"), dict[str, int], "next")
    campaigns = state["campaigns"].values()
    state["volume"] = sum(
        each.line.messages for each in (*campaigns, *state["voice_campaigns"].values())
    )
    state["volume"] += sum(each.count for each in state["email_campaigns"].values())
    state["volume"] += len(state["lookups"])
    state["_first_messages"] = [each.first_message for each in campaigns]
    state["_their_campaigns"] = list(state["campaigns"])
    state["_alike"] = {
        hash(each.likeness): each.id for each in state["submissions"].values()
    }
    for mistake in _mistakes(state, now):
        raise SnapshotError(mistake)
    return state


def tokens_read(part: Any, where: str) -> tuple[Token, ...]:
    """Return tokens.  Raises ``SnapshotError``."""
    tokens: tuple[Token, ...] = _converted(part, tuple[Token, ...], where)
    return tokens


class Fields(NamedTuple):
    """The names of what is kept, their values, and how each deep one is written."""

    names: tuple[str, ...]
    values: Callable[[object], tuple[Any, ...]]
    writers: tuple[tuple[str, Callable[[Any], Any]], ...]


def entity(thing: object) -> Document:
    """Return what is kept of *thing*, one level deep; msgspec knows what is below."""
    kind: type = type(thing)
    names, values, writers = _fields(kind)
    document = dict(zip(names, values(thing), strict=True))
    for name, write in writers:
        document[name] = write(document[name])
    return document


def _entity(thing: object) -> Document:
    plain: Document = msgspec.to_builtins(entity(thing), str_keys=True)
    return plain


@cache
def _fields(kind: type) -> Fields:
    """Return what is kept of a *kind* that has two fields or more."""
    hints = get_type_hints(kind)
    hints.pop(LEFT_OUT.get(kind, ""), None)
    writers = {name: _WRITERS[hint] for name, hint in hints.items() if hint in _WRITERS}
    return Fields(tuple(hints), attrgetter(*hints), tuple(writers.items()))


def _delivery(delivery: Delivery) -> Document:
    """Return a delivery without what is the wall's, or another machine's."""
    attempts = tuple(
        each._replace(headers=(), duration=0.0) for each in delivery.attempts
    )
    return _entity(delivery._replace(attempts=attempts))


def _recipients_written(value: Recipients) -> Document:
    return {"numbers": list(value.numbers), "fields": _columns_written(value.fields)}


def _columns_written(value: Columns) -> Document:
    return {name: list(each) for name, each in value.items()}


def _named(value: Template | Line | None) -> Document | None:
    return None if value is None else value._asdict()


def _attempts_written(value: tuple[Attempt, ...]) -> list[Document]:
    return [each._asdict() for each in value]


def _all(document: Document, name: str, kind: type) -> Iterator[Any]:
    parts = _converted(document.get(name), list[dict[str, Any]], name)
    for index, part in enumerate(parts):
        yield _thing(part, kind, f"{name}.{index}")


def _thing(part: Document, kind: type, where: str) -> Any:
    hints = get_type_hints(kind)
    left_out = LEFT_OUT.get(kind)
    wanted = hints.keys() - {left_out}
    if part.keys() != wanted:
        names = ", ".join(sorted(part.keys() ^ wanted))
        message = f"at {where}: missing or unknown: {names}"
        raise SnapshotError(message)
    values = {
        name: _READERS.get(hints[name], _other(hints[name]))(value, f"{where}.{name}")
        for name, value in part.items()
    }
    return kind(**values)


def _converted(value: Any, kind: Any, where: str) -> Any:
    try:
        return msgspec.convert(value, kind, str_keys=True)
    except (msgspec.ValidationError, OverflowError) as error:
        message = f"at {where}: {error}"
        raise SnapshotError(message) from error


def _other(kind: Any) -> Any:
    return lambda value, where: _converted(value, kind, where)


def _recipients(value: Any, where: str) -> Recipients:
    part = _converted(value, dict[str, Any], where)
    numbers = _converted(part.get("numbers"), list[int], f"{where}.numbers")
    if not all(each in NUMBERS for each in numbers):
        message = f"at {where}.numbers: a cellphone has ten digits"
        raise SnapshotError(message)
    return Recipients(array("Q", numbers), _columns(part.get("fields"), where))


def _columns(value: Any, where: str) -> Columns:
    part = _converted(value, dict[str, list[str]], where)
    if not part.keys() <= set(FIELDS):
        message = f"at {where}: the fields are {', '.join(FIELDS)}"
        raise SnapshotError(message)
    return {name: column(values) for name, values in part.items()}


def _column(value: Any, where: str) -> Column:
    return column(_converted(value, list[str], where))


def _template(value: Any, where: str) -> Template:
    part = _converted(value, dict[str, Any], where)
    text = _converted(part.get("text"), str, where)
    literals = _converted(part.get("literals"), tuple[str, ...], where)
    marks = _converted(part.get("marks"), tuple[str, ...], where)
    if len(literals) != len(marks) + 1 or not set(marks) <= {*FIELDS, LINK_MARK}:
        message = f"at {where}: the marks do not fit the text"
        raise SnapshotError(message)
    return Template(text, literals, marks)


def _no_template(value: Any, where: str) -> Template | None:
    return None if value is None else _template(value, where)


def _attempts(value: Any, where: str) -> tuple[Attempt, ...]:
    parts = _converted(value, list[dict[str, Any]], where)
    return tuple(_thing(part, Attempt, f"{where}.{i}") for i, part in enumerate(parts))


def _line(value: Any, where: str) -> Line:
    part = _converted(value, dict[str, Any], where)
    return Line(
        **{
            name: _converted(part.get(name), kind, f"{where}.{name}")
            for name, kind in get_type_hints(Line).items()
        }
    )


_WRITERS: Mapping[Any, Callable[[Any], Any]] = {
    Line: _named,
    Recipients: _recipients_written,
    Columns: _columns_written,
    Column: list,
    tuple[Attempt, ...]: _attempts_written,
    Template: _named,
    Template | None: _named,
}
_READERS: Mapping[Any, Any] = {
    Line: _line,
    Recipients: _recipients,
    Columns: _columns,
    Column: _column,
    tuple[Attempt, ...]: _attempts,
    Template: _template,
    Template | None: _no_template,
}


def _mistakes(state: State, now: datetime) -> Iterator[str]:
    """Yield why no world could have come to *state*."""
    if state["_next"].keys() != FIRST_IDS.keys():
        yield f"at next: the ids are {', '.join(FIRST_IDS)}"
    for name in ("campaigns", "voice_campaigns"):
        for each in state[name].values():
            yield from _of_campaign(each, f"{name} {each.id}", now)
    for each in state["email_campaigns"].values():
        columns = each.fields.values()
        if not each.count or any(len(one) != each.count for one in columns):
            yield f"email_campaigns {each.id}: a field for every address, and no more"
    for name in ANSWERS:
        if not state[name].keys() <= state["campaigns"].keys():
            yield f"{name}: an answer to a campaign that there is not"
    for each in state["deliveries"].values():
        yield from _of_delivery(each, now)
    yield from _of_order(state)


def _of_campaign(
    campaign: Campaign | VoiceCampaign, where: str, now: datetime
) -> Iterator[str]:
    line, count = campaign.line, len(campaign.recipients)
    columns = campaign.recipients.fields.values()
    if not count or {line.messages, len(campaign.outcomes)} != {count}:
        yield f"{where}: recipients, outcomes and line differ in number"
    if any(len(each) != count for each in columns):
        yield f"{where}: a field for every recipient, and no more"
    if not set(campaign.outcomes) <= OUTCOMES:
        yield f"{where}: an outcome that there is not"
    instants = [each.at for each in line.interventions]
    if campaign.created_at > now or any(each > now for each in instants):
        yield f"{where}: lies ahead of the clock"
    if instants != sorted(instants):
        yield f"{where}: interventions out of order"
    if min(line.every, *_durations(campaign)) < timedelta():
        yield f"{where}: a duration below zero"


def _of_delivery(delivery: Delivery, now: datetime) -> Iterator[str]:
    where = f"deliveries {delivery.id}"
    if delivery.is_over == (delivery.state is DeliveryState.DUE):
        yield f"{where}: due and over at once"
    if any(each.at > now for each in delivery.attempts) or delivery.made_at > now:
        yield f"{where}: lies ahead of the clock"
    if any(each < timedelta() for each in delivery.retries):
        yield f"{where}: a duration below zero"


def _durations(campaign: Campaign | VoiceCampaign) -> list[timedelta]:
    pace = campaign.pace
    return [pace.inserting, pace.updating, pace.patience * timedelta(1)]


def _of_order(state: State) -> Iterator[str]:
    """Yield where ids overlap, or the next one has been given already."""
    for kind, name, first in SPANS:
        bounds: list[int] = []
        for each in state[name].values():
            start = getattr(each, first)
            bounds += (start, start + each.line.messages)
        bounds.append(state["_next"][kind])
        if bounds != sorted(bounds):
            yield f"{name}: two {kind}s with one id"
    yield from _of_submissions(state)
    tables = (
        ("campaign", "campaigns"),
        ("voice", "voice_campaigns"),
        ("email", "email_campaigns"),
        ("delivery", "deliveries"),
    )
    for kind, name in tables:
        ids = [*state[name], state["_next"][kind]]
        if any(one >= other for one, other in pairwise(ids)):
            yield f"{name}: the ids do not grow"
    for kind, name in (("hlr", "lookups"), ("response", "responses")):
        ids = [*(each.id for each in state[name]), state["_next"][kind]]
        if any(one >= other for one, other in pairwise(ids)):
            yield f"{name}: the ids do not grow"


def _of_submissions(state: State) -> Iterator[str]:
    for submission in state["submissions"].values():
        campaign = state["campaigns"].get(submission.id)
        if campaign is None or campaign.first_message != submission.message:
            yield f"submissions {submission.id}: there is no such campaign"
        elif len(submission.destinations) != campaign.line.messages:
            yield f"submissions {submission.id}: a destination for every recipient"
