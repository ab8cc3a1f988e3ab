"""The process: its sockets, its ready file, its TLS, and how it ends."""

import json
import signal
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from http.client import HTTPSConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import trustme

from emulator.serving.settings import Settings, make_reachable_url
from tests.support.processes import (
    DEADLINE,
    ServedEmulator,
    keep_busy,
    read_complaint,
    read_url,
    serve_emulator,
    skip_missing,
    start_command,
)

USER = b"GET /api/v1/user HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer demo\r\n"


# --- Ports and the ready file ----------------------------------------------------


def test_port_0_is_a_free_one_each_time() -> None:
    with serve_emulator() as one, serve_emulator() as other:
        assert one.url != other.url
        for served in (one, other):
            assert served.ask("GET", "/api/v1/user").status == 200


def test_the_ready_file_says_where_the_process_is_and_who() -> None:
    with serve_emulator() as served:
        smpp = served.ready["smpp"]
        ours = {"http": served.url, "smpp": smpp, "pid": served.process.pid}
        assert served.ready == ours
        assert smpp.startswith("127.0.0.1:")
        assert served.announced.rstrip().endswith(f" {served.url}")


def test_the_ready_file_appears_whole_and_goes_with_the_process(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text('{"http": "http://127.0.0.1:1", "pid": 1}')  # of a killed process

    flags = ("--port", "0", "--smpp-port", "none", "--ready-file", str(ready))
    with start_command("serve", *flags) as process:
        url = read_url(process)
        assert json.loads(ready.read_text()) == {"http": url, "pid": process.pid}
        assert list(tmp_path.iterdir()) == [ready]
        assert ended(process, signal.SIGTERM) == 0

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["", "no/such/folder/ready.json"])
def test_a_ready_file_that_cannot_be_written_is_refused(
    place: str, tmp_path: Path
) -> None:
    ready = tmp_path / place

    said = read_complaint("serve", "--port", "0", "--ready-file", str(ready))

    assert said.startswith(f"the ready file {ready} cannot be written (")


