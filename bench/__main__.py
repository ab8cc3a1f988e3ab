"""``make bench``: every figure that is promised, measured in one run.

Machines are shared and noisy, so speed is told as a ratio to something measured beside
it: a bare Starlette hello under the same server, or the json module on the same data.
"""

import json
import os
import platform
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from http.client import HTTPConnection
from itertools import count
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import urlsplit

from bench import scale as scaling
from bench.keeping import kept_messages, sync_seconds
from bench.load import Order, Result
from bench.smpp import Order as SmppOrder
from bench.smpp import Result as SmppResult
from bench.smpp import bound, reading, submitting
from bench.stretches import measure
from bench.watcher import Watcher
from emulator.client import Emulator
from emulator.web.panel.views import PAGES
from emulator.world import transaction
from tests.examples.test_seventy_two_hours import seventy_two_hours

REPORT = Path(__file__).parent.parent / "docs" / "performance.md"
SECONDS = 4.0  # of each throughput measurement
ROUNDS = 3  # of each pair, taken in turns; the median counts
PAIRS = 11  # of those that all cores take part in, and so all that disturbs them
MANY = 50_000  # recipients, the platform's limit
CAMPAIGNS = 100  # of MANY recipients, for the memory of five million messages
STARTS = 9
STORIES = 9
IDLE = 10_000  # worlds
SESSIONS = 1_000  # of SMPP, idle
REGISTERED = 20_000  # messages that want a receipt, twice as many as may wait
LONGEST = 600.0  # seconds; only what hangs comes near
SMPP_ACCOUNT = b'{"smpp": {"receiver_window": 100}}'
PUSHES = 10_000
NUMBER = "4498987282"
UNCACHED = {"PYTHONDONTWRITEBYTECODE"}
MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Figure:
    """One promise: what was measured, and whether that keeps it."""

    what: str
    promised: str
    measured: str
    kept: bool


@dataclass(frozen=True)
class Served:
    host: str
    port: int
    pid: int
    smpp: int = 0  # port

    def ask(
        self, method: str, path: str, body: bytes = b"", world: str = "bench"
    ) -> bytes:
        connection = HTTPConnection(self.host, self.port)
        headers = {**HEADERS, "Authorization": f"Bearer world-{world}"}
        connection.request(method, path, body or None, headers)
        answer = connection.getresponse()
        octets = answer.read()
        connection.close()
        if answer.status != 200:
            sys.exit(f"{method} {path}: {answer.status} {octets[:300]!r}")
        return octets

    def resident(self) -> int:
        """Return the octets of memory that the process holds."""
        status = Path(f"/proc/{self.pid}/status").read_text("ascii")
        line = next(each for each in status.splitlines() if each.startswith("VmRSS"))
        return int(line.split()[1]) * 1024


# Python keeps its bytecode, as it does for everybody but for some test machines.
ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name not in UNCACHED
}
HEADERS = {"Authorization": "Bearer world-bench", "Content-Type": "application/json"}


