"""Many processes behind one address: nginx as deploy/nginx has it.

A world lives in one process; the balancer finds it by the name in a request.
"""

import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from email.utils import format_datetime
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from typing import Any

import pytest

from emulator.client import Emulator
from emulator.serving.settings import Settings
from tests.support.orders import CLIC, NUMBER, SMS, make_clic, make_sms
from tests.support.processes import (
    DEADLINE,
    ROOT,
    is_heard,
    require_tool,
    serve_processes,
    split_address,
)
from tests.support.smpp import pack_bind

DEPLOYED = ROOT / "deploy" / "nginx"
LISTENS = "listen 7672 "  # as nginx.conf has it
WORLDS = 400
NAMES = [f"w{index}" for index in range(WORLDS)]
BINDFAIL = 0x0D
USER = "/api/v1/user"
MOVE = DEPLOYED / "move.py"

pytestmark = pytest.mark.tools


@dataclass(frozen=True)
class Balancer:
    """nginx as deploy/nginx has it, at another port and before other processes."""

    url: str
    folder: Path
    process: subprocess.Popen[bytes]

    def lead_to(self, urls: list[str]) -> None:
        """Take *urls* for the processes from now on, for connections made from now."""
        before = self._workers()
        (self.folder / "processes.conf").write_text(list_processes(urls), "utf-8")
        self.process.send_signal(signal.SIGHUP)
        # Asked one by one: a list of children that is read while one of them ends may
        # leave out others.
        while any(Path(f"/proc/{each}").exists() for each in before):
            assert self.process.poll() is None

    def _workers(self) -> set[str]:
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii")
        return set(children.split())


@contextmanager
def run_balancer(folder: Path, urls: list[str]) -> Iterator[Balancer]:
    """Run nginx before the processes at *urls*."""
    nginx = require_tool("nginx")
    home = folder / "nginx"
    shutil.copytree(DEPLOYED, home)
    text = (home / "nginx.conf").read_text("utf-8")
    (home / "processes.conf").write_text(list_processes(urls), "utf-8")
    port = find_free_port()
    for there, here in (("/tmp/", f"{home}/"), (LISTENS, f"listen 127.0.0.1:{port} ")):  # noqa: S108 - that it is not used
        assert there in text
        text = text.replace(there, here)
    (home / "nginx.conf").write_text(text, "utf-8")
    command = [str(nginx), "-p", str(home), "-c", "nginx.conf", "-g", "daemon off;"]
    with (
        (home / "stderr").open("w") as log,
        subprocess.Popen(command, stderr=log) as process,
    ):
        try:
            while not is_heard(("127.0.0.1", port)):
                assert process.poll() is None, (home / "stderr").read_text("utf-8")
            yield Balancer(f"http://127.0.0.1:{port}", home, process)
        finally:
            process.terminate()


def list_processes(urls: list[str]) -> str:
    """Return a processes.conf with *urls*, with what its lines say of each."""
    line = (DEPLOYED / "processes.conf").read_text("utf-8").splitlines()[-1]
    assert line.startswith("server 127.0.0.1:7704 ")
    return "".join(
        line.replace("127.0.0.1:7704", "{}:{}".format(*split_address(url))) + "\n"
        for url in urls
    )


def find_free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@dataclass(frozen=True)
class Fleet:
    """Four processes and the balancer before them."""

    balancer: Balancer
    processes: list[Mapping[str, Any]]

    @property
    def urls(self) -> list[str]:
        return [each["http"] for each in self.processes]

    def ask(self, path: str, token: str = "", **headers: str) -> HTTPResponse:
        """Ask through the balancer, on a connection of its own."""
        connection = HTTPConnection(*split_address(self.balancer.url), timeout=DEADLINE)
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            answer.read()
            return answer
        finally:
            connection.close()

    def place(self, name: str) -> str:
        """Return where the token of a world leads to."""
        answer = self.ask(USER, f"world-{name}")
        assert answer.status == 200
        return process_of(answer)

    def worlds(self) -> list[set[str]]:
        """Return which worlds there are in each process, asked at its own port."""
        found = []
        for url in self.urls:
            with Emulator(url) as emulator:
                found.append({each.name for each in emulator.worlds} - {"demo"})
        return found


def process_of(answer: HTTPResponse) -> str:
    """Return the URL of the process that gave *answer*."""
    return f"http://{answer.headers['X-Emulator-Process']}"


