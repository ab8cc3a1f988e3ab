"""A customer's server that shows what is pushed to it: ``python receiver.py [PORT]``.

It says ``ok`` to every push, prints it, and lists the last ones at ``/``.
"""

import signal
import sys
from collections import deque
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from urllib.parse import parse_qsl, urlsplit

PORT = 8080
KEPT = 1_000  # pushes


pushes: deque[str] = deque(maxlen=KEPT)


class Receiver(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        target = urlsplit(self.path)
        if target.path == "/":
            if not self._is_ours():
                return self._say("ask for localhost or an IP address", 421)
            return self._say("".join(f"{each}\n" for each in pushes))
        pairs = parse_qsl(target.query, keep_blank_values=True)
        push = " ".join([target.path, *(f"{name}={text!r}" for name, text in pairs)])
        pushes.append(push)
        print(push, flush=True)
        return self._say("ok")

    def _is_ours(self) -> bool:
        """Whether the host is no website's: that could let its own name lead here."""
        host = self.headers.get("Host", "").lower()
        name = host.rpartition(":")[0] or host
        try:
            ip_address(name.strip("[]"))
        except ValueError:
            return bool(name) and "." not in name
        return True

    def _say(self, text: str, status: int = 200) -> None:
        octets = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(octets)))
        self.end_headers()
        self.wfile.write(octets)

    def log_message(self, *_anything: object) -> None:
        """Say nothing but the pushes."""


def stop(_signal: int, _frame: object) -> None:
    sys.exit(0)


def main(arguments: list[str]) -> None:
    port = int(arguments[0]) if arguments else PORT
    signal.signal(signal.SIGTERM, stop)
    with ThreadingHTTPServer(("", port), Receiver) as server:
        server.daemon_threads = True
        print(f"pushes are shown on port {server.server_port}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main(sys.argv[1:])
