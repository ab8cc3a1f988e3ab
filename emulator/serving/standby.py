"""An emulator that starts with its first connection, in a thread of the caller.

Until then it is one listening socket and one thread that sleeps, so a process that
sends it no request pays almost nothing.
"""

import selectors
import socket
from json import dumps
from os import getpid
from threading import Lock, Thread
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from emulator.serving.server import HttpServer

STANDBY_BACKLOG = 2_048  # connections that wait to be accepted
READ_SIZE = 65_536


class Standby:
    """Serves *world* (a bundled name, a file, a folder) on a free port of loopback."""

    def __init__(self, world: str) -> None:
        self._world = world
        self._process = getpid()
        self._server: HttpServer | None = None
        self._is_stopped = False
        self._lock = Lock()
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=STANDBY_BACKLOG)
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._wake_receiver, self._wake_sender = socket.socketpair()
        self._thread = Thread(target=self._run_thread, name="smsclouds", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop serving, or waiting for the first connection."""
        if self._process != getpid():  # of the process that was forked, which goes on
            return
        with self._lock:
            self._is_stopped = True
            if self._server is not None:
                self._server.should_exit = True
        self._wake_sender.send(b"!")
        self._thread.join()
        for each in (self._wake_sender, self._wake_receiver, self._listener):
            each.close()

    def _run_thread(self) -> None:
        if not self._wait_for_client():
            return
        try:
            self._serve_world()
        except Exception as error:  # noqa: BLE001 - every client gets the error
            self._answer_with_error(error)

    def _wait_for_client(self) -> bool:
        """Wait for a connection; return false if this is closed before."""
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_receiver, selectors.EVENT_READ)
            ready = [key.fileobj for key, _ in selector.select()]
        return self._wake_receiver not in ready

    def _serve_world(self) -> None:
        from emulator.serving import composition, server  # noqa: PLC0415
        from emulator.serving.settings import Settings  # noqa: PLC0415

        settings = Settings(world=self._world)
        attendant = server.make_embedded_server(
            composition.build_program(settings), settings
        )
        with self._lock:
            attendant.should_exit = self._is_stopped
            self._server = attendant
        attendant.run([self._listener])

    def _answer_with_error(self, error: Exception) -> None:
        """Answer every client why there is no emulator."""
        problem = {
            "title": "The emulator did not start",
            "status": 500,
            "detail": f"{type(error).__name__}: {' '.join(str(error).split())}",
        }
        body = dumps(problem).encode()
        head = (
            "HTTP/1.1 500 Internal Server Error\r\n"
            "Content-Type: application/problem+json\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        )
        while self._wait_for_client():
            visitor, _ = self._listener.accept()
            with visitor:
                visitor.recv(READ_SIZE)
                visitor.sendall(head.encode() + body)
