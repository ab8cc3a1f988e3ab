"""A server that replies are pushed to.  Give its URL to the account."""

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qs, urlsplit


class Receiver:
    """Keeps each reply once, however often it is pushed."""

    def __init__(self, port: int = 0) -> None:
        replies: dict[tuple[str, ...], dict[str, str]] = {}
        self._replies = replies

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                query = parse_qs(urlsplit(self.path).query)
                push = {name: values[0] for name, values in query.items()}
                key = (push["message_id"], push["date"], push["response"])
                replies.setdefault(key, push)
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"ok")  # what the platform wants to read

            def log_message(self, *_anything: Any) -> None:
                """Leave the terminal to the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/mo"

    @property
    def replies(self) -> list[dict[str, str]]:
        return list(self._replies.values())

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()
