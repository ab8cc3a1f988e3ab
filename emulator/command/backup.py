"""A copy of the worlds that a running emulator keeps, written to a file."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPException
from pathlib import Path
from urllib.parse import urlsplit

from emulator.client.transport import ClientRequest, NotStreamed, SocketTransport
from emulator.command.options import DEFAULT_SETTINGS, ControlTarget, OperatorError
from emulator.store import DATABASE_NAME

SECRET_HEADER = "X-Emulator-Control"  # noqa: S105 - the name of a header
PATH = "/_emulator/backup"
PATIENCE = 600.0  # seconds; only an emulator that hangs comes near


def write_backup(target: ControlTarget, path: Path) -> int:
    """Write the worlds of an emulator to *path*, whole or not at all.

    Return how many there are.  Raises ``OperatorError``.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(scratch, os.O_CREAT | os.O_WRONLY | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(_ask_pieces(target))
            file.flush()
            os.fsync(file.fileno())
        count = _count_worlds(scratch, target.url)
        scratch.replace(path)
    except OSError as error:
        message = f"the backup {path} cannot be written ({error.strerror or error})"
        raise OperatorError(message) from error
    else:
        return count
    finally:
        scratch.unlink(missing_ok=True)


def _ask_pieces(target: ControlTarget) -> Iterator[bytes]:
    headers = {SECRET_HEADER: target.secret} if target.secret else {}
    asked = ClientRequest("GET", PATH, headers, b"", PATIENCE)
    try:
        yield from SocketTransport(target.url).open_stream(asked)
    except NotStreamed as other:
        try:
            why = other.response.json()["detail"]
        except (ValueError, KeyError, TypeError):
            why = f"it answers {other.response.status}"
        message = f"the emulator at {target.url} makes no backup: {why}"
        raise OperatorError(message) from other
    except (OSError, HTTPException) as error:
        message = f"no emulator answers at {target.url} ({error})"
        raise OperatorError(message) from error


def _count_worlds(path: Path, url: str) -> int:
    """Return how many worlds are in a copy.  Raises ``OperatorError``."""
    try:
        with closing(sqlite3.connect(path)) as copy:
            flaw = copy.execute("PRAGMA quick_check(1)").fetchone()[0]
            if flaw != "ok":
                raise sqlite3.DatabaseError(flaw)
            query = "SELECT count(*) FROM world WHERE aside IS NULL"
            count: int = copy.execute(query).fetchone()[0]
            return count
    except sqlite3.Error as error:
        message = f"what the emulator at {url} sent is no whole backup ({error})"
        raise OperatorError(message) from error


def list_backup_parts(
    target: ControlTarget, path: Path, processes: int
) -> Iterator[tuple[ControlTarget, Path]]:
    """Yield each process that serves, and where its worlds are written to."""
    if processes == 1:
        yield target, path
        return
    parts = urlsplit(target.url)
    first = parts.port or DEFAULT_SETTINGS.port
    head = parts.netloc.removesuffix(f":{parts.port}")
    for index in range(processes):
        url = parts._replace(netloc=f"{head}:{first + index}").geturl()
        part = ControlTarget(url, target.secret)
        yield part, path / str(index + 1) / DATABASE_NAME
