"""How an exchange is shown: as a row of the journal, and as one line of text."""

import re
from email.utils import format_datetime

from emulator.domain import dates
from emulator.domain.command_status import named
from emulator.world.journal import SEPARATOR, Body, Cut, Exchange, Headers
from emulator.operations.background import pdu_journal
from emulator.operations.call import Row
from emulator.operations.control.match import Match, numbers, text_of

SECRET = frozenset({"authorization", "cookie", "set-cookie", "x-emulator-control"})
LONG = 12  # characters; of a longer token the last four are shown
NUMBER = re.compile(r"[0-9]{6,}(?=[0-9]{4}(?![0-9]))")
UNFINISHED = re.compile(r"[0-9]+$")

LINES = 20  # of a text
NAMED = 3  # cellphones in a line
SNIPPET = 120  # characters


def shown(exchange: Exchange, *, masked: bool = False) -> Row:
    """Return an exchange as the control API shows it; *masked* hides cellphones."""
    if pdu_journal.is_pdu(exchange):
        return _shown_pdu(exchange, masked=masked)
    request = {
        "headers": _headers(_asked(exchange.request_headers), masked=masked),
        **_body(exchange.request, masked=masked),
    }
    answer = {
        "headers": _headers(_answered(exchange), masked=masked),
        **_body(b"" if exchange.method == "HEAD" else exchange.answer, masked=masked),
    }
    return _row(exchange, request, answer, masked=masked)


def _shown_pdu(exchange: Exchange, *, masked: bool) -> Row:
    """Return an exchange of SMPP; masked, it keeps its octets and fields to itself."""
    text = hidden(pdu_journal.text(exchange), masked=masked)
    request, answer = pdu_journal.half(exchange.request, text), pdu_journal.half(exchange.answer, "")
    if masked:
        for each in (request, answer):
            del each["hex"], each["pdu"]
    return _row(exchange, request, answer, masked=masked)


def _row(exchange: Exchange, request: Row, answer: Row, *, masked: bool) -> Row:
    return {
        "number": exchange.number,
        "at": dates.stamp(exchange.at),
        "operation": exchange.operation,
        "method": exchange.method,
        "path": hidden(exchange.path, masked=masked),
        "query": hidden(exchange.query.decode("latin-1"), masked=masked),
        "status": exchange.status,
        "request": request,
        "answer": answer,
        "notes": list(exchange.notes),
        "why": hidden(exchange.why, masked=masked),
        "reason": exchange.refusal[0] if exchange.refusal else "",
        "fault": exchange.fault,
        "duration": exchange.duration,
    }


def listed(exchanges: list[Exchange], match: Match, *, masked: bool) -> str:
    """Return a line for each of the newest *exchanges*, and how they fail *match*."""
    lines = [_line(each, match) for each in exchanges[-LINES:]]
    if older := len(exchanges) - len(lines):
        lines.insert(0, f"({older} before these)")
    return hidden("\n".join(lines), masked=masked)


def _line(exchange: Exchange, match: Match) -> str:
    """Return ``#3 2026-03-02T18:00:00.000000Z createCampaign 422 to 4498987282: ...``.

    The refusal's reason follows, and in which ways it is not what is asked for.
    """
    words = [f"#{exchange.number}", dates.stamp(exchange.at), exchange.operation]
    words.append(_outcome(exchange))
    to = list(dict.fromkeys(numbers(exchange)))
    if to:
        more = f" and {len(to) - NAMED} more" if len(to) > NAMED else ""
        words.append(f"to {', '.join(to[:NAMED])}{more}")
    if exchange.fault:
        words.append(f"by fault {exchange.fault}")
    asides = [f"refused: {exchange.why}"] if exchange.why else []
    asides += match.misses(exchange)
    aside = f" ({'; '.join(asides)})" if asides else ""
    return f"{' '.join(words)}: {_snippet(exchange)}{aside}"


def _outcome(exchange: Exchange) -> str:
    """Return ``422``, ``ESME_ROK``, or that there was no answer."""
    if pdu_journal.is_pdu(exchange):
        return named(exchange.status) if exchange.answer else "unanswered"
    return str(exchange.status) if exchange.status else "broken off"


def _snippet(exchange: Exchange) -> str:
    query = exchange.query.decode("latin-1")
    address = f"{exchange.path}?{query}" if query else exchange.path
    said = pdu_journal.text if pdu_journal.is_pdu(exchange) else _said
    text = " ".join((said(exchange) or address).split())
    return text if len(text) <= SNIPPET else f"{text[:SNIPPET]}..."


def _said(exchange: Exchange) -> str:
    return text_of(exchange.request)


def _body(body: Body, *, masked: bool) -> Row:
    text = text_of(body)
    if isinstance(body, bytes):
        return {"body": hidden(text, masked=masked), "octets": len(body)}
    if masked:  # the cut may have gone through a number
        text = UNFINISHED.sub(_starred, text)
    return {
        "body": hidden(text, masked=masked),
        "octets": body.octets,
        "sha256": body.sha256,
    }


def _asked(joined: bytes) -> Headers:
    parts = joined.split(SEPARATOR)
    return tuple(zip(parts[::2], parts[1::2], strict=False))


def _answered(exchange: Exchange) -> Headers:
    """Return the headers of an answer with those that every answer has."""
    if not exchange.status:
        return ()
    headers = [(b"content-type", exchange.content_type), *exchange.answer_headers]
    date = format_datetime(exchange.at.replace(microsecond=0), usegmt=True)
    headers.append((b"date", date.encode()))
    if not isinstance(exchange.answer, Cut):
        headers.append((b"content-length", b"%d" % len(exchange.answer)))
    return tuple(headers)


def _headers(headers: Headers, *, masked: bool) -> dict[str, str]:
    """Return headers by name, without the tokens in them; equal ones are joined."""
    found: dict[str, str] = {}
    for octets, value in headers:
        name, text = octets.decode("latin-1").lower(), value.decode("latin-1")
        text = _token(text) if name in SECRET else hidden(text, masked=masked)
        found[name] = f"{found[name]}, {text}" if name in found else text
    return found


def _token(text: str) -> str:
    """Return ``Bearer ****6789``."""
    scheme, space, token = text.partition(" ")
    if scheme.lower() != "bearer":
        scheme, space, token = "", "", text
    return f"{scheme}{space}****{token[-4:] if len(token) > LONG else ''}"


def hidden(text: str, *, masked: bool) -> str:
    """Return *text*; *masked* hides all of its cellphones but the last four digits."""
    return NUMBER.sub(_starred, text) if masked else text


def _starred(found: re.Match[str]) -> str:
    return "*" * len(found[0])
