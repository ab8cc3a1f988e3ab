"""The emulator behind real proxies: nginx with TLS, below a path, with its own habits.

What nginx is told is deploy/nginx/proxy.conf, which docs/guide/network.md shows.
"""

import json
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
import trustme
from playwright.sync_api import Browser, expect

from tests.support.browser import (
    COPYING,
    copy_by_button,
    fill_served_world,
    list_addresses,
    open_chromium,
    send_order,
    watch_pages,
)
from tests.support.orders import make_sms
from tests.support.processes import (
    DEADLINE,
    ServedEmulator,
    is_heard,
    require_tool,
    serve_emulator,
)
from tests.test_balancer import DEPLOYED, find_free_port
from tests.test_websites import UNASKED

pytestmark = pytest.mark.tools

SECRET = "correct-horse"
NAME = "sms.example"
TRUSTED = ("--trusted-proxy", "127.0.0.1", "--allowed-host", NAME)
CONF = (DEPLOYED / "proxy.conf").read_text("utf-8")
BLOCK = re.compile(r"location /sms/ \{.*?\n        \}", re.DOTALL)
UPSTREAM = "http://127.0.0.1:7672"  # as proxy.conf has it
STRIPPED = BLOCK.findall(CONF)[0]


@dataclass(frozen=True)
class Proxied:
    """An emulator, and nginx before it."""

    served: ServedEmulator
    origin: str  # https://sms.example:41234
    prefix: str
    context: ssl.SSLContext

    @property
    def url(self) -> str:
        return self.origin + self.prefix

    def ask(
        self, method: str, path: str, body: str = "", **headers: str
    ) -> tuple[int, dict[str, str], str]:
        port = int(self.origin.rpartition(":")[2])
        connection = HTTPSConnection(
            "127.0.0.1", port, timeout=DEADLINE, context=self.context
        )
        sent = {"Host": self.origin.removeprefix("https://")}
        sent |= {name.replace("_", "-"): each for name, each in headers.items() if each}
        try:
            connection.request(method, self.prefix + path, body or None, sent)
            response = connection.getresponse()
            found = {name.lower(): value for name, value in response.getheaders()}
            return response.status, found, response.read().decode()
        finally:
            connection.close()

    def press(self, button: str = "freeze", **headers: str) -> int:
        """Press a button as the browser does whose page comes from the proxy."""
        says = {"Origin": self.origin, "Sec_Fetch_Site": "same-origin"}
        form = {"Content_Type": "application/x-www-form-urlencoded"}
        status, _, _ = self.ask(
            "POST", f"/panel/do/{button}", "", **says | form | headers
        )
        return status


@contextmanager
def proxied(
    folder: Path, *flags: str, location: str, prefix: str = "", **environment: str
) -> Iterator[Proxied]:
    """Run nginx as proxy.conf has it before an emulator, with another location."""
    nginx = require_tool("nginx")
    port = find_free_port()
    origin = f"https://{NAME}:{port}"
    authority = trustme.CA()
    certificate = authority.issue_cert(NAME, "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(
        str(folder / "certificate.pem")
    )
    context = ssl.create_default_context()
    authority.configure_trust(context)
    with ExitStack() as stack:
        named = [each.format(origin=origin) for each in flags]
        served = stack.enter_context(serve_emulator(*named, environment=environment))
        conf = CONF.replace(STRIPPED, location)
        for there, here in (
            ("listen 8443", f"listen 127.0.0.1:{port}"),
            ("/tmp/", f"{folder}/"),  # noqa: S108 - that it is not used
            (UPSTREAM, served.url),
        ):
            assert there in conf
            conf = conf.replace(there, here)
        (folder / "nginx.conf").write_text(conf, "utf-8")
        log = stack.enter_context((folder / "stderr").open("w"))
        command = [
            str(nginx),
            "-p",
            str(folder),
            "-c",
            "nginx.conf",
            "-g",
            "daemon off;",
        ]
        process = stack.enter_context(subprocess.Popen(command, stderr=log))
        stack.callback(process.terminate)
        while not is_heard(("127.0.0.1", port)):
            assert process.poll() is None, (folder / "stderr").read_text("utf-8")
        yield Proxied(served, origin, prefix, context)


