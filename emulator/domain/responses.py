"""Responses (MO): the replies of handsets, and the query that finds them.

Source: manual MO-01 to MO-21.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, tzinfo
from enum import IntEnum
from typing import Any

from emulator.domain import dates
from emulator.domain.assumptions import Doubt
from emulator.domain.bounds import Cellphone, Id, Instant
from emulator.domain.platform_refusals import DATES_REVERSED

ResponsesQuery = Mapping[str, Any]  # a request body that the contract has accepted


class ResponsesQueryType(IntEnum):
    """Source: manual MO-02."""

    BY_DATE = 1
    BY_MESSAGES = 2
    BY_CELLPHONE = 3
    BY_CAMPAIGNS = 4


@dataclass(frozen=True, slots=True)
class MoResponse:
    """One text that a handset sent back.  Source: manual MO-09."""

    id: Id
    number: Cellphone
    campaign: Id
    campaign_name: str | None
    message: Id
    text: str  # of the message that was answered, merged
    response: str
    sent_at: Instant | None
    received_at: Instant


@dataclass(frozen=True, slots=True)
class DateWindow:
    """The dates a query echoes.

    Source: manual MO-04, MO-11: from the first of the month until now.
    """

    start: datetime
    end: datetime


def parse_date_window(
    query: ResponsesQuery, *, now: datetime, zone: tzinfo
) -> DateWindow:
    """Return the dates of *query*; those of another type than 1 are ignored (MO-08)."""
    dated = ResponsesQueryType(int(query["type"])) is ResponsesQueryType.BY_DATE
    start, end = (query.get(name) if dated else None for name in ("from", "to"))
    return DateWindow(
        dates.parse_platform_time(start, zone)
        if start
        else dates.month_start(now, zone),
        dates.parse_platform_time(end, zone) if end else now,
    )


def list_window_doubts(window: DateWindow) -> Iterator[Doubt]:
    """Yield the doubts, which lenient accepts and strict refuses."""
    if window.start > window.end:
        yield Doubt("MO-14", DATES_REVERSED, "from is after to: nothing is found")


def find_responses(
    query: ResponsesQuery, window: DateWindow, responses: Iterable[MoResponse]
) -> list[MoResponse]:
    """Return the responses that *query* matches, the oldest first.

    Source: manual MO-02 to MO-07; assumptions MO-12 (dates matter for type 1
    only) and MO-17 (the order).
    """
    kind = ResponsesQueryType(int(query["type"]))
    if kind is ResponsesQueryType.BY_DATE:
        found = [
            each
            for each in responses
            # `to` names a whole second
            if window.start <= each.received_at
            and each.received_at.replace(microsecond=0) <= window.end
        ]
    else:
        wanted = _parse_ids(kind, query)
        found = [each for each in responses if _get_query_key(kind, each) in wanted]
    return sorted(found, key=lambda each: (each.received_at, each.id))


def _parse_ids(kind: ResponsesQueryType, query: ResponsesQuery) -> frozenset[int]:
    """Return the ids, or the number, that the query names."""
    names = {
        ResponsesQueryType.BY_MESSAGES: "messages",
        ResponsesQueryType.BY_CELLPHONE: "cellphone",
    }
    value = query[names.get(kind, "campaigns")]
    return frozenset(map(int, value if isinstance(value, list) else [value]))


def _get_query_key(kind: ResponsesQueryType, response: MoResponse) -> int:
    if kind is ResponsesQueryType.BY_MESSAGES:
        return response.message
    return (
        response.number
        if kind is ResponsesQueryType.BY_CELLPHONE
        else response.campaign
    )
