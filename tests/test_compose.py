"""The compose files: what they promise, and compose.yaml as it runs."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest
import yaml

from emulator.client import Emulator
from tests.support.orders import NUMBER, SMS, make_sms
from tests.support.processes import (
    DEADLINE,
    ROOT,
    require_tool,
    skip_unable,
    split_address,
)
from tests.support.servers import run_receiver
from tools.image import TAG, Built, built

GATEWAY = "host-gateway"  # which podman knows from 4.7 on
FREE = {"PORT": "", "SMPP_PORT": "", "RECEIVER_PORT": ""}


@dataclass(frozen=True)
class Composition:
    """The services of a compose file under a name of their own."""

    image: Built
    file: Path
    project: str

    def up(self) -> None:
        self._do("up", "--detach", "--no-build")
        for service, sign in (("emulator", "ready on"), ("receiver", "are shown on")):
            self._wait(service, sign)

    def down(self, *flags: str) -> None:
        self._do("down", *flags)

    def url(self, service: str, port: int) -> str:
        """Return where a port of a service is published."""
        place = self.image.podman("port", self._name(service), str(port))
        return f"http://{place}"

    def logs(self, service: str) -> str:
        return self.image.podman("logs", self._name(service))

    def _name(self, service: str) -> str:
        return f"{self.project}_{service}_1"

    def _wait(self, service: str, sign: str) -> None:
        """Return once *service* has said *sign*."""
        command = (*self.image.podman.command, "logs", "--follow", self._name(service))
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as logs:
            assert any(sign in line for line in logs.stdout or ())
            logs.kill()

    def _do(self, *words: str) -> None:
        podman = self.image.podman
        flags = " ".join(("--no-healthcheck", *podman.limits))
        done = subprocess.run(
            [
                str(require_tool("podman-compose")),
                f"--podman-args={' '.join(podman.command[1:])}",
                f"--podman-run-args={flags}",
                *("--project-name", self.project, "--file", str(self.file)),
                *words,
            ],
            env={**os.environ, **FREE, "IMAGE": TAG, "BASE": self.image.base},
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert done.returncode == 0, done.stdout


@contextmanager
def run_composition(image: Built, folder: Path) -> Iterator[Composition]:
    """Have compose.yaml up, and nothing of it left afterwards."""
    project = f"smsclouds-{os.getpid()}"
    network = f"{project}_default"
    image.podman("network", "create", network)
    (facts,) = json.loads(image.podman("network", "inspect", network))
    text = (ROOT / "compose.yaml").read_text("utf-8")
    assert GATEWAY in text
    text = text.replace(GATEWAY, facts["subnets"][0]["gateway"])
    file = folder / "compose.yaml"
    file.write_text(text.replace("./deploy/", f"{ROOT}/deploy/"), "utf-8")
    composition = Composition(image, file, project)
    try:
        composition.up()
        yield composition
    finally:
        composition.down("--volumes")
        image.podman("network", "rm", "--force", network)


RECEIVER = ROOT / "deploy" / "receiver" / "receiver.py"
ALONE = ROOT / "compose.yaml"
MANY = ROOT / "deploy" / "nginx" / "compose.yaml"


def services(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text("utf-8"))["services"]
    return found


def read(url: str) -> str:
    connection = HTTPConnection(*split_address(url), timeout=DEADLINE)
    try:
        connection.request("GET", "/")
        answer = connection.getresponse()
        assert answer.status == 200
        return answer.read().decode()
    finally:
        connection.close()


# --- The receiver ---------------------------------------------------------------------


@contextmanager
def shown() -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Run the receiver as a process; yield its URL."""
    command = [sys.executable, str(RECEIVER), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            port = process.stdout.readline().split()[-1]
            yield f"http://127.0.0.1:{port}", process
        finally:
            process.kill()


def test_the_receiver_shows_a_push_as_it_arrives(emulator: Emulator) -> None:
    with shown() as (url, process):
        emulator.change_account(push_url=f"{url}/mo?of=us")
        replied(emulator)

        assert process.stdout
        line = process.stdout.readline()

        assert line.startswith("/mo of='us' response='hola, ¿qué tal?' cellphone=")
        assert read(url) == line
    (delivery,) = emulator.deliveries
    assert (delivery.state, delivery.attempts[0].body) == ("delivered", "ok")


def test_the_receiver_ends_with_0() -> None:
    with shown() as (_, process):
        process.terminate()

        assert process.wait(timeout=DEADLINE) == 0


def replied(emulator: Emulator) -> None:
    """Place a message and answer it."""
    assert emulator.request("POST", SMS, json=make_sms()).status == 200
    emulator.settle()
    emulator.phone(NUMBER).reply("hola, ¿qué tal?")
    emulator.settle()


# --- The files ------------------------------------------------------------------------


@pytest.mark.tools
@pytest.mark.parametrize("file", [ALONE, MANY], ids=["alone", "many"])
def test_a_compose_file_is_what_its_schema_says(file: Path) -> None:
    tool = str(require_tool("check-jsonschema"))
    command = [tool, "--builtin-schema", "vendor.compose-spec", str(file)]

    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", [ALONE, MANY], ids=["alone", "many"])
def test_no_service_can_do_more_than_it_needs(file: Path) -> None:
    for name, service in services(file).items():
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        for port in service["ports"]:
            assert port.startswith("127.0.0.1:"), name


@pytest.mark.parametrize("file", [ALONE, MANY], ids=["alone", "many"])
def test_an_emulator_keeps_its_worlds_and_reaches_the_host(file: Path) -> None:
    emulators = {k: v for k, v in services(file).items() if k.startswith("emulator")}
    volumes = [volume for each in emulators.values() for volume in each["volumes"]]

    for each in emulators.values():
        assert each["extra_hosts"] == ["host.docker.internal:host-gateway"]
        assert each["build"]["args"] == {"BASE": "${BASE:-python:3.12-slim}"}
    assert all(each.endswith(":/data") for each in volumes)
    assert len(set(volumes)) == len(emulators)


def test_the_balancer_leads_to_every_process_of_its_compose_file() -> None:
    found = services(MANY)
    balancer, emulators = found.pop("balancer"), found
    listed = (MANY.parent / "services.conf").read_text("utf-8")
    ours = (MANY.parent / "processes.conf").read_text("utf-8")

    assert re.findall(
        r"^server (\S+):7672 max_fails=0;$", listed, re.MULTILINE
    ) == list(emulators)
    assert ours.count("max_fails=0;") == len(emulators)
    assert list(balancer["depends_on"]) == list(emulators)
    for each in emulators.values():
        port = each["environment"]["EMULATOR_SMPP_PORT"]
        assert each["environment"]["EMULATOR_AUTO_CREATE_WORLDS"] == "http"
        # A client of SMPP is told the port that it listens on.
        assert each["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert len({each["ports"][0] for each in emulators.values()}) == len(emulators)


# --- As it runs -----------------------------------------------------------------------


@pytest.mark.tools
@pytest.mark.timeout(1200)  # the image may have to be built first
def test_compose_gives_a_sandbox_that_shows_pushes_and_keeps_its_worlds(
    tmp_path: Path,
) -> None:
    require_tool("podman-compose")
    with built() as image:
        if not isinstance(image, Built) or image.podman.network:
            skip_unable("podman", "it has no networks of its own")
        with run_composition(image, tmp_path) as running:
            url = running.url("emulator", 7672)
            with Emulator(url, token="world-composed") as emulator:
                emulator.change_account(pace="instant")
                replied(emulator)
                assert emulator.deliveries[0].state == "delivered"
                assert "<title>" in read(url)
                pushed = read(running.url("receiver", 8080))
                assert pushed.startswith("/mo response='hola, ¿qué tal?' cellphone=")
                assert running.logs("receiver").endswith(pushed.strip())

                with run_receiver(host="0.0.0.0") as ours:  # noqa: S104
                    port = ours.url.rpartition(":")[2]
                    emulator.change_account(
                        push_url=f"http://host.docker.internal:{port}"
                    )
                    emulator.phone(NUMBER).reply("BAJA")
                    emulator.settle()
                assert ours.parameters[0]["response"] == "BAJA"
                balance = emulator.balance

            running.down()
            running.up()

            url = running.url("emulator", 7672)
            with Emulator(url, token="world-composed") as emulator:
                assert emulator.balance == balance
                assert emulator.messages(to=NUMBER).count == 1