@pytest.mark.parametrize("flag", ["--port", "--tls-port"])
def test_a_taken_port_is_refused_in_one_sentence(flag: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        flags = ("--port", "0", flag, str(port))

        said = read_complaint("serve", *flags)

    assert said.startswith(f"cannot listen on 127.0.0.1:{port} (Address already in use")
    assert f"choose another --host or {flag}, where 0 takes a free one" in said


def test_a_port_that_another_emulator_listens_on_is_taken() -> None:
    with serve_emulator() as served:
        said = read_complaint("serve", "--port", str(served.address[1]))

    assert said.startswith(f"cannot listen on 127.0.0.1:{served.address[1]} (")


def test_a_host_that_is_not_of_this_machine_is_refused() -> None:
    said = read_complaint("serve", "--port", "0", "--host", "nowhere.invalid")

    assert said.startswith("cannot listen on nowhere.invalid:0 (")


@pytest.mark.parametrize(
    ("host", "shown"),
    [
        ("localhost", "http://127.0.0.1:"),
        ("0.0.0.0", "http://127.0.0.1:"),  # noqa: S104 - every address is the question
        ("127.0.0.1", "http://127.0.0.1:"),
        ("::1", "http://[::1]:"),
        ("::", "http://[::1]:"),
    ],
)
def test_the_url_is_one_that_a_client_can_use(host: str, shown: str) -> None:
    if ":" in host and not has_ipv6():
        skip_missing("IPv6")

    with serve_emulator("--host", host) as served:
        assert served.url.startswith(shown) or host == "localhost"
        assert served.ask("GET", "/api/v1/user").status == 200


def has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def test_addresses_of_every_kind_make_urls() -> None:
    assert make_reachable_url("0.0.0.0", 1) == "http://127.0.0.1:1"  # noqa: S104
    assert make_reachable_url("::", 1, scheme="https") == "https://[::1]:1"
    assert make_reachable_url("example.org", 7672) == "http://example.org:7672"


# --- Settings that the process obeys ----------------------------------------------


def test_a_body_over_the_limit_is_refused() -> None:
    with serve_emulator("--body-limit", "100") as served:
        fits = served.ask("POST", "/api/v3/campaign", b" " * 100)
        over = served.ask("POST", "/api/v3/campaign", b" " * 101)

    assert (fits.status, over.status) == (400, 413)


@pytest.mark.parametrize("name", [b"Upgrade", b"upgrade"])
def test_an_offer_of_http_2_is_ignored_and_the_body_is_read(name: bytes) -> None:
    head = (
        b"POST /api/v3/campaign HTTP/1.1\r\n"
        b"Connection: Upgrade, HTTP2-Settings, close\r\n"
        b"Host: localhost\r\nAuthorization: Bearer demo\r\n"
        b"HTTP2-Settings: AAEAAEAAAAIAAAAAAAMAAAAAAAQBAAAAAAUAAEAAAAYABgAA\r\n"
        b"%b: h2c\r\nContent-Length: %d\r\n\r\n"
    )
    body = (
        b'{"text": "\\r\\nUpgrade: h2c", "country": 1,\r\n'
        b'"recipients": [{"cellphone": "4498987282"}]}'
    )
    with serve_emulator() as served:
        said = served.say(head % (name, len(body)) + body)
        journal = served.ask("GET", "/_emulator/journal").body

        assert said.startswith(b"HTTP/1.1 200 OK\r\n"), said
        (exchange,) = journal["exchanges"]
        assert ["upgrade", "h2c"] in [
            *map(list, exchange["request"]["headers"].items())
        ]
        assert served.log.read_text() == ""


@pytest.mark.parametrize(("level", "talks"), [("warning", False), ("info", True)])
def test_nothing_is_logged_of_a_good_day_unless_asked_for(
    level: str, *, talks: bool
) -> None:
    with serve_emulator("--log-level", level) as served:
        assert served.ask("GET", "/api/v1/user").status == 200
        assert ended(served.process, signal.SIGTERM) == 0
        assert bool(served.log.read_text()) is talks


def test_the_defaults_need_no_permission_and_reach_nobody_else() -> None:
    assert Settings().port > 1023
    assert Settings().host == "127.0.0.1"


# --- TLS --------------------------------------------------------------------------


def spoken(
    served: ServedEmulator,
    name: str,
    context: ssl.SSLContext,
    path: str = "/api/v1/user",
) -> int:
    """Ask over TLS for the host *name*, wherever that name leads; return the status."""
    address = urlsplit(served.ready["https"])
    connection = HTTPSConnection(name, timeout=DEADLINE)
    plain = socket.create_connection(
        (address.hostname or "", address.port or 0), timeout=DEADLINE
    )
    connection.sock = context.wrap_socket(plain, server_hostname=name)
    try:
        connection.request("GET", path, headers={"Authorization": "Bearer demo"})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.manual("GEN-02")
@pytest.mark.parametrize("name", ["smsclouds.cloud", "localhost", "127.0.0.1"])
def test_tls_shows_a_certificate_for_the_platforms_name_and_for_this_machine(
    name: str, tmp_path: Path
) -> None:
    authority = tmp_path / "ca.pem"

    with serve_emulator("--tls-port", "0", "--tls-ca-file", str(authority)) as served:
        trusting = ssl.create_default_context(cafile=authority)

        assert spoken(served, name, trusting) == 200
        assert f" {served.url} and {served.ready['https']}\n" in served.announced
        assert served.ready["https"].startswith("https://127.0.0.1:")


def test_over_tls_the_worlds_are_the_same(tmp_path: Path) -> None:
    authority = tmp_path / "ca.pem"
    order = {"text": "hola", "recipients": [{"cellphone": "4498987282"}], "route": 87}

    with serve_emulator("--tls-port", "0", "--tls-ca-file", str(authority)) as served:
        placed = served.ask("POST", "/api/v3/campaign", json.dumps(order)).body
        trusting = ssl.create_default_context(cafile=authority)
        path = f"/api/v3/campaign/{placed['campaign']}/messages"

        assert spoken(served, "smsclouds.cloud", trusting, path) == 200


def test_a_client_that_does_not_trust_the_certificate_hangs_up_and_nothing_breaks(
    tmp_path: Path,
) -> None:
    authority = tmp_path / "ca.pem"

    with serve_emulator("--tls-port", "0", "--tls-ca-file", str(authority)) as served:
        with pytest.raises(ssl.SSLCertVerificationError):
            spoken(served, "localhost", ssl.create_default_context())
        trusting = ssl.create_default_context(cafile=authority)
        with pytest.raises(ssl.SSLCertVerificationError):
            spoken(served, "example.org", trusting)

        assert spoken(served, "localhost", trusting) == 200
        assert served.log.read_text() == ""


@pytest.fixture
def own(tmp_path: Path) -> tuple[ssl.SSLContext, Path, Path]:
    """Make somebody's own certificate: who trusts it, the certificate, its key."""
    authority = trustme.CA()
    issued = authority.issue_cert("sms.example.org")
    certificate, key = tmp_path / "own.pem", tmp_path / "own.key"
    chain = b"".join(each.bytes() for each in issued.cert_chain_pems)
    certificate.write_bytes(chain)
    issued.private_key_pem.write_to_path(str(key))
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    return trusting, certificate, key


def test_tls_may_show_a_certificate_of_ones_own(
    own: tuple[ssl.SSLContext, Path, Path],
) -> None:
    trusting, certificate, key = own
    flags = ("--tls-cert", str(certificate), "--tls-key", str(key))
    name = ("--allowed-host", "sms.example.org")

    with serve_emulator("--tls-port", "0", *flags, *name) as served:
        assert spoken(served, "sms.example.org", trusting) == 200


def test_a_key_may_be_in_the_file_of_its_certificate(
    own: tuple[ssl.SSLContext, Path, Path],
) -> None:
    trusting, certificate, key = own
    certificate.write_bytes(certificate.read_bytes() + key.read_bytes())

    flags = ("--tls-cert", str(certificate), "--allowed-host", ".example.org")
    with serve_emulator("--tls-port", "0", *flags) as served:
        assert spoken(served, "sms.example.org", trusting) == 200


def test_a_certificate_without_its_key_is_refused(
    own: tuple[ssl.SSLContext, Path, Path],
) -> None:
    flags = ("--port", "0", "--tls-port", "0", "--tls-cert", str(own[1]))

    assert f"the certificate {own[1]} cannot be used: " in read_complaint(
        "serve", *flags
    )


def test_tls_settings_that_say_nothing_beside_each_other_are_refused(
    own: tuple[ssl.SSLContext, Path, Path], tmp_path: Path
) -> None:
    certificate, key = map(str, own[1:])
    authority = ("--tls-ca-file", str(tmp_path / "ca.pem"))

    assert "needs --tls-port" in read_complaint("serve", *authority)
    assert "needs --tls-port" in read_complaint("serve", "--tls-cert", certificate)
    assert "--tls-key needs the certificate" in read_complaint(
        "serve", "--tls-port", "0", "--tls-key", key
    )
    assert (
        "--tls-ca-file is for the CA of a certificate made on the spot"
        in read_complaint(
            "serve", "--tls-port", "0", "--tls-cert", certificate, *authority
        )
    )
    assert not (tmp_path / "ca.pem").exists()


def test_a_ca_file_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    flags = ("--tls-ca-file", str(tmp_path / "no" / "ca.pem"))

    assert read_complaint("serve", "--port", "0", "--tls-port", "0", *flags).startswith(
        "the CA cannot be written: "
    )


# --- The end ----------------------------------------------------------------------


def ended(process: subprocess.Popen[str], sign: signal.Signals) -> int:
    """Tell *process* to stop and return its exit code, which waits for nobody."""
    process.send_signal(sign)
    return process.wait(timeout=DEADLINE)


def answered(connection: socket.socket) -> bytes:
    """Ask for the user and return the beginning of the answer; the line stays open."""
    connection.sendall(USER + b"\r\n")
    return connection.recv(65536)


def idle(connection: socket.socket, _served: ServedEmulator) -> None:
    assert answered(connection).startswith(b"HTTP/1.1 200")


def silent(_connection: socket.socket, _served: ServedEmulator) -> None:
    """Connect and say nothing."""


def half_a_head(connection: socket.socket, served: ServedEmulator) -> None:
    idle(connection, served)
    connection.sendall(USER)


def half_a_body(connection: socket.socket, _served: ServedEmulator) -> None:
    head = USER.replace(b"GET /api/v1/user", b"POST /api/v3/campaign")
    connection.sendall(head + b"Expect: 100-continue\r\nContent-Length: 1000\r\n\r\n")
    assert connection.recv(65536) == b"HTTP/1.1 100 Continue\r\n\r\n"
    connection.sendall(b'{"text":')


def half_an_answer(connection: socket.socket, served: ServedEmulator) -> None:
    """Ask for more than the sockets hold and read none of it."""
    many = [{"cellphone": f"44{number:08d}"} for number in range(50_000)]
    order = {"text": "x" * 160, "recipients": many, "route": 87}
    placed = served.ask("POST", "/api/v3/campaign", json.dumps(order)).body
    path = f"/api/v3/campaign/{placed['campaign']}/messages"
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.sendall(USER.replace(b"/api/v1/user", path.encode()) + b"\r\n")
    assert connection.recv(100).startswith(b"HTTP/1.1 200")


OPEN: list[Callable[[socket.socket, ServedEmulator], None]] = [
    idle,
    silent,
    half_a_head,
    half_a_body,
    half_an_answer,
]


@pytest.fixture
def line() -> Iterator[Callable[[ServedEmulator], socket.socket]]:
    """Open connections that last until the test is over."""
    with ExitStack() as stack:

        def connect(served: ServedEmulator) -> socket.socket:
            connection = socket.create_connection(served.address, timeout=DEADLINE)
            return stack.enter_context(connection)

        yield connect


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("opened", OPEN)
def test_a_signal_ends_the_process_at_once_and_in_silence_whatever_is_open(
    opened: Callable[[socket.socket, ServedEmulator], None],
    sign: signal.Signals,
    line: Callable[[ServedEmulator], socket.socket],
) -> None:
    with serve_emulator("--pace", "instant") as served:
        opened(line(served), served)

        assert ended(served.process, sign) == 0
        assert served.log.read_text() == ""


def test_a_signal_ends_streams_binds_and_pushes_at_once() -> None:
    with serve_emulator() as served:
        host, _, port = served.ready["smpp"].rpartition(":")
        with keep_busy(served.address, (host, int(port))):
            assert ended(served.process, signal.SIGTERM) == 0
        assert served.log.read_text() == ""


def test_a_signal_ends_open_tls_connections_too(
    tmp_path: Path, line: Callable[[ServedEmulator], socket.socket]
) -> None:
    authority = tmp_path / "ca.pem"

    with serve_emulator("--tls-port", "0", "--tls-ca-file", str(authority)) as served:
        trusting = ssl.create_default_context(cafile=authority)
        plain = line(replace(served, url=served.ready["https"]))
        with trusting.wrap_socket(plain, server_hostname="localhost") as connection:
            idle(connection, served)

            assert ended(served.process, signal.SIGTERM) == 0


def test_two_signals_are_as_good_as_one() -> None:
    with serve_emulator() as served:
        served.process.send_signal(signal.SIGINT)

        assert ended(served.process, signal.SIGINT) == 0


def test_a_request_that_is_nearly_there_is_answered_before_the_end(
    line: Callable[[ServedEmulator], socket.socket],
) -> None:
    with serve_emulator() as served:
        connection = line(served)
        half_a_body(connection, served)
        served.process.send_signal(signal.SIGTERM)
        connection.sendall(b" " * 992)  # the rest of what was announced

        assert connection.recv(65536).startswith(b"HTTP/1.1 400")
        assert served.process.wait(timeout=DEADLINE) == 0


def test_the_port_is_free_again_at_once() -> None:
    with serve_emulator() as served:
        assert served.ask("GET", "/api/v1/user").status == 200
        assert ended(served.process, signal.SIGTERM) == 0
        port = served.address[1]

    with serve_emulator("--port", str(port)) as again:
        assert again.address[1] == port


# --- Clients that go --------------------------------------------------------------


def test_a_request_that_is_cut_off_places_nothing(
    line: Callable[[ServedEmulator], socket.socket],
) -> None:
    order = {"text": "hola", "recipients": [{"cellphone": "4498987282"}], "route": 87}
    head = USER.replace(b"GET /api/v1/user", b"POST /api/v3/campaign")
    with serve_emulator() as served:
        connection = line(served)
        announced = b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n"
        connection.sendall(head + announced + json.dumps(order).encode())
        connection.shutdown(socket.SHUT_WR)

        assert connection.recv(65536) == b""
        assert served.ask("GET", "/api/v1/user").body["data"]["credit"] == 468062.11
        assert ended(served.process, signal.SIGTERM) == 0
        assert served.log.read_text() == ""


def test_an_answer_that_nobody_takes_to_its_end_breaks_nothing(
    line: Callable[[ServedEmulator], socket.socket],
) -> None:
    with serve_emulator("--pace", "instant") as served:
        connection = line(served)
        half_an_answer(connection, served)
        connection.close()

        assert served.ask("GET", "/api/v1/user").status == 200
        assert ended(served.process, signal.SIGTERM) == 0
        assert served.log.read_text() == ""