@contextmanager
def serving(kind: str) -> Iterator[Served]:
    """Serve ``hello`` or ``emulator`` in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        command = [sys.executable, "-m", "bench.served", kind, str(ready)]
        process = subprocess.Popen(command)
        try:
            while not ready.exists():
                if process.poll() is not None:
                    sys.exit(f"{kind} did not start")
                time.sleep(0.002)
            facts = json.loads(ready.read_text("utf-8"))
            url = urlsplit(facts["http"])
            smpp = int(facts.get("smpp", ":0").rpartition(":")[2])
            yield Served(url.hostname or "", url.port or 0, facts["pid"], smpp)
        finally:
            process.terminate()
            process.wait()


def request(method: str, path: str, body: bytes = b"") -> str:
    lines = [f"{method} {path} HTTP/1.1", "Host: bench"]
    lines += [f"{name}: {value}" for name, value in HEADERS.items()]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines) + "\r\n\r\n" + body.decode("latin-1")


@contextmanager
def loading(
    served: Served,
    asked: str,
    *,
    connections: int = 16,
    seconds: float = SECONDS,
    warm_up: float = 0.5,
) -> Iterator[Callable[[], Result]]:
    """Put load on *served* from another process; the result is there at the end."""
    order = Order(served.host, served.port, asked, connections, seconds, warm_up)
    command = [sys.executable, "-m", "bench.load"]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
    assert process.stdin is not None
    process.stdin.write(json.dumps(asdict(order)))
    process.stdin.close()

    def result() -> Result:
        assert process.stdout is not None
        text = process.stdout.read()
        if process.wait():
            sys.exit("the load generator gave up")
        return Result(**json.loads(text))

    yield result


def loaded(served: Served, asked: str) -> Result:
    with loading(served, asked) as result:
        return result()


def median(values: list[float]) -> float:
    return sorted(values)[len(values) // 2]


def campaign(count: int, **fields: str) -> bytes:
    rows = [{"cellphone": str(4490000000 + i), **fields} for i in range(count)]
    text = "hola <+B+>, su folio es <+C+>" if fields else "hola mundo"
    order = {"text": text, "recipients": rows, "route": 170}
    return json.dumps(order).encode()


def throughput() -> Iterator[Figure]:
    with serving("hello") as hello, serving("emulator") as emulator:
        three = campaign(3)
        placed = json.loads(emulator.ask("POST", "/api/v3/campaign", three))
        poll = request("GET", f"/api/v3/campaign/{placed['campaign']}/messages")
        place = request("POST", "/api/v3/campaign", three)
        for what, asked, promised in (
            ("campaign of 3 recipients, 16 connections", place, 0.45),
            ("poll of a 3-message campaign", poll, 0.5),
        ):
            rounds = [
                (loaded(hello, request("GET", "/")), loaded(emulator, asked))
                for _ in range(ROUNDS)
            ]
            ratio = median([mine.per_second / bare.per_second for bare, mine in rounds])
            rate = median([mine.per_second for _, mine in rounds])
            bare_rate = median([bare.per_second for bare, _ in rounds])
            p99 = median([mine.p99 for _, mine in rounds]) * 1000
            yield Figure(
                what,
                f"at least {promised} of the bare hello's req/s",
                f"{ratio:.2f} ({rate:,.0f} against {bare_rate:,.0f} req/s)",
                ratio >= promised,
            )
            yield Figure("p99 of it", "6 ms", f"{p99:.1f} ms", p99 <= 6)


def timed(action: Callable[[], Any], rounds: int = 7) -> float:
    """Return the median seconds that *action* takes."""
    took = []
    for _ in range(rounds):
        before = time.perf_counter()
        action()
        took.append(time.perf_counter() - before)
    return median(took)


def large() -> Iterator[Figure]:
    body = campaign(MANY)
    with serving("emulator") as emulator:
        emulator.ask("GET", "/bench/pulse")
        place = partial(emulator.ask, "POST", "/api/v3/campaign", body)
        place()
        emulator.ask("GET", "/bench/pulse")
        mine, reference = timed(place), timed(lambda: json.loads(body))
        blocked = json.loads(emulator.ask("GET", "/bench/pulse"))["worst"] * 1000
        yield Figure(
            "campaign of 50,000 recipients, plain text",
            "at most 3.5 times json.loads of the body",
            f"{mine / reference:.2f} ({mine * 1000:.0f} ms "
            f"against {reference * 1000:.0f} ms)",
            mine <= 3.5 * reference,
        )
        yield Figure(
            "the loop's longest stretch meanwhile",
            "50 ms",
            f"{blocked:.0f} ms",
            blocked <= 50,
        )
        yield from listing(emulator)


def listing(emulator: Served) -> Iterator[Figure]:
    path = "/api/v3/campaign/8528238/messages"
    rows = json.loads(emulator.ask("GET", path))["data"]
    assert len(rows) == MANY
    poll = partial(emulator.ask, "GET", path)
    mine, reference = timed(poll), timed(lambda: json.dumps(rows))
    yield Figure(
        "poll of 50,000 messages, finished campaign",
        "at most 0.8 of json.dumps of the rows",
        f"{mine / reference:.2f} ({mine * 1000:.0f} ms "
        f"against {reference * 1000:.0f} ms)",
        mine <= 0.8 * reference,
    )
    beside = request("GET", "/api/v1/user")
    with loading(emulator, beside, connections=4) as result:
        until = time.perf_counter() + SECONDS
        while time.perf_counter() < until:
            poll()
        p99 = result().p99 * 1000
    yield Figure("p99 of other requests meanwhile", "50 ms", f"{p99:.1f} ms", p99 <= 50)


def kept() -> Iterator[Figure]:
    """Measure what a directory costs: the same by turns, with and without.

    First the commit itself, then all that a client waits longer for its answer.
    """
    for recipients, rounds, promised in ((3, 4_000, 60e-6), (MANY, 20, 15e-3)):
        memory, disk = commits(campaign(recipients), rounds)
        cost = disk - memory
        waits = answers(campaign(recipients), rounds)
        yield Figure(
            f"--data: a commit of {recipients:,} recipients, over memory",
            f"{promised * 1e6:,.0f} us",
            f"{cost * 1e6:,.0f} us ({disk * 1e6:,.0f} against {memory * 1e6:,.0f}); "
            f"an answer over HTTP comes {waits * 1e6:,.0f} us later",
            cost <= promised,
        )


def commits(
    body: bytes, rounds: int, durability: str = "process"
) -> tuple[float, float]:
    """Return the seconds of a commit in memory, and on the disk, in this process."""
    took: list[float] = []

    def commit(*what: Any) -> None:
        before = time.perf_counter()
        plain(*what)
        took.append(time.perf_counter() - before)

    plain = transaction.commit_changes
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        on_disk = {"data": Path(folder), "durability": durability}
        settings: tuple[dict[str, Any], ...] = ({}, on_disk)
        places = [
            stack.enter_context(Emulator.in_process(clock="frozen", **each))
            for each in settings
        ]
        order = json.loads(body)
        found: tuple[list[float], list[float]] = ([], [])
        with patch.object(transaction, "commit_changes", commit):
            for _ in range(rounds):
                for place, seconds in zip(places, found, strict=True):
                    took.clear()
                    answer = place.request("POST", "/api/v3/campaign", json=order)
                    assert answer.status == 200, answer.text
                    seconds.append(sum(took))
        memory, disk = map(median, found)
    return memory, disk


def answers(body: bytes, rounds: int) -> float:
    """Return the seconds that an answer comes later over HTTP."""
    with serving("emulator") as emulator, serving("kept") as on_disk:
        places = [HTTPConnection(each.host, each.port) for each in (emulator, on_disk)]
        took: tuple[list[float], list[float]] = ([], [])
        for _ in range(rounds):
            for place, seconds in zip(places, took, strict=True):
                before = time.perf_counter()
                place.request("POST", "/api/v3/campaign", body, HEADERS)
                answer = place.getresponse()
                octets = answer.read()
                seconds.append(time.perf_counter() - before)
                assert answer.status == 200, octets
        memory, disk = map(median, took)
    return disk - memory


def durability() -> Iterator[Figure]:
    """Measure a commit that the disk is waited for, beside a sync of the disk."""
    body = campaign(3)
    with tempfile.TemporaryDirectory() as folder:
        synced = median(sync_seconds(Path(folder)))
    for level, rounds in (("process", 4_000), ("power", 400)):
        memory, disk = commits(body, rounds, durability=level)
        promised = 60e-6 + (2 * synced if level == "power" else 0)
        yield Figure(
            f"--durability {level}: a commit of 3 recipients, over memory",
            "60 us" if level == "process" else "60 us and two syncs of the disk",
            f"{(disk - memory) * 1e6:,.0f} us (a sync takes {synced * 1e6:,.0f})",
            disk - memory <= promised,
        )


def kept_start() -> Iterator[Figure]:
    """Measure a start over a million kept messages, beside one over none."""
    command = [sys.executable, "-m", "emulator", "serve", "--port", "0"]
    for whose, kept in (("another world's", "other"), ("their own world's", "bench")):
        with kept_messages(kept) as full, tempfile.TemporaryDirectory() as empty:
            rounds = [
                [
                    started(
                        [*command, "--data", str(folder), "--ready-file"],
                        lambda facts: urlsplit(facts["http"]).port or 0,
                    )
                    for folder in (empty, full)
                ]
                for _ in range(STARTS)
            ]
        later = median([over - bare for bare, over in rounds]) * 1000
        bare = median([each for each, _ in rounds]) * 1000
        yield Figure(
            f"first answer over 1,000,000 kept messages, {whose}",
            "200 ms later than over an empty directory",
            f"{later:.0f} ms later than {bare:.0f} ms",
            later <= 200,
        )


def memory() -> Iterator[Figure]:
    names = {f"field{i}": f"valor {i} 12" for i in range(1, 5)}
    for what, body, promised in (
        ("plain text", campaign(MANY), 40),
        ("with name and four fields", campaign(MANY, name="Guadalupe", **names), 160),
    ):
        with serving("emulator") as emulator:
            emulator.ask("POST", "/api/v3/campaign", body)
            before = emulator.resident()
            for index in range(CAMPAIGNS):  # in two worlds, as credit is finite
                world = f"bench{index % 2}"
                emulator.ask("POST", "/api/v3/campaign", body, world)
            octets = (emulator.resident() - before) / (CAMPAIGNS * MANY)
            yield Figure(
                f"5,000,000 messages in 100 campaigns, {what}",
                f"{promised} octets a message",
                f"{octets:.0f} octets",
                octets <= promised,
            )


def worlds() -> Iterator[Figure]:
    """Measure what a test does with worlds, beside a campaign of 50,000 recipients."""
    with serving("emulator") as emulator:
        emulator.ask("POST", "/api/v3/campaign", campaign(MANY))
        connection = HTTPConnection(emulator.host, emulator.port)
        numbers = count()

        def command(path: str) -> None:
            body = json.dumps({"name": f"copy{next(numbers)}"})
            connection.request("POST", f"/_emulator/{path}", body, HEADERS)
            answer = connection.getresponse()
            assert answer.read()
            assert answer.status == 200, path

        for what, path in (
            ("a new world", "worlds"),
            ("fork of a world with 50,000 messages", "world/fork"),
            ("checkpoint of it", "world/checkpoints"),
            ("return to a checkpoint", "world/checkpoints/copy200/restore"),
            ("reset of it", "world/reset"),
        ):
            took = timed(partial(command, path), rounds=99) * 1000
            yield Figure(what, "1 ms", f"{took:.2f} ms", took <= 1)
        connection.close()
    with serving("emulator") as emulator:
        for index in range(IDLE):
            emulator.ask("GET", "/api/v1/user", world=f"idle{index}")
        held = emulator.resident() / MEBIBYTE
        yield Figure(
            f"{IDLE:,} idle worlds, each asked once",
            "100 MiB",
            f"{held:.0f} MiB",
            held <= 100,
        )


def started(command: list[str], port_of: Callable[[dict[str, Any]], int]) -> float:
    """Return the seconds from the start of a process to its first answer."""
    with tempfile.TemporaryDirectory() as folder:
        ready = Path(folder) / "ready.json"
        before = time.perf_counter()
        process = subprocess.Popen(
            [*command, str(ready)], stdout=subprocess.DEVNULL, env=ENVIRONMENT
        )
        while not ready.exists():
            time.sleep(0.001)
        facts = json.loads(ready.read_text("utf-8"))
        served = Served("127.0.0.1", port_of(facts), facts["pid"])
        served.ask("GET", "/" if "-c" in command else "/api/v1/user")
        took = time.perf_counter() - before
        process.terminate()
        process.wait()
    return took


BARE = """
import json, os, socket, sys
from pathlib import Path
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

