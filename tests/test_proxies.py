"""The emulator behind proxies: which are believed, and where its pages lead then."""

import re
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPResponse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from click import BadParameter

from emulator.client import Emulator
from emulator.command import main
from emulator.serving import composition
from emulator.serving.settings import Settings
from emulator.web.admission import AllowedHosts, parse_host_names
from emulator.web.panel.actions import ACTIONS
from emulator.web.panel.views import PAGES, REGIONS
from emulator.web.proxies import ProxyRules, parse_proxy_networks, parse_public_url
from tests.support.browser import FORM
from tests.support.emulator import Answer, Api, make_limited_emulator, run_control
from tests.support.orders import (
    CLIC,
    EMAIL,
    NUMBER,
    SMS,
    VOICE,
    make_clic,
    make_order,
    make_sms,
)
from tests.support.processes import DEADLINE, ServedEmulator, serve_emulator

PUBLIC = "https://sms.example.com"
BELOW = "/sms"
HERE = "127.0.0.1:7672"
OURS = {"host": HERE, "origin": PUBLIC, "sec-fetch-site": "same-origin"}
FORWARDED = {
    "host": HERE,
    "x-forwarded-for": "203.0.113.9",
    "x-forwarded-proto": "https",
    "x-forwarded-host": "sms.example.com",
    "x-forwarded-prefix": BELOW,
}
# What leads somewhere: each attribute of HTML or of htmx that holds an address.
LEADING = re.compile(
    r"\s(?:href|src|action|formaction|poster|hx-(?:get|post|put|patch|delete)"
    r'|hx-sse:connect|data-restores)="([^"]*)"'
)


def behind(
    trusted: str = "", public: str = "", names: str = "", secret: str | None = None
) -> Api:
    """Return a process that knows of proxies; its client is 127.0.0.1."""
    api = make_limited_emulator(secret=secret)
    settings = Settings(
        trusted_proxy=trusted or None,
        public_url=public or None,
        allowed_host=names or None,
    )
    app: Any = api.app
    app.proxies = composition.make_proxy_rules(settings)
    app.admission._hosts = AllowedHosts(  # noqa: SLF001 - as build_program sets it
        composition.list_host_names(settings)
    )
    return api


