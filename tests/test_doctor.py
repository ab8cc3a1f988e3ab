"""``doctor``: what comes between a client and an emulator, in real conditions."""

import socket
from collections.abc import Iterator
from contextlib import closing
from platform import node

import pytest
from click.testing import CliRunner

from emulator.client import Emulator
from emulator.command.main import main
from emulator.serving.standby import Standby
from tests.support.orders import NUMBER
from tests.support.processes import serve_emulator
from tests.support.servers import Receiver, deliver_sms, open_world, place_sms

FINE = "nothing is wrong at "
PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(scope="module")
def server() -> Iterator[Emulator]:
    with closing(Standby("demo")) as standby, Emulator(standby.url) as server:
        yield server


@pytest.fixture
def world(server: Emulator) -> Iterator[Emulator]:
    with open_world(server) as world:
        yield world


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def taken() -> Iterator[int]:
    """Return a port where somebody listens and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


@pytest.fixture
def free() -> int:
    """Return a port where nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def found(*words: str) -> list[str]:
    """Return what the doctor finds; it ends with 1 where that is something."""
    done = CliRunner().invoke(main, ["doctor", *words])
    lines = done.output.splitlines()
    if done.exit_code == 0:
        assert [line for line in lines if not line.startswith(FINE)] == []
        return []
    assert done.exit_code == 1, done.output
    return lines


def found_in(world: Emulator, *words: str) -> list[str]:
    return found("--url", world.url, "--world", world.world, *words)


# --- ports ------------------------------------------------------------------------


def test_a_world_that_is_well_has_nothing(world: Emulator) -> None:
    assert found_in(world) == []


def test_nobody_listens(free: int) -> None:
    (says,) = found("--port", str(free), "--smpp-port", "none")

    assert says.startswith(f"nothing answers at http://127.0.0.1:{free} (")
    assert "start smsclouds-emulator serve" in says


def test_the_port_is_taken_by_another_server(receiver: Receiver) -> None:
    port = receiver.url.split(":")[2].removesuffix("/mo")

    (says,) = found("--port", port)

    assert says.startswith(f"port {port} of 127.0.0.1 is taken by something that is no")


