"""Which hosts are answered to, and whose pages: at every door, before anything else."""

import re
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing
from http.server import ThreadingHTTPServer
from pathlib import Path
from runpy import run_path
from threading import Thread
from typing import Any

import pytest
from click import BadParameter, ClickException
from starlette.routing import Route

from emulator.command import main
from emulator.command.doctor import DiagnosisTarget, find_problems
from emulator.serving import composition
from emulator.serving.settings import Settings
from emulator.web.admission import (
    MAX_CACHED,
    AllowedHosts,
    parse_host_names,
    read_machine_names,
)
from emulator.web.origins import (
    CONTROL_PREFIX,
    PAGES_BY_PATH,
    PLATFORM_PREFIX,
    AllowedPages,
    find_objection,
)
from emulator.web.panel.views import PAGES
from tests.support.emulator import (
    Answer,
    Api,
    make_limited_emulator,
    read_contract,
    read_control,
)
from tests.support.processes import ROOT, ServedEmulator, serve_emulator

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
EVIL = "evil.example"
HERE = "127.0.0.1:7672"

OURS = (
    *("localhost", "LocalHost", "localhost.", "localhost:7672", "localhost.:7672"),
    *("127.0.0.1", "127.0.0.1:7672", "127.9.9.9", "127.0.0.1.", "0.0.0.0:1"),
    *("[::1]", "[::1]:7672", "[FE80::1]:80", "[::ffff:127.0.0.1]", "[fe80::1%eth0]"),
    *("10.0.0.7", "203.0.113.9:7672", "169.254.1.1"),
    *("smsclouds", "EMULATOR:7672", "emulator_1", "a1b2c3d4e5f6", "2130706433"),
    *("x.localhost", "evil.localhost:7672", "sms.test", "nas.local", "sms.internal"),
    *("host.docker.internal:7672", "host.containers.internal", "x.y.home.arpa"),
    *("emulator.default.svc.cluster.local", "xn--seal-pqa.test"),
    *("smsclouds.cloud", "SMSClouds.cloud:443", "smsclouds.cloud.", "localhost:"),
)
THEIRS = (
    *("", ":7672", " ", ".", "..", ":", "@", "[", "[]", "[]:7672", "*"),
    *(EVIL, f"{EVIL}:7672", "EVIL.EXAMPLE", f"{EVIL}.", "evil.com", "a.b.c.d.e"),
    *(
        f"localhost.{EVIL}",
        f"127.0.0.1.{EVIL}",
        "127.0.0.1.nip.io",
        f"{EVIL}.localhost..",
        "localhost..",
        ".localhost",
        "x..localhost",
    ),
    *(f"{EVIL}:7672@localhost", f"localhost@{EVIL}", f"localhost:7672@{EVIL}"),
    *(f"localhost:{EVIL}", f"localhost,{EVIL}", f"localhost {EVIL}", "localhost\t"),
    *(f"localhost/{EVIL}", f"{EVIL}/localhost", f"{EVIL}#.localhost", "a?.localhost"),
    *("http://localhost", "localhost:7672:7672", "localhost:port", "localhost:123456"),
    *(
        "evillocalhost.com",
        "notlocal.host",
        "x.localhosts",
        "x.homearpa",
        "arpa.home.x",
    ),
    *(
        "127.1.",
        "127.1",
        "0x7f.1",
        "0x7f.0.0.1",
        "0177.0.0.1",
        "127.0.0.01",
        "1.2.3.4.5",
    ),
    *("127.0.0.256", "::1", "[::1", "::1]", "[::1]x", "[::1]:x", "[127.0.0.1]"),
    *(f"[{EVIL}]", f"[::1%{EVIL}@]", "[::1]]", "[v1.x]", "[::1].evil.example"),
    *("www.smsclouds.cloud", "smsclouds.cloud.evil.example", "xsmsclouds.cloud"),
    *("löcalhost", "xn--lcalhost-n4a.example", "local\x00host", "localhost\x7f"),
    f"[fe80::1%{'a' * 60_000}]",
    *("a" * 64, f"{'a.' * 130}localhost", f"{'a' * 60_000}.localhost", "x" * 60_000),
)


