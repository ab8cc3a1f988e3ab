"""What no HTTP client sends, over a real connection: the program answers and lives."""

import json
import socket
from collections.abc import Iterator
from itertools import repeat

import pytest

from tests.support.orders import SMS, make_order
from tests.support.processes import ServedEmulator, serve_emulator

USER = "/api/v1/user"
MEBIBYTE = 1024 * 1024


@pytest.fixture(
    scope="module",
    params=["--lenient", pytest.param("--strict", marks=pytest.mark.soak)],
)
def served(request: pytest.FixtureRequest) -> Iterator[ServedEmulator]:
    """Run the program, which must not complain about anything."""
    with serve_emulator(request.param) as program:
        yield program
        assert "Traceback" not in program.log.read_text()


def alive(served: ServedEmulator) -> bool:
    return served.process.poll() is None and served.ask("GET", USER).status == 200


def request(
    start: bytes, body: bytes = b"", *, token: bytes = b"demo", headers: bytes = b""
) -> bytes:
    """Return the octets of a request; *headers* end with a line break each."""
    return (
        start
        + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        + b"Authorization: Bearer "
        + token
        + b"\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % len(body)
        + headers
        + b"\r\n"
        + body
    )


HOSTILE_LINES = [
    (b"GET /api/v3/hlr/%zz", 422),
    (b"GET /api/v3/hlr/%ff%fe", 422),
    (b"GET /api/v3/hlr/%", 422),
    (b"GET /api/v3/hlr/%u0041", 422),
    (b"GET /api/v3/hlr/4498987282%0A", 422),
    (b"GET /api/v3/hlr/4498987282%00", 422),
    (b"GET /api/v3/hlr/4498987282%0d%0aX-Injected:%20yes", 422),
    (
        b"GET /api/v3/hlr/%D9%A4%D9%A4%D9%A9%D9%A8%D9%A9%D9%A8%D9%A7%D9%A2%D9%A8%D9%A2",
        422,
    ),
    (b"GET /api/v3/hlr/" + b"1" * 15_000, 422),
    (b"GET /api/v3/hlr/" + b"1" * 50_000, 414),
    (b"GET /api/v3/campaign/" + b"9" * 30 + b"/messages", 404),
    (b"GET /api/v3/campaign/8528238%0A/messages", 404),
    (b"GET /api/v1/user%0A", 404),
    (b"GET /api/v1/user%00", 404),
    (b"GET /api/v1/user%", 404),
    (b"GET /api/v1/user%3Fa=b", 404),
    (b"GET /api/v1/user?%ff=%zz&=&&", 200),
    (b"GET /api/v1/user?" + b"a=b&" * 4_000, 200),
    (b"GET /api/v1/user?" + b"a=b&" * 10_000, 414),
    (b"GET /_emulator/tokens?world=%ff%zz", 404),
    (b"GET /_emulator/tokens?world=%ed%a0%80", 404),
    (b"GET /s/%ff%00", 404),
    (b"GET /docs/..%2f..%2fapi.py", 404),
    (b"GET /docs/%2e%2e", 404),
    (b"OPTIONS *", 404),
    (b"TRACE /api/v1/user", 405),
    (b"GET /api/v3/hlr/\xff\xfe", 400),
    ("GET /api/v3/hlr/ñ".encode(), 400),
    ("GET /api/v1/user?ñ".encode(), 400),
    (b"GET /api/v1/user\0", 400),
    (b"get /api/v1/user", 400),
    (b"NONSENSE /api/v1/user", 400),
    (b"GET /api/v3/hlr/" + b"1" * 5_000_000, 414),
    (b"\x16\x03\x01\x02\x00\x01\x00", 400),
    (b"", 400),
]


@pytest.mark.parametrize(
    ("line", "status"),
    HOSTILE_LINES,
    ids=[ascii(each[0][:40]) for each in HOSTILE_LINES],
)
def test_a_hostile_request_line_is_answered(
    served: ServedEmulator, line: bytes, status: int
) -> None:
    answer = served.say(request(line))

    assert answer.split(b" ")[1] == b"%d" % status
    assert b"x-injected" not in answer.lower()
    assert alive(served)


@pytest.mark.parametrize(
    ("token", "status"),
    [
        (b"x" * 50_000, 401),
        (b"\xff\xf1", 401),
        ("ñ".encode(), 401),
        (b"demo\r\nX-A: b", 200),
        (b"wrong\r\nX-Injected: yes", 401),
        (b"demo\nX-Injected: yes", 400),
        (b"demo\rX-Injected: yes", 400),
        (b"demo\0", 400),
        (b"demo\r\nAuthorization: Bearer wrong", 200),
        (b"world-\r\n x", 400),
    ],
    ids=lambda each: ascii(each)[:30],
)
def test_a_hostile_token_injects_nothing(
    served: ServedEmulator, token: bytes, status: int
) -> None:
    answer = served.say(request(b"GET /api/v1/user", token=token))

    assert answer.split(b" ")[1] == b"%d" % status
    assert b"x-injected" not in answer.lower()
    assert alive(served)