async def hello(request):
    return JSONResponse({"message": "hello"})

class Server(uvicorn.Server):
    async def startup(self, sockets=None):
        await super().startup(sockets)
        scratch = Path(sys.argv[1] + ".new")
        scratch.write_text(json.dumps({"port": port, "pid": os.getpid()}))
        scratch.replace(sys.argv[1])

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
port = listener.getsockname()[1]
app = Starlette(routes=[Route("/", hello)])
Server(uvicorn.Config(app, log_level="warning")).run([listener])
"""


def stopped() -> float:
    """Return the seconds that an emulator takes to end while all is waiting for it."""
    command = (sys.executable, "-m", "emulator", "serve", "--port", "0")
    doors = ("--smpp-port", "0", "--pace", "instant", "--ready-file")
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        ready = Path(folder) / "ready.json"
        process = subprocess.Popen(
            [*command, *doors, str(ready)], stdout=subprocess.DEVNULL, env=ENVIRONMENT
        )
        while not ready.exists():
            time.sleep(0.001)
        facts = json.loads(ready.read_text("utf-8"))
        world = stack.enter_context(Emulator(facts["http"]))
        world.change_account(push_url=f"http://127.0.0.1:{silent.getsockname()[1]}/")
        sent = {"text": "hola", "recipients": [{"cellphone": NUMBER}], "country": 1}
        world.request("POST", "/api/v3/campaign", json=sent)
        world.phone(NUMBER).reply("hola")
        stack.enter_context(silent.accept()[0])  # and no answer comes
        host, _, port = facts["smpp"].rpartition(":")
        stack.enter_context(bound(host, int(port)))
        stream = HTTPConnection(urlsplit(facts["http"]).netloc)
        stack.callback(stream.close)
        stream.request("GET", "/_emulator/events")
        stream.getresponse()
        before = time.perf_counter()
        process.terminate()
        process.wait(LONGEST)
        return time.perf_counter() - before


def start() -> Iterator[Figure]:
    bare = [sys.executable, "-c", BARE]
    mine = [sys.executable, "-m", "emulator", "serve", "--port", "0", "--ready-file"]
    rounds = [
        (
            started(bare, lambda facts: facts["port"]),
            started(mine, lambda facts: urlsplit(facts["http"]).port or 0),
        )
        for _ in range(STARTS)
    ]
    ratio = median([own / reference for reference, own in rounds])
    own = median([each for _, each in rounds]) * 1000
    reference = median([each for each, _ in rounds]) * 1000
    yield Figure(
        "process start to first answer",
        "at most 1.8 times a bare uvicorn + Starlette",
        f"{ratio:.2f} ({own:.0f} ms against {reference:.0f} ms)",
        ratio <= 1.8,
    )
    took = [stopped() for _ in range(STARTS)]
    yield Figure(
        "SIGTERM to the end of the process, with a stream, a bind and a push open",
        "1 s",
        f"{median(took) * 1000:.0f} ms, {max(took) * 1000:.0f} ms at most",
        max(took) <= 1,
    )
    with serving("emulator") as emulator:
        emulator.ask("GET", "/api/v1/user")
        resident = emulator.resident() / MEBIBYTE
        yield Figure("memory then", "60 MiB", f"{resident:.0f} MiB", resident <= 60)


def pushes() -> Iterator[Figure]:
    """Measure ten thousand pushes that are due at once, and who asks meanwhile."""
    handsets = [f"9990010{index % 1000:03d}" for index in range(PUSHES)]
    order = {
        "text": "hola",
        "route": 170,
        "recipients": [{"cellphone": each} for each in handsets],
    }
    with serving("receiver") as receiver, serving("emulator") as served:
        url = f"http://{receiver.host}:{receiver.port}/mo"
        with Emulator(f"http://{served.host}:{served.port}") as emulator:
            world = emulator.create("pushes", clock="frozen", pace="instant")
            world.change_account(push_url=url)
            world.request("POST", "/api/v3/campaign", json=order)
            beside = request("GET", "/api/v1/user")
            before = time.perf_counter()
            with loading(served, beside, connections=2, seconds=2, warm_up=0) as result:
                world.advance(seconds=11)
                took = time.perf_counter() - before
                p99 = result().p99 * 1000
            assert world.find_deliveries(state="delivered").count == PUSHES
    per_second = PUSHES / took
    yield Figure(
        f"{PUSHES:,} due pushes to one local receiver",
        "at least 4,000 a second",
        f"{per_second:,.0f} a second",
        per_second >= 4_000,
    )
    yield Figure("p99 of other requests meanwhile", "25 ms", f"{p99:.1f} ms", p99 <= 25)


def story() -> Iterator[Figure]:
    """Measure the guide's three days: schedule, send, absent handset, cancel, token."""
    noon = "2026-03-02T18:00:00Z"
    with serving("emulator") as served:
        url = f"http://{served.host}:{served.port}"
        for how, emulator in (
            ("over a socket", Emulator(url)),
            ("in process", Emulator.in_process()),
        ):
            with emulator:
                seconds = []
                for index in range(STORIES):
                    before = time.perf_counter()
                    world = emulator.create(f"story{index}", clock=noon, pace="manual")
                    seventy_two_hours(world)
                    world.delete()
                    seconds.append(time.perf_counter() - before)
            yield Figure(
                f"a story of 72 hours, {how}",
                "under a second",
                f"{median(seconds) * 1000:.0f} ms, at worst {max(seconds) * 1000:.0f}",
                max(seconds) < 1,
            )


