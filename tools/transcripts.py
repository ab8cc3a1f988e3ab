"""Keep the transcripts of ``tests/told`` anew: ``python -m tools.transcripts``.

Read the diff: it is what clients will see.
"""

import sys
from pathlib import Path

import pytest

STORIES = Path(__file__).resolve().parents[1] / "tests" / "told"


def main() -> int:
    return pytest.main(["-q", "-n", "0", "--keep-transcripts", str(STORIES)])


if __name__ == "__main__":
    sys.exit(main())
