"""Long messages in parts: the two ways in which a part says where it belongs.

Source: 3GPP 23.040, 9.2.3.24 for the header within the text; SMPP 3.4, 5.3.2.22 to
5.3.2.24 for the parameters.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emulator.domain.command_status import Declined, Status

# Information elements of a header that say which part of which message this is.
REFERENCE_8, REFERENCE_16 = 0x00, 0x08
SIZES = {REFERENCE_8: 3, REFERENCE_16: 4}  # octets of their values


class Part(NamedTuple):
    """Which part this is, counted from 1."""

    reference: int
    total: int
    number: int


class Headed(NamedTuple):
    """A text and the header that stood before it."""

    part: Part | None
    octets: bytes


def headed(octets: bytes) -> Headed:
    """Take the header off a text.  Declines one that is longer than the text.

    >>> headed(bytes.fromhex("050003ab0201") + b"hola")
    Headed(part=Part(reference=171, total=2, number=1), octets=b'hola')
    """
    if not octets or 1 + octets[0] > len(octets):
        why = "the user data header is longer than the message"
        raise Declined(Status.ESME_RINVESMCLASS, why)
    end = 1 + octets[0]
    parts = (
        Part(int.from_bytes(value[:-2], "big"), value[-2], value[-1])
        for kind, value in _elements(octets[1:end])
        if SIZES.get(kind) == len(value)
    )
    return Headed(next(parts, None), octets[end:])


def _elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the information elements of a header, as far as they are whole."""
    at = 0
    while at + 2 <= len(octets):
        end = at + 2 + octets[at + 1]
        yield octets[at], octets[at + 2 : end]
        at = end


def announced(
    reference: bytes | None, total: bytes | None, number: bytes | None
) -> Part | None:
    """Return the part that the SAR parameters announce; None unless all three do."""
    if reference is None or total is None or number is None:
        return None
    return Part(*(int.from_bytes(each, "big") for each in (reference, total, number)))


class Whole(NamedTuple):
    """A long message as far as its parts have come."""

    total: int
    numbers: tuple[int, ...]  # of the parts that are there
    text: str  # of those, in order

    @property
    def is_complete(self) -> bool:
        return self.numbers == tuple(range(1, self.total + 1))


def joined(parts: Sequence[tuple[Part, str]]) -> Whole:
    """Join the parts of one message, in whatever order they came."""
    texts = {part.number: text for part, text in parts}
    total = max(part.total for part, _ in parts)
    numbers = tuple(sorted(texts))
    return Whole(total, numbers, "".join(texts[number] for number in numbers))
