"""The texts of the panel, in the language of the browser.

``words.yaml`` holds every sentence in every language.  Words of the platform (statuses,
operations, field names) are shown as they are and do not stand there.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

from emulator import files

LANGUAGES = ("en", "es")
Translate = Callable[..., str]


@cache
def load_sentences() -> Mapping[str, Mapping[str, str]]:
    """Return the sentences by their keys, each by language."""
    known: Mapping[str, Mapping[str, str]]
    known = files.read_cached_yaml(Path(__file__).with_name("words.yaml"))
    return known


def choose_language(accept_language: str) -> str:
    """Return the language that ``Accept-Language`` likes best of those we speak."""
    ranked = sorted(
        map(_parse_preference, accept_language.split(",")), key=lambda each: -each[1]
    )
    spoken = (name for name, weight in ranked if weight and name in LANGUAGES)
    return next(spoken, LANGUAGES[0])


def make_translator(language: str) -> Translate:
    """Return the function that says a sentence: ``say("rows", count=50)``."""
    known = load_sentences()

    def say(key: str, **values: object) -> str:
        return known[key][language].format_map(values)

    return say


def _parse_preference(part: str) -> tuple[str, float]:
    """Return language and weight of ``es-MX;q=0.8``."""
    name, _, quality = part.partition(";")
    language = name.strip().split("-")[0].lower()
    try:
        return language, float(quality.strip().removeprefix("q=") or 1)
    except ValueError:
        return language, 0.0
