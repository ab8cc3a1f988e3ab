"""What a request may look like as octets: each is answered, and the next one too.

Real sockets, and an application that says what it was asked.
"""

import re
import socket
import subprocess
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path
from typing import Any

import orjson
import pytest
from starlette.types import Receive, Scope, Send

from tests.support.processes import (
    DEADLINE,
    ServedEmulator,
    require_tool,
    serve_emulator,
)
from tests.support.servers import ManualServer, answer_at_once, open_server

HOST = b"Host: localhost\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n"
BODY = b'{"text": "\\r\\nUpgrade: h2c\\r\\n\\r\\n"}'
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"3\r\n" + BODY[:3] + b"\r\n%x;a=b\r\n" % (len(BODY) - 3) + BODY[3:]
CHUNKS += b"\r\n0\r\nX-Trailer: a\r\n\r\n"


async def tell(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with what was asked; at ``/stream`` in pieces of no known length."""
    body, more = b"", True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        body += message["body"]
        more = message["more_body"]
    headers = {
        name.decode(): value.decode("latin-1") for name, value in scope["headers"]
    }
    facts = {name: scope[name] for name in ("method", "path", "http_version")}
    facts |= {"query": scope["query_string"], "body": body, "headers": headers}
    told = orjson.dumps(facts, default=bytes.decode)
    status = int(re.sub(rb"\D", b"", scope["query_string"]) or 200)
    sent = {"type": "http.response.start", "status": status, "headers": []}
    if scope["path"] != "/stream":
        sent["headers"] = [(b"content-length", b"%d" % len(told))]
    if status in {204, 304}:
        sent["headers"], told = [(b"content-length", b"0")], b""
    await send(sent)
    for piece in (told[:10], told[10:]):
        await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body"})


@pytest.fixture(scope="module")
def door() -> Iterator[ManualServer]:
    with open_server(tell) as door:
        yield door


def statuses(heard: bytes) -> list[int]:
    return [int(each) for each in re.findall(rb"HTTP/1\.1 (\d{3}) ", heard)]


def told(heard: bytes) -> list[Any]:
    """Return what the application says that it was asked, request by request."""
    found = re.findall(rb"\r\n\r\n(\{\"method.*?\}\})", heard)
    return [orjson.loads(each) for each in found]


# --- In step --------------------------------------------------------------------------

FINE = [
    b"GET / HTTP/1.1\r\n" + HOST,
    b"\r\n\r\nGET / HTTP/1.1\r\n" + HOST,
    b"GET  / HTTP/1.1\r\n" + HOST,
    b"HEAD / HTTP/1.1\r\n" + HOST,
    b"OPTIONS * HTTP/1.1\r\n" + HOST,
    b"GET /?a=%zz%ff HTTP/1.1\r\n" + HOST,
    b"GET /%C3%B1%2F%00 HTTP/1.1\r\n" + HOST,
    b"GET //double//slash HTTP/1.1\r\n" + HOST,
    b"GET http://localhost/path?a=b HTTP/1.1\r\n" + HOST,
    b"GET http://localhost?a=b HTTP/1.1\r\n" + HOST,
    b"GET HTTPS://localhost HTTP/1.1\r\n" + HOST,
    b"GET / HTTP/1.1\r\nX: \xe9\xff \t\r\n" + HOST,
    b"GET / HTTP/1.1\r\nX:\r\n" + HOST,
    b"GET / HTTP/1.1\r\nExpect: 200-ok\r\n" + HOST,
    b"GET / HTTP/1.1\r\nTE: trailers\r\nConnection: TE, keep-alive\r\n" + HOST,
    b"GET / HTTP/1.1\r\nUpgrade: h2c\r\n" + HOST,
    b"DELETE / HTTP/1.1\r\n" + HOST,
]
REFUSED = {
    # Host
    b"GET / HTTP/1.1\r\n": 400,
    b"GET / HTTP/1.1\r\n" + HOST + HOST: 400,
    b"GET / HTTP/1.1\r\n" + HOST + b"HOST: other\r\n": 400,
    b"GET / HTTP/1.0\r\n" + HOST + HOST: 400,
    b"GET http://localhost/ HTTP/1.1\r\n": 400,
    b"GET / HTTP/1.1\r\nUPGRADE: h2c\r\nConnection: upgrade\r\n" + HOST + HOST: 400,
    b"GET / HTTP/1.1\r\nUPGRADE: h2c\r\nConnection: upgrade\r\n": 400,
    # Lines
    b"GET / HTTP/1.1\r\nX: a\r\n b\r\n" + HOST: 400,
    b"GET / HTTP/1.1\r\n X: a\r\n" + HOST: 400,
    b"GET / HTTP/1.1\r\nX : a\r\n" + HOST: 400,
    b"GET / HTTP/1.1\r\nX: a\nY: b\r\n" + HOST: 400,
    b"GET / HTTP/1.1\r\nX: a\0b\r\n" + HOST: 400,
    b"GET / HTTP/1.1 \r\n" + HOST: 400,
    b"GET / HTTP/1.1\n" + HOST: 400,
    b"GET path HTTP/1.1\r\n" + HOST: 400,
    b"GET * HTTP/1.1\r\n" + HOST: 400,
    b"GET ftp://localhost/ HTTP/1.1\r\n" + HOST: 400,
    b"GET http:///path HTTP/1.1\r\n" + HOST: 400,
    b"GET / HTTP/1.2\r\n" + HOST: 400,
    b"GET / HTTP/0.9\r\n" + HOST: 505,
    b"GET /\r\n": 505,
    b"GET / HTTP/2.0\r\n" + HOST: 505,
    b"PRI * HTTP/2.0\r\n": 400,
    b"CONNECT localhost:80 HTTP/1.1\r\n" + HOST: 501,
    # Bodies
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 1\r\n" + HOST: 400,
    b"POST / HTTP/1.1\r\nContent-Length: 1, 1\r\n" + HOST: 400,
    b"POST / HTTP/1.1\r\nContent-Length: +1\r\n" + HOST: 400,
    b"POST / HTTP/1.1\r\nContent-Length: 0x1\r\n" + HOST: 400,
    b"POST / HTTP/1.1\r\nContent-Length:\r\n" + HOST: 400,
    b"POST / HTTP/1.1\r\nContent-Length: 1\r\n" + CHUNKED + HOST: 400,
    b"POST / HTTP/1.1\r\n" + CHUNKED + CHUNKED + HOST: 400,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n" + HOST: 400,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked\r\n" + HOST: 501,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: identity\r\n" + HOST: 501,
    b"POST / HTTP/1.1\r\nTransfer-Encoding: xchunked\r\n" + HOST: 501,
    b"POST / HTTP/1.1\r\nTransfer-Encoding:\x0bchunked\r\n" + HOST: 400,
    b"POST / HTTP/1.0\r\n" + CHUNKED + HOST: 400,
}


def ids(each: Any) -> str:
    return ascii(each)[2:60] if isinstance(each, bytes) else ""


@pytest.mark.parametrize("head", FINE, ids=ids)
def test_a_request_is_answered_and_so_is_the_next(
    door: ManualServer, head: bytes
) -> None:
    line = door.connect()

    assert statuses(line.say(head + b"\r\n")) == [200]
    assert told(line.say(NEXT))[0]["path"] == "/next"
    assert statuses(line.say((head + b"\r\n") * 2 + NEXT)) == [200, 200, 200]


@pytest.mark.parametrize(("head", "status"), REFUSED.items(), ids=ids)
@pytest.mark.parametrize("before", [0, 2])
def test_what_is_no_request_is_refused_and_nothing_behind_it_is_asked(
    door: ManualServer, head: bytes, status: int, before: int
) -> None:
    line = door.connect()

    heard = line.say(NEXT * before + head + b"\r\n" + NEXT)

    assert statuses(heard) == [200] * before + [status]
    assert b"\r\nx-emulator-why: " in heard
    assert b"\r\nconnection: close\r\n" in heard
    assert line.is_closed


@pytest.mark.parametrize(
    ("version", "framing"),
    [
        (b"1.0", LENGTH + b"\r\n" + BODY),
        (b"1.1", LENGTH + b"\r\n" + BODY),
        (b"1.1", CHUNKED + b"\r\n" + CHUNKS),
    ],
)
def test_wherever_a_request_is_split_it_is_the_same(
    door: ManualServer, version: bytes, framing: bytes
) -> None:
    whole = b"POST /a?b HTTP/" + version + b"\r\n" + HOST + framing
    for at in range(1, len(whole), 3):
        line = door.connect()

        (asked,) = told(line.say(whole[:at], whole[at:]))

        assert (asked["path"], asked["query"], asked["body"]) == (
            "/a",
            "b",
            BODY.decode(),
        )
        line.hang_up()


# --- Offers of other protocols --------------------------------------------------------

OFFERS = [
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAEA\r\n",
    b"UPGRADE: h2c\r\nCONNECTION: UPGRADE\r\n",
    b"uPgRaDe:h2c\r\nconnection:upgrade\r\n",
    b"Connection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
    b"Connection: keep-alive\r\nConnection: Upgrade\r\nUpgrade: TLS/1.0, h2c\r\n",
]


@pytest.mark.parametrize("offer", OFFERS)
@pytest.mark.parametrize(
    "framing", [LENGTH + b"\r\n" + BODY, CHUNKED + b"\r\n" + CHUNKS, b"\r\n"]
)
def test_an_offer_of_another_protocol_changes_nothing(
    door: ManualServer, offer: bytes, framing: bytes
) -> None:
    wanted = BODY.decode() if len(framing) > 2 else ""
    whole = b"POST /a?b HTTP/1.1\r\n" + HOST + offer + framing
    line = door.connect()

    asked = told(line.say(NEXT + whole + whole + NEXT))

    assert [each["path"] for each in asked] == ["/next", "/a", "/a", "/next"]
    for each in asked[1:3]:
        assert each["body"] == wanted
        assert each["headers"]["host"] == "localhost"
        names = {name.lower() for name in re.findall(r"(?m)^[\w-]+", offer.decode())}
        assert names <= each["headers"].keys(), "they are in the journal as they came"


@pytest.mark.parametrize("offer", OFFERS)
def test_an_offer_is_ignored_wherever_it_is_split(
    door: ManualServer, offer: bytes
) -> None:
    whole = b"POST /a HTTP/1.1\r\n" + offer + HOST + LENGTH + b"\r\n" + BODY
    for at in range(17, len(whole), 2):
        line = door.connect()

        asked = told(line.say(NEXT + whole[:at], whole[at:] + NEXT))

        assert [each["path"] for each in asked] == ["/next", "/a", "/next"]
        assert asked[1]["body"] == BODY.decode()
        line.hang_up()


def test_a_library_of_websockets_that_is_installed_changes_nothing(
    tmp_path: Path,
) -> None:
    package = tmp_path / "websockets"
    package.mkdir()
    (package / "__init__.py").write_text("__version__ = '99'")
    offer = (
        b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    )
    offer += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    asked = (
        b"GET /api/v1/user HTTP/1.1\r\nAuthorization: Bearer demo\r\n" + HOST + offer
    )
    with serve_emulator(environment={"PYTHONPATH": str(tmp_path)}) as served:
        with socket.create_connection(served.address, timeout=DEADLINE) as line:
            line.sendall(asked + b"\r\n")
            assert line.recv(65_536).startswith(b"HTTP/1.1 200 ")
        assert served.log.read_text() == ""


# --- Answers --------------------------------------------------------------------------


@pytest.mark.parametrize("head", [b"", b"Connection: keep-alive\r\n", HOST])
@pytest.mark.parametrize("path", [b"/stream", b"/"])
def test_http_1_0_gets_what_it_can_read(
    door: ManualServer, head: bytes, path: bytes
) -> None:
    line = door.connect()

    heard = line.say(b"GET " + path + b" HTTP/1.0\r\n" + head + b"\r\n")
    line.hear()

    assert told(heard)[0]["http_version"] == "1.0"
    assert b"transfer-encoding" not in heard
    assert b"\r\nconnection: close\r\n" in heard
    assert heard.endswith(b"}")
    assert line.is_closed


def test_http_1_1_gets_chunks_where_no_length_is_known(door: ManualServer) -> None:
    line = door.connect()

    heard = line.say(NEXT.replace(b"/next", b"/stream"))

    assert heard.count(b"\r\ntransfer-encoding: chunked\r\n") == 1
    assert heard.endswith(b"\r\n0\r\n\r\n")
    assert statuses(line.say(NEXT)) == [200]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *((b"HEAD", each) for each in (b"/stream", b"/", b"/?204", b"/?304")),
        *((b"GET", each) for each in (b"/?204", b"/?304", b"/stream?204")),
    ],
)
def test_an_answer_without_a_body_has_none(
    door: ManualServer, method: bytes, path: bytes
) -> None:
    line = door.connect()

    head, blank, body = line.say(
        method + b" " + path + b" HTTP/1.1\r\n" + HOST + b"\r\n"
    ).partition(b"\r\n\r\n")

    assert (blank, body) == (b"\r\n\r\n", b"")
    assert b"transfer-encoding" not in head
    assert (b"content-length" in head) == (path == b"/")
    assert told(line.say(NEXT))[0]["path"] == "/next"


@pytest.mark.parametrize("version", [b"1.1", b"1.0"])
def test_who_waits_for_100_continue_is_told_to_where_it_can_be(
    door: ManualServer, version: bytes
) -> None:
    line = door.connect()
    head = b"POST / HTTP/%b\r\nExpect: 100-Continue\r\n" % version + HOST + LENGTH

    heard = line.say(head + b"\r\n")

    assert heard == (b"HTTP/1.1 100 Continue\r\n\r\n" if version == b"1.1" else b"")
    assert told(line.say(BODY))[0]["body"] == BODY.decode()


def test_who_was_answered_instead_of_100_continue_need_not_send_its_body() -> None:
    with open_server(answer_at_once) as door:
        head = b"POST / HTTP/1.1\r\n" + HOST + LENGTH
        waiting = door.connect()
        heard = waiting.say(head + b"Expect: 100-continue\r\n\r\n")
        assert statuses(heard) == [200]
        assert b"\r\nconnection: close\r\n" in heard, "it cannot know what comes next"
        assert waiting.say(NEXT) == b""

        going_on = door.connect()
        heard = going_on.say(head + b"\r\n")
        assert b"\r\nconnection: keep-alive\r\n" in heard
        assert statuses(going_on.say(BODY + NEXT)) == [200], "the body was dropped"


def test_an_application_that_says_what_cannot_be_said_breaks_its_answer_alone() -> None:
    async def wrong(_scope: Scope, _receive: Receive, send: Send) -> None:
        headers = [(b"x-bad", b"a\r\nx-injected: b")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    with open_server(wrong) as door:
        heard = door.connect().say(NEXT)
        assert b"x-injected" not in heard


# --- Real clients ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with serve_emulator("--idle-timeout", "2.5") as running:
        yield running
        assert running.log.read_text() == ""


POLLING = """
const http = require("http");
const agent = new http.Agent({keepAlive: true, maxSockets: 1});
const [,, url, count] = process.argv;
let asked = 0, reused = 0;
function poll() {
  const headers = {authorization: "Bearer demo"};
  const request = http.get(url, {agent, headers}, (got) => {
    if (request.reusedSocket) reused += 1;
    got.resume();
    got.on("end", () => {
      asked += 1;
      // At the very moment at which the connection is said to end.
      const told = Number(/timeout=(\\d+)/.exec(got.headers["keep-alive"])[1]);
      if (asked < count) setTimeout(poll, asked % 10 ? 0 : told * 1000 - 1000);
      else { console.log(JSON.stringify({asked, reused})); agent.destroy(); }
    });
  });
  request.on("error", (error) => { console.log(String(error)); process.exit(1); });
}
poll();
"""


@pytest.mark.tools
def test_node_polls_at_the_border_and_sees_no_reset(served: ServedEmulator) -> None:
    done = subprocess.run(
        [require_tool("node"), "-e", POLLING, "-", f"{served.url}/api/v1/user", "40"],
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert '"asked":40' in done.stdout


def test_requests_polls_on_one_connection_and_sees_no_reset(
    served: ServedEmulator,
) -> None:
    import requests  # noqa: PLC0415 - 100 ms

    with requests.Session() as session:
        session.headers["Authorization"] = "Bearer demo"
        for _ in range(256):
            answer = session.post(
                f"{served.url}/api/v3/campaign", json={"text": "a"}, timeout=DEADLINE
            )
            assert answer.status_code == 422
            assert answer.headers["Keep-Alive"] == "timeout=2"


def test_every_pair_of_requests_on_one_line_is_in_step(door: ManualServer) -> None:
    post = b"POST /p HTTP/1.1\r\n" + HOST
    offer = OFFERS[1]
    kinds = {
        "/g": b"GET /g HTTP/1.1\r\n" + HOST + b"\r\n",
        "/p": post + LENGTH + b"\r\n" + BODY,
        "/c": post.replace(b"/p", b"/c") + CHUNKED + b"\r\n" + CHUNKS,
        "/o": post.replace(b"/p", b"/o") + offer + LENGTH + b"\r\n" + BODY,
    }
    for one, other in combinations(kinds, 2):
        line = door.connect()
        order = [one, other, one, one, other]

        asked = told(line.say(b"".join(kinds[each] for each in order)))

        assert [each["path"] for each in asked] == order
        line.hang_up()
