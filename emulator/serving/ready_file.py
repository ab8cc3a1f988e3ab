"""The ready file: where the process is, for who waits for that."""

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from emulator.serving.settings import ServeError


def prepare_ready_file(ready_file: Path) -> None:
    """Remove what a killed process left, and see that a new one can be written.

    Raises ``ServeError`` where it cannot.
    """
    scratch = _scratch_path(ready_file)
    try:
        ready_file.unlink(missing_ok=True)
        scratch.touch()
        scratch.unlink()
    except OSError as error:
        message = f"the ready file {ready_file} cannot be written ({error.strerror})"
        raise ServeError(message) from error


def write_ready_file(ready_file: Path, facts: Mapping[str, Any]) -> None:
    """Write the ready file, whole or not at all.

    Raises ``ServeError`` where it cannot.
    """
    scratch = _scratch_path(ready_file)
    try:
        scratch.write_text(_render_facts(facts), "utf-8")
        scratch.replace(ready_file)
    except OSError as error:
        with suppress(OSError):
            scratch.unlink(missing_ok=True)
        message = f"the ready file {ready_file} cannot be written ({error.strerror})"
        raise ServeError(message) from error


def remove_ready_file(ready_file: Path, facts: Mapping[str, Any]) -> None:
    """Remove the ready file, unless another process has written its own since."""
    with suppress(OSError, UnicodeError):
        if ready_file.read_text("utf-8") == _render_facts(facts):
            ready_file.unlink()


def _render_facts(facts: Mapping[str, Any]) -> str:
    return json.dumps(facts) + "\n"


def _scratch_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}")
