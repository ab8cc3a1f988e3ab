"""Files and directories of one user: no one else reads what is in them.

On Windows a file has no such modes; there the directory's own rights hold.
"""

import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

FILE_MODE, FOLDER_MODE = 0o600, 0o700
OTHERS = 0o077  # what the group and everyone else may do

log = logging.getLogger("emulator")


def make_private_folder(folder: Path) -> None:
    """Make *folder*, and what it lies in, for this user alone.

    One that is there is closed to others where nothing of anyone else lies in it;
    otherwise it is said.  Raises ``OSError``.
    """
    if not folder.is_dir():
        missing = [each for each in (folder, *folder.parents) if not each.exists()]
        for each in reversed(missing):
            each.mkdir(mode=FOLDER_MODE, exist_ok=True)
        if not missing:
            folder.mkdir()  # which says what is wrong
        return
    mode = stat.S_IMODE(folder.stat().st_mode)
    if not mode & OTHERS or os.name == "nt":
        return
    if all(_is_of_a_data_folder(each) for each in folder.iterdir()):
        with suppress(OSError):  # another user's: whether it can be used is seen later
            folder.chmod(mode & ~OTHERS)
            return
    log.warning(
        "others of this machine may look into %s, where tokens and texts are kept: "
        "chmod 700 %s",
        *(folder, folder),
    )


def make_private_file(path: Path) -> bool:
    """Make *path* for this user alone; return whether it was not there.

    Raises ``OSError``.
    """
    flags = os.O_CREAT | os.O_EXCL | os.O_WRONLY
    try:
        os.close(os.open(path, flags, FILE_MODE))
    except FileExistsError:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & OTHERS:
            with suppress(OSError):  # another user's, as above
                path.chmod(mode & ~OTHERS)
        return False
    return True


def _is_of_a_data_folder(path: Path) -> bool:
    """Whether a path is a file of worlds, or the directory of one process."""
    return path.name.startswith("worlds.") or (path.name.isdigit() and path.is_dir())