def smpp() -> Iterator[Figure]:
    """Measure the SMPP door with the journal on, and HTTP beside it.

    Who reads the event stream gets every PDU with its fields, which takes longer than
    to answer it; he is told how much is left.
    """
    promises = {
        ("submit_sm", ""): 20_000,
        ("acknowledged receipts", ""): 10_000,
        ("submit_sm", ", the event stream being read"): 5_000,
        ("acknowledged receipts", ", the event stream being read"): 2_500,
    }
    for (what, beside), promised in promises.items():
        receipts = what != "submit_sm"
        with serving("emulator") as emulator, ExitStack() as stack:
            emulator.ask("PATCH", "/_emulator/account", SMPP_ACCOUNT)
            if beside:
                stack.enter_context(reading(emulator.host, emulator.port))
            done, slow = submitted(emulator, receipts=receipts)
        rate = done.receipts if receipts else done.submitted
        yield Figure(
            f"{what} on one connection, window 100{beside}",
            f"at least {promised:,} a second",
            f"{rate:,.0f}",
            rate >= promised,
        )
        p99 = done.p99 * 1000
        yield Figure("p99 of a submit_sm", "50 ms", f"{p99:.1f} ms", p99 <= 50)
        yield Figure("p99 of HTTP beside it", "50 ms", f"{slow:.1f} ms", slow <= 50)
    yield registered()
    with serving("emulator") as emulator, ExitStack() as stack:
        before = emulator.resident()
        for _ in range(SESSIONS):
            stack.enter_context(bound(emulator.host, emulator.smpp))
        each = (emulator.resident() - before) / MEBIBYTE
        yield Figure("1,000 idle sessions", "50 MiB", f"{each:.1f} MiB", each <= 50)


