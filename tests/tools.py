"""Programs of other people that some tests run: where they are, and how to get them."""

import os
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = Path(__file__).parent / "contract_tools" / "node_modules"
SYSTEM = "/usr/sbin"  # of servers, which not everybody has on the PATH
PLACES = (Path(sys.executable).parent, PACKAGES / ".bin")

NPM = "npm ci --prefix tests/contract_tools --ignore-scripts"
PIP = "pip install -r tests/contract_tools/requirements.txt"
DEV = "make setup"

# What to type for a program, a file or an ability that a test needs.
INSTALL: Mapping[str, str] = {
    "bash": "apt install bash",
    "chromium": "apt install chromium",
    "curl": "apt install curl",
    "faketime": "apt install faketime",
    "hadolint": NPM,
    "java": "apt install default-jdk-headless",
    "javac": "apt install default-jdk-headless",
    "lighthouse": NPM,
    "nginx": "apt install nginx-light",
    "node": "apt install nodejs",
    "openapi-generator-cli": f"apt install default-jdk-headless && {NPM}",
    "openapi-typescript": NPM,
    "php": "apt install php-cli",
    "php-curl": "apt install php-curl",
    "podman": "apt install podman runc netavark aardvark-dns uidmap mmdebstrap",
    "prism": NPM,
    "redocly": NPM,
    "spectral": NPM,
    "strace": "apt install strace",
    "tsc": NPM,
    "tshark": "apt install tshark",
    "axe-core": NPM,
    "smpp of npm": NPM,
    "gson.jar": "apt install libgoogle-gson-java",
    "junit-platform-console-standalone.jar": "apt install junit5",
    "okhttp.jar": "apt install libokhttp-java",
    "okio.jar": "apt install libokhttp-java",
    "kotlin-stdlib.jar": "apt install libokhttp-java",
    "phpunit": "apt install phpunit",
    "mcs": "apt install mono-mcs libmono-system-net-http4.0-cil",
    "nunit-console": "apt install nunit-console",
    "Newtonsoft.Json.dll": "apt install libnewtonsoft-json5.0-cil",
    "nunit.framework.dll": "apt install libnunit-framework2.6.3-cil",
    "check-jsonschema": PIP,
    "cyclonedx-py": PIP,
    "openapi-python-client": PIP,
    "openapi-spec-validator": DEV,
    "pipx": PIP,
    "podman-compose": PIP,
    "uvx": PIP,
    "IPv6": "sysctl net.ipv6.conf.lo.disable_ipv6=0",
    "/proc": "a Linux machine: the memory of a process is read there",
}


def require_tool(name: str) -> Path:
    """Return where the program ``name`` is.

    Skips the test when it is nowhere; fails it where ``EMULATOR_REQUIRE_TOOLS=1``
    says that every program should be there.
    """
    path = os.pathsep.join([*map(str, PLACES), os.environ.get("PATH", ""), SYSTEM])
    found = shutil.which(name, path=path)
    return Path(found) if found else missing(name)


def require_file(name: Path) -> Path:
    """Return where a file of the npm packages is; see ``require_tool``."""
    path = PACKAGES / name
    return path if path.is_file() else missing(name.parts[0])


def missing(name: str) -> NoReturn:
    """Skip the test, or fail it, for want of ``name``; see ``require_tool``."""
    reason = f"{name} is missing: {INSTALL[name]}"
    if os.environ.get("EMULATOR_REQUIRE_TOOLS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


def unable(name: str, why: str) -> NoReturn:
    """Skip the test where ``name`` is there, and does not work on this machine."""
    pytest.skip(f"{name} does not work here ({why}): {INSTALL[name]}")


def skips_in_words(reasons: Mapping[str, int]) -> list[str]:
    """Return a line for each reason why tests were skipped, the most first."""
    ordered = sorted(reasons.items(), key=lambda each: (-each[1], each[0]))
    return [
        f"{count} test{'s' if count > 1 else ''} not run: {reason}"
        for reason, count in ordered
    ]