PLAIN = f"location / {{ proxy_pass {UPSTREAM}; }}"  # nginx's default Host
LEFT = f"location /sms/ {{ proxy_pass {UPSTREAM}; }}"
PREFIXING = "proxy_set_header X-Forwarded-Prefix /sms;"
HOSTED = STRIPPED.replace("/sms/", "/").replace(PREFIXING, "")
WAYS = {
    "default Host, public URL": (PLAIN, ("--public-url", "{origin}"), ""),
    "forwarded headers": (HOSTED, TRUSTED, ""),
    "a path taken off": (STRIPPED, TRUSTED, "/sms"),
    "a path left in": (LEFT, ("--public-url", "{origin}/sms"), "/sms"),
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_chromium(
        f"--host-resolver-rules=MAP {NAME} 127.0.0.1", UNASKED
    ) as running:
        yield running


def test_without_a_setting_the_answer_names_it(tmp_path: Path) -> None:
    with proxied(tmp_path, location=PLAIN) as behind:
        says = {"Origin": behind.origin, "Sec_Fetch_Site": "same-origin"}
        status, _, text = behind.ask("POST", "/panel/do/freeze", "", **says)

    assert status == 403
    assert f"--public-url {behind.origin}" in text


@pytest.mark.parametrize("way", WAYS)
def test_every_door_is_open_through_a_proxy_and_to_no_other_page(
    tmp_path: Path, way: str
) -> None:
    location, flags, prefix = WAYS[way]
    with proxied(tmp_path, *flags, location=location, prefix=prefix) as behind:
        assert behind.press() == behind.press(Sec_Fetch_Site="") == 200
        assert behind.ask("GET", "/docs")[0] == 200
        assert behind.ask("GET", "/_emulator/clock")[0] == 200
        assert behind.ask("GET", "/api/v1/user", Authorization="Bearer demo")[0] == 200
        evil = {"Origin": "https://evil.example", "Sec_Fetch_Site": "cross-site"}
        assert behind.press(**evil) == 403
        assert behind.press(Origin="null") == 403
        _, _, contract = behind.ask("GET", "/openapi.json")
        assert f'"servers":[{{"url":"{prefix or "/"}"' in contract


def test_what_a_client_invents_does_not_pass_the_proxy(tmp_path: Path) -> None:
    with proxied(tmp_path, *TRUSTED, location=HOSTED) as behind:
        invented = {
            "X_Forwarded_Host": "evil.example",
            "Forwarded": "host=evil.example;proto=http",
            "Origin": "https://evil.example",
            "Sec_Fetch_Site": "same-origin",
        }
        assert behind.press(**invented) == 403
        rebound = {"Host": "evil.example", "Origin": "https://evil.example"}
        assert behind.press(**rebound, Sec_Fetch_Site="same-origin") == 421


def test_another_machine_that_says_the_same_is_not_believed(tmp_path: Path) -> None:
    elsewhere = f"proxy_bind 127.0.0.2; {HOSTED[len('location / {') :]}"
    location = f"location / {{ {elsewhere}"
    with proxied(tmp_path, *TRUSTED, location=location) as behind:
        assert behind.press() == 200  # as Host is ours, and the browser vouches for it
        assert behind.press(Sec_Fetch_Site="") == 403


def test_who_guesses_through_a_proxy_holds_up_no_other(tmp_path: Path) -> None:
    """Each client counts by itself, though all of them come from one proxy."""
    own = "proxy_set_header X-Forwarded-For $http_x_test_client;"
    location = HOSTED.replace("proxy_set_header X-Forwarded-For $remote_addr;", own)
    environment = {"EMULATOR_CONTROL_SECRET": SECRET}
    with proxied(tmp_path, *TRUSTED, location=location, **environment) as behind:

        def status(secret: str, client: str) -> int:
            says = {"X_Emulator_Control": secret, "X_Test_Client": client}
            return behind.ask("GET", "/_emulator/clock", **says)[0]

        while (found := status(f"wrong-{find_free_port()}", "203.0.113.9")) != 429:
            assert found == 401
        assert status(SECRET, "203.0.113.10") == 200


@pytest.mark.parametrize("way", WAYS)
def test_the_panel_lives_behind_a_proxy_in_a_real_browser(
    tmp_path: Path, browser: Browser, way: str
) -> None:
    location, flags, prefix = WAYS[way]
    flags = (*flags, "--clock", "frozen")
    options: dict[str, Any] = {"ignore_https_errors": True, **COPYING}
    with (
        proxied(tmp_path, *flags, location=location, prefix=prefix) as behind,
        watch_pages(browser, behind.origin) as visit,
    ):
        behind.served.ask("GET", "/api/v1/user", token="world-shop")
        page = visit(f"{prefix}/?world=shop", **options)
        page.get_by_role("button", name="Fill this world").click()
        expect(page.get_by_role("status")).to_have_text("The world is full of life.")
        # The stream tells that something has happened, and the region is asked again.
        expect(page.locator(".contacts li")).to_have_count(50)
        send_order(behind.served, "shop", text="por el proxy")
        page.get_by_role("link", name="Campaigns").click()
        expect(page).to_have_url(f"{behind.url}/panel/campaigns?world=shop")
        before = page.locator(".card").first.text_content()
        send_order(behind.served, "shop", campaign_name="otra", text="y otra más")
        expect(page.locator(".card").first).not_to_have_text(before or "")
        page.locator(".card").first.click()
        expect(page.locator("main")).to_contain_text("otra")
        page.goto(f"{behind.url}/panel/worlds?world=shop")
        page.get_by_label("Name", exact=True).fill("acme")
        page.get_by_role("button", name="Open").click()
        expect(page).to_have_url(f"{behind.url}/?world=acme")
        theme = page.locator("html")
        page.get_by_role("button", name="Light or dark").click()
        chosen = theme.get_attribute("data-theme")
        page.reload()
        expect(theme).to_have_attribute("data-theme", chosen or "")
        fill_served_world(behind.served, "shop")
        for address in list_addresses(behind.served, "shop"):
            page.goto(f"{behind.url}{address}")
            expect(page.locator("main")).to_be_visible()
        page.goto(f"{behind.url}/panel/request?world=shop&number=1")
        command = copy_by_button(page, page.get_by_role("button", name="curl"))
        there = behind.url if prefix or "public" in way else behind.served.url
        assert f"{there}/api/" in command  # as it was asked, or as the page was
        page.goto(f"{behind.url}/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        status = page.evaluate(
            "base => fetch(base + '/api/v1/user',"
            "{headers: {Authorization: 'Bearer demo'}}).then(each => each.status)",
            prefix,
        )
        assert status == 200


@pytest.mark.parametrize("way", WAYS)
def test_who_enters_through_a_proxy_stays_in(
    tmp_path: Path, browser: Browser, way: str
) -> None:
    location, flags, prefix = WAYS[way]
    environment = {"EMULATOR_CONTROL_SECRET": SECRET}
    with proxied(
        tmp_path, *flags, location=location, prefix=prefix, **environment
    ) as behind:
        context = browser.new_context(ignore_https_errors=True)
        page = context.new_page()
        page.goto(f"{behind.url}/")
        page.get_by_label("Secret").fill(SECRET)
        page.get_by_role("button", name="Enter").click()
        expect(page.get_by_role("heading", name="Nothing has")).to_be_visible()
        (cookie,) = context.cookies()
        kind = "__Secure-" if prefix else "__Host-"
        assert cookie["name"] == f"{kind}emulator_control"
        assert cookie["path"] == f"{prefix}/"
        assert cookie["secure"]
        assert cookie["httpOnly"]
        assert SECRET not in cookie["value"]
        page.goto(f"{behind.url}/panel/clock")
        page.get_by_role("button", name="Freeze").click()
        expect(page.get_by_text("stands still", exact=True)).to_be_visible()
        context.close()


def test_a_browser_app_of_a_listed_origin_uses_the_api(
    browser: Browser, tmp_path: Path
) -> None:
    """A real browser asks first, sends its token and reads the answer's headers."""
    app = tmp_path / "app.html"
    app.write_text("<!doctype html><title>App</title>", "utf-8")
    script = """async ([base, body]) => {
        const type = {"Content-Type": "application/json"};
        const headers = {Authorization: "Bearer demo", ...type};
        const sent = {method: "POST", body, headers};
        const answer = await fetch(base + "/api/v3/campaign", sent);
        const refused = await fetch(base + "/api/v1/user");
        const control = await fetch(base + "/_emulator/clock").catch(each => each.name);
        return [answer.status, (await answer.json()).message, refused.status,
            refused.headers.get("x-emulator-why"), control];
    }"""
    with serve_emulator("--cors-origin", f"http://{NAME}:1") as served:
        context = browser.new_context()
        page = context.new_page()
        page.route("**/app", lambda route: route.fulfill(path=app))
        page.goto(f"http://{NAME}:1/app")
        page.unroute_all()
        status, message, refused, why, control = page.evaluate(
            script, [served.url, json.dumps(make_sms())]
        )
        page.goto("about:blank")
        context.close()

    assert (status, message) == (200, "Completado Correctamente")
    assert refused == 401
    assert "Authorization" in why
    assert control == "TypeError"
