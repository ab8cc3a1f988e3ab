"""Texts: the alphabet, the placeholders, and how many parts a text is charged as.

Lengths are counted in characters (Unicode code points) of the text as it was sent.

Source: manual SMS-02, SMS-03, SMS-20 to SMS-23; assumptions SMS-24 to SMS-27, SMS-44.
"""

import re
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

# GSM 03.38: 128 places, one of them the escape to the extension table, and 10 there.
GSM_ALPHABET = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_ESCAPED = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
GSM_BASIC = frozenset(GSM_ALPHABET) - {"\x1b"}
GSM_EXTENSION = frozenset(GSM_ESCAPED.values())
GSM_CHARACTERS = GSM_BASIC | GSM_EXTENSION

MERGE_FIELDS = ("name", "field1", "field2", "field3", "field4")
MERGE_LETTERS: Mapping[str, str] = dict(zip("BCDEF", MERGE_FIELDS, strict=True))
LINK_MARK = "link"

_PLACEHOLDER = re.compile(r"<\+([B-F])\+>")
_LINK = re.compile(r"<\+DYNAMICSHORTURL_[A-Z0-9]+\+>")
_URL = re.compile(r"(?i)\b(?:https?://|(?=www\.))([a-z0-9.-]+)")

ORDINARY_LIMIT = 160
LONG_LIMIT = 306
ENCODED_PART = 70
ENCODED_LIMITS = (70, 128, 192)  # characters of one, two and three encoded parts


class LengthFlags(NamedTuple):
    """The four length flags of a text; where several are set the first here counts.

    Source: manual SMS-20 to SMS-23, assumption SMS-24 for the precedence.
    """

    encode_3: bool = False
    encode_2: bool = False
    encode: bool = False
    long_message: bool = False

    @property
    def is_encoded(self) -> bool:
        return self.encode_3 or self.encode_2 or self.encode

    @property
    def limit(self) -> int:
        """The longest text, in characters."""
        if self.is_encoded:
            one, two, three = ENCODED_LIMITS
            return three if self.encode_3 else two if self.encode_2 else one
        return LONG_LIMIT if self.long_message else ORDINARY_LIMIT

    def count_parts(self, characters: int) -> int:
        """Return how many messages a text is charged as, 1 to 3.

        Source: assumption SMS-44, from "(2 messages)" and 128 = 2 x 64, 192 = 3 x 64.
        """
        if self.is_encoded:
            over = sum(characters > limit for limit in ENCODED_LIMITS)
            return min(1 + over, len(ENCODED_LIMITS))
        return 2 if characters > ORDINARY_LIMIT else 1


def transliterate_to_gsm(text: str) -> str:
    """Return *text* with what GSM 03.38 lacks replaced, character by character.

    >>> transliterate("Más café")
    'Mas café'

    Source: assumption SMS-25.
    """
    if GSM_CHARACTERS.issuperset(text):
        return text
    return "".join(
        each if each in GSM_CHARACTERS else _replace_character(each) for each in text
    )


def _replace_character(character: str) -> str:
    base = unicodedata.normalize("NFKD", character)[0]
    return base if base in GSM_CHARACTERS else "?"


class TextTemplate(NamedTuple):
    """A text cut at its marks: literals and the names of what goes between them.

    ``marks[i]`` stands between ``literals[i]`` and ``literals[i + 1]``.
    """

    text: str
    literals: tuple[str, ...]
    marks: tuple[str, ...]

    def fill_marks(self, values: Mapping[str, str]) -> str:
        """Return the text with every mark replaced; a mark without value is empty."""
        pieces = [self.literals[0]]
        for mark, literal in zip(self.marks, self.literals[1:], strict=True):
            pieces += (values.get(mark, ""), literal)
        return "".join(pieces)


def parse_template(
    text: str, merge: Mapping[str, str] = MERGE_LETTERS, *, links: bool = False
) -> TextTemplate:
    """Cut *text* at ``<+B+>`` to ``<+F+>``, and at the short-link mark with *links*.

    *merge* says which field each letter stands for; other letters stay as they are.
    """
    if "<+" not in text:
        return TextTemplate(text, (text,), ())
    literals, marks, end = [], [], 0
    for start, stop, mark in _find_marks(text, merge, links=links):
        literals.append(text[end:start])
        marks.append(mark)
        end = stop
    return TextTemplate(text, (*literals, text[end:]), tuple(marks))


def _find_marks(
    text: str, merge: Mapping[str, str], *, links: bool
) -> list[tuple[int, int, str]]:
    found = [
        (match.start(), match.end(), merge[match[1]])
        for match in _PLACEHOLDER.finditer(text)
        if match[1] in merge
    ]
    if links:
        found += [
            (match.start(), match.end(), LINK_MARK) for match in _LINK.finditer(text)
        ]
    return sorted(found)


def format_placeholder(name: str, merge: Mapping[str, str] = MERGE_LETTERS) -> str:
    """Return the placeholder of a field: ``<+B+>`` for ``name``."""
    return next(f"<+{each}+>" for each, of in merge.items() if of == name)


def list_url_hosts(text: str) -> list[str]:
    """Return the host names of the URLs in *text*, in lower case."""
    if "." not in text and "//" not in text:
        return []
    return [match[1].lower().rstrip(".") for match in _URL.finditer(text)]
