"""Watches where a Python process writes: in the checkout and the temporary folder.

Python imports this by itself in every process whose PYTHONPATH has this folder, as the
tests and whatever they start do.  What is written elsewhere is noted in a file, which
the end of the tests reads; nothing is prevented.
"""

import os
import sys

ALLOWED, NOTES = "TESTS_MAY_WRITE", "TESTS_WROTE"  # in the environment
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
SYSTEM = ("/dev/", "/proc/")

# What of a path a call changes, by the name of its audit event.
PLACES = {
    "os.mkdir": (0,),
    "os.rename": (0, 1),
    "os.link": (1,),
    "os.symlink": (1,),
    "os.truncate": (0,),
    "os.chmod": (0,),
    "os.chown": (0,),
    "os.remove": (0,),
    "os.rmdir": (0,),
    "os.utime": (0,),
    "sqlite3.connect": (0,),
}


def _is_bytecode(path: str) -> bool:
    """Python keeps its own beside its library, wherever that is."""
    return path.rsplit(os.sep, 2)[-2] == "__pycache__"


def _watch(allowed: tuple[str, ...], notes: str) -> None:
    busy: list[str] = []

    def check(event: str, place: object) -> None:
        if not isinstance(place, str | bytes | os.PathLike):
            return
        path = os.path.realpath(os.fsdecode(place))
        if path.startswith((*allowed, *SYSTEM)) or _is_bytecode(path):
            return
        line = f"{event} {path} by {' '.join(sys.argv[:4])}\n"
        descriptor = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, line.encode())
        os.close(descriptor)

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        places = PLACES.get(event, ())
        if event == "open" and isinstance(flags := arguments[2], int):
            places = (0,) if flags & WRITING else ()
        if not places or busy:
            return
        busy.append(event)
        try:
            for each in places:
                check(event, arguments[each])
        finally:
            busy.clear()

    sys.addaudithook(hear)


if NOTES in os.environ:
    _watch(tuple(os.environ[ALLOWED].split(os.pathsep)), os.environ[NOTES])
