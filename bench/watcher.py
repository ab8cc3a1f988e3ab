"""An open page of the panel, without the browser: it fetches what a browser would.

It runs beside the load: a thread hears ``changed`` and asks for the page's regions.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection

CHANGED = b"event: changed\n"


class Watcher:
    """One visitor of one page."""

    def __init__(self, host: str, port: int, *, world: str, regions: list[str]) -> None:
        self._world = world
        self._regions = regions
        self._stream = HTTPConnection(host, port)
        self._line = HTTPConnection(host, port)
        self._thread = threading.Thread(target=self._watch)
        self._over = threading.Event()
        self.looked = 0  # how often all regions were fetched

    def _watch(self) -> None:
        self._stream.request("GET", f"/panel/live?world={self._world}")
        answer = self._stream.getresponse()
        while not self._over.is_set():
            if answer.readline() == CHANGED:
                self._look()

    def _look(self) -> None:
        for region in self._regions:
            path = f"/panel/region/{region}?world={self._world}"
            self._line.request("GET", path)
            answer = self._line.getresponse()
            answer.read()
            if answer.status != 200:
                message = f"{path}: {answer.status}"
                raise RuntimeError(message)
        self.looked += 1

    @contextmanager
    def open(self) -> Iterator["Watcher"]:
        self._thread.start()
        try:
            yield self
        finally:
            self._over.set()
            self._thread.join()
            self._stream.close()
            self._line.close()
