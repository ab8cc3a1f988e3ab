"""What surrounds the process: outputs, variables, files, addresses of the machine."""

import errno
import json
import os
import signal
import socket
import ssl
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from emulator import files
from emulator.command import main
from emulator.serving import certificates, listeners
from emulator.serving.ready_file import remove_ready_file, write_ready_file
from emulator.serving.settings import ServeError, Settings
from tests.support.processes import (
    COMMAND,
    DEADLINE,
    ROOT,
    ServedEmulator,
    make_environment,
    read_complaint,
    run_command,
    serve_emulator,
    skip_missing,
)

# --- A closed or full output ----------------------------------------------------------


@contextmanager
def serving_into(
    outputs: str, ready: Path, *flags: str
) -> Iterator[tuple[subprocess.Popen[bytes], Mapping[str, Any]]]:
    """Run it with other outputs, as a shell writes them; yield what is in *ready*."""
    reader, writer = os.pipe()
    os.close(reader)  # so what is written into the pipe is refused
    command = (*COMMAND, "serve", "--port", "0", "--ready-file", str(ready), *flags)
    with subprocess.Popen(
        ["sh", "-c", f'exec "$0" "$@" {outputs}', *command],
        cwd=ROOT,
        env=make_environment(),
        stdout=writer,
    ) as process:
        os.close(writer)
        try:
            while not ready.exists():
                with suppress(subprocess.TimeoutExpired):
                    raise AssertionError(process.wait(0.05))
            yield process, json.loads(ready.read_text())
        finally:
            process.kill()


OUTPUTS = [
    "",  # the pipe whose reader has gone, as with | head -1
    ">/dev/full 2>&1",
    "2>/dev/full",
    ">&-",
    "2>&-",
    "<&- >&- 2>&-",
]


@pytest.mark.parametrize(
    ("outputs", "flags"),
    [
        *((each, ()) for each in OUTPUTS),
        *((each, ("--processes", "2")) for each in ("", "<&- >&- 2>&-")),
    ],
)
def test_an_output_that_takes_nothing_ends_nothing(
    outputs: str, flags: tuple[str, ...], tmp_path: Path
) -> None:
    ready = tmp_path / "ready.json"
    debug = ("--log-level", "debug")
    with serving_into(outputs, ready, *flags, *debug) as (process, facts):
        host, _, port = facts["http"].removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), DEADLINE) as line:
            line.sendall(b"GET /_emulator/healthz HTTP/1.0\r\n\r\n")
            assert line.recv(12) == b"HTTP/1.1 200"
        process.send_signal(signal.SIGTERM)

        assert process.wait(DEADLINE) == 0
    assert not ready.exists()


# --- The ready file -------------------------------------------------------------------


def test_a_ready_file_is_removed_only_by_who_wrote_it(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ours, theirs = {"pid": 1}, {"pid": 2}
    write_ready_file(ready, ours)
    write_ready_file(ready, theirs)

    remove_ready_file(ready, ours)
    assert json.loads(ready.read_text()) == theirs
    remove_ready_file(ready, theirs)
    assert [*tmp_path.iterdir()] == []
    remove_ready_file(ready, theirs)


def test_two_processes_with_one_ready_file_leave_that_of_the_second(
    tmp_path: Path,
) -> None:
    ready = tmp_path / "ready.json"
    with serving_into("2>&1", ready) as (first, _):
        ready.rename(tmp_path / "moved.json")
        with serving_into("2>&1", ready) as (second, facts):
            first.send_signal(signal.SIGTERM)
            assert first.wait(DEADLINE) == 0
            assert json.loads(ready.read_text()) == facts
            second.send_signal(signal.SIGTERM)
            assert second.wait(DEADLINE) == 0
    assert not ready.exists()


def test_a_ready_file_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path,
) -> None:
    (tmp_path / "folder" / "inside").mkdir(parents=True)

    with pytest.raises(ServeError, match="cannot be written"):
        write_ready_file(tmp_path / "folder", {"pid": 1})

    assert [*tmp_path.iterdir()] == [tmp_path / "folder"]


