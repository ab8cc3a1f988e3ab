"""Count the files of ``emulator/`` that two features go through: ``tools/trails.py``.

An emulator runs in this process, and every call of a function of ``emulator/`` in its
thread is written down; that a coroutine or a generator goes on is no call. A change of
file is a call that lies in another file than the call before it. Two ways are gone:

- a campaign: the second one that is placed, so that nothing is counted which a process
  does once (its validators, its caches);
- a reply: the second that a handset sends, for the same reason, from the request for it
  until the attempt to push it to a customer's server is kept.  The first one is another
  handset's and goes to another server, so that the way of the second has all that each
  push may need, a connection to a server that is new included.
"""

import argparse
import inspect
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import emulator
from emulator.client import Emulator
from emulator.web import endpoint

PACKAGE = Path(emulator.__file__).parent
PHONE = "4498987282"
OTHER_PHONE = "4498987283"
UPLOAD = 60.0  # seconds; the program is slow while it is followed, not its clients
# Seconds without a call, after which a way has ended; the courier closes an idle
# connection earlier
QUIET = 1.5
# The functions whose calls may go on later
LASTING = inspect.CO_COROUTINE | inspect.CO_GENERATOR | inspect.CO_ASYNC_GENERATOR
WAITS = 60  # such pauses at most


@dataclass
class Trail:
    """The files of the calls that are made while it is open, in their order."""

    package: Path = PACKAGE
    files: list[str] = field(default_factory=list)
    is_open: bool = False
    # Coroutines and generators that have begun, kept so that no other is taken for one
    begun: dict[int, FrameType] = field(default_factory=dict)

    def follow(self, frame: FrameType, event: str, _argument: object) -> None:
        """Write a call down; for ``threading.setprofile``."""
        if self.is_open and event == "call":
            path = Path(frame.f_code.co_filename)
            if path.is_relative_to(self.package) and not self._goes_on(frame):
                self.files.append(str(path.relative_to(self.package.parent)))

    def _goes_on(self, frame: FrameType) -> bool:
        """Whether it is a coroutine or a generator that has begun before."""
        if not frame.f_code.co_flags & LASTING:
            return False
        has_begun = id(frame) in self.begun
        self.begun[id(frame)] = frame
        return has_begun

    @contextmanager
    def opened(self) -> Iterator[None]:
        self.files.clear()
        self.is_open = True
        try:
            yield
        finally:
            self.is_open = False
            self.begun.clear()

    def wait(self) -> None:
        """Return once no call has come for a moment."""
        pause = threading.Event()
        for _ in range(WAITS):
            before = len(self.files)
            pause.wait(QUIET)
            if len(self.files) == before:
                return

    def to_json(self) -> dict[str, Any]:
        changes = [
            f"{one} -> {other}" for one, other in pairwise(self.files) if one != other
        ]
        return {"files": dict(Counter(self.files)), "changes": dict(Counter(changes))}


class Shop(BaseHTTPRequestHandler):
    """A customer's server: it takes every push, in the word that the platform wants."""

    protocol_version = "HTTP/1.1"  # a connection that may be kept

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def serving() -> Iterator[str]:
    """Run a customer's server until the block ends; yields its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Shop)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/mo"
    finally:
        server.shutdown()
        server.server_close()


def follow_all() -> dict[str, dict[str, Any]]:
    """Go both ways in a new emulator and return their trails."""
    trail = Trail()
    threading.setprofile(trail.follow)  # for threads that start from here on
    try:
        with (
            patch.object(endpoint, "PROMPT_SECONDS", UPLOAD),
            Emulator.in_process() as home,
        ):
            threading.setprofile(None)
            world = home.create("trail", seed=7)
            return {"campaign": _campaign(world, trail), "reply": _reply(world, trail)}
    finally:
        threading.setprofile(None)


def _campaign(world: Emulator, trail: Trail) -> dict[str, Any]:
    _place(world, OTHER_PHONE)
    return _follow(trail, lambda: _place(world, PHONE))


def _place(world: Emulator, phone: str) -> None:
    order = {"text": "hola", "recipients": [{"cellphone": phone}], "route": 87}
    answer = world.request("POST", "/api/v3/campaign", json=order)
    if answer.status != 200:  # noqa: PLR2004 - as HTTP has it
        raise SystemExit(answer.text)


def _reply(world: Emulator, trail: Trail) -> dict[str, Any]:
    world.settle()  # the messages are on the handsets
    _push_reply(world, trail, OTHER_PHONE)
    gone = _push_reply(world, trail, PHONE)
    states = [each.state for each in world.deliveries]
    if states != ["delivered", "delivered"]:
        message = f"a reply was not pushed within {QUIET:g} s: {states}"
        raise SystemExit(message)
    return gone


def _push_reply(world: Emulator, trail: Trail, phone: str) -> dict[str, Any]:
    """Have a handset reply, with a server of its own that takes the push."""
    with serving() as url:
        world.change_account(push_url=url)
        return _follow(trail, lambda: world.phone(phone).reply("Si"))


def _follow(trail: Trail, way: Callable[[], object]) -> dict[str, Any]:
    with trail.opened():
        way()
        trail.wait()
    return trail.to_json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="every file and change")
    asked = parser.parse_args()
    trails = follow_all()
    if asked.json:
        print(json.dumps(trails, indent=1))
        return
    for name, trail in trails.items():
        changes = sum(trail["changes"].values())
        print(f"{name}: {len(trail['files'])} files, {changes} changes of file")


if __name__ == "__main__":
    main()
