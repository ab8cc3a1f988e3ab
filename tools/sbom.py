"""The bill of materials of the image: ``make sbom`` writes dist/sbom.cdx.json.

What the image installs is installed into a clean environment, and CycloneDX's own tool
reads it off there.
"""

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.image import ROOT, Installed, installed
from tools.podman import spoken

BILL = ROOT / "dist" / "sbom.cdx.json"


def write(shipped: Installed, bill: Path, *, tool: Path) -> None:
    """Write down, by cyclonedx-py, what is installed: no date, no number of its own."""
    python = shipped.folder / "opt/emulator/bin/python"
    form = ("--spec-version", "1.6", "--output-format", "JSON", "--output-reproducible")
    about = ("--pyproject", str(ROOT / "pyproject.toml"), "--mc-type", "application")
    written = ("--validate", "--output-file", str(bill))
    spoken(str(tool), "environment", *form, *about, *written, str(python))


def main() -> None:
    tool = shutil.which("cyclonedx-py")
    if tool is None:
        sys.exit("cyclonedx-py is missing; `make sbom` brings it")
    BILL.parent.mkdir(exist_ok=True)
    with TemporaryDirectory() as folder:
        write(installed(Path(folder)), BILL, tool=Path(tool))
    print(BILL.relative_to(ROOT))


if __name__ == "__main__":
    main()
