"""The compose file, brought up by podman-compose as a person brings it up by Docker."""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.served import ROOT
from tests.tools import require_tool
from tools.image import TAG, Built

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
def composed(image: Built, folder: Path) -> Iterator[Composition]:
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
