"""Programs of other people that some tests run, and where they are looked for."""

import os
import shutil
import sys
from pathlib import Path
from typing import NoReturn

import pytest

PACKAGES = Path(__file__).parent / "contract_tools" / "node_modules"
SYSTEM = "/usr/sbin"  # of servers, which not everybody has on the PATH
PLACES = (Path(sys.executable).parent, PACKAGES / ".bin")


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
    return path if path.is_file() else missing(str(name))


def missing(name: str) -> NoReturn:
    """Skip the test, or fail it, for want of ``name``; see ``require_tool``."""
    if os.environ.get("EMULATOR_REQUIRE_TOOLS") == "1":
        pytest.fail(f"{name}: not installed")
    pytest.skip(f"{name}: not installed")
