"""The contract as a page, in a real browser: it shows all and asks nobody else.

Chromium writes down every request and who began it: the page, or the browser itself.
"""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import pytest

from tests.support.emulator import read_contract
from tests.support.processes import ServedEmulator, require_tool, serve_emulator

pytestmark = pytest.mark.tools

SECONDS = 60  # a page takes three
OPERATION = re.compile(r'id="operations-\w+-(\w+)"')
PATH = re.compile(r'data-path="([^"]+)"')
LEAKY = b"""<!doctype html><title>Leaky</title>
<img src="http://pixel.example.org/x.png">
<script src="https://cdn.example.org/x.js"></script>
<script>fetch("https://api.example.org/", {mode: "no-cors"}).catch(() => 0)</script>
"""


class Page(NamedTuple):
    """A page as it stands once nothing moves any more, and what it asked for."""

    html: str
    asked: set[str]  # URLs


class Browser(NamedTuple):
    """A headless Chromium with a profile of its own."""

    program: Path
    folder: Path

    def show(self, url: str) -> Page:
        """Open *url*.  Nothing but this machine can be reached."""
        log = self.folder / "requests.json"
        command: list[str | Path] = [
            self.program,
            *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic"),
            *("--no-first-run", "--disable-background-networking"),
            *("--disable-component-update", "--disable-sync"),
            f"--user-data-dir={self.folder / 'profile'}",
            "--proxy-server=http://127.0.0.1:9",  # nobody; local hosts go without it
            "--virtual-time-budget=10000",
            f"--log-net-log={log}",
            "--dump-dom",
            url,
        ]
        done = subprocess.run(command, capture_output=True, timeout=SECONDS, check=True)
        return Page(done.stdout.decode(), asked_by("/".join(url.split("/")[:3]), log))


def asked_by(origin: str, log: Path) -> set[str]:
    """Return the URLs that *origin* asked for; the browser asks for some by itself."""
    written = json.loads(log.read_text("utf-8"))
    began = written["constants"]["logEventTypes"]["URL_REQUEST_START_JOB"]
    events = [each for each in written["events"] if each["type"] == began]
    requests = [each.get("params", {}) for each in events]
    return {each["url"] for each in requests if each.get("initiator") == origin}


class Leaky(BaseHTTPRequestHandler):
    """A page that asks outside."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(LEAKY)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def leaky_page() -> Iterator[str]:
    """Serve a page that asks outside, and yield its URL."""
    with HTTPServer(("127.0.0.1", 0), Leaky) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def browser(tmp_path: Path) -> Browser:
    return Browser(require_tool("chromium"), tmp_path)


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with serve_emulator() as running:
        yield running


@pytest.mark.parametrize("place", ["", "#/sms/createCampaign"])
def test_the_page_shows_every_operation_and_asks_nobody_outside(
    browser: Browser, served: ServedEmulator, place: str
) -> None:
    page = browser.show(f"{served.url}/docs{place}")

    operations, pushes = (
        read_contract().operations,
        read_contract().document.tree["webhooks"],
    )
    assert {*OPERATION.findall(page.html)} >= {*operations, *pushes}
    paths = {each.path for each in operations.values()}
    assert {*PATH.findall(page.html)} == {*paths, *pushes}
    assert page.asked == {
        f"{served.url}/docs/swagger-ui.css",
        f"{served.url}/docs/swagger-ui-bundle.js",
        f"{served.url}/docs/docs.js",
        f"{served.url}/docs/docs.css",
        f"{served.url}/openapi.json",
    }


def test_a_page_that_asks_outside_would_be_noticed(browser: Browser) -> None:
    with leaky_page() as url:
        page = browser.show(url)

    assert page.asked >= {
        "http://pixel.example.org/x.png",
        "https://cdn.example.org/x.js",
        "https://api.example.org/",
    }
