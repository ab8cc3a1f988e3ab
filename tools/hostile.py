"""Send random hostile requests to a served emulator: ``python -m tools.hostile URL``.

Every attack is drawn from the seed: octets that are no HTTP, requests that are cut off,
bodies of every shape and size up to the bound, commands of both contracts whose leaves
are replaced, snapshots that are changed, connections that idle, and PDUs.  What must
not happen is printed as JSON: an answer of 500 or above that was not asked for, a
request without an answer, a server that has gone.
"""

import argparse
import http.client
import json
import random
import socket
import struct
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import yaml

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = (ROOT / "openapi.yaml", ROOT / "emulator" / "web" / "control.yaml")
FAULT_OPERATIONS = frozenset({"addFault", "changeFault"})
STREAMS = frozenset({"streamEvents", "streamChanges", "streamPushes"})
TIMEOUT = 60  # seconds without an octet, after which an answer is missing
LARGE = 31 * 1024 * 1024
IDLE_CONNECTIONS = 50  # at most, of one attacker
HOSTILE_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**63, 2**64 - 1, 10**400, -(10**400),
    0.5, -0.0, 1e308, "", " ", "0", "-1", "\x00", "\ud800", "💣" * 50, "a" * 100_000,
    "9999-12-31T23:59:59Z", "0000-00-00 00:00:00", "2026-02-30", "{{7*7}}", "<b>x</b>",
    "../../etc/passwd", "http://127.0.0.1:1/", "http://[::1", "file:///etc/passwd",
    [], {}, [[]], [None] * 1000, {"": {}}, {"id": {"id": {"id": []}}}, [*range(5000)],
)  # fmt: skip
COMMANDS = (0x1, 0x2, 0x3, 0x4, 0x5, 0x6, 0x7, 0x8, 0x9, 0xB, 0x15, 0x21, 0x103, 0xEE)