def test_a_start_that_fails_leaves_the_ready_file_of_another(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    ready.write_text('{"pid": 1}')
    with serve_emulator() as served:
        port = str(served.address[1])
        read_complaint("serve", "--port", port, "--ready-file", str(ready))

    assert ready.read_text() == '{"pid": 1}'
    assert [*tmp_path.iterdir()] == [ready]


# --- Variables that others set --------------------------------------------------------

SERVICES = ("tcp://10.96.0.7:7672", "udp://10.96.0.7:53", "sctp://10.96.0.7:1")
# All that Kubernetes sets for services called emulator, emulator-smpp, ...
KUBERNETES = {
    f"EMULATOR{service}_{name}": value
    for service in ("", "_TLS", "_SMPP", "_SMPP_TLS")
    for name, value in {
        "PORT": SERVICES[0],
        "PORT_7672_TCP": SERVICES[0],
        "PORT_7672_TCP_ADDR": "10.96.0.7",
        "PORT_7672_TCP_PORT": "7672",
        "PORT_7672_TCP_PROTO": "tcp",
        "SERVICE_HOST": "10.96.0.7",
        "SERVICE_PORT": "7672",
        "SERVICE_PORT_HTTP": "7672",
    }.items()
}


@pytest.fixture(scope="module")
def in_a_cluster() -> Iterator[ServedEmulator]:
    with serve_emulator("--smpp-port", "0", environment=KUBERNETES) as served:
        yield served


def test_what_kubernetes_sets_for_services_ends_no_start(
    in_a_cluster: ServedEmulator,
) -> None:
    said = in_a_cluster.log.read_text()

    assert in_a_cluster.ask("GET", "/api/v1/user").status == 200
    assert said.count("is passed over: Kubernetes or Docker sets it") == said.count(
        "\n"
    )
    assert "EMULATOR_TLS_PORT=tcp://10.96.0.7:7672 is passed over" in said


def test_the_health_check_passes_it_over_as_well(in_a_cluster: ServedEmulator) -> None:
    others = {name: each for name, each in KUBERNETES.items() if "_PORT" in name}
    flags = ("--port", str(in_a_cluster.address[1]))
    assert run_command("healthcheck", *flags, environment=others).returncode == 0

    doctor = run_command("doctor", *flags, environment=others)
    assert "no port" not in doctor.stderr


@pytest.mark.parametrize("value", SERVICES)
@pytest.mark.parametrize("name", [each.name for each in fields(Settings)])
def test_no_setting_takes_the_address_of_a_service(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"EMULATOR_{name.upper()}", value)

    found = main.serve_command.make_context("serve", []).params

    assert found[name] == getattr(Settings(), name)


def test_another_wrong_value_still_ends_the_start() -> None:
    for value in ("tcp", "http://10.96.0.7:7672", "7672x"):
        done = run_command("serve", environment={"EMULATOR_PORT": value})
        assert done.returncode == 2
        assert value in done.stderr


# --- Files with a byte order mark -----------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_file_of_settings_may_have_a_byte_order_mark(
    encoding: str, tmp_path: Path
) -> None:
    config = tmp_path / "emulator.toml"
    config.write_bytes('# año\r\nseed = 5\r\npace = "instant"\r\n'.encode(encoding))

    found = main.serve_command.make_context("serve", ["--config", str(config)])

    assert (found.params["seed"], found.params["pace"]) == (5, "instant")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_the_file_of_a_world_may_have_a_byte_order_mark(
    encoding: str, tmp_path: Path
) -> None:
    demo = (files.WORLDS / "demo.yaml").read_text("utf-8")
    world = tmp_path / "demo.yaml"
    world.write_bytes(demo.replace("\n", "\r\n").encode(encoding))

    assert files.read_yaml(world) == files.read_yaml(files.WORLDS / "demo.yaml")


def test_a_file_that_is_no_text_is_said_to_be_none(tmp_path: Path) -> None:
    config = tmp_path / "emulator.toml"
    config.write_bytes(b"\xff\xfe\xff")

    assert "cannot be read" in read_complaint("serve", "--config", str(config))


# --- Addresses ------------------------------------------------------------------------


def has_ipv6() -> bool:
    with suppress(OSError):
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
        return True
    return False


@pytest.mark.parametrize("host", ["localhost", "LocalHost", "::"])
def test_a_host_with_two_families_is_served_on_both(host: str) -> None:
    if not has_ipv6():
        skip_missing("IPv6")
    flags = ("--host", host, "--tls-port", "0", "--smpp-tls-port", "0")
    with serve_emulator(*flags) as served:
        ports = [
            each.rpartition(":")[2]
            for name, each in served.ready.items()
            if name != "pid"
        ]
        assert len(ports) == 4
        for address in ("127.0.0.1", "::1"):
            for port in ports:
                socket.create_connection((address, int(port)), DEADLINE).close()
        for address in ("127.0.0.1", "::1"):
            with socket.create_connection(
                (address, served.address[1]), DEADLINE
            ) as line:
                line.sendall(b"GET /_emulator/healthz HTTP/1.0\r\n\r\n")
                assert line.recv(12) == b"HTTP/1.1 200"