def answered(hosts: AllowedHosts, *names: str) -> list[str]:
    return [each for each in names if hosts.is_allowed(each.encode("latin-1"))]


def test_names_that_no_website_has_are_ours_and_all_others_are_not() -> None:
    known = AllowedHosts()

    for _ in range(2):  # what was judged is remembered
        assert answered(known, *OURS) == [*OURS]
        assert answered(known, *THEIRS) == []


def test_nothing_that_is_sent_is_remembered_beyond_a_bound() -> None:
    known = AllowedHosts()

    for number in range(10 * MAX_CACHED):
        assert known.is_allowed(b"%d.localhost" % number)
        assert not known.is_allowed(b"%d.evil.example" % number)
        assert len(known._cache) <= MAX_CACHED  # noqa: SLF001 - nothing else shows it
    assert not [each for each in known._cache if b"evil" in each]  # noqa: SLF001


def test_names_are_added_one_by_one_by_domain_or_all_of_them() -> None:
    listed = AllowedHosts(
        parse_host_names("sms.example.com, .CI.example.org.,,señal.example")
    )

    assert answered(
        listed,
        *("sms.example.com:443", "Sms.Example.Com.", "ci.example.org"),
        *("a.b.ci.example.org", "xn--seal-hqa.example"),
        *("x.sms.example.com", "example.com", "example.org", "xci.example.org"),
        *("sms.example.com.evil.example", EVIL),
    ) == [
        *("sms.example.com:443", "Sms.Example.Com.", "ci.example.org"),
        *("a.b.ci.example.org", "xn--seal-hqa.example"),
    ]
    every = AllowedHosts(parse_host_names("one,*"))
    assert answered(every, EVIL, "", f"{EVIL}:7672@localhost") == [EVIL]
    assert answered(
        AllowedHosts(parse_host_names("10.0.0.1,::1,[::1]")), "[::1]", EVIL
    ) == ["[::1]"]


MEANINGLESS = (
    *("http://sms.example", "sms.example:8443", "sms.example/", "*.example.com"),
    *("10.0.0.0/33", "a b", "a..b", "..", ".", "x@y", "[::1", "*x", "ñ" * 70, "a" * 64),
)


def test_a_name_that_means_nothing_ends_the_start() -> None:
    for name in MEANINGLESS:
        with pytest.raises(ValueError, match=re.escape(repr(name))) as raised:
            list(parse_host_names(f"one,{name}"))
        assert "write sms.example.com without scheme, port" in str(raised.value)


def test_each_way_to_set_it_is_held_to_names(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    for said in ('["a.example", "b.example"]', '"a.example, b.example"'):
        file.write_text(f"allowed_host = {said}")
        assert settled("--config", str(file)) == "a.example,b.example"
    twice = ("--allowed-host", "a.example,", "--allowed-host", "b.example,.c.example")
    assert settled(*twice) == "a.example,b.example,.c.example"
    assert settled("--allowed-host", "") is None

    with pytest.raises(BadParameter, match="'https://a' is no host name: write sms"):
        settled("--allowed-host", "https://a")
    file.write_text('allowed_host = ["*.a.example"]')
    with pytest.raises(
        ClickException, match=r"wrong at allowed_host: '\*\.a\.example'"
    ):
        settled("--config", str(file))


def settled(*words: str) -> Any:
    return main.serve_command.make_context("serve", [*words]).params["allowed_host"]


def test_the_machines_names_are_read_and_nobody_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "Build7.corp.example")
    monkeypatch.setattr(socket, "getaddrinfo", None)
    listed = tmp_path / "hosts"
    listed.write_text(
        "# build7.corp.example commented.example\n"
        "127.0.0.1 localhost blocked.example\n"
        "127.0.1.1 build7.corp.example build7 # remark.example\n\n"
        "10.0.0.9\tsms.corp.example BUILD7.corp.example\n"
    )

    assert read_machine_names(listed) == {
        "build7.corp.example",
        "build7",
        "sms.corp.example",
    }
    assert read_machine_names(tmp_path / "none") == {"build7.corp.example"}


