"""A client in processes that are forked from its own: no answer gets to another."""

import gc
import multiprocessing
import os
import resource
import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, suppress
from multiprocessing.connection import Connection
from threading import Thread
from typing import Any

import pytest

from emulator.client import ClientError, Emulator
from emulator.client.transport import ClientRequest, SocketTransport
from emulator.serving.standby import Standby
from tests.support.processes import DEADLINE, ServedEmulator, serve_emulator

FORK = multiprocessing.get_context("fork")
PROCESSES, REQUESTS = 4, 100


@pytest.fixture(scope="module")
def served() -> Iterator[ServedEmulator]:
    with serve_emulator() as running:
        yield running


def in_a_fork(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return what *work* returns in a process that is forked from this one."""
    return finish(start(work, *arguments))


def start(work: Callable[..., Any], *arguments: Any) -> tuple[Any, Connection]:
    receiver, sender = FORK.Pipe(duplex=False)

    def run() -> None:
        sender.send(work(*arguments))

    process = FORK.Process(target=run)
    process.start()
    sender.close()
    return process, receiver


def finish(started: tuple[Any, Connection]) -> Any:
    process, receiver = started
    assert receiver.poll(DEADLINE), "the process is silent"
    found = receiver.recv()
    process.join(DEADLINE)
    return found


def ask_for_paths(transport: SocketTransport, name: str) -> list[str]:
    """Ask for many paths; return the answers that are to another question."""
    wrong = []
    for number in range(REQUESTS):
        literal = f"{name}-{number}"
        path = f"/_emulator/readyz?world={literal}"
        asked = ClientRequest("GET", path, {}, b"", DEADLINE)
        answer = transport.send_request(asked)
        if literal not in answer.text:
            wrong.append(answer.text)
    return wrong


@pytest.fixture
def transport(served: ServedEmulator) -> Iterator[SocketTransport]:
    """Return one that has a connection from before the fork."""
    with closing(SocketTransport(served.url)) as transport:
        assert ask_for_paths(transport, "before") == []
        assert transport._idle  # noqa: SLF001
        yield transport


def test_processes_that_ask_at_once_get_their_own_answers(
    transport: SocketTransport,
) -> None:
    kept = [*transport._idle]  # noqa: SLF001

    children = [
        start(ask_for_paths, transport, f"child{each}") for each in range(PROCESSES)
    ]
    wrong = ask_for_paths(transport, "parent")

    assert wrong == []
    assert [finish(each) for each in children] == [[]] * PROCESSES
    (idle, _), (before, _) = transport._idle[0], kept[0]  # noqa: SLF001
    assert idle is before, "this process goes on with its own"


def test_a_fork_of_a_fork_and_its_threads_have_their_own(
    transport: SocketTransport,
) -> None:
    def fork_again() -> Any:
        ask_for_paths(transport, "child")
        wrong: list[str] = []
        threads = [
            Thread(target=lambda n=n: wrong.extend(ask_for_paths(transport, f"t{n}")))
            for n in range(3)
        ]
        for each in threads:
            each.start()
        wrong += in_a_fork(ask_for_paths, transport, "grandchild")
        for each in threads:
            each.join()
        return wrong

    assert in_a_fork(fork_again) == []


def test_a_stream_goes_on_where_a_fork_closes_its_own_end(
    transport: SocketTransport,
) -> None:
    asked = ClientRequest("GET", "/_emulator/events", {}, b"", DEADLINE)
    stream = transport.open_stream(asked)

    def close_all() -> None:
        stream.hang_up()
        transport.close()

    assert in_a_fork(close_all) is None

    order = b'{"text": "a", "country": 1, "recipients": [{"cellphone": "4498987282"}]}'
    headers = {"Authorization": "Bearer demo", "Content-Type": "application/json"}
    transport.send_request(
        ClientRequest("POST", "/api/v3/campaign", headers, order, DEADLINE)
    )
    pieces: Any = iter(stream)
    assert next(pieces)
    pieces.close()


def test_an_emulator_in_a_process_says_that_a_fork_does_not_have_it() -> None:
    def ask(client: Emulator) -> str:
        try:
            client.advance(seconds=1)
        except (ClientError, OSError) as error:
            client.close()
            return str(error)
        return "it answered"

    with Emulator.in_process() as client:
        said = in_a_fork(ask, client)

        client.advance(seconds=1)
        assert "forked" in said


def test_an_emulator_that_waits_for_its_first_client_outlives_a_fork() -> None:
    home = Standby("demo")
    try:
        assert in_a_fork(home.close) is None
        with Emulator(home.url) as client:
            client.advance(seconds=1)
    finally:
        home.close()


def test_a_process_with_many_files_open_is_served(served: ServedEmulator) -> None:
    """``select`` knows no file with a number above 1,023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 2_000:
        return
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 2_000), hard))
    try:
        with ExitStack() as stack:
            for _ in range(1_100):
                stack.enter_context(open(os.devnull, "rb"))  # noqa: PTH123
            home = Standby("demo")
            stack.callback(home.close)
            transport = SocketTransport(served.url)
            stack.callback(transport.close)
            assert ask_for_paths(transport, "many") == []
            assert transport._idle[0][0].sock.fileno() > 1_024  # noqa: SLF001
            with Emulator(home.url) as client:
                client.advance(seconds=1)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        gc.collect()
        with suppress(OSError):
            socket.create_connection(served.address, DEADLINE).close()
