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
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any, NamedTuple

from emulator.serving.server import Ready, ServeError, prepare, put
from emulator.serving.settings import Settings

LAST = 65_535  # port
MISTAKEN = 2  # exit code of a process that the operator has to set right

Facts = Mapping[str, Any]
Serve = Callable[[Settings, Callable[[Ready, Any], None]], None]


class Process(NamedTuple):
    pid: int
    told: int  # descriptor on which it says where it is, or why not
    hold: int  # descriptor by which it knows that we live


def run(
    settings: Settings, serve: Serve, announce: Callable[[list[Facts]], None]
) -> None:
    """Have *serve* called in each process, until SIGTERM or SIGINT.

    *announce* is called once all of them answer.  Raises ``ServeError`` where one does
    not, and where one ends by itself.
    """
    parts = shares(settings)
    if settings.ready_file:
        prepare(settings.ready_file)
    processes: list[Process] = []
    for part in parts:
        processes.append(_started(part, serve, others=processes))
    facts = [_heard(each) for each in processes]
    if trouble := next((each["trouble"] for each in facts if "trouble" in each), ""):
        _end(processes)
        raise ServeError(trouble)
    with _stopping(processes) as is_told:
        if settings.ready_file:
            ready = {"http": facts[0]["http"], "pid": os.getpid(), "processes": facts}
            put(settings.ready_file, ready)
        announce(facts)
        _watch(processes, facts, is_told)
    if settings.ready_file:
        settings.ready_file.unlink(missing_ok=True)


def shares(settings: Settings) -> list[Settings]:
    """Return what each process is to serve: the ports that follow, its own directory.

    Raises ``ServeError`` where that cannot be.
    """
    if not hasattr(os, "fork"):
        message = "--processes needs a system that can fork, which this one cannot"
        raise ServeError(message)
    tls_ports = (settings.tls_port, settings.smpp_tls_port)
    if tls_ports != (None, None) and not settings.tls_cert:
        message = "with --processes TLS needs --tls-cert, one certificate for them all"
        raise ServeError(message)
    return [_share(settings, index) for index in range(settings.processes)]


def _share(settings: Settings, index: int) -> Settings:
    def following(name: str) -> int | None:
        first: int | None = getattr(settings, name)
        if not first:
            return first  # a free one each, or none
        if first + settings.processes - 1 > LAST:
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


def _started(part: Settings, serve: Serve, *, others: list[Process]) -> Process:
    told, tell = os.pipe()
    held, hold = os.pipe()
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        os.close(tell)
        os.close(held)
        return Process(pid, told, hold)
    for each in (told, hold, *(each.hold for each in others)):
        os.close(each)
    threading.Thread(target=_end_with_parent, args=(held,), daemon=True).start()
    os._exit(_served(part, serve, partial(_tell, tell)))


def _served(part: Settings, serve: Serve, tell: Callable[[Facts], None]) -> int:
    """Serve, and return the exit code."""
    try:
        serve(part, lambda ready, _world: tell(ready.facts))
    except ServeError as error:
        tell({"trouble": str(error)})
        return MISTAKEN
    except Exception:  # noqa: BLE001 - and none is hidden
        traceback.print_exc()
        tell({"trouble": "a process could not start; its traceback stands above"})
        return 1
    finally:
        sys.stderr.flush()
    return 0


def _tell(descriptor: int, facts: Facts) -> None:
    with suppress(OSError):
        os.write(descriptor, json.dumps(facts).encode() + b"\n")


def _heard(process: Process) -> Facts:
    with os.fdopen(process.told, "rb") as told:
        line = told.readline()
    facts: Facts = json.loads(line or b'{"trouble": "a process ended as it started"}')
    return facts


def _end_with_parent(held: int) -> None:
    os.read(held, 1)  # nothing is ever written: it returns where the parent has gone
    os.kill(os.getpid(), signal.SIGTERM)


@contextmanager
def _stopping(processes: list[Process]) -> Iterator[threading.Event]:
    """Pass SIGTERM and SIGINT on, once each, as SIGTERM."""
    is_told = threading.Event()

    def stop(_signal: int, _frame: FrameType | None) -> None:
        is_told.set()
        _send(processes)

    signs = (signal.SIGTERM, signal.SIGINT)
    before = {each: signal.signal(each, stop) for each in signs}
    try:
        yield is_told
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


def _watch(
    processes: list[Process], facts: list[Facts], is_told: threading.Event
) -> None:
    """Wait until all have ended.  Raises ``ServeError`` where one was not told to."""
    pid, status = os.wait()
    left = [each for each in processes if each.pid != pid]
    if is_told.is_set():
        for each in left:
            os.waitpid(each.pid, 0)
        return
    _end(left)
    index = next(i for i, each in enumerate(processes) if each.pid == pid)
    message = (
        f"process {index + 1} of {len(processes)} (pid {pid}, {facts[index]['http']}) "
        f"ended by itself, {_how(status)}; its worlds ended with it, "
        "so the others were stopped"
    )
    raise ServeError(message)


def _how(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"by signal {signal.Signals(-code).name}"
    return f"with exit code {code}"


def _end(processes: list[Process]) -> None:
    _send(processes)
    for each in processes:
        os.waitpid(each.pid, 0)


def _send(processes: list[Process]) -> None:
    for each in processes:
        with suppress(ProcessLookupError):
            os.kill(each.pid, signal.SIGTERM)
