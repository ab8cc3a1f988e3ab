"""How many connections there may be, and how long each of them may take."""

import json
import re
import signal
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send

from emulator.network.connections import ConnectionTable, Idleness
from emulator.serving import file_limit
from emulator.serving.http_connection import MAX_LINGERING, HttpLimits
from emulator.world.shared_state import ConnectionCounts
from tests.support.processes import DEADLINE, ServedEmulator, serve_emulator
from tests.support.servers import (
    GET,
    POST,
    ManualServer,
    answer_at_once,
    open_server,
    read_and_answer,
    wait_for_end,
)
from tests.support.smpp import ENQUIRE_LINK, pack_bind, pack_pdu

USER = b"GET /api/v1/user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo\r\n\r\n"
EVENTS = b"GET /_emulator/events HTTP/1.1\r\nHost: x\r\n\r\n"
UPLOAD = USER[:-2].replace(b"GET /api/v1/user", b"POST /api/v3/campaign")
UPLOAD += b"Content-Length: 9\r\n\r\n"
FEW = 6
IDLE, HEADER, TRANSFER = 75.0, 30.0, 120.0
MOMENT = 0.5


# --- How many ------------------------------------------------------------------------


@pytest.fixture
def lines() -> Iterator[Callable[..., socket.socket]]:
    """Connect, and let the connection be open until the test is over."""
    with ExitStack() as stack:

        def connect(address: tuple[str, int], said: bytes = b"") -> socket.socket:
            line = socket.create_connection(address, timeout=DEADLINE)
            stack.enter_context(line)
            line.sendall(said)
            return line

        yield connect


@pytest.fixture
def few() -> Iterator[ServedEmulator]:
    with serve_emulator("--max-connections", str(FEW)) as served:
        yield served