def registered() -> Figure:
    """Measure more messages than receipts may wait, all of which want one.

    The client gives up where one is declined.
    """
    with serving("emulator") as emulator:
        order = SmppOrder(emulator.host, emulator.smpp, LONGEST, receipts=True)
        with submitting(replace(order, messages=REGISTERED)) as result:
            while (done := result()) is None:
                time.sleep(0.02)
    return Figure(
        f"{REGISTERED:,} registered submit_sm on one connection, window 100",
        "every receipt acknowledged, none declined, at least 8,000 of both a second",
        f"{done.acknowledged:,} acknowledged, {done.receipts:,.0f} of both a second",
        done.acknowledged == done.messages == REGISTERED and done.receipts >= 8_000,
    )


def submitted(emulator: Served, *, receipts: bool) -> tuple[SmppResult, float]:
    """Submit for a while; return that, and the p99 of HTTP beside it in ms."""
    waits: list[float] = []
    order = SmppOrder(emulator.host, emulator.smpp, SECONDS, receipts=receipts)
    with submitting(order) as result:
        while (done := result()) is None:
            before = time.perf_counter()
            emulator.ask("GET", "/api/v1/user")
            waits.append(time.perf_counter() - before)
            time.sleep(0.02)
    return done, sorted(waits)[len(waits) * 99 // 100] * 1000


def panel() -> Iterator[Figure]:
    """Measure the API beside an open page, and the opening of a large campaign."""
    place = request("POST", "/api/v3/campaign", campaign(3))
    for page in ("phones", "campaigns", "requests", "account"):
        with serving("emulator") as emulator:
            rounds, looked = [], 0
            for _ in range(ROUNDS):
                alone = loaded(emulator, place).per_second
                watcher = Watcher(
                    emulator.host,
                    emulator.port,
                    world="bench",
                    regions=["status", *PAGES[page]],
                )
                with watcher.open():
                    beside = loaded(emulator, place).per_second
                looked += watcher.looked
                rounds.append(beside / alone)
        ratio = median(rounds)
        yield Figure(
            f"campaigns of 3 recipients, the panel's page of {page} being open",
            "at least 0.8 of the req/s without",
            f"{ratio:.2f} ({looked / ROUNDS / (SECONDS + 0.5):.1f} looks a second)",
            ratio >= 0.8,
        )
    with serving("emulator") as emulator:
        emulator.ask("POST", "/api/v3/campaign", campaign(MANY, name="Guadalupe"))
        path = "/panel/campaign?world=bench&channel=sms&campaign=8528238"
        for what, query in (("", ""), (", its last rows", f"&offset={MANY - 50}")):
            took = timed(partial(emulator.ask, "GET", path + query)) * 1000
            yield Figure(
                f"a campaign of 50,000 in the panel{what}",
                "300 ms",
                f"{took:.0f} ms",
                took <= 300,
            )


def scale() -> Iterator[Figure]:
    """Measure two processes behind nginx against one alone, on the same machine."""
    if lacking := scaling.missing():
        print(f"     scale needs {' and '.join(lacking)}: not measured", flush=True)
        return
    with serving("emulator") as one, serving("emulator") as two:
        alone, both = (one.host, one.port), [one.pid, two.pid]
        with scaling.balancing([one.port, two.port]) as balancer:
            rounds = [
                (
                    scaling.loaded(alone, both, SECONDS / 2),
                    scaling.loaded(balancer, both, SECONDS / 2),
                )
                for _ in range(PAIRS)
            ]
    ratio = median([both.per_second / one.per_second for one, both in rounds])
    columns = list(zip(*rounds, strict=True))
    rates = [median([each.per_second for each in column]) for column in columns]
    yield Figure(
        "campaigns of 3 recipients, two processes behind nginx against one alone",
        "at least 1.3 times the req/s, on two cores for all",
        f"{ratio:.2f} ({rates[1]:,.0f} against {rates[0]:,.0f} req/s)",
        ratio >= 1.3,
    )
    ratio = median([both.cpu / one.cpu for one, both in rounds])
    costs = [median([each.cpu for each in column]) * 1e6 for column in columns]
    yield Figure(
        "processor time of the processes for a request then",
        "at most 1.15 of one's",
        f"{ratio:.2f} ({costs[1]:.0f} us against {costs[0]:.0f} us)",
        ratio <= 1.15,
    )


def stretches() -> Iterator[Figure]:
    """Measure how long the heaviest requests hold the loop."""
    with serving("emulator") as emulator:
        connection = HTTPConnection(emulator.host, emulator.port)
        found = sorted(measure(connection), key=lambda each: -each.processor)
        connection.close()
    for each in found:
        took, busy = each.seconds * 1000, each.processor * 1000
        print(f"     {busy:5.0f} of {took:5.0f} ms {each.status} {each.name}")
    small = [each for each in found if "restored" not in each.name]
    worst = small[0]
    yield Figure(
        f"the longest stretch over {len(small)} heavy requests, 1,000,000 messages",
        "50 ms",
        f"{worst.processor * 1000:.0f} ms of the processor ({worst.name}), "
        f"{worst.seconds * 1000:.0f} ms on the wall",
        worst.processor <= 0.05,
    )


def main() -> None:
    chosen = sys.argv[1:]
    parts = (
        start,
        throughput,
        large,
        kept,
        durability,
        kept_start,
        memory,
        worlds,
        pushes,
        smpp,
        story,
        panel,
        scale,
        stretches,
    )
    sections = {f.__name__: f for f in parts}
    figures = []
    for name, section in sections.items():
        if not chosen or name in chosen:
            for figure in section():
                verdict = "ok  " if figure.kept else "MISS"
                print(f"{verdict} {figure.what}: {figure.measured}", flush=True)
                figures.append(figure)
    if not chosen:
        report(figures)
    if not all(figure.kept for figure in figures):
        sys.exit("not every promise was kept")


def report(figures: list[Figure]) -> None:
    rows = [
        f"| {each.what} | {each.promised} | {each.measured}"
        f" | {'yes' if each.kept else '**no**'} |"
        for each in figures
    ]
    lines = [
        "# Performance",
        "",
        "Written by `make bench`: one run, load from another process, ratios to what",
        "was measured beside it. Absolute figures are those of one small machine.",
        "",
        f"Python {platform.python_version()} on {platform.platform(terse=True)}.",
        "",
        "| what | promised | measured | kept |",
        "|---|---|---|---|",
        *rows,
        "",
    ]
    REPORT.write_text("\n".join(lines), "utf-8")


if __name__ == "__main__":
    main()
