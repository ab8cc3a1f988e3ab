"""Faults of the connection, felt by raw clients of a real process."""

import json
import select
import signal
import socket
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.support.orders import SMS, make_order
from tests.support.processes import DEADLINE, ServedEmulator, serve_emulator

USER = "/api/v1/user"
PHASES = pytest.mark.parametrize("phase", ["before", "after"])
NAMES = count(1)
PATIENCE = 2_000  # questions, until what must come has not


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    """Run one process for all; its clocks stand, and it has nothing to complain of."""
    with serve_emulator("--clock", "frozen", "--tls-port", "0") as process:
        yield process


@dataclass(frozen=True)
class Customer:
    """A world of its own in the process, and a client that knows nothing of HTTP."""

    served: ServedEmulator
    token: str

    def asked(self, effect: dict[str, Any], **rule: Any) -> str:
        """Ask for a fault of the campaigns, unless *rule* says of what."""
        body = {"operation": "createCampaign", "effect": effect, **rule}
        return str(self.told("POST", "faults", body)["id"])

    def started(self, *, tls: bool = False) -> socket.socket:
        """Send an order of a campaign and return the connection, to read from."""
        octets = json.dumps(make_order(SMS)).encode()
        head = (
            f"POST {SMS} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {self.token}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(octets)}\r\n\r\n"
        )
        connection = self.connected(tls=tls)
        connection.sendall(head.encode() + octets)
        return connection

    def connected(self, *, tls: bool) -> socket.socket:
        if not tls:
            return socket.create_connection(self.served.address, timeout=DEADLINE)
        parts = urlsplit(self.served.ready["https"])
        plain = socket.create_connection((parts.hostname, parts.port), DEADLINE)
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        return context.wrap_socket(plain, suppress_ragged_eofs=False)

    def struck(self) -> None:
        """Return once the only rule has struck."""
        for _ in range(PATIENCE):
            (rule,) = self.told("GET", "faults")
            if rule["applied"]:
                return
        pytest.fail("no fault struck")

    def alone(self) -> None:
        """Return once nobody waits for a late answer any more."""
        for _ in range(PATIENCE):
            if "delayed" not in self.advance(0):
                return
        pytest.fail("somebody waits still")

    def advance(self, seconds: float) -> list[str]:
        """Let so many seconds of the world pass; return what is then to come."""
        ran = self.told("POST", "clock/advance", {"seconds": seconds})
        return [event["event"] for event in ran["pending"]]

    def told(self, method: str, path: str, body: Any = None) -> Any:
        content = None if body is None else json.dumps(body)
        answer = self.served.ask(
            method, f"/_emulator/{path}", content, token=self.token
        )
        assert answer.status == 200, answer.body
        return answer.body

    def clear(self) -> None:
        self.told("DELETE", "faults")

    def credit(self) -> float:
        answer = self.served.ask("GET", USER, token=self.token)
        credit: float = answer.body["data"]["credit"]
        return credit


@pytest.fixture
def customer(served: ServedEmulator) -> Iterator[Customer]:
    yield Customer(served, f"world-w{next(NAMES)}")
    assert served.log.read_text() == ""


@pytest.fixture
def paid(customer: Customer) -> Iterator[list[str]]:
    """Give a list for the phase; in the end, a campaign stands and is paid, or not."""
    credit = customer.credit()
    phases: list[str] = []
    yield phases
    customer.clear()
    stands = phases == ["after"]
    assert len(customer.told("GET", "campaigns")) == stands
    assert (customer.credit() < credit) == stands


def everything(connection: socket.socket) -> bytes:
    """Return all octets until the other side closes."""
    with connection:
        return b"".join(iter(lambda: connection.recv(65536), b""))


def read(connection: socket.socket) -> tuple[str, dict[str, str], bytes]:
    """Return the status line, the headers and as much of the body as they announce."""
    with connection, connection.makefile("rb") as file:
        status = file.readline().decode().rstrip()
        headers = {}
        while line := file.readline().decode().rstrip():
            name, _, value = line.partition(": ")
            headers[name] = value
        return status, headers, file.read(int(headers["content-length"]))


# --- No answer ---------------------------------------------------------------------


@PHASES
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_the_connection_is_closed_before_any_octet(
    customer: Customer, paid: list[str], phase: str, *, tls: bool
) -> None:
    customer.asked({"wire": "close"}, phase=phase)
    paid.append(phase)

    assert everything(customer.started(tls=tls)) == b""


@PHASES
def test_the_connection_is_reset(
    customer: Customer, paid: list[str], phase: str
) -> None:
    customer.asked({"wire": "reset"}, phase=phase)
    paid.append(phase)

    with customer.started() as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)


@PHASES
def test_under_tls_the_connection_is_reset_without_a_farewell(
    customer: Customer, paid: list[str], phase: str
) -> None:
    customer.asked({"wire": "reset"}, phase=phase)
    paid.append(phase)

    with (
        customer.started(tls=True) as connection,
        pytest.raises((ssl.SSLEOFError, ConnectionResetError)),
    ):
        connection.recv(1)


@PHASES
def test_a_hang_lasts_until_the_client_gives_up(
    customer: Customer, paid: list[str], phase: str
) -> None:
    customer.asked({"wire": "hang"}, phase=phase)
    paid.append(phase)

    with customer.started() as connection:
        customer.struck()
        customer.advance(86_400)  # no clock ends it
        customer.credit()
        assert silent(connection)