def test_what_it_listens_on_and_the_machine_are_names_of_its_own(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(socket, "gethostname", lambda: "build7.corp.example")
    settings = Settings(host="Sms.corp.example", allowed_host="one.example")
    admission = composition.build_program(settings).admission
    assert admission is not None

    def known(name: str) -> bool:
        scope = {**asking({"host": name}), "path": "/api/v1/user"}
        return admission.find_refusal(scope) is None

    ours = ("build7.corp.example:7672", "sms.corp.example", "one.example", "localhost")
    assert [*map(known, (*ours, "corp.example", EVIL))] == [True] * 4 + [False] * 2


# --- Every door ------------------------------------------------------------------


def doors(api: Api) -> dict[str, str]:
    """Return a path to ask for by the template of each route that there is."""
    routes = [route.path for route in api.app.routes if isinstance(route, Route)]
    templates = [
        *read_contract().group_by_path(),
        *read_control().group_by_path(),
        *routes,
    ]
    assert len(routes) == len(api.app.routes)
    return {each: re.sub(r"\{\w+\}", "1", each) for each in templates}


@pytest.fixture
def empty() -> Iterator[Api]:
    """Return a process whose state is read off before and after."""
    with closing(make_limited_emulator()) as api:
        yield api


def state(api: Api) -> tuple[Any, ...]:
    """Return what any request would leave behind."""
    world, worlds = api.world, api.worlds
    return (
        [each.name for each in worlds],
        world.journal.last,
        world.balance,
        world.clock.now(),
        [*world.tokens],
        [*world.outbox.relays],
        dict(worlds.counters.requests),
    )


def test_no_door_is_open_to_another_host_and_nothing_happens(empty: Api) -> None:
    before = state(empty)
    paths = [
        *doors(empty).values(),
        "/nowhere",
        "/api/nowhere",
        "/panel/a/b",
        "*",
        "//",
    ]
    headers = {
        "host": f"{EVIL}:7672",
        "origin": f"http://{EVIL}:7672",
        "sec-fetch-site": "same-origin",
        "x-forwarded-host": "localhost",
        "forwarded": "host=localhost",
        "authorization": "Bearer world-new",
    }

    open_ones = [
        (method, path)
        for path in paths
        for method in METHODS
        if not is_misdirected(empty.send_headers(method, path, headers), method)
    ]

    assert len(paths) > 90
    assert open_ones == []
    assert state(empty) == before


def is_misdirected(answer: Answer, method: str) -> bool:
    """Return whether an answer is 421 and names both host and setting."""
    text = answer.octets.decode()
    says = f"{EVIL}:7672" in text and "--allowed-host" in text
    return answer.status == 421 and (says or (method == "HEAD" and text == ""))


def test_each_door_says_it_in_its_own_manner(empty: Api) -> None:
    hostile = {"host": "<b>\"'&.example", "accept-language": "es"}
    platform, steering, page = (
        empty.send_headers("GET", path, hostile)
        for path in ("/api/v1/user", "/_emulator/clock", "/docs")
    )

    assert platform.body["error"]["status_code"] == 421
    assert "EMULATOR_ALLOWED_HOST" in platform.headers["x-emulator-why"]
    assert steering.headers["content-type"] == "application/problem+json"
    assert steering.body["status"] == 421
    assert '<b>"' in steering.body["title"]
    assert steering.body["detail"] == (
        "the request is for the host '<b>\"\\'&.example': where that is a name of this "
        "emulator, start it with --allowed-host and the name (or "
        "EMULATOR_ALLOWED_HOST); where it is none, ask for localhost or an IP address"
    )
    assert b"<b>" not in page.octets
    assert "no responde al host &lt;b&gt;" in page.octets.decode()


def test_a_long_host_is_not_repeated_whole(empty: Api) -> None:
    answer = empty.send_headers("GET", "/_emulator/clock", {"host": "x." * 30_000})

    assert answer.status == 421
    assert len(answer.octets) < 1_000


def test_the_name_that_is_set_opens_every_door() -> None:
    with closing(make_limited_emulator()) as api:
        for path in ("/", "/docs", "/_emulator/clock", "/panel/clock", "/nowhere"):
            assert api.send_headers("GET", path, {"host": "smsclouds"}).status in (
                200,
                404,
            )
            assert api.send_headers("GET", path, {}).status in (200, 404)  # HTTP/1.0


# --- Whose page --------------------------------------------------------------------

OPEN = {each for each in PAGES_BY_PATH if each.startswith("/panel/asset/")}
LINKED = {"/", "/docs", "/openapi.json", "/s/{code}", "/panel/{page}"}
OWN = {"origin": f"http://{HERE}", "sec-fetch-site": "same-origin"}
NAVIGATION = {"sec-fetch-mode": "navigate", "sec-fetch-dest": "document"}
# What browsers say of a page that is not ours.
FOREIGN: Mapping[str, Mapping[str, str]] = {
    "fetch": {"origin": f"http://{EVIL}", "sec-fetch-site": "cross-site"},
    "fetch, plain http": {"origin": f"http://{EVIL}"},
    "another port": {"origin": "http://127.0.0.1:3000", "sec-fetch-site": "same-site"},
    "another port, plain http": {"origin": "http://127.0.0.1:3000"},
    "by another of our names": {"origin": "http://localhost:7672"},
    "another scheme": {"origin": f"https://{HERE}"},
    "nobody": {"origin": "null", "sec-fetch-site": "cross-site"},
    "nobody's own": {"origin": "null", "sec-fetch-site": "same-origin"},
    "empty": {"origin": ""},
    "picture": {"sec-fetch-site": "cross-site", "sec-fetch-dest": "image"},
    "frame": {**NAVIGATION, "sec-fetch-site": "cross-site", "sec-fetch-dest": "iframe"},
    "frame, same site": {"sec-fetch-site": "same-site", "sec-fetch-dest": "iframe"},
    "unheard of": {"sec-fetch-site": "next-door"},
}
LINK = {**NAVIGATION, "sec-fetch-site": "cross-site"}


def test_every_route_has_its_row_and_every_row_its_route(empty: Api) -> None:
    templates = {
        each
        for each in doors(empty)
        if not each.startswith((PLATFORM_PREFIX, CONTROL_PREFIX))
    }

    assert templates == {
        each for each in PAGES_BY_PATH if not each.startswith(CONTROL_PREFIX)
    }
    assert all(
        each.startswith(PLATFORM_PREFIX) for each in read_contract().group_by_path()
    )
    assert all(
        each.startswith(CONTROL_PREFIX) for each in read_control().group_by_path()
    )
    assert {each for each in PAGES_BY_PATH if each.startswith(CONTROL_PREFIX)} <= {
        *read_control().group_by_path()
    }


def test_no_page_of_another_opens_a_door_and_nothing_happens(empty: Api) -> None:
    before = state(empty)
    known = {
        path: template
        for template, path in doors(empty).items()
        if not template.startswith(PLATFORM_PREFIX) and template not in OPEN
    }
    known |= {"/nowhere": "", "/panel/a/b": "", "/_emulator/nowhere": ""}

    let_in = [
        (method, path, who)
        for path, template in known.items()
        for method in METHODS
        for who, says in {**FOREIGN, "link": LINK}.items()
        if not (who == "link" and template in LINKED and method in ("GET", "HEAD"))
        and empty.send_headers(method, path, {"host": HERE, **says}).status != 403
    ]

    assert len(known) > 70
    assert let_in == []
    assert state(empty) == before


def test_our_pages_and_a_person_are_let_in_and_so_is_a_link_to_a_page(
    empty: Api,
) -> None:
    paths = ("/", "/docs", "/openapi.json", *(f"/panel/{page}" for page in PAGES))
    for path in (*paths, "/s/x", "/panel/region/clock", "/_emulator/clock"):
        for says in ({}, OWN, {"sec-fetch-site": "none"}):
            answer = empty.send_headers("GET", path, {"host": HERE, **says})
            assert answer.status != 403, (path, says)
    for path in (*paths, "/s/x"):
        assert empty.send_headers("GET", path, {"host": HERE, **LINK}).status != 403, (
            path
        )
    for path in ("/panel/do/freeze", "/_emulator/clock/settle"):
        assert empty.send_headers("POST", path, {"host": HERE, **OWN}).status != 403
        assert empty.send_headers("POST", path, {"host": HERE}).status != 403
        typed = {"host": HERE, "sec-fetch-site": "none"}
        assert empty.send_headers("POST", path, typed).status == 403


def test_the_platform_answers_who_has_a_token_and_nobody_else_can_read_it(
    empty: Api,
) -> None:
    for says in FOREIGN.values():
        sent = {"host": HERE, **says}
        assert empty.send_headers("GET", "/api/v1/user", sent).status == 401
        token = {"authorization": "Bearer demo"}
        answer = empty.send_headers("GET", "/api/v1/user", sent | token)
        assert answer.status == 200  # of a developer's proxy; browsers ask first
        assert empty.send_headers("OPTIONS", "/api/v1/user", sent).status == 405
        assert not [each for each in answer.headers if "access-control" in each]


def test_our_origin_is_compared_as_browsers_write_it(empty: Api) -> None:
    def status(host: str, origin: str, **more: str) -> int:
        says = {"host": host, "origin": origin}
        says |= {name.replace("_", "-"): value for name, value in more.items()}
        return empty.send_headers("GET", "/_emulator/clock", says).status

    assert status("LOCALHOST:80", "http://localhost") == 200
    assert status("[::1]:7672", "http://[::1]:7672") == 200
    assert status("[::1]:7672", "http://[::1]:7673") == 403
    assert status("localhost", "http://localhost:7672") == 403
    assert status("10.0.0.1", "http://203.0.113.9") == 403
    assert status("10.0.0.1", "http://10.0.0.1@evil.example") == 403
    # TLS ends at a balancer, which leaves Host as it was.
    proxied = {"sec_fetch_site": "same-origin"}
    assert status("sms.test", "https://sms.test", **proxied) == 200
    assert status("sms.test:8443", "https://sms.test:8443", **proxied) == 200
    assert status("sms.test", "https://other.test", **proxied) == 403
    assert status("sms.test", "https://sms.test:8443", **proxied) == 403
    assert status("sms.test", "https://sms.test", sec_fetch_site="cross-site") == 403
    assert status("sms.test", "https://sms.test") == 403
    assert status("sms.test", "http://other.test", **proxied) == 403


def test_pushes_are_not_taken_by_a_browser_that_does_not_say_whose_page_asks(
    empty: Api,
) -> None:
    """It does not to an address that it does not trust, such as one of plain http."""
    browser = {"host": "10.0.0.7:7672", "user-agent": "Mozilla/5.0 (X11; Linux x86_64)"}

    answer = empty.send_headers("GET", "/_emulator/pushes", browser)

    assert answer.status == 403
    assert "smsclouds-emulator listen" in answer.body["detail"]
    assert empty.send_headers("GET", "/_emulator/clock", browser).status == 200
    assert empty.send_headers("HEAD", "/_emulator/pushes", browser).status == 403
    for says in (OWN, {"sec-fetch-site": "none"}, {"x-emulator-control": "any"}):
        sent = {**browser, **says}
        sent["host"] = HERE if says is OWN else sent["host"]
        assert find_objection(asking(sent), AllowedPages.PROVEN) == "", says
    client = {"host": "10.0.0.7:7672", "user-agent": "curl/8.14.1"}
    assert find_objection(asking(client), AllowedPages.PROVEN) == ""


def asking(headers: Mapping[str, str]) -> dict[str, Any]:
    """Return the request for a stream, which has no end to wait for."""
    octets = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"method": "GET", "scheme": "http", "headers": octets}


