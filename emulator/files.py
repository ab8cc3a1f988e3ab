"""Where contract and fixtures lie: in the package, or beside it in a checkout."""

import codecs
import os
import sys
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any

import orjson

_HERE = Path(__file__).parent
_PACKAGED = _HERE / "_data"
ROOT = _PACKAGED if _PACKAGED.is_dir() else _HERE.parent

CONTRACT = ROOT / "openapi.yaml"
CONTROL_CONTRACT = _HERE / "web" / "control.yaml"
WORLDS = ROOT / "fixtures" / "worlds"
WORLD_SCHEMA = ROOT / "fixtures" / "world.schema.yaml"
LEDGER = ROOT / "docs" / "ledger.yaml"
PRESETS = ROOT / "fixtures" / "faults.yaml"
CONTAINER_MARKERS = (
    "/.dockerenv",
    "/run/.containerenv",
)  # files that Docker and Podman leave
# The marks at the beginning of a file that say how its text is encoded
MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SIGNING_KEY = ROOT / "fixtures" / "token_signing_key.pem"


def read_text(path: Path) -> str:
    """Return the text in a file of a user, with a byte order mark or without.

    Editors of Windows write one, and its shell writes UTF-16.  Raises ``OSError``, or
    ``ValueError`` for what is no text.
    """
    octets = path.read_bytes()
    encoding = next((each for mark, each in MARKS if octets.startswith(mark)), "utf-8")
    return octets.decode(encoding).replace("\r\n", "\n")


def read_yaml(path: Path) -> Any:
    """Return what the YAML file at *path* holds.

    Raises ``OSError``, or ``ValueError`` for what is not YAML.
    """
    yaml = import_module("yaml")  # 12 ms, and the files of our own are cached
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return yaml.load(read_text(path), loader)
    except yaml.YAMLError as error:
        raise ValueError(str(error)) from error


def read_cached_yaml(path: Path, folder: Path = _HERE / "__pycache__") -> Any:
    """Return what a YAML file of ours holds, from a cache where there is one.

    Reading the contract takes a tenth of a start.  As Python does with its bytecode, it
    is kept in *folder*, for this size and date of the file, where one may write.
    """
    facts = path.stat()
    stamp = f"{facts.st_mtime_ns:x}-{facts.st_size:x}"
    cache = folder / f"{path.stem}-{stamp}.json"
    with suppress(OSError, ValueError):
        return orjson.loads(cache.read_bytes())
    tree = read_yaml(path)
    if not sys.dont_write_bytecode:
        with suppress(OSError, TypeError):
            for stale in folder.glob(f"{path.stem}-*.json"):
                stale.unlink()
            _write_file(cache, orjson.dumps(tree))
    return tree


def is_in_container() -> bool:
    """Return whether this is a container, where localhost is the container alone."""
    return any(map(os.path.exists, CONTAINER_MARKERS))


def _write_file(path: Path, octets: bytes) -> None:
    """Write a file whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    scratch = path.with_suffix(f".{os.getpid()}")
    scratch.write_bytes(octets)
    scratch.replace(path)