def freeze(api: Api, **headers: str) -> Answer:
    """Press a button of the panel."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()} | FORM
    return api.post("/panel/do/freeze", content=b"", token="", headers=sent)


# --- Who is believed -------------------------------------------------------------


def test_without_a_setting_a_proxy_is_refused_and_told_what_to_type() -> None:
    with closing(make_limited_emulator()) as api:
        default_host = freeze(api, **OURS)
        forwarded = freeze(api, **{**OURS, **FORWARDED})

    for answer in (default_host, forwarded):
        assert answer.status == 403
        assert f"--public-url {PUBLIC}".encode() in answer.octets
    assert b"--trusted-proxy" not in default_host.octets
    assert b"--trusted-proxy 127.0.0.1" in forwarded.octets


def test_the_page_of_another_website_is_not_told_to_be_let_in() -> None:
    with closing(make_limited_emulator()) as api:
        for site in ("cross-site", "same-site"):
            answer = freeze(api, **{**OURS, "sec-fetch-site": site})
            assert answer.status == 403
            assert b"--public-url" not in answer.octets
        for origin in ("null", "https://x`id`", "file://", f"https://{'x' * 200}"):
            nobody = freeze(api, host=HERE, origin=origin)
            assert nobody.status == 403
            assert b"--public-url" not in nobody.octets


def test_a_public_url_is_an_origin_of_our_own_and_others_stay_out() -> None:
    with closing(behind(public=f"{PUBLIC}{BELOW}/")) as api:
        assert freeze(api, **OURS).status == 200
        assert freeze(api, **{**OURS, "host": "sms.example.com"}).status == 200
        assert freeze(api, host=HERE, origin=f"http://{HERE}").status == 200
        for origin in (
            *("https://evil.example", "http://sms.example.com", "null"),
            *(f"{PUBLIC}:8443", "https://x.sms.example.com", f"{PUBLIC}.evil.example"),
        ):
            sent = {**OURS, "origin": origin, "sec-fetch-site": "cross-site"}
            assert freeze(api, **sent).status == 403, origin
        assert freeze(api, **{**OURS, "host": "evil.example"}).status == 421


def test_a_trusted_proxy_says_where_the_browser_is() -> None:
    with closing(behind("127.0.0.0/8", names="sms.example.com")) as api:
        assert freeze(api, **{**OURS, **FORWARDED}).status == 200
        assert freeze(api, **OURS).status == 403  # it has to say it
        evil = {**OURS, **FORWARDED, "origin": "https://evil.example"}
        assert freeze(api, **evil, sec_fetch_site="cross-site").status == 403


def test_a_name_that_is_led_through_the_proxy_is_held_to_the_known_ones() -> None:
    """A website may lead its own name to a proxy as well as to us."""
    rebound = {**FORWARDED, "x-forwarded-host": "evil.example"}
    own = {"origin": "https://evil.example", "sec-fetch-site": "same-origin"}
    with closing(behind("127.0.0.1", names="sms.example.com")) as api:
        for hostile in (
            "evil.example",
            "localhost@evil.example",
            "a b",
            "[",
            "x" * 300,
        ):
            answer = freeze(api, **{**rebound, **own, "x-forwarded-host": hostile})
            assert answer.status == 421, hostile
            assert b"--allowed-host" in answer.octets


@pytest.mark.parametrize("header", sorted(FORWARDED.keys() - {"host"}))
def test_what_another_says_is_not_read(header: str) -> None:
    sent = {"host": HERE, header: FORWARDED[header], "forwarded": "for=1;host=a.b"}
    with (
        closing(make_limited_emulator()) as api,
        closing(behind("10.0.0.0/8,::1")) as other,
    ):
        for each in (api, other):
            plain = each.get("/", token="", headers={"host": HERE})
            page = each.get("/", token="", headers=sent)
            assert page == plain
            assert BELOW.encode() not in page.octets


def test_a_header_is_ignored_in_each_form_that_says_nothing() -> None:
    with closing(behind("127.0.0.1")) as api:
        plain = api.get("/panel/clock", token="", headers={"host": HERE})
        for name, value in (
            *(("x-forwarded-proto", each) for each in ("", ",", "javascript", "wss")),
            *(("x-forwarded-host", each) for each in ("", " , ")),
            *(
                ("x-forwarded-prefix", each)
                for each in ("", "/", "sms", "//evil.example", "/a//b", "/../x", "/a b")
            ),
            *(("x-forwarded-prefix", each) for each in ('/"><script>', "/%2f", "/x?y")),
            *(("x-forwarded-prefix", "/a" * 9), ("x-forwarded-prefix", "/" + "a" * 65)),
            *(("forwarded", each) for each in ("", ";;,,=", 'host="', "proto", "=x")),
        ):
            page = api.get(
                "/panel/clock", token="", headers={"host": HERE, name: value}
            )
            assert page == plain, (name, value)


def scope_of(rules: ProxyRules, peer: str, **headers: str) -> dict[str, Any]:
    """Return what a request says once it was read."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    scope: dict[str, Any] = {
        "client": (peer, 4711),
        "scheme": "http",
        "path": "/",
        "headers": [(each.encode(), value.encode()) for each, value in said.items()],
    }
    rules.rewrite_scope(scope)
    return scope


