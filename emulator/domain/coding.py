"""The text of a short message: octets of a data_coding to text, and back.

Source: GSM 03.38 and SMPP 3.4, 5.2.19; assumption SMP-02 where clients differ.
"""

from codecs import charmap_decode
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import NamedTuple
from unicodedata import normalize

from emulator.domain.text import GSM_ALPHABET, GSM_ESCAPED, transliterate_to_gsm

GSM_ESCAPE = 0x1B
CONTROL_OCTETS = frozenset(range(0x20)) - frozenset(b"\t\n\r")  # that no IA5 text has


class Alphabet(StrEnum):
    GSM = "gsm"  # one septet an octet
    IA5 = "ia5"
    LATIN_1 = "iso8859"
    CYRILLIC = "iso8859-5"
    HEBREW = "iso8859-8"
    UCS_2 = "ucs2"
    BINARY = "binary"


class PartCapacity(NamedTuple):
    """The length of one message, alone and as a part of a longer one."""

    alone: int
    part: int


# Source: 3GPP 23.040, 9.2.3.24.1; in septets, characters and octets.
PART_CAPACITIES: Mapping[Alphabet, PartCapacity] = {
    Alphabet.GSM: PartCapacity(160, 153),
    Alphabet.UCS_2: PartCapacity(70, 67),
    Alphabet.BINARY: PartCapacity(140, 134),
}
# How the octets under each data_coding are read, but for 0, which is the bind's own.
# Source: SMPP 3.4, 5.2.19; GSM 03.38, 4 for the groups from 0x10 on.
DATA_CODINGS: Mapping[int, Alphabet] = {
    **dict.fromkeys(range(0x01, 0x100), Alphabet.BINARY),
    1: Alphabet.IA5,
    3: Alphabet.LATIN_1,
    6: Alphabet.CYRILLIC,
    7: Alphabet.HEBREW,
    8: Alphabet.UCS_2,
    **{
        each: (Alphabet.GSM, Alphabet.BINARY, Alphabet.UCS_2)[min(each >> 2 & 3, 2)]
        for each in range(0x10, 0x40)
    },
    **dict.fromkeys(range(0xC0, 0xE0), Alphabet.GSM),  # a message waits
    **dict.fromkeys(range(0xE0, 0xF0), Alphabet.UCS_2),
    **{  # with a class; bit 2 says eight bits
        each: Alphabet.BINARY if each & 0x04 else Alphabet.GSM
        for each in range(0xF0, 0x100)
    },
}


def decode_text(octets: bytes, alphabet: Alphabet) -> str:
    """Return the text of *octets*; binary is shown as hex.

    What cannot be read is U+FFFD: a septet over 127, half a UCS-2 character.

    >>> decoded(b"10 " + bytes((0x1B, 0x65)), Alphabet.GSM)
    '10 €'
    """
    return _DECODERS[alphabet](octets)


def encode_text(text: str, alphabet: Alphabet) -> bytes:
    """Return the octets of *text*; what the alphabet lacks becomes ``?``."""
    if alphabet is Alphabet.GSM:
        return b"".join(map(_encode_gsm, transliterate_to_gsm(text)))
    if alphabet is Alphabet.BINARY:
        return bytes.fromhex(text)
    return text.encode(_CODECS[alphabet], "replace")


def count_parts(octets: bytes, alphabet: Alphabet) -> int:
    """Return how many messages *octets* take on the air, 1 at least.

    Texts of other alphabets travel as GSM 03.38 where it has them all, else as UCS-2.

    Source: 3GPP 23.040, 9.2.3.24.1; assumption SMS-44 that each part is charged.
    """
    if alphabet in PART_CAPACITIES:
        size = len(octets) // 2 if alphabet is Alphabet.UCS_2 else len(octets)
        return _count_parts_of_size(size, PART_CAPACITIES[alphabet])
    text = decode_text(octets, alphabet)
    counts = [_SEPTETS.get(each, 0) for each in text]
    if all(counts):
        return _count_parts_of_size(sum(counts), PART_CAPACITIES[Alphabet.GSM])
    return _count_parts_of_size(len(text), PART_CAPACITIES[Alphabet.UCS_2])


def to_ascii(text: str) -> str:
    """Return *text* without accents, and ``?`` for what ASCII has nothing like.

    >>> ascii_only("café Ω")
    'cafe ?'
    """
    if text.isascii():
        return text
    bare = "".join(normalize("NFKD", each)[0] for each in text)
    return bare.encode("ascii", "replace").decode()


def _count_parts_of_size(size: int, room: PartCapacity) -> int:
    return 1 if size <= room.alone else -(-size // room.part)


def _encode_gsm(character: str) -> bytes:
    return _GSM_OCTETS[character]


def _decode_gsm(octets: bytes) -> str:
    if GSM_ESCAPE not in octets:
        return charmap_decode(octets, "replace", GSM_ALPHABET)[0]
    first, *escaped = octets.split(bytes((GSM_ESCAPE,)))
    pieces = [charmap_decode(first, "replace", GSM_ALPHABET)[0]]
    for piece in escaped:
        # An extension that there is not is read in the basic table (GSM 03.38).
        known = GSM_ESCAPED.get(piece[0]) if piece else " "
        rest = piece if known is None else piece[1:]
        text = charmap_decode(rest, "replace", GSM_ALPHABET)[0]
        pieces.append((known or "") + text)
    return "".join(pieces)


def _decode_ia5(octets: bytes) -> str:
    """Return ASCII, or GSM 03.38 where that is what it must be.

    node-smpp and others write GSM 03.38 under the data_coding 1; its ``@``, ``$`` and
    ``_`` are octets that no IA5 text has.
    """
    if CONTROL_OCTETS.isdisjoint(octets):
        return octets.decode("latin-1")
    return _decode_gsm(octets)


def _decode_ucs_2(octets: bytes) -> str:
    return octets.decode("utf-16-be", "replace")


_DECODERS: Mapping[Alphabet, Callable[[bytes], str]] = {
    Alphabet.GSM: _decode_gsm,
    Alphabet.IA5: _decode_ia5,
    Alphabet.LATIN_1: lambda octets: octets.decode("latin-1"),
    Alphabet.CYRILLIC: lambda octets: octets.decode("iso8859-5"),
    Alphabet.HEBREW: lambda octets: octets.decode("iso8859-8", "replace"),
    Alphabet.UCS_2: _decode_ucs_2,
    Alphabet.BINARY: bytes.hex,
}
_CODECS: Mapping[Alphabet, str] = {
    Alphabet.IA5: "ascii",
    Alphabet.LATIN_1: "latin-1",
    Alphabet.CYRILLIC: "iso8859-5",
    Alphabet.HEBREW: "iso8859-8",
    Alphabet.UCS_2: "utf-16-be",
}
_GSM_OCTETS: Mapping[str, bytes] = {
    **{each: bytes((at,)) for at, each in enumerate(GSM_ALPHABET) if at != GSM_ESCAPE},
    **{each: bytes((GSM_ESCAPE, at)) for at, each in GSM_ESCAPED.items()},
}
_SEPTETS: Mapping[str, int] = {each: len(it) for each, it in _GSM_OCTETS.items()}