def rest(line: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    return b"".join(iter(lambda: line.recv(65_536), b""))


def answer(line: socket.socket, wanted: bytes = b"API_settings") -> bytes:
    """Return what comes until there is *wanted* in it, or the end."""
    said = b""
    while wanted not in said and (more := line.recv(65_536)):
        said += more
    return said


def smpp_address(served: ServedEmulator) -> tuple[str, int]:
    host, _, port = served.ready["smpp"].rpartition(":")
    return host, int(port)


def ready_facts(served: ServedEmulator) -> Any:
    return served.ask("GET", "/_emulator/readyz").body["connections"]


@pytest.mark.parametrize(
    "said",
    [b"", USER[:20], UPLOAD],
    ids=["silent", "half a head", "half a body"],
)
def test_connections_that_ask_for_nothing_shut_nobody_out(
    few: ServedEmulator, lines: Callable[..., socket.socket], said: bytes
) -> None:
    held = [lines(few.address, said) for _ in range(3 * FEW)]

    assert few.ask("GET", "/api/v1/user").status == 200
    facts = ready_facts(few)

    assert facts["limit"] == FEW
    assert facts["open"] <= FEW
    assert facts["closed"] >= 2 * FEW + 1
    assert facts["refused"] == 0
    assert few.log.read_text().count(f"{FEW} connections are open, as many as") == 1
    assert rest(held[0]) == b""


def test_a_connection_that_was_answered_is_closed_after_those_that_never_asked(
    few: ServedEmulator, lines: Callable[..., socket.socket]
) -> None:
    kept = lines(few.address, USER)
    assert answer(kept).startswith(b"HTTP/1.1 200")
    for _ in range(2 * FEW):
        lines(few.address)
    few.ask("GET", "/api/v1/user")

    kept.sendall(USER)

    assert answer(kept).startswith(b"HTTP/1.1 200")


def test_where_each_is_at_work_a_new_one_is_told_so(
    few: ServedEmulator, lines: Callable[..., socket.socket]
) -> None:
    for _ in range(FEW):
        stream = lines(few.address, EVENTS)
        assert stream.recv(12) == b"HTTP/1.1 200"

    told = lines(few.address, USER)

    head, _, body = rest(told).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert b"\r\nretry-after: 1" in head
    assert b"(--max-connections)" in head
    assert json.loads(body)["error"]["status_code"] == 503
    assert rest(lines(smpp_address(few))) == b""
    assert "new ones are refused" in few.log.read_text()
    assert "Traceback" not in few.log.read_text()
    assert few.process.poll() is None


def test_a_client_of_smpp_that_has_not_bound_makes_room_and_one_that_has_stays(
    few: ServedEmulator, lines: Callable[..., socket.socket]
) -> None:
    bound = lines(smpp_address(few), pack_bind())
    assert bound.recv(65_536)[4:12] == b"\x80\0\0\x09\0\0\0\0"
    silent = [lines(smpp_address(few)) for _ in range(2 * FEW)]

    assert few.ask("GET", "/api/v1/user").status == 200
    assert silent[0].recv(1) == b""
    bound.sendall(pack_pdu(ENQUIRE_LINK, 7))  # enquire_link
    assert bound.recv(65_536)[4:12] == b"\x80\0\0\x15\0\0\0\0"


def test_tls_that_is_never_agreed_upon_makes_room_as_well(
    lines: Callable[..., socket.socket],
) -> None:
    flags = ("--tls-port", "0", "--smpp-tls-port", "0")
    with serve_emulator("--max-connections", str(FEW), *flags) as served:
        https = served.ready["https"].removeprefix("https://")
        for place in (https, served.ready["smpps"]):
            host, _, port = place.rpartition(":")
            held = [lines((host, int(port)), b"\x16\x03\x01") for _ in range(2 * FEW)]
            assert rest(held[0]) == b""

        assert served.ask("GET", "/api/v1/user").status == 200
        assert ready_facts(served)["open"] <= FEW
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        host, _, port = https.rpartition(":")
        with context.wrap_socket(lines((host, int(port)))) as line:
            line.sendall(USER)
            assert answer(line).startswith(b"HTTP/1.1 200")
        served.process.send_signal(signal.SIGTERM)
        assert served.process.wait(DEADLINE) == 0
        assert served.log.read_text().count("\n") == 1


def test_a_crowd_that_comes_at_once_waits_at_each_port_for_being_let_in(
    lines: Callable[..., socket.socket],
) -> None:
    """A port whose queue is full makes clients try again a second later."""
    with serve_emulator("--tls-port", "0", "--smpp-tls-port", "0") as served:
        served.process.send_signal(signal.SIGSTOP)
        for name in ("http", "https", "smpp", "smpps"):
            host, _, port = served.ready[name].rpartition("/")[2].rpartition(":")
            for _ in range(200):
                lines((host, int(port)))
        served.process.send_signal(signal.SIGCONT)

        assert served.ask("GET", "/api/v1/user").status == 200


def test_the_figures_of_connections_are_exported(few: ServedEmulator) -> None:
    text = few.ask("GET", "/_emulator/metrics").octets.decode()

    assert re.search(r"^smsclouds_connections 1$", text, re.MULTILINE), text
    assert 'smsclouds_connections_turned_away_total{how="refused"} 0' in text


def test_those_that_are_told_why_are_few() -> None:
    with open_server(wait_for_end) as door:
        door.table.counts.limit = 1
        door.connect().say(GET)

        told = [door.connect() for _ in range(MAX_LINGERING + 3)]

        heard = [each.hear() for each in told]
        assert sum(each.startswith(b"HTTP/1.1 503") for each in heard) == MAX_LINGERING
        assert door.table.counts.refused == len(told)
        door.loop.put_forward(2)
        assert all(each.is_closed or each.hear() == b"" for each in told)


class Known:
    """A connection of a table."""

    idleness: Idleness | None = None

    def __init__(self) -> None:
        self.is_closed = False

    def close_for_another(self) -> None:
        self.is_closed = True


def test_the_table_closes_what_was_idle_for_the_longest_and_never_what_works() -> None:
    table = ConnectionTable(ConnectionCounts(limit=4))
    silent, kept, sending, working = each = [Known() for _ in range(4)]
    assert all(map(table.admit, each))
    table.set_idleness(working, None)
    table.set_idleness(sending, Idleness.TRANSFERRING)
    table.set_idleness(kept, Idleness.KEPT)

    for gone in (silent, kept, sending):
        another = Known()
        assert table.admit(another)
        table.set_idleness(another, None)
        assert gone.is_closed

    assert not table.admit(Known())
    assert not working.is_closed
    counts = table.counts
    assert (counts.open, counts.closed, counts.refused) == (4, 3, 1)
    table.discard(working)
    table.discard(working)
    assert counts.open == 3
    assert table.admit(Known())


class Limits:
    """What the system says of open files, and what it is told."""

    RLIMIT_NOFILE, RLIM_INFINITY = 7, -1

    def __init__(self, soft: int, hard: int, *, refuses: bool = False) -> None:
        self.limits = soft, hard
        self._refuses = refuses

    def getrlimit(self, _which: int) -> tuple[int, int]:
        return self.limits

    def setrlimit(self, _which: int, limits: tuple[int, int]) -> None:
        if self._refuses:
            raise ValueError
        self.limits = limits


@pytest.mark.parametrize(
    ("limits", "possible", "soft"),
    [
        (Limits(1024, 4096), 2000, 2128),
        (Limits(256, -1), 2000, 2128),
        (Limits(1024, 1024), 896, 1024),
        (Limits(100, 100), 50, 100),
        (Limits(65_536, 65_536), 2000, 65_536),
        (Limits(-1, -1), 2000, -1),
        (Limits(256, -1, refuses=True), 128, 256),
    ],
)
def test_the_limit_of_files_is_raised_as_far_as_needed_and_possible(
    limits: Limits, possible: int, soft: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(file_limit, "import_module", lambda _name: limits)

    assert file_limit.raise_file_limit(2000) == possible
    assert limits.limits[0] == soft


def test_too_few_files_are_said_in_a_line() -> None:
    with serve_emulator("--max-connections", "1000000000") as served:
        assert "too few files (ulimit -n)" in served.log.read_text()
        assert 0 < ready_facts(served)["limit"] < 1_000_000_000


# --- How long ------------------------------------------------------------------------


@pytest.fixture
def door() -> Iterator[ManualServer]:
    with open_server(read_and_answer) as door:
        yield door


def test_a_connection_that_says_nothing_is_closed_in_time(door: ManualServer) -> None:
    line = door.connect()

    door.loop.put_forward(IDLE - MOMENT)
    assert line.hear() == b""
    assert not line.is_closed
    door.loop.put_forward(2 * MOMENT)
    assert line.hear() == b""
    assert line.is_closed
    assert door.table.counts.open == 0


def test_a_connection_is_kept_for_longer_than_its_client_is_told(
    door: ManualServer,
) -> None:
    line = door.connect()
    answer = line.say(GET)
    (told,) = re.findall(rb"\r\nkeep-alive: timeout=(\d+)\r\n", answer)
    assert b"\r\nconnection: keep-alive\r\n" in answer

    for _ in range(3):
        door.loop.put_forward(int(told))
        assert line.say(GET).startswith(b"HTTP/1.1 200")
    assert int(told) < IDLE
    door.loop.put_forward(IDLE + MOMENT)
    line.hear()
    assert line.is_closed


@pytest.mark.parametrize(
    ("idle", "told"),
    [(75, 70), (10, 8), (5, 4), (2, 1), (1.3, 1), (1, None), (0.05, None)],
)
def test_the_time_that_clients_are_told_is_shorter_than_it_is(
    idle: float, told: int | None
) -> None:
    lines = HttpLimits(idle=idle).keep_alive_lines

    found = re.findall(rb"timeout=(\d+)", lines)
    assert [*map(int, found)] == ([] if told is None else [told])
    assert told is None or told < idle


@pytest.mark.parametrize("asked_before", [False, True])
def test_a_head_that_comes_in_drops_is_cut_off(
    door: ManualServer, *, asked_before: bool
) -> None:
    line = door.connect()
    if asked_before:
        line.say(GET)
    line.say(GET[:-2])

    drops = 0
    while not line.hear() and drops < 100:
        line.say(b"a: b\r\n")
        drops += 1
        door.loop.put_forward(1)

    assert HEADER - 2 < drops <= HEADER + 1
    assert b"HTTP/1.1 408 Request Timeout\r\n" in line.heard
    assert b"(--header-timeout)" in line.heard
    assert line.is_closed


@pytest.mark.parametrize(
    ("head", "drop"),
    [
        (POST.replace(b"4", b"100000"), b"x"),
        (
            POST.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked"),
            b"1\r\nx\r\n",
        ),
    ],
)
def test_a_body_that_never_ends_is_cut_off(
    door: ManualServer, head: bytes, drop: bytes
) -> None:
    line = door.connect()
    line.say(head)

    drops = 0
    while not line.hear() and drops < 300:
        line.say(drop)
        drops += 1
        door.loop.put_forward(1)

    assert TRANSFER - 2 < drops <= TRANSFER + 1
    assert line.heard.startswith(b"HTTP/1.1 408 ")
    assert b"(--transfer-timeout)" in line.heard
    assert line.is_closed


def test_a_body_that_never_ends_is_cut_off_after_its_answer_too() -> None:
    with open_server(answer_at_once, body_limit=10, snapshot_limit=1_000) as door:
        head = POST.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")
        slow, fast = door.connect(), door.connect()
        assert slow.say(head).startswith(b"HTTP/1.1 200")
        assert fast.say(head).startswith(b"HTTP/1.1 200")

        fast.say(b"3e8\r\n" + b"x" * 1_000 + b"\r\n")
        assert not fast.is_closed
        fast.say(b"1\r\nx\r\n")
        fast.hear()
        assert fast.is_closed
        door.loop.put_forward(TRANSFER + MOMENT)
        assert slow.hear() == b""
        assert slow.is_closed


def test_who_does_not_read_its_answer_is_disconnected() -> None:
    async def pour(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200})
        for _ in range(200):
            chunk = b"x" * 65_536
            body = {"type": "http.response.body", "body": chunk, "more_body": True}
            await send(body)

    with open_server(pour) as door:
        line = door.connect()
        line.send(GET)

        door.loop.put_forward(TRANSFER - MOMENT)
        assert door.table.counts.open == 1
        door.loop.put_forward(2 * MOMENT)
        assert door.table.counts.open == 0


def test_a_request_that_is_answered_late_is_waited_for() -> None:
    with open_server(wait_for_end) as door:
        line = door.connect()
        line.say(GET)

        door.loop.put_forward(3_600)

        line.hear()
        assert not line.is_closed
        line.hang_up()
        assert not door.state.tasks


def test_whoever_is_in_time_is_never_cut_off(door: ManualServer) -> None:
    """Each time begins anew with each request."""
    line = door.connect()
    for _ in range(5):
        line.say(POST[:9])
        door.loop.put_forward(HEADER - MOMENT)
        line.say(POST[9:])
        door.loop.put_forward(TRANSFER - MOMENT)
        assert line.say(b"1234").startswith(b"HTTP/1.1 200")
        door.loop.put_forward(IDLE - MOMENT)

    assert line.heard.count(b"HTTP/1.1 ") == 5
    assert not line.is_closed


def test_the_times_are_settings(lines: Callable[..., socket.socket]) -> None:
    flags = ("--idle-timeout", "0.05", "--header-timeout", "0.05")
    with serve_emulator(*flags, "--transfer-timeout", "0.05") as served:
        assert lines(served.address).recv(1) == b""
        assert b"408" in lines(served.address, USER[:-2]).recv(65_536)
        assert b"408" in lines(served.address, UPLOAD).recv(65_536)
        assert served.ask("GET", "/api/v1/user").status == 200
        assert "Traceback" not in served.log.read_text()


def test_tls_that_is_not_agreed_upon_is_given_up(
    lines: Callable[..., socket.socket],
) -> None:
    flags = ("--tls-port", "0", "--smpp-tls-port", "0", "--header-timeout", "0.2")
    with serve_emulator(*flags) as served:
        https = served.ready["https"].removeprefix("https://").rpartition(":")
        smpps = served.ready["smpps"].rpartition(":")
        for host, _, port in (https, smpps):
            assert lines((host, int(port))).recv(1) == b""


# --- Requests that wait for their turn ------------------------------------------------


def test_who_sends_requests_without_end_and_waits_for_no_answer_is_not_read() -> None:
    with open_server(wait_for_end) as door:
        line = door.connect()
        sent = 0
        for _ in range(200):
            try:
                sent += line.send(GET * 2_000)
            except BlockingIOError:
                break

        assert sent < 200 * 2_000 * len(GET)
        line.hang_up()
        for _ in range(100):
            if not door.state.tasks:
                break
            door.loop.put_forward(TRANSFER + MOMENT)
        assert not door.state.tasks, "it is noticed that the client has gone"


def test_who_hangs_up_with_requests_waiting_is_let_go_at_once() -> None:
    with open_server(wait_for_end) as door:
        line = door.connect()
        line.say(GET * 3)
        assert door.state.tasks

        line.hang_up()

        assert not door.state.tasks


def test_a_mistake_is_answered_after_the_requests_before_it(door: ManualServer) -> None:
    heard = door.connect().say(GET * 3 + b"NONSENSE\r\n\r\n" + GET)

    assert re.findall(rb"HTTP/1.1 (\d+)", heard) == [b"200", b"200", b"200", b"400"]


def test_a_body_with_a_mistake_is_answered_after_the_requests_before_it(
    door: ManualServer,
) -> None:
    head = POST.replace(b"Content-Length: 4", b"Transfer-Encoding: chunked")

    line = door.connect()
    heard = line.say(GET * 2 + head + b"zz\r\n" + GET)

    assert re.findall(rb"HTTP/1.1 (\d+)", heard) == [b"200", b"200", b"400"]
    assert line.is_closed
