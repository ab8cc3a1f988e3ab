"""The image, built and run on this machine: ``python -m tools.image`` says how.

No image registry is asked.  Where podman cannot run, the commands of the Dockerfile's
stages make a clean virtual environment, and what is in it is run.
"""

import fcntl
import gzip
import json
import os
import re
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, Protocol

from tools.podman import Podman, PodmanError, fit, spoken

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = ROOT / "Dockerfile"
NAME = "smsclouds-emulator"
TAG = f"localhost/{NAME}:here"
MARK = f"{NAME}.digest"  # a label of what is built here
CACHE = "__pycache__"
STOPPED = 60  # seconds; only what hangs comes near
ISOLATIONS: tuple[tuple[str, ...], ...] = ((), ("--isolation", "chroot"))
RUN = re.compile(r"^RUN ((?:.*\\\n)*.*)$", re.MULTILINE)
COPY = re.compile(r"^COPY (?!--)(.*) \./?$", re.MULTILINE)
CHECK = re.compile(r"^    CMD (\[.*\])$", re.MULTILINE)
ENV = re.compile(r"(\w+)=(\S+)")
SAID = re.compile(r"ready on http://\S+:(\d+)(?:.*\n)+?smpp: \S+:(\d+)")

Address = tuple[str, int]


class Running(Protocol):
    """An emulator out of the image."""

    @property
    def http(self) -> Address: ...

    @property
    def smpp(self) -> Address: ...

    @property
    def seen_as(self) -> str:
        """Return this machine's name in there."""

    def stop(self) -> int:
        """Send SIGTERM and return the exit code."""

    def is_healthy(self) -> bool:
        """Return what the command of HEALTHCHECK says."""


class Image(Protocol):
    """What the Dockerfile makes."""

    @property
    def way(self) -> str:
        """Return in which way it was built and is run, as a sentence."""

    def octets(self) -> int:
        """Return what it adds to its base, compressed."""

    def python(self, code: str) -> str:
        """Return what *code* prints in there."""

    def running(self, settings: Mapping[str, str]) -> AbstractContextManager[Running]:
        """Run it with *settings* as its environment, on a disk of its own."""


# --- By podman ---------------------------------------------------------------------


@dataclass(frozen=True)
class Container:
    podman: Podman
    name: str
    http: Address
    smpp: Address
    seen_as: str

    def stop(self) -> int:
        self.podman("kill", "--signal", "TERM", self.name)
        return int(self.podman("wait", self.name))

    def is_healthy(self) -> bool:
        (facts,) = json.loads(self.podman("image", "inspect", TAG))
        check = facts["Healthcheck"]["Test"]
        try:
            self.podman("exec", self.name, *check[1:])
        except PodmanError:
            return False
        return True


@dataclass(frozen=True)
class Built:
    podman: Podman
    base: str

    @property
    def way(self) -> str:
        version = self.podman("--version").split()[-1]
        python = self.podman.run("--rm", self.base, "python", "--version")
        flags = self.podman.flags
        return (
            f"podman {version} built and ran it over {python} of Debian's packages"
            f"{', with ' if flags else ''}{flags}"
        )

    def octets(self) -> int:
        first, last = (len(self.facts(each)["RootFS"]["Layers"]) for each in self._both)
        with TemporaryDirectory() as folder:
            archive = Path(folder) / "image.tar"
            kind = ("--format", "docker-archive", "--output", str(archive))
            self.podman("save", *kind, TAG)
            with tarfile.open(archive) as image:
                (facts,) = json.loads(_held(image, "manifest.json"))
                layers = facts["Layers"][first:last]
                return sum(len(gzip.compress(_held(image, each), 6)) for each in layers)

    @property
    def _both(self) -> tuple[str, str]:
        return self.base, TAG

    def facts(self, image: str = TAG) -> Mapping[str, Any]:
        """Return what podman knows of the image."""
        (facts,) = json.loads(self.podman("image", "inspect", image))
        known: Mapping[str, Any] = facts
        return known

    def python(self, code: str) -> str:
        arguments = ("--rm", "--entrypoint", "python", TAG, "-I", "-c", code)
        return self.podman.run(*arguments)

    @contextmanager
    def running(self, settings: Mapping[str, str]) -> Iterator[Running]:
        is_shared = bool(self.podman.network)
        free = {"EMULATOR_PORT": "0", "EMULATOR_SMPP_PORT": "0"} if is_shared else {}
        chosen = [f"--env={name}={text}" for name, text in {**free, **settings}.items()]
        ports = () if is_shared else ("-p=127.0.0.1::7672", "-p=127.0.0.1::2775")
        name = self.podman.run("--detach", *ports, *chosen, TAG)
        try:
            logs = (*self.podman.command, "logs", "--follow", name)
            with subprocess.Popen(logs, stdout=subprocess.PIPE, text=True) as process:
                http, smpp = _announced(process)
                process.kill()
            if not is_shared:
                http, smpp = (self._mapped(name, port) for port in (http, smpp))
            seen_as = "127.0.0.1" if is_shared else "host.containers.internal"
            here = "127.0.0.1"
            yield Container(self.podman, name, (here, http), (here, smpp), seen_as)
        finally:
            self.podman("rm", "--force", "--volumes", name)

    def _mapped(self, name: str, port: int) -> int:
        return int(self.podman("port", name, str(port)).rpartition(":")[2])


