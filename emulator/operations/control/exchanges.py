"""How an exchange is shown: as a row of the journal, and as one line of text."""

import re
from email.utils import format_datetime

from emulator.domain import dates
from emulator.domain.command_status import describe_command_status
from emulator.operations.background import pdu_journal
from emulator.operations.call import Row
from emulator.operations.control.match import (
    ExchangeMatch,
    decode_body,
    list_cellphones,
)
from emulator.world.journal import (
    HEADER_SEPARATOR,
    CutBody,
    Exchange,
    HeaderPairs,
    JournalBody,
)
from emulator.world.secret_headers import is_secret_header, mask_secret

CELLPHONE_START = re.compile(r"[0-9]{6,}(?=[0-9]{4}(?![0-9]))")
LAST_DIGITS = re.compile(r"[0-9]+$")

MAX_LINES = 20  # of a text
LISTED_CELLPHONES = 3  # cellphones in a line
SNIPPET_LENGTH = 120  # characters


def describe_exchange(exchange: Exchange, *, masked: bool = False) -> Row:
    """Return an exchange as the control API shows it; *masked* hides cellphones."""
    if pdu_journal.is_pdu(exchange):
        return _describe_smpp_exchange(exchange, masked=masked)
    request = {
        "headers": _mask_headers(
            _split_headers(exchange.request_headers), masked=masked
        ),
        **_describe_body(exchange.request, masked=masked),
    }
    answer = {
        "headers": _mask_headers(_list_response_headers(exchange), masked=masked),
        **_describe_body(
            b"" if exchange.method == "HEAD" else exchange.answer, masked=masked
        ),
    }
    return _make_row(exchange, request, answer, masked=masked)


def _describe_smpp_exchange(exchange: Exchange, *, masked: bool) -> Row:
    """Return an exchange of SMPP; masked, it keeps its octets and fields to itself."""
    text = mask_cellphones(pdu_journal.decode_pdu_text(exchange), masked=masked)
    request, answer = (
        pdu_journal.describe_pdu_side(exchange.request, text),
        pdu_journal.describe_pdu_side(exchange.answer, ""),
    )
    if masked:
        for each in (request, answer):
            del each["hex"], each["pdu"]
    return _make_row(exchange, request, answer, masked=masked)


def _make_row(exchange: Exchange, request: Row, answer: Row, *, masked: bool) -> Row:
    return {
        "number": exchange.number,
        "at": dates.format_timestamp(exchange.at),
        "operation": exchange.operation,
        "method": exchange.method,
        "path": mask_cellphones(exchange.path, masked=masked),
        "query": mask_cellphones(exchange.query.decode("latin-1"), masked=masked),
        "status": exchange.status,
        "request": request,
        "response": answer,
        "notes": list(exchange.notes),
        "why": mask_cellphones(exchange.why, masked=masked),
        "reason": exchange.refusal[0] if exchange.refusal else "",
        "fault": exchange.fault,
        "duration": exchange.duration,
    }


def render_exchange_lines(
    exchanges: list[Exchange], match: ExchangeMatch, *, masked: bool
) -> str:
    """Return a line for each of the newest *exchanges*, and how they fail *match*."""
    lines = [_render_line(each, match) for each in exchanges[-MAX_LINES:]]
    if older := len(exchanges) - len(lines):
        lines.insert(0, f"({older} before these)")
    return mask_cellphones("\n".join(lines), masked=masked)


def _render_line(exchange: Exchange, match: ExchangeMatch) -> str:
    """Return ``#3 2026-03-02T18:00:00.000000Z createCampaign 422 to 4498987282: ...``.

    The refusal's reason follows, and in which ways it is not what is asked for.
    """
    words = [
        f"#{exchange.number}",
        dates.format_timestamp(exchange.at),
        exchange.operation,
    ]
    words.append(_describe_outcome(exchange))
    to = list(dict.fromkeys(list_cellphones(exchange)))
    if to:
        more = (
            f" and {len(to) - LISTED_CELLPHONES} more"
            if len(to) > LISTED_CELLPHONES
            else ""
        )
        words.append(f"to {', '.join(to[:LISTED_CELLPHONES])}{more}")
    if exchange.fault:
        words.append(f"by fault {exchange.fault}")
    asides = [f"refused: {exchange.why}"] if exchange.why else []
    asides += match.list_differences(exchange)
    aside = f" ({'; '.join(asides)})" if asides else ""
    return f"{' '.join(words)}: {_cut_snippet(exchange)}{aside}"


def _describe_outcome(exchange: Exchange) -> str:
    """Return ``422``, ``ESME_ROK``, or that there was no answer."""
    if pdu_journal.is_pdu(exchange):
        return (
            describe_command_status(exchange.status)
            if exchange.answer
            else "unanswered"
        )
    return str(exchange.status) if exchange.status else "broken off"


def _cut_snippet(exchange: Exchange) -> str:
    query = exchange.query.decode("latin-1")
    address = f"{exchange.path}?{query}" if query else exchange.path
    said = (
        pdu_journal.decode_pdu_text if pdu_journal.is_pdu(exchange) else _decode_request
    )
    text = " ".join((said(exchange) or address).split())
    return text if len(text) <= SNIPPET_LENGTH else f"{text[:SNIPPET_LENGTH]}..."


def _decode_request(exchange: Exchange) -> str:
    return decode_body(exchange.request)


def _describe_body(body: JournalBody, *, masked: bool) -> Row:
    text = decode_body(body)
    if isinstance(body, bytes):
        return {"body": mask_cellphones(text, masked=masked), "octets": len(body)}
    if masked:  # the cut may have gone through a number
        text = LAST_DIGITS.sub(_to_asterisks, text)
    return {
        "body": mask_cellphones(text, masked=masked),
        "octets": body.octets,
        "sha256": body.sha256,
    }


def _split_headers(joined: bytes) -> HeaderPairs:
    parts = joined.split(HEADER_SEPARATOR)
    return tuple(zip(parts[::2], parts[1::2], strict=False))


def _list_response_headers(exchange: Exchange) -> HeaderPairs:
    """Return the headers of an answer with those that every answer has."""
    if not exchange.status:
        return ()
    headers = [(b"content-type", exchange.content_type), *exchange.answer_headers]
    date = format_datetime(exchange.at.replace(microsecond=0), usegmt=True)
    headers.append((b"date", date.encode()))
    if not isinstance(exchange.answer, CutBody):
        headers.append((b"content-length", b"%d" % len(exchange.answer)))
    return tuple(headers)


def _mask_headers(headers: HeaderPairs, *, masked: bool) -> dict[str, str]:
    """Return headers by name, without the tokens in them; equal ones are joined."""
    found: dict[str, str] = {}
    for octets, value in headers:
        name, text = octets.decode("latin-1").lower(), value.decode("latin-1")
        text = (
            mask_secret(text)
            if is_secret_header(octets)
            else mask_cellphones(text, masked=masked)
        )
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def mask_cellphones(text: str, *, masked: bool) -> str:
    """Return *text*; *masked* hides all of its cellphones but the last four digits."""
    return CELLPHONE_START.sub(_to_asterisks, text) if masked else text


def _to_asterisks(found: re.Match[str]) -> str:
    return "*" * len(found[0])