def test_the_port_is_taken_by_who_says_nothing(
    taken: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emulator.command.doctor.PROBE_TIMEOUT", 0.2)

    (says,) = found("--port", str(taken))

    assert says.startswith(f"port {taken} of 127.0.0.1 is taken by something that is")


def test_the_port_of_smpp_is_taken(free: int, taken: int) -> None:
    nobody, smpp = found("--port", str(free), "--smpp-port", str(taken))

    assert nobody.startswith("nothing answers")
    assert smpp.startswith(f"port {taken} of 127.0.0.1, which serve wants for SMPP,")


def test_the_secret_is_asked_for() -> None:
    with serve_emulator(environment={"EMULATOR_CONTROL_SECRET": "one"}) as served:
        (without,) = found("--url", served.url)
        assert f"the emulator at {served.url} refuses" in without
        assert found("--url", served.url, "--control-secret", "one") == []


# --- worlds and tokens ------------------------------------------------------------


def test_a_world_that_is_not_there(world: Emulator) -> None:
    (says,) = found("--url", world.url, "--world", "nowhere")

    assert says == f"there is no world nowhere; there are demo, {world.world}"


def test_a_token_of_another_world(world: Emulator) -> None:
    (says,) = found_in(world, "--token", "demo")

    assert says.startswith(f"the token opens world demo and not {world.world}: ")
    assert found_in(world, "--token", world.token) == []
    assert found("--url", world.url, "--token", world.token) == []


def test_a_token_that_is_created_opens_its_world(world: Emulator) -> None:
    token = world.tokens.create("shop").token

    assert found_in(world, "--token", token) == []


def test_a_token_that_nobody_knows(world: Emulator) -> None:
    (says,) = found("--url", world.url, "--token", "eyJ.of.another")

    assert says.startswith("no world of this emulator knows the token")


def test_a_token_that_was_never_used_makes_no_world_here(world: Emulator) -> None:
    before = [each.name for each in world.worlds]

    (says,) = found("--url", world.url, "--token", "world-typo")

    assert "its first request opens a new and empty world typo beside demo" in says
    assert [each.name for each in world.worlds] == before


# --- the clock --------------------------------------------------------------------


def test_a_clock_that_was_frozen_and_forgotten(world: Emulator) -> None:
    assert world.clock.rate == 0
    place_sms(world)

    (says,) = found_in(world)

    assert says.startswith(
        f"the clock of world {world.world} stands still at 2026-03-02T18:00:00"
    )
    assert "inserted at 2026-03-02T18:00:01" in says
    assert f"smsclouds-emulator settle --world {world.world}" in says
    world.settle()
    assert found_in(world) == []


def test_a_clock_that_runs_is_not_forgotten(world: Emulator) -> None:
    place_sms(world)
    world.clock.run()

    assert found_in(world) == []


# --- pushes -----------------------------------------------------------------------


def test_pushes_to_where_nobody_listens(world: Emulator, free: int) -> None:
    world.change_account(push_url=f"http://localhost:{free}/mo")

    (says,) = found_in(world)

    assert says.startswith(f"pushes go to http://localhost:{free}/mo, where nothing an")


def test_keywords_ask_servers_as_well(world: Emulator, free: int) -> None:
    url = f"http://127.0.0.1:{free}/hora"
    world.add_item("keywords", keyword="hora", response_url=url)

    (says,) = found_in(world)

    assert says.startswith(f"pushes go to {url}, where nothing answers")


def test_pushes_that_arrive_are_well(world: Emulator, receiver: Receiver) -> None:
    world.change_account(push_url=receiver.url)
    assert found_in(world) == []
    deliver_sms(world)

    world.phone(NUMBER).reply("Si")
    world.settle()

    assert found_in(world) == []


def test_pushes_to_localhost_out_of_a_container(
    world: Emulator, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.change_account(push_url=f"{receiver.url}?a=b")
    port = receiver.url.split(":")[2].removesuffix("/mo")
    inside = node()
    monkeypatch.setattr("emulator.command.doctor.node", lambda: "outside")

    (says,) = found_in(world)

    assert says.startswith(f"pushes go to {receiver.url}?a=b, but the emulator is on ")
    assert f" {inside}, a container or another machine" in says
    assert f"http://host.docker.internal:{port}/mo?a=b" in says
    assert f"listen --forward-to {receiver.url}?a=b" in says

    deliver_sms(world)
    with world.receive(lambda _push: "ok"):
        world.phone(NUMBER).reply("Si")
        world.settle()
    assert found_in(world) == [], "a listener takes them"


def test_pushes_to_other_machines_are_not_looked_at(world: Emulator) -> None:
    world.change_account(push_url="http://10.255.255.1:9/mo")

    assert found_in(world) == []


# --- proxies ----------------------------------------------------------------------


@pytest.mark.parametrize("name", ["http_proxy", "HTTP_PROXY", "all_proxy"])
def test_a_proxy_stands_between(
    world: Emulator, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv(name, "http://user:password@proxy.example.org:3128")

    (says,) = found_in(world)

    assert says.startswith(f"{name.lower()} is set and no_proxy does not name 127.0.0")
    assert "password" not in says


@pytest.mark.parametrize(
    ("name", "value"),
    [("no_proxy", "127.0.0.1,localhost"), ("NO_PROXY", "*"), ("https_proxy", "")],
)
def test_a_proxy_that_is_passed_by_does_not(
    world: Emulator, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv("http_proxy" if "no" in name.lower() else name, "http://p:3128")
    monkeypatch.setenv(name, value or "http://p:3128")

    assert found_in(world) == []
