"""Scripts, styles and pictures: ours and those of others, packed once and cached."""

import gzip
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

HERE = Path(__file__).parent / "static"
VENDOR = Path(__file__).parents[1] / "vendor"

KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
FILES: Mapping[str, Path] = {
    path.name: path
    for path in (
        HERE / "panel.css",
        HERE / "panel.js",
        HERE / "letter.css",
        HERE / "icon.svg",
        VENDOR / "pico" / "pico.min.css",
        VENDOR / "htmx" / "htmx.min.js",
        VENDOR / "htmx" / "hx-sse.min.js",
    )
}


class Asset(NamedTuple):
    octets: bytes
    packed: bytes  # by gzip
    kind: str
    mark: str  # changes with the octets


def asset(name: str) -> Asset | None:
    """Return a file that pages ask for, if it is one."""
    path = FILES.get(name)
    return None if path is None else _read(path)


@cache
def _read(path: Path) -> Asset:
    octets = path.read_bytes()
    mark = sha256(octets).hexdigest()[:12]
    return Asset(octets, gzip.compress(octets, mtime=0), KINDS[path.suffix], mark)


@cache
def address(name: str) -> str:
    """Return where a file is, in this version of it."""
    found = asset(name)
    if found is None:
        message = f"no page has a file called {name}"
        raise LookupError(message)
    return f"/panel/asset/{name}?{found.mark}"