def test_nothing_of_ours_is_shown_in_a_frame_or_read_elsewhere(empty: Api) -> None:
    for template, path in {**doors(empty), "": "/nowhere"}.items():
        if template.startswith(PLATFORM_PREFIX):
            continue
        for says in ({"host": EVIL}, {"host": HERE, "sec-fetch-site": "x"}, {}):
            if not says and path.rpartition("/")[2] in STREAMS:
                continue
            answer = empty.send_headers("GET", path, says)
            held = answer.headers
            assert held["x-frame-options"] == "DENY", path
            assert held["x-content-type-options"] == "nosniff", path
            if template not in OPEN:
                assert held["cross-origin-resource-policy"] == "same-origin", path
            if held.get("content-type", "").startswith("text/html"):
                policy = held["content-security-policy"]
                assert "frame-ancestors 'none'" in policy, path
                assert held["cross-origin-opener-policy"] == "same-origin", path


STREAMS = {"pushes", "events", "changes", "live"}


# --- Over a socket -----------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    allowed = {"EMULATOR_ALLOWED_HOST": ".ci.example, sms.example"}
    with serve_emulator(environment=allowed) as running:
        yield running


def status_of(served: ServedEmulator, head: str) -> int:
    octets = served.say(f"{head}\r\nConnection: close\r\n\r\n".encode("latin-1"))
    return int(octets.split()[1])


