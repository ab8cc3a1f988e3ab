"""Write the transcripts of tests.told.stories.py anew: ``python -m tools.transcripts``.

Read the diff: it is what clients will see.
"""

from tests.told.stories import FOLDER, STORIES, told


def main() -> None:
    for name in STORIES:
        (FOLDER / f"{name}.txt").write_text(told(name), "utf-8")


if __name__ == "__main__":
    main()
