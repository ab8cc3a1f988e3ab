"""The watch over where tests write: one for them and for all processes they start."""

import os
import shutil
import tempfile
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

ROOT = Path(__file__).parent.parent
WATCH = Path(__file__).parent / "watch" / "sitecustomize.py"
ALLOWED, NOTES = "TESTS_MAY_WRITE", "TESTS_WROTE"
HOMES = ("HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME")


def begin_watching() -> Path | None:
    """Note from now on what is written elsewhere; return the home of what is started.

    It is a new folder, so that tools keep nothing of a test.  None in a worker, which
    is watched by the environment that it was started in.
    """
    home = None
    if NOTES not in os.environ:
        scratch = Path(tempfile.gettempdir()).resolve()
        home = Path(tempfile.mkdtemp(prefix="tests-at-home-"))
        os.environ |= dict.fromkeys(HOMES, str(home))
        os.environ[ALLOWED] = os.pathsep.join(map(str, (ROOT.resolve(), scratch)))
        os.environ[NOTES] = str(home / "written")
        known = os.environ.get("PYTHONPATH", "")
        paths = filter(None, (str(WATCH.parent), known))
        os.environ["PYTHONPATH"] = os.pathsep.join(paths)
    spec = spec_from_file_location("watch", WATCH)
    if spec is not None and spec.loader is not None:
        spec.loader.exec_module(module_from_spec(spec))
    return home


def end_watching(home: Path) -> list[str]:
    """Return what was written outside the checkout and the temporary folder."""
    notes = home / "written"
    found = set(notes.read_text("utf-8").splitlines()) if notes.exists() else set()
    for each in (*HOMES, ALLOWED, NOTES):
        os.environ.pop(each, None)
    shutil.rmtree(home, ignore_errors=True)
    return sorted(found)