def _by_podman() -> Built:
    """Build the image.  Raises ``PodmanError``."""
    podman, base = fit()
    image, digest = Built(podman, base), _digest()
    if podman.has(TAG) and image.facts()["Labels"].get(MARK) == digest:
        return image
    asked = "import sys; print('%d.%d' % sys.version_info[:2])"
    python = podman.run("--rm", base, "python", "-c", asked)
    packages = _packages(python)
    arguments = {"BASE": base, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "/packages"}
    given = [f"--build-arg={name}={text}" for name, text in arguments.items()]
    command = ("build", "--format", "docker", "--network", "none", *podman.limits)
    offered = ("--label", f"{MARK}={digest}", "--volume", f"{packages}:/packages:ro")
    for isolation in ISOLATIONS:
        try:
            podman(*command, *isolation, *offered, *given, "--tag", TAG, str(ROOT))
        except PodmanError:
            if isolation is ISOLATIONS[-1]:
                raise
        else:
            break
    return image


def _digest() -> str:
    """Return what stands for everything that the image is made of."""
    digest = blake2b(DOCKERFILE.read_bytes(), digest_size=16)
    for path in sorted(each for name in _context() for each in _files(ROOT / name)):
        digest.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return digest.hexdigest()


def _files(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    found = path.rglob("*")
    return [each for each in found if each.is_file() and each.parent.name != CACHE]


def _packages(python: str) -> Path:
    """Return a folder of the locked packages, fetched once as the first stage does."""
    lock = ROOT / "image.lock"
    digest = blake2b(lock.read_bytes(), digest_size=8).hexdigest()
    folder = Path(gettempdir()) / f"{NAME}-packages-{python}-{digest}"
    with _alone("packages"):
        if not folder.is_dir():
            exact = ("--no-deps", "--only-binary", ":all:", "--require-hashes")
            pip = (sys.executable, "-m", "pip", "download", "--quiet", *exact)
            scratch = folder.with_name(f"{folder.name}.new")
            shutil.rmtree(scratch, ignore_errors=True)  # of one that was interrupted
            there = ("--requirement", str(lock), "--dest", str(scratch))
            spoken(*pip, "--python-version", python, *there)
            scratch.rename(folder)
    return folder


@contextmanager
def _alone(what: str) -> Iterator[None]:
    """Let who asks at the same time wait."""
    with (Path(gettempdir()) / f"{NAME}-{what}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _held(archive: tarfile.TarFile, name: str) -> bytes:
    file = archive.extractfile(name)
    return file.read() if file else b""


def _announced(process: subprocess.Popen[str]) -> tuple[int, int]:
    """Return the ports of HTTP and SMPP that an emulator says it is ready on."""
    text = ""
    for line in process.stdout or ():
        text += line
        if match := SAID.search(text):
            return int(match[1]), int(match[2])
    message = f"it did not start: {text}"
    raise PodmanError(message)


# --- In a virtual environment -------------------------------------------------------


@dataclass(frozen=True)
class Process:
    process: subprocess.Popen[str]
    environment: Mapping[str, str]
    http: Address
    smpp: Address
    seen_as: str = "127.0.0.1"

    def stop(self) -> int:
        self.process.terminate()
        return self.process.wait(STOPPED)

    def is_healthy(self) -> bool:
        command, *rest = json.loads(CHECK.findall(DOCKERFILE.read_text("utf-8"))[0])
        environment = {**self.environment, "EMULATOR_PORT": str(self.http[1])}
        command = shutil.which(command, path=environment["PATH"])
        return (
            subprocess.run([command, *rest], env=environment, check=False).returncode
            == 0
        )


@dataclass(frozen=True)
class Installed:
    """What the commands of the stages put into *folder*, in place of the root."""

    folder: Path
    why: str

    @property
    def way(self) -> str:
        return (
            f"podman cannot run here ({self.why}); the commands of its stages "
            "ran in a clean virtual environment"
        )

    def octets(self) -> int:
        archive = self.folder / "opt.tar.gz"
        with tarfile.open(archive, "w:gz") as file:
            file.add(self.folder / "opt", "opt")
        return archive.stat().st_size

    def python(self, code: str) -> str:
        return spoken(str(self.folder / "opt/emulator/bin/python"), "-I", "-c", code)

    def _here(self, given: Mapping[str, str]) -> dict[str, str]:
        """Return an environment of the image whose paths lie in the folder."""
        return {
            name: f"{self.folder}{value}" if value.startswith("/") else value
            for name, value in given.items()
        }

    @contextmanager
    def running(self, settings: Mapping[str, str]) -> Iterator[Running]:
        last = DOCKERFILE.read_text("utf-8").rpartition("\nFROM ")[2]
        _, _, after = last.partition("\nENV ")
        given = dict(ENV.findall(re.match(r"(?:.*\\\n)*.*", after)[0]))  # type: ignore[index]
        environment = {
            **self._here(given),
            "PATH": f"{self.folder}/opt/emulator/bin:{os.environ['PATH']}",
            "EMULATOR_PORT": "0",
            "EMULATOR_SMPP_PORT": "0",
            **settings,
        }
        command = [str(self.folder / "opt/emulator/bin/smsclouds-emulator"), "serve"]
        with subprocess.Popen(
            command, cwd=self.folder, env=environment, stdout=subprocess.PIPE, text=True
        ) as process:
            try:
                http, smpp = _announced(process)
                here = "127.0.0.1"
                yield Process(process, environment, (here, http), (here, smpp))
            finally:
                process.kill()


def installed(folder: Path, why: str = "it was not asked") -> Installed:
    """Run the commands of the stages, with *folder* for the root of the disk."""
    source = folder / "src"
    for name in ("src", "opt"):
        (folder / name).mkdir()
    for name in _context():
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        copy(ROOT / name, source / name)
    packages = _packages("{}.{}".format(*sys.version_info))
    here = (
        (r"\b10001\b", str(os.getuid())),
        (r"(?<!\S)python (?=-m)", f"{sys.executable} "),
        (r"(?<!\S)pip ", f"{sys.executable} -m pip "),
        (r"(?<!\S)/(?=opt|wheels|data)", f"{folder}/"),
    )
    environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(packages)}
    for command in RUN.findall(DOCKERFILE.read_text("utf-8")):
        script = command
        for there, ours in here:
            script = re.sub(there, ours, script)
        subprocess.run(["sh", "-ec", script], cwd=source, env=environment, check=True)
    return Installed(folder, why)


def _context() -> list[str]:
    """Return what is sent to a build: what .dockerignore excepts."""
    lines = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    return [line[1:] for line in lines if line.startswith("!")]


# --- Either -------------------------------------------------------------------------


@contextmanager
def built() -> Iterator[Image]:
    """Build the image in the best way that this machine allows.

    Whoever asks at the same time waits, and finds every layer there.
    """
    with TemporaryDirectory() as folder:
        with _alone("image"):
            try:
                image: Image = _by_podman()
            except PodmanError as error:
                image = installed(Path(folder), str(error))
        yield image


def main() -> None:
    with built() as image:
        print(f"{image.way}: {image.octets() / 1e6:.1f} MB compressed over its base")


if __name__ == "__main__":
    main()
