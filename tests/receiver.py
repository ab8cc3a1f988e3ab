"""A customer's server under test: real HTTP on a free port, in a thread of its own.

It writes down what it was asked and answers as the test says.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    """A request that came."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]  # in the order in which it came
    headers: dict[str, str]
    body: str

    @property
    def parameters(self) -> dict[str, str]:
        return dict(self.query)


class Said(NamedTuple):
    """An answer to give."""

    status: int = 200
    body: str = "ok"
    headers: tuple[tuple[str, str], ...] = ()


BACKLOG = 1_024  # connections that wait; a storm brings many
SILENCE = "silence"  # never answer
HANG_UP = "hang up"  # without an answer
GARBAGE = "garbage"  # that is no HTTP
Manner = Said | str | Callable[[Asked], Said | str]


class Receiver:
    """One server; ``answers`` are given in turn, the last one from then on."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.asked: list[Asked] = []
        self.answers: deque[Manner] = deque([Said()])
        self.let_go = Event()  # ends the silence, at the end of the test
        self.most_at_once = 0
        self.at_once = 0

    def says(self, *answers: Manner) -> None:
        self.answers = deque(answers)

    def answer(self, asked: Asked) -> Said | str:
        self.asked.append(asked)
        manner = self.answers[0]
        if len(self.answers) > 1:
            self.answers.popleft()
        return manner(asked) if callable(manner) else manner

    @property
    def parameters(self) -> list[dict[str, str]]:
        return [each.parameters for each in self.asked]


@contextmanager
def receiving(*, host: str = "127.0.0.1", threads: bool = True) -> Iterator[Receiver]:
    """Serve on a free port; without *threads* one request after the other."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_any(self) -> None:
            receiver.at_once += 1
            receiver.most_at_once = max(receiver.most_at_once, receiver.at_once)
            answer = receiver.answer(self._asked())
            receiver.at_once -= 1
            if answer == SILENCE:
                receiver.let_go.wait()
                self.close_connection = True
            elif answer == HANG_UP:
                self.close_connection = True
            elif answer == GARBAGE:
                self.wfile.write(b"what?\r\n\r\n")
                self.close_connection = True
            else:
                self._say(Said(*answer))

        do_GET = do_POST = handle_any  # noqa: N815 - as the library asks for it

        def _asked(self) -> Asked:
            target = urlsplit(self.path)
            octets = self.rfile.read(int(self.headers.get("content-length", 0)))
            headers = {name.lower(): value for name, value in self.headers.items()}
            pairs = parse_qsl(target.query, keep_blank_values=True)
            return Asked(
                self.command, target.path, tuple(pairs), headers, octets.decode()
            )

        def _say(self, said: Said) -> None:
            self.send_response(said.status)
            for name, value in said.headers:
                self.send_header(name, value)
            octets = said.body.encode()
            self.send_header("content-length", str(len(octets)))
            self.end_headers()
            self.wfile.write(octets)

        def log_message(self, *_anything: Any) -> None:
            """Say nothing."""

    kind: type[HTTPServer] = ThreadingHTTPServer if threads else HTTPServer
    roomy = type("Roomy", (kind,), {"request_queue_size": BACKLOG})
    with roomy((host, 0), Handler) as server:
        if isinstance(server, ThreadingHTTPServer):
            server.daemon_threads = True
        receiver = Receiver(f"http://127.0.0.1:{server.server_port}/mo")
        thread = Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield receiver
        finally:
            receiver.let_go.set()
            server.shutdown()
            thread.join()


def cellphones(asked: Iterable[Asked]) -> list[str]:
    """Return who wrote, in the order in which it was told."""
    return [each.parameters["cellphone"] for each in asked]
