"""Render views as pages with Jinja2, which escapes everything."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

TEMPLATE_DIR = Path(__file__).parent / "templates"

MILLISECONDS_FROM = 0.01  # seconds; from there on whole milliseconds are shown

# How a word of the platform is coloured; any other is neutral.
STATUS_TONES: Mapping[str, str] = {
    "sent": "good",
    "delivered": "good",
    "accepted": "good",
    "due": "busy",
    "given_up": "bad",
    "not_ok": "bad",
    "bad_status": "bad",
    "timed_out": "bad",
    "refused": "bad",
    "broken": "bad",
    "lost": "warm",
    "dropped": "quiet",
    "received": "good",
    "SENT": "good",
    "COMPLETED": "good",
    "failed": "bad",
    "FAILED": "bad",
    "unknown": "bad",
    "retried": "warm",
    "paused": "warm",
    "canceled": "quiet",
    "cancelled": "quiet",
    "CANCELLED": "quiet",
    "inserting": "busy",
    "updating": "busy",
    "in progress": "busy",
    "PROCESSING": "busy",
    "PROCESS": "busy",
}


def render_template(template: str, context: Mapping[str, Any]) -> str:
    """Return *template* filled with *context*."""
    page: str = _make_environment().get_template(template).render(context)
    return page


@cache
def _make_environment() -> Any:
    jinja2 = import_module("jinja2")  # 40 ms, saved at the start
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATE_DIR),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=jinja2.StrictUndefined,
    )
    environment.filters |= {
        "clock": format_short_date,
        "grouped": format_count,
        "local": format_local_stamp,
        "money": format_amount,
        "pretty": indent_json,
        "took": format_duration,
        "tone": lambda word: STATUS_TONES.get(word, "plain"),
    }
    environment.globals |= {"query": to_query_string}
    return environment


def to_query_string(**asked: Any) -> str:
    """Return a query such as ``?world=demo&page=2``; empty values are left out."""
    said = {name: value for name, value in asked.items() if value not in (None, "")}
    return f"?{urlencode(said)}" if said else ""


def format_local_stamp(stamp: str | None, zone: str) -> str:
    """Return an instant as the account's own clock shows it, to the second."""
    if not stamp:
        return ""
    at = datetime.fromisoformat(stamp).astimezone(ZoneInfo(zone))
    return at.strftime("%Y-%m-%d %H:%M:%S")


def format_short_date(date: str | None, today: str) -> str:
    """Return a date without its day where that is *today*'s."""
    if not date:
        return ""
    day, _, hour = date.partition(" ")
    return hour if day == today.partition(" ")[0] else f"{day} {hour[:5]}"


def format_count(number: float) -> str:
    """Return ``50,000``."""
    return f"{number:,}"


def format_amount(amount: float) -> str:
    """Return ``468,062.11``."""
    return f"{amount:,.2f}"


def format_duration(seconds: float) -> str:
    """Return ``0.8 ms``, ``12 ms`` or ``1.2 s``."""
    if seconds >= 1:
        return f"{seconds:.1f} s"
    return (
        f"{seconds * 1000:.2g} ms"
        if seconds < MILLISECONDS_FROM
        else f"{seconds * 1000:.0f} ms"
    )


def indent_json(text: str) -> str:
    """Return JSON with its lines and indents, anything else as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def parse_api_instant(stamp: str) -> datetime:
    """Return the instant in *text*, as the control API writes it."""
    return datetime.fromisoformat(stamp).astimezone(UTC)
