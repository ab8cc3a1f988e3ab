"""Sample recipients: Mexican names, numbers with real area codes, mailboxes.

The same seed makes the same people; the first of two crowds are the same, too.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from importlib import import_module
from typing import NamedTuple
from unicodedata import normalize

from emulator.domain.chance import draw_fraction

# Area codes of Mexico, the large cities twice; none leads into the block for tests.
AREA_CODES = (
    *("55", "55", "33", "33", "81", "81", "222", "229", "246", "312", "314", "322"),
    *("442", "443", "444", "449", "461", "477", "492", "473", "612", "614", "618"),
    *("624", "644", "656", "662", "664", "667", "686", "722", "744", "747", "771"),
    *("777", "833", "834", "844", "867", "868", "871", "899", "921", "951", "961"),
    *("981", "983", "984", "993", "998"),
)
DIGITS = 10  # of a number
CROWDS = 4  # that are remembered
DISTINCT_NAMES = 2_000  # then they come again, at other numbers
NOT_LETTERS = re.compile(r"[^a-z]+")


class SamplePerson(NamedTuple):
    name: str
    cellphone: str
    email: str


class SampleCrowd:
    """So many people, each made when looked at."""

    def __init__(self, seed: int, count: int) -> None:
        self._seed = seed
        self._count = count
        self._names = draw_names(seed, min(count, DISTINCT_NAMES))

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[SamplePerson]:
        return map(self.__getitem__, range(self._count))

    def __getitem__(self, index: int) -> SamplePerson:
        place = range(self._count)[index]
        name = self._names[place % len(self._names)]
        cellphone = _make_cellphone(self._seed, place)
        return SamplePerson(name, cellphone, _make_address(name, place))


@lru_cache(CROWDS)
def draw_names(seed: int, count: int) -> tuple[str, ...]:
    """Return so many names."""
    faker = import_module("faker").Faker("es_MX")  # 140 ms
    faker.seed_instance(seed)
    return tuple(f"{faker.first_name()} {faker.last_name()}" for _ in range(count))


def _make_cellphone(seed: int, index: int) -> str:
    area = AREA_CODES[int(draw_fraction(seed, "area", index) * len(AREA_CODES))]
    least = 10 ** (DIGITS - len(area) - 1)  # which begins with no zero
    return f"{area}{least + int(draw_fraction(seed, 'line', index) * 9 * least)}"


def _make_address(name: str, index: int) -> str:
    plain = normalize("NFKD", name).encode("ascii", "ignore").decode()
    return f"{NOT_LETTERS.sub('.', plain.lower())}.{index}@example.org"
