"""The head of a request has bounds.  Raw sockets to one served process."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest

from emulator.client import Emulator
from tests.support.processes import DEADLINE, ServedEmulator, serve_emulator

LINE, HEADERS, LINES = 16 * 1024, 64 * 1024, 100
MEBIBYTE = 1024 * 1024


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with serve_emulator() as running:
        yield running


def said(served: ServedEmulator, *octets: bytes) -> bytes:
    """Send one piece after the other and return all that comes back until the end."""
    with socket.create_connection(served.address, timeout=DEADLINE) as line:
        for each in octets:
            line.sendall(each)
        return b"".join(iter(lambda: line.recv(65536), b""))


def head(*lines: bytes, first: bytes = b"GET /api/v1/user HTTP/1.1") -> bytes:
    own = (b"Host: localhost", b"Authorization: Bearer demo", b"Connection: close")
    return b"\r\n".join([first, *own, *lines, b"", b""])


CHUNKED = (
    b"POST /_emulator/worlds HTTP/1.1\r\nHost: localhost\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
OWN = sum(len(each) + 2 for each in head().split(b"\r\n")[1:-2])


def padded(total: int) -> bytes:
    """Return a header line that makes those of a request so many bytes."""
    return b"X: " + b"x" * (total - OWN - 5)


def asked(length: int) -> bytes:
    """Return a head whose first line has so many bytes."""
    rest = len(b"GET /api/v1/user? HTTP/1.1")
    return head(first=b"GET /api/v1/user?%b HTTP/1.1" % (b"a" * (length - rest)))


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (asked(LINE), b"200 OK"),
        (asked(LINE + 1), b"414 URI Too Long"),
        (asked(MEBIBYTE), b"414 URI Too Long"),
        (head(padded(HEADERS)), b"200 OK"),
        (head(padded(HEADERS + 1)), b"431 Request Header Fields Too Large"),
        (head(padded(MEBIBYTE)), b"431 Request Header Fields Too Large"),
        (head(*[b"a: b"] * (LINES - 3)), b"200 OK"),
        (head(*[b"a: b"] * (LINES - 2)), b"431 Request Header Fields Too Large"),
    ],
    ids=[
        *("a line", "a line too long", "a line far too long"),
        *("headers", "headers too large", "headers far too large"),
        *("lines", "lines too many"),
    ],
)
def test_a_head_is_taken_up_to_its_bounds(
    served: ServedEmulator, sent: bytes, status: bytes
) -> None:
    answer = said(served, sent)

    assert answer.startswith(b"HTTP/1.1 " + status + b"\r\n"), answer[:200]
    if not status.startswith(b"200"):
        above, _, body = answer.partition(b"\r\n\r\n")
        assert b"\r\nconnection: close\r\n" in above + b"\r\n"
        assert b"\r\ndate: " in above
        assert json.loads(body)["error"]["status_code"] == int(status[:3])
        assert b"x-emulator-why: " in above
        assert b"(--" in above, "it names the setting"


@pytest.mark.parametrize(
    ("begins", "goes_on", "status"),
    [
        (b"GET /", b"a" * 4096, b"414"),
        (b"GET / HTTP/1.1\r\nHost: a\r\nX: ", b"a" * 4096, b"431"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"a" * 4096, b"431"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n", b"a: b\r\n" * 512, b"431"),
        (
            CHUNKED + b"1;",
            b"a" * 4096,
            b"431",
        ),
        (
            CHUNKED + b"0\r\n",
            b"a: b\r\n" * 512,
            b"431",
        ),
    ],
    ids=["url", "value", "name", "lines", "chunk extension", "trailers"],
)
def test_what_has_no_end_is_ended(
    served: ServedEmulator, begins: bytes, goes_on: bytes, status: bytes
) -> None:
    with socket.create_connection(served.address, timeout=DEADLINE) as line:
        line.sendall(begins)
        line.settimeout(0)
        answer = b""
        for _ in range(1_000_000):  # far more than the bounds, if it were read
            with suppress(BlockingIOError):
                line.send(goes_on)
            with suppress(BlockingIOError):
                if answer := line.recv(65536):
                    break
    assert answer.startswith(b"HTTP/1.1 " + status)


def test_what_came_before_on_the_line_is_answered_first(served: ServedEmulator) -> None:
    first = head().replace(b"Connection: close\r\n", b"")

    answer = said(served, first + head(padded(HEADERS + 1)))

    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.count(b"HTTP/1.1 ") == 2
    assert b"HTTP/1.1 431 " in answer


def test_after_a_refusal_nothing_on_the_line_is_asked(served: ServedEmulator) -> None:
    order = b'{"text": "hola", "recipients": [{"cellphone": "4498987282"}]}'
    lines = (b"Content-Type: application/json", b"Content-Length: %d" % len(order))
    placing = head(*lines, first=b"POST /api/v3/campaign HTTP/1.1") + order
    with Emulator(served.url) as client:
        before = client.find_requests("createCampaign").count

        answer = said(served, head(padded(HEADERS + 1)) + placing)

        assert answer.count(b"HTTP/1.1 ") == 1
        assert client.find_requests("createCampaign").count == before


def test_a_trailer_is_no_header_of_the_request(served: ServedEmulator) -> None:
    order = (
        b'{"text": "hola", "country": 1, "recipients": [{"cellphone": "4498987282"}]}'
    )
    lines = (b"Content-Type: application/json", b"Transfer-Encoding: chunked")
    body = b"%x\r\n%b\r\n0\r\nX-Emulator-Fault: status=503\r\n\r\n" % (
        len(order),
        order,
    )

    answer = said(served, head(*lines, first=b"POST /api/v3/campaign HTTP/1.1") + body)

    assert answer.startswith(b"HTTP/1.1 200 "), answer[:200]


def test_the_bounds_are_settings() -> None:
    flags = ("--request-line-limit", "64", "--header-limit", "256")
    with serve_emulator(*flags, "--max-headers", "4") as served:
        assert said(served, head()).startswith(b"HTTP/1.1 200")
        assert said(served, asked(65)).startswith(b"HTTP/1.1 414")
        assert said(served, head(padded(257))).startswith(b"HTTP/1.1 431")
        assert said(served, head(b"a: b", b"a: b")).startswith(b"HTTP/1.1 431")
        answer = said(served, asked(65))
        assert b"the request line may have 64 bytes (--request-line-limit)" in answer
