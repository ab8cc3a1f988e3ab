"""Write the examples into the guide: ``python -m tools.guide``.

Every block of a page that names a file (```sh title="path") becomes that file.
"""

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted((ROOT / "docs" / "guide").glob("*.md"))
BLOCK = re.compile(
    r'^```(?P<language>\w+) title="(?P<path>.*?)"\n.*?^```$', re.MULTILINE | re.DOTALL
)


def written(page: str) -> str:
    """Return *page* with every file as it is now."""

    def shown(match: re.Match[str]) -> str:
        text = (ROOT / match["path"]).read_text("utf-8")
        return f'```{match["language"]} title="{match["path"]}"\n{text}```'

    return BLOCK.sub(shown, page)


def main() -> None:
    for path in PAGES:
        path.write_text(written(path.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    main()
