"""What a website can do to an emulator on the machine of its visitor: nothing.

A real Chromium opens it. Its names all lead to this machine, which is what a website
does that lets its own name lead there (DNS rebinding).
"""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from tests.support.browser import open_chromium
from tests.support.orders import make_sms
from tests.support.processes import ServedEmulator, require_tool, serve_emulator

pytestmark = pytest.mark.tools

MAPPED = "--host-resolver-rules=MAP *.example 127.0.0.1"
# Prompts of their own would hide what we do: a browser may ask a person first.
UNASKED = (
    "--disable-features=LocalNetworkAccessChecks,BlockInsecurePrivateNetworkRequests"
)
HOSTILE = "<!doctype html><title>A website</title>"
# What each command is answered, or why there is no answer that the page could read.
COMMANDS = """async commands => {
    const said = {}, type = {"Content-Type": "application/json"};
    const headers = {"Authorization": "Bearer demo", ...type};
    for (const [path, method, body] of commands) {
        try {
            const answer = await fetch(path, {method, body, headers});
            said[method + " " + new URL(path, location).pathname] = answer.status;
        } catch (error) { said[method + " " + new URL(path).pathname] = error.name; }
    }
    return said;
}"""
# Every way to have a browser ask without asking us first; resolves once all have ended.
SIMPLY = """async base => {
    const ended = (each, where) => new Promise(resolve => {
        each.onload = each.onerror = resolve;
        document.body.append(each);
    });
    const made = (name, values) => Object.assign(document.createElement(name), values);
    const pushes = base + "/_emulator/pushes";
    await Promise.all([
        ended(made("iframe", {src: pushes})),
        ended(made("img", {src: pushes})),
        ended(made("script", {src: pushes})),
        ended(made("link", {rel: "stylesheet", href: pushes})),
        ended(made("object", {data: pushes})),
        ended(made("iframe", {src: base + "/"})),
        ended(made("iframe", {src: base + "/docs"})),
        ended(made("iframe", {src: base + "/panel/live"})),
        fetch(pushes, {mode: "no-cors"}).catch(() => 0),
        fetch(base + "/_emulator/clock/advance", {
            method: "POST", mode: "no-cors", body: '{"seconds": 60}',
        }).catch(() => 0),
        fetch(base + "/panel/do/advance", {
            method: "POST", mode: "no-cors", body: new URLSearchParams({seconds: 60}),
        }).catch(() => 0),
        new Promise(resolve => new EventSource(pushes).onerror = resolve),
    ]);
}"""


def commands(base: str) -> list[tuple[str, str, str | None]]:
    """Return what was done to it once: tokens, clock, push URL and an SMS."""
    url = json.dumps({"push_url": "http://127.0.0.1:9/evil"})
    return [
        (f"{base}/_emulator/tokens", "GET", None),
        (f"{base}/_emulator/clock/advance", "POST", '{"seconds": 60}'),
        (f"{base}/_emulator/account", "PATCH", url),
        (f"{base}/api/v3/campaign", "POST", json.dumps(make_sms())),
    ]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium(MAPPED, UNASKED) as running:
        yield running


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with serve_emulator("--clock", "frozen") as running:
        yield running


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context()
    yield context
    context.close()


def website(context: BrowserContext, origin: str) -> Page:
    """Open a page of *origin*, which comes from there once and is served no more."""
    page = context.new_page()
    page.route(
        f"{origin}/website",
        lambda route: route.fulfill(body=HOSTILE, content_type="text/html"),
    )
    page.goto(f"{origin}/website")
    page.unroute_all()  # Playwright would answer for us whether a page may ask
    return page


def state(served: ServedEmulator) -> list[Any]:
    """Return what a page could have changed."""
    paths = ("clock", "account", "tokens", "movements", "campaigns")
    metrics = served.ask("GET", "/_emulator/metrics").octets.decode().splitlines()
    took = [line for line in metrics if "streamPushes" in line]
    return [took, *(served.ask("GET", f"/_emulator/{path}").body for path in paths)]


class Traffic:
    """What a page asked of us, and what browsers told it of the answers."""

    def __init__(self, page: Page, base: str) -> None:
        self.asked: list[str] = []
        self.statuses: set[int] = set()
        self._base = base
        page.on("request", lambda each: self.asked.extend(self._ours(each.url)))
        page.on("response", self._hear)

    def _hear(self, answer: Response) -> None:
        if any(self._ours(answer.url)):
            self.statuses.add(answer.status)

    def _ours(self, url: str) -> list[str]:
        return [url] if url.startswith(self._base) and "/api/" not in url else []