@dataclass
class Findings:
    """What an attacker has seen."""

    attacks: Counter[str] = field(default_factory=Counter)
    statuses: Counter[int] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the counts and the failures, of which the first hundred are told."""
        return {
            "attacks": dict(self.attacks),
            "statuses": {str(key): n for key, n in sorted(self.statuses.items())},
            "failures": self.failures[:100],
        }


@dataclass(frozen=True)
class Operation:
    """One operation of a contract, as far as an attack needs it."""

    id: str
    method: str
    path: str
    parameters: tuple[str, ...]
    fields: tuple[str, ...]


def read_operations() -> list[Operation]:
    """Return the operations of both contracts, but for the endless streams."""
    return [
        operation
        for each in CONTRACTS
        for operation in _list_operations(yaml.safe_load(each.read_text("utf-8")))
        if operation.id not in STREAMS
    ]


def _list_operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, methods in document["paths"].items():
        for method, each in methods.items():
            if isinstance(each, dict) and "operationId" in each:
                names = tuple(
                    one["name"] for one in each.get("parameters", ()) if "name" in one
                )
                body = each.get("requestBody", {})
                yield Operation(
                    each["operationId"], method.upper(), path, names,
                    tuple(dict.fromkeys(_list_fields(document, body, 0))),
                )  # fmt: skip


def _list_fields(document: dict[str, Any], part: Any, depth: int) -> Iterator[str]:
    """Yield the names of fields in a schema, and in what it refers to."""
    if depth > 8:  # noqa: PLR2004 - some schemas contain themselves
        return
    if isinstance(part, list):
        for each in part:
            yield from _list_fields(document, each, depth + 1)
    elif isinstance(part, dict):
        if "$ref" in part:
            target = document
            for step in part["$ref"].removeprefix("#/").split("/"):
                target = target[step]
            yield from _list_fields(document, target, depth + 1)
        yield from part.get("properties", ())
        for each in part.values():
            yield from _list_fields(document, each, depth + 1)


class Attacker:
    """Attacks one emulator, in worlds of its own."""

    def __init__(self, url: str, smpp: tuple[str, int] | None, seed: int) -> None:
        parts = urlsplit(url)
        self.address = parts.hostname or "127.0.0.1", parts.port or 80
        self.smpp = smpp
        self.draw = random.Random(seed)  # noqa: S311 - it must be drawn the same again
        self.findings = Findings()
        self.operations = read_operations()
        self.tokens = [f"world-hostile{seed}-{n}" for n in range(3)]
        self._idle: list[socket.socket] = []
        self._snapshot: Any = None
        self.attacks: dict[Callable[[], None], int] = {
            self.send_operation: 60,
            self.send_octets: 15,
            self.send_cut_off: 10,
            self.leave_idle: 5,
            self.change_snapshot: 3,
            self.send_large_body: 1,
        }
        if smpp is not None:
            self.attacks[self.send_pdus] = 10

    def attack(self) -> None:
        """Make one attack, drawn from all."""
        (chosen,) = self.draw.choices([*self.attacks], [*self.attacks.values()])
        name = chosen.__name__
        self.findings.attacks[name] += 1
        try:
            chosen()
        except ConnectionRefusedError as error:
            message = f"{name}: {error}: the server has gone"
            self.findings.failures.append(message)
        except TimeoutError:
            self.findings.failures.append(f"{name}: no answer within {TIMEOUT} s")
        except (OSError, http.client.HTTPException):
            pass  # the server hung up on a hostile request, as it may

    def _is_drawn(self, probability: float) -> bool:
        return self.draw.random() < probability

    # --- HTTP -------------------------------------------------------------------------

    def send_operation(self) -> None:
        """Send an operation of a contract with hostile parameters and fields."""
        operation = self.draw.choice(self.operations)
        body = self._make_body(operation.fields) if operation.fields else None
        self.request(operation.method, self._make_target(operation), body)
        if operation.id in FAULT_OPERATIONS:  # what it asks for is no failure
            for token in self.tokens:
                self.request("DELETE", "/_emulator/faults", token=token)

    def request(
        self, method: str, target: str, body: bytes | None = None, token: str = ""
    ) -> bytes:
        """Send one request and note its status; return the body of the answer."""
        connection = http.client.HTTPConnection(*self.address, timeout=TIMEOUT)
        headers = {"Authorization": f"Bearer {token or self.draw.choice(self.tokens)}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            found = answer.read()
        finally:
            connection.close()
        self.findings.statuses[answer.status] += 1
        told = (
            answer.status == http.HTTPStatus.SERVICE_UNAVAILABLE
            and answer.headers.get("Retry-After")
        )
        if answer.status >= http.HTTPStatus.INTERNAL_SERVER_ERROR and not told:
            shown = f"{method} {target[:200]} {(body or b'')[:400]!r}"
            message = f"{answer.status} for {shown}: {found[:300]!r}"
            self.findings.failures.append(message)
        return found

    def _make_target(self, operation: Operation) -> str:
        path = "/".join(
            quote(str(self._draw_text()), safe="") if "{" in step else step
            for step in operation.path.split("/")
        )
        chosen = [each for each in operation.parameters if self._is_drawn(0.3)]
        query = "&".join(f"{each}={quote(self._draw_text())}" for each in chosen)
        return f"{path}?{query}" if query else path

    def _draw_text(self) -> str:
        if self._is_drawn(0.5):
            return str(self.draw.randrange(1, 20))
        text = str(self.draw.choice(HOSTILE_VALUES))[:300]
        return text.encode("utf-8", "replace").decode()

    def _make_body(self, names: tuple[str, ...]) -> bytes:
        """Return an object with some fields of the contract and hostile values."""
        order = {
            name: self._draw_value(names, 2)
            for name in names
            if self.draw.random() < 3 / (3 + len(names) / 2)
        }
        return json.dumps(order).encode("utf-8", "replace")

    def _draw_value(self, names: tuple[str, ...], depth: int) -> Any:
        if depth and self._is_drawn(0.3):
            fields = self.draw.sample(names, min(3, len(names)))
            some = {name: self._draw_value(names, depth - 1) for name in fields}
            return some if self._is_drawn(0.5) else [some] * self.draw.choice((1, 100))
        return self.draw.choice(HOSTILE_VALUES)

    def send_octets(self) -> None:
        """Send octets that are almost a request, or none at all."""
        good = (
            b"POST /api/v3/campaign HTTP/1.1\r\nHost: localhost\r\n"
            b"Content-Length: 2\r\nAuthorization: Bearer demo\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
        )
        octets = bytearray(good if self._is_drawn(0.7) else self.draw.randbytes(400))
        for _ in range(self.draw.randrange(6)):
            place = self.draw.randrange(len(octets))
            octets[place : place + self.draw.randrange(4)] = self.draw.randbytes(
                self.draw.randrange(4)
            )
        with self._connect(self.address) as connection:
            connection.sendall(octets)
            connection.shutdown(socket.SHUT_WR)
            connection.settimeout(TIMEOUT)
            while connection.recv(65536):
                pass

    def send_cut_off(self) -> None:
        """Send a part of a request and disconnect, sometimes with a reset."""
        body = json.dumps({"text": "x" * 100_000, "recipients": [{}] * 1000}).encode()
        head = (
            b"POST /api/v3/campaign HTTP/1.1\r\nHost: localhost\r\n"
            b"Authorization: Bearer demo\r\nContent-Length: %d\r\n\r\n" % len(body)
        )
        octets = head + body
        with self._connect(self.address) as connection:
            if self._is_drawn(0.5):
                reset = struct.pack("ii", 1, 0)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, reset)
            connection.sendall(octets[: self.draw.randrange(len(octets))])

    def leave_idle(self) -> None:
        """Open a connection and say little; the oldest of many is closed."""
        connection = self._connect(self.address)
        connection.sendall(
            b"GET /api/v1/user HTTP/1.1\r\nHost:"[: self.draw.randrange(40)]
        )
        self._idle.append(connection)
        if len(self._idle) > IDLE_CONNECTIONS:
            self._idle.pop(0).close()

    def send_large_body(self) -> None:
        """Send as much as the bound admits, of the shapes that cost most."""
        unit, head, tail = self.draw.choice(
            (
                (b"{},", b'{"text":"x","route":87,"recipients":[', b"{}]}"),
                (b"[", b"", b""),
                (b'{"a":', b"", b"1"),
                (b"0,", b"[", b"0]"),
                (b'"",', b'{"recipients":[', b'""]}'),
                (b"\\u0000", b'{"text":"', b'"}'),
            )
        )
        size = self.draw.choice((LARGE // 100, LARGE // 10, LARGE))
        path = self.draw.choice(("/api/v3/campaign", "/_emulator/worlds"))
        self.request("POST", path, head + unit * (size // len(unit)) + tail)

    def change_snapshot(self) -> None:
        """Restore a snapshot with some leaves replaced, and ask for all there is."""
        if self._snapshot is None or self._is_drawn(0.2):
            self._snapshot = self.request("GET", "/_emulator/world/snapshot")
        try:
            document = json.loads(self._snapshot)
        except ValueError:  # a refusal by what is no emulator
            return
        for _ in range(self.draw.randrange(1, 4)):
            self._replace_leaf(document)
        body = json.dumps(document).encode("utf-8", "replace")
        self.request("POST", "/_emulator/world/restore", body)
        for path in ("messages", "deliveries", "clock/pending", "movements", "account"):
            self.request("GET", f"/_emulator/{path}")

    def _replace_leaf(self, part: Any) -> None:
        while True:
            keys = list(part) if isinstance(part, dict) else range(len(part))
            if not keys:
                return
            key = self.draw.choice(keys)
            if not (isinstance(part[key], dict | list) and part[key]):
                part[key] = self.draw.choice(HOSTILE_VALUES)
                return
            part = part[key]

    # --- SMPP -------------------------------------------------------------------------

    def send_pdus(self) -> None:
        """Bind, or not, and send PDUs with random bodies and lengths."""
        with self._connect(self.smpp or self.address) as connection:
            if self._is_drawn(0.7):
                name = self.draw.choice(self.tokens)[:15].encode()
                body = name + b"\0secret\0\0\x34\0\0\0"
                connection.sendall(struct.pack(">4I", 16 + len(body), 9, 0, 1) + body)
            for sequence in range(2, self.draw.randrange(3, 30)):
                body = self.draw.randbytes(self.draw.randrange(60))
                length = 16 + len(body)
                if self._is_drawn(0.1):
                    length = self.draw.choice((0, 15, 2**31, 2**32 - 1))
                command = self.draw.choice(COMMANDS)
                connection.sendall(
                    struct.pack(">4I", length, command, 0, sequence) + body
                )
            connection.shutdown(socket.SHUT_WR)
            while connection.recv(65536):
                pass

    @staticmethod
    def _connect(address: tuple[str, int]) -> socket.socket:
        return socket.create_connection(address, timeout=TIMEOUT)


def main() -> None:
    """Attack until the time or the number of attacks is over; exit 1 on a failure."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("url")
    parser.add_argument("--smpp", metavar="HOST:PORT")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--count", type=int, default=10**9)
    asked = parser.parse_args()
    host, _, port = (asked.smpp or "").rpartition(":")
    smpp = (host, int(port)) if asked.smpp else None
    attacker = Attacker(asked.url, smpp, asked.seed)
    end = time.monotonic() + asked.seconds
    for _ in range(asked.count):
        if time.monotonic() > end:
            break
        attacker.attack()
    print(json.dumps(attacker.findings.to_json(), indent=1))
    sys.exit(bool(attacker.findings.failures))


if __name__ == "__main__":
    main()