@pytest.mark.parametrize(
    "headers",
    [
        b"Content-Length: 7\r\n",
        b"Content-Length: -1\r\n",
        b"Content-Length: ten\r\n",
        b"Content-Length: %s\r\n" % (b"9" * 5000),
        b"Transfer-Encoding: chunked\r\n",
        b"X-A : b\r\n",
        b"X-\xff: b\r\n",
        b"X-A\r\n",
        b": b\r\n",
    ],
)
def test_a_request_that_is_no_http_is_refused(
    served: ServedEmulator, headers: bytes
) -> None:
    answer = served.say(request(b"POST /api/v3/campaign", b"{}", headers=headers))

    assert answer.split(b" ")[1] == b"400"
    assert alive(served)


@pytest.mark.manual("ERR-01")
def test_a_served_body_over_32_mebibytes_is_413(served: ServedEmulator) -> None:
    answer = served.ask("POST", SMS, b" " * (33 * MEBIBYTE))

    assert answer.status == 413
    assert answer.body["error"]["status_code"] == 413
    assert alive(served)


@pytest.mark.manual("ERR-01")
def test_a_served_body_over_32_mebibytes_in_chunks_is_413(
    served: ServedEmulator,
) -> None:
    chunks = repeat(b" " * MEBIBYTE, 33)

    answer = served.ask("POST", SMS, chunks)

    assert answer.status == 413
    assert alive(served)


def test_a_served_body_in_small_chunks_is_read(served: ServedEmulator) -> None:
    content = json.dumps(make_order(SMS)).encode()

    answer = served.ask("POST", SMS, (content[i : i + 1] for i in range(len(content))))

    assert answer.status == 200


@pytest.mark.manual("ERR-01", "ERR-08")
def test_a_body_that_is_announced_too_large_is_refused_before_it_is_sent(
    served: ServedEmulator,
) -> None:
    announced = (
        b"POST /api/v3/campaign HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
        b"Authorization: Bearer demo\r\nContent-Length: 999999999999\r\n\r\n"
    )

    answer = served.say(announced)

    assert answer.startswith(b"HTTP/1.1 413 ")
    assert alive(served)


@pytest.mark.manual("GEN-05", "ERR-04")
def test_a_request_without_any_header_of_the_manual_is_answered(
    served: ServedEmulator,
) -> None:
    content = json.dumps(make_order(SMS)).encode()
    bare = b"POST /api/v3/campaign HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
    bare += b"Authorization: Bearer demo\r\nContent-Length: %d\r\n\r\n" % len(content)

    answer = served.say(bare + content)

    if "--lenient" in str(served.process.args):
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert b"x-emulator-notes: ERR-04" in answer
    else:
        assert answer.startswith(b"HTTP/1.1 400 ")


def test_a_client_that_hangs_up_places_nothing(served: ServedEmulator) -> None:
    before = served.ask("GET", USER, token="world-cut").body["data"]["credit"]
    whole = request(
        b"POST /api/v3/campaign", json.dumps(make_order(SMS)).encode() + b" "
    )

    with socket.create_connection(served.address) as connection:
        connection.sendall(whole.replace(b"Bearer demo", b"Bearer world-cut")[:-1])
        connection.shutdown(socket.SHUT_WR)
        rest = b"".join(iter(lambda: connection.recv(65536), b""))

    assert not rest.startswith(b"HTTP/1.1 200")
    after = served.ask("GET", USER, token="world-cut").body["data"]["credit"]
    assert after == before
    assert alive(served)


def test_requests_one_after_the_other_on_one_line_are_all_answered(
    served: ServedEmulator,
) -> None:
    content = json.dumps(make_order(SMS)).encode()
    pipelined = [
        request(b"POST /api/v3/campaign", content, token=b"world-line").replace(
            b"Connection: close\r\n", b""
        )
        for _ in range(3)
    ]
    last = request(b"GET /api/v1/user", token=b"world-line")

    answer = served.say(b"".join(pipelined) + last)

    assert answer.count(b"HTTP/1.1 200 OK") == 4
    assert b'"credit":468059.11' in answer


def test_an_upgrade_that_nobody_offers_is_ignored(served: ServedEmulator) -> None:
    upgrade = b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    upgrade += b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    asked = request(b"GET /api/v1/user", headers=upgrade)

    answer = served.say(
        asked.replace(b"Connection: close", b"Connection: Upgrade, close")
    )

    assert answer.startswith(b"HTTP/1.1 200 ")
    assert alive(served)