def test_a_page_of_our_own_commands_by_the_same_words(
    served: ServedEmulator, context: BrowserContext
) -> None:
    """Else the tests below would show nothing."""
    page = context.new_page()
    page.goto(f"{served.url}/docs")

    said = page.evaluate(COMMANDS, commands(""))

    assert set(said.values()) == {200}, said
    assert len(said) == 4
    name = served.url.replace("127.0.0.1", "localhost")
    page.goto(f"{name}/docs")
    assert set(page.evaluate(COMMANDS, commands(name)).values()) == {200}


def test_a_website_that_leads_its_name_here_does_nothing(
    served: ServedEmulator, context: BrowserContext
) -> None:
    base = f"http://evil.example:{served.address[1]}"
    before = state(served)
    page = website(context, base)
    traffic = Traffic(page, base)

    said = page.evaluate(COMMANDS, commands(base))
    page.evaluate(SIMPLY, base)

    assert set(said.values()) == {421}, said
    assert len(traffic.asked) >= 12
    assert traffic.statuses == {421}
    page.goto(f"{base}/panel/clock")
    expect(page.get_by_role("heading")).to_contain_text("--allowed-host")
    assert state(served) == before


@pytest.mark.parametrize("origin", ["http://evil.example", "http://localhost:9"])
def test_a_website_does_nothing_under_our_own_name_either(
    served: ServedEmulator, context: BrowserContext, origin: str
) -> None:
    before = state(served)
    page = website(context, origin)
    traffic = Traffic(page, served.url)

    said = page.evaluate(COMMANDS, commands(served.url))
    page.evaluate(SIMPLY, served.url)

    assert set(said.values()) == {"TypeError"}, said  # nothing that it could read
    assert len(traffic.asked) >= 12
    assert traffic.statuses == {403}
    frames = page.frames[1:]
    assert not [each for each in frames if each.get_by_role("navigation").count()]
    assert state(served) == before


def test_a_link_from_elsewhere_leads_to_the_panel_and_to_what_a_text_links(
    served: ServedEmulator, context: BrowserContext
) -> None:
    page = website(context, "http://evil.example")
    page.set_content(f"<a href={served.url}/panel/clock>panel</a>")
    with page.expect_response("**/panel/clock") as answer:
        page.get_by_text("panel").click()
    assert answer.value.status == 200
    expect(page.get_by_role("navigation").first).to_be_visible()

    page = website(context, "http://evil.example")
    page.set_content(f"<a href={served.url}/_emulator/pushes>pushes</a>")
    with page.expect_response("**/pushes") as answer:
        page.get_by_text("pushes").click()
    assert answer.value.status == 403
    page = website(context, "http://evil.example")
    page.set_content(f"<a href={served.url}/s/nothing>text</a>")
    with page.expect_response("**/s/nothing") as answer:
        page.get_by_text("text").click()
    assert answer.value.status == 404


def test_what_is_no_browser_asks_as_ever(served: ServedEmulator) -> None:
    node = f"""
        const headers = {{"Authorization": "Bearer demo"}};
        const get = path => fetch("{served.url}" + path, {{headers}});
        const clock = await get("/_emulator/clock"), user = await get("/api/v1/user");
        const body = '{{"seconds": 1}}', type = {{"Content-Type": "application/json"}};
        const moved = await fetch("{served.url}/_emulator/clock/advance",
            {{method: "POST", body, headers: type}});
        const page = await get("/"), contract = await get("/openapi.json");
        const pushes = await get("/_emulator/pushes");
        const all = [clock, user, moved, page, contract, pushes];
        console.log(all.map(each => each.status).join(" "));
        process.exit(0);
    """
    assert printed("node", "--input-type=module", "-e", node) == "200 " * 5 + "200"
    write = ("-s", "-o", "/dev/null", "-w", "%{http_code}")
    clock = f"{served.url}/_emulator/clock"
    assert printed("curl", *write, clock) == "200"
    assert printed("curl", *write, "--http1.0", clock) == "200"
    assert printed("curl", *write, "-d", "{}", f"{clock}/settle") == "200"
    assert printed("curl", *write, "-H", "Host: evil.example", clock) == "421"
    assert (
        printed(
            "curl",
            *write,
            "-X",
            "GET",
            "--proxy",
            served.url,
            "http://evil.example/_emulator/clock",
        )
        == "421"
    )


def printed(tool: str, *words: str) -> str:
    done = subprocess.run(
        [require_tool(tool), *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout.strip()