@contextmanager
def fleet(folder: Path) -> Iterator[Fleet]:
    flags = (
        "--auto-create-worlds",
        "http",
        "--pace",
        "instant",
        "--allowed-host",
        "sms.example",
    )
    with serve_processes(folder, *flags, count=4) as (_, ready):
        processes = ready["processes"]
        with run_balancer(folder, [each["http"] for each in processes]) as balancer:
            yield Fleet(balancer, processes)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Run what the tests leave as it is."""
    with fleet(tmp_path_factory.mktemp("fleet")) as running:
        yield running


@pytest.fixture
def changing(tmp_path: Path) -> Iterator[Fleet]:
    """Run what a test may drain."""
    with fleet(tmp_path) as running:
        yield running


def test_no_world_is_ever_seen_by_two_processes(changing: Fleet) -> None:
    first = {name: changing.place(name) for name in NAMES}
    for name in NAMES:
        for path, token in (
            (f"/_emulator/world?world={name}", ""),
            (f"/_emulator/clock?world={name}", "world-other"),
            ("/_emulator/account", f"world-{name}"),
            (f"/panel/account?world={name}", ""),
            (f"/?world={name}", ""),
            (f"{USER}?world=other", f"world-{name}"),
        ):
            answer = changing.ask(path, token)
            assert answer.status == 200, path
            assert process_of(answer) == first[name], path

    seen = changing.worlds()
    assert sum(map(len, seen)) == WORLDS
    assert set.union(*seen) == set(NAMES)
    assert all(len(each) > WORLDS / 8 for each in seen)
    assert {
        name: url
        for url, names in zip(changing.urls, seen, strict=True)
        for name in names
    } == first


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER "])
def test_the_token_is_read_as_the_platform_reads_it(
    standing: Fleet, scheme: str
) -> None:
    told = {"Authorization": f"{scheme} world-Read.As_it-is"}

    answer = standing.ask(USER, **told)

    assert answer.status == 200
    assert process_of(answer) == standing.place("Read.As_it-is")


def test_without_a_token_and_with_demo_it_is_the_same_world(standing: Fleet) -> None:
    answers = [
        standing.ask(USER, "demo"),
        standing.ask("/_emulator/world"),
        standing.ask("/_emulator/world?world=demo"),
        standing.ask("/"),
    ]

    assert [each.status for each in answers] == [200] * 4
    assert len({process_of(each) for each in answers}) == 1


def test_a_short_link_is_found_by_the_world_beside_it(standing: Fleet) -> None:
    with Emulator(standing.balancer.url, token="world-clicked") as emulator:
        placed = emulator.request("POST", CLIC, json=make_clic())
        assert placed.status == 200, placed.text
        text = emulator.messages(to=NUMBER)[0].text
    code = text.rpartition("/")[2]

    answer = standing.ask(f"/s/{code}?world=clicked")

    assert answer.status == 302


def test_a_header_names_the_world_of_a_token_that_does_not(standing: Fleet) -> None:
    for name in ("created", "created-too", "created-also"):
        with Emulator(standing.balancer.url, token=f"world-{name}") as emulator:
            literal = emulator.ask_fact("POST", "tokens", {"name": "ci"}).token

        named = standing.ask(USER, literal, **{"X-Emulator-World": name})

        assert named.status == 200
        assert process_of(named) == standing.place(name)


def test_a_world_that_is_ordered_is_opened_where_its_token_leads(
    standing: Fleet,
) -> None:
    with Emulator(standing.balancer.url, token="world-ordering") as emulator:
        for name in ("ordered", "ordered-too", "ordered-also"):
            world = emulator.create(name, clock="frozen")

            assert world.clock.rate == 0
            with Emulator(standing.balancer.url, token=f"world-{name}") as minted:
                assert minted.clock.rate == 0
    places = [each for each in standing.worlds() if "ordered" in each]
    assert len(places) == 1


def test_smpp_is_at_the_port_that_the_control_api_names(standing: Fleet) -> None:
    name = "bound"
    url = standing.place(name)
    with Emulator(standing.balancer.url, token=f"world-{name}") as emulator:
        told = emulator.ask_fact("GET", "smpp")
    (own,) = (each["smpp"] for each in standing.processes if each["http"] == url)
    others = [each["smpp"] for each in standing.processes if each["http"] != url]

    assert own == f"{told.host}:{told.port}"
    assert bound(own, f"world-{name}") == 0
    assert [bound(each, f"world-{name}") for each in others] == [BINDFAIL] * 3


def bound(place: str, system_id: str) -> int:
    """Return the command_status that a bind is answered with."""
    with socket.create_connection(split_address(place), timeout=DEADLINE) as client:
        client.sendall(pack_bind(system_id=system_id))
        return int.from_bytes(client.recv(16)[8:12], "big")


def test_an_answer_says_the_time_of_its_world(standing: Fleet) -> None:
    with Emulator(standing.balancer.url, token="world-dated") as emulator:
        emulator.clock.freeze()
        emulator.advance(days=30)
        now = emulator.clock.now

    answer = standing.ask(USER, "world-dated")

    assert answer.headers.get_all("Date") == [format_datetime(now, usegmt=True)]


def test_events_arrive_when_they_happen(standing: Fleet) -> None:
    token = {"Authorization": "Bearer world-heard"}
    standing.place("heard")
    connection = HTTPConnection(*split_address(standing.balancer.url), timeout=DEADLINE)
    with closing(connection):
        connection.request("GET", "/_emulator/events", headers=token)
        stream = connection.getresponse()
        with Emulator(standing.balancer.url, token="world-heard") as emulator:
            emulator.request("POST", SMS, json=make_sms())

        assert any(line.startswith(b"event: exchange") for line in stream)
        stream.close()


def test_a_page_of_the_panel_may_command(standing: Fleet) -> None:
    standing.place("pressed")
    connection = HTTPConnection(*split_address(standing.balancer.url), timeout=DEADLINE)
    headers = {"Origin": standing.balancer.url, "Content-Type": "application/json"}
    for origin, status in ((standing.balancer.url, 200), ("http://elsewhere", 403)):
        headers["Origin"] = origin
        path = "/_emulator/clock/settle?world=pressed"
        connection.request("POST", path, "{}", headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


def test_it_is_called_by_the_name_that_its_processes_know(standing: Fleet) -> None:
    where = f"sms.example:{split_address(standing.balancer.url)[1]}"
    connection = HTTPConnection(*split_address(standing.balancer.url), timeout=DEADLINE)
    for host, origin, status in (
        (where, f"http://{where}", 200),
        (where, "http://other.example", 403),
        ("evil.example", "http://evil.example", 421),
    ):
        headers = {"Host": host, "Origin": origin, "X-Forwarded-Host": where}
        connection.request("GET", "/_emulator/clock", None, headers)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == status
    connection.close()


def test_the_balancer_says_that_it_is_well_and_so_does_each_process(
    standing: Fleet,
) -> None:
    answer = standing.ask("/balancer/healthz")

    assert (answer.status, answer.headers["X-Emulator-Process"]) == (200, None)
    for name in NAMES[:20]:
        ready = standing.ask("/_emulator/readyz", f"world-{name}")
        assert (ready.status, process_of(ready)) == (200, standing.place(name))


def test_the_balancer_writes_to_one_place_only() -> None:
    """The rest of its disk is read-only, and whoever runs it is nobody."""
    said = subprocess.run(
        [str(require_tool("nginx")), "-V"], check=True, capture_output=True, text=True
    ).stderr
    conf = (DEPLOYED / "nginx.conf").read_text("utf-8")
    built_in = re.findall(r"--http-([\w-]+-temp-path)=", said)

    assert built_in
    for each in [*built_in, "pid"]:
        name = each.replace("-", "_")
        assert re.search(rf"^ *{name} /tmp/nginx", conf, re.MULTILINE), name


def test_the_balancer_hangs_up_before_an_emulator_does() -> None:
    conf = (DEPLOYED / "nginx.conf").read_text("utf-8")
    upstream = re.findall(r"^    upstream (?:.*\n)*?    }", conf, re.MULTILINE)[0]
    (ours,) = re.findall(r"keepalive_timeout (\d+)s;", upstream)

    assert int(ours) <= Settings().idle_timeout / 2


# --- Fewer processes, and more --------------------------------------------------------


def test_a_process_less_and_a_process_more_move_its_share_only(
    changing: Fleet,
) -> None:
    drained = changing.urls[-1]
    before = {name: changing.place(name) for name in NAMES}

    changing.balancer.lead_to(changing.urls[:-1])
    without = {name: changing.place(name) for name in NAMES}
    changing.balancer.lead_to(changing.urls)
    again = {name: changing.place(name) for name in NAMES}

    moved = {name for name in NAMES if without[name] != before[name]}
    assert moved == {name for name in NAMES if before[name] == drained}
    assert WORLDS / 8 < len(moved) < WORLDS / 2
    assert {without[name] for name in moved} == set(changing.urls[:-1])
    assert again == before


def test_a_world_that_moves_continues_from_its_snapshot(changing: Fleet) -> None:
    drained = changing.urls[-1]
    for name in NAMES[:20]:
        changing.place(name)
    names = [name for name in NAMES[:20] if changing.place(name) == drained]
    first = {name: sent(changing, name) for name in names}
    assert names
    changing.balancer.lead_to(changing.urls[:-1])

    command = [sys.executable, str(MOVE), drained, changing.balancer.url]
    moved = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    assert sorted(moved.split()) == sorted(names)
    assert changing.worlds()[-1] == set()
    for name in names:
        assert changing.place(name) != drained
        second = sent(changing, name)
        assert second["campaign"] == first[name]["campaign"] + 1
        assert first[name]["balance"] - second["balance"] == pytest.approx(1)
        with Emulator(changing.balancer.url, token=f"world-{name}") as emulator:
            assert emulator.messages(to=NUMBER).count == 2
            assert emulator.clock.rate == 1


def sent(fleet: Fleet, name: str) -> Any:
    """Return the answer to a campaign that a world places through the balancer."""
    with Emulator(fleet.balancer.url, token=f"world-{name}") as emulator:
        return emulator.request("POST", SMS, json=make_sms()).json()


def test_where_a_process_is_gone_nobody_answers_for_it(changing: Fleet) -> None:
    nobody = "http://127.0.0.1:9"  # discard, where nobody listens
    changing.balancer.lead_to([nobody, *changing.urls[1:]])
    answers = {name: changing.ask(USER, f"world-{name}") for name in NAMES[:40]}
    lost = [name for name, each in answers.items() if each.status == 502]

    assert lost
    for name in lost:
        answer = changing.ask(USER, f"world-{name}")
        assert (answer.status, process_of(answer)) == (502, nobody)
    assert {process_of(answers[name]) for name in lost} == {nobody}
