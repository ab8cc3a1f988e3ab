"""Short links: one code per message, unique over all worlds.

Source: manual CLC-06 for the mark and the base URL; the code's form is ours.
"""

from hashlib import blake2b
from string import ascii_letters, digits

_DIGITS = digits + ascii_letters
TAG_LENGTH = 8  # characters of the code that stand for the world
MAX_CODE_LENGTH = TAG_LENGTH + 11  # characters: no message has an id of 64 bits or more


def make_world_tag(world: str) -> str:
    """Return the characters that begin every code of *world*."""
    octets = blake2b(world.encode(), digest_size=8).digest()
    return _to_base62(int.from_bytes(octets, "big")).rjust(TAG_LENGTH, "0")[
        -TAG_LENGTH:
    ]


def make_link_code(world: str, message: int) -> str:
    """Return the code of *message*'s link, letters and digits only."""
    return make_world_tag(world) + _to_base62(message)


def parse_link_code(code: str) -> int | None:
    """Return the id of the message that *code* was made for, if it is one."""
    if len(code) > MAX_CODE_LENGTH:
        return None
    number = 0
    for character in code[TAG_LENGTH:]:
        value = _DIGITS.find(character)
        if value < 0:
            return None
        number = number * len(_DIGITS) + value
    return number or None


def _to_base62(number: int) -> str:
    text = ""
    while number:
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text