@pytest.mark.parametrize(
    ("forwarded_for", "client"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("203.0.113.9:4711", "203.0.113.9"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1", "2001:db8::1"),
        ("198.51.100.1, 203.0.113.9", "203.0.113.9"),  # the first is invented
        ("203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.9, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.9", "10.0.0.9"),
        ("unknown", "10.0.0.1"),
        ("203.0.113.9, _hidden", "10.0.0.1"),
        ("", "10.0.0.1"),
    ],
)
def test_the_client_is_who_asked_the_outermost_trusted_proxy(
    forwarded_for: str, client: str
) -> None:
    rules = ProxyRules(parse_proxy_networks("10.0.0.0/8"))

    for peer in ("10.0.0.1", "::ffff:10.0.0.1"):
        found = scope_of(rules, peer, x_forwarded_for=forwarded_for)["client"][0]
        assert found == (client if client != "10.0.0.1" else peer)
    assert scope_of(rules, "192.0.2.1", x_forwarded_for=forwarded_for)["client"][0] == (
        "192.0.2.1"
    )


def test_in_a_chain_the_outermost_trusted_proxy_is_believed() -> None:
    rules = ProxyRules(parse_proxy_networks("10.0.0.0/8"))
    chain = {
        "host": "inner",
        "x_forwarded_for": "203.0.113.9, 10.0.0.2",
        "x_forwarded_proto": "https, http",
        "x_forwarded_host": "invented.example, sms.example.com, middle",
    }

    scope = scope_of(rules, "10.0.0.1", **chain)

    assert scope["scheme"] == "https"
    assert dict(scope["headers"])[b"host"] == b"sms.example.com"


def test_the_standard_header_is_read_where_there_is_no_other() -> None:
    rules = ProxyRules(parse_proxy_networks("10.0.0.1"))
    said = 'for="[2001:db8::1]:4711";proto=https;host="sms.example.com:8443"'

    scope = scope_of(rules, "10.0.0.1", host="x", forwarded=said)
    both = scope_of(
        rules, "10.0.0.1", host="x", forwarded=said, x_forwarded_proto="http"
    )

    assert scope["scheme"] == "https"
    assert scope["client"][0] == "2001:db8::1"
    assert scope["headers"][0] == (b"host", b"sms.example.com:8443")
    assert both["scheme"] == "http"
    assert dict(both["headers"])[b"host"] == b"x"


def test_a_host_is_taken_with_the_port_that_it_names_and_no_other() -> None:
    """As a proxy in a container knows its own port, not the one that browsers ask."""
    rules = ProxyRules(parse_proxy_networks("10.0.0.1"))
    said = {"x_forwarded_host": "a.example", "x_forwarded_port": "8443"}

    scope = scope_of(rules, "10.0.0.1", host="x", **said)

    assert scope["headers"][0] == (b"host", b"a.example")


def test_a_unix_socket_and_what_is_no_address_are_not_trusted() -> None:
    rules = ProxyRules(parse_proxy_networks("0.0.0.0/0,::/0"))

    for client in (None, ("", 0), ("/run/x", 0)):
        headers = [(b"x-forwarded-proto", b"https")]
        scope: dict[str, Any] = {"client": client, "scheme": "http", "path": "/"}
        scope["headers"] = headers
        rules.rewrite_scope(scope)
        assert scope["scheme"] == "http"


# --- Below a path ----------------------------------------------------------------


@pytest.fixture
def below() -> Iterator[Api]:
    with closing(behind("127.0.0.1", names="sms.example.com")) as api:
        yield api


def lived_in(api: Api) -> None:
    """Let something of every kind happen."""
    api.post(SMS, json=make_sms())
    api.post(CLIC, json=make_clic())
    api.post(EMAIL, json=make_order(EMAIL))
    api.post(VOICE, json=make_order(VOICE))
    api.post(SMS, content=b"{")
    run_control(api, "POST", "faults", json={"preset": "flaky"})
    run_control(api, "POST", "clock/settle", json={})
    run_control(api, "POST", "inbound", json={"number": NUMBER, "text": "hola"})


def pages(api: Api) -> Iterator[str]:
    """Yield each page and each region, with what it needs to be shown."""
    campaigns = run_control(api, "GET", "campaigns")
    queries = [
        f"?channel={each['channel']}&campaign={each['campaign']}" for each in campaigns
    ]
    for name in (*PAGES, *(f"region/{each}" for each in REGIONS)):
        kind = name.rpartition("/")[2]
        if kind in ("campaign", "recipients"):
            yield from (f"/panel/{name}{query}" for query in queries)
        elif kind == "request":
            yield from (f"/panel/{name}?number={number}" for number in (1, 2))
        else:
            yield f"/panel/{name}?world=demo"
    yield "/?with=ana@example.org"
    yield f"/?with={NUMBER}"
    yield "/panel/phones?offset=50"
    yield "/panel/requests?before=3"


def test_whatever_leads_somewhere_leads_below_the_path(below: Api) -> None:
    led: set[str] = set()
    greeting = below.get("/", token="", headers=FORWARDED).octets.decode()
    lived_in(below)
    addresses = [*pages(below)]

    shown = [(path, below.get(path, token="", headers=FORWARDED)) for path in addresses]
    missing = below.get("/panel/nowhere", token="", headers=FORWARDED)

    texts = [("/", greeting), ("/panel/nowhere", missing.octets.decode())]
    texts += [(path, answer.octets.decode()) for path, answer in shown]
    assert [path for path, answer in shown if answer.status != 200] == []
    astray = [
        (path, target)
        for path, text in texts
        for target in LEADING.findall(text)
        if not target.startswith((f"{BELOW}/", "#", "https://"))
    ]
    assert astray == []
    for _, text in texts:
        led.update(target.partition("?")[0] for target in LEADING.findall(text))
    assert {f"{BELOW}/", f"{BELOW}/docs", f"{BELOW}/panel/live"} <= led
    assert len([each for each in led if "/panel/do/" in each]) > len(ACTIONS) / 2
    assert f"curl {PUBLIC}{BELOW}/api/v3/campaign " in greeting
    assert re.search(rf"href={BELOW}/panel/asset/email", "".join(t for _, t in texts))


def test_no_template_and_no_script_has_an_address_from_the_root() -> None:
    """As a page without a path cannot show what leads astray below one."""
    folder = Path(main.__file__).parents[1] / "web" / "panel"
    sources = [*folder.rglob("*.html"), *folder.glob("static/*.js")]
    rooted = re.compile(r"""(?:=|fetch\(|open\()\s*["'`]/[a-z"'`]""")

    found = [
        (each.name, line)
        for each in sources
        for line in each.read_text("utf-8").splitlines()
        if rooted.search(line)
    ]

    assert len(sources) > 20
    assert found == []


def test_what_leads_on_leads_below_the_path_too(below: Api) -> None:
    made = below.post(
        "/panel/do/open", content=b"name=acme", token="", headers=FORWARDED | FORM
    )
    curl = below.get("/panel/request?number=1", token="", headers=FORWARDED)
    servers = below.get("/openapi.json", headers=FORWARDED).body["servers"]

    assert made.headers["hx-redirect"] == f"{BELOW}/?world=acme"
    assert servers[0]["url"] == BELOW
    assert below.get("/openapi.json").body["servers"][0]["url"] == "/"
    assert curl.status == 404  # nothing was asked yet
    below.get("/api/v1/user", headers=FORWARDED)
    curl = below.get("/panel/request?number=1", token="", headers=FORWARDED)
    assert f"curl {PUBLIC}{BELOW}/api/v1/user" in curl.octets.decode()
    plain = below.get("/panel/request?number=1", token="", headers={"host": HERE})
    assert "curl http://sms.example.com/api/v1/user" in plain.octets.decode()


def test_the_page_of_the_contract_names_nothing_from_the_root(below: Api) -> None:
    page = below.get("/docs", token="", headers=FORWARDED).octets.decode()

    assert LEADING.findall(page)
    assert not [each for each in LEADING.findall(page) if each.startswith("/")]
    script = below.get("/docs/docs.js", token="", headers=FORWARDED).octets.decode()
    assert 'url: "openapi.json"' in script


@pytest.mark.parametrize("said", [FORWARDED, {}], ids=["forwarded", "public URL"])
def test_the_path_may_be_left_in_what_is_asked(said: dict[str, str]) -> None:
    public = "" if said else f"{PUBLIC}{BELOW}"
    with closing(behind("127.0.0.1", public, "sms.example.com")) as api:

        def status(path: str) -> int:
            return api.send_headers("GET", path, {"host": HERE, **said}).status

        for path in ("/", "/docs", "/openapi.json", "/panel/clock", "/_emulator/clock"):
            assert status(path) == status(f"{BELOW}{path}") == 200, path
        assert status(BELOW) == 200
        assert status(f"{BELOW}/api/v1/user") == 401
        assert status(f"{BELOW}{BELOW}/docs") == status("/smsdocs") == 404


def test_a_path_of_our_own_is_never_taken_for_that_of_a_proxy() -> None:
    for prefix in ("/api", "/panel", "/docs/x", "/s", "/_emulator"):
        with closing(behind("127.0.0.1")) as api:
            said = {"host": HERE, "x-forwarded-prefix": prefix}
            for path in ("/api/v1/user", "/panel/clock", "/docs", "/_emulator/clock"):
                plain = api.send_headers("GET", path, {"host": HERE}).status
                assert api.send_headers("GET", path, said).status == plain, (
                    prefix,
                    path,
                )


# --- Over sockets --------------------------------------------------------------------


HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding"}  # of one connection


class Proxy(BaseHTTPRequestHandler):
    """A reverse proxy as simple as can be, which adds what it is told to."""

    upstream: tuple[str, int]
    stripped = ""
    adds: Mapping[str, str] = {}
    protocol_version = "HTTP/1.0"  # each answer ends with its connection

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(length)
        connection = HTTPConnection(*self.upstream, timeout=DEADLINE)
        sent = {name.lower(): value for name, value in self.headers.items()}
        headers = {**sent, **self.adds}
        with closing(connection):
            path = self.path.removeprefix(self.stripped)
            connection.request(self.command, path, body, headers)
            answer = connection.getresponse()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in HOP_BY_HOP:
                    self.send_header(name, value)
            self.end_headers()
            with suppress(OSError):  # its client may have seen enough
                while piece := answer.read1():
                    self.wfile.write(piece)

    def log_message(self, *_args: object) -> None:
        """Say nothing."""


@contextmanager
def proxying(served: ServedEmulator, **manner: Any) -> Iterator[tuple[str, int]]:
    """Yield where a proxy listens that passes everything on."""
    methods = {f"do_{each}": Proxy.do_GET for each in ("POST", "PUT", "DELETE")}
    told = {"upstream": served.address, **methods, **manner}
    handler = type("Told", (Proxy,), told)
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield "127.0.0.1", server.server_address[1]
        finally:
            server.shutdown()


def ask(place: tuple[str, int], method: str, path: str, **headers: str) -> HTTPResponse:
    connection = HTTPConnection(*place, timeout=DEADLINE)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request(method, path, headers=sent)
    return connection.getresponse()


@pytest.mark.parametrize(
    ("flags", "manner"),
    [
        (("--public-url", "https://sms.example.com/sms"), {}),
        (
            ("--trusted-proxy", "127.0.0.1", "--allowed-host", "sms.example.com"),
            {"stripped": "/sms", "adds": FORWARDED},
        ),
    ],
    ids=["public URL", "forwarded"],
)
def test_page_button_stream_and_client_go_through_a_proxy(
    flags: tuple[str, ...], manner: dict[str, Any]
) -> None:
    with serve_emulator(*flags) as served, proxying(served, **manner) as place:
        own = {"Origin": PUBLIC, "Sec_Fetch_Site": "same-origin"}
        page = ask(place, "GET", "/sms/")
        button = ask(place, "POST", "/sms/panel/do/freeze", **own)
        evil = ask(place, "POST", "/sms/panel/do/freeze", Origin="https://evil.example")
        live = ask(place, "GET", "/sms/panel/live", **own)
        with Emulator("http://{}:{}/sms".format(*place)) as emulator:
            emulator.clock.freeze()
            name = emulator.info.name

        with Emulator("{}:{}".format(*served.address)) as unadorned:
            assert unadorned.info.name == "demo"

        assert (page.status, button.status, evil.status) == (200, 200, 403)
        assert b'href="/sms/panel/campaigns' in page.read()
        assert live.status == 200
        assert live.readline().startswith((b":", b"event:", b"data:", b"retry:"))
        assert name == "demo"
        live.close()


def test_the_old_pages_lead_where_they_did(below: Api) -> None:
    page = below.get("/panel/clock", token="", headers={"host": HERE}).octets.decode()

    assert {"/", "/docs", "/panel/worlds"} <= {
        each.partition("?")[0] for each in LEADING.findall(page)
    }


# --- Settings --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "value", "says"),
    [
        ("--trusted-proxy", "proxy", "'proxy' is no address and no network: write 10"),
        ("--trusted-proxy", "10.0.0.1,10.0.0.0/33", "'10.0.0.0/33' is no address"),
        ("--trusted-proxy", "*", "'[*]' is no address"),
        (
            "--public-url",
            "sms.example.com",
            "is no address of the emulator: write http",
        ),
        ("--public-url", "ftp://sms.example.com", "is no address of the emulator"),
        ("--public-url", "https://", "is no address of the emulator"),
        ("--public-url", "https://u:p@sms.example.com", "is no address of the emul"),
        (
            "--public-url",
            "https://sms.example.com/a b",
            "is no address of the emulator",
        ),
        ("--public-url", "https://sms.example.com/?x", "is no address of the emulator"),
        ("--public-url", "https://sms.example.com/a/../b", "is no address of the em"),
        ("--public-url", "https://[::1", "is no address of the emulator"),
    ],
)
def test_a_setting_that_means_nothing_ends_the_start(
    flag: str, value: str, says: str
) -> None:
    with pytest.raises(BadParameter, match=says):
        main.serve_command.make_context("serve", [flag, value])


def test_settings_are_kept_as_they_are_compared() -> None:
    assert [*map(str, parse_proxy_networks("10.1.2.3/8, ::1,"))] == [
        "10.0.0.0/8",
        "::1/128",
    ]
    for said, origin, prefix in (
        ("https://SMS.example.com", "https://sms.example.com", ""),
        ("HTTP://localhost:8080/", "http://localhost:8080", ""),
        ("https://[::1]:1/a/b/", "https://[::1]:1", "/a/b"),
    ):
        assert parse_public_url(said) == (origin, prefix)
    assert [*parse_host_names("a.example")] == ["a.example"]
