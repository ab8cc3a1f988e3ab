"""Podman with what it needs on this machine, and a base image out of Debian's packages.

A sandbox may refuse its storage, its runtime, limits above its own, or networks; the
fewest flags that get a container to run are found by trying.
"""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

STORES = ((), ("--storage-driver", "vfs"))
RUNTIMES = ((), ("--runtime", "runc"), ("--runtime", "crun"))
LIMITS = ((), ("--ulimit", "nofile=4096:4096", "--ulimit", "nproc=4096:4096"))
NETWORKS = ((), ("--network", "host"))
# Nothing is written, nothing is privileged, and systemd's timers are not asked for.
HARDENED = ("--read-only", "--cap-drop", "ALL", "--no-healthcheck")

SUITE = "bookworm"  # where this machine is no Debian
INCLUDED = "python3,python-is-python3,python3-venv,python3-pip,ca-certificates"


class PodmanError(Exception):
    """Podman does not do it here; the message is one sentence."""


@dataclass(frozen=True)
class Podman:
    store: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    runtime: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()

    @property
    def command(self) -> tuple[str, ...]:
        return ("podman", *self.store, *self.runtime)

    @property
    def flags(self) -> str:
        """What it needs here beside its defaults."""
        return " ".join((*self.store, *self.network, *self.runtime, *self.limits))

    def __call__(self, *arguments: str) -> str:
        """Run a command and return what it prints.  Raises ``PodmanError``."""
        return spoken(*self.command, *arguments)

    def run(self, *arguments: str) -> str:
        """Run a container as a careful person would."""
        return self("run", *HARDENED, *self.limits, *self.network, *arguments)

    def has(self, image: str) -> bool:
        try:
            self("image", "exists", image)
        except PodmanError:
            return False
        return True


def fit() -> tuple[Podman, str]:
    """Return podman as it runs here, and its base image.  Raises ``PodmanError``."""
    base = f"localhost/smsclouds-emulator-base:{suite()}"
    for needed in ("podman", "mmdebstrap"):
        if shutil.which(needed) is None:
            message = f"{needed} is not installed"
            raise PodmanError(message)
    why = ""
    for podman in _ways(base):
        try:
            podman.run("--rm", base, "true")
        except PodmanError as error:
            why = str(error)
        else:
            return podman, base
    raise PodmanError(why)


def suite() -> str:
    """Return the release of Debian that the base is made of."""
    lines = Path("/etc/os-release").read_text("utf-8").splitlines()
    facts = dict(line.partition("=")[::2] for line in lines)
    return facts["VERSION_CODENAME"] if facts.get("ID") == "debian" else SUITE


def spoken(*command: str) -> str:
    """Return what *command* prints.  Raises ``PodmanError`` where it fails."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        last = " ".join(done.stderr.strip().splitlines()[-1:])
        message = f"{command[0]} ended with {done.returncode}: {last}"
        raise PodmanError(message)
    return done.stdout.strip()


def _ways(base: str) -> Iterator[Podman]:
    for store in STORES:
        if not Podman(store).has(base):
            with TemporaryDirectory() as folder:
                archive = str(Path(folder) / "base.tar")
                small = ("--quiet", "--variant=minbase", f"--include={INCLUDED}")
                spoken("mmdebstrap", *small, suite(), archive)
                try:
                    Podman(store)("import", archive, base)
                except PodmanError:
                    continue
        for network, runtime, limits in product(NETWORKS, RUNTIMES, LIMITS):
            yield Podman(store, network, runtime, limits)