def test_a_port_that_is_taken_on_one_loopback_alone_is_taken() -> None:
    if not has_ipv6():
        skip_missing("IPv6")
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as taken:
        port = str(taken.getsockname()[1])

        said = read_complaint("serve", "--host", "localhost", "--port", port)

    assert said.startswith(f"cannot listen on localhost:{port} (Address already in use")


def test_a_free_port_is_one_that_is_free_on_each_address(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Another process may have the port of the first address on the second."""
    if not has_ipv6():
        skip_missing("IPv6")
    listen = listeners._listen  # noqa: SLF001
    taken: list[socket.socket] = []

    def take(family: int, address: str, port: int) -> socket.socket:
        one = listen(family, address, port)
        if len(taken) < 3 and not port:
            number = one.getsockname()[1]
            taken.append(socket.create_server(("::1", number), family=socket.AF_INET6))
        return one

    monkeypatch.setattr(listeners, "_listen", take)
    opened = listeners.open_listeners("localhost", 0)
    ports = {each.getsockname()[1] for each in opened}

    assert len(opened) == 2
    assert len(ports) == 1
    for each in (*opened, *taken):
        each.close()


def test_a_machine_without_one_of_the_families_serves_the_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listen = listeners._listen  # noqa: SLF001

    def refuse(family: int, address: str, port: int) -> socket.socket:
        if family == socket.AF_INET6:
            raise OSError(errno.EADDRNOTAVAIL, "no such address")
        return listen(family, address, port)

    monkeypatch.setattr(listeners, "_listen", refuse)
    (one,) = listeners.open_listeners("localhost", 0)
    one.close()
    with pytest.raises(ServeError, match="no such address"):
        listeners.open_listeners("::1", 0)


CALLED = [
    *("smsclouds.cloud", "localhost", "127.0.0.1", "::1", socket.gethostname()),
    *("sms.example.com", "deep.ci.example.com", "203.0.113.7", "2001:db8::7"),
]


@pytest.fixture(scope="module")
def named(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[tuple[ServedEmulator, Path]]:
    authority = tmp_path_factory.mktemp("tls") / "ca.pem"
    names = ("--tls-name", "sms.example.com,.ci.example.com")
    more = ("--tls-name", "203.0.113.7", "--tls-name", "2001:db8::7")
    flags = ("--tls-port", "0", "--tls-ca-file", str(authority))
    with serve_emulator(*flags, *names, *more) as served:
        yield served, authority


@pytest.mark.parametrize("name", CALLED)
def test_the_certificate_that_is_made_names_whatever_it_may_be_called(
    name: str, named: tuple[ServedEmulator, Path]
) -> None:
    served, authority = named
    trusting = ssl.create_default_context(cafile=authority)
    port = int(served.ready["https"].rpartition(":")[2])
    host = f"[{name}]" if ":" in name else name
    with (
        socket.create_connection(("127.0.0.1", port), DEADLINE) as plain,
        trusting.wrap_socket(plain, server_hostname=name) as line,
    ):
        line.sendall(
            f"GET /_emulator/healthz HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()
        )
        assert line.recv(12) == b"HTTP/1.1 200"


def test_the_address_that_is_listened_on_is_in_the_certificate() -> None:
    def names(**settings: Any) -> list[str]:
        return [*certificates.list_certificate_names(Settings(**settings))]

    assert "192.0.2.7" in names(host="192.0.2.7")
    assert "0.0.0.0" not in names(host="0.0.0.0")  # noqa: S104
    assert "::" not in names(host="::")
    assert names(tls_name=".example.com,a.example")[-2:] == [
        "*.example.com",
        "a.example",
    ]


def test_a_name_that_no_certificate_has_is_refused() -> None:
    for name in ("*", "https://sms.example.com", "sms example"):
        done = run_command("serve", "--tls-port", "0", "--tls-name", name)
        assert done.returncode == 2
        assert "--tls-name" in done.stderr
    assert "needs --tls-port" in read_complaint("serve", "--tls-name", "a.example")