def test_whichever_way_a_request_names_its_host(served: ServedEmulator) -> None:
    path = "/_emulator/clock"
    statuses = {
        head: status_of(served, head)
        for head in (
            f"GET {path} HTTP/1.1\r\nHost: localhost",
            f"GET {path} HTTP/1.1\r\nhOST:   LOCALHOST.:1",
            f"GET {path} HTTP/1.1\r\nHost: job-7.ci.example",
            f"GET {path} HTTP/1.1\r\nHost: sms.example:443",
            f"GET {path} HTTP/1.0",
            f"GET http://localhost{path} HTTP/1.1\r\nHost: localhost",
            f"GET http://localhost{path} HTTP/1.1\r\nHost: {EVIL}",
        )
    }
    refused = {
        head: status_of(served, head)
        for head in (
            f"GET {path} HTTP/1.1\r\nHost: {EVIL}",
            f"GET {path} HTTP/1.0\r\nHost: {EVIL}",
            f"GET {path} HTTP/1.1\r\nHost:",
            f"GET http://{EVIL}{path} HTTP/1.1\r\nHost: localhost",
            f"GET HTTP://localhost@{EVIL}{path} HTTP/1.1\r\nHost: localhost",
            f"GET {path} HTTP/1.1\r\nHost: {EVIL}\r\nX-Forwarded-Host: localhost",
            f"GET {path} HTTP/1.1\r\nHost: {EVIL}\r\nUpgrade: websocket",
        )
    }

    assert set(statuses.values()) == {200}, statuses
    assert set(refused.values()) == {421}, refused
    for one, other in (("localhost", EVIL), (EVIL, "localhost")):
        both = f"GET {path} HTTP/1.1\r\nHost: {one}\r\nHost: {other}"
        assert status_of(served, both) == 400


def test_the_doctor_explains_a_host_that_is_not_known(
    served: ServedEmulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    host, port = served.address
    here = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: here)

    (says,) = find_problems(DiagnosisTarget(f"http://{EVIL}:{port}"))

    assert says == (
        f"the emulator at http://{EVIL}:{port} does not answer to the name {EVIL}: "
        f"start it with --allowed-host {EVIL} (EMULATOR_ALLOWED_HOST), or ask for it "
        "by localhost or an IP address"
    )
    assert list(find_problems(DiagnosisTarget(f"http://sms.example:{port}"))) == []


def test_the_server_that_shows_pushes_shows_them_to_no_website() -> None:
    handler = run_path(str(ROOT / "deploy" / "receiver" / "receiver.py"))["Receiver"]
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        Thread(target=server.serve_forever, args=(0.01,)).start()
        try:
            host = f"127.0.0.1:{server.server_port}"
            assert [
                page_of(server.server_port, each)
                for each in (host, "localhost", "[::1]", "receiver:8080", EVIL, "")
            ] == [200, 200, 200, 200, 421, 421]
        finally:
            server.shutdown()


def page_of(port: int, host: str) -> int:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        head = f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        connection.sendall(head.encode())
        return int(connection.recv(100).split()[1])
