"""The panel before a test: a browser, an emulator, and worlds that are lived in."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page

from emulator.web.panel.views import PAGES
from tests.browser import Open, chromium, watched
from tests.campaigns import CLIC, NUMBER, SMS, a_clic, an_sms, to
from tests.orders import EMAIL, VOICE, order
from tests.served import Served, serve
from tests.smpp.plain import Plain

HOSTILE = "<script>alert(1)</script><img src=https://evil.example.org/x.png>"
COPYING = {"permissions": ["clipboard-read", "clipboard-write"]}
PHONE = {"width": 390, "height": 780}


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serve() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


@pytest.fixture
def visit(browser: Browser, served: Served) -> Iterator[Open]:
    with watched(browser, served.url) as opening:
        yield opening


@pytest.fixture
def world(served: Served, request: pytest.FixtureRequest) -> str:
    """Return the name of a world that only this test knows."""
    name = re.sub(r"\W+", "-", request.node.name)[-50:].strip("-_")
    served.ask("GET", "/api/v1/user", token=f"world-{name}")
    return name


def send(served: Served, world: str, path: str = SMS, **changes: Any) -> Any:
    body = {**an_sms(), **changes} if path == SMS else changes or order(path)
    answer = served.ask("POST", path, json.dumps(body), token=f"world-{world}")
    assert answer.status == 200, answer.octets
    return answer.body


def steer(served: Served, world: str, path: str, **body: Any) -> Any:
    return asked(served, world, "POST", path, body)


def change(served: Served, world: str, path: str, **body: Any) -> Any:
    return asked(served, world, "PATCH", path, body)


def run(served: Served, world: str, rate: float) -> None:
    """Let the clock of a world run; at 0 it stands."""
    asked(served, world, "PUT", "clock", {"rate": rate})


def copied(page: Page, button: Locator) -> str:
    """Press a button that copies, and return what is in the clipboard then."""
    page.evaluate("navigator.clipboard.writeText('')")
    button.click()
    return str(page.wait_for_function("navigator.clipboard.readText()").json_value())


def asked(served: Served, world: str, method: str, path: str, body: Any) -> Any:
    answer = served.ask(method, f"/_emulator/{path}?world={world}", json.dumps(body))
    assert answer.status == 200, answer.octets
    return answer.body


def fill(served: Served, world: str) -> None:
    """Let something of every kind happen, hostile words included."""
    named: Any = {"campaign_name": HOSTILE, "text": f"{HOSTILE} <+B+>"}
    send(served, world, recipients=to(NUMBER, name=HOSTILE), encode_2=True, **named)
    send(served, world, CLIC, **a_clic())
    picture = {"template": 4, "image": "https://evil.example.org/y.png"}
    letter = {"subject": HOSTILE, "body": HOSTILE, "header": HOSTILE}
    send(served, world, EMAIL, **order(EMAIL, **letter, **picture))
    where = served.ask("GET", f"/_emulator/smpp?world={world}").body
    with Plain(where["host"], where["port"]) as client:
        client.bind(where["system_id"], where["password"])
        client.submit(NUMBER, HOSTILE.encode())
    send(served, world, VOICE, **order(VOICE, text=HOSTILE, campaign_name=HOSTILE))
    served.ask("POST", SMS, "{", token=f"world-{world}", headers={"X-Mine": HOSTILE})
    steer(served, world, "faults", preset="flaky")
    steer(served, world, "clock/settle")
    steer(served, world, "inbound", number=NUMBER, text=HOSTILE)


def addresses(served: Served, world: str) -> Iterator[str]:
    """Yield every page of a world that has been filled."""
    listed = served.ask("GET", f"/_emulator/campaigns?world={world}").body
    for page in PAGES:
        if page == "campaign":
            for each in listed:
                named = f"channel={each['channel']}&campaign={each['campaign']}"
                yield f"/panel/campaign?world={world}&{named}"
        elif page == "request":
            yield f"/panel/request?world={world}&number=6"
        else:
            yield f"/panel/{page}?world={world}"
    yield f"/?world={world}&with=ana@example.org"
