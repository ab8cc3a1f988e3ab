"""Scripts, styles and pictures: ours and those of others, packed once and cached."""

import gzip
from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

ASSET_DIR = Path(__file__).parent / "static"
VENDOR_DIR = Path(__file__).parents[1] / "vendor"

CONTENT_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
ASSET_FILES: Mapping[str, Path] = {
    path.name: path
    for path in (
        ASSET_DIR / "panel.css",
        ASSET_DIR / "panel.js",
        ASSET_DIR / "email.css",
        ASSET_DIR / "icon.svg",
        VENDOR_DIR / "pico" / "pico.min.css",
        VENDOR_DIR / "htmx" / "htmx.min.js",
        VENDOR_DIR / "htmx" / "hx-sse.min.js",
    )
}


class Asset(NamedTuple):
    octets: bytes
    gzip_octets: bytes  # by gzip
    kind: str
    mark: str  # changes with the octets


def find_asset(name: str) -> Asset | None:
    """Return a file that pages ask for, if it is one."""
    path = ASSET_FILES.get(name)
    return None if path is None else _read_asset(path)


@cache
def _read_asset(path: Path) -> Asset:
    octets = path.read_bytes()
    mark = sha256(octets).hexdigest()[:12]
    return Asset(
        octets, gzip.compress(octets, mtime=0), CONTENT_TYPES[path.suffix], mark
    )


@cache
def make_asset_path(name: str) -> str:
    """Return the path of a file, in this version of it."""
    found = find_asset(name)
    if found is None:
        message = f"no page has a file called {name}"
        raise LookupError(message)
    return f"/panel/asset/{name}?{found.mark}"
