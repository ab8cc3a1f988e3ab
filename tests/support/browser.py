"""The panel before a test: its pages as HTML, and in a real Chromium by Playwright.

The browser fails for every error on the console and for every request to anywhere else.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from html.parser import HTMLParser
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, Request, expect, sync_playwright

from emulator.web.panel.views import PAGES
from tests.support.emulator import Answer, Api
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
    SMS,
    VOICE,
    make_clic,
    make_order,
    make_recipients,
    make_sms,
)
from tests.support.processes import ServedEmulator, require_tool, serve_emulator
from tests.support.smpp import SmppSocket

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
PATIENCE = 10_000  # milliseconds; only what never comes takes so long
expect.set_options(timeout=PATIENCE)
LIVE = 500  # milliseconds, within which news are to be seen

OpenPage = Callable[..., Page]


class HtmlPage(HTMLParser):
    """What stands in a page: its elements and its text."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        self.feed(answer.octets.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


def read_page(api: Api, path: str, **headers: str) -> HtmlPage:
    answer = api.get(path, token="", headers=headers)
    assert answer.status == 200, answer.octets
    return HtmlPage(answer)


@contextmanager
def open_chromium(*flags: str) -> Iterator[Browser]:
    """Start a browser, with *flags* of its own, or skip the test for want of one."""
    program = require_tool("chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program, args=[*FLAGS, *flags]
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def watch_pages(browser: Browser, origin: str) -> Iterator[OpenPage]:
    """Yield a function that opens ``origin`` + path, each time as a new visitor.

    ``open("/panel/clock", locale="es-MX", color_scheme="dark")``.
    """
    wrong: list[str] = []

    def hear(request: Request) -> None:
        if not request.url.startswith((f"{origin}/", "data:", "about:")):
            wrong.append(f"asked elsewhere: {request.url}")

    with ExitStack() as stack:

        def visit(path: str, **options: Any) -> Page:
            context = browser.new_context(base_url=origin, **options)
            stack.callback(context.close)
            context.set_default_timeout(PATIENCE)
            page = context.new_page()
            page.on("request", hear)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on(
                "console",
                lambda each: wrong.append(each.text) if each.type == "error" else None,
            )
            page.goto(path)
            return page

        yield visit
    assert wrong == [], wrong


FORM = {"content-type": "application/x-www-form-urlencoded"}
HOSTILE = "<script>alert(1)</script><img src=https://evil.example.org/x.png>"
COPYING = {"permissions": ["clipboard-read", "clipboard-write"]}
PHONE = {"width": 390, "height": 780}


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with serve_emulator() as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium() as running:
        yield running


@pytest.fixture
def visit(browser: Browser, served: ServedEmulator) -> Iterator[OpenPage]:
    with watch_pages(browser, served.url) as opening:
        yield opening


@pytest.fixture
def world(served: ServedEmulator, request: pytest.FixtureRequest) -> str:
    """Return the name of a world that only this test knows."""
    name = re.sub(r"\W+", "-", request.node.name)[-50:].strip("-_")
    served.ask("GET", "/api/v1/user", token=f"world-{name}")
    return name


def send_order(
    served: ServedEmulator, world: str, path: str = SMS, **changes: Any
) -> Any:
    body = {**make_sms(), **changes} if path == SMS else changes or make_order(path)
    answer = served.ask("POST", path, json.dumps(body), token=f"world-{world}")
    assert answer.status == 200, answer.octets
    return answer.body


def steer_world(served: ServedEmulator, world: str, path: str, **body: Any) -> Any:
    return ask_control(served, world, "POST", path, body)


def change_world(served: ServedEmulator, world: str, path: str, **body: Any) -> Any:
    return ask_control(served, world, "PATCH", path, body)


def run_clock(served: ServedEmulator, world: str, rate: float) -> None:
    """Let the clock of a world run; at 0 it stands."""
    ask_control(served, world, "PUT", "clock", {"rate": rate})


def copy_by_button(page: Page, button: Locator) -> str:
    """Press a button that copies, and return what is in the clipboard then."""
    page.evaluate("navigator.clipboard.writeText('')")
    button.click()
    return str(page.wait_for_function("navigator.clipboard.readText()").json_value())


def ask_control(
    served: ServedEmulator, world: str, method: str, path: str, body: Any
) -> Any:
    answer = served.ask(method, f"/_emulator/{path}?world={world}", json.dumps(body))
    assert answer.status == 200, answer.octets
    return answer.body


def fill_served_world(served: ServedEmulator, world: str) -> None:
    """Let something of every kind happen, hostile words included."""
    named: Any = {"campaign_name": HOSTILE, "text": f"{HOSTILE} <+B+>"}
    send_order(
        served,
        world,
        recipients=make_recipients(NUMBER, name=HOSTILE),
        encode_2=True,
        **named,
    )
    send_order(served, world, CLIC, **make_clic())
    picture = {"template": 4, "image": "https://evil.example.org/y.png"}
    letter = {"subject": HOSTILE, "body": HOSTILE, "header": HOSTILE}
    send_order(served, world, EMAIL, **make_order(EMAIL, **letter, **picture))
    where = served.ask("GET", f"/_emulator/smpp?world={world}").body
    with SmppSocket(where["host"], where["port"]) as client:
        client.bind(where["system_id"], where["password"])
        client.submit(NUMBER, HOSTILE.encode())
    send_order(
        served, world, VOICE, **make_order(VOICE, text=HOSTILE, campaign_name=HOSTILE)
    )
    served.ask("POST", SMS, "{", token=f"world-{world}", headers={"X-Mine": HOSTILE})
    steer_world(served, world, "faults", preset="flaky")
    steer_world(served, world, "clock/settle")
    steer_world(served, world, "inbound", number=NUMBER, text=HOSTILE)


def list_addresses(served: ServedEmulator, world: str) -> Iterator[str]:
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
