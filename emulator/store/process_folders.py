"""How many processes a data directory belongs to: each has a directory in it.

A world is looked for by the process that its name leads to, and with another number of
processes that is another one: it would open an empty world of that name.
"""

from pathlib import Path

from emulator.store import DATABASE_NAME, StoreError
from emulator.store.private_files import make_private_file, make_private_folder

PROCESSES_NAME = "worlds.processes"  # the file that says how many there are


def require_same_processes(folder: Path, processes: int) -> None:
    """Raise ``StoreError`` where *folder* was served by another number of processes."""
    known = count_processes(folder)
    if known in (0, processes):
        return
    instead = f"serve it with --processes {known}" if known > 1 else ""
    message = (
        f"the data directory {folder} holds the worlds of {known} "
        f"{'processes' if known > 1 else 'process'}, and {processes} would look for "
        f"them elsewhere: {instead or 'leave --processes out'}, or name another --data"
    )
    raise StoreError(message)


def count_processes(folder: Path) -> int:
    """Return how many processes have served *folder*; 0 where none has."""
    try:
        return int((folder / PROCESSES_NAME).read_text("ascii"))
    except (OSError, ValueError):  # none has, or one of an older version
        pass
    parts = [
        int(each.parent.name)
        for each in folder.glob(f"*/{DATABASE_NAME}")
        if each.parent.name.isdigit()
    ]
    if (folder / DATABASE_NAME).exists():
        return 1
    return max(parts, default=0)


def note_processes(folder: Path, processes: int) -> None:
    """Write down how many processes serve *folder*.  Raises ``StoreError``."""
    path = folder / PROCESSES_NAME
    try:
        make_private_folder(folder)
        make_private_file(path)
        path.write_text(f"{processes}\n", "ascii")
    except OSError as error:
        message = f"the data directory {folder} cannot be used ({error.strerror})"
        raise StoreError(message) from error