def silent(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return not readable


def test_nothing_is_left_of_a_hang_once_the_client_has_given_up() -> None:
    with serve_emulator() as process:
        customer = Customer(process, "demo")
        customer.asked({"wire": "hang"}, first=1)
        with customer.started():
            customer.struck()
        customer.credit()

        process.process.send_signal(signal.SIGTERM)
        code = process.process.wait(DEADLINE)

        # A request that still waited would be cancelled, and the log would say so.
        assert (code, process.log.read_text()) == (0, "")


def test_a_process_that_is_told_to_stop_ends_a_hang() -> None:
    with serve_emulator() as process:
        customer = Customer(process, "demo")
        customer.asked({"wire": "hang"})
        with customer.started():
            customer.struck()
            process.process.send_signal(signal.SIGTERM)
            code = process.process.wait(DEADLINE)

        assert (code, process.log.read_text()) == (0, "")


# --- Not the whole answer ------------------------------------------------------------


@PHASES
def test_the_answer_is_empty(customer: Customer, paid: list[str], phase: str) -> None:
    customer.asked({"wire": "empty"}, phase=phase)
    paid.append(phase)

    status, headers, body = read(customer.started())

    assert status == "HTTP/1.1 200 OK"
    assert (headers["content-length"], body) == ("0", b"")


def test_half_of_the_body_comes_and_then_the_end(
    customer: Customer, paid: list[str]
) -> None:
    customer.asked({"wire": "truncated"})
    paid.append("after")

    head, _, body = everything(customer.started()).partition(b"\r\n\r\n")

    announced = int(head.partition(b"content-length: ")[2].split()[0])
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert len(body) == announced // 2 > 0
    assert body.startswith(b'{"')


@PHASES
def test_the_body_is_no_json(customer: Customer, paid: list[str], phase: str) -> None:
    customer.asked({"wire": "not_json"}, phase=phase)
    paid.append(phase)

    _, headers, body = read(customer.started())

    assert headers["content-type"] == "application/json"
    assert body.startswith(b"<html>")


def test_the_right_body_is_called_html(customer: Customer, paid: list[str]) -> None:
    customer.asked({"wire": "wrong_content_type"})
    paid.append("after")

    _, headers, body = read(customer.started())

    assert headers["content-type"] == "text/html"
    assert json.loads(body)["campaign"]


def test_a_body_drips_by_the_clock_of_the_world(
    customer: Customer, paid: list[str]
) -> None:
    rule = customer.asked({"wire": "drip", "seconds": 20})
    paid.append("after")
    pieces = []
    with customer.started() as connection:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        for _ in range(20):
            assert silent(connection)
            customer.advance(1)
            pieces.append(connection.recv(65536))

    assert f"x-emulator-fault: {rule}\r\n".encode() in head
    assert json.loads(b"".join(pieces))["campaign"]
    sizes = {len(piece) for piece in pieces}
    assert max(sizes) - min(sizes) <= 1


def test_a_client_that_leaves_a_drip_leaves_nothing_behind(customer: Customer) -> None:
    customer.asked({"wire": "drip", "seconds": 600})
    with customer.started() as connection:
        assert connection.recv(15) == b"HTTP/1.1 200 OK"

    customer.advance(600)
    customer.clear()
    assert customer.credit() > 0


# --- Too much, and too late ----------------------------------------------------------


def test_too_many_requests_says_when_to_come_back(
    customer: Customer, paid: list[str]
) -> None:
    customer.asked({"status": 429, "retry_after": 7}, every=2)
    paid.append("after")

    (first, _, _), (second, headers, body) = (
        read(customer.started()) for _ in range(2)
    )

    assert first == "HTTP/1.1 200 OK"
    assert second == "HTTP/1.1 429 Too Many Requests"
    assert headers["retry-after"] == "7"
    assert json.loads(body)["error"]["status_code"] == 429


@PHASES
def test_an_answer_is_late_until_another_client_lets_time_pass(
    customer: Customer, paid: list[str], phase: str
) -> None:
    customer.asked({"delay": 600}, phase=phase)
    paid.append("after")  # either way, in the end
    connection = customer.started()
    customer.struck()
    customer.advance(599)
    assert silent(connection)

    customer.advance(1)
    status, _, body = read(connection)

    assert status == "HTTP/1.1 200 OK"
    assert json.loads(body)["campaign"]


@PHASES
def test_who_hangs_up_before_a_late_operation_has_asked_for_nothing(
    customer: Customer, paid: list[str], phase: str
) -> None:
    customer.asked({"delay": 600}, phase=phase)
    paid.append(phase)
    with customer.started():
        customer.struck()
    customer.alone()

    customer.advance(600)


# --- Of a header ---------------------------------------------------------------------


def test_a_header_resets_a_connection(customer: Customer) -> None:
    request = (
        f"GET {USER} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {customer.token}\r\n"
        "X-Emulator-Fault: wire=reset; phase=after\r\n\r\n"
    )
    with socket.create_connection(customer.served.address, DEADLINE) as connection:
        connection.sendall(request.encode())
        with pytest.raises(ConnectionResetError):
            connection.recv(1)
