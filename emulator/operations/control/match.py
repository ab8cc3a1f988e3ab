"""Match exchanges of a journal, and say how one that does not match differs."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, unquote_plus

import msgspec
from msgspec import Struct
from msgspec.structs import fields

from emulator.domain import dates
from emulator.domain.recipients import format_cellphone
from emulator.operations.background import pdu_journal
from emulator.world.journal import (
    CutBody,
    Exchange,
    Journal,
    JournalBody,
    find_cellphones,
)

DIGITS = 10  # of a cellphone
BACKSLASH = b"\\"


class ExchangeMatch(Struct, frozen=True):
    """The conditions on an exchange; what is None does not matter."""

    operation: str | None = None
    status: int | None = None
    number: str | None = None  # a cellphone, or the end of one
    text: str | None = None
    since: datetime | None = None
    until: datetime | None = None  # itself not included
    after: int = 0
    before: int | None = None  # a number, itself not included
    protocol: str | None = None  # http or smpp

    def covers(self, exchange: Exchange) -> bool:
        """Return whether the exchange lies in the requested range."""
        return (
            exchange.number > self.after
            and (self.since is None or self.since <= exchange.at)
            and (self.until is None or exchange.at < self.until)
            and (self.before is None or exchange.number < self.before)
        )

    def list_differences(self, exchange: Exchange) -> Iterator[str]:
        """Yield in which ways the exchange does not match."""
        spoken = "smpp" if pdu_journal.is_pdu(exchange) else "http"
        if self.protocol not in (None, spoken):
            yield f"not by {self.protocol}"
        if self.operation not in (None, exchange.operation):
            yield f"not {self.operation}"
        if self.status not in (None, exchange.status):
            yield f"not answered with {self.status}"
        if self.number is not None and not _names_cellphone(exchange, self.number):
            yield f"does not name {self.number}"
        if self.text is not None and not _contains_text(exchange, self.text):
            yield f"does not hold {self.text!r}"

    def accepts(self, exchange: Exchange) -> bool:
        return next(self.list_differences(exchange), None) is None

    def __str__(self) -> str:
        """Return ``operation=createCampaign status=422``."""
        asked = ((each.name, getattr(self, each.name)) for each in fields(self))
        words = [
            f"{name}={_format_value(value)}"
            for name, value in asked
            if value or (name == "status" and value is not None)
        ]
        return " ".join(words) or "any request"


class JournalWatch:
    """Reads each exchange of a journal once, and collects those that match."""

    def __init__(self, journal: Journal, match: ExchangeMatch) -> None:
        self._journal = journal
        self.match = match
        self._last_read = match.after
        self.matches: list[Exchange] = []
        self.others: list[Exchange] = []  # in the requested range

    @property
    def has_missed(self) -> bool:
        """Whether exchanges were dropped before they were read."""
        return self._journal.has_gap(self._last_read, self.match.since)

    def read_journal(self) -> int:
        """Return how many match by now."""
        for exchange in self._journal.list_after(self._last_read):
            if self.match.covers(exchange):
                fits = self.match.accepts(exchange)
                (self.matches if fits else self.others).append(exchange)
        self._last_read = max(self._last_read, self._journal.last)
        return len(self.matches)


def parse_exchange_match(asked: Mapping[str, Any]) -> ExchangeMatch:
    """Return the conditions in the parameters or the body of a request."""
    known = {
        each.name: asked[each.name]
        for each in fields(ExchangeMatch)
        if each.name in asked
    }
    for name in known.keys() & {"since", "until"}:
        known[name] = dates.parse_timestamp(known[name], name)
    return ExchangeMatch(**known)


def list_cellphones(exchange: Exchange) -> Sequence[str]:
    """Return the cellphones that a request names."""
    if pdu_journal.is_pdu(exchange):
        return [format_cellphone(each) for each in exchange.numbers]
    found = [
        step
        for step in exchange.path.split("/")
        if len(step) == DIGITS and step.isdecimal()
    ]
    found += parse_qs(exchange.query.decode("latin-1")).get("cellphone", ())
    if isinstance(exchange.request, CutBody):
        found += map(format_cellphone, exchange.numbers)
    elif b"cellphone" in exchange.request:
        found += _list_body_cellphones(exchange.request)
    return found


def decode_body(body: JournalBody) -> str:
    """Return a body, or what is kept of it, as text."""
    if isinstance(body, bytes):
        return body.decode("utf-8", "replace")
    return body.head.decode("utf-8", "replace").rstrip("\ufffd")


def _names_cellphone(exchange: Exchange, number: str) -> bool:
    """Return whether a request names a cellphone that ends with *number*."""
    if not exchange.numbers:
        return any(each.endswith(number) for each in list_cellphones(exchange))
    end = int(number)
    if len(number) == DIGITS:
        return end in exchange.numbers
    return any(each % 10 ** len(number) == end for each in exchange.numbers)


def _list_body_cellphones(octets: bytes) -> Iterator[str]:
    """Yield the cellphones in a body, be it JSON or the beginning of it."""
    try:
        body = msgspec.json.decode(octets)
    except (ValueError, RecursionError):
        yield from map(format_cellphone, find_cellphones(octets))
        return
    if isinstance(body, dict):
        rows = body.get("recipients")
        for row in (body, *(rows if isinstance(rows, list) else ())):
            if isinstance(row, dict) and isinstance(row.get("cellphone"), int | str):
                yield str(row["cellphone"])


def _contains_text(exchange: Exchange, text: str) -> bool:
    """Return whether *text* stands in the path, the query or a body."""
    if pdu_journal.is_pdu(exchange):
        return text in exchange.path or text in pdu_journal.decode_pdu_text(exchange)
    return (
        text in exchange.path
        or text in unquote_plus(exchange.query.decode("latin-1"))
        or _body_contains(exchange.request, text)
        or _body_contains(exchange.answer, text)
    )


def _body_contains(body: JournalBody, text: str) -> bool:
    """Return whether *text* stands in a body, or in a string of its JSON."""
    if text in decode_body(body):
        return True
    if isinstance(body, CutBody) or BACKSLASH not in body:
        return False
    try:
        return any(text in each for each in _list_strings(msgspec.json.decode(body)))
    except (ValueError, RecursionError):
        return False


def _list_strings(node: Any) -> Iterator[str]:
    queue = [node]
    while queue:
        each = queue.pop()
        if isinstance(each, str):
            yield each
        elif isinstance(each, dict):
            queue += [*each, *each.values()]
        elif isinstance(each, list):
            queue += each


def _format_value(value: object) -> str:
    return dates.format_timestamp(value) if isinstance(value, datetime) else str(value)
