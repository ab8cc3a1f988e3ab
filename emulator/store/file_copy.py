"""A copy of the file while others write: made beside it, read once, and gone."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from tempfile import mkstemp
from threading import Event, Thread

from emulator.store import StoreError
from emulator.store.database_file import DatabaseFile
from emulator.world import StoreWriteError

COPY_NAME = "worlds.sqlite-copy-"  # what copies are called that no one has read
PIECE = 256 * 1024  # bytes that are read at a time
BREATH = 0.0005  # seconds of the wall between two parts, in which others write


class FileCopy:
    """A copy under way, in a thread of its own."""

    def __init__(self, file: DatabaseFile) -> None:
        """Begin.  Raises ``StoreWriteError``."""
        self._file = file
        try:
            descriptor, name = mkstemp(prefix=COPY_NAME, dir=file.path.parent)
        except OSError as error:
            message = f"{file.path} cannot be copied ({error.strerror})"
            raise StoreWriteError(message) from error
        self._target = os.fdopen(descriptor, "rb")
        self.path = Path(name)
        self.is_over = False  # whether it was read, or given up
        self._stop = Event()
        self._error: StoreError | None = None
        self._thread = Thread(target=self._make_copy, name="backup", daemon=True)
        self._thread.start()

    @property
    def is_done(self) -> bool:
        """Whether it is made, or never will be."""
        return not self._thread.is_alive()

    def read_pieces(self) -> Iterator[bytes]:
        """Return the bytes of the copy, which is gone then.

        Raises ``StoreWriteError`` where it could not be made.
        """
        if self._error is not None:
            self.discard()
            raise StoreWriteError(str(self._error))
        return self._read_to_end()

    def _read_to_end(self) -> Iterator[bytes]:
        try:
            while octets := self._target.read(PIECE):
                yield octets
        finally:
            self.discard()

    def discard(self) -> None:
        """Give it up, and delete what there is of it."""
        self.is_over = True
        self._stop.set()
        self._thread.join()
        self._target.close()
        with suppress(OSError):
            self.path.unlink()

    def _make_copy(self) -> None:
        try:
            self._file.copy_to(self.path, self._let_in)
        except StoreError as error:
            self._error = error

    def _let_in(self) -> None:
        if self._stop.wait(BREATH):
            message = "the copy was given up"
            raise StoreError(message)


def remove_old_copies(folder: Path) -> None:
    """Delete the copies that a process left which was killed."""
    for each in folder.glob(f"{COPY_NAME}*"):
        with suppress(OSError):
            each.unlink()
