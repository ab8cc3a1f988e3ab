"""Several processes side by side, each with ports and worlds of its own.

None is started anew: where one ends by itself its worlds are gone, so all of them end.
"""

import json
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any, NamedTuple

from emulator.serving.ready_file import (
    prepare_ready_file,
    remove_ready_file,
    write_ready_file,
)
from emulator.serving.server import ReadyReport
from emulator.serving.settings import ServeError, Settings
from emulator.store import StoreError, process_folders

LAST_PORT = 65_535  # port
EXIT_MISTAKE = 2  # exit code of a process that the operator has to set right

ReadyFacts = Mapping[str, Any]
ServeFunction = Callable[[Settings, Callable[[ReadyReport, Any], None]], None]


class ChildProcess(NamedTuple):
    pid: int
    ready_fd: int  # descriptor on which it says where it is, or why not
    parent_fd: int  # descriptor by which it knows that we live


def run_processes(
    settings: Settings,
    serve: ServeFunction,
    announce: Callable[[list[ReadyFacts]], None],
) -> None:
    """Call *serve* in each process, until SIGTERM or SIGINT.

    *announce* is called once all of them answer.  Raises ``ServeError`` where one does
    not, and where one ends by itself.
    """
    parts = split_settings(settings)
    if settings.ready_file:
        prepare_ready_file(settings.ready_file)
    processes: list[ChildProcess] = []
    for part in parts:
        processes.append(_start_process(part, serve, others=processes))
    facts = [_read_facts(each) for each in processes]
    if trouble := next((each["trouble"] for each in facts if "trouble" in each), ""):
        _stop_processes(processes)
        raise ServeError(trouble)
    ready = {"http": facts[0]["http"], "pid": os.getpid(), "processes": facts}
    with _forward_signals(processes) as is_told, ExitStack() as at_the_end:
        if settings.ready_file:
            write_ready_file(settings.ready_file, ready)
            at_the_end.callback(remove_ready_file, settings.ready_file, ready)
        announce(facts)
        _wait_for_end(processes, facts, is_told)


def split_settings(settings: Settings) -> list[Settings]:
    """Return the settings of each process: consecutive ports, its own directory.

    Raises ``ServeError`` where that cannot be.
    """
    if not hasattr(os, "fork"):
        message = "--processes needs a system that can fork, which this one cannot"
        raise ServeError(message)
    tls_ports = (settings.tls_port, settings.smpp_tls_port)
    if tls_ports != (None, None) and not settings.tls_cert:
        message = "with --processes TLS needs --tls-cert, one certificate for them all"
        raise ServeError(message)
    if settings.data:
        try:
            process_folders.require_same_processes(settings.data, settings.processes)
            process_folders.note_processes(settings.data, settings.processes)
        except StoreError as error:
            raise ServeError(str(error)) from error
    return [_make_share(settings, index) for index in range(settings.processes)]


def _make_share(settings: Settings, index: int) -> Settings:
    def following(name: str) -> int | None:
        first: int | None = getattr(settings, name)
        if not first:
            return first  # a free one each, or none
        if first + settings.processes - 1 > LAST_PORT:
            flag = f"--{name.replace('_', '-')}"
            message = (
                f"{flag} {first} leaves no ports for {settings.processes} processes"
            )
            raise ServeError(message)
        return first + index

    names = ("port", "tls_port", "smpp_port", "smpp_tls_port")
    ports: dict[str, Any] = {name: following(name) for name in names}
    data = settings.data / str(index + 1) if settings.data else None
    return replace(settings, processes=1, ready_file=None, data=data, **ports)


def _start_process(
    part: Settings, serve: ServeFunction, *, others: list[ChildProcess]
) -> ChildProcess:
    told, tell = os.pipe()
    held, hold = os.pipe()
    if sys.stdout is not None:  # which it is where it was closed
        with suppress(OSError):
            sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(tell)
        os.close(held)
        return ChildProcess(pid, told, hold)
    for each in (told, hold, *(each.parent_fd for each in others)):
        os.close(each)
    threading.Thread(target=_end_with_parent, args=(held,), daemon=True).start()
    os._exit(_serve_child(part, serve, partial(_send_facts, tell)))


def _serve_child(
    part: Settings, serve: ServeFunction, tell: Callable[[ReadyFacts], None]
) -> int:
    """Serve, and return the exit code."""
    try:
        serve(part, lambda ready, _world: tell(ready.facts))
    except ServeError as error:
        tell({"trouble": str(error)})
        return EXIT_MISTAKE
    except Exception:  # noqa: BLE001 - and none is hidden
        traceback.print_exc()
        tell({"trouble": "a process could not start; its traceback stands above"})
        return 1
    finally:
        if sys.stderr is not None:
            with suppress(OSError):
                sys.stderr.flush()
    return 0


def _send_facts(descriptor: int, facts: ReadyFacts) -> None:
    with suppress(OSError):
        os.write(descriptor, json.dumps(facts).encode() + b"\n")


def _read_facts(process: ChildProcess) -> ReadyFacts:
    with os.fdopen(process.ready_fd, "rb") as told:
        line = told.readline()
    facts: ReadyFacts = json.loads(
        line or b'{"trouble": "a process ended as it started"}'
    )
    return facts


def _end_with_parent(held: int) -> None:
    os.read(held, 1)  # nothing is ever written: it returns where the parent has gone
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _forward_signals(processes: list[ChildProcess]) -> Iterator[threading.Event]:
    """Pass SIGTERM and SIGINT on, once each, as SIGTERM."""
    is_told = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        is_told.set()
        _terminate_processes(processes)

    signs = (signal.SIGTERM, signal.SIGINT)
    before = {each: signal.signal(each, stop) for each in signs}
    try:
        yield is_told
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _wait_for_end(
    processes: list[ChildProcess], facts: list[ReadyFacts], is_told: threading.Event
) -> None:
    """Wait until all have ended.  Raises ``ServeError`` if one ended by itself."""
    pid, status = os.wait()
    left = [each for each in processes if each.pid != pid]
    if is_told.is_set():
        for each in left:
            os.waitpid(each.pid, 0)
        return
    _stop_processes(left)
    index = next(i for i, each in enumerate(processes) if each.pid == pid)
    message = (
        f"process {index + 1} of {len(processes)} (pid {pid}, {facts[index]['http']}) "
        f"ended by itself, {_describe_exit(status)}; its worlds ended with it, "
        "so the others were stopped"
    )
    raise ServeError(message)


def _describe_exit(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"by signal {signal.Signals(-code).name}"
    return f"with exit code {code}"


def _stop_processes(processes: list[ChildProcess]) -> None:
    _terminate_processes(processes)
    for each in processes:
        os.waitpid(each.pid, 0)


def _terminate_processes(processes: list[ChildProcess]) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGTERM)
