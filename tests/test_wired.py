"""How the server is set up: every choice of ours, and what is uvicorn's own."""

from typing import Any

import pytest
import uvicorn
from msgspec.structs import replace
from starlette.types import Receive, Scope, Send

from emulator.serving.http_connection import HttpLimits
from emulator.serving.http_protocol import HttpProtocol
from emulator.serving.server import _make_config
from emulator.serving.settings import Settings


async def app(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Do nothing."""


async def dated(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """Do nothing, with a date."""


dated.is_dated = True  # type: ignore[attr-defined]
CHOSEN: dict[str, Any] = {
    "ws": "none",
    "lifespan": "off",
    "log_config": None,
    "log_level": "warning",
    "access_log": False,
    "server_header": False,
    "date_header": True,
    "proxy_headers": False,
    "timeout_graceful_shutdown": 1,
}
MADE = {"http", "app", "loaded_app", "http_protocol_class", "ssl", "encoded_headers"}


def test_the_server_is_set_up_as_chosen_and_else_as_ever() -> None:
    made = _make_config(app, Settings(log_level="warning"), None)
    usual = uvicorn.Config(app, **CHOSEN)
    usual.load()

    found = {name: each for name, each in vars(made).items() if name not in MADE}
    wanted = {name: each for name, each in vars(usual).items() if name not in MADE}
    others = {name for name in wanted if found[name] != wanted[name]}

    assert found.keys() == wanted.keys()
    assert others <= {"ws_protocol_class", "lifespan_class", "loop_factory"}
    assert made.ssl is None
    assert made.encoded_headers == []


def test_who_dates_its_answers_needs_no_other_date() -> None:
    assert _make_config(dated, Settings(), None).date_header is False


@pytest.mark.parametrize(
    ("setting", "limit"),
    [
        ("request_line_limit", "line"),
        ("header_limit", "headers"),
        ("max_headers", "count"),
        ("idle_timeout", "idle"),
        ("header_timeout", "header"),
        ("transfer_timeout", "transfer"),
    ],
)
def test_the_bounds_of_a_connection_are_those_of_the_settings(
    setting: str, limit: str
) -> None:
    changes: dict[str, Any] = {setting: 77}
    protocol: Any = _make_config(app, Settings(**changes), None).http
    usual: Any = _make_config(app, Settings(), None).http

    assert issubclass(protocol, HttpProtocol)
    assert getattr(protocol.limits, limit) == 77
    assert replace(protocol.limits, **{limit: 0}) == replace(usual.limits, **{limit: 0})
    assert isinstance(protocol.limits, HttpLimits)
