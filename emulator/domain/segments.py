"""Long messages in parts: the two ways in which a part says where it belongs.

Source: 3GPP 23.040, 9.2.3.24 for the header within the text; SMPP 3.4, 5.3.2.22 to
5.3.2.24 for the parameters.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from emulator.domain.bounds import Octet, Reference
from emulator.domain.command_status import CommandStatus, SmppRefusal

# Information elements of a header that say which part of which message this is.
REFERENCE_8, REFERENCE_16 = 0x00, 0x08
ELEMENT_SIZES = {REFERENCE_8: 3, REFERENCE_16: 4}  # octets of their values


class MessagePart(NamedTuple):
    """Which part this is, counted from 1."""

    reference: Reference
    total: Octet
    number: Octet


class UserData(NamedTuple):
    """A text and the header that stood before it."""

    part: MessagePart | None
    octets: bytes


def parse_user_data(octets: bytes) -> UserData:
    """Remove the header of a text.  Refuses one that is longer than the text.

    >>> headed(bytes.fromhex("050003ab0201") + b"hola")
    Headed(part=Part(reference=171, total=2, number=1), octets=b'hola')
    """
    if not octets or 1 + octets[0] > len(octets):
        why = "the user data header is longer than the message"
        raise SmppRefusal(CommandStatus.ESME_RINVESMCLASS, why)
    end = 1 + octets[0]
    parts = (
        MessagePart(int.from_bytes(value[:-2], "big"), value[-2], value[-1])
        for kind, value in _iterate_elements(octets[1:end])
        if ELEMENT_SIZES.get(kind) == len(value)
    )
    return UserData(next(parts, None), octets[end:])


def _iterate_elements(octets: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the information elements of a header, as far as they are whole."""
    at = 0
    while at + 2 <= len(octets):
        end = at + 2 + octets[at + 1]
        yield octets[at], octets[at + 2 : end]
        at = end


def parse_sar_part(
    reference: bytes | None, total: bytes | None, number: bytes | None
) -> MessagePart | None:
    """Return the part that the SAR parameters announce; None unless all three do."""
    if reference is None or total is None or number is None:
        return None
    return MessagePart(
        *(int.from_bytes(each, "big") for each in (reference, total, number))
    )


class LongMessage(NamedTuple):
    """A long message as far as its parts have come."""

    total: int
    numbers: tuple[int, ...]  # of the parts that are there
    text: str  # of those, in order

    @property
    def is_complete(self) -> bool:
        return self.numbers == tuple(range(1, self.total + 1))


def join_parts(parts: Sequence[tuple[MessagePart, str]]) -> LongMessage:
    """Join the parts of one message, in whatever order they came."""
    texts = {part.number: text for part, text in parts}
    total = max(part.total for part, _ in parts)
    numbers = tuple(sorted(texts))
    return LongMessage(total, numbers, "".join(texts[number] for number in numbers))
