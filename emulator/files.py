"""Where contract and fixtures lie: in the package, or beside it in a checkout."""

from pathlib import Path
from typing import Any

import yaml

_PACKAGED = Path(__file__).parent / "_data"
ROOT = _PACKAGED if _PACKAGED.is_dir() else Path(__file__).parent.parent

CONTRACT = ROOT / "openapi.yaml"
CONTROL = Path(__file__).parent / "web" / "control.yaml"
WORLDS = ROOT / "fixtures" / "worlds"
WORLD_SCHEMA = ROOT / "fixtures" / "world.schema.yaml"
SIGNING_KEY = ROOT / "fixtures" / "token_signing_key.pem"


def read_yaml(path: Path) -> Any:
    """Return what the YAML file at *path* holds, read by the faster of two loaders.

    Raises ``OSError``, ``ValueError`` or ``yaml.YAMLError``.
    """
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(path.read_text("utf-8"), loader)  # noqa: S506 - it is safe
