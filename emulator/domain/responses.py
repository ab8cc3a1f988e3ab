"""Responses (MO): what handsets answered, and how it is found.

Source: manual MO-01 to MO-21.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import IntEnum
from typing import Any

from emulator.domain import dates
from emulator.domain.assumptions import Doubt
from emulator.domain.refusals import DATES_REVERSED

Query = Mapping[str, Any]  # a request body that the contract has accepted


class Type(IntEnum):
    """Source: manual MO-02."""

    BY_DATE = 1
    BY_MESSAGES = 2
    BY_CELLPHONE = 3
    BY_CAMPAIGNS = 4


@dataclass(frozen=True, slots=True)
class Response:
    """One text that a handset sent back.  Source: manual MO-09."""

    id: int
    number: int
    campaign: int
    campaign_name: str | None
    message: int
    text: str  # of the message that was answered, merged
    response: str
    sent_at: datetime | None
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """The dates a query echoes.

    Source: manual MO-04, MO-11: from the first of the month until now.
    """

    start: datetime
    end: datetime


def window(query: Query, *, now: datetime, zone: tzinfo) -> Window:
    """Return the dates of *query*; those of another type than 1 are ignored (MO-08)."""
    dated = Type(int(query["type"])) is Type.BY_DATE
    start, end = (query.get(name) if dated else None for name in ("from", "to"))
    return Window(
        dates.parse(start, zone) if start else dates.month_start(now, zone),
        dates.parse(end, zone) if end else now,
    )


def doubts(asked: Window) -> Iterator[Doubt]:
    """Yield what lenient accepts and strict declines."""
    if asked.start > asked.end:
        yield Doubt("MO-14", DATES_REVERSED, "from is after to: nothing is found")


def find(query: Query, asked: Window, responses: Iterable[Response]) -> list[Response]:
    """Return what *query* asks for, the oldest first.

    Source: manual MO-02 to MO-07; assumptions MO-12 (dates matter for type 1
    only) and MO-17 (the order).
    """
    kind = Type(int(query["type"]))
    if kind is Type.BY_DATE:
        found = [
            each
            for each in responses
            # `to` names a whole second
            if asked.start <= each.received_at
            and each.received_at.replace(microsecond=0) <= asked.end
        ]
    else:
        wanted = _wanted(kind, query)
        found = [each for each in responses if _key(kind, each) in wanted]
    return sorted(found, key=lambda each: (each.received_at, each.id))


def _wanted(kind: Type, query: Query) -> frozenset[int]:
    """Return the ids, or the number, that the query names."""
    names = {Type.BY_MESSAGES: "messages", Type.BY_CELLPHONE: "cellphone"}
    value = query[names.get(kind, "campaigns")]
    return frozenset(map(int, value if isinstance(value, list) else [value]))


def _key(kind: Type, response: Response) -> int:
    if kind is Type.BY_MESSAGES:
        return response.message
    return response.number if kind is Type.BY_CELLPHONE else response.campaign
