"""A web service such as a customer has.  It knows nothing of the emulator."""

from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


class MyService:
    """Keeps what it is told of, once each, and answers keywords."""

    def __init__(self) -> None:
        self.replies: dict[str, str] = {}  # by cellphone, the newest
        self.calls = 0
        self._server = HTTPServer(("127.0.0.1", 0), self._handler())
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.01,)).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, path: str, told: dict[str, str]) -> str:
        self.calls += 1
        if path == "/keyword":
            return f"{told['keyword']}: abrimos a las 9"
        self.replies[told["cellphone"]] = told["response"]
        return "ok"

    def _handler(service) -> type[BaseHTTPRequestHandler]:  # noqa: N805 - of two
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                target = urlsplit(self.path)
                try:
                    text = service.answer(target.path, dict(parse_qsl(target.query)))
                    self.send_response(200)
                except KeyError as missing:
                    text = f"{missing} is missing"
                    self.send_response(400)
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_anything: Any) -> None:
                """Say nothing."""

        return Handler
